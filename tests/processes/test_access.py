"""Accounts and access list as `gatehouse provision` makes them, at a real broker: who can say and hear what."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.assembly import gate as gates
from edge.assembly import site as sites
from edge.assembly.provision import ACL, PASSWORDS, ProvisionError, provision
from edge.runtime.config import load
from edge.settings import Building
from edge.site.contract import TOPICS
from tests.mosquitto import Mosquitto
from tests.processes.library import Program

DEMO = Path(__file__).parents[2] / "firmware_config" / "demo" / "site.toml"
PATIENCE_S = 10.0
SITE = "gatehouse/demo/"
LOG = "mosquitto.log"
ROOT = "root-of-the-test"
"""An account that may do everything, as the list is of mosquitto's form."""
CARD = "a" * 26
EXAMPLES = (
    "caps", "bookings/2026-03-09/am", "passes", "readers/north", "readers/south", "acks/north", "acks/site", "returns",
    "commands/north", "commands/south", "commands/site", "results/north", "results/south", f"holds/{CARD}",
    "status/north", "status/south", "status/site", "events/north", "events/site", "lanes/north", "lanes/south",
    "occupancy/north", "occupancy/south", "inside/north", "inside/south", "grants/north", "grants/south",
    "requests/north", "requests/south", "zones/stacks-3", "sync/north", "sync/south", "alerts/north/fever",
    "alerts/south/fever", "alerts/site/x", "something/else",
)  # fmt: skip
SHARED = {f"holds/{CARD}", "zones/stacks-3"}
PEERS = {"status/north", "status/south", "status/site", "occupancy/north", "occupancy/south", "inside/north"}
SAYS = {
    "north": SHARED | {
        "results/north", "status/north", "events/north", "lanes/north", "occupancy/north", "inside/north",
        "requests/north", "sync/north", "alerts/north/fever",
    },
    "reader-north": {"readers/north"},
    "site": {"status/site", "events/site", "grants/north", "grants/south", "alerts/site/x"},
    "server": {
        "caps", "bookings/2026-03-09/am", "passes", "acks/north", "acks/site", "commands/north", "commands/south",
        "commands/site",
    },
    "library": {"returns"},
    "console": {"commands/north", "commands/south", "commands/site"},
}  # fmt: skip
"""All that these accounts can say of the examples."""
HEARS = {
    "north": SHARED | PEERS | {
        "caps", "bookings/2026-03-09/am", "passes", "readers/north", "acks/north", "returns", "commands/north",
        "inside/south", "grants/north", "requests/north", "requests/south", "sync/north", "alerts/north/fever",
    },
    "reader-north": set[str](),
    "library": set[str](),
    "server": {"events/north", "events/site", "results/north", "results/south"},
}  # fmt: skip
"""All that these hear of them."""


