"""The serial line as libosdp's channel: commands out, whole replies in, and never an exception into libosdp.

What libosdp 3.2 does not do for itself is done here:

- It is built for whole packets and forgets a reply that comes in pieces, so on a real line nobody would ever come
  online. A reply is handed over when all of it is there and its check holds; one that has begun is waited for.
- It drops a reader when the late reply of another one arrives while it waits. Only the reader that was asked is heard.
- It goes on as if nothing had happened when its channel raises. A fault is kept in `OsdpWire.broken` instead.
"""

from __future__ import annotations

import select
import termios
from binascii import crc_hqx
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

SOM = 0x53
"""Start of a message."""

HEADER = 5
"""Bytes of a message before its data: start, address, length twice, control."""

SHORTEST, LONGEST = HEADER + 2, 255
"""Bytes of a message: one of data and a checksum at least; libosdp holds 256 with the mark before it."""

REPLY_BIT, CRC_BIT, SECURE_BIT, SEQUENCE = 0x80, 0x04, 0x08, 0x03
CRC_START = 0x1D0F
"""CRC-16 of the OSDP specification begins with it; its polynomial is that of `binascii.crc_hqx`."""

SESSION = range(0x15, 0x19)
"""Types of security blocks within an established secure channel; those before belong to its making."""

NAK, PDCAP, CCRYPT, BUSY = 0x41, 0x46, 0x76, 0x79
"""Replies that mean something here."""

KEYSET = 0x75
"""The command that carries a key."""

REPLY_S = 0.2
"""A reader begins its reply within so long, seconds (OSDP specification; libosdp waits as long)."""

GAP_S = 0.1
"""Silence within a reply that ends it, seconds. Adapters hold bytes back for up to 16 ms; a busy machine does, too."""

WRITE_S = 1.0
"""A command that cannot be written within so long means that the line is broken, seconds: 255 bytes at 9600 baud
take 0.27."""


class Port(Protocol):
    """The part of `serial.Serial` that is used."""

    def fileno(self) -> int:
        """Descriptor to wait on."""
        ...

    def read(self, size: int, /) -> bytes:
        """What is there; waits for nothing."""
        ...

    def write(self, data: bytes, /) -> int | None:
        """Send all of it."""
        ...

    def flush(self) -> None:
        """Wait until all of it is on the line."""
        ...

    def reset_input_buffer(self) -> None:
        """Forget what has come."""
        ...

    def close(self) -> None:
        """Close the descriptor."""
        ...


FAULTS = (OSError, termios.error)
"""What a `Port` raises when its line is gone."""


def open_port(path: str, baud: int) -> Port:
    """Open a serial line for us alone.

    Args:
        path: a stable name under ``/dev/serial/by-id`` or ``by-path``; ``ttyUSBN`` changes.
        baud: bits a second.

    Raises:
        OSError: it is not there, not ours, or in use.
        ModuleNotFoundError: the extra ``osdp`` is not installed.
    """
    port: Port = import_module("serial").Serial(path, baud, timeout=0, write_timeout=WRITE_S, exclusive=True)
    return port


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of OSDP whose check holds.

    Attributes:
        data: all of it, from its start to its check.
    """

    data: bytes

    @property
    def is_reply(self) -> bool:
        """Whether a reader sent it."""
        return bool(self.data[1] & REPLY_BIT)

    @property
    def address(self) -> int:
        """Of the reader."""
        return self.data[1] & ~REPLY_BIT

    @property
    def sequence(self) -> int:
        """A reply has that of its command."""
        return self.data[4] & SEQUENCE

    @property
    def in_session(self) -> bool:
        """Whether it belongs to an established secure channel; if it is genuine, libosdp knows."""
        return bool(self.data[4] & SECURE_BIT) and self.data[HEADER + 1] in SESSION

    @property
    def code(self) -> int:
        """Which command or reply it is; never encrypted."""
        at = HEADER + (self.data[HEADER] if self.data[4] & SECURE_BIT else 0)
        return self.data[at] if at < len(self.data) else 0


class Frames:
    """Finds whole messages among bytes, whatever stands between them."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    @property
    def begun(self) -> bool:
        """Whether the beginning of a message is there, or what looks like it."""
        return bool(self._bytes)

    def feed(self, data: bytes) -> None:
        """Bytes have come."""
        self._bytes += data

    def skip(self) -> None:
        """The message that has begun does not go on: another may have begun within it."""
        del self._bytes[:1]

    def clear(self) -> None:
        """Forget all."""
        self._bytes.clear()

    def take(self) -> Frame | None:
        """The next whole message; None where there is none yet."""
        while (start := self._bytes.find(SOM)) >= 0:
            del self._bytes[:start]
            if len(self._bytes) < HEADER:
                return None
            size = self._bytes[2] | self._bytes[3] << 8
            if SHORTEST <= size <= LONGEST:
                if len(self._bytes) < size:
                    return None
                data = bytes(self._bytes[:size])
                if _holds(data):
                    del self._bytes[:size]
                    return Frame(data)
            self.skip()
        self.clear()
        return None


