"""What holds whatever people, guards, wires and networks do.

1. The lock is never on without a live lease, and stays on beyond a passage only in mode *released*.
2. It is never on for a reader before the admission is on disk.
3. Nobody is admitted where the gate holds no right; and, while no gate is cut off, nobody who would be one too
   many in the room or in the building, however those inside came in and wherever they were counted.
4. Nobody is admitted on a temperature that is not theirs, not fresh, or not to be believed.
5. Nobody who leaves is refused, whatever else happens.
6. When everybody passes one by one, the people in the building are entries less exits.
7. The controller's own check never fires (`Told` sees to that, and to the contract, on every transcript).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import edge.assembly.gate as assembly
from edge.assembly.simulate import Simulation
from edge.assembly.simulation import SimulatedGate
from edge.gate.controller import Gate
from edge.gate.granting import Granting
from edge.gate.occupancy import PASSES
from edge.gate.state import GateState
from edge.gate.visits import Visit
from edge.runtime.guard import PinGuard
from edge.runtime.step import Step
from edge.runtime.vocabulary import Fact, Intent, Now
from simulators.world.lane import LaneWorld
from tests.gate.stories import story as stories_told
from tests.gate.stories.story import CHEN, LI, SUN, WANG, ZHAO, Line, Person, Story, Told

WU = Person("wu", "04A1B2C3D4E5FF")
"""Has a pass."""
PEOPLE = (LI, WANG, CHEN, ZHAO, WU)
CAP = 2
CAPS = {"stacks-3": CAP, "stacks-4": CAP, "*": CAP}
ROOMS = {"stacks-3": (LI, WANG), "stacks-4": (CHEN, ZHAO)}
TOUCHING = ({"id": "am", "opens": "09:00", "closes": "09:02"}, {"id": "pm", "opens": "09:02", "closes": "16:30"})
HEALTHY_C, HOT_C, COLD_C = 34.6, 36.2, 32.0
PASSAGE_S = 5.0
FRESH_S = 4.5
"""How long before an admission its forehead was there at the latest: fresh for 3 s, a series, a transfer."""
SOON_S = 0.05
QUIET_S = 1.0
"""When nothing was counted and nobody was cut off for so long, every gate knows everything."""
COMMAND_S = 30.0
"""A command works for so long."""


@dataclass(frozen=True)
class Act:
    """What somebody does at a gate."""

    name: str
    do: Callable[[Story, str], object]

    def __repr__(self) -> str:
        return self.name


def does(word: str, **keys: Any) -> Act:
    return Act(f"{word} {keys}", lambda story, gate: story.line(gate, word, **keys))


def says(word: str, *, to: str | None = None, **keys: Any) -> Act:
    return Act(f"guard: {word} {keys}", lambda story, gate: story.guard(to or gate, word, **keys))


def comes(number: int, skin_c: float = HEALTHY_C) -> Act:
    """Face and tap."""

    def acts(story: Story, gate: str) -> None:
        story.line(gate, "face", skin_c=skin_c).after(0.5).line(gate, "tap", card=PEOPLE[number].uid)

    return Act(f"{PEOPLE[number].name} comes with {skin_c}", acts)


def walk_in(story: Story, gate: str, count: int = 1) -> None:
    """Through the lane, if it is open, and away from the thermometer."""
    story.line(gate, "pass", count=count).after(count - 0.5).line(gate, "leave").after(0.6)


def visits(number: int, *, followers: int = 0) -> Act:
    """Face, tap, walk, gone; and so many slip in behind."""

    def acts(story: Story, gate: str) -> None:
        comes(number).do(story, gate)
        story.after(1.2)
        walk_in(story, gate, 1 + followers)

    return Act(f"{PEOPLE[number].name} visits, {followers} follow", acts)


def intrudes(word: str, over_s: float, **keys: Any) -> Act:
    """Somebody pushes through; a beam that is broken already sees nobody else for so long."""
    return Act(f"{word} {keys}", lambda story, gate: story.line(gate, word, **keys).after(over_s))


def both_visit(come: int) -> Act:
    """Two on one card, or one of them."""

    def acts(story: Story, gate: str) -> None:
        story.line(gate, "face", skin_c=HEALTHY_C).after(0.5).line(gate, "tap", card=SUN.uid).after(1.2)
        story.line(gate, "pass", count=come).after(come + 0.5).line(gate, "leave").after(0.6)

    return Act(f"{come} of {SUN.name}'s two visit", acts)


def both_leave(come: int) -> Act:
    """On one tap."""

    def acts(story: Story, gate: str) -> None:
        story.after(1.1).line(gate, "exit", card=SUN.uid).after(1.1)
        if come > 1:
            story.line(gate, "exit").after(1.1)

    return Act(f"{come} of {SUN.name}'s two leave", acts)


def leaves(number: int | None) -> Act:
    card = {} if number is None else {"card": PEOPLE[number].uid}

    def acts(story: Story, gate: str) -> None:
        story.after(1.1).line(gate, "exit", **card).after(1.1)

    return Act(f"{card or 'somebody'} leaves", acts)


def breaks(part: str, kind: str) -> Act:
    return does("fault", part=part, kind=kind, on=True)


def mends(part: str, kind: str) -> Act:
    return does("fault", part=part, kind=kind, on=False)


STAFF = PEOPLE.index(WU)
everybody = range(STAFF)
walks = Act("walks", walk_in)
READERS = [
    *(visits(number) for number in everybody) , *(visits(number) for number in everybody),
    *(comes(number) for number in everybody), comes(0, HOT_C), comes(1, COLD_C),
    *(does("tap", card=person.uid) for person in PEOPLE[:STAFF]),
    does("face", skin_c=HEALTHY_C), does("face", skin_c=HOT_C), does("leave"), walks, walks,
]  # fmt: skip
GUARDS = [
    does("release_button"), does("fire", active=True), does("fire", active=False), says("open_once"),
    says("lockdown"), says("release"), *[says("normal")] * 4, *[says("led_aside")] * 4,
    says("admit", note="visitor", zone="stacks-3"), says("clear_hold", card=LI.card),
    does("link", up=False), does("link", up=True), does("link", up=True),
    breaks("thermometer", "absent"), mends("thermometer", "absent"), mends("thermometer", "absent"),
]  # fmt: skip
PAIRS = [both_visit(2), both_visit(2), both_visit(1), both_leave(2), both_leave(2), both_leave(1)]
PASSES_TOO = [visits(STAFF), visits(STAFF), comes(STAFF), comes(STAFF, HOT_C), leaves(STAFF), leaves(STAFF)]
COUNTS = [
    *(says("set_count", to=to, zone="stacks-3", people=people) for to, people in (("west", CAP), ("north", 0))),
    *(says("set_count", to=to, zone="*", people=people) for to, people in (("south", CAP), ("west", 1))),
]  # fmt: skip
GOERS = [*(leaves(number) for number in everybody), *(leaves(number) for number in everybody), leaves(None)]
RASCALS = [
    *(visits(number, followers=1) for number in everybody), visits(0, followers=2),
    intrudes("force", 0.7), intrudes("force", 0.7), intrudes("hold_open", 3.3, for_s=3.0),
    breaks("thermometer", "stuck"), mends("thermometer", "stuck"), breaks("reader", "corrupt"),
    mends("reader", "corrupt"), does("clock", set=False), does("clock", set=True), does("clock", set=True),
]  # fmt: skip
FAILURES = [
    *[does("power_cut", for_s=3.0)] * 4, breaks("disk", "absent"), mends("disk", "absent"), mends("disk", "absent"),
    breaks("disk", "slow"), mends("disk", "slow"), breaks("lock", "absent"), mends("lock", "absent"),
    breaks("broker", "intermittent"), mends("broker", "intermittent"), breaks("beam", "stuck"), mends("beam", "stuck"),
]  # fmt: skip

pauses = st.sampled_from((0.003, 0.02, 0.3, 1.0, 1.0, 1.0, 2.0, 2.0, 5.2, 20.0, 61.0))
gates = st.sampled_from(("north", "north", "south"))


def stories(*kinds: list[Act]) -> st.SearchStrategy[Story]:
    """Stories in which all these things may happen."""
    act = st.sampled_from([act for kind in kinds for act in kind])
    return st.lists(st.tuples(pauses, gates, act), min_size=10, max_size=40).map(written)


def written(acts: Sequence[tuple[float, str, Act]]) -> Story:
    story = Story("08:55").caps(building=CAP, stacks_3=CAP, stacks_4=CAP, sessions=TOUCHING).staff(WU)
    for room, people in ROOMS.items():
        story.booked(*people, zone=room).booked(people[0], zone=room, session="pm")
    story.booked(SUN, people=2).booked(SUN, people=2, session="pm").at("09:00")
    for pause_s, gate, act in acts:
        story.after(pause_s)
        act.do(story, gate)
    story.after(1)
    for gate in ("north", "south"):  # all's well that ends well: what is on the way arrives
        for part, kind in (("disk", "absent"), ("disk", "slow")):
            story.line(gate, "fault", part=part, kind=kind, on=False)
        story.line(gate, "link", up=True)
    return story


# --- the watchers ------------------------------------------------------------------------------------


class WatchedGuard(PinGuard):
    """A pin guard that looks at its leases whenever it is touched, and when the first of them ends."""

    def lease(self, name: str, on: bool, lease_s: float) -> None:
        self.check()
        super().lease(name, on, lease_s)

    def drop(self, name: str) -> None:
        self.check()
        super().drop(name)

    def tick(self, now: float) -> list[str]:
        ended = super().tick(now)
        self.check()
        return ended

    def check(self) -> None:
        now = self._clock.monotonic()
        for name, value in self._values.items():
            assert not value or self._ends.get(name, -1.0) >= now, f"{name} is on without a live lease"


class Watch:
    """Looks at the whole site whenever a gate has thought.

    Args:
        story: what is going to happen.
        reliable: disks, power and beams work, so what was counted is told at once.
    """

    def __init__(self, story: Story, *, reliable: bool) -> None:
        commands = [line["payload"] for line in story.stimuli() if line["do"] == "command"]
        self.reliable = reliable
        self.miscounted = any(said["do"] == "set_count" and said["zone"] == "*" for said in commands)
        self.worlds: list[LaneWorld] = []
        self.gates: dict[str, GateState] = {}
        self.counted: dict[str, Mapping[str, int]] = {}
        self.restless_s = 0.0

    def simulate(self, *args: Any) -> Simulation:
        simulation = Simulation(*args)
        devices = simulation.devices.values()
        self.worlds = [device.world for device in devices if isinstance(device, SimulatedGate)]
        return simulation

    def gate_thought(self, gate: GateState, now_s: float) -> None:
        self.gates[gate.device] = gate
        self.look("world", {"*": self.people()}, now_s)
        self.look(gate.device, {zone: gate.occupancy.own(zone).inside for zone in CAPS}, now_s)
        if not gate.synced:
            self.restless_s = now_s

    def look(self, where: str, counted: Mapping[str, int], now_s: float) -> None:
        if self.counted.get(where) != counted:
            self.counted[where], self.restless_s = counted, now_s

    def people(self) -> int:
        """How many are truly inside, less those who came on a pass: they take nobody's place."""
        passes = sum(gate.occupancy.own(PASSES).inside for gate in self.gates.values())
        return sum(world.went_in - world.went_out for world in self.worlds) - passes

    def admitted(self, gate: GateState, visit: Visit, now_s: float) -> None:
        """A gate has recorded that somebody may come in, and not told anybody yet."""
        assert gate.occupancy.missing(visit.places, 0) == [], f"admitted without a right: {visit}"
        if not self.reliable or visit.apart or now_s - self.restless_s < QUIET_S:
            return
        for zone in visit.places:
            others = [counted for where, counted in self.counted.items() if where not in ("world", gate.device)]
            inside = gate.occupancy.own(zone).inside + sum(counted.get(zone, 0) for counted in others)
            assert inside <= CAPS[zone], f"{visit.people} more make {inside} in {zone}"
        inside = self.people()
        assert self.miscounted or inside < CAPS["*"], f"one more, with {inside} truly in the building"


