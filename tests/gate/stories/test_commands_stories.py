"""What guards and servers may tell a gate: each command once, in time, and answered."""

from __future__ import annotations

from typing import Any

import pytest

from edge.gate import register
from tests.gate.stories.story import DAY, FEVERISH_C, GATES, LI, SUN, WANG, ZHAO, Story

LATE = f"{DAY}T09:09:59+08:00"
LONG = f"{DAY}T18:00:00+08:00"

# --- once, in time, answered --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("do", "keys"),
    [
        ("open_once", {}),
        ("admit", {"note": "visitor", "zone": "stacks-3", "people": 1, "temperature_c": 36.5}),
        ("lockdown", {}),
        ("release", {}),
        ("normal", {}),
        ("close_zone", {"zone": "stacks-3"}),
        ("all_out", {"zone": None}),
        ("set_count", {"zone": "stacks-3", "people": 3}),
        ("hygiene_done", {"zone": "stacks-3", "what": "airing"}),
        ("patrol_done", {}),
        ("report_symptoms", {"zone": "stacks-3", "card": None}),
    ],
)
def test_each_command_is_done_recorded_and_answered_once(story: Story, do: str, keys: dict[str, Any]) -> None:
    story.at("09:10").guard("north", do, id="c-1", by="guard 7", **keys)
    told = story.told()
    done = told.event("command.done", "north").data
    assert {"id": "c-1", "do": do, "ok": True, "error": None, "by": "guard 7"}.items() <= done.items()
    assert told.messages("results/north") == [{"id": "c-1", "ok": True, "error": None}]
    assert told.messages("results/south") == []


@pytest.mark.parametrize(
    ("do", "keys"),
    [
        ("led_aside", {}),
        ("record_check", {"card": LI.card, "contact_c": 36.5}),
        ("clear_hold", {"card": LI.card}),
        ("reopen_zone", {"zone": "stacks-3", "authority": "health office"}),
        ("ack_alert", {"alert": "fever"}),
        ("supervisor_release", {"cabinet": "uv-1", "reason": "sensor broken"}),
        ("write_off", {"device": "south"}),
    ],
)
def test_a_command_that_makes_no_sense_is_answered_with_one_line(story: Story, do: str, keys: dict[str, Any]) -> None:
    story.at("09:10").guard("north", do, **keys)
    told = story.told()
    [(ok, error)] = told.results("north")
    assert not ok
    assert error
    assert "\n" not in error
    assert told.done(do) == [error]


@pytest.mark.parametrize("gate", ["south", "west"])
def test_a_command_is_for_the_gate_it_is_sent_to(story: Story, gate: str) -> None:
    story.at("09:10").guard(gate, "lockdown")
    told = story.told()
    assert told.modes(gate) == ["lockdown"]
    assert told.modes("north") == []
    assert told.results("north") == []


def test_an_expired_command_does_nothing_but_answer(story: Story) -> None:
    story.at("09:10").guard("north", "release", expires_at=LATE)
    told = story.told()
    assert told.openings("north") == []
    assert told.modes("north") == []
    [(ok, error)] = told.results("north")
    assert (ok, error) == (False, "expired")
    assert told.done("release") == ["expired"]


def test_a_repeated_command_works_once_and_gets_the_same_answer(story: Story) -> None:
    story.at("09:10").guard("north", "open_once", id="once", expires_at=LONG).after(10)
    story.guard("north", "open_once", id="once", expires_at=LONG)
    told = story.told()
    assert len(told.openings("north")) == 1
    assert told.done("open_once") == [None]
    assert told.results("north") == [(True, None), (True, None)]


def test_a_command_repeated_after_a_power_cut_does_not_work_again(story: Story) -> None:
    story.at("09:10").guard("north", "open_once", id="once", expires_at=LONG)
    story.at("09:11").north.power_cut(10).at("09:12").guard("north", "open_once", id="once", expires_at=LONG)
    told = story.told()
    assert len(told.openings("north")) == 1
    assert told.results("north") == [(True, None), (True, None)]


