"""``gatehouse``, whose thread of the readers dies of a defect as soon as the lock is open."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import UTC
from typing import Any

from drivers.pump import Pump
from edge.assembly import rehearsal
from edge.cli import main
from edge.runtime.clock import WallClock
from edge.runtime.loop import Loop
from simulators.world.lane import LaneWorld

_open_fakes = rehearsal.open_fakes


class Broken:
    """A driver that hears when the lock is open."""

    lost = False

    def __init__(self) -> None:
        self._heard, self._tell = os.pipe()

    def output(self, name: str, on: bool) -> None:
        if name == "lock" and on:
            os.write(self._tell, b"!")

    def fileno(self) -> int:
        return self._heard

    def poll(self) -> None:
        raise ZeroDivisionError("a defect of the readers")

    def reopen(self) -> bool:
        return False


def _with_a_broken_reader(world: LaneWorld, gate: Any, loop: Loop, opened: ExitStack) -> Any:
    broken = Broken()
    world.outputs(broken.output)
    opened.callback(Pump([broken], clock=WallClock(UTC)).close)
    return _open_fakes(world, gate, loop, opened)


if __name__ == "__main__":
    rehearsal.open_fakes = _with_a_broken_reader
    main()
