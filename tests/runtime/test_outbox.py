"""Every event reaches the server: in order, a window at a time, from memory or from the disk."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.runtime import outbox as module
from edge.runtime.outbox import RESEND, RESEND_MAX_S, RESEND_S, SOON_S, TAIL, WINDOW, Outbox, encode_event
from edge.runtime.step import Recorder
from edge.runtime.vocabulary import Event, Intent, Now, Publish, ReadEvents, SetTimer
from edge.site import contract

NINE = datetime(2026, 3, 9, 9, 0, tzinfo=timezone(timedelta(hours=8)))
TOPIC, JOURNAL = "gatehouse/demo/events/north", "0123456789abcdef"


def seq_of(intent: Intent) -> int:
    assert isinstance(intent, Publish)
    assert (intent.topic, intent.retain) == (TOPIC, False)
    return int(json.loads(intent.payload)["seq"])


def seqs(intents: Iterable[Intent]) -> list[int]:
    return [seq_of(intent) for intent in intents if isinstance(intent, Publish)]


def reads(intents: Iterable[Intent]) -> list[ReadEvents]:
    return [intent for intent in intents if isinstance(intent, ReadEvents)]


class Device:
    """An outbox, the recorder that numbers events, and the journal's disk."""

    def __init__(self, events: int = 0, acked: int = 0) -> None:
        self.disk: dict[int, Event] = {}
        self.saved: dict[str, Any] = {"acked": acked}
        self.start()
        self.record(events)
        if events:
            self.start()

    def start(self) -> None:
        """A new run: what is in memory is gone."""
        last = max(self.disk, default=0)
        self.outbox = Outbox(TOPIC, JOURNAL, last, self.saved["acked"])
        self.recorder = Recorder(1, last)

    def record(self, count: int) -> list[Intent]:
        """So many events, committed at once."""
        step = self.recorder.begin(Now(1.0, NINE))
        for _ in range(count):
            event = step.event("visit.passed", {"visit": "v1"})
            self.disk[event.seq] = event
        self.outbox.recorded(step)
        self.saved.update(step.puts)
        return self.outbox.committed(self.recorder.last_seq) if count else []

    def read(self, intent: ReadEvents) -> list[Intent]:
        found = [self.disk[seq] for seq in sorted(self.disk) if seq > intent.after_seq]
        return self.outbox.read(found[: intent.limit])


@pytest.fixture
def fresh() -> Device:
    device = Device()
    device.outbox.linked()
    return device


# --- the usual way --------------------------------------------------------------------------------------


def test_an_event_is_published_as_the_contract_writes_it() -> None:
    data = {"visit": "v1", "zone": "三楼", "estimate_c": 36.61}
    payload = encode_event(Event(12, NINE, 3, 612.3456, "visit.admitted", data), JOURNAL)
    row, names, message = contract.parse(TOPIC, payload)
    assert (row.name, names["device"]) == ("events", "north")
    assert json.loads(payload) == {
        "journal": JOURNAL,
        "seq": 12,
        "id": f"{JOURNAL}-12",
        "at": "2026-03-09T09:00:00.000+08:00",
        "boot": 3,
        "mono_s": 612.346,
        "type": "visit.admitted",
        "data": data,
    }
    assert isinstance(message, contract.EventMessage)
    assert json.loads(encode_event(Event(1, None, 1, 0.0, "x", {}), JOURNAL))["at"] is None


def test_what_is_committed_is_sent_at_once(fresh: Device) -> None:
    assert seqs(fresh.record(2)) == [1, 2]
    assert seqs(fresh.record(1)) == [3]


def test_what_is_only_recorded_is_not_sent(fresh: Device) -> None:
    """Else the server could know of something that a power cut then took back."""
    step = fresh.recorder.begin(Now(1.0, NINE))
    for _ in range(3):
        step.event("visit.passed", {})
    fresh.outbox.recorded(step)
    assert seqs(fresh.outbox.committed(1)) == [1]
    assert seqs(fresh.outbox.delivered(1)) == []
    assert seqs(fresh.outbox.linked()) == [1]


