"""A way out whose beam is blocked, silent or unsure, or that has none: the card counts, and nobody is lost for good."""

from __future__ import annotations

import pytest

from tests.gate.stories.story import CHEN, LI, SUN, WANG, ZHAO, Person, Story, Told

FAULT = "lane_fault-exit-beam"


def came_in(story: Story, *people: Person, booked: int = 1) -> Story:
    """These people came in one after the other, with so many on the card of each; it is twenty to ten."""
    story.booked(*people, people=booked).at("09:05")
    for person in people:
        story.north.meets(person).after(2)
        story.north.passes(booked).after(booked + 1)
        story.north.leave().after(1)
    return story.at("09:40")


def gone(told: Told) -> list[Person | None]:
    """Whose exits were counted, in order."""
    people = {person.card: person for person in (LI, WANG, CHEN, ZHAO, SUN)}
    return [people.get(line.data["card"] or "") for line in told.events("visit.exited")]


def faults(told: Told) -> list[str]:
    """What became of the alert, at the west."""
    return [
        line.type.removeprefix("alert.")
        for line in told.lines
        if line.device == "west" and line.data.get("alert") == FAULT
    ]


# --- blocked: it breaks, and does not clear ------------------------------------------------------------


@pytest.mark.parametrize("kind", ["absent", "stuck"])
def test_a_beam_that_is_blocked_is_reported_and_cards_count_at_once(story: Story, kind: str) -> None:
    came_in(story, LI, WANG)
    if kind == "stuck":
        story.west.do("exit", card=WANG.uid)
    story.west.breaks("beam", kind).at("09:50").west.exits(LI).at("10:00").west.mended("beam", kind)
    told = story.told()
    assert gone(told)[-1] == LI
    assert told.events("visit.exited")[-1].at == pytest.approx(told.when("09:50"), abs=0.05)
    raised = told.event("alert.raised", "west")
    assert (raised.data["alert"], raised.data["severity"]) == (FAULT, "warning")
    assert raised.at == pytest.approx(told.when("09:40:10"), abs=0.05)
    assert faults(told) == ["raised", "cleared"]


def test_a_wire_that_is_cut_is_nobody(blank: Story) -> None:
    """Its place would go to somebody who is one too many."""
    blank.caps(building=1, stacks_3=5).booked(LI, WANG).at("09:10").north.serves(LI)
    blank.at("09:40").west.breaks("beam", "absent").at("09:40:05").north.meets(WANG).after(3).north.leave()
    blank.at("09:50").north.meets(WANG)
    told = blank.told()
    assert gone(told) == []
    assert told.reasons() == ["building_full", "building_full"]
    assert told.inside() == told.world_inside() == 1


def test_a_card_that_breaks_the_beam_has_left_though_the_beam_does_not_clear(story: Story) -> None:
    came_in(story, LI).west.exits(LI).after(0.1).west.breaks("beam", "stuck")
    told = story.told()
    assert gone(told) == [LI]
    assert told.inside() == told.world_inside() == 0


def test_a_card_that_waits_while_somebody_stands_in_the_beam_leaves_when_it_is_known_to_be_blocked(
    story: Story,
) -> None:
    came_in(story, LI, WANG).west.exits(LI).after(0.1).west.breaks("beam", "stuck").after(3).west.exits(WANG)
    told = story.told()
    assert gone(told) == [LI, WANG]
    assert told.events("visit.exited")[1].at == pytest.approx(told.when("09:40:10"), abs=0.05)


def test_a_card_that_is_tapped_in_the_beam_is_whoever_stands_there(story: Story) -> None:
    """The arm is long, the reader beside the beam: first the beam, then the card."""
    came_in(story, LI).west.exits().after(0.2).line("west", "exit", card=LI.uid)
    told = story.told()
    assert gone(told) == [LI]
    assert told.inside() == told.inside("stacks-3") == 0


