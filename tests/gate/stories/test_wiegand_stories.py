"""Readers on two wires: whatever form the site's cards have, what comes over them is a card, a code or a refusal."""

from __future__ import annotations

import io
import json
from datetime import datetime

import pytest

from edge.assembly.fakes import read_stimuli
from edge.assembly.simulate import Run, Simulation
from edge.runtime.config import load
from edge.settings import Building
from edge.site.tokens import card_token, code_token
from simulators.wires.wiegand import KEY_S
from tests.gate.stories.story import CONFIG, DAY, LI, Person, Story, code
from tests.gate.stories.two_wires import ENTRY, EXIT, MEI, WEST, morning, shown, silent_about, site


@pytest.fixture
def story() -> Story:
    return morning()


# --- all is well ----------------------------------------------------------------------------------------


def test_a_card_over_two_wires_opens_the_lane_at_once(story: Story) -> None:
    story.north.face(34.6).after(2).north.tap(MEI).after(1).north.passes().after(1).north.leave()
    story.at("09:40").north.exits(MEI)
    told = story.told()
    admitted, exited = told.event("visit.admitted"), told.event("visit.exited")
    assert admitted.data["card"] == exited.data["card"] == MEI.card
    assert admitted.at - told.when("09:10:02") < 0.05, "a frame, the silence after it, the disk"
    assert exited.data["visit"] == admitted.data["visit"]
    assert told.inside() == 0
    assert told.kinds() == []
    silent_about(told, MEI)


def test_an_exit_on_two_wires_counts_too() -> None:
    told = morning(WEST).north.serves(MEI).at("09:40").west.exits(MEI).told()
    assert told.event("visit.exited", "west").data["card"] == MEI.card


@pytest.mark.parametrize(
    ("form", "entry", "uid"),
    [
        ("wiegand26", "", "A1B2C3"),
        ("wiegand26", ", reversed_bytes=true", "A1B2C3"),
        ("wiegand26", ", pull_up=false", "A1B2C3"),
        ("wiegand34", "", "0812ABCD"),
        ("wiegand37", "", "07FFFFFFFF"),
        ("uid", "", "04A1B2C3"),
        ("uid", ", reversed_bytes=true", "04A1B2C3"),
    ],
)
def test_the_whole_number_becomes_the_sites_card(form: str, entry: str, uid: str) -> None:
    person = Person("mei", uid)
    story = Story("08:55", *site(form, entry)).caps().booked(person).at("09:10").north.serves(person)
    story.at("09:30").south.exits(person).at("09:40").south.serves(person)
    told = story.told()
    assert [line.device for line in told.events("visit.admitted", card=person.card)] == ["north", "south"]
    assert told.reasons() == []


CORPORATE = """formats=[{bits=35, facility="3-14", card="15-34", parities=[
    {at=2, kind="even", covers="3-4,6-7,9-10,12-13,15-16,18-19,21-22,24-25,27-28,30-31,33-34"},
    {at=35, kind="odd", covers="2-3,5-6,8-9,11-12,14-15,17-18,20-21,23-24,26-27,29-30,32-33"},
    {at=1, kind="odd", covers="2-35"}]}]"""
"""Facility 12, card 20, parities with gaps and one over all."""


def test_a_site_may_have_cards_of_its_own_format() -> None:
    own = f'form="wiegand", {CORPORATE}'
    both = f"[{{{ENTRY}, {own}}}, {{{EXIT}, {own}}}]"
    readers = [
        f"devices.north.readers={both}",
        f"devices.south.readers={both}",
        f"devices.west.readers=[{{{EXIT}, {own}}}]",
    ]
    person = Person("mei", "DEADBEEF")
    story = Story("08:55", "site.card_form=wiegand", *readers).caps().booked(person)
    story.at("09:10").north.serves(person).at("09:30").west.exits(person)
    told = story.told()
    assert told.event("visit.admitted").data["card"] == told.event("visit.exited").data["card"] == person.card


def test_two_lanes_of_one_site_know_the_same_card(story: Story) -> None:
    story.north.serves(MEI).at("09:20").south.meets(MEI)
    assert story.told().reasons("south") == ["already_inside"]


def test_a_card_of_another_form_is_asked_for_again_and_is_nobody(story: Story) -> None:
    story.north.meets(LI)
    told = story.told()
    assert told.events("visit.denied") == []
    assert shown(told)[-2:] == ["tap_again", "present_card"]
    assert told.kinds() == []


