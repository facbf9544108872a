"""A day at the demo site, told as a story: what people do goes in, what the site did comes out.

A `Story` is written in the order in which things happen. ``at("09:05")`` and ``after(2)`` move its
clock, ``north``, ``south``, ``west`` and ``guard`` say who does what. `Story.told` plays it through the
real scenario reader, drivers and controllers in virtual time and gives back a `Told` to ask questions.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from edge.assembly.fakes import read_stimuli
from edge.assembly.simulate import Run, Simulation
from edge.assembly.simulation import SimulatedDevice, SimulatedGate
from edge.runtime.config import load
from edge.runtime.journal import Store
from edge.runtime.vocabulary import Fact, MessageReceived, Publish
from edge.settings import Building
from edge.site import contract
from edge.site.tokens import card_token, code_token

CONFIG = Path(__file__).parents[3] / "firmware_config" / "demo" / "site.toml"
KEY = b"gatehouse-demo"
DAY = "2026-03-09"
GATES = ("north", "south", "west")
SESSIONS = ({"id": "am", "opens": "09:00", "closes": "11:30"}, {"id": "pm", "opens": "14:00", "closes": "16:30"})
HEALTHY_C, FEVERISH_C = 34.6, 36.2


@dataclass(frozen=True)
class Person:
    """Somebody with a card."""

    name: str
    uid: str

    @property
    def card(self) -> str:
        return card_token(KEY, self.uid)

    @property
    def booking(self) -> str:
        return f"B-{self.name}"


LI, WANG, CHEN, ZHAO, SUN = (
    Person(name, f"04A1B2C3D4E5{number:02X}") for number, name in enumerate(("li", "wang", "chen", "zhao", "sun"))
)
PHONE = Person("phone", "08A1B2C3")


def code(text: str) -> str:
    """How the booking server writes a booking code."""
    return code_token(KEY, text)


@cache
def building(*overrides: str) -> Building:
    return load(CONFIG, Building, overrides)


@dataclass
class Lane:
    """What people do at one gate."""

    story: Story
    name: str

    def do(self, word: str, **keys: Any) -> Story:
        return self.story.line(self.name, word, **keys)

    def tap(self, person: Person, typed: str | None = None) -> Story:
        return self.do("tap", card=person.uid, **({} if typed is None else {"code": typed}))

    def face(self, skin_c: float = HEALTHY_C) -> Story:
        return self.do("face", skin_c=skin_c)

    def leave(self) -> Story:
        return self.do("leave")

    def passes(self, count: int = 1) -> Story:
        return self.do("pass", count=count)

    def exits(self, person: Person | None = None) -> Story:
        return self.do("exit", **({} if person is None else {"card": person.uid}))

    def breaks(self, part: str, kind: str) -> Story:
        return self.do("fault", part=part, kind=kind, on=True)

    def mended(self, part: str, kind: str) -> Story:
        return self.do("fault", part=part, kind=kind, on=False)

    def power_cut(self, for_s: float) -> Story:
        return self.do("power_cut", for_s=for_s)

    def disk_replaced(self, for_s: float) -> Story:
        """The power fails, and when it is back the gate has a new disk: the old journal is lost."""
        self.power_cut(for_s)
        return self.story.disk_replaced(self.name)

    def link(self, up: bool) -> Story:
        return self.do("link", up=up)

    def meets(self, person: Person, skin_c: float = HEALTHY_C) -> Story:
        """Step before the thermometer and, a moment later, tap."""
        self.face(skin_c)
        self.story.after(0.8)
        return self.tap(person)

    def turns(self, mode: str, hot: Person = LI) -> Story:
        """Something brings the lane into a mode; it is held for the fever of somebody who has booked."""
        match mode:
            case "fire":
                return self.do("fire", active=True)
            case "held":
                return self.meets(hot, FEVERISH_C)
            case "manual":
                return self.do("ambient", ambient_c=5.0)
            case _:
                return self.story.guard(self.name, mode)

    def serves(self, person: Person, skin_c: float = HEALTHY_C) -> Story:
        """Face, tap, walk, gone: four seconds, and the lane is free again."""
        self.meets(person, skin_c).after(1.7)
        self.passes().after(0.5)
        return self.leave().after(1.0)


class Story:
    """What happens, in order. Starts at five to nine, when readers of the morning may just come in.

    Args:
        start: wall time at which everything is switched on.
        overrides: keys of the configuration, as for ``--set``.
    """

    def __init__(self, start: str = "08:55", *overrides: str, seed: int = 0) -> None:
        self.start = datetime.fromisoformat(f"{DAY}T{start}+08:00")
        self.seed = seed
        self.building = building(*overrides)
        self.north, self.south, self.west, self.site = (Lane(self, name) for name in (*GATES, "site"))
        self._now = 0.0
        self._lines: list[dict[str, Any]] = []
        self._bookings: dict[str, list[dict[str, Any]]] = {}
        self._passes: list[dict[str, Any]] = []
        self._raw: list[tuple[float, Publish]] = []
        self._behind: list[tuple[float, Callable[[Simulation], None]]] = []

    # --- when ------------------------------------------------------------------------------------------

    def at(self, clock: str) -> Story:
        """It is ``HH:MM[:SS[.sss]]`` now."""
        self._now = self.seconds(clock)
        return self

    def after(self, seconds: float) -> Story:
        self._now = round(self._now + seconds, 6)
        return self

    def seconds(self, clock: str) -> float:
        """Seconds from the start to this time of the day."""
        return (datetime.fromisoformat(f"{DAY}T{clock}+08:00") - self.start).total_seconds()

    # --- who does what ---------------------------------------------------------------------------------

    def line(self, device: str, do: str, **keys: Any) -> Story:
        self._lines.append({"at": self._now, "device": device, "do": do, **keys})
        return self

    def caps(self, *, building: int | None = 100, revision: int = 1, sessions: Any = SESSIONS, **zones: int) -> Story:
        """The server says how many may be inside; ``stacks_3=2`` is the zone ``stacks-3``."""
        named = {zone.replace("_", "-"): cap for zone, cap in zones.items()} or {"stacks-3": 30, "stacks-4": 30}
        payload = {"revision": revision, "building": building, "zones": named, "sessions": list(sessions)}
        return self.line("server", "caps", payload=payload)

    def booked(self, *people: Person, zone: str = "stacks-3", session: str = "am", **more: Any) -> Story:
        """These people have booked; the server said so before the story begins."""
        for person in people:
            row = {"booking": person.booking, "card": person.card, "zone": zone, **more}
            self._bookings.setdefault(session, []).append(row)
        return self

    def staff(
        self,
        *people: Person,
        until: str = "18:00",
        day: str = DAY,
        zones: list[str] | None = None,
        role: str = "staff",
    ) -> Story:
        """These people have a pass from seven o'clock on; ``day``: until whose evening."""
        for person in people:
            span = {"from": f"{DAY}T07:00:00+08:00", "until": f"{day}T{until}:00+08:00"}
            self._passes.append({"card": person.card, "role": role, **span, "zones": zones})
        return self

    def guard(self, to: str, do: str, /, *, retained: bool | None = None, **keys: Any) -> Story:
        """The guard gives a command."""
        keys.setdefault("by", "guard")
        more = {} if retained is None else {"retained": retained}
        return self.line("server", "command", to=to, payload={"do": do, **keys}, **more)

    def sends(self, topic: str, payload: bytes | object, *, retain: bool = False) -> Story:
        """Somebody publishes this on ``gatehouse/demo/...``, right or wrong."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self._raw.append((self._now, Publish(f"gatehouse/demo/{topic}", data, retain)))
        return self

    def disk_replaced(self, device: str) -> Story:
        """Whoever reads this device's disk from now on finds a new one."""
        return self.behind(lambda simulation: replace_disk(simulation.devices[device]))

    def behind(self, act: Callable[[Simulation], None]) -> Story:
        """Something happens behind the scenes, for which a scenario has no word."""
        self._behind.append((self._now, act))
        return self

    def topics(self) -> set[str]:
        """What `sends` published on."""
        return {message.topic for _, message in self._raw}

    # --- the end ---------------------------------------------------------------------------------------

    def scenario(self) -> list[str]:
        """The story as the lines of a scenario file."""
        first: list[dict[str, Any]] = []
        for session, rows in self._bookings.items():
            payload = {"revision": 1, "bookings": rows}
            first.append({"device": "server", "do": "bookings", "date": DAY, "session": session, "payload": payload})
        if self._passes:
            first.append({"device": "server", "do": "passes", "payload": {"revision": 1, "passes": self._passes}})
        lines = sorted([{"at": 0.0, **line} for line in first] + self._lines, key=lambda line: line["at"])
        return [json.dumps(line) for line in lines]

    def stimuli(self) -> list[dict[str, Any]]:
        """What was told so far, in order of time."""
        return sorted(self._lines, key=lambda line: line["at"])

    def told(self, *, until: str | None = None) -> Told:
        """Play it; ends a minute after the last thing that somebody does, or at ``until``."""
        out, log = io.StringIO(), io.StringIO()
        end_s = max((moment for moment, _ in (*self._raw, *self._behind)), default=0.0)
        end_s = max([end_s, *(line["at"] for line in self._lines)]) + 60.0
        how = Run(self.start, self.seed, for_s=end_s if until is None else self.seconds(until))
        simulation = Simulation(self.building, how, out, log)
        heard: list[MessageReceived] = []

        def listen(fact: Fact) -> bool:
            if isinstance(fact, MessageReceived):
                heard.append(fact)
            return True

        ear = simulation.bench.broker.link("ear", listen, ["gatehouse/demo/#"])
        for moment, message in self._raw:
            simulation.world.call_at(moment, lambda message=message: ear.publish(message))
        for moment, act in self._behind:
            simulation.world.call_at(moment, lambda act=act: act(simulation))
        simulation.play(list(read_stimuli(self.scenario(), self.building)))
        return Told(self, simulation, out.getvalue(), log.getvalue(), heard)


