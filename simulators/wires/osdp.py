"""An RS-485 line on a pseudo terminal, and card readers on it, for the real driver: libosdp's own peripheral devices.

libosdp lives in real time, and so does this; nothing of it runs in virtual time.
"""

from __future__ import annotations

import os
import pty
import queue
import threading
import tty
from binascii import crc_hqx
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from drivers.osdp_wire import CRC_START, PDCAP, Frame, Frames

TURN_S = 0.001
"""The line looks after its readers so often, seconds."""

SECURITY = 9
"""Code of the capability to have a secure channel (OSDP specification)."""


class _Ear:
    """What one reader hears and says, as libosdp's channel."""

    id = 1

    def __init__(self, say: Callable[[bytes], None]) -> None:
        self.heard = b""
        self._say = say

    def read(self, max_bytes: int) -> bytes:
        part, self.heard = self.heard[:max_bytes], self.heard[max_bytes:]
        return part

    def write(self, data: bytes) -> int:
        self._say(data)
        return len(data)

    def flush(self) -> None:
        self.heard = b""


class FakeOsdpReader:
    """A reader. Its methods may be called from any thread once it is on a line.

    Args:
        address: on its line.
        key: None: it is fresh from the factory and takes a key from whoever knows the default key.
        lamps: how many it has.
        plain: it says that it cannot have a secure channel.
        grudging: it refuses every command of an application, and every question for its state.

    Attributes:
        commands: what it was told, as libosdp hands it over.
        asked: how often it was asked for its state; libosdp's Python interface lets it answer only that all is well.
        power: without it nothing is heard or said.
    """

    def __init__(
        self, address: int, key: bytes | None, *, lamps: int = 1, plain: bool = False, grudging: bool = False
    ) -> None:
        self.address = address
        self.key = key
        self.commands: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
        self.power = True
        self.asked = 0
        self.lock = threading.Lock()
        self._lamps = lamps
        self._plain = plain
        self._grudging = grudging
        self._says: list[bytes] = []
        self._osdp = import_module("osdp")
        self.restart()

    def restart(self) -> None:
        """Forget the secure channel, as after a power cut."""
        osdp = self._osdp
        lamp = osdp.Capability.LEDControl, 1, self._lamps
        beeper = osdp.Capability.AudibleControl, 1, 1
        with self.lock:
            self._ear = _Ear(self._says.append)
            self._device = osdp.PeripheralDevice(
                osdp.PDInfo(self.address, self._ear, scbk=self.key),
                osdp.PDCapabilities([lamp, beeper] if self._lamps else []),
                log_level=osdp.LogLevel.Emergency,
                command_handler=self._told,
            )

    def present(self, data: bytes, bits: int | None = None) -> None:
        """Hold a card before it: a UID as it is, or so many bits, the first one highest in the first byte."""
        card = self._osdp.CardFormat.Unspecified if bits is None else self._osdp.CardFormat.Wiegand
        event = {"event": self._osdp.Event.CardRead, "reader_no": 0, "direction": 0, "format": card}
        self._tell({**event, "length": bits or 8 * len(data), "data": data})

    def tamper(self, on: bool) -> None:
        """Open its case, or close it."""
        state = {"type": self._osdp.StatusReportType.Local, "report": bytes([on, 0])}
        self._tell({"event": self._osdp.Event.Status, **state})

    def hear(self, command: Frame) -> bytes:
        """A command is on the line; what it says to that."""
        with self.lock:
            if not self.power:
                return b""
            self._ear.heard = command.data
            self._device.ctx.refresh()
            said = b"".join(self._says)
            self._says.clear()
            return _without_security(said) if self._plain else said

    def _tell(self, event: Mapping[str, Any]) -> None:
        with self.lock:
            if not self._device.ctx.submit_event(dict(event)):
                raise RuntimeError("the reader keeps no more than it can")

    def _told(self, command: Mapping[str, Any]) -> tuple[int, Mapping[str, Any] | None]:
        asked = command["command"] == self._osdp.Command.Status
        if asked:
            self.asked += 1
        else:
            self.commands.put(command)
        return (-1, None) if self._grudging else (0, command if asked else None)


def _without_security(said: bytes) -> bytes:
    """Take the capability for a secure channel out of what a reader says it can do."""
    frames = Frames()
    frames.feed(said)
    frame = frames.take()
    if frame is None or frame.code != PDCAP:
        return said
    head, rows, check = frame.data[:6], bytearray(frame.data[6:-2]), frame.data[-2:]
    for at in range(0, len(rows), 3):
        if rows[at] == SECURITY:
            rows[at + 1] = 0
    body = head + bytes(rows)
    return body + crc_hqx(body, CRC_START).to_bytes(len(check), "little")


class FakeOsdpLine:
    """A serial line whose far end is here, with a thread for it; `close` ends it.

    Args:
        path: its name at the near end; the terminal behind it changes when the line is plugged in again.
        readers: who is on it.
        byte_s: seconds that a byte of a reply takes; 0 for as fast as it goes.
        echo: the adapter hears its own commands.

    Attributes:
        readers: as given; may be changed.
        noise: comes before each reply.
        commands: how many were heard so far.
    """

    def __init__(
        self, path: Path, readers: Sequence[FakeOsdpReader] = (), *, byte_s: float = 0.0, echo: bool = False
    ) -> None:
        self.path = path
        self.readers = list(readers)
        self.noise = b""
        self.commands = 0
        self._byte_s = byte_s
        self._echo = echo
        self._far = self._near = -1
        self._lock = threading.Lock()
        self._frames = Frames()
        self._end = threading.Event()
        self.plug()
        self._thread = threading.Thread(target=self._run, name="fake osdp readers", daemon=True)
        self._thread.start()

    def plug(self) -> None:
        """Plug the adapter in."""
        far, near = pty.openpty()
        tty.setraw(near)
        os.set_blocking(far, False)
        with self._lock:
            self._far, self._near = far, near
            self.path.unlink(missing_ok=True)
            self.path.symlink_to(os.ttyname(near))

    def unplug(self) -> None:
        """Pull the adapter out: the terminal is gone for whoever has it open."""
        with self._lock:
            if self._far >= 0:
                self.path.unlink()
                os.close(self._far)
                os.close(self._near)
                self._far = self._near = -1
                self._frames.clear()

    def say(self, data: bytes) -> None:
        """Bytes that nobody asked for."""
        with self._lock:
            if self._far >= 0:
                os.write(self._far, data)

    def close(self) -> None:
        """End the thread and unplug. A second call does nothing."""
        self._end.set()
        self._thread.join()
        self.unplug()

    def _run(self) -> None:
        while not self._end.wait(TURN_S):
            for command in self._commands():
                if self._echo:
                    self.say(command.data)
                for reader in list(self.readers):
                    self._answer(reader.hear(command))

    def _commands(self) -> Sequence[Frame]:
        with self._lock:
            if self._far < 0:
                return ()
            try:
                self._frames.feed(os.read(self._far, 4096))
            except BlockingIOError:
                return ()
        found: list[Frame] = []
        while (frame := self._frames.take()) is not None:
            found.append(frame)
        self.commands += len(found)
        return found

    def _answer(self, reply: bytes) -> None:
        if not reply:
            return
        data = self.noise + reply
        if self._byte_s == 0.0:
            self.say(data)
            return
        for at in range(len(data)):
            self.say(data[at : at + 1])
            self._end.wait(self._byte_s)
