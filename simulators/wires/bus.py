"""A broker in virtual time: `VirtualBroker`, and the `VirtualLink` that a device holds instead of a real one.

It behaves as the measured brokers do over MQTT 3.1.1: a message goes to the broker and from there to
each receiver, both ways in order; retained messages come after subscribing; a session outlives its
connection and keeps what arrives meanwhile; a will is published when a connection ends without a
goodbye, also when a client of the same name takes its place (as the standard wants; mosquitto 2.0.11
publishes none then). What was under way when a cable is cut is lost, or comes again.

Faults are plain methods and attributes: ``stop``/``start``, ``slow_s`` and ``intermittent`` of the broker, ``cut``/
``restore``, ``slow_s``, ``intermittent`` and ``die`` of one link.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from edge.runtime.ports import Clock, Post
from edge.runtime.vocabulary import MessageReceived, Publish
from simulators.wires.bus_link import VirtualLink
from simulators.wires.flapper import Flapper

QUEUE_LIMIT = 1_000
"""Messages that a session keeps for an absent client; newer ones are dropped, as mosquitto does."""

ROUTES_LIMIT = 20_000
"""Topics whose receivers are remembered."""

__all__ = ["VirtualBroker", "VirtualLink"]

CallAt = Callable[[float, Callable[[], None]], None]


class _Session:
    """What the broker knows of a client by its name."""

    __slots__ = ("as_published", "connections", "filters", "link", "queue", "will")

    def __init__(self) -> None:
        self.as_published: list[list[str]] = []
        self.connections = 0
        self.filters: list[list[str]] = []
        self.queue: deque[MessageReceived] = deque()
        self.link: VirtualLink | None = None
        self.will: Publish | None = None


class VirtualBroker:
    """Carries messages between links in virtual time.

    Args:
        clock: virtual time.
        call_at: sets a timer on the thread of the simulation.
        latency_s: time of one hop, drawn for each message; seeded by whoever passes it.
        reconnect_s: how long a link waits before it tries again once there is somebody to reach.
        keepalive_s: a client that is silent for one and a half times as long is taken for gone.
    """

    def __init__(
        self,
        clock: Clock,
        call_at: CallAt,
        *,
        latency_s: Callable[[], float],
        reconnect_s: Callable[[], float] = lambda: 1.0,
        keepalive_s: float = 15.0,
    ) -> None:
        self.clock = clock
        self.call_at = call_at
        self.latency_s = latency_s
        self.reconnect_s = reconnect_s
        self.keepalive_s = keepalive_s
        self.slow_s = 0.0
        self.up = True
        self.dropped = 0
        self.retained: dict[str, bytes] = {}
        self._sessions: dict[str, _Session] = {}
        self._links: list[VirtualLink] = []
        self._routes: dict[str, list[tuple[_Session, bool]]] = {}
        self._flapper = Flapper(self.later, self.stop, self.start)

    def link(
        self,
        name: str,
        post: Post,
        subscriptions: Sequence[str] = (),
        *,
        will: Publish | None = None,
        farewell: Publish | None = None,
        as_published: Sequence[str] = (),
    ) -> VirtualLink:
        """Connect a client; its facts go to ``post``.

        ``as_published``: filters whose messages say whether they were published to be kept, as MQTT 5
        can; by others only a message that was kept says so, when it comes after subscribing.
        """
        link = VirtualLink(self, name, post, subscriptions, will=will, farewell=farewell, as_published=as_published)
        self._links = [other for other in self._links if not other.ended]
        self._links.append(link)
        link.restore()
        return link

    def stop(self, error: str = "the broker is down") -> None:
        """End all connections; nobody can connect. Wills are forgotten, as by a real broker that stops."""
        self.up = False
        for session in self._sessions.values():
            session.will = None
        for link in self._links:
            link.lose(error)

    def start(self, *, wiped: bool = False) -> None:
        """Take connections again. ``wiped``: retained messages and sessions did not survive."""
        if self.up:
            self.stop("the broker started again")
        if wiped:
            self.retained.clear()
            self._sessions.clear()
            self._routes.clear()
        self.up = True
        for link in self._links:
            link.connect_soon()

    def intermittent(self, up_s: float, down_s: float) -> None:
        """Come and go, until `steady`."""
        self._flapper.begin(up_s, down_s)

    def steady(self) -> None:
        """End `intermittent` and be up."""
        self._flapper.end()
        if not self.up:
            self.start()

    # --- between the broker and its links -----------------------------------------------------

    def later(self, after_s: float, callback: Callable[[], None]) -> None:
        """Call back after so many seconds."""
        self.call_at(self.clock.monotonic() + after_s, callback)

    def accept(self, link: VirtualLink) -> bool:
        """Take a connection; tells whether its session was known. A client of the same name is thrown out."""
        session = self._sessions.get(link.name)
        known = session is not None
        if session is None:
            session = self._sessions[link.name] = _Session()
        if session.link is not None:
            session.link.lose(f"another client uses the name {link.name}")
        self._bury(session)
        session.link, session.will = link, link.will
        session.connections += 1
        return known

    def subscribe(self, link: VirtualLink) -> list[MessageReceived]:
        """Note what a client wants; returns the retained messages that it gets."""
        session = self._sessions[link.name]
        session.filters, session.as_published = link.filters, link.as_published
        self._routes.clear()
        return [
            MessageReceived(topic, payload, retained=True)
            for topic, payload in self.retained.items()
            if _wanted(link.filters, topic.split("/"))
        ]

    def backlog(self, link: VirtualLink) -> list[MessageReceived]:
        """What was kept for a client while it was away."""
        session = self._sessions[link.name]
        messages = list(session.queue)
        session.queue.clear()
        return messages

    def route(self, message: Publish) -> None:
        """Keep it if it is to be retained, and pass it on."""
        topic, payload = message.topic, message.payload
        if message.retain:
            if payload:
                self.retained[topic] = payload
            else:
                self.retained.pop(topic, None)
        routes = self._routes.get(topic)
        if routes is None:
            if len(self._routes) >= ROUTES_LIMIT:
                self._routes.clear()
            levels = topic.split("/")
            routes = self._routes[topic] = [
                (session, _wanted(session.as_published, levels))
                for session in self._sessions.values()
                if _wanted(session.filters, levels)
            ]
        if routes:
            plain = MessageReceived(topic, payload, retained=False)
            marked = MessageReceived(topic, payload, retained=True) if message.retain else plain
            for session, as_published in routes:
                received = marked if as_published else plain
                if session.link is not None:
                    session.link.enqueue(received)
                else:
                    self.keep(session, received)

    def keep(self, session: _Session, message: MessageReceived) -> None:
        """Hold a message for an absent client."""
        if len(session.queue) < QUEUE_LIMIT:
            session.queue.append(message)
        else:
            self.dropped += 1

    def release(self, link: VirtualLink, undelivered: Sequence[MessageReceived], *, noticed_after_s: float) -> None:
        """End a connection without a goodbye; what it had not delivered will come again."""
        session = self._sessions.get(link.name)
        if session is None or session.link is not link:
            return
        session.link = None
        for message in undelivered:
            self.keep(session, message)
        if session.will is not None:
            self.later(noticed_after_s, partial(self._missed, session, session.connections))

    def goodbye(self, link: VirtualLink) -> None:
        """Forget the will: the client said its last word itself."""
        session = self._sessions.get(link.name)
        if session is not None and session.link is link:
            session.will = None

    def _missed(self, session: _Session, connections: int) -> None:
        if session.link is None and session.connections == connections:
            self._bury(session)

    def _bury(self, session: _Session) -> None:
        """Publish the will that an ended connection left, if it left one."""
        will, session.will = session.will, None
        if will is not None:
            self.route(will)


def _wanted(filters: Sequence[list[str]], levels: list[str]) -> bool:
    return any(_matches(each, levels) for each in filters)


def _matches(wanted: list[str], levels: list[str]) -> bool:
    if levels[0].startswith("$") and wanted[0] in ("+", "#"):
        return False
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(levels) or level not in ("+", levels[index]):
            return False
    return len(wanted) == len(levels)