def test_without_a_link_nothing_is_sent() -> None:
    device = Device()
    assert device.record(2) == []
    assert seqs(device.outbox.linked()) == [1, 2]
    device.outbox.unlinked()
    assert device.record(1) == []
    assert device.outbox.delivered(2) == []


def test_the_broker_is_given_a_window_and_no_more(fresh: Device) -> None:
    assert seqs(fresh.record(WINDOW + 10)) == list(range(1, WINDOW + 1))
    assert seqs(fresh.outbox.delivered(3)) == [WINDOW + 1, WINDOW + 2, WINDOW + 3]
    assert seqs(fresh.outbox.delivered(500)) == list(range(WINDOW + 4, WINDOW + 11))


def test_messages_of_others_that_were_delivered_only_open_the_window(fresh: Device) -> None:
    fresh.outbox.delivered(100)
    assert len(seqs(fresh.record(2 * WINDOW))) == WINDOW


def test_after_a_reconnection_all_that_is_not_acknowledged_is_sent_again(fresh: Device) -> None:
    """A broker's word is not durable: only the server's counts."""
    fresh.record(5)
    fresh.outbox.delivered(5)
    fresh.outbox.acked(JOURNAL, 2)
    fresh.outbox.unlinked()
    assert seqs(fresh.outbox.linked()) == [3, 4, 5]


def test_the_backlog_is_what_the_server_does_not_have(fresh: Device) -> None:
    fresh.record(5)
    fresh.outbox.acked(JOURNAL, 3)
    assert fresh.outbox.backlog == 2


# --- acknowledgements ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("journal", "acked_seq"), [("another", 4), (JOURNAL, 6), (JOURNAL, 4711), (JOURNAL, 1), (JOURNAL, 2), (JOURNAL, 0)]
)
def test_a_foreign_old_or_impossible_acknowledgement_is_ignored(fresh: Device, journal: str, acked_seq: int) -> None:
    """A spare disk starts again at 1 while the server's retained word still says 4711."""
    fresh.record(5)
    fresh.outbox.acked(JOURNAL, 2)
    fresh.outbox.acked(journal, acked_seq)
    assert fresh.outbox.acked_seq == 2
    assert seqs(fresh.outbox.linked()) == [3, 4, 5]


def test_an_acknowledgement_is_saved_with_the_next_event_and_once() -> None:
    """The disk is not written for it alone."""
    device = Device()
    device.outbox.linked()
    device.record(3)
    device.outbox.acked(JOURNAL, 3)
    assert device.saved["acked"] == 0
    device.record(0)
    assert device.saved["acked"] == 0
    device.record(1)
    assert device.saved["acked"] == 3
    device.saved["acked"] = "untouched"
    device.record(1)
    assert device.saved["acked"] == "untouched"


def test_what_the_server_has_by_another_way_is_not_sent() -> None:
    device = Device()
    device.record(WINDOW)
    device.outbox.acked(JOURNAL, WINDOW - 2)
    assert seqs(device.outbox.linked()) == [WINDOW - 1, WINDOW]


# --- memory and disk ----------------------------------------------------------------------------------------


def test_events_of_an_earlier_run_are_read_from_the_disk() -> None:
    device = Device(events=5, acked=2)
    (asked,) = reads(device.outbox.linked())
    assert asked == ReadEvents(2, WINDOW)
    assert seqs(device.read(asked)) == [3, 4, 5]


def test_the_newest_events_come_from_memory() -> None:
    device = Device()
    device.record(TAIL)
    assert reads(device.outbox.linked()) == []
    device = Device()
    device.record(TAIL + 1)
    assert reads(device.outbox.linked()) == [ReadEvents(0, WINDOW)]


def test_from_disk_to_memory_without_a_gap() -> None:
    device = Device(events=3)
    (asked,) = reads(device.outbox.linked())
    assert device.record(2) == [], "the older ones first"
    assert seqs(device.read(asked)) == [1, 2, 3, 4, 5]


