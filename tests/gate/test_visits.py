"""Who is inside, as far as cards tell, here and at the neighbours."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.gate.occupancy import PASSES
from edge.gate.visits import MAX_GONE, Visit, Visits
from edge.site import contract

TODAY = "2026-03-09"
AM, PM = f"{TODAY}/am", f"{TODAY}/pm"
ANNA, BEN = "a" * 26, "b" * 26
NOON = datetime.fromisoformat("2026-03-09T12:00:00+08:00")


def visit(number: int = 1, card: str | None = ANNA, *, session: str | None = AM, zone: str | None = "z") -> Visit:
    return Visit(
        visit=f"v{number}",
        card=card,
        zone=zone,
        booking="B-1",
        by="booking",
        session=session,
        measured={"skin_c": 34.61, "ambient_c": 22.0, "estimate_c": 36.61},
    )


class Gate:
    """One gate's visits, its journal, and the topic on which it tells the others."""

    def __init__(self, name: str, *admitted: Visit) -> None:
        self.name = name
        self.saved: dict[str, Any] = {}
        self.visits = Visits({})
        for one in admitted:
            self.visits.put(one)

    def commit(self) -> None:
        for key, value in json.loads(json.dumps(self.visits.changes())).items():
            if value is None:
                self.saved.pop(key, None)
            else:
                self.saved[key] = value

    def knows(self, card: str) -> str | None:
        """The visit that the card would leave on."""
        known = self.visits.of_card(card)
        return None if known is None else known.visit

    def restart(self) -> None:
        self.commit()
        self.visits = Visits(self.saved)

    def says(self, session: str | None = AM) -> contract.Inside:
        """Over the wire, as the contract writes it."""
        message = contract.encode(self.visits.message(self.name, session))
        heard = contract.parse(f"gatehouse/demo/inside/{self.name}", message).payload
        assert isinstance(heard, contract.Inside)
        return heard

    def tell(self, other: Gate, session: str | None = AM) -> None:
        other.visits.heard(self.name, self.says(session))


# --- one gate -----------------------------------------------------------------------------------------


def test_an_admission_is_known_until_it_is_forgotten() -> None:
    visits = Visits({})
    visits.put(visit())
    assert visits.known(visit())
    assert visits.of_card(ANNA) == visit()
    visits.forget(visit())
    assert not visits.known(visit())


def test_a_card_counts_only_in_the_session_it_was_admitted_in() -> None:
    """Else whoever left unseen before lunch would be locked out after it."""
    visits = Visits({})
    visits.put(visit(session=AM))
    assert visits.inside(ANNA, AM)
    assert not visits.inside(ANNA, PM)
    assert not visits.inside(BEN, AM)


def test_without_a_clock_nobody_counts_as_inside() -> None:
    """No session's end would ever take that back."""
    gate = Gate("north", visit(session=None))
    assert not gate.visits.inside(ANNA, None)
    assert gate.says(None).cards == ()
    assert gate.visits.of_card(ANNA) is not None, "whoever leaves is still recognised"


def test_a_visit_without_a_card_is_nobodys() -> None:
    gate = Gate("north", visit(1, None), visit(2, None))
    assert [one.visit for one in gate.visits.unfinished()] == ["v1", "v2"]
    assert gate.says() == contract.Inside(journal="north", cards=(), session=AM)


def test_of_a_group_those_who_did_not_come_in_hold_no_place_any_more() -> None:
    gate = Gate("north", replace(visit(), people=3))
    gate.visits.withdraw(visit(), 2)
    gate.restart()
    assert gate.visits.of_card(ANNA) == visit()
    gate.visits.withdraw(visit(), 1)
    gate.restart()
    assert gate.saved == {}


