"""The simulated booking server: what it must have of a real one."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.runtime.vocabulary import LinkUp, MessageReceived, Publish
from edge.site.contract import Ack, Command, ContractError, EventMessage, encode, parse
from simulators.booking_server import BookingServer

NOW = datetime(2026, 3, 9, 8, tzinfo=UTC)


class Bench:
    """A server, the link it speaks through, and what comes later."""

    def __init__(self) -> None:
        self.sent: list[Publish] = []
        self.log: list[tuple[str, str, int]] = []
        self.waiting: list[Callable[[], None]] = []
        self.server = BookingServer("demo", later=self.later, received=self.received)
        self.server.link = self

    def later(self, _: float, callback: Callable[[], None]) -> None:
        self.waiting.append(callback)

    def received(self, device: str, event: EventMessage) -> None:
        self.log.append((device, event.journal, event.seq))

    def publish(self, intent: Publish) -> None:
        self.sent.append(intent)

    def close(self) -> None:
        """A link can be closed."""

    def hear(self, seq: int, journal: str = "j1", device: str = "north") -> None:
        event = EventMessage(
            journal=journal, seq=seq, id=f"{journal}-{seq}", at=NOW, boot=1, mono_s=0.0, type="lane.mode", data={}
        )
        self.server.handle(MessageReceived(f"gatehouse/demo/events/{device}", encode(event), retained=False))

    def acks(self) -> dict[str, Ack]:
        """Let time pass; what was acknowledged, by topic."""
        sent_before = len(self.sent)
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()
        found: dict[str, Ack] = {}
        for message in self.sent[sent_before:]:
            ack = parse(message.topic, message.payload).payload
            assert message.retain
            assert isinstance(ack, Ack)
            found[message.topic] = ack
        return found


NORTH = "gatehouse/demo/acks/north"


@given(st.lists(st.tuples(st.sampled_from(["north", "south"]), st.sampled_from(["j1", "j2"]), st.integers(1, 6))))
def test_events_are_taken_once_each_and_in_order_of_their_journal(messages: list[tuple[str, str, int]]) -> None:
    bench = Bench()
    for device, journal, seq in messages:
        bench.hear(seq, journal, device)
    came = set(messages)
    assert len(bench.log) == len(set(bench.log))
    for device in ("north", "south"):
        for journal in ("j1", "j2"):
            taken = [seq for d, j, seq in bench.log if (d, j) == (device, journal)]
            without_gap = next(n for n in range(8) if (device, journal, n + 1) not in came)
            assert taken == list(range(1, without_gap + 1))


def test_acknowledgements_cover_what_came_without_a_gap_and_are_gathered() -> None:
    bench = Bench()
    for seq in (1, 2, 4):
        bench.hear(seq)
    assert bench.sent == []
    assert bench.acks() == {NORTH: Ack(journal="j1", acked_seq=2)}
    bench.hear(3)
    assert bench.acks() == {NORTH: Ack(journal="j1", acked_seq=4)}
    bench.hear(4)  # sent again: the gate did not hear the answer
    assert bench.acks() == {NORTH: Ack(journal="j1", acked_seq=4)}


def test_a_replaced_disk_counts_from_one_again() -> None:
    bench = Bench()
    for seq in (1, 2):
        bench.hear(seq)
    bench.hear(1, "j2")
    assert bench.log == [("north", "j1", 1), ("north", "j1", 2), ("north", "j2", 1)]
    assert bench.acks() == {NORTH: Ack(journal="j2", acked_seq=1)}


def test_a_restarted_server_goes_on_where_its_acknowledgement_stands() -> None:
    bench = Bench()
    assert bench.server.subscriptions(resume=True) == ["gatehouse/demo/acks/+", "gatehouse/demo/events/+"]
    bench.server.handle(MessageReceived(NORTH, encode(Ack(journal="j1", acked_seq=4711)), retained=True))
    bench.hear(4712)
    assert bench.log == [("north", "j1", 4712)]
    assert bench.acks() == {NORTH: Ack(journal="j1", acked_seq=4712)}


def test_somebody_elses_live_acknowledgement_is_not_believed() -> None:
    bench = Bench()
    bench.server.handle(MessageReceived(NORTH, encode(Ack(journal="j1", acked_seq=4711)), retained=False))
    bench.hear(4712)
    assert bench.log == []


def test_malformed_messages_are_not_its_business() -> None:
    bench = Bench()
    bench.server.handle(MessageReceived("gatehouse/demo/events/north", b"{", retained=False))
    assert (bench.log, bench.acks()) == ([], {})


CAPS = {"revision": 1, "building": 4, "zones": {"stacks-3": 2}, "sessions": []}


@pytest.mark.parametrize(
    ("do", "keys", "topic"),
    [
        ("caps", {"payload": CAPS}, "gatehouse/demo/caps"),
        (
            "bookings",
            {"payload": {"revision": 1, "bookings": []}, "date": "2026-03-09", "session": "am"},
            "gatehouse/demo/bookings/2026-03-09/am",
        ),
        ("passes", {"payload": {"revision": 1, "passes": []}}, "gatehouse/demo/passes"),
    ],
)
def test_what_it_says_of_the_day_is_retained_and_said_again_to_a_new_broker(do: str, keys: dict, topic: str) -> None:
    bench = Bench()
    bench.server.say(do, keys, NOW)
    bench.server.handle(LinkUp(resumed=False))
    (first, again) = bench.sent
    assert first == again
    assert (first.topic, first.retain) == (topic, True)
    assert json.loads(first.payload) == keys["payload"]
    assert parse(first.topic, first.payload).payload is not None


def test_returns_are_not_retained() -> None:
    bench = Bench()
    bench.server.say("returns", {"payload": {"id": "r1", "books": []}}, NOW)
    bench.server.handle(LinkUp(resumed=False))
    assert [message.retain for message in bench.sent] == [False]


def test_a_command_is_filled_in_where_it_says_nothing() -> None:
    bench = Bench()
    bench.server.say("command", {"to": "north", "payload": {"do": "open_once"}}, NOW)
    bench.server.say("command", {"to": "north", "payload": {"do": "open_once", "id": "mine", "by": "me"}}, NOW)
    commands = [parse(message.topic, message.payload).payload for message in bench.sent]
    assert [message.topic for message in bench.sent] == ["gatehouse/demo/commands/north"] * 2
    assert [message.retain for message in bench.sent] == [False, False]
    first, second = commands
    assert isinstance(first, Command)
    assert isinstance(second, Command)
    assert (first.issued_at, first.expires_at) == (NOW, NOW + timedelta(seconds=30))
    assert (second.id, second.by) == ("mine", "me")
    assert first.id != second.id


def test_it_can_be_told_to_do_wrong() -> None:
    bench = Bench()
    bench.server.say("command", {"to": "north", "payload": {"do": "open_once"}, "retained": True}, NOW)
    bench.server.say("caps", {"payload": {"revision": "seven"}}, NOW)
    assert bench.sent[0].retain
    with pytest.raises(ContractError):
        parse(bench.sent[1].topic, bench.sent[1].payload)
    bench.server.handle(LinkUp(resumed=False))
    assert len(bench.sent) == 3  # a command is not said again, whatever the broker keeps
