"""Readers on two wires in the site's file: pins, formats and the one card form, refused before anything moves."""

from __future__ import annotations

import pytest

from edge.settings import Building
from tests.test_settings import building, complaints

ENTRY = 'kind="wiegand", d0=12, d1=13'
OWN = '{bits=26, facility="2-9", card="10-25", parities=[{at=1, kind="even", covers="2-13"}]}'


def west(reader: str) -> str:
    """A site with one exit, and one reader there."""
    return f'devices={{west={{kind="gate", exit_beam={{pin=25}}, readers=[{{side="exit", {reader}}}]}}}}'


def readers(*rows: str, device: str = "north") -> str:
    return f"devices.{device}.readers=[{', '.join('{' + row + '}' for row in rows)}]"


def wiegand_26(building_: Building) -> list[str]:
    """Every reader of the site takes the numbers of Wiegand 26."""
    names = [(name, place) for name, gate in building_.gates().items() for place, _ in enumerate(gate.readers)]
    forms = [f"devices.{name}.readers.{place}.form=wiegand26" for name, place in names]
    return ["site.card_form=wiegand26", *forms]


FORMS = wiegand_26(building())


def refused(*rows: str, forms: bool = False) -> str:
    """The one complaint about the readers of the north."""
    sizes = () if forms else tuple(f"devices.{name}.readers.0.uid_bytes=4" for name in ("south", "west"))
    (line,) = complaints(*(FORMS if forms else ()), *sizes, readers(*rows))
    return line


def uid_4(*rows: str) -> Building:
    """A site whose cards have a UID of 4 bytes, some of them read over Wiegand 34."""
    others = [f'devices.{name}.readers=[{{side="exit", path="/dev/x", uid_bytes=4}}]' for name in ("west",)]
    south = 'devices.south.readers=[{path="/dev/x", uid_bytes=4}, {path="/dev/y", side="exit", uid_bytes=4}]'
    return building(*others, south, readers(*rows))


# --- pins -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pins", "line"),
    [
        ("d0=12, d1=12", "devices.north.readers.0: d1: BCM 12 is already used by d0"),
        ("d0=17, d1=13", "devices.north: readers.0.d0: BCM 17 is already used by lock"),
        ("d0=12, d1=24", "devices.north: readers.0.d1: BCM 24 is already used by entry_beam"),
        ("d0=2, d1=13", "devices.north: readers.0.d0: BCM 2 is already used by thermometer.bus"),
        ("d0=12, d1=3", "devices.north: readers.0.d1: BCM 3 is already used by thermometer.bus"),
        ("d0=28, d1=13", "devices.north.readers.0.d0: input should be less than or equal to 27, found 28"),
        ("d0=12", "devices.north.readers.0: expected d0 and d1 with kind wiegand, and only there"),
    ],
)
def test_each_data_wire_has_a_pin_of_its_own(pins: str, line: str) -> None:
    assert refused(f'kind="wiegand", {pins}, form="wiegand26"', forms=True) == line


def test_two_readers_do_not_share_a_pin() -> None:
    two = (f'{ENTRY}, form="wiegand26"', 'side="exit", kind="wiegand", d0=16, d1=13, form="wiegand26"')
    assert refused(*two, forms=True) == "devices.north: readers.1.d1: BCM 13 is already used by readers.0.d1"


def test_two_lanes_are_two_computers() -> None:
    rows = (f'{ENTRY}, form="wiegand26"', 'side="exit", kind="wiegand", d0=16, d1=19, form="wiegand26"')
    site = building(*FORMS, readers(*rows), readers(*rows, device="south"))
    assert [gate.readers[0].d0 for gate in site.gates().values()] == [12, 12, None]


