"""``gatehouse demo``: a whole simulated site in one process group, and its story in the terminal.

This process is the broker, the booking server, everybody who comes, and the guard. Each gate and the
site's own process are children that know nothing of it: the real programs over a real broker.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from edge.assembly.demo_company import ROOT, Company, DemoError
from edge.assembly.demo_pace import Pace
from edge.assembly.demo_show import open_show
from edge.assembly.process import Stop
from edge.assembly.site import NAME as SITE
from edge.runtime.clock import WallClock
from edge.runtime.config import load
from edge.runtime.link import MqttLink
from edge.runtime.loop import Loop, run
from edge.runtime.vocabulary import Fact, LinkSynced, MessageReceived, Publish
from edge.settings import Building
from edge.site.contract import TOPICS, ContractError, EventMessage, LaneStatus, Mode, parse
from edge.site.tokens import card_token
from simulators.booking_server import BookingServer
from simulators.cast import HalfDay, people
from simulators.crowd import Crowd
from simulators.day import setup
from simulators.embedded_broker import EmbeddedBroker
from simulators.guard import Guard
from simulators.scripts import Happening, Stage
from simulators.story import Story

__all__ = ["HALF_DAY", "DemoError", "run_demo"]

CONFIG = ROOT / "firmware_config" / "demo" / "site.toml"
HALF_DAY = HalfDay(
    visits=76,
    starts="08:50",
    opens_s=600.0,
    closes_s=7800.0,
    early=0.35,
    stays=(0.2, 0.55),
    zones={"stacks-3": 12, "stacks-4": 8, "student-reading": 18, "teacher-reading": 8, "e-reading": 10},
    building=50,
    seed=10,
)
"""Rooms so small that a hundred people fill them, between opening at nine and closing at eleven."""
START = datetime.fromisoformat(f"{HALF_DAY.day}T{HALF_DAY.starts}:00+08:00")
LEAD_S = 0.5
"""Real seconds from the word to begin until the children are ready; by so much the clock starts before `START`."""
PATIENCE_S = (15.0, 0.5)
"""How long people wait for a gate: simulated seconds, and real ones on top."""
ORDER_S = 600.0
"""A guard's command expires after so long, simulated seconds."""
FRAMES = 8
"""Pictures a real second."""


@dataclass(frozen=True, slots=True)
class Letter(Fact):
    """Something came over one of this process's links."""

    fact: Fact
    reader: Callable[[Fact], None]


def run_demo(*, speed: float, duration_s: float | None) -> None:
    """Run until SIGINT or SIGTERM, or for so many real seconds after the site's clock started.

    Raises:
        DemoError: it cannot start, or a process of it died.
        KeyboardInterrupt: SIGINT ended it.
    """
    wake = threading.Event()
    stop = Stop(wake)
    with ExitStack() as opened:
        Demo(speed, stop, wake, opened).play(duration_s)
    stop.raise_error()


