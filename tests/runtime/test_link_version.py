"""Which version of MQTT a link speaks, and what version 5 tells it that 3.1.1 cannot."""

from __future__ import annotations

import queue
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from edge.runtime.link import MqttLink
from edge.runtime.link.version import V5, V311, Version
from edge.runtime.vocabulary import LinkDown, LinkSynced, LinkUp, MessageReceived
from tests.brokers import PATIENCE_S, EmbeddedBench, MosquittoBench, OldLink, OldMosquittoBench, RealBench, topic
from tests.fake_broker import DISCONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, Wire, fake_broker, packet

CLOSED = "the broker closed the connection"
RIVAL = "it seems that another client uses the name north"
UP = [LinkUp(resumed=False), LinkSynced()]


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """No fake broker acknowledges a goodbye."""
    monkeypatch.setattr("edge.runtime.link.connection.GOODBYE_S", 0.05)
    monkeypatch.setattr("edge.runtime.link.connection.TURN_S", 0.01)


def serve(wire: Wire) -> None:
    """Let the client up and in sync."""
    wire.hello()
    for kind, body in wire.packets():
        if kind == SUBSCRIBE:
            wire.suback(body, 1)
        elif kind == PUBLISH:
            wire.publish("sync/north", wire.payload(body))
            return


class Visited:
    """Notes who comes, answers version 5 in one way, serves 3.1.1; and then hangs up."""

    def __init__(self, answer: Callable[[Wire], None]) -> None:
        self._answer = answer
        self._versions: queue.Queue[Version] = queue.Queue()

    def __call__(self, wire: Wire) -> None:
        self._versions.put(wire.version)
        (self._answer if wire.version is V5 else serve)(wire)
        wire.hang_up()

    def by(self, count: int) -> list[Version]:
        """The versions of the next clients."""
        return [self._versions.get(timeout=PATIENCE_S) for _ in range(count)]


def saying(raw: str) -> Callable[[Wire], None]:
    return lambda wire: wire.send(bytes.fromhex(raw))


# --- a broker that knows 3.1.1 only -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "next_time"),
    [
        (saying("20020001"), V311),
        (saying("2003008400"), V311),  # as version 5 says it
        (saying("20020000"), V5),  # accepted, in 3.1.1: what it took us for nobody knows
        (saying("20020005"), V5),  # refused, in 3.1.1, and not for the version
        (lambda _: None, V5),  # it hangs up
    ],
)
def test_nobody_hears_that_it_was_asked_in_version_5(answer: Callable[[Wire], None], next_time: Version) -> None:
    """Who says that it does not know version 5 is not asked again; who hangs up may have had another reason."""
    visited = Visited(answer)
    with fake_broker(visited) as bench:
        north = bench.client("north")
        assert north.synced() == UP
        assert visited.by(2) == [V5, V311]
        for _ in range(2):
            assert north.of(LinkDown).error.startswith(CLOSED)
            assert north.synced() == UP
            expected = [V311] if next_time is V311 else [V5, V311]
            assert visited.by(len(expected)) == expected


def test_each_address_is_remembered_by_itself() -> None:
    old, new = Visited(saying("20020001")), Visited(serve)
    with fake_broker(new) as second:
        with fake_broker(old) as first:
            north = second.client("north", addresses=[("127.0.0.1", each.port) for each in (first, second)])
            assert north.synced() == UP
            assert old.by(2) == [V5, V311]
        north.of(LinkDown)
        assert north.synced() == UP
        assert new.by(1) == [V5]


def test_who_refuses_us_in_version_5_is_not_asked_in_another() -> None:
    visited = Visited(saying("2003008700"))
    with fake_broker(visited) as bench:
        north = bench.client("north")
        assert north.next() == LinkDown(f"127.0.0.1:{bench.port}: the broker refuses us: Not authorized")
        assert visited.by(3) == [V5, V5, V5]


def test_who_refuses_version_5_and_then_us_is_quoted() -> None:
    with fake_broker(saying("20020004"), only_311=True) as bench:
        north = bench.client("north")
        error = f"127.0.0.1:{bench.port}: the broker refuses us: Bad user name or password"
        assert north.next() == LinkDown(error)


