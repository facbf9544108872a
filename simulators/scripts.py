"""People as scripts: generators that wait for time to pass, for something to happen, or for their turn.

A script reads like what somebody does (`simulators.crowd`, `simulators.guard`); a `Stage` plays many of
them on one thread, on any clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of a device, as anybody can see it."""

    device: str
    type: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds."""

    for_s: float


@dataclass(frozen=True, slots=True)
class See:
    """Wait for something to happen, but not for ever; the script is sent the `Happening`, or None."""

    fits: Callable[[Happening], bool]
    patience_s: float


@dataclass(slots=True, eq=False)
class _Actor:
    script: Script
    waits: int = 0
    sees: See | None = None


@dataclass(slots=True, eq=False)
class Door:
    """Serves one at a time, in order of coming. Whoever had their turn must `Stage.step_aside`."""

    name: str
    queue: deque[_Actor] = field(default_factory=deque[_Actor])


Wait: TypeAlias = Pause | See | Door
Script: TypeAlias = Generator[Wait, Happening | None, None]
"""What somebody does. It yields what it waits for: a `Door` means the turn at that door."""
Part: TypeAlias = Generator[Wait, Happening | None, Any]
"""A part of a script, for ``yield from``."""


class Stage:
    """Plays scripts.

    Args:
        later: calls back after so many seconds.

    Attributes:
        playing: scripts that are not over.
    """

    def __init__(self, later: Callable[[float, Callable[[], None]], None]) -> None:
        self.playing = 0
        self._later = later
        self._looking: list[_Actor] = []

    def play(self, script: Script) -> None:
        """Begin a script."""
        self.playing += 1
        self._go_on(_Actor(script), None)

    def happen(self, happening: Happening) -> None:
        """Show something to all who wait for it."""
        for actor in [actor for actor in self._looking if actor.sees is not None and actor.sees.fits(happening)]:
            self._go_on(actor, happening)

    def step_aside(self, door: Door) -> None:
        """Whose turn it was leaves the door to the next."""
        door.queue.popleft()
        if door.queue:
            self._go_on(door.queue[0], None)

    def _go_on(self, actor: _Actor, seen: Happening | None) -> None:
        actor.waits += 1
        if actor.sees is not None:
            actor.sees = None
            self._looking.remove(actor)
        try:
            wait = actor.script.send(seen) if actor.waits > 1 else next(actor.script)
        except StopIteration:
            self.playing -= 1
            return
        match wait:
            case Pause(for_s):
                self._wake_after(for_s, actor)
            case See(_, patience_s):
                actor.sees = wait
                self._looking.append(actor)
                self._wake_after(patience_s, actor)
            case Door(queue=queue):
                queue.append(actor)
                if queue[0] is actor:
                    self._wake_after(0.0, actor)

    def _wake_after(self, after_s: float, actor: _Actor) -> None:
        waits = actor.waits

        def wake() -> None:
            if actor.waits == waits:  # else what it waited for has come
                self._go_on(actor, None)

        self._later(after_s, wake)
