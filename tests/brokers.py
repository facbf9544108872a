"""Several brokers behind one bench, so that one suite says what a link may expect of any of them.

`MosquittoBench` is the real thing, `OldMosquittoBench` the same in the older version of MQTT,
`TlsMosquittoBench` the same encrypted,
`EmbeddedBench` the demo's, `VirtualBench` the simulation's. A test waits for facts: in real time for at
most `PATIENCE_S`, in virtual time until nothing is due any more.
"""

from __future__ import annotations

import queue
import random
import signal
import socket
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

from edge.runtime.clock import VirtualClock
from edge.runtime.link import MqttLink
from edge.runtime.link.terms import Ending
from edge.runtime.link.version import V311
from edge.runtime.loop import Loop
from edge.runtime.vocabulary import Delivered, Fact, LinkSynced, MessageReceived, Publish
from simulators.embedded_broker import EmbeddedBroker
from simulators.wires.bus import VirtualBroker, VirtualLink
from tests.authority import Authority
from tests.mosquitto import Mosquitto

PATIENCE_S = 20.0
SITE = "gatehouse/test"

F = TypeVar("F", bound=Fact)


def topic(rest: str) -> str:
    return f"{SITE}/{rest}"


def will(name: str) -> Publish:
    return Publish(topic(f"status/{name}"), b"vanished", retain=True)


def farewell(name: str) -> Publish:
    return Publish(topic(f"status/{name}"), b"closed", retain=True)


class Client:
    """A device on a link: publishes, and waits for what comes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.link: Any = None

    def next(self) -> Fact:
        raise NotImplementedError

    def publish(self, rest: str, payload: bytes, *, retain: bool = False, counted: bool = True) -> None:
        self.link.publish(Publish(topic(rest), payload, retain, counted))

    def until(self, wanted: Callable[[Fact], bool]) -> list[Fact]:
        """Facts up to the first that is wanted, inclusive."""
        facts = [self.next()]
        while not wanted(facts[-1]):
            facts.append(self.next())
        return facts

    def of(self, kind: type[F]) -> F:
        """The next fact of a kind; others before it are skipped."""
        fact = self.until(lambda fact: isinstance(fact, kind))[-1]
        assert isinstance(fact, kind)
        return fact

    def synced(self) -> list[Fact]:
        return self.until(lambda fact: isinstance(fact, LinkSynced))

    def message(self) -> tuple[str, bytes, bool]:
        """The next message: topic below the site, payload, whether it was a retained one."""
        received = self.of(MessageReceived)
        return received.topic.removeprefix(f"{SITE}/"), received.payload, received.retained

    def delivered(self, count: int) -> None:
        """Wait until the broker has acknowledged so many messages; other facts before that are skipped."""
        while count > 0:
            count -= self.of(Delivered).count

    def messages(self, count: int) -> list[tuple[str, bytes, bool]]:
        return [self.message() for _ in range(count)]


class Bench(Protocol):
    """A broker under test. ``says_as_published``: it can say of live messages whether they are retained."""

    says_as_published: bool

    def client(
        self, name: str, *subscriptions: str, patient: bool = False, as_published: Sequence[str] = ()
    ) -> Client: ...
    def vanish(self, client: Client) -> None: ...
    def plug(self, client: Client, up: bool) -> None: ...
    def stop(self) -> None: ...
    def start(self) -> None: ...
    def close(self) -> None: ...


# --- in real time ---------------------------------------------------------------------------------


class RealClient(Client):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.facts: queue.Queue[Fact] = queue.Queue()
        self.room = True

    def post(self, fact: Fact) -> bool:
        if self.room:
            self.facts.put(fact)
        return self.room

    def next(self) -> Fact:
        return self.facts.get(timeout=PATIENCE_S)

    def wire(self) -> socket.socket:
        return self.link._connection._client.socket()


class RealBench:
    """Links on TCP."""

    kind = MqttLink
    says_as_published = True

    def __init__(self) -> None:
        self._clients: list[RealClient] = []

    @property
    def port(self) -> int:
        raise NotImplementedError

    def client(
        self,
        name: str,
        *subscriptions: str,
        patient: bool = False,
        as_published: Sequence[str] = (),
        addresses: Sequence[tuple[str, int]] | None = None,
        **options: Any,
    ) -> RealClient:
        """A device. ``patient``: it does not try again for an hour."""
        client = RealClient(name)
        options.setdefault("retry_s", (3600.0, 3600.0) if patient else (0.02, 0.1))
        client.link = self.kind(
            name,
            [("127.0.0.1", self.port)] if addresses is None else addresses,
            client.post,
            subscriptions=[topic(each) for each in subscriptions],
            sync_topic=topic(f"sync/{name}"),
            will=will(name),
            farewell=farewell(name),
            as_published=[topic(each) for each in as_published],
            **options,
        )
        self._clients.append(client)
        return client

    def vanish(self, client: Client) -> None:
        """As a process that is killed: the kernel closes its socket."""
        assert isinstance(client, RealClient)
        client.link._closing.set()
        client.wire().shutdown(socket.SHUT_RDWR)
        client.link.close()

    def plug(self, client: Client, up: bool) -> None:
        client.link.plug(up)

    def close(self) -> None:
        for client in self._clients:
            client.room = True
            client.link.close()


class NoBroker(RealBench):
    """Something else listens on a port, or nothing does."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    @property
    def port(self) -> int:
        return self._port


