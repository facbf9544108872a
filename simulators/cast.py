"""The cast of a believable half-day: who booked, who comes when, and who does something else than expected.

Everything follows from the seed. The cast can be played in two ways: as a scenario (`simulators.day`), in
which nobody waits to see how the gate decides, or by a crowd that looks before it walks (`simulators.crowd`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

Quirk = Literal["", "early", "feverish", "followed", "phone", "wrong_session", "no_booking"]
"""What is unusual about somebody."""

HEALTHY_C = (34.2, 34.9)
"""Forehead skin of healthy people indoors; with an offset of 2 K they read 36.2 to 36.9 °C."""
FEVERISH_C = 36.6
CHECKED_C = 36.9
"""What the contact thermometer says of somebody who came in from the sun."""
ZONES = {"stacks-3": 30, "stacks-4": 30, "student-reading": 50, "teacher-reading": 20, "e-reading": 50}
"""Rooms and caps of the Zhejiang report, 3.2.2."""
PHONE = "080B1C2D"
"""A UID as phones make them up."""
SPARE = 3
"""So many places of each room are not booked: neighbours pass rights on in halves, and the last ones lie about."""
FILLS_UP = 0.2
"""In so much of the session a room fills up."""
BEYOND = 4
"""So many more readers than it holds have booked the room that fills up."""


@dataclass(frozen=True, slots=True)
class HalfDay:
    """What a half-day is made of.

    Attributes:
        visits: readers who come in and leave again.
        starts: local time at the start of the scenario.
        opens_s: when the session opens, seconds after the start.
        closes_s: when it closes.
        early: share of the readers who come in a burst around the opening.
        stays: shortest and longest stay, as shares of the session.
        entrances: doors where people come in.
        exits: doors where they leave.
        zones: caps of the rooms; None for rooms so large that nobody is refused.
        building: cap of the building; None for four fifths of all rooms.
        full: the room that is booked beyond its cap, for the first part of the session.
        day: its date.
        incidents: whether something happens (fever, tailgater, wrong session, full room …).
        seed: of all chance.
    """

    visits: int = 120
    starts: str = "08:00"
    opens_s: float = 3600.0
    closes_s: float = 12600.0
    early: float = 0.45
    stays: tuple[float, float] = (0.25, 0.7)
    entrances: tuple[str, ...] = ("north", "south")
    exits: tuple[str, ...] = ("west",)
    zones: Mapping[str, int] | None = field(default_factory=lambda: dict(ZONES))
    building: int | None = None
    full: str = "stacks-4"
    day: str = "2026-03-09"
    incidents: bool = True
    seed: int = 0

    @property
    def rooms(self) -> Mapping[str, int]:
        """The rooms and how many each holds."""
        return self.zones or dict.fromkeys(ZONES, self.visits)

    @property
    def session(self) -> Mapping[str, str]:
        """The session as the caps have it."""
        start = datetime.fromisoformat(f"{self.day}T{self.starts}")
        opens, closes = (start + timedelta(seconds=at_s) for at_s in (self.opens_s, self.closes_s))
        return {"id": "am", "opens": f"{opens:%H:%M}", "closes": f"{closes:%H:%M}"}

    @property
    def length_s(self) -> float:
        """How long the session is."""
        return self.closes_s - self.opens_s


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who wants in, and out again.

    Attributes:
        uid: of the card.
        at_s: when they come, seconds after the start.
        leaves_s: when they want to leave.
        skin_c: their forehead.
        room: what they booked, for the session `session`; None with a pass, or without anything.
        session: of the booking.
        staff: has a pass.
        quirk: what is unusual about them.
    """

    uid: str
    at_s: float
    leaves_s: float
    skin_c: float
    room: str | None = None
    session: str = "am"
    staff: bool = False
    quirk: Quirk = ""


def people(half_day: HalfDay) -> list[Person]:
    """Everybody of a half-day, in order of coming."""
    rng = random.Random(half_day.seed)
    uids = [f"04{rng.getrandbits(48):012X}" for _ in range(half_day.visits)]
    stays: dict[str, list[float]] = {room: [] for room in half_day.rooms}
    readers: list[Person] = []
    for uid, at_s in zip(uids, sorted(_arrival(rng, half_day) for _ in uids), strict=True):
        stays_s = rng.uniform(*half_day.stays) * half_day.length_s
        leaves_s = max(at_s + 60, min(at_s + stays_s, half_day.closes_s - rng.uniform(60, 600)))
        room = _choose_room(rng, half_day, stays, at_s)
        stays[room].append(leaves_s)
        readers.append(Person(uid, at_s, leaves_s, rng.uniform(*HEALTHY_C), room))
    if half_day.incidents:
        readers += _unusual(half_day, rng)
    return sorted(readers, key=lambda person: person.at_s)


def _arrival(rng: random.Random, half_day: HalfDay) -> float:
    """Most come in a burst around opening, the others through the half-day."""
    if rng.random() < half_day.early:
        return half_day.opens_s - 240 + rng.expovariate(1 / 400)
    return half_day.opens_s + rng.uniform(0.05, 0.65) * half_day.length_s


def _choose_room(rng: random.Random, half_day: HalfDay, stays: Mapping[str, list[float]], at_s: float) -> str:
    """A room that has places by then, in proportion to the caps; at first one is taken whether it has or not."""
    rooms = half_day.rooms
    booked = {room: sum(leaves_s > at_s for leaves_s in stays[room]) for room in rooms}
    beyond = half_day.full if half_day.zones is not None and half_day.incidents else None
    filling = at_s < half_day.opens_s + FILLS_UP * half_day.length_s
    free = [
        room
        for room, cap in rooms.items()
        if booked[room] < (cap + BEYOND if room == beyond and filling else cap - SPARE)
    ]
    weights = [rooms[room] * (3.0 if room == beyond and filling else 1.0) for room in free]
    return rng.choices(free, weights)[0] if free else rng.choice(list(rooms))


def _unusual(half_day: HalfDay, rng: random.Random) -> Iterator[Person]:
    """Those whom a guard remembers in the evening."""
    rooms = [room for room in half_day.rooms if room != half_day.full] or list(half_day.rooms)

    def somebody(number: int, share: float, quirk: Quirk, **more: Any) -> Person:
        at_s = half_day.opens_s + share * half_day.length_s
        leaves_s = half_day.closes_s - rng.uniform(120, 900)
        skin_c = FEVERISH_C if quirk == "feverish" else rng.uniform(*HEALTHY_C)
        return Person(f"04AAAA{number:08X}", at_s, leaves_s, skin_c, quirk=quirk, **more)

    yield somebody(1, -0.075, "", staff=True)
    yield somebody(2, -0.06, "early", room=rooms[0])
    yield somebody(3, 0.14, "wrong_session", room=rooms[0], session="pm")
    yield somebody(4, 0.22, "feverish", room=rooms[-1])
    yield somebody(5, 0.33, "phone", room=rooms[1 % len(rooms)])
    yield somebody(6, 0.42, "followed", staff=True)
    yield somebody(7, 0.52, "no_booking")
    yield somebody(8, 0.60, "followed", room=rooms[-1])
