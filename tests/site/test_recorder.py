"""The recorder: every event once, and no acknowledgement of what is not on disk."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge.runtime.clock import VirtualClock
from edge.runtime.journal import InlineJournal, SqliteJournal, read_journal
from edge.runtime.loop import Loop
from edge.runtime.vocabulary import Committed, Fact
from edge.site.contract import Ack, EventMessage
from edge.site.history import Forget, FromHistory, HistoryStore, Keep, performers, post_from_history
from edge.site.recorder import AHEAD, BuildingRecorder, Known

START = datetime(2026, 3, 9, 8, tzinfo=UTC)
CARD = "ob67hl6g2imqqt3z3wgp7egzkz"


def event(seq: int, journal: str = "j1", type_: str = "lane.mode", at: datetime | None = START, **data) -> EventMessage:
    return EventMessage(
        journal=journal, seq=seq, id=f"{journal}-{seq}", at=at, boot=1, mono_s=float(seq), type=type_, data=data
    )


class Building:
    """A recorder on a simulated disk, whose power can be cut."""

    def __init__(self, *, acks: bool = True) -> None:
        self.acks = acks
        self.clock = VirtualClock(START)
        self.loop = Loop(self.clock, self.handle)
        self.store = HistoryStore.in_memory(lambda: "history")
        self.told: list[tuple[str, Ack]] = []
        self.disk_s = 0.01
        self.boot()

    def boot(self) -> None:
        self.journal = InlineJournal(
            self.store,
            post_from_history(self.loop.post),
            clock=self.clock,
            call_at=self.loop.call_at,
            latency_s=lambda: self.disk_s,
        )
        self.doers = performers(self.journal)
        self.recorder = BuildingRecorder(self.journal.state(), self.journal.last_seq, acks=self.acks)

    def power_cut(self) -> None:
        self.journal.power_cut()
        self.loop.clear()
        self.boot()

    def handle(self, fact: Fact) -> None:
        assert isinstance(fact, FromHistory)
        if isinstance(fact.fact, Committed):
            self.told += self.recorder.kept(fact.fact.number).items()

    def hear(self, device: str, message: EventMessage) -> None:
        self.perform(self.recorder.event(device, message))

    def perform(self, intent: Keep | Forget | None) -> None:
        if intent is not None:
            self.doers[type(intent)](intent)

    def wait(self, seconds: float = 1.0) -> None:
        until = self.clock.monotonic() + seconds
        while True:
            while self.loop.turn():
                pass
            due = self.loop.deadline()
            if due is None or due > until:
                break
            self.clock.advance_to(due)
        self.clock.advance_to(until)

    def missing_after_a_power_cut(self) -> int:
        """How many events of the gate the history's state says are missing for good."""
        self.power_cut()
        return self.journal.state()["have/north/j1"]["lost"]

    def on_disk(self) -> list[tuple[str, str, int]]:
        return [(row.data["device"], row.data["journal"], row.data["seq"]) for row in self.store.read(0, 100_000)]


