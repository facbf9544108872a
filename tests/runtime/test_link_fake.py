"""What a link makes of brokers that are silent, mad or hold something back, in both versions of MQTT."""

from __future__ import annotations

import itertools
import logging
import queue
import threading

import pytest

from edge.runtime.link.version import V5
from edge.runtime.vocabulary import Delivered, LinkDown, LinkSynced, LinkUp, MessageReceived
from tests.brokers import PATIENCE_S, topic
from tests.fake_broker import PUBACK, PUBLISH, SUBSCRIBE, Wire, fake_broker, packet


@pytest.fixture(params=["5", "3.1.1"])
def only_311(request: pytest.FixtureRequest) -> bool:
    """Whether the broker refuses version 5, so that all the rest is said in 3.1.1."""
    return request.param == "3.1.1"


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for seconds; no fake broker acknowledges a goodbye."""
    monkeypatch.setattr("edge.runtime.link.connection.GOODBYE_S", 0.05)
    monkeypatch.setattr("edge.runtime.link.connection.TURN_S", 0.01)


def test_a_silent_listener_is_no_broker(only_311: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.runtime.link.connection.CONNECT_S", 0.05)
    with fake_broker(lambda _: None, only_311=only_311) as bench:
        north = bench.client("north")
        assert north.of(LinkDown).error.endswith("no answer from the broker")


NONSENSE = {
    "another protocol": lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a packet of no kind": lambda hello: hello + b"\x00" * 64,
    "a topic longer than its packet": lambda hello: hello + b"\x30\x02\x00\xff",
    "a SUBACK too short": lambda hello: hello + b"\x40\x02\xff\xff" + b"\x90\x01\x00",
    "a length too long": lambda hello: hello + b"\xff\xff\xff\xff\xff\xff",
    "an end that only version 5 has, for no known reason": lambda hello: hello + b"\xe0\x01\x55",
    "a CONNACK with a property of another packet": lambda _: b"\x20\x06\x00\x00\x03\x23\x00\x01",
    "a CONNACK that allows nothing on the wire": lambda _: b"\x20\x06\x00\x00\x03\x21\x00\x00",
}


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_ends_the_connection_and_nothing_else(only_311: bool, nonsense: str) -> None:
    rounds = threading.Semaphore(0)

    def talk(wire: Wire) -> None:
        hello = packet(0x20, b"\0\0\0" if wire.version is V5 else b"\0\0")
        wire.send(NONSENSE[nonsense](hello))
        wire.hang_up()
        rounds.release()

    with fake_broker(talk, only_311=only_311) as bench:
        north = bench.client("north")
        for _ in range(5):
            assert rounds.acquire(timeout=PATIENCE_S)  # it tries again and again
        error = north.of(LinkDown).error
        assert error
        assert "\n" not in error
        assert north.link._thread.is_alive()


def test_a_refused_subscription_is_named(only_311: bool) -> None:
    def talk(wire: Wire) -> None:
        wire.hello()
        for kind, body in wire.packets():
            if kind == SUBSCRIBE:
                wire.suback(body, 1, 0x80, 1)

    with fake_broker(talk, only_311=only_311) as bench:
        north = bench.client("north", "acks/north", "commands/north")
        assert north.next() == LinkUp(resumed=False)
        assert north.next() == LinkDown(f"the broker refuses the subscription to {topic('commands/north')}")


def test_only_the_marker_of_this_connection_is_the_sync(only_311: bool) -> None:
    def talk(wire: Wire) -> None:
        wire.hello()
        for kind, body in wire.packets():
            if kind == SUBSCRIBE:
                wire.suback(body, 1, 1)
                wire.publish("sync/north", b"that of an earlier connection")
                wire.publish("caps", b"kept", retained=True)
                no_text = b"\x00\x02\xff\xfe" + (b"\0" if wire.version is V5 else b"")
                wire.send(packet(PUBLISH, no_text))  # is passed over
            elif kind == PUBLISH:
                wire.publish("sync/north", wire.payload(body))
                return

    with fake_broker(talk, only_311=only_311) as bench:
        north = bench.client("north", "caps")
        assert north.synced() == [
            LinkUp(resumed=False),
            MessageReceived(topic("caps"), b"kept", retained=True),
            LinkSynced(),
        ]


def test_a_broker_that_delivers_nothing_is_given_up(only_311: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.runtime.link.connection.RESYNC_S", 0.01)
    markers: queue.Queue[int] = queue.Queue()

    def talk(wire: Wire) -> None:
        count = 0
        wire.hello()
        for kind, body in wire.packets():
            if kind == SUBSCRIBE:
                wire.suback(body, 1)
            elif kind == PUBLISH:
                count += 1
        markers.put(count)

    with fake_broker(talk, only_311=only_311) as bench:
        north = bench.client("north", patient=True)
        assert north.next() == LinkUp(resumed=False)
        assert north.next() == LinkDown("the broker took us, but delivers nothing")
        assert markers.get(timeout=PATIENCE_S) == 4


def test_what_is_published_before_the_broker_took_us_is_not_sent(only_311: bool) -> None:
    asked, answer = threading.Event(), threading.Event()
    sent: queue.Queue[bytes] = queue.Queue()

    def talk(wire: Wire) -> None:
        asked.set()
        assert answer.wait(PATIENCE_S)
        wire.hello()
        sent.put(next(wire.payload(body) for kind, body in wire.packets() if kind == PUBLISH))

    with fake_broker(talk, only_311=only_311) as bench:
        north = bench.client("north")
        assert asked.wait(PATIENCE_S)
        north.publish("lanes/north", b"too early", retain=True)
        assert north.link.dropped == 1
        answer.set()
        assert north.next() == LinkUp(resumed=False)
        north.publish("lanes/north", b"in time", retain=True)
        assert sent.get(timeout=PATIENCE_S) == b"in time"


def test_no_more_is_on_the_wire_than_the_broker_bears(only_311: bool) -> None:
    waiting, counts = threading.Event(), queue.Queue[int]()

    def sent_before_answer(wire: Wire) -> list[bytes]:
        """What the client sends before it acknowledges a message of ours."""
        name = topic("caps").encode()
        properties = b"\0" if wire.version is V5 else b""
        wire.send(packet(PUBLISH | 2, len(name).to_bytes(2, "big") + name + b"\0\x01" + properties))
        sent = itertools.takewhile(lambda read: read[0] != PUBACK, wire.packets())
        return [wire.mid(body) for _, body in sent]

    def talk(wire: Wire) -> None:
        wire.hello(properties=b"\x21\x00\x03")  # Receive Maximum
        assert next(wire.packets())[0] == SUBSCRIBE
        assert waiting.wait(PATIENCE_S)
        arrived = 0
        while arrived < 30:
            sent = sent_before_answer(wire)
            arrived += len(sent)
            counts.put(len(sent))
            for mid in sent:
                wire.send(packet(PUBACK, mid))

    with fake_broker(talk, only_311=only_311) as bench:
        north = bench.client("north", "caps")
        assert north.next() == LinkUp(resumed=False)
        for _ in range(30):
            north.publish("events/north", b"x")
        waiting.set()
        on_the_wire = [counts.get(timeout=PATIENCE_S)]
        while sum(on_the_wire) < 30:
            on_the_wire.append(counts.get(timeout=PATIENCE_S))
        assert max(on_the_wire) <= (20 if only_311 else 3)


def test_what_we_have_to_say_does_not_keep_us_from_being_in_sync(only_311: bool) -> None:
    waiting, sent = threading.Event(), queue.Queue[bytes]()

    def talk(wire: Wire) -> None:
        wire.hello()
        kind, subscribe = next(wire.packets())
        assert kind == SUBSCRIBE
        assert waiting.wait(PATIENCE_S)
        first, *_ = [body for _, (_, body) in zip(range(20), wire.packets(), strict=False)]
        wire.suback(subscribe, 1)
        wire.send(packet(PUBACK, wire.mid(first)))
        sent.put(next(body for kind, body in wire.packets() if kind == PUBLISH))

    with fake_broker(talk, only_311=only_311) as bench:
        north = bench.client("north")
        assert north.next() == LinkUp(resumed=False)
        for _ in range(100):
            north.publish("events/north", b"x")
        waiting.set()
        assert topic("sync/north").encode() in sent.get(timeout=PATIENCE_S)


def test_what_we_may_not_publish_is_said_once_a_connection(caplog: pytest.LogCaptureFixture) -> None:
    """3.1.1 cannot say so."""

    def talk(wire: Wire) -> None:
        wire.hello()
        for kind, body in wire.packets():
            if kind == PUBLISH:
                wire.send(packet(PUBACK, wire.mid(body) + b"\x87"))

    with fake_broker(talk) as bench, caplog.at_level(logging.WARNING):
        north = bench.client("north")
        assert north.next() == LinkUp(resumed=False)
        for _ in range(3):
            north.publish("events/north", b"x")
        delivered = 0
        while delivered < 3:
            delivered += north.of(Delivered).count
        assert caplog.messages == [f"the broker refuses what we publish on {topic('events/north')}: Not authorized"]


def test_nobody_tries_again_while_the_cable_is_out(only_311: bool) -> None:
    calls, pauses = queue.Queue[None](), queue.Queue[None]()

    def talk(wire: Wire) -> None:
        calls.put(None)
        wire.hello()
        for _ in wire.packets():
            pass  # until it is gone

    with fake_broker(talk, only_311=only_311) as bench:
        north = bench.client("north", chance=lambda: float(pauses.put(None) is None))
        assert north.next() == LinkUp(resumed=False)
        calls.get(timeout=PATIENCE_S)
        north.link.plug(False)
        assert north.next() == LinkDown("the network is unreachable")
        for _ in range(5):  # as many times it would have tried
            pauses.get(timeout=PATIENCE_S)
        assert calls.empty()
        assert north.facts.empty()
        north.link.plug(True)
        assert north.next() == LinkUp(resumed=False)


def test_a_cable_that_is_pulled_while_it_connects(only_311: bool) -> None:
    calls: queue.Queue[Wire] = queue.Queue()

    def talk(wire: Wire) -> None:
        calls.put(wire)
        for _ in wire.packets():
            pass  # it says hello to nobody

    with fake_broker(talk, only_311=only_311) as bench:
        north = bench.client("north")
        calls.get(timeout=PATIENCE_S)
        north.link.plug(False)
        assert north.next() == LinkDown(f"127.0.0.1:{bench.port}: the network is unreachable")
        north.link.plug(True)
        calls.get(timeout=PATIENCE_S).hello()
        assert north.next() == LinkUp(resumed=False)
