"""One connection to one broker address, from the first packet to the last, on the link's thread."""

from __future__ import annotations

import logging
import secrets
import selectors
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.matcher import MQTTMatcher
from paho.mqtt.reasoncodes import ReasonCode

from edge.runtime.link.outlet import UNTOLD_S, Outlet
from edge.runtime.link.terms import Account, Ending, How
from edge.runtime.link.version import KEEP_ALIVE_TIMEOUT, SESSION_TAKEN_OVER, UNSUPPORTED_VERSION, Version
from edge.runtime.link.waiting import WINDOW, Waiting
from edge.runtime.link.wire import decrypted, without_delay, words
from edge.runtime.vocabulary import Delivered, LinkSynced, LinkUp, MessageReceived, Publish

CONNECT_S = 5.0
"""Patience with an address, for TCP and again for the broker's answer."""

RESYNC_S = 10.0
"""When the sync marker is sent again, if neither it nor any message has come."""

SYNC_TRIES = 4
"""A broker that returns none of so many markers has taken us but does not deliver."""

TURN_S = 1.0
"""Longest pause between two looks at the keep-alive."""

GOODBYE_S = 2.0
"""Patience with the broker's acknowledgement of our last word."""

MESSAGE_LIMIT = 5 * 1024 * 1024
"""Bytes of a payload; longer ones are not handed over. The broker's limit is the same."""

_log = logging.getLogger(__name__)