# --- silent: it never breaks -------------------------------------------------------------------------------


def silent(story: Story) -> Story:
    """The west's beam has been stuck at rest since a quarter to ten."""
    return story.at("09:45").west.breaks("beam", "stuck").at("09:50")


def test_a_card_that_no_beam_answers_has_left_after_ten_seconds(story: Story) -> None:
    """Else its owner would be locked out for the rest of the session, and keep a place."""
    silent(came_in(story, LI)).west.exits(LI).at("10:00").north.serves(LI)
    told = story.told()
    exited = told.event("visit.exited")
    assert exited.data == {
        "visit": told.events("visit.admitted")[0].data["visit"], "card": LI.card, "zone": "stacks-3", "lane": "west",
        "assumed": True,
    }  # fmt: skip
    assert exited.at == pytest.approx(told.when("09:50:10"), abs=0.05)
    assert told.reasons() == []
    assert faults(told) == []
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 1


def test_three_cards_in_a_row_that_no_beam_answers_are_a_fault_until_it_breaks(story: Story) -> None:
    silent(came_in(story, LI, WANG, CHEN, ZHAO))
    for person in (LI, WANG, CHEN):
        story.west.exits(person).after(20)
    story.at("09:55").west.exits(ZHAO).at("10:00").west.mended("beam", "stuck").after(5).west.exits()
    told = story.told(until="10:05")
    assert gone(told) == [LI, WANG, CHEN, ZHAO, None]
    assert told.event("alert.raised", "west", alert=FAULT).at == pytest.approx(told.when("09:50:50"), abs=0.05)
    assert told.events("visit.exited")[3].at == pytest.approx(told.when("09:55"), abs=0.05), "at once"
    assert told.event("alert.cleared", "west").at == pytest.approx(told.when("10:00:05"), abs=0.05)


def test_whoever_the_beam_sees_in_between_shows_that_it_works(story: Story) -> None:
    silent(came_in(story, LI, WANG, CHEN, ZHAO)).west.exits(LI).after(20).west.exits(WANG).after(35)
    story.west.mended("beam", "stuck").west.exits().after(5).west.breaks("beam", "stuck").after(5)
    story.west.exits(CHEN).after(20).west.exits(ZHAO)
    told = story.told()
    assert gone(told) == [LI, WANG, None, CHEN, ZHAO]
    assert faults(told) == []


def test_all_who_wait_leave_at_once_when_the_beam_is_known_to_be_silent(story: Story) -> None:
    silent(came_in(story, LI, WANG, CHEN, ZHAO))
    for person in (LI, WANG, CHEN, ZHAO):
        story.west.exits(person).after(1)
    told = story.told()
    assert gone(told) == [LI, WANG, CHEN, ZHAO]
    assert [line.at for line in told.events("visit.exited")[2:]] == pytest.approx([told.when("09:50:12")] * 2, abs=0.05)


def test_a_card_of_nobody_leaves_with_a_beam_or_not_at_all(story: Story) -> None:
    """Somebody takes the wrong card first, or plays with the reader."""
    silent(came_in(story, LI)).west.exits(SUN).after(20).west.mended("beam", "stuck")
    story.west.do("exit", card=SUN.uid)
    told = story.told()
    assert gone(told) == [SUN]
    assert told.events("visit.exited")[0].at == pytest.approx(told.when("09:50:20"), abs=0.05)


def test_the_wrong_card_first_does_not_cost_a_second_place(story: Story) -> None:
    """The beam breaks once, for the card that is inside."""
    came_in(story, LI, WANG)
    story.west.breaks("beam", "stuck").west.exits(SUN).after(1).west.mended("beam", "stuck").west.exits(LI)
    told = story.told()
    assert gone(told) == [LI]
    assert told.inside("stacks-3") == 1


