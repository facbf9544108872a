"""What is wrong with the two wires of a reader, and who notices.

Each fault is told three times: what the guard sees (the retained alert), what the reader sees (the lane's display),
what the booking server gets (events).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge.assembly.fakes import read_stimuli
from edge.assembly.simulation import SimulatedGate
from edge.gate.vocabulary import CardRead, CodeRead, ReaderFound, ReaderLost, ReadingRejected
from edge.runtime.loop import Loop
from simulators.scenario import ScenarioError
from tests.gate.stories.story import HEALTHY_C, Story, Told, building, code
from tests.gate.stories.two_wires import BAO, MEI, WEST, got, morning, raised, shown, silent_about, site

CARD_FACTS = (CardRead, CodeRead, ReadingRejected, ReaderLost, ReaderFound)


@pytest.fixture
def story() -> Story:
    return morning()


# --- what is wrong with the wires -------------------------------------------------------------------------


def three_taps(story: Story, kind: str) -> Story:
    """A fault, three taps of Mei, the fault is mended, and Mei comes in."""
    story.north.breaks("reader", kind)
    for _ in range(3):
        story.after(2).north.tap(MEI)
    return story.at("09:12").north.mended("reader", kind).at("09:14").north.serves(MEI)


def reported(told: Told, error: str, **more: Any) -> None:
    """The third refusal in a row is an alert, the reader is asked to try again, and the next card ends it."""
    assert raised(told) == [{"error": error, **more}, None]
    assert got(told) == [("raised", "reader_fault-entry"), ("cleared", "reader_fault-entry")]
    assert told.event("alert.raised").data["severity"] == "warning"
    assert shown(told).count("tap_again") >= 1
    admitted = told.event("visit.admitted")
    assert admitted.at > told.when("09:14"), "nothing of a broken frame is a card"
    assert told.event("alert.cleared").at <= admitted.at
    assert told.reasons() == []
    assert told.topics("alerts/") == []
    silent_about(told, MEI, BAO)


def test_short_frames_are_counted_and_reported(story: Story) -> None:
    told = three_taps(story, "short").told()
    reported(told, "saw 4 of 26 bits: check pull-ups and cable", short_frames=3)


def test_turned_bits_are_reported(story: Story) -> None:
    reported(three_taps(story, "corrupt").told(), "expected odd parity in bit 26 of 26")


def test_swapped_wires_are_found_out(story: Story) -> None:
    told = three_taps(story, "swapped").told()
    reported(told, "D0 and D1 are swapped: 3 frames in a row are right only when inverted")


def test_two_bad_readings_are_a_hand_that_slipped(story: Story) -> None:
    story.north.breaks("reader", "short").north.tap(MEI).after(3).north.tap(MEI)
    story.after(3).north.mended("reader", "short").north.serves(MEI)
    told = story.told()
    assert told.kinds() == []
    assert len(told.events("visit.admitted")) == 1


def test_a_reader_that_is_too_slow_never_delivers_a_part_of_a_card(story: Story) -> None:
    story.north.face(34.6).after(1).north.breaks("reader", "slow").north.tap(MEI).after(10).north.leave()
    story.north.mended("reader", "slow").after(2).north.serves(MEI)
    told = story.told()
    assert [line.data["card"] for line in told.events("visit.admitted")] == [MEI.card]
    (data, taken_back) = raised(told)
    assert taken_back is None
    assert data is not None
    assert data["error"] == "saw 1 of 26 bits: check pull-ups and cable"
    assert data["short_frames"] > 3, "those that were not told are counted, too"


def test_a_wire_that_stays_low_loses_the_reader_and_finds_it_again(story: Story) -> None:
    story.north.breaks("reader", "stuck").after(5).north.meets(MEI).after(5).north.leave()
    story.at("09:12").north.mended("reader", "stuck").at("09:13").north.serves(MEI)
    told = story.told()
    assert raised(told) == [{"error": "D0 low at rest: check for a short circuit and pull-ups"}, None]
    assert got(told) == [("raised", "reader_fault-entry"), ("cleared", "reader_fault-entry")]
    assert told.event("alert.raised").at == pytest.approx(told.when("09:10"), abs=0.1)
    assert told.when("09:12") < told.event("alert.cleared").at < told.when("09:12:02"), (
        "found by itself, without a card"
    )
    assert "tap_again" not in shown(told), "nobody's hand slipped"
    assert told.event("visit.admitted").at > told.when("09:13")


def test_an_unplugged_reader_is_silent_and_reads_again(story: Story) -> None:
    """The wires say nothing of it: a known limitation of two wires that only speak when there is a card."""
    story.north.breaks("reader", "absent").after(2).north.meets(MEI).after(5).north.leave()
    story.at("09:12").north.mended("reader", "absent").at("09:13").north.serves(MEI)
    told = story.told()
    assert told.event("visit.admitted").at > told.when("09:13")
    assert told.kinds() == []


def test_every_other_card_of_an_intermittent_reader_is_read(story: Story) -> None:
    story.north.breaks("reader", "intermittent").after(1).north.meets(MEI).after(3).north.tap(MEI)
    told = story.told()
    assert told.event("visit.admitted").at > told.when("09:10:04")


# --- a storm ----------------------------------------------------------------------------------------------


class Counted:
    """Counts what the readers of the north say to its loop."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.facts: list[object] = []
        post = Loop.post

        def counting(loop: Loop, fact: Any) -> bool:
            if isinstance(fact, CARD_FACTS):
                self.facts.append(fact)
            return post(loop, fact)

        monkeypatch.setattr(Loop, "post", counting)