class AnyOrder(RuleBasedStateMachine):
    """The invariant: what was ever acknowledged is on disk, whole and once, whatever happens in between."""

    @initialize()
    def open(self) -> None:
        self.building = Building()
        self.acked: dict[tuple[str, str], int] = {}

    @rule(
        device=st.sampled_from(["north", "south"]),
        journal=st.sampled_from(["j1", "j2"]),
        seq=st.integers(1, 8),
    )
    def an_event_comes(self, device: str, journal: str, seq: int) -> None:
        self.building.hear(device, event(seq, journal))

    @rule(device=st.sampled_from(["north", "south"]), journal=st.sampled_from(["j1", "j2"]), count=st.integers(1, 8))
    def a_device_sends_again(self, device: str, journal: str, count: int) -> None:
        for seq in range(1, count + 1):
            self.building.hear(device, event(seq, journal))

    @rule(seconds=st.sampled_from([0.005, 0.01, 1.0]))
    def time_passes(self, seconds: float) -> None:
        self.building.wait(seconds)

    @rule()
    def the_power_is_cut(self) -> None:
        self.building.power_cut()

    @rule()
    def the_broker_is_new(self) -> None:
        self.building.told += self.building.recorder.all_acks().items()

    @invariant()
    def what_is_acknowledged_is_on_disk(self) -> None:
        if not hasattr(self, "building"):
            return
        rows = self.building.on_disk()
        assert len(rows) == len(set(rows))
        for device, ack in self.building.told:
            assert {(device, ack.journal, seq) for seq in range(1, ack.acked_seq + 1)} <= set(rows)

    def teardown(self) -> None:
        if hasattr(self, "building"):
            for device in ("north", "south"):
                self.a_device_sends_again(device, "j1", 8)
            self.building.wait()
            newest = dict(self.building.told)
            assert {device: ack.acked_seq for device, ack in newest.items() if ack.journal == "j1"} == {
                device: 8 for device, ack in newest.items() if ack.journal == "j1"
            }
            assert {(device, "j1", seq) for device in ("north", "south") for seq in range(1, 9)} <= set(
                self.building.on_disk()
            )


AnyOrder.TestCase.settings = settings(max_examples=100, stateful_step_count=25)
test_in_any_order = AnyOrder.TestCase


@given(st.lists(st.integers(1, 12), max_size=30))
def test_acknowledged_is_exactly_what_came_without_a_gap(seqs: list[int]) -> None:
    known = Known()
    new = [known.take(seq) for seq in seqs]
    assert sum(new) == len(set(seqs))
    assert known.acked_seq == next(n for n in range(14) if n + 1 not in seqs)
    assert known.ahead == {seq for seq in seqs if seq > known.acked_seq}


def test_an_event_is_acknowledged_when_it_is_on_disk_and_not_before() -> None:
    building = Building()
    building.hear("north", event(1))
    building.wait(0.005)
    assert building.told == []
    building.wait(0.005)
    assert building.told == [("north", Ack(journal="j1", acked_seq=1))]


def test_a_burst_is_one_transaction_and_one_acknowledgement() -> None:
    building = Building()
    for seq in range(1, 200):
        building.hear("north", event(seq))
    building.wait()
    assert [ack.acked_seq for _, ack in building.told] == [1, 199]


def test_a_disk_that_refuses_gets_no_acknowledgement_until_it_takes_them() -> None:
    building = Building()
    building.journal.failing = True
    building.hear("north", event(1))
    building.wait()
    assert building.told == []
    assert building.recorder.all_acks() == {}
    building.journal.failing = False
    building.wait()
    assert building.told == [("north", Ack(journal="j1", acked_seq=1))]


def test_where_the_booking_server_acknowledges_the_recorder_does_not() -> None:
    building = Building(acks=False)
    building.hear("north", event(1))
    building.wait()
    assert building.told == []
    assert building.recorder.all_acks() == {}
    assert building.on_disk() == [("north", "j1", 1)]


def test_a_gap_is_noticed_and_waited_for() -> None:
    building = Building()
    for seq in (1, 2, 5):
        building.hear("north", event(seq))
    building.wait()
    assert building.told[-1] == ("north", Ack(journal="j1", acked_seq=2))
    building.power_cut()
    assert building.recorder.all_acks() == {"north": Ack(journal="j1", acked_seq=2)}
    for seq in (3, 4, 5):
        building.hear("north", event(seq))
    building.wait()
    assert building.told[-1] == ("north", Ack(journal="j1", acked_seq=5))
    assert building.on_disk() == [("north", "j1", seq) for seq in (1, 2, 5, 3, 4)]
    assert building.missing_after_a_power_cut() == 0


