"""The Pi's I2C buses as CircuitPython's libraries want them."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, SupportsBytes, cast

from smbus2 import SMBus, i2c_msg


def open_circuitpython() -> object:
    """Open the bus on pins SDA and SCL.

    Raises:
        ModuleNotFoundError: the extra ``adafruit`` is not installed.
        NotImplementedError, RuntimeError: this is no board that Blinka knows.
    """
    board, busio = import_module("board"), import_module("busio")
    return busio.I2C(board.SCL, board.SDA)


class Bus(Protocol):
    """The part of `smbus2.SMBus` that is used."""

    def i2c_rdwr(self, *i2c_msgs: i2c_msg) -> None:
        """One transaction."""
        ...

    def close(self) -> None:
        """Close the bus."""
        ...


class KernelI2C:
    """A bus by its number, for libraries that write and read but do not join the two; CircuitPython knows one only.

    Args:
        bus: an open `smbus2.SMBus`.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def try_lock(self) -> bool:
        """The kernel keeps transfers apart, and one thread a bus keeps exchanges apart."""
        return True

    def unlock(self) -> None:
        """Nothing to give back."""

    def writeto(self, address: int, buffer: bytes | bytearray, *, start: int = 0, end: int | None = None) -> None:
        """Write a slice of a buffer.

        Raises:
            OSError: nobody acknowledges, the bus hangs, or nothing is written and the bus cannot write nothing.
        """
        self._bus.i2c_rdwr(i2c_msg.write(address, bytes(buffer[start:end])))

    def readfrom_into(self, address: int, buffer: bytearray, *, start: int = 0, end: int | None = None) -> None:
        """Read into a slice of a buffer.

        Raises:
            OSError: nobody acknowledges, or the bus hangs.
        """
        end = len(buffer) if end is None else end
        answer = i2c_msg.read(address, end - start)
        self._bus.i2c_rdwr(answer)
        # the library's type stub mistakes what __bytes__ returns
        buffer[start:end] = bytes(cast(SupportsBytes, answer))

    def close(self) -> None:
        """Close the bus."""
        self._bus.close()


def open_kernel(bus: int) -> KernelI2C:
    """Open ``/dev/i2c-{bus}``.

    Raises:
        OSError: it is not there, or not ours.
    """
    return KernelI2C(SMBus(bus))