@contextmanager
def watched(watch: Watch) -> Generator[None]:
    """Rights and places are looked at with each admission, leases whenever an output is written."""
    record, handle = Granting.record, Gate.handle

    def admit(self: Granting, step: Step) -> None:
        visit = self._visit
        new = visit is not None and not self.gate.visits.known(visit)
        record(self, step)
        if visit is not None and new:
            watch.admitted(self.gate, visit, step.now.mono_s)

    def think(self: Gate, fact: Fact, now: Now) -> list[Intent]:
        intents = handle(self, fact, now)
        watch.gate_thought(self.state, now.mono_s)
        return intents

    with (
        patch.object(Granting, "record", admit),
        patch.object(Gate, "handle", think),
        patch.object(stories_told, "Simulation", watch.simulate),
        patch.object(assembly, "PinGuard", WatchedGuard),
    ):
        yield


def play(story: Story, *, reliable: bool = True) -> Told:
    with watched(Watch(story, reliable=reliable)):
        return story.told()


# --- the invariants ----------------------------------------------------------------------------------


def lock_is_leased(told: Told) -> None:
    """1 and 2: from the transcript and the scenario alone."""
    for gate in ("north", "south"):
        causes = sorted([*admissions(told, gate), *openers(told, gate), *others_to_come(told, gate)])
        for opened, closed in told.openings(gate):
            assert any(cause - SOON_S <= opened <= cause + PASSAGE_S + SOON_S for cause in causes) or released(
                told, gate, opened
            ), f"{gate} opened at {opened} for nobody: {causes}"
            end = told.simulation.clock.monotonic() if closed is None else closed
            last = max((cause for cause in causes if cause <= end), default=opened)
            assert end <= max(last, opened) + PASSAGE_S + SOON_S or released(told, gate, end), (gate, opened, closed)


