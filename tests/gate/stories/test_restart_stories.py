"""The power fails at awkward moments: nobody is lost, nobody counted twice, nothing forgotten."""

from __future__ import annotations

import pytest

from tests.gate.stories.story import CHEN, FEVERISH_C, LI, SUN, WANG, Story


def test_a_gate_says_how_it_started(story: Story) -> None:
    story.at("09:10").north.power_cut(10)
    told = story.told()
    assert [line.data["reason"] for line in told.events("device.started", "north")] == ["boot", "crash"]
    assert [line.data["reason"] for line in told.events("device.started", "south")] == ["boot"]
    assert told.events("device.started", "north")[1].at == pytest.approx(told.when("09:10:10"), abs=0.1)
    assert (told.retained("status/north")["state"], told.retained("status/north")["boot"]) == ("online", 2)


def test_the_journal_and_its_numbers_go_on(story: Story) -> None:
    story.booked(LI).at("09:10").north.serves(LI).at("09:12").north.power_cut(10).at("09:13").north.exits(LI)
    told = story.told()
    messages = told.messages("events/north")
    assert len({message["journal"] for message in messages}) == 1
    assert sorted({message["boot"] for message in messages}) == [1, 2]
    assert len({message["id"] for message in messages}) == len({message["seq"] for message in messages})


