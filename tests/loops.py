"""What the tests of the loop share: facts of three ranks, and a loop that remembers what it handed over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

import pytest

from edge.runtime.clock import VirtualClock
from edge.runtime.loop import Loop
from edge.runtime.vocabulary import Fact, MessageReceived

EIGHT = datetime(2026, 3, 9, 8, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Tap(Fact):
    number: int


@dataclass(frozen=True)
class Fire(Fact):
    number: int = 0


@dataclass(frozen=True)
class SmallFire(Fire):
    """A kind of fire."""


def message(payload: bytes = b"") -> MessageReceived:
    return MessageReceived("caps", payload, retained=False)


class Bench:
    def __init__(self) -> None:
        self.clock = VirtualClock(EIGHT)
        self.done: list[object] = []
        self.loop = Loop(self.clock, self.done.append, urgent=(Fire,), background=(MessageReceived,))

    def at(self, moment: float, what: object) -> None:
        self.loop.call_at(moment, lambda: self.done.append(what))

    def fire(self) -> None:
        self.loop.post(Fire())

    def turn_all(self) -> list[object]:
        while self.loop.turn():
            pass
        return self.done


@pytest.fixture
def bench() -> Bench:
    return Bench()


def stop_when(done: Callable[[], bool]) -> Callable[[], bool]:
    """A loop that never ends is a failure, not a hanging test."""
    turns = count()

    def stop() -> bool:
        assert next(turns) < 10_000
        return done()

    return stop