# --- what is whose --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ('path="/dev/x", d0=12, d1=13', "expected d0 and d1 with kind wiegand, and only there"),
        ('path="/dev/x", d1=13', "expected d0 and d1 with kind wiegand, and only there"),
        (f'{ENTRY}, path="/dev/x"', "expected path with kind hid or osdp, and only there"),
        (f'{ENTRY}, sends="hex"', "sends: expected with kind hid only"),
        (f"{ENTRY}, uid_bytes=4", "uid_bytes: expected with kind hid or osdp or pn532 only"),
        (f"{ENTRY}, address=1", "address: expected with kind osdp only"),
        ('path="/dev/x", keypad=4', "keypad: expected with kind wiegand only"),
        ('path="/dev/x", pull_up=true', "pull_up: expected with kind wiegand only"),
        (f'path="/dev/x", formats=[{OWN}]', "formats: expected with kind wiegand only"),
        ('kind="mqtt", formats=[]', "formats: expected with kind wiegand only"),
        ('path="/dev/x", form="wiegand"', "form: expected another than wiegand with kind hid, which has no formats"),
        (
            'kind="osdp", path="/dev/x", key_file="k", form="wiegand"',
            "form: expected another than wiegand with kind osdp, which has no formats",
        ),
    ],
)
def test_a_key_of_another_kind_of_reader_is_named(row: str, fault: str) -> None:
    assert refused(row) == f"devices.north.readers.0: {fault}"


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (f'{ENTRY}, role="code"', "expected keypad and no formats with role code"),
        (f'{ENTRY}, role="code", keypad=4, formats=[{OWN}]', "expected keypad and no formats with role code"),
        (
            f'{ENTRY}, side="exit", keypad=4',
            "keypad: expected at the entry only: nobody is asked for a code on the way out",
        ),
    ],
)
def test_a_keypad_is_at_the_entry_and_is_no_card_reader(row: str, fault: str) -> None:
    assert refused(row) == f"devices.north.readers.0: {fault}"


@pytest.mark.parametrize("keypad", ["6", "26", '"4"', "true"])
def test_a_key_has_four_bits_or_eight(keypad: str) -> None:
    assert refused(f"{ENTRY}, keypad={keypad}").startswith("devices.north.readers.0.keypad: input should be 4 or 8")


def test_a_keypad_alone_is_no_card_reader_at_the_entry() -> None:
    assert refused(f'{ENTRY}, role="code", keypad=4') == "devices.north: readers: expected a card reader at the entry"


# --- one card form --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "size"), [("uid", 4), ("wiegand26", 3), ("wiegand34", 4), ("wiegand37", 5)])
def test_the_form_says_how_long_a_number_is(form: str, size: int) -> None:
    site = building(f"site.card_form={form}", west(f'{ENTRY}, form="{form}"'))
    assert site.gates()["west"].readers[0].number_bytes == size


def test_another_form_than_the_sites_is_refused() -> None:
    found = "expected 'uid', the site's card_form, found 'wiegand26': one site, one card form"
    assert refused(f'{ENTRY}, form="wiegand26"') == f"(file): devices.north.readers.0.form: {found}"
    assert refused(ENTRY, forms=True).endswith("expected 'wiegand26', the site's card_form, found 'uid': one site, "
                                               "one card form")  # fmt: skip


@pytest.mark.parametrize("size", [7, 10])
def test_a_uid_that_does_not_go_through_the_wires_is_refused(size: int) -> None:
    """Readers that cut it to 4 bytes make cards collide."""
    sizes = [f"devices.{name}.readers.0.uid_bytes={size}" for name in ("south", "west")]
    (line,) = complaints(*sizes, readers(ENTRY))
    assert line == f"(file): readers: expected numbers of one size, found 4 and {size} bytes: one site, one card form"


def test_beside_wiegand_every_reader_says_how_long_a_uid_is() -> None:
    """A card of 7 bytes would be one number here, and another one there."""
    (line,) = complaints(readers(ENTRY, 'side="exit", path="/dev/y", uid_bytes=4'))
    expected = "expected uid_bytes = 4 at every other reader, which is what comes over Wiegand"
    assert line == f"(file): readers: {expected}: one site, one card form"
    assert uid_4(ENTRY, 'side="exit", path="/dev/y", uid_bytes=4', 'path="/dev/z", role="code"')


# --- a site's own formats -------------------------------------------------------------------------------


def own(row: str, form: str = "wiegand26") -> str:
    return f'{ENTRY}, form="{form}", formats=[{row}]'


