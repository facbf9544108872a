"""One cap, many gates: rights go where they are needed, and no partition lets one reader too many in."""

from __future__ import annotations

import pytest

from tests.gate.stories.story import CHEN, GATES, LI, PHONE, SUN, WANG, ZHAO, Person, Story

READERS = (LI, WANG, CHEN, ZHAO, SUN)


def queue(story: Story, gate: str, clock: str, *people: Person) -> None:
    """One after another, five seconds each."""
    story.at(clock)
    for person in people:
        getattr(story, gate).serves(person).after(1)


# --- places ------------------------------------------------------------------------------------------


def test_a_cap_lets_in_as_many_as_it_says_through_any_door(blank: Story) -> None:
    blank.caps(building=3, stacks_3=3).booked(*READERS)
    queue(blank, "north", "09:10", *READERS)
    told = blank.told()
    assert len(told.events("visit.admitted")) == 3
    assert told.reasons() == ["zone_full", "zone_full"]
    assert told.inside() == 3


def test_a_right_is_fetched_from_the_other_gate_within_the_blink_of_an_eye(blank: Story) -> None:
    blank.caps(building=2, stacks_3=2).booked(LI, WANG)
    queue(blank, "north", "09:10", LI, WANG)
    told = blank.told()
    second = told.events("visit.admitted", "north")[1]
    assert second.at == pytest.approx(told.when("09:10:05.8"), abs=0.3)
    assert told.free("stacks-3") == {"north": 0, "south": 0}


@pytest.mark.parametrize(("building", "room", "reason"), [(9, 1, "zone_full"), (1, 9, "building_full")])
def test_a_booked_reader_refused_as_full_makes_the_guard_count(
    blank: Story, building: int, room: int, reason: str
) -> None:
    blank.caps(building=building, stacks_3=room).booked(LI, WANG)
    queue(blank, "north", "09:10", LI, WANG)
    told = blank.told()
    denied = told.event("visit.denied")
    assert denied.data["reason"] == reason
    assert told.when("09:10:05.8") + 0.25 < denied.at < told.when("09:10:05.8") + 0.35
    assert told.alerts("count_doubt") == ["raised"]


def test_the_building_can_be_full_while_the_room_is_not(blank: Story) -> None:
    blank.caps(building=1, stacks_3=5, stacks_4=5).booked(LI).booked(WANG, zone="stacks-4")
    queue(blank, "north", "09:10", LI, WANG)
    told = blank.told()
    assert told.reasons() == ["building_full"]
    assert (told.inside(), told.inside("stacks-4")) == (1, 0)
    assert sum(told.free("stacks-4").values()) == 5


def test_where_the_building_has_no_cap_only_the_rooms_count(blank: Story) -> None:
    blank.caps(building=None, stacks_3=1, stacks_4=2).booked(LI, WANG).booked(CHEN, ZHAO, zone="stacks-4")
    queue(blank, "north", "09:10", LI, WANG, CHEN, ZHAO)
    told = blank.told()
    assert told.reasons() == ["zone_full"]
    assert told.inside() == 3


def test_how_many_a_room_holds_that_the_caps_do_not_name_is_unknown(story: Story) -> None:
    story.booked(LI, zone="attic").at("09:10").north.meets(LI)
    assert story.told().reasons() == ["caps_unknown"]


def test_a_room_that_the_caps_name_no_more_is_as_unknown_as_one_they_never_named(blank: Story) -> None:
    """Whoever names it again opens it again."""
    blank.caps(building=9, stacks_3=9, attic=1).booked(LI, zone="attic")
    blank.at("09:05").caps(building=9, stacks_3=9, revision=2).at("09:10").north.meets(LI).after(3).north.leave()
    blank.at("09:20").caps(building=9, stacks_3=9, attic=1, revision=3).after(5).north.serves(LI)
    told = blank.told()
    assert told.reasons() == ["caps_unknown"]
    assert told.inside("attic") == 1


def test_two_people_on_one_booking_need_two_places(blank: Story) -> None:
    blank.caps(building=3, stacks_3=3).booked(LI, WANG, people=2)
    blank.at("09:10").north.meets(LI).after(2).north.passes(2).after(3).north.leave()
    blank.at("09:12").north.meets(WANG)
    told = blank.told()
    assert len(told.events("visit.admitted")) == 1
    assert told.reasons() == ["zone_full"]
    assert told.inside() == 2
    assert "tailgating" not in told.kinds()