def test_a_retained_command_is_ignored(story: Story) -> None:
    story.at("09:10").guard("north", "release", retained=True, expires_at=LONG)
    told = story.told()
    assert told.openings("north") == []
    assert told.modes("north") == []
    assert [ok for ok, _ in told.results("north")] == [False]


def test_a_retained_command_is_ignored_after_a_restart_too(story: Story) -> None:
    story.at("09:09").north.power_cut(60).at("09:09:30").guard("north", "release", retained=True, expires_at=LONG)
    told = story.told()
    assert told.openings("north") == []
    assert told.modes("north") == []


def test_a_command_that_waited_for_a_gate_past_its_time_is_refused(story: Story) -> None:
    story.at("09:10").north.link(False).after(1).guard("north", "release").at("09:15").north.link(True)
    told = story.told()
    assert told.openings("north") == []
    assert told.results("north") == [(False, "expired")]


def test_without_a_clock_a_live_command_still_works(story: Story) -> None:
    story.at("09:10").north.do("clock", set=False).after(10).guard("north", "open_once")
    told = story.told()
    assert len(told.openings("north")) == 1
    assert told.results("north") == [(True, None)]


# --- alerts ---------------------------------------------------------------------------------------------


def test_the_guard_acknowledges_an_alert_and_the_others_see_who(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI, FEVERISH_C).after(15)
    story.guard("north", "ack_alert", alert="fever", by="guard 7")
    told = story.told()
    assert told.alerts("fever") == ["raised", "acknowledged"]
    assert told.event("alert.acknowledged").data["by"] == "guard 7"
    assert told.retained("alerts/north/fever")["acknowledged_by"] == "guard 7"
    assert told.retained("lanes/north")["alerts"] == ["fever"]


def test_whoever_ends_an_alert_is_named(story: Story) -> None:
    story.booked(LI).at("09:10").north.meets(LI, FEVERISH_C).after(15).guard("north", "led_aside", by="guard 7")
    story.at("09:20").north.do("fire", active=True).after(5).north.do("fire", active=False)
    story.at("09:30").guard("north", "normal", by="guard 8")
    told = story.told()
    assert told.event("alert.cleared", kind="fever").data["by"] == "guard 7"
    assert told.event("alert.cleared", kind="fire").data["by"] == "guard 8"


# --- rooms ----------------------------------------------------------------------------------------------


def test_more_zones_than_a_gate_can_remember_are_not_closed_and_the_guard_is_told(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register, "LIMITS", {"holds": 1, "zones": 1})
    monkeypatch.setattr(register, "ROOM", {"holds": 1, "zones": 1})
    for number in range(3):
        story.at(f"09:1{number}").guard("north", "close_zone", zone=f"z{number}")
    story.at("09:20").guard("north", "close_zone", zone="z0")
    told = story.told()
    full = "zones: 2 are known, expected at most 2"
    assert told.results("north") == [(True, None), (True, None), (False, full), (True, None)]
    assert [line.data["zone"] for line in told.events("zone.closed")] == ["z0", "z1", "z0"]
    assert told.topics("zones/") == ["zones/z0", "zones/z1"]


def test_a_closed_zone_admits_nobody_at_any_gate_until_it_is_reopened(story: Story) -> None:
    story.booked(LI).booked(WANG, zone="stacks-4")
    story.at("09:10").guard("north", "close_zone", zone="stacks-3", by="guard 7")
    story.at("09:11").north.meets(LI).at("09:12").south.meets(LI).at("09:13").south.leave().after(1).south.serves(WANG)
    story.at("09:20").guard("south", "reopen_zone", zone="stacks-3", authority="health office", by="guard 7")
    story.at("09:21").north.tap(LI)
    told = story.told()
    assert told.reasons() == ["zone_closed", "zone_closed"]
    assert [line.data["card"] for line in told.events("visit.admitted")] == [WANG.card, LI.card]
    assert told.event("zone.closed").data == {"zone": "stacks-3", "by": "guard 7"}
    assert told.event("zone.reopened").data == {"zone": "stacks-3", "by": "guard 7", "authority": "health office"}