def test_without_power_the_outputs_fall_at_once(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(1).north.power_cut(10)
    told = story.told()
    [(_, closed)] = told.openings("north")
    assert closed == pytest.approx(told.when("09:10:01.8"), abs=0.001)
    assert told.outputs("north", "lamp_green")[-1].on is False


def test_at_a_gate_without_power_nothing_happens(story: Story) -> None:
    story.booked(LI).at("09:10").north.power_cut(60).after(1).north.meets(LI, 36.5).after(2).north.passes()
    story.after(2).north.exits(LI).after(2).north.do("release_button").after(2).north.leave().guard("north", "release")
    story.after(2).north.breaks("reader", "absent").after(2).north.mended("reader", "absent")
    told = story.told()
    assert [line.type for line in told.lines if line.device == "north"] == [
        "device.started", "device.started", "command.done"
    ]  # fmt: skip
    assert told.done("release") == ["expired"]
    assert told.inside() == 0


def test_a_gate_whose_reader_is_missing_does_not_start_and_starts_when_it_is_back(story: Story) -> None:
    story.booked(LI).at("09:10").north.breaks("reader", "absent").after(5).north.power_cut(10)
    story.at("09:15").north.mended("reader", "absent").at("09:20").north.serves(LI)
    told = story.told()
    assert len(told.events("device.started", "north")) == 2
    assert told.events("device.started", "north")[1].at == pytest.approx(told.when("09:15"), abs=5.1)
    assert told.alerts("reader_fault") == ["raised", "cleared"]
    assert len(told.events("visit.admitted")) == 1


def test_the_power_is_back_when_the_longer_of_two_cuts_ends(story: Story) -> None:
    story.at("09:10").north.power_cut(30).after(5).north.power_cut(5)
    assert story.told().events("device.started", "north")[1].at == pytest.approx(story.seconds("09:10:30"), abs=0.1)


# --- between the admission and the passage -------------------------------------------------------------


def test_a_reader_left_standing_outside_comes_in_on_the_same_visit(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(1).north.power_cut(10).after(20).north.tap(LI)
    story.after(2).north.passes()
    told = story.told()
    admitted, reopened, passed = (told.event(f"visit.{what}") for what in ("admitted", "reopened", "passed"))
    assert admitted.data["visit"] == reopened.data["visit"] == passed.data["visit"]
    assert len(told.openings("north")) == 2
    assert told.reasons() == []
    assert told.inside() == told.inside("stacks-3") == 1


def test_a_reader_who_does_not_come_back_counts_as_inside(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(1).north.power_cut(10)
    told = story.told(until="09:15")
    passed = told.event("visit.passed")
    assert passed.data["assumed"] is True
    assert passed.at == pytest.approx(told.when("09:11:11.8"), abs=0.5)
    assert told.inside() == 1


def test_after_that_minute_the_card_is_inside(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(1).north.power_cut(10).at("09:15").north.meets(LI)
    story.at("09:20").west.exits(LI)
    told = story.told()
    assert told.reasons() == ["already_inside"]
    assert told.event("visit.exited").data["visit"] == told.event("visit.admitted").data["visit"]
    assert told.inside() == 0


def test_a_reader_who_hesitates_again_after_the_power_cut_gives_the_place_back(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI).after(1).north.power_cut(10).after(20).north.tap(LI)
    told = story.told()
    assert len(told.events("visit.abandoned")) == 1
    assert told.inside() == told.inside("stacks-3") == 0


def half_in(story: Story) -> Story:
    """Three on Li's card, and the power fails when one of them is in."""
    story.booked(LI, people=3).at("09:10").north.meets(LI).after(2).north.passes().after(1)
    return story.north.power_cut(10).after(15)


def test_those_of_a_group_whom_the_power_cut_left_outside_come_in_on_its_card(story: Story) -> None:
    half_in(story).north.tap(LI).after(2).north.passes(2).at("09:20").west.exits(LI).after(1)
    story.west.exits().after(1).west.exits()
    told = story.told()
    assert told.event("visit.reopened").data["people"] == 2
    assert len(told.events("visit.passed")) == 1
    assert told.kinds() == told.reasons() == []
    visit = told.event("visit.admitted").data["visit"]
    assert [line.data["visit"] for line in told.events("visit.exited")] == [visit] * 3
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 0


def test_those_of_a_group_who_do_not_come_back_count_as_inside(story: Story) -> None:
    """They may have slipped in while nobody looked; and the card is inside."""
    half_in(story).at("09:15").north.tap(LI)
    told = story.told()
    assert told.inside() == told.inside("stacks-3") == 3
    assert told.reasons() == ["already_inside"]
    assert [line.data.get("assumed") for line in told.events("visit.passed")] == [None]


def test_if_only_one_more_of_a_group_comes_after_the_power_cut_one_place_is_given_back(story: Story) -> None:
    half_in(story).north.tap(LI).after(2).north.passes().after(10).north.tap(LI).at("09:20")
    told = story.told()
    assert told.event("visit.reduced").data["people"] == 1
    assert told.reasons() == ["already_inside"], "it opens no third time"
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 2


def test_if_nobody_else_of_a_group_comes_after_the_power_cut_their_places_are_given_back_once(story: Story) -> None:
    half_in(story).north.tap(LI).after(7).north.tap(LI).at("09:20")
    told = story.told()
    assert told.event("visit.reduced").data["people"] == 2
    assert told.reasons() == ["already_inside"]
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 1


@pytest.mark.parametrize("delay_ms", [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 15, 50, 1000, 1690, 1701, 1702, 1703, 1704, 1710])
def test_at_whatever_moment_the_power_fails_the_count_is_right_in_the_end(story: Story, delay_ms: int) -> None:
    """Face, tap, walk 1.7 s later; whoever is still outside taps again."""
    story.booked(LI).at("09:10").north.face().after(2).north.tap(LI).after(delay_ms / 1000).north.power_cut(5)
    if delay_ms < 1700:
        story.after(10).north.face().after(2).north.tap(LI).after(1.7)
    else:
        story.at("09:10:03.700")
    story.north.passes().at("09:15").north.leave()
    told = story.told()
    assert told.world_inside() == told.inside() == told.inside("stacks-3") == 1
    assert len({line.data["visit"] for line in told.events("visit.passed")}) == 1
    assert told.reasons() == []


@pytest.mark.parametrize("delay_ms", [0, 1, 3, 5, 10])
def test_a_power_cut_behind_a_leaving_reader_loses_at_most_what_was_not_on_disk(story: Story, delay_ms: int) -> None:
    story.booked(LI).at("09:10").north.serves(LI).at("09:20").north.exits(LI)
    story.after(delay_ms / 1000).north.power_cut(5)
    told = story.told()
    assert told.inside() == 1 - len(told.events("visit.exited"))


# --- what is remembered ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("command", "mode"), [("lockdown", "lockdown"), ("release", "released")])
def test_a_mode_outlasts_a_power_cut(story: Story, command: str, mode: str) -> None:
    story.booked(LI).at("09:10").guard("north", command).after(10).north.power_cut(10).after(30).north.tap(LI)
    told = story.told()
    assert told.retained("lanes/north")["mode"] == mode
    assert told.modes("north") == [mode]
    assert told.reasons() == (["lockdown"] if command == "lockdown" else [])
    assert [closed for _, closed in told.openings("north")][-1:] == ([None] if command == "release" else [])


def test_a_held_lane_and_its_alert_outlast_a_power_cut(story: Story) -> None:
    story.booked(LI, WANG).at("09:10").north.meets(LI, FEVERISH_C).after(30).north.leave().north.power_cut(10)
    story.at("09:12").north.tap(WANG).at("09:13").guard("north", "led_aside").at("09:14").north.serves(WANG)
    told = story.told()
    assert told.reasons() == ["fever", "held"]
    assert told.alerts("fever") == ["raised", "cleared"]
    assert told.event("visit.admitted").data["card"] == WANG.card
    assert told.topics("holds/") == [f"holds/{LI.card}"]


def test_fire_outlasts_a_power_cut_until_a_guard_ends_it(story: Story) -> None:
    story.at("09:10").north.do("fire", active=True).after(10).north.power_cut(10)
    story.after(2).north.do("fire", active=False).at("09:15").guard("north", "normal")
    told = story.told()
    _, (opened, closed) = told.openings("north")
    assert opened == pytest.approx(told.when("09:10:20"), abs=0.05)
    assert closed == pytest.approx(told.when("09:15"), abs=0.05)
    assert told.alerts("fire") == ["raised", "cleared"]


def test_a_fire_that_broke_out_while_the_gate_was_down_opens_it_as_soon_as_it_is_up(story: Story) -> None:
    story.at("09:10").north.power_cut(30).after(10).north.do("fire", active=True)
    told = story.told()
    [(opened, closed)] = told.openings("north")
    assert opened == pytest.approx(told.when("09:10:30"), abs=0.05)
    assert closed is None
    assert told.alerts("fire") == ["raised"]
    assert told.modes("north") == ["released"]


def test_caps_bookings_and_passes_are_remembered_without_a_broker(story: Story) -> None:
    story.booked(LI).staff(WANG).at("09:10").north.link(False).after(5).north.power_cut(10)
    story.at("09:15").north.serves(LI).after(5).north.serves(WANG)
    told = story.told()
    assert [line.data["by"] for line in told.events("visit.admitted")] == ["booking", "pass"]


def test_counts_and_rights_are_remembered(blank: Story) -> None:
    blank.caps(building=2, stacks_3=2).booked(LI, WANG, CHEN)
    blank.at("09:10").north.serves(LI).after(5).north.serves(WANG).at("09:20")
    for gate in ("north", "south", "west", "site"):
        blank.line(gate, "power_cut", for_s=10)
    blank.at("09:25").north.meets(CHEN).after(5).north.leave().at("09:30").west.exits(LI)
    blank.at("09:35").south.serves(CHEN)
    told = blank.told()
    assert told.reasons() == ["zone_full"]
    assert len(told.events("visit.admitted")) == 3
    assert told.inside() == 2


def test_who_is_inside_is_remembered(story: Story) -> None:
    story.booked(LI).at("09:10").north.serves(LI).at("09:20").north.power_cut(10).at("09:25").north.tap(LI)
    story.at("09:26").south.power_cut(10).at("09:30").south.tap(LI)
    assert story.told().reasons() == ["already_inside", "already_inside"]


def test_a_closed_zone_stays_closed(story: Story) -> None:
    story.booked(LI).at("09:10").guard("north", "close_zone", zone="stacks-3").after(10)
    story.north.power_cut(10).south.power_cut(10).at("09:12").south.tap(LI)
    assert story.told().reasons() == ["zone_closed"]


def test_an_alert_outlasts_a_power_cut_and_can_be_acknowledged(story: Story) -> None:
    story.at("09:10").north.do("force").after(10).north.power_cut(10).at("09:12")
    story.guard("north", "ack_alert", alert="forced_entry")
    told = story.told()
    assert told.alerts("forced_entry") == ["raised", "acknowledged", "cleared"]
    assert told.topics("alerts/north/") == []


def test_an_alert_whose_cause_ended_in_the_dark_is_cleared(story: Story) -> None:
    story.at("09:10").north.do("hold_open", for_s=30).after(15).north.power_cut(30)
    told = story.told()
    assert told.alerts("held_open") == ["raised", "cleared"]


def test_an_alert_whose_cause_lasts_is_raised_again(story: Story) -> None:
    story.at("09:10").north.do("hold_open", for_s=90).after(15).north.power_cut(30)
    told = story.told(until="09:15")
    assert told.alerts("held_open") == ["raised", "cleared", "raised", "cleared"]
    assert told.inside() == 1


def test_a_gate_without_power_is_offline_and_the_site_says_so(story: Story) -> None:
    story.at("09:10").north.power_cut(300)
    told = story.told(until="09:20")
    states = [message["state"] for message in told.messages("status/north")]
    assert states == ["online", "offline", "online"]
    assert told.alerts("device_offline", "site") == ["raised", "cleared"]
    assert told.event("alert.raised", "site").data["device"] == "north"


def test_the_site_goes_on_where_it_was(blank: Story) -> None:
    blank.caps(building=1, stacks_3=1).booked(LI, WANG).at("09:10").north.serves(LI)
    blank.at("09:15").site.power_cut(10).at("09:20").south.meets(WANG)
    told = blank.told()
    assert told.reasons() == ["zone_full"]
    assert told.inside() == 1


def test_a_slow_disk_delays_the_door_but_not_the_fire(story: Story) -> None:
    story.booked(LI).at("09:10").north.breaks("disk", "slow").after(1).north.face().after(2).north.tap(LI)
    story.after(0.2).north.exits().after(0.1).north.do("fire", active=True)
    told = story.told()
    assert told.openings("north")[0][0] == pytest.approx(told.when("09:10:03.3"), abs=0.01)


def test_while_the_disk_writes_the_reader_is_asked_to_wait(story: Story) -> None:
    story.booked(LI).at("09:10").north.breaks("disk", "slow").after(1).north.meets(LI).after(5).north.leave()
    told = story.told()
    shown = [(lane["state"], lane["step"]) for lane in told.messages("lanes/north") if lane["state"] != "idle"]
    assert shown[-2:] == [("recording", "please_wait"), ("open", "walk")]
    assert shown.count(("recording", "please_wait")) == 1
    assert told.retained("lanes/north")["step"] == "present_card"


def test_the_patience_with_the_disk_begins_anew_with_each_reader(story: Story) -> None:
    story.booked(LI, WANG).at("09:10").north.breaks("disk", "slow").after(1).north.face().after(1).north.tap(LI)
    story.after(1.6).north.passes().after(0.1).north.leave().after(0.1).north.face()
    story.after(1.0).north.tap(WANG).after(2).north.passes()  # 2.8 s after the first
    told = story.told()
    assert len(told.events("visit.admitted", "north")) == 2
    assert len(told.events("visit.passed", "north")) == 2
    assert told.events("visit.abandoned") == []


@pytest.mark.parametrize("command", ["lockdown", "release"])
def test_nobody_is_left_waiting_when_a_guard_shuts_or_opens_the_lane_meanwhile(story: Story, command: str) -> None:
    story.booked(LI).at("09:10").north.breaks("disk", "slow").after(1).north.meets(LI).after(0.4)
    story.guard("north", command).after(5).north.leave()
    told = story.told()
    assert ("recording", "please_wait") in [(lane["state"], lane["step"]) for lane in told.messages("lanes/north")]
    assert told.retained("lanes/north")["step"] == {"lockdown": "call_guard", "release": "walk_freely"}[command]


def test_a_disk_that_refuses_lets_nobody_in_and_says_so_when_it_can(story: Story) -> None:
    story.booked(LI).at("09:10").north.breaks("disk", "absent").after(1).north.meets(LI).after(5).north.leave()
    story.at("09:20").north.mended("disk", "absent").at("09:25").north.serves(LI)
    told = story.told()
    assert all(opened > told.when("09:25") for opened, _ in told.openings("north"))
    assert told.alerts("storage_fault") == ["raised", "cleared"]
    assert told.inside() == told.inside("stacks-3") == 1


# --- a new disk --------------------------------------------------------------------------------------------


def test_a_gate_with_a_new_disk_still_knows_who_is_inside(story: Story) -> None:
    """Two came in through it, one of them on a booking for two; nobody comes in twice, and whoever leaves is known."""
    story.booked(LI).booked(WANG, people=2, zone="stacks-4")
    story.at("09:10").north.serves(LI).at("09:12").north.meets(WANG).after(2).north.passes(2).after(3).north.leave()
    story.at("09:20").north.disk_replaced(10).at("09:25").north.tap(LI).at("09:26").south.tap(LI)
    story.at("09:30").north.exits(LI).at("09:35").west.exits(WANG).after(1).west.exits()
    story.at("09:40").north.serves(LI)
    told = story.told()
    assert [message["boot"] for message in told.messages("status/north") if message["state"] == "online"] == [1, 1]
    assert told.reasons() == ["already_inside", "already_inside"]
    li, wang, again = told.events("visit.admitted")
    assert [line.data["visit"] for line in told.events("visit.exited")] == [
        li.data["visit"], wang.data["visit"], wang.data["visit"]
    ]  # fmt: skip
    assert again.data["visit"] not in (li.data["visit"], wang.data["visit"])
    assert told.retained("inside/north")["cards"] == [LI.card]


def test_staff_inside_are_known_with_a_new_disk_too(story: Story) -> None:
    story.staff(SUN).booked(LI).at("09:10").north.serves(SUN).after(5).north.serves(LI)
    story.at("09:20").north.disk_replaced(10).at("09:25").south.tap(SUN).at("09:30").west.exits(SUN)
    told = story.told()
    assert told.reasons() == ["already_inside"]
    assert told.event("visit.exited").data["visit"] == told.events("visit.admitted")[0].data["visit"]
    assert told.retained("occupancy/west")["passes"] == {"entries": 0, "exits": 1}


def test_what_an_old_disk_knew_is_taken_over_once(story: Story) -> None:
    """Li leaves, and the power fails again, before the gate tells who is inside: the broker still has the old word."""
    story.booked(LI).at("09:10").north.serves(LI).at("09:20").north.disk_replaced(10)
    story.after(10.3).north.exits(LI).after(0.3).north.power_cut(10).at("09:30").north.serves(LI)
    told = story.told()
    assert told.reasons() == []
    first, second = told.events("visit.admitted")
    assert told.event("visit.exited").data["visit"] == first.data["visit"] != second.data["visit"]


def test_a_new_disk_waits_with_its_own_word_until_it_has_heard_the_old_one(story: Story) -> None:
    """The cable is out for a while after the start, and the broker is slow when it is back."""
    story.booked(LI, WANG).at("09:10").north.serves(LI).at("09:20").north.disk_replaced(10).north.link(False)
    story.at("09:25").north.breaks("broker", "slow").north.link(True).at("09:30").north.mended("broker", "slow")
    story.at("09:35").north.tap(LI)
    assert story.told().reasons() == ["already_inside"]


def test_a_session_that_closed_meanwhile_locks_nobody_out(story: Story) -> None:
    story.booked(LI).booked(LI, session="pm").at("09:10").north.serves(LI)
    story.at("09:20").north.disk_replaced(3 * 3600).at("14:01").north.serves(LI)
    told = story.told()
    assert told.reasons() == []
    assert len(told.events("visit.admitted")) == 2


def test_what_was_seen_leaving_before_the_disk_was_lost_is_still_told(story: Story) -> None:
    story.booked(LI).at("09:10").south.serves(LI).at("09:15").south.link(False).at("09:20").west.exits(LI)
    story.after(10).west.disk_replaced(10).at("09:25").south.link(True).at("09:30").south.serves(LI)
    told = story.told()
    assert told.reasons() == []
    assert len(told.events("visit.admitted")) == 2
