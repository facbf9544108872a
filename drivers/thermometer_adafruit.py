"""The same thermometer over the library `adafruit_mlx90614`, behind a guard of our own.

The library reads two bytes and believes them: no packet error code, no error bit, no range. So each
value is read twice; both must be in range and agree. A sensor that answers the same wrong value
twice gets through here and not through `drivers.thermometer_mlx90614`, which is to be preferred
wherever the kernel drives the bus.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Protocol, cast

from drivers.thermometer_mlx90614 import (
    ADDRESS,
    BadReading,
    celsius_of,
    check_raw,
    no_answer,
    raw_of,
)
from edge.gate.vocabulary import TemperatureFailed, TemperatureTaken


class Sensor(Protocol):
    """The part of `adafruit_mlx90614.MLX90614` that is used; temperatures in Celsius."""

    @property
    def object_temperature(self) -> float:
        """What the sensor sees."""
        ...

    @property
    def ambient_temperature(self) -> float:
        """The sensor's own temperature."""
        ...


_MakeSensor = Callable[[], Sensor]


class AdafruitMlx90614:
    """One sensor on a CircuitPython bus.

    The library probes the sensor when its object is made, so that waits for the first reading, and
    is done again after every failure.

    Args:
        i2c: a CircuitPython bus (`board.I2C()`), 100 kHz; it stays its opener's to close.
        address: bus address.
        agree_c: how far two readings in a row may differ, kelvin. 0.3 is 4 sigma of the difference
            for parts of 0.05 K noise; take 6 sigma of a noisier part.

    Raises:
        ModuleNotFoundError: the library is not installed; it comes with the extra ``adafruit``.
    """

    def __init__(self, i2c: object, *, address: int = ADDRESS, agree_c: float = 0.3) -> None:
        import adafruit_mlx90614

        self._make = cast(_MakeSensor, partial(adafruit_mlx90614.MLX90614, i2c, address))
        self._address = address
        self._agree_c = agree_c
        self._sensor: Sensor | None = None

    def measure(self) -> TemperatureTaken | TemperatureFailed:
        """One reading of object and ambient: four transfers, about 3 ms at 100 kHz."""
        try:
            sensor = self._sensor or self._make()
            self._sensor = None  # until this reading has succeeded
            skin_raw = self._agreed(sensor.object_temperature, sensor.object_temperature)
            ambient_raw = self._agreed(sensor.ambient_temperature, sensor.ambient_temperature)
        except BadReading as fault:
            return TemperatureFailed(str(fault))
        except ValueError:
            return TemperatureFailed(f"no answer at 0x{self._address:02X} (probe)")
        except OSError as fault:
            return no_answer(self._address, fault)
        self._sensor = sensor
        return TemperatureTaken(celsius_of(skin_raw), celsius_of(ambient_raw), skin_raw)

    def close(self) -> None:
        """Forget the sensor; the bus belongs to who opened it."""
        self._sensor = None

    def _agreed(self, first_c: float, second_c: float) -> int:
        """The raw value of the later of two readings.

        Raises:
            BadReading: one of them cannot be, or they differ.
        """
        raws = [self._raw(celsius) for celsius in (first_c, second_c)]
        if abs(first_c - second_c) > self._agree_c:
            raise BadReading(f"two readings differ by {abs(first_c - second_c):.2f} K")
        return raws[1]

    def _raw(self, celsius: float) -> int:
        if not math.isfinite(celsius):
            raise BadReading("not a number")
        return check_raw(raw_of(celsius))