def test_a_visit_is_finished_when_all_of_it_have_walked_in() -> None:
    pair = replace(visit(2, BEN), people=2, came=1)
    visits = Visits({})
    visits.put(visit(1))
    visits.put(pair)
    assert [one.to_come for one in visits.unfinished()] == [1, 1]
    visits.put(replace(visit(1), came=1))
    assert visits.unfinished() == [pair]
    visits.put(replace(pair, came=2))
    assert visits.unfinished() == []


def test_whoever_comes_again_has_left_in_between() -> None:
    """An exit that nobody saw: the new visit takes the place of the old one, in the journal too."""
    gate = Gate("north", visit(1, session=AM))
    gate.commit()
    gate.visits.put(visit(2, session=PM))
    assert not gate.visits.known(visit(1))
    gate.restart()
    assert list(gate.saved) == ["visit/v2"]
    assert gate.visits.inside(ANNA, PM)


def test_forgetting_an_older_visit_leaves_the_newer_one() -> None:
    visits = Visits({})
    visits.put(visit(1))
    visits.put(visit(2))
    visits.forget(visit(1))
    assert visits.of_card(ANNA) == visit(2)


def test_a_persons_word_that_a_zone_is_empty_ends_its_visits() -> None:
    visits = Visits({})
    visits.put(visit(1, ANNA, zone="z"))
    visits.put(visit(2, BEN, zone="y"))
    visits.settle("z")
    assert not visits.inside(ANNA, AM)
    assert visits.inside(BEN, AM)
    visits.settle(None)
    assert not visits.inside(BEN, AM)


def test_whoever_came_yesterday_has_left_all_the_same() -> None:
    gate = Gate("north", replace(visit(1, ANNA), day="2026-03-08"), replace(visit(2, BEN), day="2026-03-09"))
    gate.commit()
    gate.visits.forget_days_before("2026-03-09")
    gate.restart()
    assert gate.visits.of_card(ANNA) is None
    assert gate.visits.of_card(BEN) is not None
    assert list(gate.saved) == ["visit/v2"], "nothing of it is kept"


def test_whoever_came_while_nobody_knew_the_date_came_today() -> None:
    gate = Gate("north", visit(1, session=None))
    gate.visits.forget_days_before("2026-03-09")
    gate.restart()
    assert gate.knows(ANNA) == "v1"
    gate.visits.forget_days_before("2026-03-10")
    assert gate.knows(ANNA) is None


def test_a_clock_that_is_set_back_over_midnight_forgets_nobody() -> None:
    gate = Gate("north", replace(visit(), day="2026-03-09"))
    gate.visits.forget_days_before("2026-03-08")
    assert gate.knows(ANNA) == "v1"


# --- neighbours -----------------------------------------------------------------------------------------


def test_who_was_admitted_next_door_is_inside_here_too() -> None:
    north, south = Gate("north", visit()), Gate("south")
    north.tell(south)
    assert south.visits.inside(ANNA, AM)
    assert south.knows(ANNA) == "v1"


def test_a_neighbours_last_word_replaces_its_earlier_ones() -> None:
    north, south = Gate("north", visit()), Gate("south")
    north.tell(south)
    north.visits.forget(visit())
    north.tell(south)
    assert not south.visits.inside(ANNA, AM)
    assert south.knows(ANNA) is None


def test_after_the_session_a_neighbour_still_names_the_visit_but_not_against_the_card() -> None:
    north, south = Gate("north", visit(session=AM)), Gate("south")
    north.tell(south, session=PM)
    assert not south.visits.inside(ANNA, PM)
    assert south.knows(ANNA) == "v1"


def test_what_a_neighbour_told_in_another_session_is_past() -> None:
    """It may be cut off, or without power since yesterday; nobody is locked out by what it said then."""
    north, south = Gate("north", visit(session=AM)), Gate("south")
    north.tell(south, session=AM)
    assert not south.visits.inside(ANNA, PM)
    assert south.knows(ANNA) == "v1"