def test_two_people_find_two_places_at_the_other_gate(blank: Story) -> None:
    blank.caps(building=4, stacks_3=4).booked(LI, WANG, people=2)
    for clock, person in (("09:10", LI), ("09:12", WANG)):
        blank.at(clock).north.meets(person).after(2).north.passes(2).after(3).north.leave()
    told = blank.told()
    assert told.reasons() == []
    assert told.inside() == 4


def test_nobody_sends_away_the_place_of_a_reader_who_is_being_measured(blank: Story) -> None:
    """Li has tapped first; Wang asks for the only place while Li steps up."""
    blank.caps(building=9, stacks_3=1).booked(LI, WANG).at("09:10").north.tap(LI).after(1).south.tap(WANG)
    blank.after(1).north.face().after(1).north.passes()
    told = blank.told()
    assert [(line.device, line.data["reason"]) for line in told.events("visit.denied")] == [("south", "zone_full")]
    assert told.event("visit.admitted", "north").data["card"] == LI.card
    assert told.retained("occupancy/north")["zones"]["stacks-3"]["sent"] == {}


# --- debts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gate", GATES)
def test_when_a_guard_has_counted_that_a_room_is_full_nobody_comes_in_anywhere(blank: Story, gate: str) -> None:
    blank.caps(building=9, stacks_3=3).booked(LI, WANG)
    blank.at("09:10").guard(gate, "set_count", zone="stacks-3", people=3)
    queue(blank, "north", "09:11", LI)
    queue(blank, "south", "09:12", WANG)
    told = blank.told()
    assert [(line.device, line.data["reason"]) for line in told.events("visit.denied")] == [
        ("north", "zone_full"),
        ("south", "zone_full"),
    ]
    assert told.alerts("count_doubt") == ["raised", "raised"]
    assert set(told.free("stacks-3").values()) == {0}
    assert told.inside("stacks-3") == 3


def test_whoever_follows_somebody_in_at_one_gate_takes_a_place_at_the_other(blank: Story) -> None:
    blank.caps(building=2, stacks_3=5).booked(LI, WANG)
    blank.at("09:10").north.meets(LI).after(2).north.passes(2).after(3).north.leave()
    queue(blank, "south", "09:11", WANG)
    told = blank.told()
    assert told.reasons() == ["building_full"]
    assert (told.inside(), told.world_inside()) == (2, 2)


@pytest.mark.parametrize("way_out", GATES)
def test_whoever_forces_a_gate_takes_a_place_and_leaving_frees_one_when_the_debt_is_paid(
    blank: Story, way_out: str
) -> None:
    """Three pushed into a building for two: the first to leave frees nothing, the second does."""
    blank.caps(building=2, stacks_3=5).booked(LI)
    blank.at("09:10")
    for _ in range(3):
        blank.north.do("force").after(5)
    queue(blank, "south", "09:11", LI)
    blank.at("09:12").line(way_out, "exit")
    queue(blank, "south", "09:13", LI)
    blank.at("09:14").line(way_out, "exit")
    queue(blank, "south", "09:15", LI)
    told = blank.told()
    assert told.reasons() == ["building_full", "building_full"]
    assert told.event("visit.admitted").at > told.when("09:15")
    assert told.world_inside() == told.inside() == 2


def test_somebody_who_is_being_measured_loses_the_place_that_a_tailgater_took(blank: Story) -> None:
    """A card that was read is not yet in."""
    blank.caps(building=2, stacks_3=5).booked(LI, WANG)
    blank.at("09:10").north.meets(LI).after(1).south.tap(WANG).after(1).north.passes(2).after(3).south.face()
    told = blank.told()
    assert told.alerts("tailgating") == ["raised"]
    assert told.reasons() == ["building_full"]
    assert told.world_inside() == 2


def losing(story: Story) -> Story:
    """Li is being measured when the second intruder takes the place that was free for her."""
    story.caps(building=2, stacks_3=5).booked(LI)
    story.at("09:09").south.do("force").at("09:10").north.tap(LI).after(1).north.face().after(0.1)
    return story.south.do("force")


