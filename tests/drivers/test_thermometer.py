"""No reading of the thermometer is believed that a fault has touched, over either library."""

from __future__ import annotations

import math
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smbus2 import i2c_msg

from drivers.thermometer_adafruit import AdafruitMlx90614
from drivers.thermometer_mlx90614 import (
    PARTS,
    RAW_MAX,
    RAW_MIN,
    BadReading,
    Mlx90614,
    celsius_of,
    check_raw,
    pec,
    raw_of,
)
from edge.gate.vocabulary import TemperatureFailed, TemperatureTaken
from simulators.wires.circuitpython import FakeI2C
from simulators.wires.smbus import FakeBus, FakeMlx90614, I2cWire


class Bench:
    """A sensor looking at something of 34.6 °C in a hall of 22 °C."""

    def __init__(self, backend):
        self.object_c, self.ambient_c = 34.6, 22.0
        self.wire = I2cWire()
        self.chip = FakeMlx90614(lambda: self.object_c, lambda: self.ambient_c)
        self.wire.attach(self.chip)
        self.driver = Mlx90614(FakeBus(self.wire)) if backend == "smbus2" else AdafruitMlx90614(FakeI2C(self.wire))

    def measure(self):
        return self.driver.measure()


@pytest.fixture(params=["smbus2", "adafruit"])
def bench(request):
    return Bench(request.param)


@pytest.fixture
def smbus():
    return Bench("smbus2")


@pytest.fixture
def adafruit():
    return Bench("adafruit")


GOOD = TemperatureTaken(skin_c=34.61, ambient_c=21.99, skin_raw=15388)


def test_the_packet_error_code_of_the_data_sheets_example():
    assert pec(bytes.fromhex("B407B5D23A")) == 0x30


def test_a_good_reading(bench):
    assert bench.measure() == GOOD


@given(celsius=st.floats(-70, 380))
def test_every_temperature_of_the_range_arrives_within_half_a_step(celsius):
    for backend in ("smbus2", "adafruit"):
        bench = Bench(backend)
        bench.object_c = celsius
        reading = bench.measure()
        assert isinstance(reading, TemperatureTaken)
        assert abs(reading.skin_c - celsius) <= 0.011
        assert reading.skin_raw == raw_of(celsius)
        assert celsius_of(reading.skin_raw) == reading.skin_c