@pytest.mark.parametrize("told_in", [AM, PM, TODAY, None])
def test_each_card_counts_for_its_own_session_whenever_it_was_told(told_in: str | None) -> None:
    """Sessions touch: Anna came early for the next one, Ben is of the one that is about to close."""
    north, south = Gate("north", visit(1, ANNA, session=PM), visit(2, BEN, session=AM)), Gate("south")
    north.tell(south, session=told_in)
    assert [south.visits.inside(card, session) for card in (ANNA, BEN) for session in (AM, PM)] == [
        False, True, True, False
    ]  # fmt: skip


def test_whoever_came_without_a_clock_is_inside_for_no_session_there_either() -> None:
    north, south = Gate("north", visit(session=None)), Gate("south")
    north.tell(south, session=AM)
    assert not south.visits.inside(ANNA, AM)
    assert south.knows(ANNA) == "v1"


def test_a_neighbour_that_does_not_say_for_which_session_is_believed() -> None:
    south = Gate("south")
    south.visits.heard("north", contract.Inside(journal="north", cards=(ANNA,), visits={"z": {ANNA: "v1"}}))
    assert south.visits.inside(ANNA, PM)


def test_a_neighbour_tells_all_that_an_exit_must_know() -> None:
    north, south = (
        Gate("north", replace(visit(), people=3), replace(visit(2, BEN, zone=None), apart=True)),
        Gate("south"),
    )
    north.tell(south)
    group, staff = south.visits.of_card(ANNA), south.visits.of_card(BEN)
    assert group is not None
    assert staff is not None
    assert (group.people, group.places) == (3, ("z", "*"))
    assert (staff.people, staff.places) == (1, (PASSES,))


def test_of_two_visits_of_a_card_it_leaves_on_the_one_that_counts_and_both_are_over() -> None:
    """It left unseen in the morning and came back by another door in the afternoon."""
    north, south, west = Gate("north", visit(1, session=AM)), Gate("south", visit(2, session=PM)), Gate("west")
    for gate in (north, south):
        gate.tell(west, PM)
    left = west.visits.leave(ANNA, NOON)
    assert left is not None
    assert left.visit == "v2"
    assert set(west.says(PM).left) == {"v1", "v2"}
    assert west.knows(ANNA) is None


def test_an_exit_where_it_came_in_ends_what_the_neighbours_know_of_it_too() -> None:
    north, south = Gate("north", visit(1)), Gate("south", visit(2))
    north.tell(south)
    south.visits.leave(ANNA, NOON)
    assert not south.visits.inside(ANNA, AM)
    south.tell(north)
    assert not north.visits.inside(ANNA, AM)


def test_one_neighbour_says_nothing_about_the_others() -> None:
    north, south, east = Gate("north", visit(1)), Gate("south"), Gate("east", visit(2, BEN))
    north.tell(south)
    east.tell(south)
    assert south.visits.inside(ANNA, AM)
    assert south.visits.inside(BEN, AM)


def test_an_exit_here_ends_the_visit_at_the_gate_that_admitted_it() -> None:
    """In at the north, out at the south: both know, and then nothing of it is kept."""
    north, south = Gate("north", visit()), Gate("south")
    north.tell(south)
    south.visits.leave(ANNA, NOON)
    assert not south.visits.inside(ANNA, AM)
    south.tell(north)
    assert not north.visits.known(visit())
    north.tell(south)
    assert south.says().left == ()
    south.restart()
    assert south.saved == {}


def test_a_message_that_crossed_the_exit_does_not_bring_the_visit_back() -> None:
    north, south = Gate("north", visit()), Gate("south")
    north.tell(south)
    south.visits.leave(ANNA, NOON)
    north.tell(south)  # north has not heard yet
    assert not south.visits.inside(ANNA, AM)
    assert south.knows(ANNA) is None
    assert south.says().left == ("v1",)


def test_an_exit_is_told_until_it_is_heard_also_after_a_restart() -> None:
    north, south = Gate("north", visit()), Gate("south")
    north.tell(south)
    south.visits.leave(ANNA, NOON)
    south.restart()
    assert south.says().left == ("v1",)
    south.tell(north)
    north.tell(south)
    assert south.says().left == ()


