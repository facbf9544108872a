"""An I2C bus as CircuitPython libraries see it, over the same wires and chips as `FakeBus`."""

from __future__ import annotations

from simulators.wires.smbus import I2cWire


class FakeI2C:
    """What `busio.I2C` offers to a library, without a type in common.

    Args:
        wire: the bus.
    """

    def __init__(self, wire: I2cWire) -> None:
        self._wire = wire
        self._locked = False

    def try_lock(self) -> bool:
        """Take the bus, if nobody has it."""
        if self._locked:
            return False
        self._locked = True
        return True

    def unlock(self) -> None:
        """Give the bus back."""
        self._locked = False

    def writeto(self, address: int, buffer: bytes | bytearray, *, start: int = 0, end: int | None = None) -> None:
        """Write a slice of a buffer."""
        self._wire.transfer(address, bytes(buffer[start:end]), 0)

    def readfrom_into(self, address: int, buffer: bytearray, *, start: int = 0, end: int | None = None) -> None:
        """Read into a slice of a buffer."""
        end = len(buffer) if end is None else end
        buffer[start:end] = self._wire.transfer(address, b"", end - start)

    def writeto_then_readfrom(
        self,
        address: int,
        out_buffer: bytes | bytearray,
        in_buffer: bytearray,
        *,
        out_start: int = 0,
        out_end: int | None = None,
        in_start: int = 0,
        in_end: int | None = None,
    ) -> None:
        """Write a slice, then read into a slice, in one transaction."""
        in_end = len(in_buffer) if in_end is None else in_end
        written = bytes(out_buffer[out_start:out_end])
        in_buffer[in_start:in_end] = self._wire.transfer(address, written, in_end - in_start)