def test_the_example_of_a_site_with_such_readers_lets_somebody_in_and_out() -> None:
    site = load(CONFIG.parents[1] / "wiegand" / "site.toml", Building)
    session = {"id": "am", "opens": "09:00", "closes": "11:30"}
    caps = {"revision": 1, "building": 9, "zones": {"stacks-3": 9}, "sessions": [session]}
    secret = site.site.secret()
    row = {
        "booking": "B-1",
        "card": card_token(secret, MEI.uid),
        "zone": "stacks-3",
        "code": code_token(secret, "4711"),
    }
    lines = [
        {"at": 0, "device": "server", "do": "caps", "payload": caps},
        {"at": 0, "device": "server", "do": "bookings", "date": DAY, "session": "am",
         "payload": {"revision": 1, "bookings": [row]}},
        {"at": 60, "device": "north", "do": "face", "skin_c": 34.6},
        {"at": 61, "device": "north", "do": "tap", "card": MEI.uid, "code": "4711"},
        {"at": 64, "device": "north", "do": "pass"},
        {"at": 90, "device": "north", "do": "exit", "card": MEI.uid},
    ]  # fmt: skip
    out = io.StringIO()
    run = Run(datetime.fromisoformat(f"{DAY}T09:10:00+08:00"))
    Simulation(site, run, out).play(read_stimuli(map(json.dumps, lines), site))
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    visits = [line["type"] for line in told if line["type"].startswith("visit.")]
    assert visits == ["visit.admitted", "visit.passed", "visit.exited"]


# --- a keypad on the same wires ---------------------------------------------------------------------------


def keypad(bits: int, role: str = "") -> Story:
    rows = f", keypad={bits}{f', role={role}' if role else ''}"
    story = Story("08:55", *site(entry=rows)).caps()
    return story.booked(MEI, code=code("4711")).at("09:10")


@pytest.mark.parametrize("bits", [4, 8])
def test_a_code_from_the_keypad_belongs_to_the_tap_that_follows(bits: int) -> None:
    story = keypad(bits).north.face(34.6).after(1).north.tap(MEI, "4711")
    told = story.told()
    admitted = told.event("visit.admitted", card=MEI.card)
    typed_s = 5 * KEY_S  # four digits and the #
    assert admitted.at == pytest.approx(told.when("09:10:01") + typed_s, abs=0.05)
    assert "4711" not in json.dumps(told.server_log)
    assert told.kinds() == []


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("typed", [None, "4712", "47", "47*11", "letters"])
def test_another_code_or_none_is_the_wrong_one(bits: int, typed: str | None) -> None:
    story = keypad(bits).north.face(34.6).after(1).north.tap(MEI, typed)
    told = story.told()
    assert told.reasons() == ["wrong_code"]
    assert told.events("visit.admitted") == []
    assert told.kinds() == []


def test_whoever_mistypes_begins_anew_with_the_star() -> None:
    story = keypad(4).north.face(34.6).after(1).north.tap(MEI, "99*4711")
    assert len(story.told().events("visit.admitted")) == 1


def test_somebody_who_guesses_at_the_keypad_is_stopped_as_at_any_other() -> None:
    story = keypad(4)
    for guess in range(6):
        story.north.face(34.6).after(1).north.tap(MEI, f"000{guess}").after(20).north.leave().after(5)
    story.north.face(34.6).after(1).north.tap(MEI, "4711")
    told = story.told()
    assert told.reasons() == ["wrong_code"] * 7
    assert told.retained("lanes/north")["step"] == "present_card"
    texts = [message["text"]["en"] for message in told.messages("lanes/north") if message["reason"] == "wrong_code"]
    assert len(set(texts)) == 2, "at last: wait"


def test_a_keypad_alone_stands_beside_a_usb_reader() -> None:
    rows = f'{{path="/dev/in", form="wiegand26"}}, {{{ENTRY}, form="wiegand26", role="code", keypad=8}}'
    exit_ = '{path="/dev/out", side="exit", form="wiegand26"}'
    story = Story("08:55", *site(), f"devices.north.readers=[{rows}, {exit_}]").caps()
    story.booked(MEI, code=code("4711")).at("09:10").north.face(34.6).after(1).north.tap(MEI, "4711")
    assert len(story.told().events("visit.admitted", card=MEI.card)) == 1
