"""The broker of virtual time: what it does when things break, and that it does the same again."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.runtime.vocabulary import Delivered, Fact, LinkDown, LinkSynced, LinkUp, MessageReceived, Publish
from simulators.wires.bus import VirtualBroker
from tests.brokers import VirtualBench, VirtualClient, topic


@pytest.fixture
def bench() -> VirtualBench:
    return VirtualBench()


def payloads(facts: Sequence[Fact]) -> list[bytes]:
    return [fact.payload for fact in facts if isinstance(fact, MessageReceived)]


def test_a_message_takes_two_hops(bench: VirtualBench) -> None:
    south = bench.client("south", "events/north")
    north = bench.client("north")
    south.synced()
    north.synced()
    bench.broker.latency_s = lambda: 0.1
    sent = bench.clock.monotonic()
    north.publish("events/north", b"x")
    south.message()
    assert bench.clock.monotonic() == pytest.approx(sent + 0.2)


def test_each_message_takes_its_own_time(bench: VirtualBench) -> None:
    south = bench.client("south", "events/north")
    north = bench.client("north")
    south.synced()
    north.synced()
    bench.broker.latency_s = lambda: 0.1
    start = bench.clock.monotonic()
    for _ in range(3):
        north.publish("events/north", b"x")
        bench.run_for(0.05)
    arrived: list[float] = []
    while len(arrived) < 3:
        south.message()
        arrived.append(bench.clock.monotonic() - start)
    assert arrived == pytest.approx([0.2, 0.25, 0.3])


def test_a_slow_broker_and_a_slow_link_add_to_each_hop(bench: VirtualBench) -> None:
    south = bench.client("south", "events/north")
    north = bench.client("north")
    south.synced()
    north.synced()
    bench.broker.latency_s = lambda: 0.0
    bench.broker.slow_s = 1.0
    south.link.slow_s = 0.25
    sent = bench.clock.monotonic()
    north.publish("events/north", b"x")
    south.message()
    assert bench.clock.monotonic() == pytest.approx(sent + 2.25)


def test_a_cut_cable_is_heard_once_and_mended(bench: VirtualBench) -> None:
    north = bench.client("north", "caps")
    north.synced()
    north.link.cut()
    north.link.cut()
    assert north.next() == LinkDown("the network is unreachable")
    north.publish("caps", b"lost")
    assert north.link.dropped == 1
    bench.run_for(100.0)
    assert not north.facts
    north.link.restore()
    north.link.restore()
    assert north.synced() == [LinkUp(resumed=True), LinkSynced()]


def test_what_is_sent_before_a_cut_is_noticed_vanishes(bench: VirtualBench) -> None:
    south = bench.client("south", "events/north")
    south.synced()
    north = bench.client("north", "caps")
    north.synced()
    north.link.cut(noticed_after_s=20.0)
    north.publish("events/north", b"into the void")
    bench.run_for(19.0)
    assert not north.facts
    assert not south.facts
    assert north.next() == LinkDown("the broker does not answer")
    north.link.restore()
    assert north.synced() == [LinkUp(resumed=True), LinkSynced()]


def test_a_cable_that_is_back_before_anybody_noticed_was_still_lost(bench: VirtualBench) -> None:
    north = bench.client("north")
    north.synced()
    north.link.cut(noticed_after_s=20.0)
    bench.run_for(5.0)
    north.link.restore()
    assert north.synced() == [LinkDown("the connection was lost"), LinkUp(resumed=True), LinkSynced()]
    bench.run_for(30.0)
    assert not north.facts


def test_what_was_on_its_way_to_us_comes_again(bench: VirtualBench) -> None:
    south = bench.client("south", "events/north")
    south.synced()
    north = bench.client("north")
    north.synced()
    for number in range(20):
        north.publish("events/north", b"%d" % number)
    first = [south.message()[1] for _ in range(5)]
    south.link.cut()
    rest = payloads([*south.facts])
    south.facts.clear()
    bench.run_for(1.0)
    south.link.restore()
    assert [*first, *rest, *payloads(south.synced())] == [b"%d" % number for number in range(20)]


def test_retained_messages_come_once_although_the_cable_was_cut_between_them(bench: VirtualBench) -> None:
    server = bench.client("server")
    server.synced()
    for number in range(20):
        server.publish(f"holds/{number}", b"held", retain=True)
    bench.run_for(1.0)
    north = bench.client("north", "holds/+")
    north.messages(5)
    north.link.cut()
    north.of(LinkDown)
    north.link.restore()
    assert len(payloads(north.synced())) == 20


def test_no_sync_is_told_of_a_connection_that_is_lost(bench: VirtualBench) -> None:
    north = bench.client("north")
    north.of(LinkUp)
    north.link.cut()
    bench.run_for(5.0)
    assert list(north.facts) == [LinkDown("the network is unreachable")]


def test_a_loose_contact_leads_to_one_connection(bench: VirtualBench) -> None:
    north = bench.client("north")
    north.synced()
    bench.broker.latency_s = lambda: 0.01
    for _ in range(5):
        north.link.cut()
        north.link.restore()
    bench.run_for(5.0)
    assert list(north.facts) == [LinkDown("the network is unreachable"), LinkUp(resumed=True), LinkSynced()]
    assert bench.broker._sessions["north"].connections == 2


def test_no_fact_comes_after_the_end(bench: VirtualBench) -> None:
    one, two = bench.client("one", "events/+"), bench.client("two", "events/+")
    north = bench.client("north")
    for client in (one, two, north):
        client.synced()
    bench.broker.latency_s = lambda: 0.1
    north.publish("events/north", b"all but there")
    bench.run_for(0.15)
    one.link.close()
    two.link.die()
    bench.run_for(60.0)
    assert not one.facts
    assert not two.facts
    assert payloads(bench.client("one", "events/+").synced()) == [b"all but there"]


def test_a_device_that_has_not_noticed_its_cable_hears_nothing_of_its_broker(bench: VirtualBench) -> None:
    north = bench.client("north")
    north.synced()
    north.link.cut(noticed_after_s=20.0)
    bench.broker.stop()
    bench.run_for(19.0)
    assert not north.facts
    assert north.next() == LinkDown("the broker does not answer")


def test_what_was_on_its_way_from_us_is_lost_and_not_acknowledged(bench: VirtualBench) -> None:
    south = bench.client("south", "events/north")
    south.synced()
    north = bench.client("north")
    north.synced()
    north.publish("events/north", b"under way")
    north.link.cut()
    bench.run_for(1.0)
    north.link.restore()
    assert not any(isinstance(fact, Delivered) for fact in north.synced())
    assert not south.facts
    north.publish("events/north", b"arrives, but we do not hear of it")
    south.message()
    north.link.cut()
    north.link.restore()
    assert not any(isinstance(fact, Delivered) for fact in north.synced())
    north.publish("events/north", b"arrives")
    assert north.next() == Delivered(1)


def test_acknowledgements_are_counted(bench: VirtualBench) -> None:
    north = bench.client("north")
    north.synced()
    for _ in range(50):
        north.publish("events/north", b"x")
    counts: list[int] = []
    while sum(counts) < 50:
        counts.append(north.of(Delivered).count)
    assert sum(counts) == 50
    bench.run_for(1.0)
    assert not north.facts


def test_only_what_is_to_be_counted_is(bench: VirtualBench) -> None:
    north = bench.client("north")
    north.synced()
    north.publish("lanes/north", b"x", retain=True, counted=False)
    north.publish("events/north", b"x")
    assert north.of(Delivered).count == 1
    bench.run_for(1.0)
    assert not north.facts


def test_a_will_comes_when_the_keep_alive_has_run_out(bench: VirtualBench) -> None:
    watcher = bench.client("watcher", "status/+")
    watcher.synced()
    north = bench.client("north")
    north.synced()
    cut_at = bench.clock.monotonic()
    north.link.die()
    assert watcher.message() == ("status/north", b"vanished", False)
    assert bench.clock.monotonic() == pytest.approx(cut_at + 22.5, abs=0.1)
    assert bench.broker.retained[topic("status/north")] == b"vanished"


def test_a_will_comes_once_and_not_for_a_later_connection(bench: VirtualBench) -> None:
    watcher = bench.client("watcher", "status/+")
    watcher.synced()
    north = bench.client("north")
    north.synced()
    north.link.cut()
    bench.run_for(10.0)
    north.link.restore()  # the broker learns only now that the first connection is dead
    assert watcher.message() == ("status/north", b"vanished", False)
    north.synced()
    bench.run_for(10.0)
    north.link.cut()
    cut_at = bench.clock.monotonic()
    assert watcher.message() == ("status/north", b"vanished", False)
    assert bench.clock.monotonic() == pytest.approx(cut_at + 22.5, abs=0.1)


def test_two_clients_of_one_name_throw_each_other_out(bench: VirtualBench) -> None:
    one = bench.client("north")
    one.synced()
    bench.client("north").synced()
    assert one.next() == LinkDown("another client uses the name north")


def test_a_broker_that_stops_forgets_wills_and_keeps_the_rest(bench: VirtualBench) -> None:
    watcher = bench.client("watcher", "status/+", "caps")
    watcher.synced()
    north = bench.client("north")
    north.synced()
    north.publish("caps", b"kept", retain=True)
    watcher.message()
    bench.broker.stop()
    assert watcher.next() == LinkDown("the broker is down")
    north.link.die(noticed=True)
    bench.run_for(100.0)
    assert not watcher.facts
    bench.broker.start()
    assert watcher.synced() == [
        LinkUp(resumed=True),
        MessageReceived(topic("caps"), b"kept", retained=True),
        LinkSynced(),
    ]
    bench.run_for(100.0)
    assert not watcher.facts


def test_a_client_that_comes_while_the_broker_is_down_waits_for_it(bench: VirtualBench) -> None:
    bench.broker.stop()
    north = bench.client("north")
    assert north.next() == LinkDown("connection refused")
    bench.run_for(100.0)
    assert not north.facts
    bench.broker.start()
    assert north.synced() == [LinkUp(resumed=False), LinkSynced()]


def test_intermittent_faults_come_and_go_until_steady(bench: VirtualBench) -> None:
    north = bench.client("north")
    north.synced()
    for faulty in (bench.broker, north.link):
        faulty.intermittent(up_s=10.0, down_s=5.0)
        bench.run_for(47.0)
        assert [type(fact) for fact in north.facts] == [LinkDown, LinkUp, LinkSynced] * 3
        faulty.steady()
        bench.run_for(5.0)
        north.facts.clear()
        bench.run_for(100.0)
        assert not north.facts


def test_an_absent_clients_queue_is_bounded(bench: VirtualBench) -> None:
    south = bench.client("south", "events/+")
    south.synced()
    south.link.cut()
    north = bench.client("north")
    north.synced()
    for number in range(1010):
        north.publish("events/north", b"%d" % number)
    bench.run_for(10.0)
    south.link.restore()
    received = payloads(south.synced())
    assert received == [b"%d" % number for number in range(1000)]
    assert bench.broker.dropped == 10


def test_a_link_that_is_down_is_heard_although_the_inbox_was_full(bench: VirtualBench) -> None:
    north = bench.client("north")
    north.synced()
    north.room = False
    north.link.cut()
    bench.run_for(1.0)
    north.link.restore()
    bench.run_for(3.0)
    north.link.cut()
    bench.run_for(1.0)
    north.room = True
    north.link.restore()
    assert isinstance(north.synced()[0], LinkDown)


def test_topics_of_the_broker_itself_need_to_be_asked_for(bench: VirtualBench) -> None:
    facts: list[Fact] = []
    bench.broker.link("all", lambda fact: facts.append(fact) is None, ["#", "+/x"])
    bench.broker.link("system", lambda fact: facts.append(fact) is None, ["$SYS/#"])
    bench.run_for(1.0)
    facts.clear()
    bench.broker.route(Publish("$SYS/x", b"1"))
    bench.run_for(1.0)
    assert facts == [MessageReceived("$SYS/x", b"1", retained=False)]


# --- whatever happens -----------------------------------------------------------------------------

NAMES = ["north", "south", "west"]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.sampled_from(NAMES), st.integers(1, 8)),
        st.tuples(st.just("cut"), st.sampled_from(NAMES), st.sampled_from([0.0, 3.0])),
        st.tuples(st.just("restore"), st.sampled_from(NAMES), st.none()),
        st.tuples(st.just("stop"), st.none(), st.none()),
        st.tuples(st.just("start"), st.none(), st.booleans()),
        st.tuples(st.just("wait"), st.none(), st.sampled_from([0.001, 0.01, 0.5, 5.0, 30.0])),
    ),
    max_size=40,
)


def play(story: Sequence[tuple], seed: int) -> list[tuple[str, list[Fact]]]:
    """Let devices publish numbers to each other while cables and broker fail; at the end all is mended."""
    bench = VirtualBench(seed)
    clients = {name: bench.client(name, "events/+") for name in NAMES}
    sent = dict.fromkeys(NAMES, 0)
    for what, who, value in story:
        if what == "publish":
            for _ in range(value):
                clients[who].publish(f"events/{who}", b"%d" % sent[who])
                sent[who] += 1
        elif what == "cut":
            clients[who].link.cut(noticed_after_s=value)
        elif what == "restore":
            clients[who].link.restore()
        elif what == "stop":
            bench.broker.stop()
        elif what == "start":
            bench.broker.start(wiped=value)
        else:
            bench.run_for(value)
    bench.run_for(60.0)
    for client in clients.values():
        client.link.restore()
    if not bench.broker.up:
        bench.broker.start()
    bench.run_for(60.0)
    for client in clients.values():
        check_grammar(client)
        client.publish(f"events/{client.name}", b"last")
    bench.run_for(60.0)
    for client in clients.values():
        last = {topic(f"events/{name}") for name in NAMES}
        assert {
            fact.topic for fact in client.facts if isinstance(fact, MessageReceived) and fact.payload == b"last"
        } == last
    return [(name, list(client.facts)) for name, client in clients.items()]


def check_grammar(client: VirtualClient) -> None:
    """Up, synced, down, in this order; messages only while up; each sender's in the order of sending, once."""
    up = synced = False
    newest = dict.fromkeys((topic(f"events/{name}") for name in NAMES), -1)
    for fact in client.facts:
        if isinstance(fact, LinkUp):
            assert not up
            up, synced = True, False
        elif isinstance(fact, LinkSynced):
            assert up
            assert not synced
            synced = True
        elif isinstance(fact, LinkDown):
            up = False
        else:
            assert up
        if isinstance(fact, MessageReceived):
            assert int(fact.payload) > newest[fact.topic]
            newest[fact.topic] = int(fact.payload)
    assert up
    assert synced