def test_a_storm_starves_nobody(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    story.north.breaks("reader", "storm")
    story.after(3).south.serves(BAO)
    story.at("09:10:10").north.do("fire", active=True).at("09:10:12").north.do("fire", active=False)
    story.guard("north", "normal").at("09:10:15").north.do("release_button").at("09:10:25").north.exits(BAO)
    story.at("09:10:30").north.mended("reader", "storm").at("09:10:40").north.serves(MEI)
    told = story.told()
    storm = "storm: 256 pulses without a pause: check shield, ground and pull-ups"
    # the guard
    assert raised(told) == [{"error": storm}, None]
    assert got(told) == [
        ("raised", "reader_fault-entry"), ("raised", "fire"), ("cleared", "fire"), ("cleared", "reader_fault-entry")
    ]  # fmt: skip
    # everybody else, meanwhile
    fire, button = told.openings("north")[:2]
    assert fire[0] == pytest.approx(told.when("09:10:10"), abs=0.01)
    assert button[0] == pytest.approx(told.when("09:10:15"), abs=0.01)
    assert told.event("visit.exited", "north").data["card"] == BAO.card, "the other reader of the lane is heard"
    # the loop: one word at the beginning, one at the end, and Bao's and Mei's cards
    assert [type(fact) for fact in counted.facts] == [ReaderLost, CardRead, CardRead, ReaderFound, CardRead]
    # the reader
    assert "tap_again" not in shown(told)
    assert told.event("visit.admitted", "north").at > told.when("09:10:40")


def test_a_storm_costs_a_gate_next_to_nothing(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its own loop is asked to do: a few looks a second, whatever the wires do."""
    asked: list[float] = []
    call_at = Loop.call_at

    def counting(loop: Loop, deadline: float, callback: Any) -> None:
        if "WiegandReader" in repr(callback):
            asked.append(deadline)
        call_at(loop, deadline, callback)

    monkeypatch.setattr(Loop, "call_at", counting)
    story.north.breaks("reader", "storm").after(20).north.mended("reader", "storm")
    story.told()
    assert 20 < len(asked) <= 20 * 12


def test_a_storm_before_the_way_out_is_the_way_outs() -> None:
    story = morning(WEST).north.serves(MEI)
    story.at("09:20").west.breaks("reader", "storm").after(5).west.exits(MEI).after(5).west.mended("reader", "storm")
    told = story.told()
    assert got(told, "west") == [("raised", "reader_fault-exit"), ("cleared", "reader_fault-exit")]
    assert told.event("visit.exited", "west").data["card"] is None, "the beam has seen somebody"
    assert got(told, "north") == []


# --- switched off and on ----------------------------------------------------------------------------------


def test_a_wire_that_is_low_at_the_start_is_said_again(story: Story) -> None:
    story.north.breaks("reader", "stuck").after(10).north.power_cut(10)
    story.at("09:12").north.mended("reader", "stuck").at("09:13").north.serves(MEI)
    told = story.told()
    assert [word for word, _ in got(told)] == ["raised", "cleared", "raised", "cleared"]
    assert len(told.events("visit.admitted")) == 1


def test_a_card_that_lay_there_in_a_power_cut_lets_nobody_in(story: Story) -> None:
    story.north.face(34.6).after(1).north.tap(MEI).after(0.004).north.power_cut(5)
    story.after(30).north.leave().after(1).north.serves(BAO)
    told = story.told()
    assert [line.data["card"] for line in told.events("visit.admitted")] == [BAO.card]
    assert told.kinds() == []


def test_half_a_card_from_before_a_power_cut_spoils_none_after_it(story: Story) -> None:
    story.north.breaks("reader", "slow").north.tap(MEI).after(0.5).north.power_cut(0.4)
    story.after(0.6).north.mended("reader", "slow").after(2).north.serves(BAO)
    told = story.told()
    assert [line.data["card"] for line in told.events("visit.admitted")] == [BAO.card]


def test_the_same_storm_twice_is_the_same_to_the_byte() -> None:
    def told() -> Told:
        story = Story("08:55", *site(entry=", keypad=8")).caps().booked(MEI, code=code("12")).at("09:10")
        story.north.breaks("reader", "storm").after(2).north.mended("reader", "storm").after(3)
        return story.north.face(HEALTHY_C).after(1).north.tap(MEI, "12").told()

    first, second = told(), told()
    assert first.transcript == second.transcript
    assert first.server_log == second.server_log
    assert len(first.events("visit.admitted")) == 1


# --- scenarios --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["absent", "corrupt", "stuck", "slow", "intermittent", "swapped", "short", "storm"])
def test_after_every_fault_that_such_a_reader_can_have_a_tap_works_again(story: Story, kind: str) -> None:
    story.north.breaks("reader", kind).after(1).north.tap(BAO).after(4).north.mended("reader", kind)
    story.after(3).north.serves(MEI)
    told = story.told()
    assert [line.data["card"] for line in told.events("visit.admitted")] == [MEI.card]
    assert told.topics("alerts/") == []


@pytest.mark.parametrize(
    ("sites", "line", "error"),
    [
        (
            (),
            {"do": "fault", "part": "reader", "kind": "storm", "on": True},
            "kind: reader cannot be storm; it can be absent, corrupt, stuck, slow, intermittent",
        ),
        (
            site(),
            {"do": "fault", "part": "reader", "kind": "error_bit", "on": True},
            "kind: reader cannot be error_bit; it can be "
            "absent, corrupt, stuck, slow, intermittent, swapped, short, storm",
        ),
        ((), {"do": "tap", "card": "A1B2C3"}, "card: expected a UID of 4, 7 or 10 bytes in hex"),
        (
            site(),
            {"do": "tap", "card": "A1B2C3D4E5"},
            "card: expected a UID of 4, 7 or 10 bytes, or a number of 3 in hex",
        ),
    ],
)
def test_a_line_that_makes_no_sense_here_says_what_would(
    sites: tuple[str, ...], line: dict[str, Any], error: str
) -> None:
    with pytest.raises(ScenarioError) as refused:
        list(read_stimuli([json.dumps({"at": 1, "device": "north", **line})], building(*sites)))
    assert str(refused.value) == f"line 1: {error}"


def test_the_world_breaks_the_reader_that_people_use(story: Story) -> None:
    told = story.north.breaks("reader", "storm").told(until="09:10:01")
    north = told.simulation.devices["north"]
    assert isinstance(north, SimulatedGate)
    assert {name for name, reader in north.world.readers.items() if getattr(reader, "storm", False)} == {"entry"}
