"""What people, guards and failing parts may do at two gates; any number of it in turn is a story."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hypothesis import strategies as st

from tests.gate.stories.story import CHEN, LI, SUN, WANG, ZHAO, Person, Story

WU = Person("wu", "04A1B2C3D4E5FF")
"""Has a pass."""
PEOPLE = (LI, WANG, CHEN, ZHAO, WU)
CAP = 2
CAPS = {"stacks-3": CAP, "stacks-4": CAP, "*": CAP}
ROOMS = {"stacks-3": (LI, WANG), "stacks-4": (CHEN, ZHAO)}
TOUCHING = ({"id": "am", "opens": "09:00", "closes": "09:02"}, {"id": "pm", "opens": "09:02", "closes": "16:30"})
HEALTHY_C, HOT_C, COLD_C = 34.6, 36.2, 32.0


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
    """Each time with an id of its own, so that what is done can be told from what was said."""

    def acts(story: Story, gate: str) -> None:
        story.guard(to or gate, word, id=f"{word} {len(story.stimuli())}", **keys)

    return Act(f"guard: {word} {keys}", acts)


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


def crowded() -> Story:
    """Rooms for two in a building for two, and a session that closes soon."""
    story = Story("08:55").caps(building=CAP, stacks_3=CAP, stacks_4=CAP, sessions=TOUCHING).staff(WU)
    for room, people in ROOMS.items():
        story.booked(*people, zone=room).booked(people[0], zone=room, session="pm")
    return story.booked(SUN, people=2).booked(SUN, people=2, session="pm")


def stories(*kinds: list[Act], begins: Callable[[], Story] = crowded) -> st.SearchStrategy[Story]:
    """Stories in which all these things may happen."""
    act = st.sampled_from([act for kind in kinds for act in kind])
    return st.lists(st.tuples(pauses, gates, act), min_size=10, max_size=40).map(partial(written, begins))


def written(begins: Callable[[], Story], acts: Sequence[tuple[float, str, Act]]) -> Story:
    story = begins().at("09:00")
    for pause_s, gate, act in acts:
        story.after(pause_s)
        act.do(story, gate)
    story.after(1)
    for gate in ("north", "south"):  # all's well that ends well: what is on the way arrives
        for part, kind in (("disk", "absent"), ("disk", "slow")):
            story.line(gate, "fault", part=part, kind=kind, on=False)
        story.line(gate, "link", up=True)
    return story