def test_a_long_history_is_read_a_window_at_a_time() -> None:
    device = Device(events=3 * WINDOW)
    intents, sent = device.outbox.linked(), []
    for _ in range(3):
        (asked,) = reads(intents)
        sent += seqs(device.read(asked))
        intents = device.outbox.delivered(WINDOW)
    assert sent == list(range(1, 3 * WINDOW + 1))
    assert intents == []


def test_only_one_question_to_the_disk_is_open() -> None:
    device = Device(events=9)
    assert len(reads(device.outbox.linked())) == 1
    assert device.record(1) == []
    assert device.outbox.delivered(1) == []
    assert device.outbox.acked(JOURNAL, 2) == []


def test_an_answer_to_a_question_from_before_the_reconnection_leaves_no_gap() -> None:
    """It begins where the old link had got to; the new one starts over."""
    device = Device(events=3 * WINDOW)
    (first,) = reads(device.outbox.linked())
    device.read(first)
    (second,) = reads(device.outbox.delivered(WINDOW))
    assert second.after_seq == WINDOW
    device.outbox.unlinked()
    assert seqs(device.outbox.linked()) == []
    again = device.read(second)
    assert seqs(again) == []
    assert reads(again) == [ReadEvents(0, WINDOW)]


def test_an_answer_that_the_server_has_overtaken_does_not_stop_the_flow() -> None:
    """All that was read is acknowledged already: go on behind it."""
    device = Device(events=3 * WINDOW)
    (asked,) = reads(device.outbox.linked())
    device.outbox.acked(JOURNAL, WINDOW)
    assert reads(device.read(asked)) == [ReadEvents(WINDOW, WINDOW)]


def test_a_disk_that_has_nothing_is_not_asked_for_ever() -> None:
    device = Device(events=5)
    (asked,) = reads(device.outbox.linked())
    device.disk.clear()
    assert device.read(asked) == []


def test_an_answer_that_comes_after_the_link_broke_is_kept_for_nobody() -> None:
    device = Device(events=5)
    (asked,) = reads(device.outbox.linked())
    device.outbox.unlinked()
    assert device.read(asked) == []
    assert reads(device.outbox.linked()) == [asked]


def test_an_answer_that_nobody_asked_for_is_ignored(fresh: Device) -> None:
    assert fresh.outbox.read([Event(1, NINE, 1, 0.0, "x", {})]) == []


# --- patience -------------------------------------------------------------------------------------------


def timers(intents: Iterable[Intent]) -> list[float]:
    found = [intent for intent in intents if isinstance(intent, SetTimer)]
    assert {timer.name for timer in found} <= {RESEND}
    return [timer.after_s for timer in found]


def test_a_server_that_stays_silent_is_sent_everything_again_and_ever_less_often(fresh: Device) -> None:
    fresh.record(3)
    fresh.outbox.delivered(3)
    patience_s: list[float] = []
    for _ in range(10):
        intents = fresh.outbox.timer()
        assert seqs(intents) == [1, 2, 3]
        patience_s += timers(intents)
    assert patience_s[:3] == [2 * RESEND_S, 4 * RESEND_S, 8 * RESEND_S]
    assert patience_s[-1] == RESEND_MAX_S


def test_a_server_that_goes_on_acknowledging_is_left_alone(fresh: Device) -> None:
    fresh.record(4)
    assert timers(fresh.outbox.acked(JOURNAL, 1)) == [SOON_S]
    assert timers(fresh.outbox.acked(JOURNAL, 2)) == []  # one such timer at a time
    assert seqs(fresh.outbox.timer()) == []
    assert timers(fresh.outbox.acked(JOURNAL, 3)) == []  # slow, but there all the time
    assert seqs(fresh.outbox.timer()) == []


def test_a_server_that_came_back_with_an_older_word_is_sent_the_rest_soon(fresh: Device) -> None:
    """Its word tells us more than we knew, for the last run had ended before it was saved."""
    fresh.record(3)
    fresh.outbox.delivered(3)
    assert timers(fresh.outbox.acked(JOURNAL, 1)) == [SOON_S]
    assert seqs(fresh.outbox.timer()) == [2, 3]