def test_whoever_loses_a_place_while_being_measured_is_not_sent_away_before_the_neighbours_were_asked(
    blank: Story,
) -> None:
    told = losing(blank).told()
    [asked] = [line for line in told.messages("requests/north") if line["urgent"]]
    assert asked["zones"] == {"*": 1}
    assert told.reasons() == ["building_full"]
    assert told.event("visit.denied").at == pytest.approx(told.when("09:10:01.1") + 0.3, abs=0.05)


def test_and_comes_in_where_somebody_leaves_meanwhile(blank: Story) -> None:
    losing(blank).after(0.15).west.exits(WANG).after(1).north.passes()
    told = blank.told()
    assert told.reasons() == []
    assert told.event("visit.admitted").data["card"] == LI.card
    assert told.inside() == 2


def test_a_place_that_was_fetched_and_lost_again_is_asked_for_again(blank: Story) -> None:
    """The other gate sent it when Li tapped, and needs it a second later."""
    blank.caps(building=2, stacks_3=5).booked(LI).at("09:09").north.do("force")
    blank.at("09:10").north.tap(LI).after(1).south.do("force")
    told = blank.told()
    assert [line["zones"] for line in told.messages("requests/north") if line["urgent"]] == [{"*": 1}] * 2
    assert told.reasons() == ["building_full"]
    assert told.event("visit.denied").at == pytest.approx(told.when("09:10:01") + 0.3, abs=0.05)


def test_a_gate_that_is_cut_off_cannot_know_of_a_debt_and_pays_it_when_it_is_back(blank: Story) -> None:
    """It holds two rights: one is used before it hears, the other is no longer its own."""
    blank.caps(building=4, stacks_3=9).booked(*READERS).at("09:05").south.link(False)
    queue(blank, "north", "09:10", LI, WANG)
    blank.at("09:11").north.do("force").after(5).north.do("force")
    queue(blank, "south", "09:12", CHEN)
    blank.at("09:20").south.link(True)
    queue(blank, "south", "09:21", ZHAO)
    told = blank.told()
    assert [line.data["card"] for line in told.events("visit.admitted")] == [LI.card, WANG.card, CHEN.card]
    assert told.reasons() == ["building_full"]
    assert told.free() == {"north": -1, "south": 0}


def test_a_count_that_was_too_high_gives_back_what_it_took(blank: Story) -> None:
    blank.caps(building=9, stacks_3=3).booked(*READERS)
    blank.at("09:10").guard("west", "set_count", zone="stacks-3", people=3)
    blank.at("09:11").guard("west", "set_count", zone="stacks-3", people=0)
    queue(blank, "north", "09:12", LI, WANG, CHEN)
    told = blank.told()
    assert told.reasons() == []
    assert told.inside("stacks-3") == 3


def test_in_a_building_without_a_cap_a_tailgater_takes_nobodys_place(blank: Story) -> None:
    blank.caps(building=None, stacks_3=2).booked(LI, WANG)
    blank.at("09:10").north.meets(LI).after(2).north.passes(2).after(3).north.leave()
    queue(blank, "south", "09:11", WANG)
    told = blank.told()
    assert told.reasons() == []
    assert told.retained("occupancy/south")["zones"]["*"]["sent"] == {}


# --- rights flow ---------------------------------------------------------------------------------------


def test_a_place_freed_at_the_way_out_is_there_at_the_way_in(blank: Story) -> None:
    blank.caps(building=1, stacks_3=1).booked(LI, WANG)
    queue(blank, "north", "09:10", LI)
    blank.at("09:20").west.exits(LI)
    queue(blank, "south", "09:20:01", WANG)
    told = blank.told()
    assert len(told.events("visit.admitted")) == 2
    assert told.free() == {"north": 0, "south": 0, "west": 0}


def test_all_day_people_come_in_here_and_leave_there(blank: Story) -> None:
    blank.caps(building=2, stacks_3=2).booked(*READERS)
    for hour, person in enumerate(READERS * 2):
        minute = 10 * hour
        blank.at(f"{9 + minute // 60:02}:{minute % 60:02}").north.serves(person)
        blank.after(120).west.exits(person)
    told = blank.told()
    assert len(told.events("visit.admitted")) == len(told.events("visit.exited")) == 10
    assert told.inside() == told.inside("stacks-3") == 0


