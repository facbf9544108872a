"""A fever at the door, from the second look to the day the card may come in again."""

from __future__ import annotations

import pytest

from edge.gate import register
from tests.gate.stories.story import CHEN, FEVERISH_C, HEALTHY_C, LI, WANG, Story


def test_a_fever_is_looked_at_twice_and_then_refused(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI, FEVERISH_C)
    told = story.told()
    denied = told.event("visit.denied")
    assert denied.data["reason"] == "fever"
    assert denied.at >= told.when("09:10:00.8") + 5.0
    assert denied.data["skin_c"] == pytest.approx(FEVERISH_C, abs=0.06)
    assert denied.data["estimate_c"] == pytest.approx(FEVERISH_C + 2.0, abs=0.06)
    assert told.openings("north") == []
    assert told.inside() == 0


def test_the_guard_is_called_and_the_lane_is_held(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI, FEVERISH_C)
    told = story.told()
    raised = told.event("alert.raised", "north")
    assert (raised.data["kind"], raised.data["severity"], raised.data["by"]) == ("fever", "critical", None)
    assert told.modes("north") == ["held"]
    assert told.retained("lanes/north")["mode"] == "held"
    [alert] = told.topics("alerts/north/")
    assert {"kind": "fever", "severity": "critical", "acknowledged_by": None}.items() <= told.retained(alert).items()
    assert told.modes("south") == []


def test_the_display_never_writes_the_word_fever(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI, FEVERISH_C)
    shown = [lane["text"] for lane in story.told().messages("lanes/north")]
    assert any("step aside for a second check" in text["en"] for text in shown)
    assert any("请到旁边复测" in text["zh"] for text in shown)
    for text in shown:
        assert "fever" not in text["en"].lower()
        assert not {"发热", "发烧", "体温"} & {text["zh"][i : i + 2] for i in range(len(text["zh"]))}


def test_a_held_lane_refuses_everybody_and_lets_everybody_out(story: Story) -> None:
    story.booked(LI, WANG).at("09:09").south.serves(WANG)
    story.at("09:10").north.meets(LI, FEVERISH_C)
    story.at("09:11").north.tap(CHEN)
    story.at("09:12").north.exits(WANG)
    told = story.told()
    assert told.reasons("north") == ["fever", "held"]
    assert told.event("visit.exited", "north").data["card"] == WANG.card
    assert told.openings("north") == []


def test_a_reader_who_waited_behind_a_fever_is_sent_to_another_lane(story: Story) -> None:
    story.booked(LI, WANG).at("09:10").north.meets(LI, FEVERISH_C).after(2).north.tap(WANG)
    told = story.told()
    assert [(line.data["card"], line.data["reason"]) for line in told.events("visit.denied")] == [
        (LI.card, "fever"),
        (WANG.card, "held"),
    ]


def test_led_aside_opens_the_lane_again_but_not_for_the_held_card(story: Story) -> None:
    story.booked(LI, WANG).at("09:10").north.meets(LI, FEVERISH_C).after(20).north.leave()
    story.at("09:11").guard("north", "led_aside")
    story.at("09:12").north.serves(WANG).at("09:13").north.tap(LI).at("09:14").south.tap(LI)
    told = story.told()
    assert told.modes("north") == ["held", "normal"]
    assert told.alerts("fever") == ["raised", "cleared"]
    assert told.topics("alerts/north/") == []
    assert told.event("visit.admitted").data["card"] == WANG.card
    assert told.reasons() == ["fever", "held", "held"]


def test_the_hold_is_known_at_every_gate_until_a_contact_thermometer_clears_it(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI, FEVERISH_C).after(20).north.leave()
    story.at("09:11").guard("north", "led_aside")
    story.at("09:20").guard("south", "record_check", card=LI.card, contact_c=36.8)
    story.at("09:25").north.serves(LI)
    told = story.told(until="09:26")
    [held, cleared] = told.messages(f"holds/{LI.card}")
    assert {"card": LI.card, "by": "north", "cause": "fever"}.items() <= held.items()
    assert held["since"].startswith("2026-03-09T09:10:")
    assert cleared is None
    assert told.topics("holds/") == []
    assert told.done("record_check") == [None]
    assert told.event("visit.admitted").data["card"] == LI.card


@pytest.mark.parametrize(("contact_c", "cleared"), [(37.3, True), (37.4, False), (39.0, False)])
def test_a_contact_temperature_clears_a_hold_up_to_the_threshold(story: Story, contact_c: float, cleared: bool) -> None:
    story.booked(LI).at("09:10").north.meets(LI, FEVERISH_C)
    story.at("09:20").guard("north", "record_check", card=LI.card, contact_c=contact_c)
    told = story.told()
    assert told.results("north") == [(True, None)]
    assert (told.topics("holds/") == []) is cleared


def test_the_office_may_clear_a_hold_without_a_measurement(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI, FEVERISH_C).after(20).north.leave()
    story.at("09:11").guard("north", "led_aside")
    story.at("09:20").guard("south", "clear_hold", card=LI.card)
    story.at("09:25").north.serves(LI)
    told = story.told()
    assert told.topics("holds/") == []
    assert len(told.events("visit.admitted")) == 1


def test_a_second_look_that_is_fine_lets_the_reader_in(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI, 35.5).after(3).north.face(34.8)
    told = story.told()
    assert told.event("visit.admitted").data["skin_c"] == pytest.approx(34.8, abs=0.06)
    assert told.kinds() == []


