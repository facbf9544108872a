"""The computer of a gate in live simulation: its clock, its cable and its disk, and what stimuli do to them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edge.assembly.simulation import FLAPPING_S, SLOW_DISK_S, SimClock
from edge.runtime.journal import Store
from edge.runtime.journal.rows import Transaction
from simulators.wires.flapper import Flapper
from simulators.world.lane import Later


class Disk:
    """The disk under a journal; its faults are plain attributes, which any thread may set.

    Args:
        clock: how long a second is.

    Attributes:
        absent: it refuses every write, as a worn-out card does.
        slow_s: how much longer each write takes, seconds.
    """

    def __init__(self, clock: SimClock) -> None:
        self.absent = False
        self.slow_s = 0.0
        self._clock = clock

    def open(self, path: Path, ids: Callable[[], str]) -> Store:
        """Open a journal on it; give this to `SqliteJournal`.

        Raises:
            JournalOpenError: in one line, why not.
        """
        store = DiskStore.open(path, ids)
        store.disk = self
        return store

    def stall(self) -> None:
        """Take as long as it takes; on the journal's thread."""
        if self.slow_s > 0:
            self._clock.wait(threading.Event(), self._clock.monotonic() + self.slow_s)


class DiskStore(Store):
    """The real tables, on a disk that can fail."""

    disk: Disk

    def write(self, batch: Sequence[Transaction]) -> None:
        """Write transactions as one, if the disk takes them."""
        self.disk.stall()
        self.refuse(self.disk.absent)
        super().write(batch)


class Computer:
    """What can happen to the computer of a gate while its program goes on.

    Args:
        clock: the device's.
        disk: under its journal.
        later: calls back after so many seconds.

    Attributes:
        plug: pulls its cable, or plugs it in: `MqttLink.plug`, once there is a link.
    """

    def __init__(self, clock: SimClock, disk: Disk, later: Later) -> None:
        self.plug: Callable[[bool], None] = lambda _: None
        self._clock = clock
        self._disk = disk
        self._flapper = Flapper(later, lambda: self.plug(False), lambda: self.plug(True))

    def act(self, do: str, keys: Mapping[str, Any]) -> bool:
        """Do what a stimulus says; False if that cannot be done to a computer whose program goes on."""
        match do:
            case "clock" if keys["set"] is not None:
                self._clock.set(keys["set"])
            case "clock":
                self._clock.step(keys["step_s"])
            case "link":
                self.plug(keys["up"])
            case "fault":
                return self._fault(keys["part"], keys["kind"], keys["on"])
            case _:
                return False
        return True

    def _fault(self, part: str, kind: str, on: bool) -> bool:
        match part, kind:
            case "disk", "absent":
                self._disk.absent = on
            case "disk", "slow":
                self._disk.slow_s = SLOW_DISK_S if on else 0.0
            case "broker", "absent":
                self.plug(not on)
            case "broker", "intermittent" if on:
                self._flapper.begin(*FLAPPING_S)
            case "broker", "intermittent":
                self._flapper.end()
                self.plug(True)
            case _:
                return False
        return True
