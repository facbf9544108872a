"""Who may come in, and what everybody else is told: each reason a single gate can give, and their order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gate.stories.story import CHEN, LI, PHONE, WANG, ZHAO, Person, Story, building, code

# --- let in ------------------------------------------------------------------------------------------


def test_a_booked_reader_who_was_looked_at_first_is_let_in_by_the_tap_at_once(story: Story) -> None:
    story.booked(LI).at("09:10:00").north.face(34.6)
    story.at("09:10:02").north.tap(LI)
    told = story.told()
    admitted = told.event("visit.admitted", "north")
    assert admitted.data["card"] == LI.card
    assert (admitted.data["zone"], admitted.data["booking"], admitted.data["by"]) == ("stacks-3", "B-li", "booking")
    assert admitted.data["lane"] == "north"
    assert admitted.at - told.when("09:10:02") < 0.05


def test_the_temperatures_of_an_admission_are_the_persons(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI, 34.6)
    data = story.told().event("visit.admitted").data
    assert data["skin_c"] == pytest.approx(34.6, abs=0.06)
    assert data["ambient_c"] == pytest.approx(22.0, abs=0.06)
    assert data["estimate_c"] == pytest.approx(data["skin_c"] + 2.0, abs=0.001)
    assert data["estimate_c"] == round(data["estimate_c"], 2)


def test_the_lock_opens_only_after_the_admission_is_on_disk_and_closes_behind_the_reader(story: Story) -> None:
    story.booked(LI).at("09:10").north.serves(LI)
    told = story.told()
    admitted, passed = told.event("visit.admitted"), told.event("visit.passed")
    [(opened, closed)] = told.openings("north")
    assert closed is not None
    assert admitted.at <= opened < admitted.at + 0.05
    assert told.lines.index(admitted) < told.lines.index(told.outputs("north", "lock")[0])
    assert closed == pytest.approx(told.when("09:10:02.5"), abs=0.05)
    assert passed.data == {"visit": admitted.data["visit"], "lane": "north"}
    assert told.inside() == told.inside("stacks-3") == 1


def test_tap_first_face_second_works_too(story: Story) -> None:
    story.booked(LI).at("09:10:00").south.tap(LI)
    story.at("09:10:03").south.face()
    admitted = story.told().event("visit.admitted", "south")
    assert story.seconds("09:10:03") < admitted.at < story.seconds("09:10:05")


def test_the_face_of_somebody_who_left_does_not_speak_for_the_next(story: Story) -> None:
    story.booked(LI).at("09:10:00").north.face(34.6)
    story.at("09:10:02").north.leave()
    story.at("09:10:02.5").north.tap(LI)
    story.at("09:10:04").north.face(36.6)
    told = story.told()
    assert told.events("visit.admitted") == []
    assert told.reasons() == ["fever"]


def test_whoever_does_not_hold_still_is_measured_anew(story: Story) -> None:
    """Near the threshold the whole series counts, and half of it is of somebody who was still coming closer."""
    story.booked(LI).at("09:10").north.tap(LI).after(1).north.face(35.25).after(0.25).north.face(34.5)
    told = story.told()
    assert told.reasons() == []
    assert told.event("visit.admitted").data["skin_c"] == pytest.approx(34.5, abs=0.06)


def test_nobody_before_the_thermometer_means_no_admission(story: Story) -> None:
    story.booked(LI).at("09:10").north.tap(LI)
    told = story.told()
    assert told.reasons() == ["temperature_invalid"]
    assert told.openings("north") == []


def test_the_green_lamp_says_walk_and_the_red_one_with_the_buzzer_says_no(story: Story) -> None:
    story.booked(LI).at("09:10").north.serves(LI).at("09:12").north.meets(WANG)
    told = story.told()
    green, lock = told.outputs("north", "lamp_green"), told.outputs("north", "lock")
    assert [(line.at, line.on) for line in green] == [(line.at, line.on) for line in lock]
    assert [line.on for line in told.outputs("north", "lamp_red")] == [True, False]
    assert [line.on for line in told.outputs("north", "buzzer")] == [True, False]
    assert told.outputs("north", "lamp_red")[0].at >= told.when("09:12:00.8")


@pytest.mark.parametrize("ways", [("reversed_bytes=true",), ("sends='decimal'", "uid_bytes=7"), ("uid_bytes=7",)])
def test_however_a_reader_writes_a_card_it_is_the_same_card(ways: tuple[str, ...]) -> None:
    story = Story("08:55", *(f"devices.north.readers.0.{way}" for way in ways)).caps().booked(LI)
    story.at("09:10").north.serves(LI).at("09:20").west.exits(LI)
    told = story.told()
    assert told.event("visit.admitted").data["card"] == LI.card
    assert told.event("visit.exited").data["visit"] == told.event("visit.admitted").data["visit"]


def test_a_site_may_know_its_cards_by_wiegand_26() -> None:
    readers = [(name, place) for name, gate in building().devices.items() for place, _ in enumerate(gate.readers)]
    forms = [f'devices.{name}.readers.{place}.form="wiegand26"' for name, place in readers]
    short = Person("short", "A1B2C3")
    story = Story("08:55", 'site.card_form="wiegand26"', *forms).caps().booked(short, LI)
    story.at("09:10").north.face()
    story.after(1).sends("readers/north", {"uid": short.uid, "code": None}).at("09:12").north.tap(LI)
    told = story.told()
    assert [event.data["card"] for event in told.events("visit.admitted")] == [short.card]
    assert told.reasons() == [], "what is no number of this form is no card"


# --- not let in ----------------------------------------------------------------------------------------


def test_a_card_without_a_booking_is_unknown(story: Story) -> None:
    story.at("09:10").north.meets(LI)
    denied = story.told().event("visit.denied")
    assert {"card": LI.card, "lane": "north", "reason": "unknown_card"}.items() <= denied.data.items()
    assert denied.at == pytest.approx(story.seconds("09:10:00.8"), abs=0.05)


def test_what_can_be_known_without_measuring_is_said_at_once(story: Story) -> None:
    story.booked(LI, session="pm").at("09:10").north.tap(LI)
    denied = story.told().event("visit.denied")
    assert denied.data["reason"] == "wrong_session"
    assert denied.at == pytest.approx(story.seconds("09:10"), abs=0.05)
    assert "skin_c" not in denied.data


def test_a_phone_is_told_apart_from_a_card(story: Story) -> None:
    story.at("09:10").north.tap(PHONE)
    told = story.told()
    assert told.reasons() == ["unknown_card"]
    [shown] = [lane["text"] for lane in told.messages("lanes/north") if lane["reason"] == "unknown_card"]
    assert "phone" in shown["en"]
    assert "手机" in shown["zh"]


def test_readers_may_come_five_minutes_early_and_no_sooner() -> None:
    story = Story("08:50").caps().booked(LI)
    story.at("08:54:58").north.tap(LI)
    story.at("08:55:01").north.meets(LI)
    told = story.told()
    assert told.reasons() == ["closed"]
    assert len(told.events("visit.admitted")) == 1


def test_after_the_session_it_is_closed_even_for_those_booked_today() -> None:
    story = Story("11:25").caps().booked(LI, WANG).booked(CHEN, session="pm")
    story.at("11:29:50").north.serves(LI)
    story.at("11:30:01").north.tap(WANG).at("12:30").north.tap(CHEN).at("12:31").north.tap(ZHAO)
    told = story.told()
    assert len(told.events("visit.admitted")) == 1
    assert told.reasons() == ["closed", "closed", "unknown_card"]


def test_the_afternoons_readers_come_in_the_afternoon() -> None:
    story = Story("13:50").caps().booked(LI, session="pm").booked(WANG, session="am")
    story.at("13:56").north.serves(LI).at("14:01").north.tap(WANG)
    told = story.told()
    assert told.event("visit.admitted").data["booking"] == "B-li"
    assert told.reasons() == ["wrong_session"]


@pytest.mark.parametrize("more", [{"closed_dates": ["2026-03-09"]}, {"weekdays": [2, 3, 4, 5]}, {"opens": "10:00"}])
def test_on_a_day_or_at_an_hour_without_a_session_it_is_closed(blank: Story, more: dict[str, Any]) -> None:
    dates = more.pop("closed_dates", [])
    session = {"id": "am", "opens": "09:00", "closes": "11:30", **more}
    payload = {"revision": 1, "building": 9, "zones": {"stacks-3": 9}, "sessions": [session], "closed_dates": dates}
    blank.line("server", "caps", payload=payload).booked(LI).at("09:10").north.meets(LI)
    assert blank.told().reasons() == ["closed"]


def test_a_booking_for_tomorrow_is_none_today(story: Story) -> None:
    rows = {"revision": 1, "bookings": [{"booking": "B-li", "card": LI.card, "zone": "stacks-3"}]}
    story.line("server", "bookings", date="2026-03-10", session="am", payload=rows).at("09:10").north.meets(LI)
    assert story.told().reasons() == ["unknown_card"]


def test_a_reader_taken_off_the_list_does_not_come_in(story: Story) -> None:
    story.booked(LI).at("09:05").line(
        "server", "bookings", date="2026-03-09", session="am", payload={"revision": 2, "bookings": []}
    )
    story.at("09:10").north.meets(LI)
    assert story.told().reasons() == ["unknown_card"]


def test_before_the_caps_are_known_nobody_is_let_in(blank: Story) -> None:
    blank.booked(LI).at("09:10").north.meets(LI)
    told = blank.told()
    assert told.reasons() == ["caps_unknown"]
    assert told.openings("north") == []


@pytest.mark.parametrize("health", ["missing", "blocked"])
def test_health_that_the_university_has_not_cleared_is_refused(story: Story, health: str) -> None:
    story.booked(LI, health=health).at("09:10").north.meets(LI)
    assert story.told().reasons() == ["health"]


def test_a_booking_with_a_code_wants_the_code_before_the_card(story: Story) -> None:
    story.booked(LI, code=code("4711"))
    story.at("09:10").north.face().after(1).north.tap(LI)
    story.after(5).north.tap(LI, "4712")
    story.after(5).north.tap(LI, "4711")
    told = story.told()
    assert told.reasons() == ["wrong_code", "wrong_code"]
    assert told.event("visit.admitted").data["card"] == LI.card
    assert "4711" not in told.transcript


def test_nobody_finds_a_code_by_trying(story: Story) -> None:
    """Five wrong ones in a row, and the lane looks at no code of that card for a quarter of an hour, right or wrong."""
    story.booked(LI, code=code("4711")).booked(WANG, code=code("0815")).at("09:10")
    for guess in range(5):
        story.north.tap(LI, f"000{guess}").after(5)
    story.north.tap(LI, "4711").after(5)
    story.north.face().after(1).north.tap(WANG, "0815").after(2).north.passes().after(5)  # nobody else's business
    story.at("09:26").north.face().after(1).north.tap(LI, "4711")
    told = story.told()
    assert told.reasons() == ["wrong_code"] * 6
    assert [event.data["card"] for event in told.events("visit.admitted")] == [WANG.card, LI.card]
    shown = [lane["text"]["en"] for lane in told.messages("lanes/north") if lane["reason"] == "wrong_code"]
    assert ["Too many" in text for text in shown] == [False] * 4 + [True] * 2


def test_the_right_code_wipes_the_slate(story: Story) -> None:
    story.booked(LI, code=code("4711")).at("09:10")
    for guess in [*range(4), "4711", *range(4), "4711"]:
        story.north.tap(LI, f"{guess:0>4}").after(20)  # never before the thermometer
    told = story.told()
    assert told.reasons() == ["wrong_code"] * 4 + ["temperature_invalid"] + ["wrong_code"] * 4 + ["temperature_invalid"]


def test_a_card_without_its_code_is_no_try(story: Story) -> None:
    story.booked(LI, code=code("4711")).at("09:10")
    for _ in range(8):
        story.north.tap(LI).after(5)
    story.north.face().after(1).north.tap(LI, "4711")
    assert len(story.told().events("visit.admitted")) == 1


def test_a_code_that_nobody_asked_for_does_no_harm(story: Story) -> None:
    story.booked(LI).at("09:10").north.face().after(1).north.tap(LI, "0000")
    assert len(story.told().events("visit.admitted")) == 1


# --- one at a time ---------------------------------------------------------------------------------------


def test_a_tap_while_another_is_served_waits_its_turn(story: Story) -> None:
    story.booked(LI, WANG).at("09:10:00").north.meets(LI)
    story.at("09:10:02").north.tap(WANG)
    story.at("09:10:03").north.passes()
    story.at("09:10:04").north.leave().after(0.5).north.face(34.4)
    told = story.told()
    first, second = told.events("visit.admitted")
    assert (first.data["booking"], second.data["booking"]) == ("B-li", "B-wang")
    assert second.data["skin_c"] == pytest.approx(34.4, abs=0.06)
    assert told.reasons() == []


def test_whoever_steps_up_while_the_one_before_walks_is_served_without_delay(story: Story) -> None:
    story.booked(LI, WANG).at("09:10:00").north.meets(LI).after(1).north.leave().after(0.3).north.face(34.4)
    story.at("09:10:03").north.passes().after(0.1).north.tap(WANG)
    told = story.told()
    first, second = told.events("visit.admitted")
    assert first.data["card"] == LI.card
    assert second.data["skin_c"] == pytest.approx(34.4, abs=0.06)
    assert second.at < told.when("09:10:03.6")


def test_the_third_card_is_told_that_the_lane_is_busy(story: Story) -> None:
    story.booked(LI, WANG, CHEN).at("09:10:00").north.tap(LI)
    story.after(1).north.tap(WANG).after(1).north.tap(CHEN)
    denied = story.told().events("visit.denied")[0]
    assert (denied.data["card"], denied.data["reason"]) == (CHEN.card, "busy")


def test_a_card_that_waited_in_vain_is_told_that_the_lane_was_busy(story: Story) -> None:
    story.booked(LI, WANG).at("09:10:00").north.tap(LI)
    story.at("09:10:00.5").north.tap(WANG)
    story.at("09:10:09").north.face(36.4)  # a suspect keeps the lane for a second look
    told = story.told()
    assert [(line.data["card"], line.data["reason"]) for line in told.events("visit.denied")] == [
        (WANG.card, "busy"),
        (LI.card, "fever"),
    ]


def test_tapping_twice_is_one_tap(story: Story) -> None:
    story.booked(LI).at("09:10").north.face().after(1).north.tap(LI).after(0.3).north.tap(LI)
    told = story.told()
    assert len(told.events("visit.admitted")) == 1
    assert told.reasons() == []


# --- the order of the reasons ---------------------------------------------------------------------------


def test_the_first_reason_that_holds_is_the_one_that_is_given(blank: Story) -> None:
    """One reader with every obstacle; each is taken away in turn and uncovers the next."""
    reader: dict[str, Any] = {"health": "missing", "code": code("1"), "zone": "stacks-3"}
    blank.line("server", "bookings", date="2026-03-09", session="am", payload=_bookings(1, LI, **reader))
    blank.line("north", "clock", set=False).after(1).north.tap(LI)
    blank.guard("north", "lockdown").after(2).north.tap(LI)
    blank.guard("north", "normal").after(2).line("north", "clock", set=True).after(1).north.tap(LI)
    blank.caps(building=0, stacks_3=0, sessions=[{"id": "am", "opens": "09:30", "closes": "11:30"}])
    blank.guard("north", "close_zone", zone="stacks-3").after(2).north.tap(LI)
    blank.at("09:26").north.tap(LI).guard("north", "reopen_zone", zone="stacks-3", authority="health office")
    blank.after(2).north.tap(LI)
    blank.line("server", "bookings", date="2026-03-09", session="am", payload=_bookings(2, LI, **reader, ok=True))
    blank.after(2).north.tap(LI).after(2).north.tap(LI, "1").after(2)
    blank.caps(building=0, revision=2, stacks_3=2, sessions=[{"id": "am", "opens": "09:30", "closes": "11:30"}])
    blank.after(2).north.tap(LI, "1")
    assert blank.told().reasons() == [
        "clock_unset", "lockdown", "caps_unknown", "closed", "zone_closed", "health", "wrong_code",
        "zone_full", "building_full",
    ]  # fmt: skip


def _bookings(revision: int, person: object, *, ok: bool = False, **more: Any) -> dict[str, object]:
    row = {"booking": "B-1", "card": LI.card, **more, **({"health": "ok"} if ok else {})}
    return {"revision": revision, "bookings": [row]}
