"""The two wires of an I2C bus with chips on them, and the kernel's side of it under real smbus2.

`FakeBus` runs the library's own code down to the ``ioctl`` that it ends in, so messages are the real
structures; nothing in the library is patched. `FakeMlx90614` is the thermometer's chip.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from types import FunctionType
from typing import Any, Protocol, cast

from smbus2 import I2cFunc, SMBus, i2c_msg
from smbus2.smbus2 import I2C_M_RD, I2C_RDWR

from drivers.thermometer_mlx90614 import ADDRESS, AMBIENT, OBJECT, RAW_IDLE, pec, raw_of

Celsius = Callable[[], float]
"""Where a chip gets a temperature, or its noise, from: degrees, or kelvin, now."""


class Chip(Protocol):
    """Something on the bus."""

    @property
    def address(self) -> int:
        """Bus address, 7 bits."""
        ...

    @property
    def hold_s(self) -> float:
        """Seconds for which the chip holds the next transfer up."""
        ...

    def acknowledges(self) -> bool:
        """Whether it answers to its address, this time."""
        ...

    def answer(self, written: bytes, length: int) -> bytes:
        """Take what was written and give so many bytes."""
        ...


class I2cWire:
    """Clock and data line.

    Args:
        timeout_s: how long the kernel waits for one transfer, seconds; its default is 1.

    Attributes:
        elapsed_s: what transfers have cost since `take_elapsed_s`, seconds. Nobody sleeps here:
            who runs the simulation delays the answer by it.
    """

    def __init__(self, *, timeout_s: float = 1.0) -> None:
        self.elapsed_s = 0.0
        self._timeout_s = timeout_s
        self._chips: dict[int, Chip] = {}

    def attach(self, chip: Chip) -> None:
        """Solder a chip to the bus."""
        self._chips[chip.address] = chip

    def take_elapsed_s(self) -> float:
        """The cost of the transfers since the last call."""
        elapsed_s, self.elapsed_s = self.elapsed_s, 0.0
        return elapsed_s

    def transfer(self, address: int, written: bytes, length: int) -> bytes:
        """Write, then read, in one transaction.

        Raises:
            OSError: EREMOTEIO (121) nobody acknowledged; ETIMEDOUT (110) the clock was held too long.
        """
        chip = self._chips.get(address)
        if chip is None or not chip.acknowledges():
            raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))
        hold_s = chip.hold_s
        if hold_s > self._timeout_s:
            self.elapsed_s += self._timeout_s
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        self.elapsed_s += hold_s
        return chip.answer(written, length)


class _Message(Protocol):
    addr: int
    flags: int
    len: int
    buf: ctypes.Array[ctypes.c_char]


class _Transaction(Protocol):
    msgs: ctypes.Array[Any]
    nmsgs: int


class FakeBus(SMBus):
    """An open `smbus2.SMBus` whose kernel is us. Of its calls `i2c_rdwr` is served.

    Args:
        wire: the bus.
    """

    def __init__(self, wire: I2cWire) -> None:
        super().__init__()
        self.fd = 0
        self.funcs = I2cFunc.I2C
        self._wire = wire
        # the library's own function, with an `ioctl` of ours in its sight
        real = SMBus.i2c_rdwr
        self._rdwr = FunctionType(real.__code__, {**real.__globals__, "ioctl": self._ioctl})

    def i2c_rdwr(self, *i2c_msgs: i2c_msg) -> None:
        """Several messages as one transaction."""
        self._rdwr(self, *i2c_msgs)

    def close(self) -> None:
        """Close the bus: later transfers fail with EBADF."""
        self.fd = None

    def _ioctl(self, fd: int | None, request: int, argument: object) -> int:
        if fd is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        if request != I2C_RDWR:
            raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))
        transaction = cast(_Transaction, argument)
        count, written = transaction.nmsgs, b""
        for place in range(count):
            message = cast(_Message, transaction.msgs[place])
            if message.flags & I2C_M_RD:
                data = self._wire.transfer(message.addr, written, message.len)
                ctypes.memmove(message.buf, data, message.len)
                written = b""
            else:
                written = ctypes.string_at(message.buf, message.len)
                if place + 1 == count:
                    self._wire.transfer(message.addr, written, 0)
        return count


def _silent() -> float:
    return 0.0


class FakeMlx90614:
    """The thermometer's chip, with its faults as plain attributes.

    Args:
        object_c: what it sees.
        ambient_c: its own temperature.
        noise: added to each object reading, kelvin.
        ambient_noise: added to each ambient reading, kelvin.
        address: bus address.

    Attributes:
        absent: it does not acknowledge (errno 121).
        corrupt: bits of the answer flip on the way, others each time; the error code tells.
        stuck: both values stay what they were when this was set.
        error_bit: the object reading carries the chip's error bit.
        out_of_range: both readings are 0xFFFF.
        slow: each transfer takes ``slow_s``; one longer than the kernel waits is errno 110.
        slow_s: seconds.
        intermittent: one transfer in ``intermittent_every`` is not acknowledged, the first one first.
        intermittent_every: 2: every other one.
        writes: attempts to write to it, which must not happen.
    """

    def __init__(
        self,
        object_c: Celsius,
        ambient_c: Celsius,
        *,
        noise: Celsius = _silent,
        ambient_noise: Celsius = _silent,
        address: int = ADDRESS,
    ) -> None:
        self.address = address
        self.absent = False
        self.corrupt = False
        self.error_bit = False
        self.out_of_range = False
        self.slow = False
        self.slow_s = 0.8
        self.intermittent = False
        self.intermittent_every = 2
        self.writes = 0
        self._sources = {OBJECT: (object_c, noise), AMBIENT: (ambient_c, ambient_noise)}
        self._frozen: dict[int, int] | None = None
        self._calls = 0
        self._flips = 0

    @property
    def stuck(self) -> bool:
        """Fault: both values stay what they were when this was set."""
        return self._frozen is not None

    @stuck.setter
    def stuck(self, on: bool) -> None:
        if not on:
            self._frozen = None
        elif self._frozen is None:
            self._frozen = {register: self._raw(register) for register in self._sources}

    @property
    def hold_s(self) -> float:
        """Seconds for which the next transfer is held up."""
        return self.slow_s if self.slow else 0.0

    def acknowledges(self) -> bool:
        """Whether it answers, this time."""
        if self.intermittent:
            self._calls += 1
            return not self.absent and self._calls % self.intermittent_every != 1
        self._calls = 0
        return not self.absent

    def answer(self, written: bytes, length: int) -> bytes:
        """Low byte, high byte, error code; what the bus floats to after that or without a command."""
        if len(written) > 1:
            self.writes += 1
        if not written or not length:
            return b"\xff" * length
        register = written[0]
        data = self._raw(register).to_bytes(2, "little")
        header = bytes((self.address << 1, register, self.address << 1 | 1))
        data += bytes((pec(header + data),))
        if self.corrupt:
            # bits 8 to 14 in turn: at least 5 K apart, so that no two readings agree
            self._flips += 1
            data = bytes((data[0], data[1] ^ 1 << self._flips % 7, data[2]))
        return data[:length].ljust(length, b"\xff")

    def _raw(self, register: int) -> int:
        if register not in self._sources:
            return 0
        if self.out_of_range:
            return RAW_IDLE
        if self._frozen is not None:
            raw = self._frozen[register]
        else:
            source, noise = self._sources[register]
            raw = min(max(raw_of(source() + noise()), 0), 0x7FFF)
        return raw | 0x8000 if self.error_bit and register == OBJECT else raw