@pytest.mark.parametrize("zone", [None, "stacks-3"])
def test_without_caps_nobody_says_that_the_building_is_full(blank: Story, zone: str | None) -> None:
    blank.booked(LI).at("09:10").guard("north", "admit", card=LI.card, zone=zone, temperature_c=36.4)
    told = blank.told()
    assert told.results("north") == [(False, "caps_unknown")]
    assert told.messages("requests/north") == []


def test_without_caps_the_guard_decides_where_the_site_says_so() -> None:
    """Two come in by hand; when the caps come there is room for two, so the next one waits for somebody to leave."""
    story = Story("08:55", "policy.caps_unknown=manual").booked(LI, WANG)
    story.at("09:10").north.tap(LI).after(3).guard("north", "admit", card=LI.card, temperature_c=36.4)
    story.after(1).north.passes().after(5).guard("north", "admit", note="visitor", zone="stacks-3")
    story.after(1).north.passes().at("09:20").caps(building=2, stacks_3=9)
    story.at("09:21").south.serves(WANG).at("09:30").west.exits(LI).at("09:31").south.serves(WANG)
    told = story.told()
    assert told.modes("north") == ["manual", "normal"]
    assert told.results("north") == [(True, None), (True, None)]
    assert [line.data["zone"] for line in told.events("visit.admitted", "north")] == [None, "stacks-3"]
    assert told.reasons() == ["building_full"]
    assert told.event("visit.admitted", "south").at > told.when("09:31")
    assert (told.inside(), told.world_inside()) == (2, 2)


@pytest.mark.parametrize(
    ("policy", "answers"),
    [("refuse", [(False, "caps_unknown")] * 2), ("manual", [(True, None), (False, "building_full")])],
)
def test_a_room_of_unknown_size_is_entered_by_hand_only_where_the_site_says_so(policy: str, answers: list[Any]) -> None:
    """And where it does, the building's cap is known all the same."""
    story = Story("08:55", f"policy.caps_unknown={policy}").caps(building=1, stacks_3=1).at("09:10")
    for note in ("visitor", "another"):
        story.guard("north", "admit", note=note, zone="attic").after(1).north.passes().after(5)
    assert story.told().results("north") == answers


def test_a_closed_zone_cannot_be_entered_by_hand(story: Story) -> None:
    story.at("09:10").guard("north", "close_zone", zone="stacks-3").after(1)
    story.guard("north", "admit", note="visitor", zone="stacks-3")
    told = story.told()
    assert [ok for ok, _ in told.results("north")] == [True, False]
    assert told.events("visit.admitted") == []


def test_a_zone_is_not_reopened_without_an_authority(story: Story) -> None:
    story.at("09:10").guard("north", "close_zone", zone="stacks-3").after(5)
    story.guard("north", "reopen_zone", zone="stacks-3")
    told = story.told()
    assert told.event("message.rejected").data["topic"] == "gatehouse/demo/commands/north"
    assert told.events("zone.reopened") == []
    assert told.topics("zones/") == ["zones/stacks-3"]


def test_all_out_settles_every_count_with_a_record(story: Story) -> None:
    story.booked(LI, WANG).at("09:10").north.serves(LI).after(5).south.serves(WANG).after(5)
    story.north.do("force").at("10:00").guard("north", "all_out", zone=None, by="guard 7")
    told = story.told()
    settled = {line.data["zone"]: line.data for line in told.events("count.settled")}
    assert settled["*"] == {"zone": "*", "before": 3, "after": 0, "by": "guard 7", "cause": "all_out"}
    assert settled["stacks-3"]["before"] == 2
    assert set(settled) == {"*", "stacks-3"}, "where nobody was nothing is settled"
    assert told.inside() == told.inside("stacks-3") == 0