def test_a_gap_that_is_safe_elsewhere_is_given_up_and_counted() -> None:
    building = Building(acks=False)
    for seq in (1, 4, 7):
        building.hear("north", event(seq))
    building.perform(building.recorder.acked_elsewhere("north", Ack(journal="j1", acked_seq=2)))
    building.wait()
    assert building.missing_after_a_power_cut() == 0
    building.perform(building.recorder.acked_elsewhere("north", Ack(journal="j1", acked_seq=6)))
    building.wait()
    assert building.missing_after_a_power_cut() == 2 + 2
    building.hear("north", event(8))
    building.wait()
    assert building.missing_after_a_power_cut() == 4


def test_an_acknowledgement_that_overtakes_its_event_loses_nothing() -> None:
    building = Building(acks=False)
    building.hear("north", event(1))
    assert building.recorder.acked_elsewhere("north", Ack(journal="j1", acked_seq=3)) is None
    for seq in (2, 3):
        building.hear("north", event(seq))
    building.wait()
    assert building.on_disk() == [("north", "j1", 1), ("north", "j1", 2), ("north", "j1", 3)]
    assert building.missing_after_a_power_cut() == 0


def test_a_recorder_with_a_new_disk_goes_on_where_its_acknowledgement_stands() -> None:
    building = Building()
    # the broker kept what the old disk acknowledged; the gate will never send that again
    building.recorder.acked_elsewhere("north", Ack(journal="j1", acked_seq=4711))
    building.hear("north", event(4712))
    building.wait()
    assert building.told == [("north", Ack(journal="j1", acked_seq=4712))]
    assert building.missing_after_a_power_cut() == 4711


def test_a_replaced_disk_of_a_gate_is_a_new_history() -> None:
    building = Building()
    building.hear("north", event(1, "j9"))
    building.hear("north", event(2, "j9"))
    building.hear("north", event(1, "j2"))
    building.wait()
    assert building.on_disk() == [("north", "j9", 1), ("north", "j9", 2), ("north", "j2", 1)]
    for _ in range(2):
        assert building.recorder.all_acks() == {"north": Ack(journal="j2", acked_seq=1)}
        building.power_cut()


def test_a_journal_whose_beginning_is_missing_is_not_acknowledged_at_all() -> None:
    building = Building()
    building.hear("north", event(2))
    building.wait()
    assert building.told == []


def test_more_than_a_thousand_beyond_a_gap_are_not_taken() -> None:
    building = Building()
    for seq in range(2, AHEAD + 10):
        building.hear("north", event(seq))
    building.wait()
    assert len(building.on_disk()) == AHEAD
    building.hear("north", event(1))
    for seq in range(2, AHEAD + 10):
        building.hear("north", event(seq))
    building.wait()
    assert building.told[-1] == ("north", Ack(journal="j1", acked_seq=AHEAD + 9))


# --- privacy -----------------------------------------------------------------------------------


def test_visits_are_forgotten_after_their_retention_and_other_records_are_kept() -> None:
    building = Building()
    old, young = START - timedelta(days=31), START - timedelta(days=29)
    building.hear("north", event(1, type_="visit.admitted", at=old, card=CARD, visit="v1"))
    building.hear("north", event(2, type_="visit.passed", at=None, visit="v1"))
    building.hear("north", event(3, type_="symptoms.reported", at=old, zone="stacks-3", card=CARD))
    building.hear("north", event(4, type_="symptoms.reported", at=old, zone="stacks-3", card=None))
    building.hear("north", event(5, type_="batch.finished", at=old, batch="b1", verdict="pass"))
    building.hear("west", event(1, type_="visit.exited", at=old, visit=None, card=None))
    building.hear("north", event(6, type_="visit.admitted", at=young, card=CARD, visit="v2"))
    building.hear("north", event(7, type_="visit.passed", at=None, visit="v2"))
    building.wait()
    building.perform(building.recorder.forget(START, timedelta(days=30)))
    # the event without a time is as old as the next one that has one
    assert [seq for _, _, seq in building.on_disk()] == [4, 5, 6, 7]
    building.perform(building.recorder.forget(START + timedelta(days=60), timedelta(days=30)))
    assert [seq for _, _, seq in building.on_disk()] == [4, 5, 7]
    # what is forgotten stays known, over restarts too
    building.power_cut()
    building.hear("north", event(1, type_="visit.admitted", at=old, card=CARD, visit="v1"))
    building.hear("north", event(8))
    building.wait()
    assert [seq for _, _, seq in building.on_disk()] == [4, 5, 7, 8]