class Demo:
    """The site, its people, and who watches them.

    Args:
        speed: simulated seconds a second.
        stop: says when to end.
        wake: set by ``stop``.
        opened: ends what is started, last first.
    """

    def __init__(self, speed: float, stop: Stop, wake: threading.Event, opened: ExitStack) -> None:
        self._speed = speed
        self._stop = stop
        self._opened = opened
        self._building = load(CONFIG, Building, ())
        self._site = self._building.site.name
        self._clock = WallClock(UTC)  # until the site's clock starts
        self._news = Loop(self._clock, self._take, wake=wake)
        self._timers = Loop(self._clock, self._take, wake=wake)
        self._company = Company(stop, self._news)
        self._story = Story(self._site)
        self._show = open_show(self._story, list(self._building.devices), speed)
        self._story.told = self._show.told
        self._server = BookingServer(self._site, later=self._later, received=self._received)
        self._stage = Stage(self._later)
        self._guard = Guard(self._stage, self._act, self._order)
        entrances = tuple(name for name, device in self._building.devices.items() if device.entrance)
        exits = tuple(name for name, device in self._building.devices.items() if not device.entrance)
        self._half_day = replace(HALF_DAY, entrances=entrances, exits=exits)
        self._cast = people(self._half_day)
        self._crowd = Crowd(
            self._cast,
            entrances=entrances,
            exits=exits,
            stage=self._stage,
            act=self._act,
            now_s=self._since_start_s,
            card=self._card,
            patience_s=PATIENCE_S[0] + PATIENCE_S[1] * speed,
        )
        self._left_to_do: list[Callable[[], None]] = []
        self._listening = False
        self._over = False
        self._pace = Pace(speed)
        self._frame_due_s = 0.0

    def play(self, duration_s: float | None) -> None:
        """Start everything, and let the day pass."""
        with self._show.starting():
            broker = EmbeddedBroker()
            broker.start()
            self._opened.callback(broker.stop)
            for line in setup(self._half_day, self._cast, self._card):
                self._server.say(line["do"], line, START)
            self._server.link = self._link("server", broker.port, self._server.subscriptions(), self._server.handle)
            self._link("story", broker.port, self._story.subscriptions(), self._hear)
            self._company.hire([*self._building.devices, SITE], self._opened)
            self._company.wait(lambda: self._listening and self._company.warm)
            self._start_clock(broker.port)
            self._company.wait(lambda: self._company.ready)
        if not self._stop.asked:
            self._begin(duration_s)
            run(self._clock, [self._news, self._timers], lambda: self._over or self._stop.asked)

    # --- the start --------------------------------------------------------------------------------------

    def _link(self, name: str, port: int, topics: Sequence[str], reader: Callable[[Fact], None]) -> MqttLink:
        own = TOPICS["sync"].build(self._site, device=name)
        link = MqttLink(
            f"gatehouse-{self._site}-{name}",
            [("127.0.0.1", port)],
            lambda fact: self._news.post(Letter(fact, reader)),
            subscriptions=topics,
            sync_topic=own,
            will=Publish(own, b""),
            farewell=Publish(own, b""),
        )
        self._opened.callback(link.close)
        return link

    def _start_clock(self, port: int) -> None:
        """From now on it is the site's time, and the children begin."""
        system = self._clock.wall()
        if self._stop.asked or system is None:
            return
        start, origin_s = START - timedelta(seconds=LEAD_S * self._speed), system.timestamp()
        self._clock = WallClock(self._building.site.zone(), speed=self._speed, start=start, origin_s=origin_s)
        self._timers.clock = self._clock
        common = [
            "--config", str(CONFIG), "--set", f'broker.addresses=["127.0.0.1:{port}"]',
            "--start", start.isoformat(), "--speed", str(self._speed), "--origin", repr(origin_s),
        ]  # fmt: skip
        gates = {
            name: ["gate", "--device", name, "--simulated", "--stimuli", "-", *common]
            for name in self._building.devices
        }
        self._company.begin({**gates, SITE: ["site", *common]})

    # --- the day ----------------------------------------------------------------------------------------

    def _begin(self, duration_s: float | None) -> None:
        self._show.begin(self._opened)
        if duration_s is not None:
            self._later(duration_s * self._speed, self._end)
        self._later(max(0.0, -self._since_start_s()), self._open)
        self._frame_due_s = self._clock.monotonic()
        self._timers.call_at(self._frame_due_s, self._frame)

    def _open(self) -> None:
        """People come; when the last one has left, the guard goes through all rooms."""
        self._crowd.begin()
        self._left_to_do = [lambda: self._guard.close(self._half_day.entrances[0]), self._sum_up]

    def _frame(self) -> None:
        """Draw, and again; when nobody does anything any more, the next of what is left to do."""
        advice = self._pace.seen(self._clock.monotonic() - self._frame_due_s)
        if advice is not None:
            self._story.say(self._clock.wall(), "", advice)
        self._show.refresh(self._clock.wall())
        if self._left_to_do and not self._stage.playing:
            self._left_to_do.pop(0)()
        self._frame_due_s = self._clock.monotonic() + self._speed / FRAMES
        self._timers.call_at(self._frame_due_s, self._frame)

    def _sum_up(self) -> None:
        self._story.say(self._clock.wall(), "", f"The morning is over: {self._story.summary()}.")
        self._story.say(self._clock.wall(), "", "Nobody comes any more. Ctrl-C ends the demo.")

    def _end(self) -> None:
        self._over = True

    def _since_start_s(self) -> float:
        return self._clock.monotonic() - LEAD_S * self._speed

    def _later(self, after_s: float, callback: Callable[[], None]) -> None:
        self._timers.call_at(self._clock.monotonic() + after_s, callback)

    def _card(self, uid: str) -> str:
        return card_token(self._building.site.secret(), uid)

    def _act(self, device: str, do: str, **keys: Any) -> None:
        """A stimulus for a gate's wires."""
        self._company.tell(device, json.dumps({"device": device, "do": do, **keys}))

    def _order(self, device: str, payload: Mapping[str, Any]) -> None:
        """A guard's command, as from the guard's screen."""
        now = self._clock.wall()
        if now is not None:
            expires_at = (now + timedelta(seconds=ORDER_S)).isoformat(timespec="milliseconds")
            self._server.say("command", {"to": device, "payload": {**payload, "expires_at": expires_at}}, now)

    # --- what comes in ------------------------------------------------------------------------------------

    def _take(self, fact: Fact) -> None:
        if isinstance(fact, Letter):
            fact.reader(fact.fact)
        else:
            self._company.take(fact)

    def _hear(self, fact: Fact) -> None:
        """The story's link."""
        if isinstance(fact, LinkSynced):
            self._listening = True
        if not isinstance(fact, MessageReceived):
            return
        try:
            row, names, payload = parse(fact.topic, fact.payload)
        except ContractError:
            return
        self._story.hear(row.name, names, payload)
        if isinstance(payload, LaneStatus):
            self._show.lane(names["device"], payload)
            if payload.mode is Mode.NORMAL:
                self._crowd.held.discard(names["device"])
            else:
                self._crowd.held.add(names["device"])

    def _received(self, device: str, event: EventMessage) -> None:
        """The booking server has an event; people and the guard see what it tells."""
        happening = Happening(device, event.type, event.data)
        self._stage.happen(happening)
        self._guard.see(happening)