@settings(max_examples=80)
@given(steps, st.integers(0, 9))
def test_facts_keep_their_grammar_and_the_same_seed_gives_the_same_facts(story: list[tuple], seed: int) -> None:
    assert play(story, seed) == play(story, seed)


def test_receivers_are_found_by_topic_once(bench: VirtualBench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def count(filters: Sequence[list[str]], levels: list[str]) -> bool:
        asked.append("/".join(levels))
        return True

    for name in NAMES:
        bench.client(name, "events/+").synced()
    sender = bench.client("sender")
    sender.synced()
    monkeypatch.setattr("simulators.wires.bus._wanted", count)
    for _ in range(100):
        sender.publish("events/north", b"x")
    bench.run_for(5.0)
    assert len(asked) == 2 * 4  # each session is asked once whether it wants the topic, and how


def test_a_virtual_broker_needs_no_reconnection_rule_of_its_own(bench: VirtualBench) -> None:
    broker = VirtualBroker(
        bench.clock, bench.world.call_at, latency_s=lambda: 0.0, reconnect_s=lambda: 7.0, keepalive_s=4.0
    )
    facts: list[tuple[float, Fact]] = []
    link = broker.link("north", lambda fact: facts.append((bench.clock.monotonic(), fact)) is None)
    bench.run_for(1.0)
    link.cut()
    link.restore()
    bench.run_for(20.0)
    assert [(moment, type(fact)) for moment, fact in facts] == [
        (0.0, LinkUp),
        (0.0, LinkSynced),
        (1.0, LinkDown),
        (8.0, LinkUp),
        (8.0, LinkSynced),
    ]