def rights(row: Mapping[str, Any]) -> int:
    """What a row of the bounded counter has left, by the contract's own words."""
    spent = row["entries"] + row["released"] + sum(row["sent"].values())
    return row["granted"] + row["exits"] + (row["received"] or 0) - spent


def replace_disk(device: SimulatedDevice) -> None:
    device.store.close()
    device.store = Store.in_memory(device.ids)


@dataclass(frozen=True)
class Line:
    """One line of a transcript."""

    at: float
    device: str
    type: str
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])
    seq: int | None = None
    name: str | None = None
    on: bool | None = None


class Told:
    """What happened. Every transcript is checked against what holds for all of them."""

    def __init__(
        self, story: Story, simulation: Simulation, transcript: str, log: str, heard: list[MessageReceived]
    ) -> None:
        self.story = story
        self.simulation = simulation
        self.transcript = transcript
        self.server_log = [json.loads(line) for line in log.splitlines()]
        self._heard = heard
        self.lines = [self._line(json.loads(line)) for line in transcript.splitlines()]
        self._check()

    # --- questions about the transcript ------------------------------------------------------------------

    def events(self, type_: str, device: str | None = None, **data: Any) -> list[Line]:
        """Events of a type whose data hold these values."""
        return [
            line
            for line in self.lines
            if line.type == type_
            and device in (None, line.device)
            and all(key in line.data and line.data[key] == value for key, value in data.items())
        ]

    def event(self, type_: str, device: str | None = None, **data: Any) -> Line:
        """The one event of that kind."""
        found = self.events(type_, device, **data)
        assert len(found) == 1, f"{len(found)} {type_} {data} in\n{self.transcript}"
        return found[0]

    def reasons(self, device: str | None = None) -> list[str]:
        """Why cards were refused, in order."""
        return [line.data["reason"] for line in self.events("visit.denied", device)]

    def openings(self, device: str) -> list[tuple[float, float | None]]:
        """From when to when the lock was open; None: to the end."""
        found: list[tuple[float, float | None]] = []
        for line in self.outputs(device, "lock"):
            if line.on:
                found.append((line.at, None))
            else:
                found[-1] = (found[-1][0], line.at)
        return found

    def outputs(self, device: str, name: str) -> list[Line]:
        """Changes of one output."""
        return [line for line in self.lines if line.type == "output" and (line.device, line.name) == (device, name)]

    def modes(self, device: str) -> list[str]:
        """The modes the lane went through."""
        return [line.data["mode"] for line in self.events("lane.mode", device)]

    def alerts(self, kind: str, device: str | None = None) -> list[str]:
        """What became of the alerts of a kind: ``raised``, ``acknowledged``, ``cleared``."""
        return [
            line.type.removeprefix("alert.")
            for line in self.lines
            if line.type.startswith("alert.") and line.data["kind"] == kind and device in (None, line.device)
        ]

    def kinds(self) -> list[str]:
        """The kinds of all alerts that were raised."""
        return [line.data["kind"] for line in self.events("alert.raised")]

    def done(self, do: str, device: str | None = None) -> list[str | None]:
        """The errors of all commands of a kind; None where it was done."""
        return [line.data["error"] for line in self.events("command.done", device, do=do)]

    def when(self, clock: str) -> float:
        return self.story.seconds(clock)

    # --- questions about what was published -------------------------------------------------------------

    def retained(self, topic: str) -> Any:
        """What the broker keeps on ``gatehouse/demo/...``; None for nothing."""
        payload = self.simulation.bench.broker.retained.get(f"gatehouse/demo/{topic}")
        return None if payload is None else json.loads(payload)

    def topics(self, prefix: str) -> list[str]:
        """Topics below a prefix on which the broker keeps something."""
        start = f"gatehouse/demo/{prefix}"
        return [
            topic.removeprefix("gatehouse/demo/") for topic in self.simulation.bench.broker.retained if start in topic
        ]

    def messages(self, topic: str) -> list[Any]:
        """Everything that was published on a topic, in order; None for an empty payload."""
        heard = [fact.payload for fact in self._heard if fact.topic == f"gatehouse/demo/{topic}"]
        return [json.loads(payload) if payload else None for payload in heard]

    def results(self, device: str) -> list[tuple[bool, str | None]]:
        """(ok, error) of every answer to a command."""
        return [(message["ok"], message["error"]) for message in self.messages(f"results/{device}")]

    def inside(self, zone: str = "*") -> int:
        """People in a zone by the rows that the gates publish."""
        rows = [self.retained(f"occupancy/{gate}")["zones"].get(zone) for gate in GATES]
        return sum(row["entries"] - row["exits"] for row in rows if row is not None)

    def world_inside(self) -> int:
        """People who truly are in the building."""
        worlds = [device.world for device in self.simulation.devices.values() if isinstance(device, SimulatedGate)]
        return sum(world.went_in - world.went_out for world in worlds)

    def free(self, zone: str = "*") -> dict[str, int]:
        """Rights that each gate holds, by its published row."""
        rows = {gate: self.retained(f"occupancy/{gate}")["zones"].get(zone) for gate in GATES}
        return {gate: rights(row) for gate, row in rows.items() if row is not None}

    # --- what holds in every story -----------------------------------------------------------------------

    def _line(self, raw: dict[str, Any]) -> Line:
        is_output = raw["type"] == "output"
        expected = {"name", "on"} if is_output else {"seq", "data"}
        assert set(raw) == {"at", "time", "device", "type"} | expected, raw
        wall = self.story.start + timedelta(seconds=raw["at"])
        assert raw["time"] == wall.isoformat(timespec="milliseconds"), raw
        del raw["time"]
        return Line(**raw)

    def _check(self) -> None:
        assert [line.at for line in self.lines] == sorted(line.at for line in self.lines)
        seen = Counter[str]()
        for line in self.lines:
            if line.type == "output":
                continue
            if line.seq == 1:
                seen[line.device] = 0  # a journal begins
            seen[line.device] += 1
            assert line.seq == seen[line.device], line
            contract.event_data(line.type, line.data)
        assert "invariant_broken" not in self.kinds(), self.transcript
        given = self.story.topics()
        for fact in self._heard:
            if fact.topic.split("/")[2] not in ("caps", "bookings", "passes", "commands") and fact.topic not in given:
                contract.parse(fact.topic, fact.payload)
