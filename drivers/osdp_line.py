"""RS-485 lines with OSDP readers on them: a thread a line, which looks after libosdp and for a line that is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from drivers.osdp_panel import Panel, Steps
from drivers.osdp_wire import FAULTS, OsdpWire, Port
from drivers.reader_osdp import OsdpReader
from edge.runtime.ports import Clock

REFRESH_S = 0.001
"""libosdp is looked after so often, seconds: its own 20 ms double the time of a card (field notes 2)."""

TURN_S = 0.25
"""A turn counts for so much silence at most, seconds: `drivers.osdp_wire.REPLY_S` passes in it where nobody answers.
While a busy machine kept this thread from asking for longer, nobody was silent."""

REOPEN_S = 3.0
"""Between two looks for a line that is gone, seconds: as for USB readers (`drivers.pump`)."""


class OsdpLine:
    """One serial line with its thread, which starts at once; `close` ends it.

    Args:
        name: of the line, for its thread.
        open_line: opens it; again, when it was gone. See `drivers.osdp_wire.open_port`.
        baud: bits a second.
        readers: who is on it, each with an address of its own.
        clock: paces everything.
        system_s: the system's clock, seconds since 1970: libosdp lives on it.
        reopen_s: between two looks for a line that is gone, seconds.

    Attributes:
        readers: as given.
        panels: how many control panels were made so far.

    Raises:
        OSError: the line is not there, not ours, or in use.
        ModuleNotFoundError: the extra ``osdp`` is not installed.
    """

    def __init__(
        self,
        name: str,
        open_line: Callable[[], Port],
        baud: int,
        readers: Sequence[OsdpReader],
        *,
        clock: Clock,
        system_s: Callable[[], float],
        reopen_s: float = REOPEN_S,
    ) -> None:
        self.readers = tuple(readers)
        self.panels = 0
        self._open_line = open_line
        self._baud = baud
        self._clock = clock
        self._reopen_s = reopen_s
        self._steps = Steps(clock.monotonic, system_s)
        self._turned_s = self._looked_s = clock.monotonic()
        self._panel: Panel | None = None
        self._wire = self._open()
        try:
            self._begin()
        except BaseException:
            self._wire.close()
            raise
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"osdp {name}", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """False once the thread has ended: nobody hears the readers any more."""
        return self._thread.is_alive()

    def close(self) -> None:
        """End the thread, wait for it, and give the line back. A second call does nothing."""
        self._closing = True
        self._wake.set()
        self._thread.join()

    def _open(self) -> OsdpWire:
        return OsdpWire(self._open_line(), self._baud, self._clock.monotonic)

    def _begin(self) -> None:
        """Make a panel, in place of the one that is there."""
        self._end()
        self._wire.last.clear()
        self._panel = Panel(self._wire, {reader.address: reader.key for reader in self.readers})
        self.panels += 1
        for reader in self.readers:
            reader.begin()

    def _end(self) -> None:
        if self._panel is not None:
            self._panel.close()
            self._panel = None

    def _run(self) -> None:
        while not self._closing:
            self._turn()
            self._clock.wait(self._wake, self._clock.monotonic() + REFRESH_S)
        self._end()
        self._wire.close()

    def _turn(self) -> None:
        now_s = self._clock.monotonic()
        elapsed_s, self._turned_s = min(now_s - self._turned_s, TURN_S), now_s
        stepped = self._steps.stepped()
        if self._panel is None:
            self._look(now_s)
            return
        if stepped:
            self._begin()
        self._panel.refresh()
        for reader in self.readers:
            reader.turn(self._panel, self._wire, now_s, elapsed_s)
        if self._wire.broken is not None:
            self._end()
            self._wire.close()
            self._looked_s = now_s
            for reader in self.readers:
                reader.lose(self._wire.broken)

    def _look(self, now_s: float) -> None:
        """Look for a line that is gone."""
        if now_s - self._looked_s < self._reopen_s:
            return
        self._looked_s = now_s
        try:
            self._wire = self._open()
        except FAULTS:
            return
        self._begin()
