"""People before a simulated site who look before they walk: they wait for the gate's answer and act on it.

Whoever is refused does what the display says: waits, takes the card instead of the phone, comes back
when a place is free, or goes home. Whoever got in leaves again. So the count is true however slow
the computers are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from simulators.cast import HEALTHY_C, PHONE, Person
from simulators.scripts import Door, Happening, Part, Pause, Script, See, Stage

ATTEMPTS = 6
"""Nobody comes to a door more often in a half-day."""
RETURNS_S = 210.0
"""Whoever came too early comes back after so long, seconds."""
PLACE_FREE_S = 2400.0
"""Whoever found the room full comes back after so long, seconds."""
GUARD_S = 1800.0
"""How long somebody waits for a guard, seconds."""
LONGER = 3
"""A queue so much longer than the other is avoided."""

AGAIN = ("temperature_invalid", "busy", "held", "caps_unknown", "abandoned", "")
"""Answers after which people simply try again."""
FULL = ("zone_full", "building_full")


class Act(Protocol):
    """Does at a device's wires what a stimulus of a scenario says."""

    def __call__(self, device: str, do: str, **keys: Any) -> None:
        """``do`` and ``keys`` as `simulators.scenario.GATE` knows them."""
        ...


class Crowd:
    """Everybody of a half-day.

    Args:
        cast: who they are.
        entrances: doors where people come in.
        exits: doors where they leave.
        stage: plays what they do.
        act: does it at the wires.
        now_s: the time in which the cast is written, seconds.
        card: makes the site's token of a UID.
        patience_s: how long people wait for an answer of the gate, seconds.

    Attributes:
        held: doors whose lane is held, which people avoid.
    """

    def __init__(
        self,
        cast: Sequence[Person],
        *,
        entrances: Sequence[str],
        exits: Sequence[str],
        stage: Stage,
        act: Act,
        now_s: Callable[[], float],
        card: Callable[[str], str],
        patience_s: float,
    ) -> None:
        self.held: set[str] = set()
        self._cast = cast
        self._entrances = [Door(name) for name in entrances]
        self._exits = [Door(name) for name in exits]
        self._stage = stage
        self._act = act
        self._now_s = now_s
        self._card = card
        self._patience_s = patience_s
        self._came: Counter[str | None] = Counter()

    def begin(self) -> None:
        """From now on they come, each at their time."""
        for person in self._cast:
            self._stage.play(self._day(person))

    # --- scripts ----------------------------------------------------------------------------------------

    def _day(self, person: Person) -> Script:
        yield Pause(max(0.0, person.at_s - self._now_s()))
        inside = yield from self._come_in(person)
        if inside:
            yield Pause(max(60.0, person.leaves_s - self._now_s()))
            yield from self._go_out(person)

    def _come_in(self, person: Person) -> Part:
        for attempt in range(ATTEMPTS):
            door = self._choose(person)
            yield door
            answer = yield from self._at_the_gate(door.name, person, phone=person.quirk == "phone" and not attempt)
            self._stage.step_aside(door)
            if answer == "inside":
                return True
            if answer == "closed" and person.quirk == "early":
                yield Pause(RETURNS_S)
            elif answer in FULL:
                yield Pause(PLACE_FREE_S)
            elif answer == "fever":
                yield See(self._cleared(person), GUARD_S)
                yield Pause(60.0)
                person = replace(person, skin_c=sum(HEALTHY_C) / 2)
            elif answer in AGAIN or (answer == "unknown_card" and person.quirk == "phone"):
                yield Pause(3.0)
            else:
                return False
            if person.leaves_s - self._now_s() < 600:
                return False  # not worth it any more
        return False

    def _at_the_gate(self, door: str, person: Person, *, phone: bool) -> Part:
        """Step up, tap, do as the gate answers; returns ``inside``, or why not."""
        self._act(door, "face", skin_c=round(person.skin_c, 2))
        yield Pause(0.8)
        self._act(door, "tap", card=PHONE if phone else person.uid)
        answer = yield See(self._answered(door, PHONE if phone else person.uid), self._patience_s)
        outcome = ""
        if answer is not None and answer.type == "visit.denied":
            outcome = str(answer.data["reason"])
            if outcome == "fever":
                yield See(_normal(door), GUARD_S)
            else:
                yield Pause(2.0)
        elif answer is not None:
            self._act(door, "pass", count=2 if person.quirk == "followed" else 1)
            through = yield See(_used(door), self._patience_s)
            outcome = "inside" if through is not None and through.type == "visit.passed" else "abandoned"
            yield Pause(0.8)
        self._act(door, "leave")
        yield Pause(3.0)
        return outcome

    def _go_out(self, person: Person) -> Part:
        door = min(self._exits, key=lambda door: len(door.queue))
        yield door
        self._act(door.name, "exit", card=person.uid)
        yield See(self._left(person.uid), self._patience_s)
        yield Pause(1.5)
        self._stage.step_aside(door)

    # --- what they look at --------------------------------------------------------------------------------

    def _choose(self, person: Person) -> Door:
        """Readers of a room take the doors in turn; nobody takes a lane that is held, or the longer queue."""
        open_ = [door for door in self._entrances if door.name not in self.held] or self._entrances
        turn = open_[self._came[person.room] % len(open_)]
        self._came[person.room] += 1
        shortest = min(open_, key=lambda door: len(door.queue))
        return shortest if len(turn.queue) - len(shortest.queue) >= LONGER else turn

    def _answered(self, door: str, uid: str) -> Callable[[Happening], bool]:
        card = self._card(uid)
        types = ("visit.admitted", "visit.reopened", "visit.denied")
        return lambda seen: seen.device == door and seen.type in types and seen.data["card"] == card

    def _left(self, uid: str) -> Callable[[Happening], bool]:
        card = self._card(uid)
        return lambda seen: seen.type == "visit.exited" and seen.data["card"] == card

    def _cleared(self, person: Person) -> Callable[[Happening], bool]:
        """A guard has checked somebody; only one is at a time."""
        return lambda seen: seen.type == "command.done" and seen.data["do"] == "record_check"


def _used(door: str) -> Callable[[Happening], bool]:
    return lambda seen: seen.device == door and seen.type in ("visit.passed", "visit.abandoned")


def _normal(door: str) -> Callable[[Happening], bool]:
    return lambda seen: seen.device == door and seen.type == "lane.mode" and seen.data["mode"] == "normal"
