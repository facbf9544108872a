"""A small library of real processes: a broker, one entrance, the site's own process, and a booking server.

Gates are driven by writing stimuli to their standard input and watched from outside: by what they
print, by what they publish, and by what stands in their journals. Waiting is always for something
that happens, for at most `PATIENCE_S`.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from edge.runtime.clock import WallClock
from edge.runtime.journal import read_journal
from edge.runtime.link import MqttLink
from edge.runtime.loop import Loop, run
from edge.runtime.vocabulary import Event, Fact, LinkSynced, LinkUp, MessageReceived, Publish
from edge.site.contract import EventMessage
from edge.site.tokens import card_token
from simulators.booking_server import BookingServer
from tests.mosquitto import Mosquitto

PATIENCE_S = 30.0
"""For whatever a test waits for; a busy computer may need some of it, a broken program all."""

ROOT = Path(__file__).parents[2]
KEY = "gatehouse-demo"
START = "2026-03-09T10:00:00+08:00"
TODAY = "2026-03-09"
WARM_C = 34.6
STRANGER = 900
"""A reader without a booking."""
APART_S = 0.7
"""Between two people in one beam: one takes 0.4 s, and so soon after it is free it is still the same person.
So it is with whoever stands there when the gate starts."""

ONE_ENTRANCE = """
[site]
name = "demo"
key = "gatehouse-demo"

[broker]
addresses = ["127.0.0.1:1883"]

[storage]
directory = "journals"

[policy]
anti_passback = "hard"
passage_s = 60    # nobody is hurried by a busy computer
reopen_s = 600
face_s = 60
check_s = 60

[screening]
offsets = [{ ambient_c = 22.0, offset_c = 2.0 }]

[devices.north]
kind = "gate"
lock = { pin = 17 }
lamp_green = { pin = 22 }
lamp_red = { pin = 23 }
entry_beam = { pin = 24 }
exit_beam = { pin = 25 }
fire = { pin = 5 }
presence = { pin = 27 }
thermometer = { part = "BAA" }
readers = [
    { side = "entry", path = "/dev/gatehouse/entry" },
    { side = "exit", path = "/dev/gatehouse/exit" },
    { side = "entry", kind = "mqtt" },
]
"""

T = TypeVar("T")


def uid(reader: int) -> str:
    """The number on a reader's card."""
    return f"{0xC0FFEE00 + reader:08X}"


def card(reader: int) -> str:
    """What everybody but the gate knows of it."""
    return card_token(KEY.encode(), uid(reader))


def granted(row: Mapping[str, Any], rights: int) -> bool:
    """Whether a row of ``occupancy`` counts so many rights of the zone as granted."""
    return "stacks" in row["zones"] and row["zones"]["stacks"]["granted"] == rights


class Ended(Exception):
    """The program ended while a test waited for something from it."""


