"""The real link on a real broker, and on addresses where there is none: what goes wrong on a wire."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.runtime.link import WAITING_LIMIT
from edge.runtime.link.outlet import Outlet
from edge.runtime.vocabulary import Delivered, LinkDown, LinkSynced, LinkUp, MessageReceived, Publish
from tests.brokers import PATIENCE_S, MosquittoBench, NoBroker, topic
from tests.mosquitto import free_port


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[MosquittoBench]:
    bench = MosquittoBench(tmp_path)
    yield bench
    bench.close()


# --- the socket -----------------------------------------------------------------------------------


def test_small_messages_do_not_wait_for_acknowledgements_of_tcp(bench: MosquittoBench) -> None:
    north = bench.client("north")
    north.synced()
    assert north.wire().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_the_first_address_that_answers_is_taken(bench: MosquittoBench) -> None:
    dead = ("127.0.0.1", free_port())
    north = bench.client("north", addresses=[dead, ("127.0.0.1", bench.port)])
    assert north.synced() == [LinkUp(resumed=False), LinkSynced()]
    assert north.wire().getpeername() == ("127.0.0.1", bench.port)
    north.wire().shutdown(socket.SHUT_RDWR)
    assert north.synced() == [LinkDown("the broker closed the connection"), LinkUp(resumed=True), LinkSynced()]


def test_nobody_there_is_said_once_and_for_all_addresses() -> None:
    dead = [("127.0.0.1", free_port()), ("127.0.0.1", free_port())]
    bench = NoBroker(dead[0][1])
    try:
        pauses: queue.Queue[None] = queue.Queue()
        north = bench.client(
            "north", addresses=dead, chance=lambda: float(pauses.put(None) is None), retry_s=(0.02, 0.1)
        )
        refused = "; ".join(f"{host}:{port}: connection refused" for host, port in dead)
        assert north.next() == LinkDown(refused)
        for _ in range(5):  # as many rounds
            pauses.get(timeout=PATIENCE_S)
        assert north.link._patience.pause_s() == 0.1
        assert north.facts.empty()
        north.publish("events/north", b"lost")
        assert north.link.dropped == 1
    finally:
        bench.close()


def test_a_host_that_does_not_exist_is_named() -> None:
    bench = NoBroker(1)
    try:
        north = bench.client("north", addresses=[("gatehouse.invalid", 1883)])
        error = north.of(LinkDown).error
        assert error.startswith("gatehouse.invalid:1883: ")
    finally:
        bench.close()


def test_it_finds_back_to_a_broker_that_was_away(bench: MosquittoBench) -> None:
    bench.stop()
    north = bench.client("north")
    north.of(LinkDown)
    bench.start()
    assert north.synced() == [LinkUp(resumed=False), LinkSynced()]


def test_a_broker_that_refuses_us_is_quoted(tmp_path: Path) -> None:
    bench = MosquittoBench(tmp_path, anonymous=False)
    try:
        north = bench.client("north", username="north", password="wrong")
        assert north.next() == LinkDown(f"127.0.0.1:{bench.port}: the broker refuses us: Not authorized")
    finally:
        bench.close()


# --- brokers that are stuck --------------------------------------------------------


def test_publishing_never_waits_for_a_stuck_broker(bench: MosquittoBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.runtime.link.waiting.SILENCE_S", 0.0)
    north = bench.client("north", keepalive_s=3600)
    north.synced()
    bench.broker.freeze()
    for _ in range(WAITING_LIMIT + 100):
        north.publish("events/north", b"x" * 1000)  # a thousand times more than socket buffers hold
    assert north.of(LinkDown).error.startswith("the broker acknowledges too little: ")
    assert north.link.dropped >= 100
    bench.broker.thaw()
    north.of(LinkUp)
    north.synced()
    north.publish("events/north", b"again")
    assert north.next() == Delivered(1)


def test_big_messages_count_by_their_bytes(bench: MosquittoBench) -> None:
    north = bench.client("north", keepalive_s=3600)
    north.synced()
    bench.broker.freeze()
    for _ in range(20):
        north.publish("bookings", b"x" * 1024 * 1024)
    assert north.of(LinkDown).error.startswith("the broker acknowledges too little: ")
    bench.broker.thaw()


def test_a_broker_that_falls_silent_is_noticed_by_the_keep_alive(bench: MosquittoBench) -> None:
    north = bench.client("north", keepalive_s=1)
    north.synced()
    bench.broker.freeze()
    assert north.next() == LinkDown("the broker does not answer (keep-alive of 1 s)")
    bench.broker.thaw()
    assert isinstance(north.next(), LinkUp)


def test_while_the_inbox_is_full_nothing_more_is_read(bench: MosquittoBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.runtime.link.connection.UNTOLD_S", 0.001)
    south = bench.client("south", "events/+")
    south.synced()
    tries = threading.Semaphore(0)
    accept = south.post

    def refuse(_: object) -> bool:
        tries.release()
        return False

    monkeypatch.setattr(south.link._outlet, "_post", refuse)
    north = bench.client("north")
    north.synced()
    for number in range(60):
        north.publish("events/north", b"%d" % number)
    for _ in range(30):
        assert tries.acquire(timeout=PATIENCE_S)
    assert len(south.link._outlet._untold) <= 2
    monkeypatch.setattr(south.link._outlet, "_post", accept)
    assert [payload for _, payload, _ in south.messages(60)] == [b"%d" % number for number in range(60)]


def test_facts_that_waited_are_told_at_once_when_there_is_room() -> None:
    told: list[object] = []
    room = False
    outlet = Outlet(lambda fact: room and (told.append(fact) is None))
    for number in range(3):
        outlet.tell(Delivered(number))
    assert outlet.full
    room = True
    outlet.flush()
    assert told == [Delivered(0), Delivered(1), Delivered(2)]
    assert not outlet.full


# --- what must not come, or not twice -------------------------------------------------------------


def test_an_old_state_is_never_sent_after_a_newer_one(bench: MosquittoBench) -> None:
    north = bench.client("north", keepalive_s=1)
    north.synced()
    bench.broker.freeze()
    for number in range(30):  # some are on the wire, some wait for room in the window
        north.publish("lanes/north", b"old %d" % number, retain=True)
    north.of(LinkDown)
    bench.stop()
    bench.start()
    south = bench.client("south", "lanes/north")
    south.synced()
    north.synced()
    north.publish("lanes/north", b"new", retain=True)
    north.of(Delivered)
    north.publish("lanes/north", b"newer", retain=True)
    assert south.messages(2) == [("lanes/north", b"new", False), ("lanes/north", b"newer", False)]


def test_a_message_beyond_the_limit_is_not_handed_over(bench: MosquittoBench, caplog: pytest.LogCaptureFixture) -> None:
    south = bench.client("south", "bookings/#")
    south.synced()
    north = bench.client("north")
    north.synced()
    north.publish("bookings/huge", b"x" * (5 * 1024 * 1024 + 1))
    north.publish("bookings/large", b"x" * (5 * 1024 * 1024))
    rest, payload, _ = south.message()
    assert (rest, len(payload)) == ("bookings/large", 5 * 1024 * 1024)
    assert "bookings/huge" in caplog.text


def test_what_an_older_configuration_subscribed_to_is_not_handed_over(bench: MosquittoBench) -> None:
    old = bench.client("north", "retired/topic")
    old.synced()
    bench.vanish(old)
    server = bench.client("server")
    server.synced()
    server.publish("retired/topic", b"for the older configuration")
    server.of(Delivered)
    north = bench.client("north", "caps")
    assert north.synced() == [LinkUp(resumed=True), LinkSynced()]
    server.publish("retired/topic", b"and one more")
    server.publish("caps", b"for us")
    assert north.next() == MessageReceived(topic("caps"), b"for us", retained=False)


@pytest.mark.parametrize("wrong", ["", "lanes/+", "lanes/#", "lanes\0north", "x" * 65_536, "half \ud800"])
def test_a_topic_that_cannot_be_is_refused_at_once(bench: MosquittoBench, wrong: str) -> None:
    north = bench.client("north")
    north.synced()
    with pytest.raises(ValueError, match=r"not a topic|surrogates"):
        north.link.publish(Publish(wrong, b"x"))
    north.publish("events/north", b"x")
    assert north.next() == Delivered(1)


# --- two devices of one name ----------------------------------------------------------------------


def test_two_clients_of_one_name_are_told_and_slow_down(bench: MosquittoBench) -> None:
    one, two = bench.client("north"), bench.client("north")
    for client in (one, two):
        error = ""
        while "another client uses the name north" not in error:
            error = client.of(LinkDown).error
        assert client.link._patience.contested
        assert client.link._patience.pause_s() >= 0.04


# --- the end --------------------------------------------------------------------------------------


def test_closing_a_link_that_is_down_is_quick_and_final(bench: MosquittoBench) -> None:
    bench.stop()
    north = bench.client("north", retry_s=(3600.0, 3600.0))
    north.of(LinkDown)
    north.link.close()
    assert not north.link._thread.is_alive()
    north.link.close()
    north.publish("events/north", b"x")
    assert north.facts.empty()


def test_closing_on_a_stuck_broker_ends(bench: MosquittoBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.runtime.link.connection.GOODBYE_S", 0.05)
    monkeypatch.setattr("edge.runtime.link.connection.TURN_S", 0.01)
    north = bench.client("north")
    north.synced()
    bench.broker.freeze()
    for _ in range(15):
        north.publish("events/north", b"x" * 1024 * 1024)  # more than sockets hold
    north.link.close()
    assert not north.link._thread.is_alive()
    assert north.facts.empty()
    bench.broker.thaw()


def test_a_link_needs_an_address() -> None:
    with pytest.raises(ValueError, match="needs the address of a broker"):
        NoBroker(1).client("north", addresses=[])


def test_a_defect_is_told_and_does_not_cut_us_off_for_good(
    bench: MosquittoBench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def defect(_: object) -> None:
        raise AssertionError("a defect")

    with monkeypatch.context() as patched:
        patched.setattr("edge.runtime.link.connection.Connection.run", defect)
        north = bench.client("north")
        assert "a defect" in north.of(LinkDown).error
        assert "Traceback" in caplog.text
    assert north.synced() == [LinkUp(resumed=False), LinkSynced()]
    with monkeypatch.context() as patched:
        patched.setattr("edge.runtime.link.connection.Connection._send_what_waits", defect)
        north.publish("events/north", b"x")
        assert "a defect" in north.of(LinkDown).error
    assert isinstance(north.next(), LinkUp)


# --- a broker with a memory -----------------------------------------------------------------------


def test_a_broker_that_remembers_resumes_the_session(tmp_path: Path) -> None:
    bench = MosquittoBench(tmp_path, persistent=True)
    try:
        north = bench.client("north", "caps")
        north.synced()
        north.publish("caps", b"kept", retain=True)
        north.message()
        bench.stop()
        north.of(LinkDown)
        bench.start()
        assert north.synced() == [
            LinkUp(resumed=True),
            MessageReceived(topic("caps"), b"kept", retained=True),
            LinkSynced(),
        ]
    finally:
        bench.close()