class Connection:
    """A connection that lives as long as `run` runs. `publish`, `leave` and `lose` may be called from other threads.

    Args:
        account: who we are.
        address: host and port.
        version: what to speak.
        renew: make subscriptions of a session anew whose messages are to say how they were published.
            mosquitto 2.0.11 keeps the options that they had.
        wake: the reading end of a pair of sockets; bytes on it make `run` look at what is to be sent.
        poke: writes to the other end.
        outlet: where facts go. While the inbox is full nothing is read, so the broker waits too.
        monotonic: real time.

    Attributes:
        subscribed: the broker has confirmed our subscriptions.
    """

    def __init__(
        self,
        account: Account,
        address: tuple[str, int],
        version: Version,
        *,
        renew: bool,
        wake: socket.socket,
        poke: Callable[[], None],
        outlet: Outlet,
        monotonic: Callable[[], float],
    ) -> None:
        self._account = account
        self._address = address
        self._version = version
        self._renew = renew
        self._wake = wake
        self._poke = poke
        self._outlet = outlet
        self._monotonic = monotonic
        self._waiting = Waiting(monotonic)
        self._acknowledged = 0
        self._up_since: float | None = None
        self.subscribed = False
        self._marker = Publish(account.sync_topic, b'{"id":"%s"}' % secrets.token_hex(8).encode())
        self._resync_at: float | None = None
        self._sync_tries = 0
        self._leaving = False
        self._leave_by: float | None = None
        self._left = False
        self._error = ""
        self._how = How.FAILED
        self._refusal_told = False
        self._topics = [*account.subscriptions, account.sync_topic]
        wanted: Any = MQTTMatcher()  # paho types none of it
        for each in account.subscriptions:
            wanted[each] = True
        self._matching: Callable[[str], Iterable[object]] = wanted.iter_match
        self._client = self._make_client()

    # --- from other threads -------------------------------------------------------------------

    @property
    def up_since(self) -> float | None:
        """When the broker took us; None before."""
        return self._up_since

    def publish(self, intent: Publish) -> bool:
        """Send a message, in order. False: too much waits already; the connection is given up."""
        taken = self._waiting.put(intent)
        self._poke()
        return taken

    def leave(self) -> None:
        """Send what waits and the last word, then disconnect."""
        self._leaving = True
        self._poke()

    def lose(self, error: str) -> None:
        """Give the connection up without a word."""
        self._error = error
        self._poke()

    # --- on the link's thread -----------------------------------------------------------------

    def run(self) -> Ending:
        """Connect and converse until it ends, one way or another."""
        try:
            self._client.connect(*self._address, keepalive=self._account.keepalive_s, **self._version.connect)
        except OSError as error:
            return Ending(words(error), None, How.FAILED)
        with selectors.DefaultSelector() as selector:
            wire = self._client.socket()
            if wire is not None:
                selector.register(wire, selectors.EVENT_READ)
                selector.register(self._wake, selectors.EVENT_READ)
                try:
                    self._converse(selector, wire)
                finally:
                    wire.close()
        return Ending(self._error or "the broker closed the connection", self._up_since, self._how)

    def _converse(self, selector: selectors.BaseSelector, wire: Any) -> None:
        answer_by = self._monotonic() + CONNECT_S
        interest = selectors.EVENT_READ
        while self._client.socket() is not None and not self._error:
            wanted = 0 if self._outlet.full else selectors.EVENT_READ
            unread = wanted and decrypted(wire)
            if self._client.want_write():
                wanted |= selectors.EVENT_WRITE
            if wanted != interest:
                interest = self._watch(selector, wire, interest, wanted)
            if unread:
                self._client.loop_read()
            else:
                self._read(selector.select(UNTOLD_S if self._outlet.full else TURN_S), wire)
            if self._acknowledged:
                self._outlet.tell(Delivered(self._acknowledged))
                self._acknowledged = 0
            self._outlet.flush()
            now = self._monotonic()
            if self._waiting.stuck:
                self._error = f"the broker acknowledges too little: {len(self._waiting)} messages wait"
            elif self._up_since is not None:
                self._send_what_waits(now)
            elif now >= answer_by or self._leaving:
                self._error = "no answer from the broker"
            if self._client.want_write():
                self._client.loop_write()
            self._client.loop_misc()

    def _watch(self, selector: selectors.BaseSelector, wire: Any, interest: int, wanted: int) -> int:
        if not interest:
            selector.register(wire, wanted)
        elif wanted:
            selector.modify(wire, wanted)
        else:
            selector.unregister(wire)
        return wanted

    def _read(self, ready: Sequence[tuple[selectors.SelectorKey, int]], wire: Any) -> None:
        for key, events in ready:
            if key.fileobj is self._wake:
                self._wake.recv(4096)
            elif events & selectors.EVENT_READ and key.fileobj is wire:
                self._client.loop_read()

    def _send_what_waits(self, now: float) -> None:
        if self._resync_at is not None and now >= self._resync_at:
            if self._sync_tries == SYNC_TRIES:
                self._error = "the broker took us, but delivers nothing"
                return
            self._waiting.put_own(self._marker, first=True)  # our own backlog says nothing of theirs
            self._sync_tries += 1
            self._resync_at = now + RESYNC_S
        if self._leaving and self._leave_by is None:
            self._leave_by = now + GOODBYE_S
            self._waiting.put_own(self._account.farewell)
        self._waiting.send(lambda intent: self._client.publish(intent.topic, intent.payload, 1, intent.retain).mid)
        if self._leave_by is None:
            return
        if self._left:
            if now >= self._leave_by + GOODBYE_S:
                self._error = "the broker does not take our goodbye"
        elif not self._waiting.on_the_wire or now >= self._leave_by:
            self._left = True
            self._client.disconnect()

    # --- paho's callbacks: what they raise ends the thread, so they only note -------------------

    def _make_client(self) -> paho.Client:
        account = self._account
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=account.name,
            protocol=self._version.protocol,
            reconnect_on_failure=False,
            **self._version.client,
        )
        client.connect_timeout = CONNECT_S
        if account.tls is not None:
            client.tls_set_context(account.tls)  # pyright: ignore[reportUnknownMemberType]
        if account.username is not None:
            client.username_pw_set(account.username, account.password)
        client.will_set(account.will.topic, account.will.payload, qos=1, retain=account.will.retain)
        client.on_socket_open = without_delay
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        return client

    def _on_connect(self, client: paho.Client, _data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            self._error = f"the broker refuses us: {reason}"
            if reason == UNSUPPORTED_VERSION:
                self._how = How.VERSION_REFUSED
            return
        account, version = self._account, self._version
        self._waiting.window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        self._up_since = self._monotonic()
        self._outlet.tell(LinkUp(bool(flags.session_present)))
        if flags.session_present and account.as_published and self._renew:
            client.unsubscribe(list(account.as_published))
        options: dict[str, Any] = dict.fromkeys(account.as_published, version.as_published)
        client.subscribe([(topic, options.get(topic, version.plain)) for topic in self._topics])

    def _on_subscribe(
        self, _client: paho.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        refused = [topic for topic, reason in zip(self._topics, reasons, strict=False) if reason.is_failure]
        if refused:
            self._error = f"the broker refuses the subscription to {', '.join(refused)}"
        else:
            self.subscribed = True
            self._resync_at = self._monotonic()

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            _log.warning("a message was dropped: its topic is not UTF-8")
            return
        if self._resync_at is not None and self._sync_tries:
            self._resync_at = self._monotonic() + RESYNC_S  # much may lie before the marker on a slow line
        if topic == self._account.sync_topic:
            if message.payload == self._marker.payload and self._resync_at is not None:
                self._resync_at = None
                self._outlet.tell(LinkSynced())
        elif len(message.payload) > MESSAGE_LIMIT:
            _log.warning("a message was dropped: %s, %d bytes", topic, len(message.payload))
        elif any(self._matching(topic)):
            # else an older configuration asked for it: the session remembers, and cannot be asked what
            self._outlet.tell(MessageReceived(topic, bytes(message.payload), message.retain))

    def _on_publish(self, _client: paho.Client, _data: Any, mid: int, reason: ReasonCode, _properties: Any) -> None:
        intent = self._waiting.acknowledged(mid)
        if reason.is_failure and not self._refusal_told:
            self._refusal_told = True
            _log.warning("the broker refuses what we publish on %s: %s", intent.topic, reason)
        self._acknowledged += intent.counted

    def _on_disconnect(self, client: paho.Client, _data: Any, flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if self._error or self._leave_by is not None:
            return
        if flags.is_disconnect_packet_from_server:
            self._error = f"the broker closed the connection: {reason}"
            if reason == SESSION_TAKEN_OVER:
                self._how = How.TAKEN_OVER
        elif reason == KEEP_ALIVE_TIMEOUT:
            self._error = f"the broker does not answer (keep-alive of {client.keepalive} s)"
        else:
            self._how = How.HUNG_UP