def test_rights_flow_without_the_keeper(blank: Story) -> None:
    blank.caps(building=1, stacks_3=1).booked(LI, WANG)
    queue(blank, "north", "09:10", LI)
    blank.at("09:12").site.power_cut(3600).at("09:20").west.exits(LI)
    queue(blank, "south", "09:21", WANG)
    assert len(blank.told(until="09:25").events("visit.admitted")) == 2


def test_before_a_gate_has_used_up_its_rights_others_have_come(blank: Story) -> None:
    """Its half of eight lasts for four; it asks in time, and none of six waits for a neighbour's answer."""
    blank.caps(building=8, stacks_3=8).booked(*READERS, PHONE)
    queue(blank, "north", "09:10", *READERS, PHONE)
    told = blank.told()
    taps = [line["at"] for line in blank.stimuli() if line["do"] == "tap"]
    waited_s = [line.at - tap for line, tap in zip(told.events("visit.admitted", "north"), taps, strict=True)]
    assert max(waited_s) < 0.02, "no message comes and goes in that time"
    assert [request["urgent"] for request in told.messages("requests/north")] == [False] * 3
    assert told.free("stacks-3") == {"north": 1, "south": 1}


def test_a_place_is_not_sent_to_a_gate_that_is_off(blank: Story) -> None:
    """Both entrances hold nothing; one of them has no power."""
    blank.caps(building=9, stacks_3=1).booked(LI, WANG)
    queue(blank, "south", "09:10", LI)
    blank.at("09:11").north.power_cut(3600).at("09:15").west.exits(LI)
    queue(blank, "south", "09:16", WANG)
    told = blank.told(until="09:20")
    assert told.retained("status/north")["state"] == "offline"
    assert told.reasons() == []
    assert len(told.events("visit.admitted", "south")) == 2


def test_while_every_entrance_is_off_the_exit_keeps_the_place_for_the_first_that_comes(blank: Story) -> None:
    blank.caps(building=9, stacks_3=1).booked(LI, WANG)
    queue(blank, "south", "09:10", LI)
    blank.at("09:11").north.power_cut(3600).south.power_cut(600).at("09:15").west.exits(LI)
    queue(blank, "south", "09:25", WANG)
    told = blank.told(until="09:30")
    assert told.retained("occupancy/west")["zones"]["stacks-3"]["sent"] == {"south": 1}
    assert len(told.events("visit.admitted", "south")) == 2


# --- partition -----------------------------------------------------------------------------------------


def test_a_gate_that_is_cut_off_admits_what_it_holds_and_no_more(blank: Story) -> None:
    blank.caps(building=2, stacks_3=2).booked(*READERS).at("09:05").south.link(False)
    queue(blank, "north", "09:10", LI, WANG)
    queue(blank, "south", "09:20", CHEN, ZHAO)
    blank.at("09:30").south.link(True)
    told = blank.told()
    assert [line.device for line in told.events("visit.admitted")] == ["north", "south"]
    assert told.reasons() == ["zone_full", "zone_full"]
    assert told.inside() == 2
    assert told.alerts("link_down", "south") == ["raised", "cleared"]


def test_what_was_freed_at_a_gate_that_is_cut_off_comes_back_with_it(blank: Story) -> None:
    blank.caps(building=1, stacks_3=1).booked(LI, WANG)
    queue(blank, "north", "09:10", LI)
    blank.at("09:15").west.link(False).at("09:20").west.exits(LI)
    blank.at("09:25").north.meets(WANG).after(5).north.leave()
    blank.at("09:30").west.link(True)
    queue(blank, "north", "09:35", WANG)
    told = blank.told()
    assert told.reasons() == ["zone_full"]
    assert len(told.events("visit.admitted")) == 2
    assert told.inside() == 1


def test_with_every_cable_out_the_cap_still_holds(blank: Story) -> None:
    blank.caps(building=3, stacks_3=3).booked(*READERS).at("09:05")
    for gate in GATES:
        blank.line(gate, "link", up=False)
    queue(blank, "north", "09:10", LI, WANG, CHEN)
    queue(blank, "south", "09:20", CHEN, ZHAO, SUN)
    blank.at("09:30")
    for gate in GATES:
        blank.line(gate, "link", up=True)
    told = blank.told()
    assert len(told.events("visit.admitted")) == 3
    assert told.inside() == 3