class MosquittoBench(RealBench):
    def __init__(self, directory: Path, *, persistent: bool = False, anonymous: bool = True, more: str = "") -> None:
        super().__init__()
        self.broker = Mosquitto(directory, persistent=persistent, anonymous=anonymous, more=more)
        self.broker.start()

    @property
    def port(self) -> int:
        return self.broker.port

    def stop(self) -> None:
        self.broker.stop()

    def start(self) -> None:
        self.broker.start()

    def close(self) -> None:
        super().close()
        self.broker.stop(signal.SIGKILL)


class OldLink(MqttLink):
    """A link that knows no version but 3.1.1."""

    def _converse(self, address: tuple[str, int]) -> Ending:
        return self._connect(address, V311)


class OldMosquittoBench(MosquittoBench):
    """mosquitto, spoken to in 3.1.1."""

    kind = OldLink
    says_as_published = False


class TlsMosquittoBench(MosquittoBench):
    """mosquitto, encrypted. `more` are further lines of its listener."""

    def __init__(self, directory: Path, more: str = "") -> None:
        self.authority = Authority(directory)
        super().__init__(directory, more=self.authority.of_the_broker("localhost") + more)

    def client(self, name: str, *subscriptions: str, **options: Any) -> RealClient:
        options.setdefault("addresses", [("localhost", self.port)])
        options.setdefault("tls", self.authority.trusted())
        return super().client(name, *subscriptions, **options)


class EmbeddedBench(RealBench):
    says_as_published = False

    def __init__(self) -> None:
        super().__init__()
        self.broker = EmbeddedBroker()
        self.broker.start()

    @property
    def port(self) -> int:
        return self.broker.port

    def stop(self) -> None:
        self.broker.stop()

    def start(self) -> None:
        self.broker.start()

    def close(self) -> None:
        super().close()
        self.broker.stop()


# --- in virtual time ------------------------------------------------------------------------------


class VirtualClient(Client):
    def __init__(self, name: str, bench: VirtualBench) -> None:
        super().__init__(name)
        self.facts: deque[Fact] = deque()
        self.room = True
        self._bench = bench

    def post(self, fact: Fact) -> bool:
        if self.room:
            self.facts.append(fact)
        return self.room

    def next(self) -> Fact:
        while not self.facts:
            assert self._bench.step(), "nothing is due any more"
        return self.facts.popleft()


class VirtualBench:
    """Links in virtual time."""

    says_as_published = True

    def __init__(self, seed: int = 1) -> None:
        chance = random.Random(seed)
        self.clock = VirtualClock(datetime(2026, 3, 9, tzinfo=UTC))
        self.world = Loop(self.clock, lambda _: None)
        self.broker = VirtualBroker(self.clock, self.world.call_at, latency_s=lambda: chance.uniform(0.0005, 0.02))

    def step(self) -> bool:
        """Do the next thing that is due; False when there is none."""
        deadline = self.world.deadline()
        if deadline is not None:
            self.clock.advance_to(deadline)
            self.world.turn()
        return deadline is not None

    def run_for(self, seconds: float) -> None:
        until = self.clock.monotonic() + seconds
        while (deadline := self.world.deadline()) is not None and deadline <= until:
            self.step()
        self.clock.advance_to(until)

    def client(
        self, name: str, *subscriptions: str, patient: bool = False, as_published: Sequence[str] = ()
    ) -> VirtualClient:
        """A device. It tries again after a second, when a test that wants it ``patient`` is over."""
        client = VirtualClient(name, self)
        client.link = self.broker.link(
            name,
            client.post,
            [topic(each) for each in subscriptions],
            will=will(name),
            farewell=farewell(name),
            as_published=[topic(each) for each in as_published],
        )
        return client

    def vanish(self, client: Client) -> None:
        assert isinstance(client.link, VirtualLink)
        client.link.die(noticed=True)

    def plug(self, client: Client, up: bool) -> None:
        (client.link.restore if up else client.link.cut)()

    def stop(self) -> None:
        self.broker.stop()

    def start(self) -> None:
        self.broker.start(wiped=True)

    def close(self) -> None:
        pass