def test_a_new_visit_of_the_same_card_next_door_is_not_the_one_that_left() -> None:
    north, south = Gate("north", visit(1)), Gate("south")
    north.tell(south)
    south.visits.leave(ANNA, NOON)
    south.tell(north)
    north.visits.put(visit(2))
    north.tell(south)
    assert south.visits.inside(ANNA, AM)
    assert south.knows(ANNA) == "v2"


def test_hearing_of_an_exit_that_is_not_ours_changes_nothing() -> None:
    north = Gate("north", visit())
    north.visits.heard("south", contract.Inside(journal="south", cards=(), left=("v9",)))
    assert north.visits.known(visit())


def test_an_empty_building_is_told_to_the_neighbours() -> None:
    north, south = Gate("north", visit()), Gate("south")
    north.tell(south)
    south.visits.settle(None)
    south.tell(north)
    assert not north.visits.inside(ANNA, AM)


@pytest.mark.parametrize("zone", ["y", "z"])
def test_an_empty_zone_ends_the_visits_of_that_zone_next_door(zone: str) -> None:
    north, south = Gate("north", visit(zone="z")), Gate("south")
    north.tell(south)
    south.visits.settle(zone)
    assert south.visits.inside(ANNA, AM) == (zone != "z")


# --- a lost journal ---------------------------------------------------------------------------------------


def test_what_was_told_before_the_disk_was_lost_is_known_after_it() -> None:
    old = Gate("north", visit(1), replace(visit(2, BEN, zone=None), apart=True, people=2))
    new = Gate("north")
    new.visits.adopt(old.says())
    new.restart()
    assert new.visits.inside(ANNA, AM)
    assert new.says() == old.says()
    assert new.visits.unfinished() == [], "whoever was not seen walking in by then will not tell"


def test_whoever_came_in_since_is_not_made_a_second_time() -> None:
    new = Gate("north", visit(2))
    new.visits.adopt(Gate("north", visit(1)).says())
    assert new.knows(ANNA) == "v2"
    assert not new.visits.known(visit(1))


def test_who_was_inside_in_another_session_or_yesterday_is_not_locked_out() -> None:
    new = Gate("north")
    new.visits.adopt(Gate("north", visit(1)).says())
    assert not new.visits.inside(ANNA, PM)
    new.visits.forget_days_before("2026-03-10")
    assert new.knows(ANNA) is None


def test_the_exits_that_were_seen_before_the_disk_was_lost_are_still_told() -> None:
    north, old, new = Gate("north", visit()), Gate("west"), Gate("west")
    north.tell(old)
    old.visits.leave(ANNA, NOON)
    north.tell(new)
    new.visits.adopt(old.says())
    assert not new.visits.inside(ANNA, AM)
    new.tell(north)
    assert not north.visits.known(visit())


# --- who leaves before the neighbours have heard of the visit ----------------------------------------------


def came_at(when: datetime, number: int = 1) -> Visit:
    return replace(visit(number), at=when.isoformat())


def test_whoever_leaves_before_the_visit_was_told_of_has_left_all_the_same() -> None:
    """The entrance was cut off, or the reader turned round at once."""
    north, west = Gate("north", came_at(NOON)), Gate("west")
    assert west.visits.leave(ANNA, NOON + timedelta(seconds=5)) is None
    west.tell(north)
    assert not north.visits.known(visit())
    north.tell(west)
    assert not west.visits.inside(ANNA, AM)


def test_whoever_came_in_again_since_is_inside() -> None:
    west = Gate("west")
    west.visits.leave(ANNA, NOON)
    north = Gate("north", came_at(NOON + timedelta(seconds=5)))
    west.tell(north)
    assert north.visits.known(visit())


