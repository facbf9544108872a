"""What a link gives, on every broker: mosquitto in both versions and encrypted, the demo's, the simulation's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.runtime.vocabulary import Delivered, LinkDown, LinkSynced, LinkUp, MessageReceived
from tests.brokers import (
    Bench,
    EmbeddedBench,
    MosquittoBench,
    OldMosquittoBench,
    TlsMosquittoBench,
    VirtualBench,
    topic,
)


@pytest.fixture(params=["mosquitto", "mosquitto 3.1.1", "mosquitto over TLS", "embedded", "virtual"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    benches = {
        "mosquitto": lambda: MosquittoBench(tmp_path),
        "mosquitto 3.1.1": lambda: OldMosquittoBench(tmp_path),
        "mosquitto over TLS": lambda: TlsMosquittoBench(tmp_path),
        "embedded": EmbeddedBench,
        "virtual": VirtualBench,
    }
    bench = benches[request.param]()
    yield bench
    bench.close()


def test_a_link_goes_up_syncs_and_carries_messages(bench: Bench) -> None:
    south = bench.client("south", "events/north")
    assert south.synced() == [LinkUp(resumed=False), LinkSynced()]
    north = bench.client("north")
    assert north.synced() == [LinkUp(resumed=False), LinkSynced()]
    north.publish("events/north", "体温".encode())
    assert south.next() == MessageReceived(topic("events/north"), "体温".encode(), retained=False)
    assert north.next() == Delivered(1)


def test_retained_messages_come_before_the_sync_and_say_so(bench: Bench) -> None:
    server = bench.client("server")
    server.synced()
    server.publish("caps", b"old", retain=True)
    server.publish("caps", b"new", retain=True)
    server.publish("grants/north", b"grant", retain=True)
    server.publish("grants/south", b"not for us", retain=True)
    server.publish("commands/north", b"not retained")
    server.publish("passes", b"x", retain=True)
    server.publish("passes", b"", retain=True)
    server.delivered(7)
    north = bench.client("north", "caps", "grants/north", "commands/north", "passes")
    first, *messages, last = north.synced()
    assert (first, last) == (LinkUp(resumed=False), LinkSynced())
    assert sorted(
        (fact.topic, fact.payload, fact.retained) for fact in messages if isinstance(fact, MessageReceived)
    ) == [
        (topic("caps"), b"new", True),
        (topic("grants/north"), b"grant", True),
    ]
    server.publish("caps", b"newer", retain=True)
    server.publish("grants/north", b"", retain=True)
    assert north.messages(2) == [("caps", b"newer", False), ("grants/north", b"", False)]


def test_a_message_says_how_it_was_published_where_the_broker_can(bench: Bench) -> None:
    server = bench.client("server")
    server.synced()
    north = bench.client("north", "commands/north", "caps", as_published=["commands/north"])
    north.synced()
    server.publish("commands/north", b"kept", retain=True)
    server.publish("caps", b"kept", retain=True)
    server.publish("commands/north", b"passing")
    assert north.messages(3) == [
        ("commands/north", b"kept", bench.says_as_published),
        ("caps", b"kept", False),  # nobody asked for it
        ("commands/north", b"passing", False),
    ]


def test_many_retained_messages_come_before_the_sync(bench: Bench) -> None:
    server = bench.client("server", "holds/+")
    server.synced()
    for number in range(150):
        server.publish(f"holds/{number:03}", b"held", retain=True)
    server.messages(150)
    north = bench.client("north", "holds/+")
    held = [fact.topic for fact in north.synced() if isinstance(fact, MessageReceived)]
    assert sorted(held) == [topic(f"holds/{number:03}") for number in range(150)]


def test_wildcards(bench: Bench) -> None:
    one = bench.client("one", "lanes/+", "alerts/north/#", "+/west")
    two = bench.client("two", "#")
    sender = bench.client("sender")
    for client in (one, two, sender):
        client.synced()
    sent = [
        "lanes/north",
        "lanes/north/deep",
        "alerts/north",
        "alerts/north/fire/1",
        "alerts/south/fire",
        "status/west",
    ]
    for rest in [*sent, "lanes/west"]:
        sender.publish(rest, rest.encode())
    assert [rest for rest, _, _ in one.messages(5)] == [
        "lanes/north",
        "alerts/north",
        "alerts/north/fire/1",
        "status/west",
        "lanes/west",
    ]
    all_of_it = two.until(lambda fact: isinstance(fact, MessageReceived) and fact.topic == topic("lanes/west"))
    got = [fact.topic for fact in all_of_it if isinstance(fact, MessageReceived) and "/sync/" not in fact.topic]
    assert got == [topic(rest) for rest in [*sent, "lanes/west"]]


def test_order_is_kept(bench: Bench) -> None:
    south = bench.client("south", "events/+")
    south.synced()
    north = bench.client("north")
    north.synced()
    for number in range(300):
        north.publish("events/north", b"%d" % number)
    assert [payload for _, payload, _ in south.messages(300)] == [b"%d" % number for number in range(300)]
    delivered = 0
    while delivered < 300:
        delivered += north.of(Delivered).count
    assert delivered == 300


def test_a_broker_that_was_wiped_is_told_from_one_that_knows_us(bench: Bench) -> None:
    north = bench.client("north", "caps")
    north.synced()
    north.publish("caps", b"kept by nobody", retain=True)
    assert north.message() == ("caps", b"kept by nobody", False)
    bench.stop()
    assert isinstance(north.of(LinkDown).error, str)
    north.publish("caps", b"lost, we are down", retain=True)
    bench.start()
    assert north.synced() == [LinkUp(resumed=False), LinkSynced()]
    north.publish("caps", b"again", retain=True)
    assert north.message() == ("caps", b"again", False)


def test_what_came_while_we_were_away_comes_when_we_are_back(bench: Bench) -> None:
    recorder = bench.client("recorder", "events/+")
    recorder.synced()
    watcher = bench.client("watcher", "status/recorder")
    watcher.synced()
    bench.vanish(recorder)
    assert watcher.message() == ("status/recorder", b"vanished", False)
    north = bench.client("north", "events/north")
    north.synced()
    for number in range(30):
        north.publish("events/north", b"%d" % number)
    north.messages(30)
    back = bench.client("recorder", "events/+")
    first, *messages, last = back.synced()
    assert (first, last) == (LinkUp(resumed=True), LinkSynced())
    received = [fact.payload for fact in messages if isinstance(fact, MessageReceived)]
    assert received == [b"%d" % number for number in range(30)]


def test_a_will_for_those_who_vanish(bench: Bench) -> None:
    watcher = bench.client("watcher", "status/+")
    watcher.synced()
    north = bench.client("north")
    north.synced()
    bench.vanish(north)
    assert watcher.message() == ("status/north", b"vanished", False)
    late = bench.client("late", "status/+")
    assert MessageReceived(topic("status/north"), b"vanished", retained=True) in late.synced()


def test_a_last_word_and_no_will_for_those_who_close(bench: Bench) -> None:
    watcher = bench.client("watcher", "status/+", "events/+")
    watcher.synced()
    north = bench.client("north")
    north.synced()
    for number in range(30):
        north.publish("events/north", b"%d" % number)
    north.link.close()
    north.publish("events/north", b"after the end")
    assert [payload for _, payload, _ in watcher.messages(31)] == [*(b"%d" % number for number in range(30)), b"closed"]
    again = bench.client("north")
    assert again.synced() == [LinkUp(resumed=True), LinkSynced()]
    again.publish("events/north", b"and no will came before")
    assert watcher.message() == ("events/north", b"and no will came before", False)
    bench.vanish(again)
    assert watcher.message() == ("status/north", b"vanished", False)


def test_nothing_is_lost_or_mixed_up_while_the_inbox_is_full(bench: Bench) -> None:
    south = bench.client("south", "events/+")
    south.synced()
    north = bench.client("north", "events/+")
    north.synced()
    south.room = False  # type: ignore[attr-defined]
    for number in range(60):
        north.publish("events/north", b"%d" % number)
    north.messages(60)
    south.room = True  # type: ignore[attr-defined]
    assert [payload for _, payload, _ in south.messages(60)] == [b"%d" % number for number in range(60)]


def test_a_client_that_is_back_before_its_end_was_noticed_hears_all(bench: Bench) -> None:
    sender = bench.client("sender")
    sender.synced()
    first = bench.client("north", "caps", patient=True)
    first.synced()
    second = bench.client("north", "caps")
    assert second.synced() == [LinkUp(resumed=True), LinkSynced()]
    first.of(LinkDown)
    sender.publish("caps", b"for the second")
    assert second.message() == ("caps", b"for the second", False)


def test_a_pulled_cable_is_a_lost_network_until_it_is_plugged_in(bench: Bench) -> None:
    south = bench.client("south", "events/+")
    south.synced()
    north = bench.client("north", "caps")
    north.synced()
    for number in range(3):
        bench.plug(north, False)
        assert north.next() == LinkDown("the network is unreachable")
        north.publish("events/north", b"lost, the cable is out")
        bench.plug(north, True)
        assert north.synced() == [LinkUp(resumed=True), LinkSynced()]
        north.publish("events/north", b"%d" % number)
        assert south.message() == ("events/north", b"%d" % number, False)
        north.of(Delivered)