def test_a_word_of_the_server_renews_the_patience(fresh: Device) -> None:
    fresh.record(3)
    fresh.outbox.timer()
    fresh.outbox.timer()
    fresh.outbox.acked(JOURNAL, 3)
    assert timers(fresh.outbox.timer()) == [RESEND_S]


def test_nothing_is_sent_again_while_all_is_acknowledged_or_the_link_is_down(fresh: Device) -> None:
    fresh.record(2)
    fresh.outbox.acked(JOURNAL, 2)
    assert seqs(fresh.outbox.timer()) == []
    fresh.record(1)
    fresh.outbox.unlinked()
    fresh.outbox.timer()
    assert seqs(fresh.outbox.timer()) == []


def test_losing_patience_while_the_disk_is_read_leaves_no_gap() -> None:
    device = Device(events=2 * WINDOW)
    (first,) = reads(device.outbox.linked())
    device.read(first)
    (second,) = reads(device.outbox.delivered(WINDOW))
    assert seqs(device.outbox.timer()) == []
    assert reads(device.read(second)) == [ReadEvents(0, WINDOW)]


# --- whatever happens ---------------------------------------------------------------------------------------


class World:
    """A device, a broker that loses, a server that acknowledges what it has in one piece."""

    def __init__(self) -> None:
        self.device = Device()
        self.up = False
        self.broker: deque[int] = deque()
        self.server: set[int] = set()
        self.said = 0  # its newest acknowledgement
        self.uncommitted: deque[int] = deque()
        self.questions: deque[ReadEvents] = deque()
        self.committed = 0
        self.last = 0  # newest event sent since the last fresh start
        self.unanswered = 0  # given to the broker since then and not acknowledged by it
        self.step_puts: deque[dict[str, Any]] = deque()

    @property
    def outbox(self) -> Outbox:
        return self.device.outbox

    def perform(self, intents: list[Intent]) -> None:
        for intent in intents:
            if isinstance(intent, ReadEvents):
                assert not self.questions, "two questions at once"
                assert intent.limit > 0
                self.questions.append(intent)
            elif isinstance(intent, Publish):
                self.published(seq_of(intent))

    def published(self, seq: int) -> None:
        assert self.up, "nobody listens"
        assert seq <= self.committed, "not on disk yet"
        done = max(self.last, self.outbox.acked_seq)
        assert seq == min(known for known in self.device.disk if known > done), f"{seq} after {done}"
        self.last = seq
        self.unanswered += 1
        assert self.unanswered <= module.WINDOW, "the window"
        self.broker.append(seq)

    def start_over(self) -> None:
        self.last = self.unanswered = 0

    def record(self, count: int) -> None:
        step = self.device.recorder.begin(Now(1.0, NINE))
        for _ in range(count):
            event = step.event("visit.passed", {})
            self.device.disk[event.seq] = event
            self.uncommitted.append(event.seq)
        self.outbox.recorded(step)
        self.step_puts.append(dict(step.puts))

    def commit(self) -> None:
        while self.uncommitted:
            self.committed = self.uncommitted.popleft()
        for puts in self.step_puts:
            self.device.saved.update(puts)
        self.step_puts.clear()
        if self.committed:
            self.perform(self.outbox.committed(self.committed))

    def link(self) -> None:
        """The server's retained word arrives before the link counts as up."""
        self.up = True
        self.start_over()
        self.said = self.has()
        self.perform(self.outbox.acked(JOURNAL, self.said))
        self.perform(self.outbox.linked())

    def unlink(self) -> None:
        self.up = False
        self.outbox.unlinked()

    def has(self) -> int:
        """Everything up to here is on the server's disk."""
        seq = 0
        while seq + 1 in self.server:
            seq += 1
        return seq

    def broker_delivers(self, count: int, *, lost: bool) -> None:
        count = min(count, len(self.broker))
        for _ in range(count):
            seq = self.broker.popleft()
            if not lost:
                self.server.add(seq)
        self.unanswered = max(0, self.unanswered - count)
        if self.up and count:
            self.perform(self.outbox.delivered(count))

    def server_speaks(self) -> None:
        """When it has something to say."""
        if self.up and self.has() != self.said:
            self.said = self.has()
            self.perform(self.outbox.acked(JOURNAL, self.said))

    def disk_answers(self) -> None:
        if self.questions:
            asked = self.questions.popleft()
            found = [self.device.disk[s] for s in sorted(self.device.disk) if asked.after_seq < s <= self.committed]
            self.perform(self.outbox.read(found[: asked.limit]))

    def patience_ends(self) -> None:
        before, pending = self.outbox._sent_seq, self.outbox.acked_seq
        if self.up and before > pending == self.outbox._acked_at_timer:
            self.start_over()
        self.perform(self.outbox.timer())

    def trim(self) -> None:
        for seq in [seq for seq in self.device.disk if seq <= self.outbox.acked_seq]:
            if seq != self.committed:  # the newest number is never forgotten
                del self.device.disk[seq]

    def nonsense(self, number: int) -> None:
        """Words of a server that knows another journal, or more than there is."""
        self.perform(self.outbox.acked("another journal", number))
        self.perform(self.outbox.acked(JOURNAL, self.committed + number))

    def play(self, what: str, number: int) -> None:
        plays: dict[str, Callable[[], None]] = {
            "record": lambda: self.record(number),
            "commit": self.commit,
            "link": self.link,
            "unlink": self.unlink,
            "deliver": lambda: self.broker_delivers(number, lost=False),
            "lose": lambda: self.broker_delivers(number, lost=True),
            "ack": self.server_speaks,
            "answer": self.disk_answers,
            "patience": self.patience_ends,
            "trim": self.trim,
            "power cut": self.power_cut,
            "nonsense": lambda: self.nonsense(number),
        }
        plays[what]()

    def power_cut(self) -> None:
        for seq in self.uncommitted:
            del self.device.disk[seq]
        self.uncommitted.clear()
        self.step_puts.clear()
        self.questions.clear()
        self.up = False
        self.device.start()
        self.start_over()


