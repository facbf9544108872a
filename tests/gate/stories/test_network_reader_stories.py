"""A reader on the network: a whole number in the site's card form, and perhaps a code, is a tap; nothing else is."""

from __future__ import annotations

import pytest

from tests.gate.stories.story import LI, Person, Story, building, code

ALL_READERS = [
    f"devices.{name}.readers.{place}"
    for name, gate in building().devices.items()
    for place, _ in enumerate(gate.readers)
]
WIEGAND_26 = ('site.card_form="wiegand26"', *(f'{reader}.form="wiegand26"' for reader in ALL_READERS))
BYTES = "04A1B2C3D4E5F60718293A4B5C6D7E8F"


def test_a_card_over_the_network_is_a_tap(story: Story) -> None:
    story.booked(LI).at("09:10").north.face()
    story.after(1).sends("readers/north", {"uid": LI.uid.lower(), "code": None})
    told = story.told()
    assert told.event("visit.admitted").data["card"] == LI.card
    assert LI.uid not in told.transcript


@pytest.mark.parametrize(("typed", "reasons"), [("4711", []), ("4712", ["wrong_code"]), (None, ["wrong_code"])])
def test_its_code_is_the_readers_code(story: Story, typed: str | None, reasons: list[str]) -> None:
    story.booked(LI, code=code("4711")).at("09:10").north.face()
    told = story.after(1).sends("readers/north", {"uid": LI.uid, "code": typed}).told()
    assert told.reasons() == reasons
    assert len(told.events("visit.admitted")) == 1 - len(reasons)


@pytest.mark.parametrize(("form", "whole"), [((), (8, 14, 20)), (WIEGAND_26, (6,))], ids=["uid", "wiegand26"])
def test_only_a_whole_number_of_the_sites_form_is_a_card(form: tuple[str, ...], whole: tuple[int, ...]) -> None:
    """What is cut, or of another form, may be somebody else's number: it is no card, and stands nowhere."""
    people = {digits: Person("somebody", BYTES[:digits]) for digits in range(4, 33)}
    story = Story("08:55", *form).caps().at("09:10")
    for person in people.values():
        story.after(5).sends("readers/north", {"uid": person.uid})
    told = story.told()
    expected = " or ".join(map(str, whole))
    assert [line.data for line in told.events("message.rejected")] == [
        {
            "topic": "gatehouse/demo/readers/north",
            "error": f"readers/north: uid: expected {expected} hex digits, found {digits}",
        }
        for digits in people
        if digits not in whole
    ]
    assert [line.data["card"] for line in told.events("visit.denied")] == [people[digits].card for digits in whole]
    assert BYTES[:4] not in told.transcript + str(told.server_log)


def test_a_number_in_another_form_is_rejected_with_its_code(story: Story) -> None:
    """The code stands beside no card: it belongs to nobody's next tap."""
    story.booked(LI, code=code("4711")).at("09:10").sends("readers/north", {"uid": LI.uid[:-2], "code": "4711"})
    assert story.after(1).north.meets(LI).told().reasons() == ["wrong_code"]