def test_a_suspect_who_walks_away_is_not_let_in(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI, FEVERISH_C).after(2).north.leave()
    told = story.told()
    assert told.reasons() == ["temperature_invalid"]
    assert told.openings("north") == []
    assert told.when("09:10:15") < told.event("visit.denied").at < told.when("09:10:17"), "the pause, and face_s"


@pytest.mark.parametrize("away_s", [0.0, 1.0, 15.0])
@pytest.mark.parametrize(("skin_c", "reasons"), [(FEVERISH_C, ["fever"]), (HEALTHY_C, [])])
def test_however_long_the_pause_whoever_is_there_after_it_is_measured(
    away_s: float, skin_c: float, reasons: list[str]
) -> None:
    """Asked to step aside, a reader does; and this pause is longer than a measurement may take."""
    story = Story("08:55", "screening.recheck_s=20").caps().booked(LI)
    story.at("09:10").north.meets(LI, FEVERISH_C).after(3)
    if away_s:
        story.north.leave().after(away_s)
    told = story.north.face(skin_c).told()
    assert told.reasons() == reasons
    judged = told.events("visit.denied") or told.events("visit.admitted")
    assert told.when("09:10:20.8") < judged[0].at < told.when("09:10:23")


def test_just_below_the_threshold_passes_and_just_above_does_not(story: Story) -> None:
    story.booked(LI, WANG).at("09:10").north.serves(LI, 35.2).at("09:20").north.meets(WANG, 35.4)
    told = story.told()
    assert told.event("visit.admitted").data["card"] == LI.card
    assert told.reasons() == ["fever"]


def test_somebody_who_comes_in_from_the_cold_is_asked_to_wait_not_let_in(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI, 32.0).after(5).north.leave().at("09:12").north.serves(LI)
    told = story.told()
    assert told.reasons() == ["temperature_invalid"]
    assert len(told.events("visit.admitted")) == 1
    assert any("warm up indoors" in lane["text"]["en"] for lane in told.messages("lanes/north"))


@pytest.mark.parametrize(("do", "keys", "open_s"), [("release_button", {}, 5.0), ("fire", {"active": True}, None)])
def test_the_release_button_and_fire_work_during_the_second_look(
    story: Story, do: str, keys: dict[str, bool], open_s: float | None
) -> None:
    story.booked(LI).at("09:10").north.meets(LI, FEVERISH_C).after(2).north.do(do, **keys)
    told = story.told()
    [(opened, closed)] = told.openings("north")
    assert opened == pytest.approx(told.when("09:10:02.8"), abs=0.01)
    assert closed == (None if open_s is None else pytest.approx(opened + open_s, abs=0.01))
    assert told.events("visit.admitted") == []


def test_a_fever_at_a_gate_that_is_cut_off_is_known_everywhere_when_it_is_back(story: Story) -> None:
    story.booked(LI).at("09:09").north.link(False)
    story.at("09:10").north.meets(LI, FEVERISH_C)
    story.at("09:20").north.link(True).at("09:25").south.tap(LI)
    told = story.told()
    assert told.reasons() == ["fever", "held"]
    assert told.topics("holds/") == [f"holds/{LI.card}"]


def test_a_hold_survives_the_power_cut_of_the_gate_that_set_it(story: Story) -> None:
    story.booked(LI).at("09:09").north.link(False)
    story.at("09:10").north.meets(LI, FEVERISH_C)
    story.at("09:11").north.power_cut(30).at("09:15").north.link(True).at("09:20").south.tap(LI)
    told = story.told()
    assert told.reasons() == ["fever", "held"]
    assert told.topics("holds/") == [f"holds/{LI.card}"]


def test_ask_for_a_check_of_a_card_that_is_not_held_is_an_error(story: Story) -> None:
    story.at("09:10").guard("north", "record_check", card=LI.card, contact_c=36.5)
    story.after(1).guard("north", "clear_hold", card=LI.card).after(1).guard("north", "led_aside")
    assert [ok for ok, _ in story.told().results("north")] == [False, False, False]


def test_a_fever_beyond_all_holds_is_refused_and_holds_the_lane_and_the_guard_hears_that_the_card_is_free(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever it is is measured again wherever they come; no other hold is dropped for theirs."""
    monkeypatch.setattr(register, "LIMITS", {"holds": 0, "zones": 1})
    monkeypatch.setattr(register, "ROOM", {"holds": 1, "zones": 1})
    story.booked(LI, WANG).at("09:10").guard("north", "admit", card=LI.card, temperature_c=38.4)
    story.at("09:11").guard("north", "admit", card=WANG.card, temperature_c=38.4)
    story.at("09:12").north.meets(WANG, FEVERISH_C)
    told = story.told()
    full = "holds: 1 are known, expected at most 1"
    assert told.results("north") == [
        (False, "fever: this person is not admitted"),
        (False, f"fever: this person is not admitted; the card is not held: {full}"),
    ]
    assert told.reasons() == ["fever"]
    assert told.modes("north") == ["held"]
    assert told.event("alert.raised", kind="fever").data["error"] == full
    assert told.topics("holds/") == [f"holds/{LI.card}"]


def test_normal_does_not_end_what_only_led_aside_ends_and_says_so(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI, 36.4).after(12).guard("north", "normal")
    told = story.told()
    [(ok, error)] = told.results("north")
    assert not ok
    assert "led_aside" in (error or "")
    assert told.modes("north")[-1] == "held"
