"""An encrypted link trusts one authority, says in a line why it does not talk, and leaves nothing in TLS's buffer."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.runtime.vocabulary import LinkDown, LinkSynced, LinkUp, MessageReceived
from edge.settings.shared import Broker
from tests.authority import Authority
from tests.brokers import MosquittoBench, RealClient, TlsMosquittoBench
from tests.fake_broker import PUBLISH, SUBSCRIBE, Wire, fake_broker

# paho lets go of a socket whose handshake failed, and the interpreter closes it
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket")

MANY = 200
"""Messages that lie together in one record of TLS."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[TlsMosquittoBench]:
    bench = TlsMosquittoBench(tmp_path)
    yield bench
    bench.close()


@pytest.fixture
def clear(tmp_path: Path) -> Iterator[MosquittoBench]:
    directory = tmp_path / "clear"
    directory.mkdir()
    bench = MosquittoBench(directory)
    yield bench
    bench.close()


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[TlsMosquittoBench]:
    """A broker that knows its clients by their certificates."""
    bench = TlsMosquittoBench(tmp_path, "require_certificate true\nuse_identity_as_username true\n")
    yield bench
    bench.close()


def refused(client: RealClient) -> str:
    return client.of(LinkDown).error.partition(": ")[2]


def test_a_broker_of_another_authority_is_not_trusted(bench: TlsMosquittoBench, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger = bench.client("north", tls=Authority(tmp_path / "other").trusted())
    assert refused(stranger) == "the broker's certificate is not trusted: self-signed certificate in certificate chain"


def test_a_broker_of_another_name_is_not_trusted(bench: TlsMosquittoBench) -> None:
    client = bench.client("north", addresses=[("127.0.0.1", bench.port)])
    assert refused(client).startswith("the broker's certificate is not trusted: IP address mismatch")


def test_a_client_in_the_clear_is_not_taken(bench: TlsMosquittoBench) -> None:
    assert refused(bench.client("north", tls=None, patient=True))
    assert bench.client("south").synced() == [LinkUp(resumed=False), LinkSynced()]


def test_a_broker_in_the_clear_is_refused(bench: TlsMosquittoBench, clear: MosquittoBench) -> None:
    client = bench.client("north", addresses=[("localhost", clear.port)], patient=True)
    assert refused(client)
    with pytest.raises(queue.Empty):
        client.facts.get_nowait()


def test_a_device_is_known_by_its_certificate(asking: TlsMosquittoBench) -> None:
    certificate, key = asking.authority.of_the_device("north")
    settings = Broker.model_validate(
        {"ca_file": asking.authority.ca_file, "certificate_file": certificate, "certificate_key_file": key}
    )
    north = asking.client("north", "events/north", tls=settings.tls())
    north.synced()
    north.publish("events/north", b"1")
    assert north.message() == ("events/north", b"1", False)


def test_a_device_without_a_certificate_is_not_taken(asking: TlsMosquittoBench) -> None:
    assert refused(asking.client("north", patient=True)) == "the broker closed the connection"


def test_messages_of_one_record_arrive_without_waiting_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.runtime.link.connection.GOODBYE_S", 0.05)
    authority = Authority(tmp_path)

    def talk(wire: Wire) -> None:
        wire.hello()
        for kind, body in wire.packets():
            if kind == SUBSCRIBE:
                wire.suback(body, 0, 0)
            elif kind == PUBLISH:
                messages = [wire.message("caps", b"%d" % number) for number in range(MANY)]
                wire.send(b"".join(messages) + wire.message("sync/north", wire.payload(body)))
                break

    with fake_broker(talk, tls=authority.as_a_broker("localhost")) as broker:
        north = broker.client(
            "north", "caps", addresses=[("localhost", broker.port)], tls=authority.trusted(), patient=True
        )
        heard = [north.next() for _ in range(MANY + 2)]
    assert isinstance(heard[-1], LinkSynced)
    received = [fact.payload for fact in heard if isinstance(fact, MessageReceived)]
    assert received == [b"%d" % number for number in range(MANY)]