class Heard(Generic[T]):
    """What arrives on other threads, in order."""

    def __init__(self) -> None:
        self._items: list[T] = []
        self._over = False
        self._changed = threading.Condition()

    def add(self, item: T) -> None:
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    @property
    def all(self) -> list[T]:
        with self._changed:
            return list(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def wait(self, fits: Callable[[T], bool], what: str, *, since: int = 0) -> T:
        """The first item from number ``since`` on that fits; it may be there already."""
        deadline = time.monotonic() + PATIENCE_S
        looked_at = since
        with self._changed:
            while True:
                for item in self._items[looked_at:]:
                    if fits(item):
                        return item
                looked_at = max(looked_at, len(self._items))
                if self._over:
                    raise Ended(f"ended before {what}")
                if not self._changed.wait(deadline - time.monotonic()):
                    raise AssertionError(f"{what}: not within {PATIENCE_S:g} s; the last were {self._items[-5:]}")


class Program:
    """A running ``gatehouse``; threads read what it prints, and call back for each piece of it."""

    def __init__(self, *arguments: str, on_line: Callable[[], None] = lambda: None, module: str = "edge.cli") -> None:
        self.lines: Heard[str] = Heard()
        self.errors: Heard[str] = Heard()
        self.over = threading.Event()
        self._on_line = on_line
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self.lines), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self.errors), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def write(self, text: str | bytes) -> None:
        """Write to its standard input; a program that has ended reads nothing."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.write(text.encode() if isinstance(text, str) else text)
            self.process.stdin.flush()

    def ready(self) -> Self:
        self.lines.wait(lambda line: line.endswith(" is ready"), "is ready")
        return self

    def kill(self) -> None:
        self.process.kill()

    def end(self, how: int = signal.SIGTERM) -> int:
        """Ask it to end, and wait for that; the exit code."""
        self.process.send_signal(how)
        return self.ended()

    def ended(self) -> int:
        """Wait for its end; the exit code."""
        code = self.process.wait(PATIENCE_S)
        for reader in self._readers:
            reader.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()
        return code

    def _read(self, stream: Any, heard: Heard[str]) -> None:
        for line in stream:
            heard.add(line.decode().rstrip("\n"))
            self._on_line()
        heard.end()
        self.over.set()


class Gate(Program):
    """A gate, the people before it, and its transcript on standard output."""

    def __init__(
        self, name: str, *arguments: str, on_stimulus: Callable[[], None] = lambda: None, **options: Any
    ) -> None:
        self.name = name
        self._on_stimulus = on_stimulus
        self._free_at = {"entry": APART_S, "exit": APART_S}
        super().__init__(
            "gate", "--device", name, "--simulated", "--stimuli", "-", "--transcript", "-", *arguments, **options
        )

    def do(self, do: str, **keys: Any) -> None:
        """Something happens at the fake wires."""
        self.write(json.dumps({"device": self.name, "do": do, **keys}) + "\n")
        self._on_stimulus()

    def told(self) -> list[dict[str, Any]]:
        """The transcript up to now."""
        return [json.loads(line) for line in self.lines.all if line.startswith("{")]

    def told_last(self, type_: str) -> dict[str, Any]:
        """The last line of this kind."""
        return [line for line in self.told() if line["type"] == type_][-1]

    def tells(self, type_: str, since: int = 0, **keys: Any) -> dict[str, Any]:
        """Wait for a line of the transcript with these keys (of ``data`` for an event)."""

        def fits(line: str) -> bool:
            told: dict[str, Any] = json.loads(line) if line.startswith("{") else {"type": None}
            data: dict[str, Any] = told.get("data", {})
            return told["type"] == type_ and keys.items() <= {**told, **data}.items()

        return json.loads(self.lines.wait(fits, f"{type_} {keys}", since=since))

    def come(self, reader: int) -> None:
        """Stand before the thermometer and tap."""
        self.do("face", skin_c=WARM_C)
        self.do("tap", card=uid(reader))

    def walk_in(self, reader: int) -> None:
        """A reader's way in, from the tap to the far side."""
        since = len(self.lines)
        self.come(reader)
        self.tells("output", since, name="lock", on=True)
        self.walk_through(since)
        self.do("leave")
        self.tells("output", since, name="lock", on=False)

    def walk_through(self, since: int = 0) -> None:
        """Walk through the open lane; nobody steps into a beam that somebody is still in."""
        self.do("pass", at=self._free_at["entry"])
        self._free_at["entry"] = self.tells("visit.passed", since)["at"] + APART_S

    def walk_out(self, reader: int | None = None) -> None:
        """A reader's way out, or that of somebody whose card nobody sees."""
        since = len(self.lines)
        self.do("exit", card=None if reader is None else uid(reader), at=self._free_at["exit"])
        left = self.tells("visit.exited", since, card=None if reader is None else card(reader))
        self._free_at["exit"] = left["at"] + APART_S