class OsdpWire:
    """One serial line, for one `osdp.ControlPanel`. For one thread.

    Args:
        port: the opened line, from `open_port`.
        baud: bits a second.
        monotonic: seconds.

    Attributes:
        id: of the channel, for libosdp, which takes a channel with the number 0 for one that nobody has.
        broken: what went wrong with the line, in words; None while it works.
        last: the last reply of each address.
        sessions: how many replies of each address came within a secure channel.
        key_sent: whether a command with a key went out.
    """

    id = 1

    def __init__(self, port: Port, baud: int, monotonic: Callable[[], float]) -> None:
        self.broken: str | None = None
        self.last: dict[int, Frame] = {}
        self.sessions: Counter[int] = Counter()
        self.key_sent = False
        self._port = port
        self._longest_s = 2 * LONGEST * 10 / baud
        self._monotonic = monotonic
        self._frames = Frames()
        self._asked: Frame | None = None
        self._written_s = 0.0
        self._whole = b""

    def read(self, max_bytes: int) -> bytes:
        """The reply, or the next part of it; nothing where none has begun `REPLY_S` after the command."""
        if not self._whole:
            self._whole = self._reply()
        part, self._whole = self._whole[:max_bytes], self._whole[max_bytes:]
        return part

    def write(self, data: bytes) -> int:
        """Send a command, and wait until it is on the line: only then a reader can answer."""
        self._whole = b""
        self._frames.feed(data)
        self._asked = self._frames.take()
        self._frames.clear()
        if self._asked is not None and self._asked.code == KEYSET:
            self.key_sent = True
        try:
            self._port.write(data)
            self._port.flush()
        except FAULTS as fault:
            self._break(fault)
        self._written_s = self._monotonic()
        return len(data)

    def flush(self) -> None:
        """Forget what came so far: libosdp is about to ask."""
        self._frames.clear()
        try:
            self._port.reset_input_buffer()
        except FAULTS as fault:
            self._break(fault)

    def close(self) -> None:
        """Give the line back."""
        self._port.close()

    def _reply(self) -> bytes:
        """Wait for the reply to what was asked; noise ends that as well as silence does."""
        begins_s = max(self._written_s + REPLY_S, self._monotonic())
        while self.broken is None and self._monotonic() <= begins_s + self._longest_s:
            frame = self._frames.take()
            if frame is not None:
                if self._answers(frame):
                    self.last[frame.address] = frame
                    self.sessions[frame.address] += frame.in_session
                    return frame.data
            elif self._comes(GAP_S if self._frames.begun else begins_s - self._monotonic()):
                self._take()
            elif self._frames.begun:
                self._frames.skip()
            else:
                break
        return b""

    def _answers(self, frame: Frame) -> bool:
        """Whether it is a reply of the reader that was asked, to what it was asked."""
        if self._asked is None or not frame.is_reply or frame.address != self._asked.address:
            return False
        return frame.sequence == self._asked.sequence or frame.code in (NAK, BUSY)

    def _comes(self, within_s: float) -> bool:
        waiter = select.poll()
        try:
            waiter.register(self._port.fileno(), select.POLLIN)
        except FAULTS as fault:
            self._break(fault)
            return False
        return bool(waiter.poll(max(within_s, 0.0) * 1000))

    def _take(self) -> None:
        try:
            self._frames.feed(self._port.read(LONGEST))
        except FAULTS as fault:
            self._break(fault)

    def _break(self, fault: Exception) -> None:
        words = str(fault.args[-1] if fault.args else type(fault).__name__)
        self.broken = self.broken or f"the line is gone: {' '.join(words.split())}"


def _holds(data: bytes) -> bool:
    """Whether the check at the end of a message agrees."""
    if data[4] & CRC_BIT:
        return len(data) > SHORTEST and crc_hqx(data[:-2], CRC_START) == int.from_bytes(data[-2:], "little")
    return sum(data) & 0xFF == 0