def admissions(told: Told, gate: str) -> list[float]:
    return [line.at for type_ in ("visit.admitted", "visit.reopened") for line in told.events(type_, gate)]


def others_to_come(told: Told, gate: str) -> list[float]:
    """When the first of several walked in: the lane stays open for the next."""
    groups = {line.data["visit"] for line in told.events("visit.admitted", gate) if line.data["people"] > 1}
    return [line.at for line in told.events("visit.passed", gate) if line.data["visit"] in groups]


def openers(told: Told, gate: str) -> list[float]:
    """When a guard's button or word opened the lane for once."""
    pressed = [line["at"] for line in told.story.stimuli() if line["device"] == gate and line["do"] == "release_button"]
    return pressed + [line.at for line in told.events("command.done", gate, do="open_once", ok=True)]


def released(told: Told, gate: str, moment: float) -> bool:
    """Whether the gate was in mode released at this moment, or about to say so."""
    before = [line.data["mode"] for line in told.events("lane.mode", gate) if line.at <= moment]
    about = [line.data["mode"] for line in told.events("lane.mode", gate) if moment < line.at]
    fires = [line["at"] for line in told.story.stimuli() if line["device"] == gate and line["do"] == "fire"]
    soon = about[:1] == ["released"] and any(at <= moment + SOON_S for at in fires)
    return before[-1:] == ["released"] or soon or any(abs(at - moment) < SOON_S for at in modes_at(told, gate))


