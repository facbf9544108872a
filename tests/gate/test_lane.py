"""The law of the lane: total, safe on the way in, and always open on the way out."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.gate.lane import AT_REST, PASSAGE, REST, TRANSITIONS, Action, Lane, Row, State, Trigger, diagram
from edge.site.contract import Mode

A, S, T = Action, State, Trigger

CELLS = [(state, trigger, row) for state, cells in TRANSITIONS.items() for trigger, row in cells.items()]
ROWS = [(state, trigger, row) for state, trigger, row in CELLS if row is not None]
MODES = {trigger: state for state, trigger in AT_REST.values()}
UNLOCKED = {S.OPEN, S.LET_THROUGH, S.RELEASED}
SERVED = (S.CHECKING, S.RECORDING, S.OPEN)
"""Somebody is on the way from tap to passage."""
ENTRIES = (T.ENTERED, T.LAST_ENTERED)

# Written by hand from the rules, not from the table: a changed row has to be changed here too, on purpose.
EXPECTED = {
    # at rest: a tap, a guard's word, the release button; whoever comes in else has no right to
    (S.IDLE, T.TAP_ACCEPTED): (S.CHECKING, "begin checks"),
    (S.IDLE, T.GRANTED_BY_HAND): (S.RECORDING, "record"),
    (S.IDLE, T.RELEASE_PRESSED): (S.LET_THROUGH, "unlock"),
    (S.IDLE, T.ENTERED): (REST, "count intrusion"),
    (S.IDLE, T.LAST_ENTERED): (REST, "count intrusion"),
    (S.IDLE, T.MODE_NORMAL): (S.IDLE, ""),
    (S.IDLE, T.MODE_MANUAL): (S.MANUAL, ""),
    (S.IDLE, T.MODE_HELD): (S.HELD, ""),
    (S.IDLE, T.MODE_LOCKDOWN): (S.LOCKDOWN, ""),
    (S.IDLE, T.MODE_RELEASED): (S.RELEASED, "unlock"),
    # manual: a tap only announces the reader to the guard
    (S.MANUAL, T.TAP_ACCEPTED): (S.MANUAL, "refer to guard"),
    (S.MANUAL, T.GRANTED_BY_HAND): (S.RECORDING, "record"),
    (S.MANUAL, T.RELEASE_PRESSED): (S.LET_THROUGH, "unlock"),
    (S.MANUAL, T.ENTERED): (REST, "count intrusion"),
    (S.MANUAL, T.LAST_ENTERED): (REST, "count intrusion"),
    (S.MANUAL, T.MODE_NORMAL): (S.IDLE, ""),
    (S.MANUAL, T.MODE_MANUAL): (S.MANUAL, ""),
    (S.MANUAL, T.MODE_HELD): (S.HELD, ""),
    (S.MANUAL, T.MODE_LOCKDOWN): (S.LOCKDOWN, ""),
    (S.MANUAL, T.MODE_RELEASED): (S.RELEASED, "unlock"),
    # held: nobody is served, release works
    (S.HELD, T.RELEASE_PRESSED): (S.LET_THROUGH, "unlock"),
    (S.HELD, T.ENTERED): (REST, "count intrusion"),
    (S.HELD, T.LAST_ENTERED): (REST, "count intrusion"),
    (S.HELD, T.MODE_NORMAL): (S.IDLE, ""),
    (S.HELD, T.MODE_MANUAL): (S.MANUAL, ""),
    (S.HELD, T.MODE_HELD): (S.HELD, ""),
    (S.HELD, T.MODE_LOCKDOWN): (S.LOCKDOWN, ""),
    (S.HELD, T.MODE_RELEASED): (S.RELEASED, "unlock"),
    # lockdown: the same
    (S.LOCKDOWN, T.RELEASE_PRESSED): (S.LET_THROUGH, "unlock"),
    (S.LOCKDOWN, T.ENTERED): (REST, "count intrusion"),
    (S.LOCKDOWN, T.LAST_ENTERED): (REST, "count intrusion"),
    (S.LOCKDOWN, T.MODE_NORMAL): (S.IDLE, ""),
    (S.LOCKDOWN, T.MODE_MANUAL): (S.MANUAL, ""),
    (S.LOCKDOWN, T.MODE_HELD): (S.HELD, ""),
    (S.LOCKDOWN, T.MODE_LOCKDOWN): (S.LOCKDOWN, ""),
    (S.LOCKDOWN, T.MODE_RELEASED): (S.RELEASED, "unlock"),
    # checking: ends with a yes, a no, or a stronger mode
    (S.CHECKING, T.PASSED_CHECKS): (S.RECORDING, "end checks, record"),
    (S.CHECKING, T.REFUSED): (REST, "end checks"),
    (S.CHECKING, T.RELEASE_PRESSED): (S.LET_THROUGH, "end checks, unlock"),
    (S.CHECKING, T.ENTERED): (S.CHECKING, "count intrusion"),
    (S.CHECKING, T.LAST_ENTERED): (S.CHECKING, "count intrusion"),
    (S.CHECKING, T.MODE_MANUAL): (S.MANUAL, "refer to guard, end checks"),
    (S.CHECKING, T.MODE_HELD): (S.HELD, "end checks"),
    (S.CHECKING, T.MODE_LOCKDOWN): (S.LOCKDOWN, "end checks"),
    (S.CHECKING, T.MODE_RELEASED): (S.RELEASED, "end checks, unlock"),
    # recording: only the disk opens; a stronger mode takes the place back
    (S.RECORDING, T.COMMITTED): (S.OPEN, "unlock"),
    (S.RECORDING, T.COMMIT_FAILED): (REST, "withdraw"),
    (S.RECORDING, T.RELEASE_PRESSED): (S.LET_THROUGH, "unlock"),
    (S.RECORDING, T.ENTERED): (S.RECORDING, "count intrusion"),
    (S.RECORDING, T.LAST_ENTERED): (S.RECORDING, "count intrusion"),
    (S.RECORDING, T.MODE_HELD): (S.HELD, "withdraw"),
    (S.RECORDING, T.MODE_LOCKDOWN): (S.LOCKDOWN, "withdraw"),
    (S.RECORDING, T.MODE_RELEASED): (S.RELEASED, "withdraw, unlock"),
    # open: people walk, or the lease ends
    (S.OPEN, T.RELEASE_PRESSED): (S.LET_THROUGH, "unlock"),
    (S.OPEN, T.ENTERED): (S.OPEN, "count entry, unlock"),
    (S.OPEN, T.LAST_ENTERED): (REST, "count entry, lock"),
    (S.OPEN, T.LEASE_OVER): (REST, "lock, withdraw"),
    (S.OPEN, T.MODE_LOCKDOWN): (S.LOCKDOWN, "lock, withdraw"),
    (S.OPEN, T.MODE_RELEASED): (S.RELEASED, "withdraw, unlock"),
    # let through: the same, but for lockdown, which waits
    (S.LET_THROUGH, T.RELEASE_PRESSED): (S.LET_THROUGH, "unlock"),
    (S.LET_THROUGH, T.ENTERED): (S.LET_THROUGH, "count entry, unlock"),
    (S.LET_THROUGH, T.LAST_ENTERED): (REST, "count entry, lock"),
    (S.LET_THROUGH, T.LEASE_OVER): (REST, "lock, withdraw"),
    (S.LET_THROUGH, T.MODE_RELEASED): (S.RELEASED, "withdraw, unlock"),
    # released: open until the mode ends; the lease is renewed
    (S.RELEASED, T.RELEASE_PRESSED): (S.RELEASED, "unlock"),
    (S.RELEASED, T.ENTERED): (S.RELEASED, "count entry"),
    (S.RELEASED, T.LAST_ENTERED): (S.RELEASED, "count entry"),
    (S.RELEASED, T.LEASE_OVER): (S.RELEASED, "unlock"),
    (S.RELEASED, T.MODE_NORMAL): (S.IDLE, "lock"),
    (S.RELEASED, T.MODE_MANUAL): (S.MANUAL, "lock"),
    (S.RELEASED, T.MODE_HELD): (S.HELD, "lock"),
    (S.RELEASED, T.MODE_LOCKDOWN): (S.LOCKDOWN, "lock"),
}


def does(row: Row | None) -> tuple[Action, ...]:
    return () if row is None else row.actions


def targets(state: State, row: Row | None) -> set[State]:
    """Where a cell can lead: `REST` stands for whatever the mode says."""
    if row is None:
        return {state}
    return {at for at, _ in AT_REST.values()} if row.to == REST else {State(row.to)}


def lane_in(state: State, mode: Mode = Mode.NORMAL) -> Lane:
    lane = Lane()
    lane.state = state
    if mode is not Mode.NORMAL:
        lane.causes["test"] = mode
    return lane


# --- the table --------------------------------------------------------------------------------------


def test_every_state_answers_every_trigger_in_writing() -> None:
    assert set(TRANSITIONS) == set(State)
    for state, cells in TRANSITIONS.items():
        assert set(cells) == set(Trigger), state


def test_every_cell_is_what_the_rules_say_and_all_others_are_ignored() -> None:
    found = {(state, trigger): (row.to, ", ".join(row.actions)) for state, trigger, row in ROWS}
    assert found == EXPECTED


def test_every_target_is_a_state_or_rest() -> None:
    assert {row.to for _, _, row in ROWS} <= {*State, REST}


def test_every_action_is_used() -> None:
    assert set(chain.from_iterable(row.actions for _, _, row in ROWS)) == set(Action)


def test_every_state_can_be_reached_and_can_come_to_rest_again() -> None:
    """No trap: from every state some triggers lead back to idle, and from idle to every state."""

    def reach(start: State) -> set[State]:
        seen, waiting = {start}, [start]
        while waiting:
            state = waiting.pop()
            for row in TRANSITIONS[state].values():
                for target in targets(state, row) - seen:
                    seen.add(target)
                    waiting.append(target)
        return seen

    assert reach(S.IDLE) == set(State)
    assert all(S.IDLE in reach(state) for state in State)


# --- opening ----------------------------------------------------------------------------------------


def test_a_lane_is_unlocked_for_five_reasons_only() -> None:
    opens = {(state, trigger) for state, trigger, row in ROWS if A.UNLOCK in row.actions}
    allowed = {
        (S.RECORDING, T.COMMITTED),
        *((state, T.ENTERED) for state in PASSAGE),  # the next person of the same visit
        (S.RELEASED, T.LEASE_OVER),  # renewed while the mode holds
        *((state, T.RELEASE_PRESSED) for state in State),
        *((state, T.MODE_RELEASED) for state in State if state is not S.RELEASED),
    }
    assert opens == allowed


def test_for_a_reader_nothing_but_the_commit_opens() -> None:
    """Whatever happens, without commit, release button and release mode the lane stays locked."""
    waiting = {S.IDLE}
    locked: set[State] = set()
    while waiting:
        state = waiting.pop()
        locked.add(state)
        for trigger, row in TRANSITIONS[state].items():
            if trigger not in (T.COMMITTED, T.RELEASE_PRESSED, T.MODE_RELEASED):
                assert A.UNLOCK not in does(row), (state, trigger)
                waiting |= targets(state, row) - locked - {S.RELEASED}
    assert locked == set(State) - UNLOCKED


def test_a_commit_means_something_only_while_recording() -> None:
    assert [s for s, t, _ in ROWS if t is T.COMMITTED] == [S.RECORDING]
    assert [s for s, t, _ in ROWS if t is T.COMMIT_FAILED] == [S.RECORDING]


def test_recording_follows_passed_checks_or_a_guard_and_always_writes() -> None:
    into = {(s, t, does(r)[-1]) for s, t, r in ROWS if r.to == S.RECORDING and s is not S.RECORDING}
    assert into == {
        (S.CHECKING, T.PASSED_CHECKS, A.RECORD),
        (S.IDLE, T.GRANTED_BY_HAND, A.RECORD),
        (S.MANUAL, T.GRANTED_BY_HAND, A.RECORD),
    }


def test_whatever_becomes_open_is_unlocked_on_the_way() -> None:
    for state, trigger, row in ROWS:
        if targets(state, row) & UNLOCKED and row.to != REST and state not in UNLOCKED:
            assert does(row)[-1] is A.UNLOCK, (state, trigger)


def test_whatever_becomes_shut_is_locked_on_the_way() -> None:
    for state, trigger, row in ROWS:
        if state in UNLOCKED and row.to not in UNLOCKED:
            assert A.LOCK in does(row), (state, trigger)


def test_a_lock_is_told_only_to_a_lane_that_was_open() -> None:
    assert {state for state, _, row in ROWS if A.LOCK in row.actions} == UNLOCKED


def test_no_row_both_locks_and_unlocks() -> None:
    assert not [(s, t) for s, t, row in ROWS if {A.LOCK, A.UNLOCK} <= set(row.actions)]


# --- release ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", State)
def test_the_release_button_opens_from_every_state(state: State) -> None:
    lane = lane_in(state, Mode.RELEASED if state is S.RELEASED else Mode.NORMAL)
    lane.take(T.RELEASE_PRESSED)
    assert lane.state in UNLOCKED


@pytest.mark.parametrize("state", State)
def test_the_release_mode_is_obeyed_from_every_state(state: State) -> None:
    lane = lane_in(state, Mode.RELEASED)
    actions = lane.take(T.MODE_RELEASED)
    assert lane.state is S.RELEASED
    assert A.UNLOCK in actions or state is S.RELEASED


def test_while_released_nothing_locks_but_the_end_of_the_mode() -> None:
    for trigger, row in TRANSITIONS[S.RELEASED].items():
        if trigger not in MODES:
            assert targets(S.RELEASED, row) == {S.RELEASED}, trigger
            assert A.LOCK not in does(row), trigger


# --- modes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trigger", MODES)
def test_a_lane_at_rest_goes_where_its_mode_says(trigger: Trigger) -> None:
    for state in {at for at, _ in AT_REST.values()}:
        assert targets(state, TRANSITIONS[state][trigger]) == {MODES[trigger]}


@pytest.mark.parametrize("state", SERVED)
def test_a_lockdown_keeps_out_whoever_has_not_walked_in_yet(state: State) -> None:
    row = TRANSITIONS[state][T.MODE_LOCKDOWN]
    assert row is not None
    assert row.to == S.LOCKDOWN


@pytest.mark.parametrize("state", PASSAGE)
@pytest.mark.parametrize("trigger", [T.MODE_NORMAL, T.MODE_MANUAL, T.MODE_HELD])
def test_whoever_the_lane_is_open_for_may_walk_through(state: State, trigger: Trigger) -> None:
    """Weak modes wait until the passage is over: the lease ends it within seconds."""
    assert TRANSITIONS[state][trigger] is None


def test_whoever_the_button_lets_through_is_shut_out_by_no_mode() -> None:
    assert {t for t in MODES if A.LOCK in does(TRANSITIONS[S.LET_THROUGH][t])} == set()
    assert TRANSITIONS[S.LET_THROUGH][T.MODE_LOCKDOWN] is None


@pytest.mark.parametrize("state", State)
def test_the_button_makes_the_passage_its_own_from_every_state(state: State) -> None:
    """Also one that was open for a reader: nobody can tell who of the two is walking."""
    row = TRANSITIONS[state][T.RELEASE_PRESSED]
    assert row is not None
    assert row.to == (S.RELEASED if state is S.RELEASED else S.LET_THROUGH)


def test_the_normal_mode_takes_nothing_from_a_reader() -> None:
    assert all(TRANSITIONS[state][T.MODE_NORMAL] is None for state in SERVED)


@pytest.mark.parametrize("state", [S.LOCKDOWN, S.HELD])
def test_in_lockdown_and_held_neither_card_nor_guard_opens(state: State) -> None:
    for trigger in (T.TAP_ACCEPTED, T.PASSED_CHECKS, T.GRANTED_BY_HAND, T.COMMITTED, T.LEASE_OVER):
        assert TRANSITIONS[state][trigger] is None, trigger


def test_the_guards_word_counts_only_where_the_lane_rests_for_readers() -> None:
    assert {s for s, t, _ in ROWS if t is T.GRANTED_BY_HAND} == {S.IDLE, S.MANUAL}


@given(st.lists(st.sampled_from(Mode)))
def test_the_strongest_of_several_modes_holds(asked: list[Mode]) -> None:
    """Contract: released > lockdown > held > manual > normal."""
    lane = Lane()
    lane.causes.update({str(number): mode for number, mode in enumerate(asked)})
    strength = [Mode.NORMAL, Mode.MANUAL, Mode.HELD, Mode.LOCKDOWN, Mode.RELEASED]
    assert lane.mode is max(asked, key=strength.index, default=Mode.NORMAL)


@pytest.mark.parametrize("mode", Mode)
def test_rest_is_where_the_mode_lets_the_lane_rest(mode: Mode) -> None:
    lane = lane_in(S.OPEN, mode)
    assert not lane.resting
    lane.take(T.LEASE_OVER)
    assert lane.state is AT_REST[mode][0]
    assert lane.resting


# --- people -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("trigger", ENTRIES)
def test_everybody_who_enters_is_counted_once(trigger: Trigger) -> None:
    for state in State:
        counts = [a for a in does(TRANSITIONS[state][trigger]) if a in (A.COUNT_ENTRY, A.COUNT_INTRUSION)]
        assert counts == [A.COUNT_ENTRY if state in UNLOCKED else A.COUNT_INTRUSION], state


def test_only_entering_counts_people() -> None:
    counted = {t for _, t, row in ROWS if {A.COUNT_ENTRY, A.COUNT_INTRUSION} & set(row.actions)}
    assert counted == set(ENTRIES)


def test_an_intruder_takes_nothing_from_the_reader_who_is_served() -> None:
    for state in (S.CHECKING, S.RECORDING):
        for trigger in ENTRIES:
            assert targets(state, TRANSITIONS[state][trigger]) == {state}


def test_a_recorded_place_is_used_or_given_back() -> None:
    """Out of recording or open without a passage: the place is withdrawn, once."""
    for state, trigger, row in ROWS:
        withdrawn = A.WITHDRAW in row.actions
        taken = {S.RECORDING, *PASSAGE}
        leaves = state in taken and row.to not in taken and trigger not in ENTRIES
        assert withdrawn == leaves, (state, trigger)


def test_checks_are_begun_and_ended_once() -> None:
    for state, trigger, row in ROWS:
        assert (A.BEGIN_CHECKS in row.actions) == (row.to == S.CHECKING and state is not S.CHECKING), (state, trigger)
        assert (A.END_CHECKS in row.actions) == (state is S.CHECKING and row.to != S.CHECKING), (state, trigger)


# --- the machine ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "trigger"), [(s, t) for s, t, row in CELLS if row is None])
def test_an_ignored_trigger_changes_nothing(state: State, trigger: Trigger) -> None:
    lane = lane_in(state)
    assert lane.take(trigger) == ()
    assert lane.state is state


@given(st.lists(st.tuples(st.sampled_from(Mode), st.sampled_from(Trigger)), min_size=20, max_size=60))
def test_any_story_keeps_lock_and_state_together(story: list[tuple[Mode, Trigger]]) -> None:
    """Follow the actions like a lock would: it is open in OPEN, LET_THROUGH and RELEASED, shut everywhere else."""
    lane = Lane()
    open_ = False
    for mode, trigger in story:
        if trigger in MODES:
            # a mode is told to the lane when it begins to hold
            lane.causes["now"] = mode
            actions = lane.take(AT_REST[mode][1])
        else:
            actions = lane.take(trigger)
        for action in actions:
            open_ = (open_ or action is A.UNLOCK) and action is not A.LOCK
        assert open_ == (lane.state in UNLOCKED), (trigger, lane.state)


def test_the_diagram_shows_each_transition_with_its_actions() -> None:
    lines = diagram().splitlines()
    drawn = {
        f"    {state} --> {row.to} : {trigger}" + (f" / {', '.join(row.actions)}" if row.actions else "")
        for state, trigger, row in ROWS
        if row.to != state
    }
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> idle"]
    assert sorted(lines[2:]) == sorted(drawn)
