"""A booking server that speaks the contract: says caps, bookings, passes and commands, and acknowledges events.

It stands on any link, in virtual or in real time, and has what the real one must have: events are taken
once each and in order, and an acknowledgement covers only what came without a gap.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from edge.runtime.ports import Link
from edge.runtime.vocabulary import Fact, LinkUp, MessageReceived, Publish
from edge.site.contract import TOPICS, Ack, ContractError, EventMessage, encode, parse

COMMAND_S = 30.0
"""A command that says nothing else expires after so long, seconds."""
ACK_S = 0.05
"""Acknowledgements are gathered for so long, seconds."""
AHEAD = 10_000
"""Events of one journal that may wait for one before them."""


class _History:
    """What came from one journal of one device."""

    def __init__(self) -> None:
        self.acked_seq = 0
        self.ahead: dict[int, EventMessage] = {}


class BookingServer:
    """The server's side of the contract.

    Args:
        site: name of the site.
        later: calls back after so many seconds.
        received: takes each event once, in order of its journal, with its device.

    Attributes:
        mute: it takes events and acknowledges none: a fault, or a server that is being rebuilt.
    """

    def __init__(
        self,
        site: str,
        *,
        later: Callable[[float, Callable[[], None]], None],
        received: Callable[[str, EventMessage], None] = lambda _device, _event: None,
    ) -> None:
        self.link: Link | None = None
        self.mute = False
        self._site = site
        self._later = later
        self._received = received
        self._histories: dict[tuple[str, str], _History] = {}
        self._unacked: dict[str, str] = {}
        self._retained: dict[str, bytes] = {}
        self._commands = count(1)

    def subscriptions(self, *, resume: bool = False) -> list[str]:
        """What the server listens to; ``resume``: also its own acknowledgements, to go on after a restart."""
        rows = ("acks", "events") if resume else ("events",)
        return [TOPICS[row].filter(self._site) for row in rows]

    def say(self, do: str, keys: Mapping[str, Any], now: datetime) -> None:
        """Do what a scenario's line for the server says; payloads go out as they are, right or wrong.

        Args:
            do: a word of `simulators.scenario.SERVER`.
            keys: what goes with it.
            now: issues commands.
        """
        payload = dict(keys["payload"])
        if do == "command":
            self._command(keys["to"], payload, now, retained=keys.get("retained", False))
            return
        names = {"date": keys["date"], "session": keys["session"]} if do == "bookings" else {}
        row = TOPICS[do]
        self._publish(row.build(self._site, **names), json.dumps(payload, ensure_ascii=False).encode(), row.retained)

    def handle(self, fact: Fact) -> None:
        """Take a fact of the link."""
        if isinstance(fact, LinkUp):
            for topic, payload in self._retained.items():
                self._send(Publish(topic, payload, retain=True))
        elif isinstance(fact, MessageReceived):
            try:
                _, names, event = parse(fact.topic, fact.payload)
            except ContractError:
                return  # not the server's business: its senders have tests of their own
            if isinstance(event, EventMessage):
                self._take(names["device"], event)
            elif isinstance(event, Ack) and fact.retained:
                # the broker's memory of an earlier run: the device will never send what this covers again
                history = self._histories.setdefault((names["device"], event.journal), _History())
                history.acked_seq = max(history.acked_seq, event.acked_seq)

    def _command(self, device: str, payload: dict[str, Any], now: datetime, *, retained: bool) -> None:
        filled = {
            "id": f"command-{next(self._commands)}",
            "issued_at": now.isoformat(timespec="milliseconds"),
            "expires_at": (now + timedelta(seconds=COMMAND_S)).isoformat(timespec="milliseconds"),
            "by": "server",
            **payload,
        }
        topic = TOPICS["commands"].build(self._site, device=device)
        self._send(Publish(topic, json.dumps(filled, ensure_ascii=False).encode(), retain=retained))

    def _take(self, device: str, event: EventMessage) -> None:
        history = self._histories.setdefault((device, event.journal), _History())
        if event.seq > history.acked_seq and len(history.ahead) < AHEAD:
            history.ahead[event.seq] = event
        while history.acked_seq + 1 in history.ahead:
            history.acked_seq += 1
            self._received(device, history.ahead.pop(history.acked_seq))
        if not self._unacked:
            self._later(ACK_S, self._acknowledge)
        self._unacked[device] = event.journal

    def _acknowledge(self) -> None:
        if self.mute:
            self._later(ACK_S, self._acknowledge)
            return
        unacked, self._unacked = self._unacked, {}
        for device, journal in unacked.items():
            ack = Ack(journal=journal, acked_seq=self._histories[device, journal].acked_seq)
            self._publish(TOPICS["acks"].build(self._site, device=device), encode(ack), retain=True)

    def _publish(self, topic: str, payload: bytes, retain: bool) -> None:
        if retain:
            self._retained[topic] = payload
        self._send(Publish(topic, payload, retain=retain))

    def _send(self, message: Publish) -> None:
        if self.link is not None:
            self.link.publish(message)