def test_forgetting_a_long_history_goes_in_stretches() -> None:
    building = Building()
    for seq in range(1, 2_502):
        building.hear("north", event(seq, type_="visit.passed" if seq % 2 else "lane.mode", visit="v"))
    building.wait()
    building.perform(building.recorder.forget(START + timedelta(days=31), timedelta(days=30)))
    assert building.on_disk() == []
    building.hear("north", event(2_502, visit="v"))
    building.wait()
    assert building.on_disk() == [("north", "j1", 2_502)]
    building.perform(building.recorder.forget(START + timedelta(days=31), timedelta(days=30)))
    building.power_cut()
    assert building.journal.last_seq == 2_502


def test_forgotten_visits_leave_no_byte_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with_history(
        path, lambda hear: [hear(event(n, type_="visit.admitted", card=CARD, visit="v")) for n in range(1, 50)]
    )
    assert CARD.encode() in path.read_bytes()
    store = HistoryStore.open(path, lambda: "")
    assert store.trim(store.last_seq, (START + timedelta(days=1)).isoformat()) is None
    store.close()
    assert all(CARD.encode() not in file.read_bytes() for file in tmp_path.iterdir())


# --- on a real disk ----------------------------------------------------------------------------


def with_history(path: Path, do: Callable[[Callable[[EventMessage], None]], object]) -> list[Fact]:
    """Run a recorder over a history in a file, and close it."""
    facts: list[Fact] = []

    def post(fact: Fact) -> bool:
        facts.append(fact)
        return True

    journal = SqliteJournal(path, post_from_history(post), open_store=HistoryStore.open)
    recorder = BuildingRecorder(journal.state(), journal.last_seq, acks=True)
    doers = performers(journal)

    def hear(message: EventMessage) -> None:
        keep = recorder.event("north", message)
        if keep is not None:
            doers[Keep](keep)

    do(hear)
    journal.close()
    return facts


def test_the_history_is_read_back_as_the_devices_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    facts = with_history(path, lambda hear: [hear(event(1, visit="v1")), hear(event(2, at=None, deep={"a": [1]}))])
    assert all(isinstance(fact, FromHistory) for fact in facts)
    with_history(path, lambda hear: [hear(event(2)), hear(event(3))])
    rows = list(read_journal(path))
    assert [(row.data["device"], row.data["journal"], row.data["seq"]) for row in rows] == [
        ("north", "j1", seq) for seq in (1, 2, 3)
    ]
    assert (rows[0].at, rows[0].data["data"]) == (START, {"visit": "v1"})
    assert (rows[1].at, rows[1].data["data"]) == (None, {"deep": {"a": [1]}})


def test_what_is_stored_is_plain_json(tmp_path: Path) -> None:
    building = Building()
    building.hear("north", event(1, name="中文", half="\udc80"))
    building.wait()
    (row,) = building.store.read(0, 10)
    assert json.loads(json.dumps(row.data))["data"]["name"] == "中文"


@pytest.mark.parametrize("acks", [True, False])
def test_nothing_is_known_of_devices_never_heard(acks: bool) -> None:
    recorder = BuildingRecorder({}, 0, acks=acks)
    assert recorder.all_acks() == {}
    assert recorder.acked_elsewhere("north", Ack(journal="j1", acked_seq=5)) is None
