"""The infrared thermometer Melexis MLX90614 on a kernel I2C bus, every transfer checked.

Figures are from the data sheet, Melexis 3901090614, revision 13. The EEPROM is never written: with
another library a write at run time left the sensor at -178 °C until its power was cut.

Reading heats the reading (8.4.9): whoever asks leaves the bus quiet for the part's settling time
before each sample. Known limitation: ``i2cdetect`` may miss the sensor on a Raspberry Pi 5 while
readings work; `Mlx90614.measure` is the health check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, SupportsBytes, cast

from smbus2 import i2c_msg

from edge.gate.vocabulary import TemperatureFailed, TemperatureTaken

ADDRESS = 0x5A
"""SMBus address as delivered."""

AMBIENT, OBJECT = 0x06, 0x07
"""RAM registers: the sensor's own temperature, the temperature of what it sees."""

RAW_MIN, RAW_MAX = 0x27AD, 0x7FFF
"""Valid readings: -70.01 to 382.19 °C."""

ERROR_BIT = 0x8000
"""Set by the chip in a reading that it does not trust."""

RAW_IDLE = 0xFFFF
"""What a bus reads on which nobody pulls low."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a variant of the sensor can do. All variants listed run from 3.3 V.

    Attributes:
        settle_s: quiet time before a sample, seconds.
        noise_c: standard deviation of one sample, kelvin.
        samples: readings of a full series; the noisy part needs more.
    """

    settle_s: float
    noise_c: float
    samples: int = 5


PARTS: Mapping[str, Part] = {
    "BAA": Part(0.10, 0.05),
    "DAA": Part(0.10, 0.05),
    "DCC": Part(0.14, 0.18, samples=9),
    "DCH": Part(0.65, 0.10),
    "DCI": Part(0.65, 0.10),
}
"""By the last three letters of the part number (data sheet: settling 8.4.9, noise). The number of samples
follows from the noise."""


class BadReading(ValueError):
    """A transfer that failed one of the checks; the message names the check."""


class Bus(Protocol):
    """The part of `smbus2.SMBus` that is used."""

    def i2c_rdwr(self, *i2c_msgs: i2c_msg) -> None:
        """One transaction of several messages, joined by repeated starts."""
        ...


def _crc8_table() -> bytes:
    table = bytearray()
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x107) if crc & 0x80 else crc << 1
        table.append(crc)
    return bytes(table)


_CRC8 = _crc8_table()


def pec(data: bytes) -> int:
    """The SMBus packet error code: CRC-8 with polynomial x⁸ + x² + x + 1 (SMBus specification)."""
    crc = 0
    for byte in data:
        crc = _CRC8[crc ^ byte]
    return crc


def raw_of(celsius: float) -> int:
    """The raw value nearest to a temperature; one step is 0.02 K."""
    return round((celsius + 273.15) * 50)


def celsius_of(raw: int) -> float:
    """The temperature of a raw value, without the dirt of binary fractions."""
    return round(raw * 0.02 - 273.15, 2)


def check_raw(raw: int) -> int:
    """The raw value, if a sensor in order can have meant it.

    Raises:
        BadReading: error bit set, or out of range.
    """
    if RAW_MIN <= raw <= RAW_MAX:
        return raw
    if raw & ERROR_BIT and raw != RAW_IDLE:
        raise BadReading("error bit")
    raise BadReading(f"raw 0x{raw:04X} out of range")


def no_answer(address: int, fault: OSError) -> TemperatureFailed:
    """The fact for a bus error: 121 nobody acknowledged, 110 it took too long."""
    return TemperatureFailed(f"no answer at 0x{address:02X} (errno {fault.errno})")


class Mlx90614:
    """One sensor on a bus.

    Args:
        bus: an open `smbus2.SMBus`, 10 to 100 kHz; it stays its opener's to close.
        address: SMBus address.
    """

    def __init__(self, bus: Bus, *, address: int = ADDRESS) -> None:
        self._bus = bus
        self._address = address
        self._commands = {register: i2c_msg.write(address, [register]) for register in (OBJECT, AMBIENT)}
        self._headers = {register: bytes((address << 1, register, address << 1 | 1)) for register in self._commands}

    def measure(self) -> TemperatureTaken | TemperatureFailed:
        """One reading of object and ambient; it takes about 1 ms at 100 kHz."""
        try:
            skin_raw = self._read(OBJECT)
            ambient_raw = self._read(AMBIENT)
        except BadReading as fault:
            return TemperatureFailed(str(fault))
        except OSError as fault:
            return no_answer(self._address, fault)
        return TemperatureTaken(celsius_of(skin_raw), celsius_of(ambient_raw), skin_raw)

    def close(self) -> None:
        """Nothing to release: the bus belongs to who opened it."""

    def _read(self, register: int) -> int:
        answer = i2c_msg.read(self._address, 3)
        self._bus.i2c_rdwr(self._commands[register], answer)
        # the library's type stub mistakes what __bytes__ returns
        data = bytes(cast(SupportsBytes, answer))
        if pec(self._headers[register] + data[:2]) != data[2]:
            raise BadReading("bad PEC")
        return check_raw(int.from_bytes(data[:2], "little"))