class Library:
    """Everything that stands in one library, and ends with the test."""

    def __init__(self, broker: Mosquitto, directory: Path, opened: ExitStack, *, speed: float = 1.0) -> None:
        self.directory = directory
        self.journals = directory / "journals"
        self.config = directory / "site.toml"
        self.config.write_text(ONE_ENTRANCE)
        self.broker = broker
        self.broker.start()
        self.messages: Heard[MessageReceived] = Heard()
        """All that anybody published, as a client hears it."""
        self.received: Heard[tuple[str, EventMessage]] = Heard()
        """What the booking server took: each event once, in order, with its device."""
        self._opened = opened
        self._time = ("--start", START, "--origin", repr(time.time()), "--speed", str(speed))
        start = datetime.fromisoformat(START)
        self._clock = WallClock(timezone(timedelta(hours=8)), speed=speed, start=start)
        self._on_message: Callable[[], None] = lambda: None
        self._steps = 0
        opened.callback(lambda: self.broker.stop(signal.SIGKILL))
        self.link = self._link("watcher", self._heard, ["gatehouse/#"])
        self.server = Server(self._clock, self.received)
        opened.callback(self.server.close)
        self.server_comes()

    def settings(self) -> tuple[str, ...]:
        """The options that join a program to this library."""
        return (
            "--config", str(self.config),
            "--set", f"storage.directory={self.journals}",
            "--set", f'broker.addresses=["127.0.0.1:{self.broker.port}"]',
        )  # fmt: skip

    def gate(self, *arguments: str, name: str = "north", **options: Any) -> Gate:
        """Start a gate; it is not ready yet."""
        gate = Gate(name, *self.settings(), *self._time, *arguments, **options)
        self._opened.callback(self._clear_away, gate)
        return gate

    def site(self, *arguments: str) -> Program:
        """Start the site's own process, which keeps the caps; it is not ready yet."""
        site = Program("site", *self.settings(), *self._time, *arguments)
        self._opened.callback(self._clear_away, site)
        return site

    def open(self, *, cap: int = 100, module: str = "edge.cli") -> Gate:
        """Start both, and wait until the first reader may come: the gate knows its share of the caps."""
        self.site()
        gate = self.gate(module=module)
        self.open_for(range(100), cap=cap)
        self.hears("occupancy/north", lambda row: granted(row, cap))
        return gate.ready()

    def journal(self, name: str = "north") -> list[Event]:
        """What stands on a device's disk."""
        return list(read_journal(self.journals / f"{name}.db"))

    # --- what the booking server does -------------------------------------------------------------------

    def server_comes(self) -> None:
        """It connects to the broker, and says again what the broker is to keep; what it has taken it remembers."""
        server = self.server.server
        server.link = self._link("server", self.server.loop.post, server.subscriptions())
        self.server.loop.post(LinkUp(resumed=False))  # it went up before the server had it

    def server_goes(self) -> None:
        """It leaves the broker."""
        link, self.server.server.link = self.server.server.link, None
        assert link is not None
        link.close()

    def open_for(self, readers: range, *, cap: int = 100) -> None:
        """Caps, and everybody booked for today's only session."""
        session = {"id": "day", "opens": "00:00", "closes": "24:00"}
        self.say("caps", payload={"revision": 1, "building": cap, "zones": {"stacks": cap}, "sessions": [session]})
        rows = [{"booking": f"B-{reader}", "card": card(reader), "zone": "stacks"} for reader in readers]
        self.say("bookings", date=TODAY, session="day", payload={"revision": 1, "bookings": rows})

    def command(self, do: str, *, to: str = "north", **keys: Any) -> None:
        self.say("command", to=to, payload={"do": do, **keys})

    def in_step(self, device: str = "north") -> None:
        """Wait until a device has taken everything that was published by `publish` before."""
        self._steps += 1
        now = self._clock.wall()
        assert now is not None
        times = {"issued_at": now.isoformat(), "expires_at": (now + timedelta(hours=1)).isoformat()}
        self.publish(f"commands/{device}", {"id": f"step {self._steps}", "do": "patrol_done", **times})
        self.hears(f"results/{device}", lambda result: result["id"] == f"step {self._steps}")

    def say(self, do: str, **keys: Any) -> None:
        """The booking server says something."""
        now = self._clock.wall()
        assert now is not None
        self.server.loop.post(Say(do, keys, now))

    # --- what is heard on the broker --------------------------------------------------------------------

    def publish(self, topic: str, payload: Mapping[str, Any] | bytes) -> None:
        """Anybody publishes something below ``gatehouse/demo/``."""
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.link.publish(Publish(f"gatehouse/demo/{topic}", raw))

    def on_topic(self, topic: str, since: int = 0) -> list[dict[str, Any]]:
        """What was published on a topic, from message number ``since`` on."""
        full = f"gatehouse/demo/{topic}"
        return [_json(message) for message in self.messages.all[since:] if message.topic == full and message.payload]

    def hears(
        self, topic: str, fits: Callable[[dict[str, Any]], bool] = lambda _: True, since: int = 0
    ) -> dict[str, Any]:
        """Wait for a message on a topic."""
        full = f"gatehouse/demo/{topic}"
        message = self.messages.wait(
            lambda message: message.topic == full and bool(message.payload) and fits(_json(message)),
            f"a message on {topic}",
            since=since,
        )
        return _json(message)

    def takes(self, type_: str, since: int = 0, device: str = "north", **data: Any) -> EventMessage:
        """Wait until the booking server has taken an event."""
        return self.received.wait(
            lambda item: item[0] == device and item[1].type == type_ and data.items() <= item[1].data.items(),
            f"the server to take {type_} {data}",
            since=since,
        )[1]

    def on_message(self, callback: Callable[[], None]) -> None:
        """Call back for each message, on the link's thread."""
        self._on_message = callback

    def retained(self) -> dict[str, dict[str, Any]]:
        """What the broker keeps now, by topic below ``gatehouse/demo/``: asked by somebody who comes new."""
        facts: Heard[Fact] = Heard()
        self._link("newcomer", facts.add, ["gatehouse/#"]).close()
        return {
            fact.topic.removeprefix("gatehouse/demo/"): _json(fact)
            for fact in facts.all
            if isinstance(fact, MessageReceived) and fact.retained and fact.payload
        }

    def visit(self, name: str) -> None:
        """Somebody connects with this name, and goes: whoever had it is thrown out."""
        self._link(name, lambda _: None, []).close()

    def _heard(self, fact: Fact) -> bool:
        if isinstance(fact, MessageReceived):
            self.messages.add(fact)
            self._on_message()
        return True

    def _link(self, name: str, post: Callable[[Fact], Any], subscriptions: list[str]) -> MqttLink:
        nothing = Publish(f"test/{name}/gone", b"")
        synced: Heard[Fact] = Heard()

        def take(fact: Fact) -> bool:
            post(fact)
            if isinstance(fact, LinkSynced):
                synced.add(fact)
            return True

        link = MqttLink(
            name,
            [("127.0.0.1", self.broker.port)],
            take,
            subscriptions=subscriptions,
            sync_topic=f"test/{name}/sync",
            will=nothing,
            farewell=nothing,
            retry_s=(0.1, 0.5),
        )
        self._opened.callback(link.close)
        synced.wait(lambda _: True, f"{name} on the broker")
        return link

    @staticmethod
    def _clear_away(program: Program) -> None:
        if program.process.poll() is None:
            program.kill()
        program.ended()
        for line in program.errors.all:
            print(line)  # pytest shows it where a test failed


class Say(Fact):
    """Something that the booking server is to say."""

    def __init__(self, do: str, keys: Mapping[str, Any], now: datetime) -> None:
        self.do, self.keys, self.now = do, keys, now


class Server:
    """The booking server on a thread of its own."""

    def __init__(self, clock: WallClock, received: Heard[tuple[str, EventMessage]]) -> None:
        self.server = BookingServer("demo", later=self._later, received=lambda *event: received.add(event))
        self.loop = Loop(clock, self._handle)
        self._over = False
        self._thread = threading.Thread(target=run, args=(clock, [self.loop], lambda: self._over), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over = True
        self.loop.wake.set()
        self._thread.join()

    def _handle(self, fact: Fact) -> None:
        if isinstance(fact, Say):
            self.server.say(fact.do, fact.keys, fact.now)
        else:
            self.server.handle(fact)

    def _later(self, after_s: float, callback: Callable[[], None]) -> None:
        self.loop.call_at(self.loop.clock.monotonic() + after_s, callback)


def _json(message: MessageReceived) -> dict[str, Any]:
    return json.loads(message.payload)