def test_a_row_names_the_whole_number() -> None:
    site = building(*FORMS, readers(own(OWN), 'side="exit", path="/dev/y", form="wiegand26"'))
    (row,) = site.gates()["north"].readers[0].formats
    assert row.number == tuple(range(2, 26))
    assert row.number_bytes == 3


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ('{card="2-25"}', ".formats.0.bits: missing"),
        ('{bits=26, card=""}', ".formats.0.card: expected bits such as 2-13 or 2,3,5-7, found ''"),
        ('{bits=26, card="2-"}', ".formats.0.card: expected bits such as 2-13 or 2,3,5-7, found '2-'"),
        ('{bits=26, card="25-2"}', ".formats.0.card: expected bits from 1 to 128 in rising order, found '25-2'"),
        ('{bits=129, card="2-25"}', ".formats.0.bits: input should be less than or equal to 128, found 129"),
        ('{bits=26, card="2-25", parity="1"}', ".formats.0.parity: unknown key"),
        ('{bits=24, card="2-25"}', ".formats.0: expected each bit once in facility, card and parities, from 1 to 24"),
        (
            '{bits=26, facility="2-10", card="10-25"}',
            ".formats.0: expected each bit once in facility, card and parities, from 1 to 26",
        ),
        (
            '{bits=26, card="1-24", parities=[{at=1, kind="odd", covers="2"}]}',
            ".formats.0: expected each bit once in facility, card and parities, from 1 to 26",
        ),
        (
            '{bits=26, card="2-25", parities=[{at=1, kind="odd", covers="2-26"}]}',
            ".formats.0: parities.0.covers: expected bits of the number or parity bits before, once",
        ),
        (
            '{bits=26, card="2-25", parities=[{at=1, kind="odd", covers="2,2"}]}',
            ".formats.0: parities.0.covers: expected bits of the number or parity bits before, once",
        ),
        (
            '{bits=26, card="2-25", parities=[{at=1, kind="none", covers="2"}]}',
            ".formats.0.parities.0.kind: input should be 'even' or 'odd', found 'none'",
        ),
        (
            '{bits=34, card="2-33"}',
            ": formats: expected numbers of one size, 3 bytes in form wiegand26, found 4",
        ),
        (
            f'{OWN}, {{bits=34, card="2-33"}}',
            ": formats: expected numbers of one size, 3 bytes in form wiegand26, found 3 and 4",
        ),
    ],
)
def test_a_row_that_makes_no_sense_is_named(row: str, fault: str) -> None:
    assert refused(own(row), forms=True) == f"devices.north.readers.0{fault}"


@pytest.mark.parametrize(
    ("form", "row", "fault"),
    [
        ("uid", '{bits=28, card="2-25"}', "4 or 7 or 10 bytes in form uid, found 3"),
        ("uid", '{bits=34, card="2-33"}, {bits=58, card="2-57"}', "4 or 7 or 10 bytes in form uid, found 4 and 7"),
        ("wiegand", '{bits=26, card="2-25"}, {bits=34, card="2-33"}', "2 to 16 bytes in form wiegand, found 3 and 4"),
    ],
)
def test_numbers_of_several_sizes_are_several_forms(form: str, row: str, fault: str) -> None:
    assert refused(own(row, form)) == f"devices.north.readers.0: formats: expected numbers of one size, {fault}"


def test_the_form_of_own_formats_needs_some() -> None:
    line = refused(f'{ENTRY}, form="wiegand"')
    assert line == "devices.north.readers.0: formats: missing; form wiegand is what they carry"


def test_no_frame_is_as_short_as_a_key() -> None:
    line = refused(f'{ENTRY}, form="wiegand", keypad=8, formats=[{{bits=8, card="1-8"}}]')
    assert line == "devices.north.readers.0.formats.0: expected a number of 2 to 16 bytes, found 1"


def test_a_uid_of_seven_bytes_goes_through_in_one_frame() -> None:
    row = '{bits=58, card="2-57", parities=[{at=1, kind="even", covers="2-29"}, {at=58, kind="odd", covers="30-57"}]}'
    assert building(west(own(row, "uid"))).gates()["west"].readers[0].number_bytes == 7
