"""The journal in virtual time obeys the same law, power cuts included."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.runtime.clock import VirtualClock
from edge.runtime.journal import InlineJournal, JournalError, JournalWriteError, Store
from edge.runtime.loop import Loop
from edge.runtime.vocabulary import (
    Commit,
    CommitFailed,
    Committed,
    Event,
    EventsRead,
    Fact,
    ReadEvents,
    TrimEvents,
)

NINE = datetime(2026, 3, 9, 9, 0, tzinfo=timezone(timedelta(hours=8)))
LATENCY_S = 0.004


def event(seq: int) -> Event:
    return Event(seq, NINE, 1, float(seq), "visit.passed", {"visit": f"v{seq}"})


def visit(number: int, seq: int | None = None) -> Commit:
    return Commit(number, (event(seq or number),), {"entries": seq or number})


class Bench:
    """A disk, the journal on it, and virtual time."""

    def __init__(self) -> None:
        self.clock = VirtualClock(NINE)
        self.told: list[tuple[float, Fact]] = []
        self.loop = Loop(self.clock, lambda fact: self.told.append((self.clock.monotonic(), fact)))
        self.reasons: list[Exception] = []
        self.limit = 1_000
        self.disk = Store.in_memory(lambda: "0123456789abcdef")
        self.journal = self.open()

    def open(self) -> InlineJournal:
        self.journal = InlineJournal(
            self.disk,
            self.loop.post,
            clock=self.clock,
            call_at=self.loop.call_at,
            latency_s=lambda: LATENCY_S,
            limit=self.limit,
            failed=self.reasons.append,
        )
        return self.journal

    def run_until(self, moment: float) -> None:
        while True:
            while self.loop.turn():
                pass
            deadline = self.loop.deadline()
            if deadline is None or deadline > moment:
                break
            self.clock.advance_to(deadline)
        self.clock.advance_to(moment)

    def facts(self) -> list[Fact]:
        return [fact for _, fact in self.told]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_commit_is_told_after_the_latency_of_the_disk(bench: Bench) -> None:
    bench.journal.commit(visit(1))
    bench.run_until(1.0)
    assert bench.told == [(LATENCY_S, Committed(1))]


def test_what_queues_during_a_write_is_the_next_group(bench: Bench) -> None:
    for number in range(1, 6):
        bench.journal.commit(visit(number))
    bench.run_until(1.0)
    assert bench.told == [(LATENCY_S, Committed(1)), (2 * LATENCY_S, Committed(5))]


def test_a_failing_disk_is_told_once_a_failure_and_tried_again(bench: Bench) -> None:
    bench.journal.failing = True
    bench.journal.commit(visit(1))
    bench.run_until(2.0)
    bench.journal.commit(visit(2))
    bench.run_until(3.0)
    assert bench.facts() == [CommitFailed(1, "simulated disk failure")]
    bench.journal.failing = False
    bench.run_until(4.0)
    assert bench.facts()[1:] == [Committed(1), Committed(2)]
    bench.journal.failing = True
    bench.journal.commit(visit(3))
    bench.run_until(5.0)
    assert bench.facts()[3:] == [CommitFailed(3, "simulated disk failure")]


def test_a_slow_disk_is_a_longer_latency(bench: Bench) -> None:
    bench.journal.latency_s = lambda: 1.5
    bench.journal.commit(visit(1))
    bench.run_until(2.0)
    assert bench.told == [(1.5, Committed(1))]


def test_a_power_cut_drops_what_is_not_on_disk_and_silences_the_run(bench: Bench) -> None:
    bench.journal.commit(visit(1))
    bench.run_until(1.0)
    bench.journal.commit(visit(2))
    bench.journal.read(ReadEvents(0, 9))
    assert bench.journal.power_cut() is bench.disk
    bench.run_until(2.0)
    assert bench.facts() == [Committed(1)]
    again = bench.open()
    assert (again.boot, again.clean, again.last_seq, again.state()) == (2, False, 1, {"entries": 1})


def test_a_lucky_power_cut_keeps_the_group_that_was_being_written(bench: Bench) -> None:
    for number in range(1, 4):
        bench.journal.commit(visit(number))
    bench.journal.power_cut(lucky=True)
    assert bench.open().state() == {"entries": 1}


def test_a_clean_end_writes_what_is_queued(bench: Bench) -> None:
    for number in range(1, 4):
        bench.journal.commit(visit(number))
    bench.journal.close()
    bench.run_until(1.0)
    assert bench.facts() == [Committed(3)]
    with pytest.raises(JournalError, match="closed"):
        bench.journal.commit(visit(4))
    again = bench.open()
    assert (again.boot, again.clean, again.last_seq) == (2, True, 3)


def test_a_clean_end_on_a_failing_disk_is_not_clean(bench: Bench) -> None:
    bench.journal.failing = True
    bench.journal.commit(visit(1))
    with pytest.raises(JournalWriteError, match="1 transactions could not be written"):
        bench.journal.close()
    assert not bench.open().clean


def test_a_queue_that_overflowed_starts_the_device_again_when_the_disk_is_back(bench: Bench) -> None:
    bench.limit = 2
    bench.open()
    bench.journal.failing = True
    for number in range(1, 5):
        bench.journal.commit(visit(number))
    bench.run_until(9.0)
    assert bench.reasons == []
    bench.journal.failing = False
    bench.run_until(12.0)
    assert [str(reason) for reason in bench.reasons] == ["2 transactions were lost while the disk took none"]
    assert [kept.seq for kept in bench.disk.read(0, 9)] == [1, 2]


def test_reading_sees_only_what_is_on_disk(bench: Bench) -> None:
    bench.journal.commit(visit(1))
    bench.journal.read(ReadEvents(0, 9))
    bench.run_until(1.0)
    bench.journal.read(ReadEvents(0, 9))
    bench.run_until(2.0)
    assert bench.facts() == [EventsRead(()), Committed(1), EventsRead((event(1),))]


def test_trimming_is_that_of_the_disk(bench: Bench) -> None:
    bench.journal.commit(Commit(1, tuple(event(seq) for seq in range(1, 2501))))
    bench.run_until(1.0)
    bench.journal.trim(TrimEvents(2400, NINE + timedelta(days=1)))
    assert [kept.seq for kept in bench.disk.read(0, 9999)] == list(range(2401, 2501))
    bench.journal.trim(TrimEvents(2500, NINE + timedelta(days=1)))
    assert bench.open().last_seq == 2500


def test_facts_wait_for_room_in_the_inbox(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.runtime.loop.INBOX_LIMIT", 0)
    for number in range(1, 4):
        bench.journal.commit(visit(number))
        bench.run_until(number)
    assert bench.facts() == []
    monkeypatch.setattr("edge.runtime.loop.INBOX_LIMIT", 10)
    bench.run_until(9.0)
    assert bench.facts() == [Committed(3)]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.integers(1, 5)),
        st.tuples(st.just("wait"), st.sampled_from([0.001, LATENCY_S, 0.6])),
        st.tuples(st.just("failing"), st.booleans()),
        st.tuples(st.just("cut"), st.booleans()),
    ),
    max_size=30,
)


@settings(max_examples=60)
@given(steps)
def test_after_any_power_cut_the_disk_holds_a_beginning_and_at_least_what_was_told(
    story: list[tuple[str, float | bool]],
) -> None:
    bench = Bench()
    seq = number = told_seq = begun_at = 0
    for what, value in [*story, ("cut", False)]:
        if what == "commit":
            for _ in range(int(value)):
                number, seq = number + 1, seq + 1
                bench.journal.commit(visit(number, seq))
        elif what == "wait":
            bench.run_until(bench.clock.monotonic() + value)
        elif what == "failing":
            bench.journal.failing = bool(value)
        else:
            numbers = [fact.number for fact in bench.facts() if isinstance(fact, Committed)]
            assert numbers == sorted(set(numbers))
            told_seq = begun_at + max(numbers, default=0)
            bench.journal.power_cut(lucky=bool(value))
            bench.told.clear()
            after = bench.open()
            assert told_seq <= after.last_seq <= seq
            assert [kept.seq for kept in bench.disk.read(0, 9999)] == list(range(1, after.last_seq + 1))
            assert after.state() == ({"entries": after.last_seq} if after.last_seq else {})
            number, seq, begun_at = 0, after.last_seq, after.last_seq
