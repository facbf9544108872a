"""What comes from the broker and what comes from the wires meet in one device."""

from __future__ import annotations

from datetime import UTC, datetime

from edge.runtime.clock import VirtualClock
from edge.runtime.device import Device
from edge.runtime.vocabulary import (
    Delivered,
    Fact,
    Intent,
    LinkDown,
    LinkSynced,
    LinkUp,
    MessageReceived,
    Now,
    Started,
    TimerFired,
)

KEPT = MessageReceived("caps", b"{}", retained=True)
FROM_THE_LINK = [LinkUp(resumed=False), KEPT, LinkSynced(), Delivered(1), KEPT, LinkDown("gone")]
FROM_A_WIRE = TimerFired("stands for a beam")


class Listener:
    def __init__(self) -> None:
        self.heard: list[Fact] = []

    def handle(self, fact: Fact, now: Now) -> list[Intent]:
        del now
        self.heard.append(fact)
        return []


def test_a_wire_overtakes_the_broker_and_what_the_broker_says_keeps_its_order() -> None:
    device, listener = Device(VirtualClock(datetime(2026, 3, 9, tzinfo=UTC))), Listener()
    for fact in [*FROM_THE_LINK, FROM_A_WIRE]:
        assert device.loop.post(fact)
    device.install(listener, {})
    while device.loop.turn():
        pass
    assert listener.heard == [Started(), FROM_A_WIRE, *FROM_THE_LINK]


def test_a_flood_from_the_broker_takes_no_room_of_a_wire() -> None:
    device = Device(VirtualClock(datetime(2026, 3, 9, tzinfo=UTC)))
    while device.loop.post(KEPT):
        pass
    assert device.loop.post(FROM_A_WIRE)
    assert device.loop.dropped == 0