class Client:
    """A client that notes what it hears; leaves with the test."""

    def __init__(self, port: int, name: str, password: str) -> None:
        self.heard: queue.Queue[str] = queue.Queue()
        self.connected: ReasonCode | None = None
        self._said: dict[int, ReasonCode] = {}
        self._news = threading.Condition()
        client = self._client = paho.Client(CallbackAPIVersion.VERSION2, f"{name}-test", protocol=paho.MQTTv5)
        client.username_pw_set(name, password)
        client.on_message = lambda _, __, message: self.heard.put(message.topic.removeprefix(SITE))
        client.on_connect = self._note_connected
        client.on_publish = self._note_said
        client.connect("127.0.0.1", port)
        client.loop_start()
        self.wait(lambda: self.connected is not None)

    def _note_connected(self, *args: Any) -> None:
        with self._news:
            self.connected = args[3]
            self._news.notify_all()

    def _note_said(self, _: object, __: object, number: int, code: ReasonCode, ___: Properties | None) -> None:
        with self._news:
            self._said[number] = code
            self._news.notify_all()

    def wait(self, done: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(done, PATIENCE_S)

    def say(self, topics: Iterable[str], *, retain: bool = False) -> set[str]:
        """Which of them the broker took."""
        numbers = {topic: self._client.publish(SITE + topic, b"{}", qos=1, retain=retain).mid for topic in topics}
        self.wait(lambda: self._said.keys() >= set(numbers.values()))
        return {topic for topic, number in numbers.items() if not self._said[number].is_failure}

    def subscribe(self, *filters: str) -> None:
        done = threading.Event()
        self._client.on_subscribe = lambda *_: done.set()
        self._client.subscribe([(each, SubscribeOptions(qos=1)) for each in filters])
        assert done.wait(PATIENCE_S)

    def hears_until(self, last: str) -> set[str]:
        heard: set[str] = set()
        while (topic := self.heard.get(timeout=PATIENCE_S)) != last:
            heard.add(topic)
        return heard

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def building() -> Building:
    return load(DEMO, Building)


@pytest.fixture
def accounts(tmp_path: Path, building: Building) -> Path:
    directory = tmp_path / "accounts"
    provision(building, directory)
    return directory


@pytest.fixture
def broker(tmp_path: Path, accounts: Path) -> Generator[Mosquitto]:
    """A broker that has the access list, and an account for the test itself beside it; it notes who connects."""
    root = accounts / f"{ROOT}.password"
    root.write_text((accounts / "north.password").read_text())
    hashes = (accounts / PASSWORDS).read_text()
    north = next(line for line in hashes.splitlines() if line.startswith("north:"))
    (accounts / PASSWORDS).write_text(f"{hashes}{ROOT}:{north.partition(':')[2]}\n")
    (accounts / ACL).write_text(
        f"{(accounts / ACL).read_text()}\nuser {ROOT}\ntopic readwrite #\n"
        # the end of a series, which all may hear
        + "".join(f"\nuser {name}\ntopic read {SITE}end\n" for name in HEARS)
    )
    more = f"password_file {accounts / PASSWORDS}\nacl_file {accounts / ACL}\nlog_dest file {tmp_path}/{LOG}\n"
    broker = Mosquitto(tmp_path, anonymous=False, more=more)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def join(broker: Mosquitto, accounts: Path) -> Generator[Callable[[str], Client]]:
    """Connects an account to the broker."""
    clients: list[Client] = []

    def connect(name: str, password: str | None = None) -> Client:
        secret = (accounts / f"{name}.password").read_text().strip() if password is None else password
        clients.append(Client(broker.port, name, secret))
        return clients[-1]

    try:
        yield connect
    finally:
        for client in clients:
            client.close()


def test_the_examples_stand_for_every_row() -> None:
    assert {example.partition("/")[0] for example in EXAMPLES} == {*TOPICS, "something"}


@pytest.mark.parametrize("name", SAYS)
def test_an_account_says_its_own_and_nothing_else(join: Callable[[str], Client], name: str) -> None:
    assert join(name).say(EXAMPLES) == SAYS[name]


@pytest.mark.parametrize("name", HEARS)
def test_an_account_hears_what_is_for_it_and_nothing_else(join: Callable[[str], Client], name: str) -> None:
    """Retained or not, however it asks."""
    root, client = join(ROOT), join(name)
    root.say(EXAMPLES[::2], retain=True)
    client.subscribe(f"{SITE}#", *(f"{SITE}{example}" for example in EXAMPLES))
    root.say(EXAMPLES[1::2])
    root.say(["end"])
    assert client.hears_until("end") == HEARS[name]


def test_whoever_has_no_account_or_a_wrong_password_does_not_come_in(join: Callable[..., Client]) -> None:
    for name, password in (("north", "guessed"), ("nobody", "x"), ("north", "")):
        client = join(name, password)
        assert client.connected is not None
        assert client.connected.is_failure


def test_a_command_of_somebody_who_may_not_reaches_no_gate(join: Callable[[str], Client]) -> None:
    north = join("north")
    north.subscribe(f"{SITE}commands/north", f"{SITE}end")
    for name in ("reader-north", "site", "library"):
        assert join(name).say(["commands/north"]) == set()
    join(ROOT).say(["end"])
    assert north.hears_until("end") == set()


@pytest.mark.parametrize("name", ["north", "west", "site"])
def test_a_device_hears_all_that_it_asks_for(join: Callable[[str], Client], building: Building, name: str) -> None:
    """With its account nothing that it subscribes is kept from it."""
    asked = sites.subscriptions("demo") if name == "site" else gates.subscriptions(building, name)
    topics = sorted({each.removeprefix(SITE).replace("+", "a") for each in asked})
    client = join(name)
    client.subscribe(*asked, f"{SITE}results/site" if name == "site" else f"{SITE}sync/{name}")
    root = join(ROOT)
    root.say(topics)
    heard = {client.heard.get(timeout=PATIENCE_S) for _ in topics}
    assert heard == set(topics)


def test_a_gate_logs_in_with_its_account_and_promises_its_keep_alive(
    broker: Mosquitto, join: Callable[[str], Client], accounts: Path, tmp_path: Path
) -> None:
    root = join(ROOT)
    root.subscribe(f"{SITE}status/north")
    settings = {
        "storage.directory": tmp_path / "journals", "broker.addresses": f'["127.0.0.1:{broker.port}"]',
        "broker.username": "north", "broker.password_file": accounts / "north.password", "broker.keepalive_s": 7,
    }  # fmt: skip
    options = [f"--set={key}={value}" for key, value in settings.items()]
    gate = Program("gate", "--device=north", "--simulated", f"--config={DEMO}", *options)
    try:
        assert root.heard.get(timeout=PATIENCE_S) == "status/north"
        assert gate.errors.all == []
    finally:
        gate.end()
    connected = [line for line in (tmp_path / LOG).read_text().splitlines() if "as gatehouse-demo-north " in line]
    assert [line.rpartition("(")[2] for line in connected] == ["p5, c0, k7, u'north')."]


# --- the files ----------------------------------------------------------------------------------------------


def test_nobody_else_can_read_the_files(accounts: Path) -> None:
    assert {path.stat().st_mode & 0o077 for path in accounts.iterdir()} == {0}


def test_made_again_what_is_there_stays(accounts: Path, building: Building) -> None:
    before = {path.name: path.read_text() for path in accounts.glob("*.password")}
    assert provision(building, accounts) == []
    assert {path.name: path.read_text() for path in accounts.glob("*.password")} == before


def test_a_device_that_is_new_gets_an_account_and_one_that_is_replaced_another(
    accounts: Path, building: Building
) -> None:
    before = (accounts / "north.password").read_text()
    (accounts / "south.password").unlink()
    assert provision(building, accounts, ["north"]) == ["north", "south"]
    assert (accounts / "north.password").read_text() != before


def test_whom_nobody_knows_nobody_replaces(accounts: Path, building: Building) -> None:
    before = {path: path.read_text() for path in accounts.iterdir()}
    with pytest.raises(ProvisionError, match=r"^east: no such account; there are north, south, west, reader-north, "):
        provision(building, accounts, ["north", "east"])
    assert {path: path.read_text() for path in accounts.iterdir()} == before


def test_no_two_passwords_are_alike(accounts: Path) -> None:
    passwords = [path.read_text().strip() for path in accounts.glob("*.password")]
    assert len(set(passwords)) == len(passwords)
    assert all(len(password) == 32 for password in passwords)


def test_where_the_recorder_acknowledges_the_booking_server_does_not(tmp_path: Path) -> None:
    provision(load(DEMO, Building, ['storage.acks="recorder"']), tmp_path)
    users = dict(block.split("\n", 1) for block in (tmp_path / ACL).read_text().split("\nuser ")[1:])
    assert "topic write gatehouse/demo/acks/+" in users["site"]
    assert "topic write gatehouse/demo/acks/+" not in users["server"]
