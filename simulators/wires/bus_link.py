"""A device's connection to a `VirtualBroker`: what is under way, and what is lost with a cable."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from edge.runtime.ports import Post
from edge.runtime.vocabulary import Delivered, Fact, LinkDown, LinkSynced, LinkUp, MessageReceived, Publish
from simulators.wires.flapper import Flapper

if TYPE_CHECKING:
    from simulators.wires.bus import VirtualBroker

FULL_INBOX_S = 0.05
"""When a full inbox is tried again."""


class VirtualLink:
    """A device's connection to a `VirtualBroker`: the `Link` port, with facts as the real link gives them."""

    def __init__(
        self,
        broker: VirtualBroker,
        name: str,
        post: Post,
        subscriptions: Sequence[str],
        *,
        will: Publish | None,
        farewell: Publish | None,
        as_published: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.filters = [each.split("/") for each in subscriptions]
        self.as_published = [each.split("/") for each in as_published]
        self.will = will
        self.slow_s = 0.0
        self.dropped = 0
        self._broker = broker
        self._post = post
        self._farewell = farewell
        self._cut = True
        self.ended = False
        self._up = False
        self._attempt = 0
        self._flapper = Flapper(broker.later, self.cut, self.restore)
        self._inbound: deque[tuple[float, Fact | None]] = deque()
        self._outbound: deque[tuple[float, Publish | None]] = deque()
        self._unacked = 0
        self._told_down = False

    def publish(self, intent: Publish) -> None:
        """Send if the link is up; else the message is dropped and counted."""
        if self._up:
            self._send(intent)
        else:
            self.dropped += 1

    def close(self) -> None:
        """Publish the last word, say goodbye. No fact comes any more."""
        if self._up:
            if self._farewell is not None:
                self._send(self._farewell)
            self._send(None)
        self.ended = True
        self._up = False
        self._attempt += 1

    def die(self, *, noticed: bool = False) -> None:
        """End as a power cut does. ``noticed``: only the process died, so the broker learns of it at once."""
        self.ended = True
        self._disconnect(noticed_after_s=0.0 if noticed else None)

    def cut(self, *, noticed_after_s: float = 0.0) -> None:
        """Pull the cable. Until the device notices, what it publishes vanishes."""
        if self._cut:
            return
        self._cut = True
        if noticed_after_s > 0 and self._up:
            self._disconnect(still_up=True)
            self._broker.later(noticed_after_s, partial(self._notice, self._attempt))
        else:
            self._disconnect()
            self._fall("the network is unreachable")

    def restore(self) -> None:
        """Plug the cable in again."""
        if not self._cut:
            return
        self._cut = False
        if self._up:  # nobody had noticed
            self._fall("the connection was lost")
        self.connect_soon(first=self._attempt == 0)

    def intermittent(self, up_s: float, down_s: float) -> None:
        """Lose the connection again and again, until `steady`."""
        self._flapper.begin(up_s, down_s)

    def steady(self) -> None:
        """End `intermittent` and have the cable in."""
        self._flapper.end()
        self.restore()

    # --- between the link and its broker ------------------------------------------------------

    def connect_soon(self, *, first: bool = False) -> None:
        """Try to connect once the back-off has passed."""
        if self.ended or self._cut or self._up:
            return
        self._attempt += 1
        wait_s = 0.0 if first else self._broker.reconnect_s()
        self._broker.call_at(self._due(wait_s), partial(self._connect, self._attempt))

    def lose(self, error: str) -> None:
        """The connection is gone, and the device sees it; unless its cable is out and it has not noticed even that."""
        if self._cut and self._up:
            return
        self._disconnect()
        self._fall(error)
        self.connect_soon()

    def enqueue(self, fact: Fact | None) -> None:
        """Put a fact on its way to the device; None stands for acknowledgements."""
        broker = self._broker
        due = broker.clock.monotonic() + broker.latency_s() + broker.slow_s + self.slow_s
        self._inbound.append((due, fact))
        broker.call_at(due, self._deliver)

    def _notice(self, attempt: int) -> None:
        if attempt == self._attempt:
            self._fall("the broker does not answer")

    def _due(self, wait_s: float) -> float:
        return self._broker.clock.monotonic() + wait_s + self._broker.latency_s() + self._broker.slow_s + self.slow_s

    def _connect(self, attempt: int) -> None:
        if attempt != self._attempt or self.ended or self._cut or self._up:
            return
        if not self._broker.up:
            self._fall("connection refused")  # the broker's start will try again
            return
        known = self._broker.accept(self)
        self.enqueue(LinkUp(known))
        for message in self._broker.backlog(self):
            self.enqueue(message)

    def _subscribed(self, attempt: int) -> None:
        if attempt != self._attempt:
            return
        for message in self._broker.subscribe(self):
            self.enqueue(message)
        self.enqueue(LinkSynced())

    def _deliver(self) -> None:
        if self.ended:
            return
        inbound = self._inbound
        now = self._broker.clock.monotonic()
        while inbound and inbound[0][0] <= now:  # a faster one behind waits for the first: nothing overtakes
            fact = inbound[0][1]
            if not self._post(Delivered(self._unacked) if fact is None else fact):
                self._broker.call_at(now + FULL_INBOX_S, self._deliver)
                return
            inbound.popleft()
            if fact is None:
                self._unacked = 0
            elif isinstance(fact, LinkUp):
                self._up, self._told_down = True, False
                self._broker.call_at(self._due(0.0), partial(self._subscribed, self._attempt))

    def _send(self, intent: Publish | None) -> None:
        if self._cut:
            return  # into the void: nobody has noticed yet
        due = self._due(0.0)
        self._outbound.append((due, intent))
        self._broker.call_at(due, self._arrive)

    def _arrive(self) -> None:
        outbound = self._outbound
        now = self._broker.clock.monotonic()
        while outbound and outbound[0][0] <= now:
            intent = outbound.popleft()[1]
            if intent is None:
                self._broker.goodbye(self)
                self._disconnect()
                return
            self._broker.route(intent)
            if intent.counted:
                self._unacked += 1
                if self._unacked == 1 and not self.ended:
                    self.enqueue(None)

    def _disconnect(self, *, still_up: bool = False, noticed_after_s: float | None = None) -> None:
        """Forget what is under way; the broker keeps what did not arrive here, and notices in its time."""
        undelivered = [fact for _, fact in self._inbound if isinstance(fact, MessageReceived) and not fact.retained]
        # a full inbox may not have taken it yet, and the device must hear it
        untold = [entry for entry in self._inbound if isinstance(entry[1], LinkDown)]
        self._inbound.clear()
        self._inbound.extend(untold)
        self._outbound.clear()
        self._unacked = 0
        self._up = self._up and still_up
        self._attempt += 1
        patience_s = 1.5 * self._broker.keepalive_s if noticed_after_s is None else noticed_after_s
        self._broker.release(self, undelivered, noticed_after_s=patience_s)

    def _fall(self, error: str) -> None:
        """Tell the device, once, that the link is down."""
        self._up = False
        if not self.ended and not self._told_down:
            self._told_down = True
            now = self._broker.clock.monotonic()
            self._inbound.append((now, LinkDown(error)))
            self._broker.call_at(now, self._deliver)