def test_of_two_times_that_a_card_left_the_later_is_told() -> None:
    west = Gate("west")
    west.visits.leave(ANNA, NOON)
    Gate("north", came_at(minute(1))).tell(west)
    west.visits.leave(ANNA, minute(2))
    assert west.says().gone == {ANNA: minute(2)}


def test_the_later_leaving_is_told_too_when_the_neighbour_speaks_of_the_visit_between() -> None:
    north, west = Gate("north", came_at(NOON)), Gate("west")
    north.tell(west)
    west.visits.leave(ANNA, minute(1))
    north.visits.put(came_at(minute(2), number=2))
    west.visits.leave(ANNA, minute(3))  # of whose second visit nobody has told here
    north.tell(west)
    west.tell(north)
    assert not north.visits.inside(ANNA, AM)


def test_who_left_unknown_is_told_over_a_restart_and_forgotten_with_the_day() -> None:
    west = Gate("west")
    west.visits.leave(ANNA, NOON)
    west.restart()
    assert set(west.says().gone) == {ANNA}
    west.visits.forget_days_before("2026-03-10")
    west.restart()
    assert west.says().gone == {}


def test_of_very_many_who_left_unknown_the_newest_are_told_of() -> None:
    west = Gate("west")
    cards = [f"{'a' * 23}{one}{two}{three}" for one in "bcdefghi" for two in "bcdefghi" for three in "bcdefghij"]
    for number, card in enumerate(cards):
        west.visits.leave(card, minute(number))
    assert list(west.says().gone) == cards[-MAX_GONE:]
    west.restart()
    assert set(west.says().gone) == set(cards[-MAX_GONE:])


def test_who_left_unknown_is_still_told_of_after_the_disk_was_lost() -> None:
    old, new = Gate("west"), Gate("west")
    old.visits.leave(ANNA, NOON + timedelta(seconds=5))
    new.visits.adopt(old.says())
    north = Gate("north", came_at(NOON))
    new.tell(north)
    assert not north.visits.known(visit())


# --- any story ----------------------------------------------------------------------------------------


def minute(number: int) -> datetime:
    """When the move of this number happens."""
    return NOON + timedelta(minutes=number)


moves = st.lists(
    st.tuples(
        st.sampled_from(["in", "in", "use", "out", "out", "tell", "tell", "restart"]),
        st.integers(0, 1),
        st.sampled_from([ANNA, BEN, None]),
    ),
    min_size=15,
    max_size=40,
)


@given(moves)
def test_a_restart_changes_nothing_and_after_talking_everybody_agrees(story: list[tuple[str, int, str | None]]) -> None:
    """Whoever is inside by the gates' word came in and was not seen leaving; what is told stays bounded by cards."""
    gates = [Gate("north"), Gate("south")]
    inside: set[str] = set()
    for number, (what, index, card) in enumerate(story):
        here, there = gates[index], gates[1 - index]
        match what:
            case "in" if card not in inside:
                here.visits.put(replace(visit(number, card), at=minute(number).isoformat()))
                inside |= {card} if card else set()
            case "use" if card and (own := here.visits.of_card(card)) and here.visits.known(own):
                here.visits.put(replace(own, came=1))
            case "out" if card in inside:
                if (own := here.visits.of_card(card or "")) and here.visits.known(own):
                    there.tell(here)  # of a later visit; else the earlier one would be taken for it
                here.visits.leave(card or "", minute(number))
                inside.discard(card or "")
            case "tell":
                here.tell(there)
            case "restart":
                before = here.says()
                here.restart()
                after = here.says()
                assert (set(after.cards), after.visits, set(after.left), after.gone) == (
                    set(before.cards), before.visits, set(before.left), before.gone
                )  # fmt: skip
                there.tell(here)
            case _:
                pass
    for _ in range(2):
        gates[0].tell(gates[1])
        gates[1].tell(gates[0])
    for gate in gates:
        assert {card for card in (ANNA, BEN) if gate.visits.inside(card, AM)} == inside
        assert gate.says().left == ()
        assert len(gate.says().visits) <= 2