def test_a_link_that_comes_and_goes_loses_no_place(blank: Story) -> None:
    blank.caps(building=2, stacks_3=2).booked(*READERS).at("09:05").west.breaks("broker", "intermittent")
    for minute, person in enumerate(READERS):
        blank.at(f"09:{10 + 5 * minute}").north.serves(person).after(60).west.exits(person)
    blank.at("10:00").west.mended("broker", "intermittent")
    told = blank.told()
    assert len(told.events("visit.admitted")) == 5
    assert told.inside() == 0
    assert sum(told.free("stacks-3").values()) == 2


def test_a_gate_that_was_never_switched_on_keeps_nobody_out(blank: Story) -> None:
    blank.south.power_cut(3 * 3600).at("08:56").caps(building=5, stacks_3=5).booked(*READERS)
    for minute, person in enumerate(READERS):
        blank.at(f"09:{10 + 5 * minute}").north.serves(person)
    told = blank.told()
    assert told.retained("status/south") is None
    assert told.retained("occupancy/north")["zones"]["stacks-3"]["entries"] == 5
    assert told.kinds() == []


# --- caps that change ----------------------------------------------------------------------------------


def test_a_raised_cap_lets_more_in(blank: Story) -> None:
    blank.caps(building=1, stacks_3=1).booked(LI, WANG)
    queue(blank, "north", "09:10", LI)
    blank.at("09:15").caps(building=2, stacks_3=2, revision=2)
    queue(blank, "north", "09:20", WANG)
    assert len(blank.told().events("visit.admitted")) == 2


def test_a_lowered_cap_takes_free_rights_back_and_no_reader_out(blank: Story) -> None:
    blank.caps(building=4, stacks_3=4).booked(*READERS)
    queue(blank, "north", "09:10", LI, WANG)
    blank.at("09:20").caps(building=2, stacks_3=2, revision=2)
    queue(blank, "south", "09:25", CHEN)
    blank.at("09:30").west.exits(LI)
    queue(blank, "south", "09:35", ZHAO)
    told = blank.told()
    assert [line.data["card"] for line in told.events("visit.denied")] == [CHEN.card]
    assert [line.data["card"] for line in told.events("visit.admitted")] == [LI.card, WANG.card, ZHAO.card]
    assert told.inside() == 2
    assert "cap_exceeded" not in told.kinds()


def test_a_cap_below_the_people_inside_is_reported_until_enough_have_left(blank: Story) -> None:
    blank.caps(building=3, stacks_3=3).booked(*READERS)
    queue(blank, "north", "09:10", LI, WANG, CHEN)
    blank.at("09:20").caps(building=1, stacks_3=1, revision=2)
    blank.at("09:30").west.exits(LI).after(10).west.exits(WANG)
    queue(blank, "north", "09:40", ZHAO)
    told = blank.told()
    assert told.alerts("cap_exceeded", "site") == ["raised", "cleared"]
    assert told.reasons() == ["zone_full"]


@pytest.mark.parametrize("revision", [1, 2, 3])
def test_caps_of_a_lower_or_equal_revision_are_ignored(blank: Story, revision: int) -> None:
    blank.caps(building=1, stacks_3=1, revision=3).booked(LI, WANG)
    blank.at("09:05").caps(building=9, stacks_3=9, revision=revision)
    queue(blank, "north", "09:10", LI, WANG)
    told = blank.told()
    assert told.reasons() == ["zone_full"]
    assert told.events("message.rejected") == []


def test_a_tailgater_uses_up_a_place_of_the_building(blank: Story) -> None:
    blank.caps(building=2, stacks_3=2).booked(LI, WANG)
    blank.at("09:10").north.meets(LI).after(2).north.passes(2).after(3).north.leave()
    queue(blank, "north", "09:20", WANG)
    told = blank.told()
    assert told.reasons() == ["building_full"]
    assert told.inside() == 2


def test_everybody_learns_what_the_keeper_gave(story: Story) -> None:
    told = story.at("09:00").north.do("leave").told()
    granted = [told.retained(f"grants/{gate}")["zones"]["stacks-3"]["granted"] for gate in ("north", "south")]
    assert sum(granted) == 30
    assert sum(told.free("stacks-3").values()) == 30
    assert sum(told.free().values()) == 100