NO_ANSWER = r"no answer at 0x5A \(errno 121\)$"
FAULTS = {
    "absent": (NO_ANSWER, r"no answer at 0x5A \((errno 121|probe)\)$"),
    "corrupt": ("bad PEC$", r"two readings differ by \d+\.\d\d K$|raw 0x1C1C out of range$"),
    "error_bit": ("error bit$", "error bit$"),
    "out_of_range": ("raw 0xFFFF out of range$", "raw 0xFFFF out of range$"),
    "intermittent": (NO_ANSWER, NO_ANSWER),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("backend", ["smbus2", "adafruit"])
def test_a_fault_is_named_for_as_long_as_it_lasts_and_no_longer(backend, fault):
    bench = Bench(backend)
    assert bench.measure() == GOOD
    setattr(bench.chip, fault, True)
    for _ in range(20):
        reading = bench.measure()
        assert isinstance(reading, TemperatureFailed)
        assert re.match(FAULTS[fault][backend == "adafruit"], reading.error)
    setattr(bench.chip, fault, False)
    assert bench.measure() == GOOD


def test_a_sensor_that_is_not_there_at_the_start_is_found_later(bench):
    bench.chip.absent = True
    assert isinstance(bench.measure(), TemperatureFailed)
    bench.chip.absent = False
    assert bench.measure() == GOOD


def test_a_raw_value_of_zero_is_no_reading(bench):
    bench.object_c = -273.15
    assert bench.measure() == TemperatureFailed("raw 0x0000 out of range")


def test_a_bad_ambient_reading_spoils_a_good_object_reading(bench):
    bench.ambient_c = -99.99
    assert bench.measure() == TemperatureFailed("raw 0x21D2 out of range")


def test_a_stuck_sensor_shows_in_the_raw_value_which_never_moves(bench):
    bench.chip.stuck = True
    bench.object_c = 38.91
    assert {bench.measure() for _ in range(10)} == {GOOD}
    bench.chip.stuck = False
    assert bench.measure().skin_c == 38.91


def test_a_slow_sensor_costs_virtual_time_and_answers(bench):
    bench.measure()
    assert bench.wire.take_elapsed_s() == 0.0
    bench.chip.slow = True
    assert bench.measure() == GOOD
    assert bench.wire.take_elapsed_s() > 1.0
    assert bench.wire.take_elapsed_s() == 0.0


def test_the_kernel_gives_up_a_sensor_that_is_too_slow(bench):
    bench.measure()
    bench.chip.slow, bench.chip.slow_s = True, 2.0
    assert bench.measure() == TemperatureFailed("no answer at 0x5A (errno 110)")
    assert bench.wire.take_elapsed_s() == 1.0


def test_nothing_is_ever_written_to_the_sensor(bench):
    for fault in FAULTS:
        setattr(bench.chip, fault, True)
        bench.measure()
        setattr(bench.chip, fault, False)
    bench.measure()
    assert bench.chip.writes == 0


def test_the_chip_notices_a_write():
    bench = Bench("smbus2")
    FakeBus(bench.wire).i2c_rdwr(i2c_msg.write(0x5A, [0x24, 0xFF, 0xFF, 0x00]))
    assert bench.chip.writes == 1


def test_noise_of_the_part_passes_and_the_median_is_true(bench):
    noise = random.Random(7)
    bench.chip = FakeMlx90614(lambda: 34.6, lambda: 22.0, noise=lambda: noise.gauss(0, PARTS["DAA"].noise_c))
    bench.wire.attach(bench.chip)
    readings = [bench.measure() for _ in range(101)]
    taken = sorted(reading.skin_c for reading in readings if isinstance(reading, TemperatureTaken))
    assert len(taken) == 101
    assert abs(taken[50] - 34.6) < 0.03
    assert len(set(taken)) > 5


class Flipped(I2cWire):
    """A bus that flips one bit of an answer."""

    def __init__(self, transfer, bit):
        super().__init__()
        self.countdown, self.bit = transfer, bit

    def transfer(self, address, written, length):
        data = super().transfer(address, written, length)
        if self.countdown == 0:
            data = (int.from_bytes(data, "little") ^ 1 << self.bit).to_bytes(length, "little")
        self.countdown -= 1
        return data


@pytest.mark.parametrize("transfer", [0, 1])
@pytest.mark.parametrize("bit", range(24))
def test_no_single_bit_can_flip_unnoticed_over_smbus2(transfer, bit):
    wire = Flipped(transfer, bit)
    wire.attach(FakeMlx90614(lambda: 34.6, lambda: 22.0))
    assert Mlx90614(FakeBus(wire)).measure() == TemperatureFailed("bad PEC")


@pytest.mark.parametrize("transfer", [1, 2, 3, 4])
@pytest.mark.parametrize("bit", range(16))
def test_a_flipped_bit_over_adafruit_is_noticed_or_too_small_to_matter(transfer, bit):
    wire = Flipped(transfer, bit)  # transfer 0 is the probe
    wire.attach(FakeMlx90614(lambda: 34.6, lambda: 22.0))
    reading = AdafruitMlx90614(FakeI2C(wire)).measure()
    if isinstance(reading, TemperatureTaken):
        assert abs(reading.skin_c - GOOD.skin_c) <= 0.3
        assert abs(reading.ambient_c - GOOD.ambient_c) <= 0.3


def test_the_library_alone_believes_what_the_guard_refuses(adafruit):
    import adafruit_mlx90614

    bare = adafruit_mlx90614.MLX90614(FakeI2C(adafruit.wire))
    adafruit.chip.out_of_range = True
    assert round(bare.object_temperature, 2) == 1037.55
    adafruit.chip.out_of_range, adafruit.chip.error_bit = False, True
    assert round(bare.object_temperature, 2) == 689.97


@pytest.mark.parametrize("nonsense", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_refused(adafruit, nonsense):
    class Nonsense:
        object_temperature = ambient_temperature = nonsense

    adafruit.driver._sensor = Nonsense()
    assert adafruit.measure() == TemperatureFailed("not a number")


def test_after_a_failure_the_library_is_made_anew(adafruit):
    adafruit.measure()
    before = adafruit.driver._sensor
    adafruit.chip.error_bit = True
    adafruit.measure()
    adafruit.chip.error_bit = False
    adafruit.measure()
    assert adafruit.driver._sensor is not before


@given(raw=st.integers(0, 0xFFFF))
def test_only_the_documented_range_is_a_temperature(raw):
    if RAW_MIN <= raw <= RAW_MAX:
        assert check_raw(raw) == raw
    else:
        with pytest.raises(BadReading):
            check_raw(raw)


def test_other_addresses_stay_silent(smbus):
    assert Mlx90614(FakeBus(smbus.wire), address=0x5B).measure() == TemperatureFailed("no answer at 0x5B (errno 121)")


def test_a_closed_bus_fails_like_the_kernels(smbus):
    bus = FakeBus(smbus.wire)
    bus.close()
    assert Mlx90614(bus).measure() == TemperatureFailed("no answer at 0x5A (errno 9)")


def test_two_buses_do_not_mix():
    warm, cold = Bench("smbus2"), Bench("smbus2")
    cold.object_c = 12.01
    readings = warm.measure(), cold.measure()
    assert [isinstance(r, TemperatureTaken) and r.skin_c for r in readings] == [34.61, 12.01]
