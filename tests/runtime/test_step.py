"""Write ahead to energise, act first to make safe: what a step does at once, and what waits for the disk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from edge.runtime.step import Recorder, Step
from edge.runtime.vocabulary import Commit, Event, Intent, Now

NOW = Now(12.5, datetime(2026, 3, 9, 9, 0, tzinfo=UTC))


@dataclass(frozen=True)
class Act(Intent):
    name: str


def test_nothing_to_do_is_nothing_to_perform() -> None:
    recorder = Recorder(1, 0)
    assert recorder.finish(recorder.begin(NOW)) == []
    assert recorder.next_number == 1


def test_do_acts_at_once_and_then_waits_for_the_commit() -> None:
    recorder = Recorder(1, 0)
    step = recorder.begin(NOW)
    step.then(Act("open"))
    step.do(Act("red lamp"))
    step.event("visit.admitted", {})
    red, commit = recorder.finish(step)
    assert red == Act("red lamp")
    assert isinstance(commit, Commit)
    assert recorder.committed(commit.number) == [Act("open")]


def test_what_is_recorded_comes_last_so_that_making_safe_never_waits() -> None:
    recorder = Recorder(1, 0)
    step = recorder.begin(NOW)
    step.put("modes", {})
    step.do(Act("lock"))
    assert [type(intent) for intent in recorder.finish(step)] == [Act, Commit]


def test_a_transaction_holds_the_events_and_keys_of_its_step() -> None:
    recorder = Recorder(7, 40)
    step = recorder.begin(NOW)
    event = step.event("visit.passed", {"visit": "v1"})
    step.put("count/own/z", 3)
    step.put("visit/v1", None)
    step.put("count/own/z", 4)
    assert event == Event(41, NOW.wall, 7, 12.5, "visit.passed", {"visit": "v1"})
    assert recorder.finish(step) == [Commit(1, (event,), {"count/own/z": 4, "visit/v1": None})]


def test_events_are_numbered_on_from_the_journal_without_a_gap() -> None:
    recorder = Recorder(1, 4711)
    seqs: list[int] = []
    for _ in range(3):
        step = recorder.begin(NOW)
        seqs += [step.event("visit.passed", {}).seq for _ in range(2)]
        recorder.finish(step)
    assert seqs == list(range(4712, 4718))


def test_while_the_clock_is_unset_events_have_no_time_but_a_moment() -> None:
    recorder = Recorder(1, 0)
    event = recorder.begin(Now(3.0, None)).event("visit.passed", {})
    assert (event.at, event.mono_s) == (None, 3.0)


def test_with_nothing_on_its_way_to_the_disk_then_is_now() -> None:
    recorder = Recorder(1, 0)
    step = recorder.begin(NOW)
    step.then(Act("tell"))
    step.do(Act("lamp"))
    assert recorder.finish(step) == [Act("lamp"), Act("tell")]


def test_then_waits_for_earlier_transactions_too() -> None:
    """A message about what is not on disk yet must not overtake it."""
    recorder = Recorder(1, 0)
    first = recorder.begin(NOW)
    first.put("key", 1)
    recorder.finish(first)
    second = recorder.begin(NOW)
    second.then(Act("tell"))
    assert recorder.finish(second) == []
    assert recorder.committed(1) == [Act("tell")]


def test_a_commit_frees_all_before_it_and_nothing_after_it() -> None:
    recorder = Recorder(1, 0)
    for number in (1, 2, 3):
        step = recorder.begin(NOW)
        step.event("visit.passed", {})
        step.then(Act(f"open {number}"))
        assert recorder.next_number == number
        recorder.finish(step)
    assert recorder.committed(2) == [Act("open 1"), Act("open 2")]
    assert recorder.committed_seq == 2
    assert recorder.committed(2) == []
    assert recorder.committed(3) == [Act("open 3")]


def test_a_transaction_of_keys_alone_commits_no_new_event() -> None:
    recorder = Recorder(1, 10)
    step = recorder.begin(NOW)
    step.put("key", 1)
    recorder.finish(step)
    recorder.committed(1)
    assert recorder.committed_seq == 10


moves = st.lists(st.sampled_from(["record", "then", "do", "commit"]), min_size=10, max_size=60)


@given(moves)
def test_then_never_happens_before_its_disk_and_always_in_order(story: list[str]) -> None:
    """Each `then` knows how much had been recorded when it was asked for; by that much the disk must be ahead."""
    recorder = Recorder(1, 0)
    asked = on_disk = 0
    performed: list[Act] = []
    needs: list[int] = []

    def perform(intents: list[Intent]) -> None:
        for intent in intents:
            if isinstance(intent, Act):
                assert needs[int(intent.name)] <= on_disk
                performed.append(intent)

    def step_with(what: str) -> Step:
        step = recorder.begin(NOW)
        if what in ("record", "then"):
            needs.append(recorder.next_number - (what == "then"))
            step.then(Act(str(len(needs) - 1)))
        if what == "record":
            step.event("visit.passed", {})
        return step

    for what in story:
        if what == "commit" and asked > on_disk:
            on_disk += 1
            perform(recorder.committed(on_disk))
        else:
            perform(recorder.finish(step_with(what)))
            asked = recorder.next_number - 1
    on_disk = asked
    perform(recorder.committed(asked))
    assert performed == [Act(str(number)) for number in range(len(needs))]
    assert recorder.committed_seq == recorder.last_seq