def test_a_silent_broker_is_not_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would keep us from the next address for twice as long."""
    monkeypatch.setattr("edge.runtime.link.connection.CONNECT_S", 0.05)
    came: queue.Queue[Version] = queue.Queue()
    with fake_broker(lambda wire: came.put(wire.version)) as silent, fake_broker(serve) as bench:
        north = bench.client("north", addresses=[("127.0.0.1", each.port) for each in (silent, bench)])
        assert north.synced() == UP
        assert came.get_nowait() is V5
        assert came.empty()


@pytest.mark.parametrize(("make", "version"), [(MosquittoBench, V5), (EmbeddedBench, V311)])
def test_what_is_spoken_with_brokers_that_we_know(
    make: Callable[..., RealBench], version: Version, tmp_path: Path
) -> None:
    with ExitStack() as opened:
        bench = make(tmp_path) if make is MosquittoBench else make()
        opened.callback(bench.close)
        north = bench.client("north")
        assert north.synced() == UP
        assert north.link._connection._version is version
        assert north.link._only_311 == (set() if version is V5 else {("127.0.0.1", bench.port)})


# --- what was published to be retained --------------------------------------------------------------------


@pytest.mark.parametrize("make", [MosquittoBench, OldMosquittoBench])
def test_a_command_that_waited_for_us_says_how_it_was_published(make: type[MosquittoBench], tmp_path: Path) -> None:
    with ExitStack() as opened:
        bench = make(tmp_path)
        opened.callback(bench.close)
        server = bench.client("server", "commands/north")
        north = bench.client("north", "commands/north", as_published=["commands/north"])
        for client in (server, north):
            client.synced()
        bench.vanish(north)
        server.publish("commands/north", b"kept", retain=True)
        server.publish("commands/north", b"passing")
        server.messages(2)
        north = bench.client("north", "commands/north", as_published=["commands/north"])
        missed = [(fact.payload, fact.retained) for fact in north.synced() if isinstance(fact, MessageReceived)]
        assert sorted(missed) == [
            (b"kept", bench.says_as_published),  # it waited
            (b"kept", True),  # and it was retained
            (b"passing", False),
        ]


def test_a_session_of_3_1_1_goes_on_in_version_5(tmp_path: Path) -> None:
    """A device is updated; or a broker hung up on version 5 once, and the next connection is one of 3.1.1."""
    with ExitStack() as opened:
        bench = MosquittoBench(tmp_path)
        opened.callback(bench.close)
        server = bench.client("server", "commands/north")
        server.synced()
        for bench.kind, says_so in [(OldLink, False), (MqttLink, True)]:
            north = bench.client("north", "commands/north", as_published=["commands/north"])
            waited = MessageReceived(topic("commands/north"), b"waited", retained=False)
            assert (waited in north.synced()) == (bench.kind is MqttLink)
            server.publish("commands/north", b"kept", retain=True)
            assert north.message() == ("commands/north", b"kept", says_so)
            server.message()
            north.link.close()
            server.publish("commands/north", b"waited")
            server.message()


def test_subscriptions_are_made_anew_only_where_another_version_may_have_left_them() -> None:
    """Between the end of the old one and the new one a command could be lost."""
    lives = iter(["cut short", "whole", "whole", "not in version 5", "whole", "whole"])
    seen: queue.Queue[tuple[Version, bool]] = queue.Queue()

    def talk(wire: Wire) -> None:
        life, anew = next(lives, "whole"), False
        if life != "not in version 5":
            wire.hello(resumed=True)
            for kind, body in wire.packets():
                anew |= kind == UNSUBSCRIBE
                if kind == PUBLISH or (kind == SUBSCRIBE and life == "cut short"):
                    break
                if kind == SUBSCRIBE:
                    wire.suback(body, 1)
            seen.put((wire.version, anew))
        wire.hang_up()

    with fake_broker(talk) as bench:
        bench.client("north", "commands/north", as_published=["commands/north"])
        assert [seen.get(timeout=PATIENCE_S) for _ in range(5)] == [
            (V5, True),
            (V5, True),  # for the one before was not confirmed
            (V5, False),
            (V311, False),
            (V5, True),
        ]


# --- why the broker ends a connection ---------------------------------------------------------------------


def parting(*reason: int) -> Callable[[Wire], None]:
    def talk(wire: Wire) -> None:
        serve(wire)
        wire.send(packet(DISCONNECT, bytes(reason)))

    return talk


def test_a_broker_that_says_who_took_our_place_is_believed_at_once() -> None:
    with fake_broker(parting(0x8E)) as bench:
        north = bench.client("north", patient=True)
        assert north.synced() == UP
        assert north.next() == LinkDown(f"{CLOSED}: Session taken over: {RIVAL}")


def test_a_broker_that_says_another_reason_is_no_sign_of_a_rival() -> None:
    with fake_broker(parting(0x8B)) as bench:
        north = bench.client("north")
        for _ in range(5):
            assert north.synced() == UP
            assert north.next() == LinkDown(f"{CLOSED}: Server shutting down")


def test_a_broker_that_says_it_heard_nothing_from_us_is_not_silent_itself() -> None:
    with fake_broker(parting(0x8D)) as bench:
        north = bench.client("north", patient=True)
        assert north.synced() == UP
        assert north.next() == LinkDown(f"{CLOSED}: Keep alive timeout")