def modes_at(told: Told, gate: str) -> list[float]:
    return [line.at for line in told.events("lane.mode", gate)]


def admission_comes_first(told: Told) -> None:
    """2: between an opening and the one before it stands a committed admission, or a guard's or fire's cause."""
    for gate in ("north", "south"):
        ready = False
        free = [*openers(told, gate), *fires_and_releases(told, gate)]
        for line in told.lines:
            if line.device == gate and line.type in ("visit.admitted", "visit.reopened"):
                ready = True
            elif line.device == gate and line.name == "lock" and line.on:
                others = any(abs(at - line.at) < SOON_S for at in free) or released(told, gate, line.at)
                others = others or any(at <= line.at <= at + COMMAND_S for at in release_commands(told, gate))
                assert ready or others, f"{gate} opened at {line.at} before its admission was on disk"
                ready = False


def release_commands(told: Told, gate: str) -> list[float]:
    """When a guard said release; what it did may not have reached the disk."""
    said = [line for line in told.story.stimuli() if line["do"] == "command" and line["to"] == gate]
    return [line["at"] for line in said if line["payload"]["do"] == "release"]


def fires_and_releases(told: Told, gate: str) -> list[float]:
    return [line["at"] for line in told.story.stimuli() if line["device"] == gate and line["do"] == "fire"]


