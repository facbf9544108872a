"""Scripts wait for time, for their turn, for something to see."""

from __future__ import annotations

from datetime import UTC, datetime

from edge.runtime.clock import VirtualClock
from edge.runtime.loop import Loop, run
from simulators.scripts import Door, Happening, Pause, Script, See, Stage


class Play:
    """A stage in virtual time."""

    def __init__(self) -> None:
        self.clock = VirtualClock(datetime(2026, 3, 9, tzinfo=UTC))
        self.loop = Loop(self.clock, lambda _: None)
        self.stage = Stage(self.later)
        self.told: list[tuple[float, str]] = []

    def later(self, after_s, callback) -> None:
        self.loop.call_at(self.clock.monotonic() + after_s, callback)

    def tell(self, what: str) -> None:
        self.told.append((self.clock.monotonic(), what))

    def run(self) -> list[tuple[float, str]]:
        run(self.clock, [self.loop], lambda: not self.stage.playing)
        return self.told


def happening(type_: str) -> Happening:
    return Happening("north", type_, {})


def test_one_after_the_other_through_a_door() -> None:
    play, door = Play(), Door("north")

    def walk(name: str) -> Script:
        yield door
        play.tell(f"{name} comes")
        yield Pause(5)
        play.stage.step_aside(door)

    for name in ("first", "second", "third"):
        play.stage.play(walk(name))
    assert play.run() == [(0, "first comes"), (5, "second comes"), (10, "third comes")]


def test_what_is_seen_ends_the_waiting_and_its_patience() -> None:
    play = Play()

    def look() -> Script:
        seen = yield See(lambda seen: seen.type == "visit.passed", 10)
        play.tell("nothing" if seen is None else seen.type)
        yield Pause(30)
        play.tell("done")

    play.stage.play(look())
    play.later(2, lambda: play.stage.happen(happening("visit.denied")))
    play.later(4, lambda: play.stage.happen(happening("visit.passed")))
    assert play.run() == [(4, "visit.passed"), (34, "done")]


def test_patience_ends() -> None:
    play = Play()

    def look() -> Script:
        seen = yield See(lambda _: True, 10)
        play.tell("nothing" if seen is None else seen.type)

    play.stage.play(look())
    assert play.run() == [(10, "nothing")]


def test_several_see_the_same() -> None:
    play = Play()

    def look(name: str) -> Script:
        yield See(lambda _: True, 10)
        play.tell(name)

    for name in ("guard", "reader"):
        play.stage.play(look(name))
    play.later(1, lambda: play.stage.happen(happening("lane.mode")))
    assert play.run() == [(1, "guard"), (1, "reader")]