def test_a_group_that_no_beam_sees_leaves_by_tapping_for_each(story: Story) -> None:
    silent(came_in(story, LI, booked=2)).west.exits(LI).after(12).west.exits(LI)
    told = story.told()
    assert gone(told) == [LI, LI]
    assert told.inside() == told.inside("stacks-3") == 0


# --- unsure: counted without the beam, and yet it breaks -------------------------------------------------


def test_whoever_walks_late_is_counted_once(story: Story) -> None:
    """Tapped, looked for the umbrella, and walked eleven seconds later."""
    came_in(story, LI, WANG).west.breaks("beam", "stuck").west.exits(LI).after(1).west.mended("beam", "stuck")
    story.after(10).west.exits()
    told = story.told()
    assert gone(told) == [LI]
    assert told.inside() == 1


def test_whoever_turned_back_is_counted_once_when_they_leave(story: Story) -> None:
    came_in(story, LI, WANG).west.breaks("beam", "stuck").west.exits(LI).at("09:50").west.mended("beam", "stuck")
    story.west.exits(LI)
    told = story.told()
    assert gone(told) == [LI]
    assert told.inside() == told.inside("stacks-3") == 1


def test_whoever_turned_back_and_was_let_in_again_leaves_again(story: Story) -> None:
    came_in(story, LI).west.breaks("beam", "stuck").west.exits(LI).at("09:50").west.mended("beam", "stuck")
    story.at("10:00").north.serves(LI).at("10:10").west.exits(LI)
    told = story.told()
    assert gone(told) == [LI, LI]
    assert told.inside() == told.inside("stacks-3") == 0


def test_a_beam_that_sees_every_other_person_loses_nobody_who_taps(story: Story) -> None:
    people = (LI, WANG, CHEN, ZHAO)
    came_in(story, *people).west.breaks("beam", "intermittent")
    for person in people:
        story.west.exits(person).after(30)
    told = story.told(until="09:50")
    assert gone(told) == list(people)
    assert told.inside() == told.inside("stacks-3") == told.world_inside() == 0


# --- by card alone ---------------------------------------------------------------------------------------


def by_card(story: Story, *taps: tuple[float, Person]) -> Told:
    """The beam of the way out is blocked: cards are tapped so many seconds after each other from ten on."""
    story.at("09:50").west.breaks("beam", "absent").at("10:00")
    for pause_s, person in taps:
        story.after(pause_s).west.exits(person)
    return story.told()


def test_where_the_card_alone_counts_each_of_a_group_taps(story: Story) -> None:
    told = by_card(came_in(story, LI, booked=3), (0, LI), (2, LI), (2, LI))
    assert gone(told) == [LI] * 3
    assert {line.data["zone"] for line in told.events("visit.exited")} == {"stacks-3"}
    assert told.inside("stacks-3") == 0


@pytest.mark.parametrize("pause_s", [2, 60])
def test_where_the_card_alone_counts_a_second_tap_is_the_same_person(story: Story, pause_s: float) -> None:
    told = by_card(came_in(story, LI, WANG), (0, LI), (pause_s, LI))
    assert gone(told) == [LI]
    assert told.inside("stacks-3") == 1


def test_where_the_card_alone_counts_the_one_of_a_group_who_stayed_leaves_later(story: Story) -> None:
    told = by_card(came_in(story, LI, booked=2), (0, LI), (600, LI))
    assert gone(told) == [LI, LI]
    assert told.inside("stacks-3") == 0


def test_a_way_out_without_a_beam_counts_cards_and_has_no_fault() -> None:
    story = Story().caps()
    west = story.building.devices["west"].model_copy(update={"exit_beam": None})
    devices = {**story.building.devices, "west": west}
    story.building = story.building.model_copy(update={"devices": devices})
    came_in(story, LI, WANG, CHEN, ZHAO)
    for person in (LI, WANG, CHEN):
        story.west.exits(person).after(2)
    told = story.told()
    assert gone(told) == [LI, WANG, CHEN]
    assert told.kinds() == []