def rooms_keep_their_caps(told: Told) -> None:
    """3: by the events alone, in the order in which they came to the disks; where a guard miscounts, nobody can."""
    admitted = {line.data["visit"]: line.data for line in told.events("visit.admitted")}
    for room in ROOMS:
        inside = 0
        if told.events("count.settled", zone=room, cause="set_count"):
            continue
        for line in told.lines:
            visit = admitted.get(line.data.get("visit") or "", {})
            if line.data.get("zone", visit.get("zone")) == room:
                match line.type:
                    case "visit.admitted":
                        inside += line.data["people"]
                    case "visit.abandoned":
                        inside -= visit["people"]
                    case "visit.reduced":
                        inside -= line.data["people"]
                    case "visit.exited":
                        inside -= 1
                    case "count.settled":
                        inside += line.data["after"] - line.data["before"]
                    case _:
                        pass
                assert inside <= CAP, f"{inside} in a room for {CAP}: {line}"


def temperature_is_theirs(told: Told, *, at_once: bool = True) -> None:
    """4: a healthy forehead was there a moment ago, and the thermometer worked (``at_once``: so did the disk)."""
    seen: set[str] = set()
    for line in told.events("visit.admitted"):
        first = line.data["visit"] not in seen
        seen.add(line.data["visit"])
        if first and line.data["by"] != "hand":
            assert 35.0 <= line.data["estimate_c"] <= 37.3, line
            assert abs(line.data["skin_c"] - HEALTHY_C) < 0.061, line
            assert not at_once or healthy_before(told, line), line


def healthy_before(told: Told, admitted: Line) -> bool:
    """Whether at some moment of the last seconds a healthy face was before a thermometer that worked."""
    faces: list[tuple[float, bool]] = [(0.0, False)]
    there = works = True
    there = False
    for line in told.story.stimuli():
        if line["device"] == admitted.device and line["at"] <= admitted.at:
            match line["do"]:
                case "face":
                    there = line["skin_c"] == HEALTHY_C
                case "leave":
                    there = False
                case "fault" if line["part"] == "thermometer":
                    works = not line["on"]
                case _:
                    continue
            faces.append((line["at"], there and works))
    recent = [value for at, value in faces if at >= admitted.at - FRESH_S]
    return any(recent) or [value for at, value in faces if at < admitted.at - FRESH_S][-1]


def everybody_got_out(told: Told) -> None:
    """5."""
    for gate in ("north", "south"):
        left = [line for line in told.story.stimuli() if line["device"] == gate and line["do"] == "exit"]
        assert len(told.events("visit.exited", gate)) == len(left)


bounded = settings(
    max_examples=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@bounded
@given(stories(READERS, PAIRS, PASSES_TOO, GUARDS, COUNTS, GOERS, RASCALS))
def test_whatever_people_guards_and_sensors_do(story: Story) -> None:
    told = play(story)
    lock_is_leased(told)
    admission_comes_first(told)
    rooms_keep_their_caps(told)
    temperature_is_theirs(told)
    everybody_got_out(told)


@bounded
@given(stories(READERS, PAIRS, PASSES_TOO, GUARDS, COUNTS, GOERS, RASCALS, FAILURES))
def test_whatever_fails_too(story: Story) -> None:
    """Disks and power as well: what was not on disk may be lost, and nothing else."""
    told = play(story, reliable=False)
    admission_comes_first(told)
    rooms_keep_their_caps(told)
    temperature_is_theirs(told, at_once=False)


@bounded
@given(stories(READERS, GUARDS), st.lists(st.sampled_from((None, 0, 1, 2, 3)), max_size=4))
def test_when_everybody_passes_one_by_one_the_count_is_the_truth(story: Story, goers: list[int | None]) -> None:
    """6: nobody forces, follows or fails; whoever leaves had come in."""
    inside = story.told().world_inside()
    for goer in goers[:inside]:
        leaves(goer).do(story, "south")
    told = play(story)
    assert told.world_inside() == max(0, inside - len(goers))
    assert told.inside() == told.world_inside()
    rooms_keep_their_caps(told)