def test_when_everybody_is_out_so_are_those_who_came_on_a_pass(story: Story) -> None:
    """Two came, one was seen leaving; whatever the guard says of a single room is not about them."""
    story.staff(SUN, ZHAO).at("08:56").north.serves(SUN).after(5).south.serves(ZHAO).after(5).west.exits(SUN)
    story.at("09:10").guard("south", "all_out", zone="stacks-4").at("10:00").guard("west", "all_out", by="guard 7")
    told = story.told()
    room, building, passes = (line.data for line in told.events("count.settled"))
    assert (room["zone"], room["before"], room["after"]) == ("stacks-4", 0, 0)
    assert (building["zone"], building["before"], building["after"]) == ("*", 0, 0)
    assert passes == {"zone": "*passes", "before": 1, "after": 0, "by": "guard 7", "cause": "all_out"}
    counted = [told.retained(f"occupancy/{gate}")["passes"] for gate in GATES]
    assert sum(row["entries"] - row["exits"] for row in counted) == 0


def test_after_all_out_everybody_may_come_in_again_at_every_gate(blank: Story) -> None:
    blank.caps(building=2, stacks_3=2).booked(LI, WANG)
    blank.at("09:10").north.serves(LI).after(5).south.serves(WANG)
    blank.at("10:00").guard("south", "all_out").at("10:05").south.serves(LI).after(5).north.serves(WANG)
    told = blank.told()
    assert len(told.events("visit.admitted")) == 4
    assert told.reasons() == []
    assert told.inside() == 2


def test_set_count_corrects_one_zone_in_both_directions(story: Story) -> None:
    story.booked(LI).at("09:10").north.serves(LI)
    story.at("10:00").guard("north", "set_count", zone="stacks-3", people=5, by="guard 7")
    story.at("10:10").guard("south", "set_count", zone="*", people=0, by="guard 7")
    told = story.told()
    up, down = (line.data for line in told.events("count.settled"))
    assert up == {"zone": "stacks-3", "before": 1, "after": 5, "by": "guard 7", "cause": "set_count"}
    assert (down["zone"], down["before"], down["after"]) == ("*", 1, 0)
    assert (told.inside("stacks-3"), told.inside()) == (5, 0)


def test_what_was_cleaned_and_who_is_ill_is_on_record(story: Story) -> None:
    story.at("09:10").guard("north", "hygiene_done", zone="stacks-3", what="airing", by="guard 7").after(1)
    story.guard("north", "report_symptoms", zone="stacks-4", card=LI.card, by="guard 7")
    told = story.told()
    assert told.event("hygiene.done").data == {"zone": "stacks-3", "by": "guard 7", "what": "airing"}
    assert {"zone": "stacks-4", "by": "guard 7"}.items() <= told.event("symptoms.reported").data.items()


def test_a_lost_gates_journal_is_written_off_at_the_site(story: Story) -> None:
    story.booked(LI).at("09:10").south.serves(LI).after(10).south.power_cut(36000)
    story.at("09:20").guard("site", "write_off", device="south", by="guard 7")
    told = story.told(until="09:25")
    assert told.event("device.written_off", "site").data == {"device": "south", "by": "guard 7"}
    assert told.results("site") == [(True, None)]
    assert told.alerts("device_offline", "site") == ["raised"]


# --- what can be known of the server's side -----------------------------------------------------------


def test_the_booking_server_got_every_event_once_and_in_order(story: Story) -> None:
    story.booked(LI).at("09:10").north.serves(LI).at("09:11").north.link(False).north.exits(LI)
    story.at("09:20").north.link(True).at("09:25").north.serves(LI)
    told = story.told()
    sent = [(line.device, line.seq, line.type) for line in told.lines if line.seq is not None]
    got = [(line["device"], line["seq"], line["type"]) for line in told.server_log]
    assert sorted(got) == sorted(sent)
    for device in ("north", "south", "west", "site"):
        seqs = [seq for name, seq, _ in got if name == device]
        assert seqs == list(range(1, len(seqs) + 1))
    assert all(told.retained(f"acks/{line.device}")["acked_seq"] >= (line.seq or 0) for line in told.lines if line.seq)


def test_a_zone_that_nobody_knows_has_no_count(story: Story) -> None:
    told = story.at("09:10").guard("north", "set_count", zone="stakcs-3", people=3).told()
    assert told.results("north") == [(False, "stakcs-3: no such zone")]
    assert told.events("count.settled") == []
