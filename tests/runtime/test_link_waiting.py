"""What waits for a broker is bounded, and a broker that acknowledges too little is given up."""

from __future__ import annotations

import pytest

from edge.runtime.link.waiting import SILENCE_S, WAITING_BYTES, WAITING_LIMIT, WAITING_MOST, WINDOW, Waiting
from edge.runtime.vocabulary import Publish

EVENT = Publish("events/north", b"x")
MARKER = Publish("sync/north", b"{}")


class Queue:
    """What waits, before a broker that acknowledges when it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.wire: list[Publish] = []
        self.waiting = Waiting(lambda: self.now_s)

    def publish(self, count: int) -> bool:
        return all(self.waiting.put(EVENT) for _ in range(count))

    def send(self) -> None:
        self.waiting.send(self._to_wire)

    def _to_wire(self, intent: Publish) -> int:
        self.wire.append(intent)
        return len(self.wire)

    def acknowledge(self, number: int) -> Publish:
        return self.waiting.acknowledged(number)


@pytest.fixture
def north() -> Queue:
    return Queue()


def test_much_at_once_is_no_silence_of_the_broker(north: Queue) -> None:
    north.now_s = 1_000.0
    assert north.publish(3 * WAITING_LIMIT)
    north.send()
    north.now_s += SILENCE_S - 0.1
    assert north.publish(1)
    north.acknowledge(1)
    north.now_s += SILENCE_S - 0.1
    assert north.publish(1)
    north.now_s += 0.1
    assert not north.publish(1)


def test_few_that_wait_long_are_no_reason_to_give_up(north: Queue) -> None:
    assert north.publish(1)
    north.now_s = 60.0
    assert north.publish(WAITING_LIMIT - 1)
    assert not north.publish(1)


def test_what_waits_is_bounded_whatever_the_broker_acknowledges(north: Queue) -> None:
    assert north.publish(WAITING_MOST)
    assert not north.publish(1)


def test_big_messages_count_by_their_bytes(north: Queue) -> None:
    assert north.waiting.put(Publish("bookings", bytes(WAITING_BYTES)))
    assert north.publish(1)
    assert not north.publish(1)


def test_what_has_arrived_makes_room(north: Queue) -> None:
    north.publish(WAITING_MOST)
    north.send()
    assert north.acknowledge(1) == EVENT
    assert len(north.waiting) == WAITING_MOST - 1
    assert north.publish(1)


def test_no_more_is_on_the_wire_than_the_broker_takes(north: Queue) -> None:
    north.publish(WINDOW + 5)
    north.send()
    assert north.waiting.on_the_wire == WINDOW
    north.acknowledge(3)
    north.send()
    assert len(north.wire) == WINDOW + 1
    north.waiting.window = 1
    north.acknowledge(4)
    north.send()
    assert len(north.wire) == WINDOW + 1


def test_the_marker_overtakes_our_own_backlog_however_long_it_is(north: Queue) -> None:
    north.publish(WAITING_MOST)
    north.now_s = SILENCE_S
    north.waiting.put_own(MARKER, first=True)
    assert not north.waiting.stuck
    north.send()
    assert north.wire[:2] == [MARKER, EVENT]


def test_the_last_word_comes_last(north: Queue) -> None:
    north.publish(2)
    north.waiting.put_own(MARKER)
    north.send()
    assert north.wire == [EVENT, EVENT, MARKER]
