"""PN532 readers in the site's file: what makes no sense is one line."""

from __future__ import annotations

import pytest

from tests.test_settings import building, complaints


def readers(*rows: str) -> str:
    """Readers of the north's entry and exit."""
    sides = ("entry", "exit", "exit")
    listed = ", ".join(f'{{kind="pn532", side="{sides[at]}"{row}}}' for at, row in enumerate(rows))
    return f"devices.north.readers=[{listed}]"


def test_a_reader_is_on_the_thermometers_bus_unless_its_row_says_another() -> None:
    north = building(readers("", ", bus=3")).devices["north"]
    assert north.thermometer is not None
    assert [reader.bus for reader in north.readers] == [north.thermometer.bus, 3]


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (("", ""), ": readers.1.bus: bus 1 has a PN532 already: all have one address"),
        ((', role="code"',), ".readers.0: kind pn532: expected role card"),
        ((', form="wiegand26"',), ".readers.0: form: expected uid with kind pn532, which reads UIDs, found wiegand26"),
        ((', path="/dev/in"',), ".readers.0: expected path with kind hid or osdp, and only there"),
        ((", address=36",), ".readers.0: address: expected with kind osdp only"),
        ((", reversed_bytes=true",), ".readers.0: reversed_bytes: expected with kind hid or osdp or wiegand only"),
        ((", bus=31",), ".readers.0.bus: input should be less than or equal to 30, found 31"),
    ],
)
def test_a_reader_that_cannot_work_is_refused(rows: tuple[str, ...], fault: str) -> None:
    assert complaints(readers(*rows)) == (f"devices.north{fault}",)


def test_another_kind_has_no_bus() -> None:
    (line,) = complaints('devices.north.readers=[{path="/dev/in", bus=1}]')
    assert line == "devices.north.readers.0: bus: expected with kind pn532 only"


def test_the_pins_of_a_bus_are_taken() -> None:
    west = 'devices={west={kind="gate", exit_beam={pin=3}, readers=[{side="exit", kind="pn532"}]}}'
    assert complaints(west) == ("devices.west: exit_beam.pin: BCM 3 is already used by readers.0.bus",)
    assert complaints("devices.north.exit_beam.pin=2", readers("", ", bus=3")) == (
        "devices.north: exit_beam.pin: BCM 2 is already used by thermometer.bus",
    )
