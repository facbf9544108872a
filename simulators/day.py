"""A half-day as a scenario: people walk on whether they are let in or not, and nobody passes a lane that is shut."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from simulators.cast import CHECKED_C, PHONE, HalfDay, Person, people

Line = dict[str, Any]
"""A stimulus as a scenario writes it."""

SERVICE_S = 7.0
"""A reader takes the lane for so long: step up, tap, look, walk."""
EXIT_S = 1.5
"""Nobody leaves through the same exit sooner after another."""
AFTERNOON = {"id": "pm", "opens": "14:00", "closes": "16:30"}


def setup(half_day: HalfDay, cast: Iterable[Person], card: Callable[[str], str]) -> Iterator[Line]:
    """What the server says before anybody comes: caps, bookings, passes."""
    cast, zones = list(cast), half_day.rooms
    building = half_day.building
    if building is None:
        building = sum(zones.values()) if half_day.zones is None else round(sum(zones.values()) * 0.8)
    caps = {"revision": 1, "building": building, "zones": dict(zones), "sessions": [half_day.session, AFTERNOON]}
    yield {"at": 0, "device": "server", "do": "caps", "payload": caps}
    for session in ("am", "pm"):
        booked = [person for person in cast if person.room is not None and person.session == session]
        bookings = [
            {"booking": f"B-{session}-{number:04}", "card": card(person.uid), "zone": person.room}
            for number, person in enumerate(booked, start=1)
        ]
        if bookings:
            payload = {"revision": 1, "bookings": bookings}
            yield {
                "at": 0, "device": "server", "do": "bookings", "date": half_day.day, "session": session,
                "payload": payload,
            }  # fmt: skip
    passes = [
        {
            "card": card(person.uid),
            "role": "staff",
            "from": f"{half_day.day}T07:00:00+08:00",
            "until": f"{half_day.day}T18:00:00+08:00",
        }
        for person in cast
        if person.staff
    ]
    if passes:
        yield {"at": 0, "device": "server", "do": "passes", "payload": {"revision": 1, "passes": passes}}


class _Doors:
    """When each door is free for the next person."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._free = dict.fromkeys(names, 0.0)

    def next(self, at: float, takes_s: float) -> tuple[str, float]:
        """The door that is free first, and when its turn comes."""
        door = min(self._free, key=lambda name: (max(at, self._free[name]), name))
        at = max(at, self._free[door])
        self._free[door] = at + takes_s
        return door, at


def lines(half_day: HalfDay, card: Callable[[str], str]) -> list[Line]:
    """The scenario, in order of time.

    Args:
        half_day: what it is made of.
        card: makes the site's token of a UID.
    """
    rng = random.Random(f"{half_day.seed}/walk")
    cast = people(half_day)
    found: list[Line] = list(setup(half_day, cast, card))
    doors = _Doors(half_day.entrances)
    leaving: list[tuple[float, str | None]] = []
    inside: dict[str, list[float]] = {room: [] for room in half_day.rooms}
    for person in cast:
        takes_s = 300.0 if person.quirk == "feverish" else SERVICE_S + rng.uniform(0, 1)
        door, at_s = doors.next(person.at_s, takes_s)
        found += _reader(door, at_s, person)
        found += _guard(door, at_s, person, card)
        leaves_s = max(person.leaves_s, at_s + 60)
        if _gets_in(half_day, person, at_s, inside):
            leaving.append((leaves_s, person.uid))
            if person.quirk == "followed":
                leaving.append((leaves_s, None))
            if person.room is not None:
                inside[person.room].append(leaves_s)
    ways_out = _Doors(half_day.exits)
    for wanted_s, uid in sorted(leaving, key=lambda one: one[0]):
        door, at_s = ways_out.next(wanted_s, EXIT_S)
        found.append({"at": at_s, "device": door, "do": "exit"} | ({} if uid is None else {"card": uid}))
    return sorted(found, key=lambda line: line["at"])


def _gets_in(half_day: HalfDay, person: Person, at_s: float, inside: Mapping[str, list[float]]) -> bool:
    """Whether somebody who does not try again will be inside."""
    if person.quirk not in ("", "followed"):
        return False
    if person.room is None:
        return person.staff
    return sum(leaves_s > at_s for leaves_s in inside[person.room]) < half_day.rooms[person.room]


def _reader(door: str, at: float, person: Person) -> list[Line]:
    """Step before the thermometer, tap, walk, and be gone."""
    card = PHONE if person.quirk == "phone" else person.uid
    count = {"count": 2} if person.quirk == "followed" else {}
    gone = 30.0 if person.quirk == "feverish" else 3.4
    return [
        {"at": at, "device": door, "do": "face", "skin_c": round(person.skin_c, 2)},
        {"at": at + 0.8, "device": door, "do": "tap", "card": card},
        {"at": at + 2.6, "device": door, "do": "pass", **count},
        {"at": at + gone, "device": door, "do": "leave"},
    ]


def _guard(door: str, at: float, person: Person, card: Callable[[str], str]) -> list[Line]:
    """What a guard does about somebody, as the procedures say."""

    def command(after_s: float, do: str, **keys: Any) -> Line:
        payload = {"do": do, "by": "guard", **keys}
        return {"at": at + after_s, "device": "server", "do": "command", "to": door, "payload": payload}

    match person.quirk:
        case "feverish":
            return [
                command(20, "ack_alert", alert="fever"),
                command(120, "led_aside"),
                command(240, "record_check", card=card(person.uid), contact_c=CHECKED_C),
            ]
        case "followed":
            return [command(60, "ack_alert", alert="tailgating")]
        case _:
            return []