WHAT = (
    *("record", "record", "commit", "commit", "link", "unlink", "deliver", "deliver", "lose", "ack", "ack"),
    *("answer", "answer", "patience", "trim", "power cut", "nonsense"),
)
moves = st.lists(st.tuples(st.sampled_from(WHAT), st.integers(1, 6)), min_size=20, max_size=80)


def after(story: Iterable[tuple[str, int]]) -> World:
    """Play a story, then let the network hold.

    Memory and window are made small, so that a short story needs disk and window.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "TAIL", 6)
        patch.setattr(module, "WINDOW", 4)
        world = World()
        for what, number in story:
            world.play(what, number)
        if world.uncommitted:
            world.commit()
        if not world.up:
            world.link()
        for _ in range(100 + world.committed):
            world.disk_answers()
            world.broker_delivers(4, lost=False)
            world.server_speaks()
            if not world.questions and not world.broker:
                if world.outbox.backlog == 0:
                    break
                world.patience_ends()
        return world


@settings(max_examples=200)
@given(moves)
def test_in_the_end_the_server_has_everything_once_the_network_holds(story: list[tuple[str, int]]) -> None:
    """Lost messages, silent servers, reconnections, restarts, slow disks: no gap, no overtaking, no event lost."""
    world = after(story)
    assert (world.has(), world.outbox.backlog) == (world.committed, 0)


@pytest.mark.parametrize("seed", range(60))
def test_after_a_long_story_the_server_has_everything_too(seed: int) -> None:
    """So that what takes many coincidences happens: an old answer of the disk, an ack that overtakes."""
    chance = Random(seed)
    world = after((chance.choice(WHAT), chance.randint(1, 6)) for _ in range(200))
    assert world.committed
    assert (world.has(), world.outbox.backlog) == (world.committed, 0)
