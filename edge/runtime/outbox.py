"""Events on their way to the booking server: each is sent until the server says that it has it.

A broker's acknowledgement only frees the window: no broker measured keeps what it acknowledged through
a power cut. An event is done when the retained, cumulative ``acks/{device}`` covers it; after each
reconnection, and when the server has been silent for long, all above is sent again. Receivers
deduplicate by (device, journal, seq).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from edge.runtime import jsontext
from edge.runtime.step import Step
from edge.runtime.vocabulary import Event, Intent, Publish, ReadEvents, SetTimer

WINDOW = 64
"""Messages given to the broker and not acknowledged by it yet."""
TAIL = 1_000
"""Newest events kept in memory, so that the usual way to the broker does not read the disk."""
RESEND_S = 30.0
"""First patience with a server that acknowledges nothing; doubles to `RESEND_MAX_S`."""
RESEND_MAX_S = 3_600.0
SOON_S = 1.0
"""Patience with a server that spoke and did not mean all that was sent: it may have come back, and missed the rest."""
RESEND = "outbox resend"


def encode_event(event: Event, journal: str) -> bytes:
    """The payload of ``events/{device}``."""
    at = None if event.at is None else event.at.isoformat(timespec="milliseconds")
    body = {
        "journal": journal,
        "seq": event.seq,
        "id": f"{journal}-{event.seq}",
        "at": at,
        "boot": event.boot,
        "mono_s": round(event.mono_s, 3),
        "type": event.type,
        "data": event.data,
    }
    return jsontext.encode(body)


class Outbox:
    """Sends committed events in order, a window at a time.

    Args:
        topic: where events go.
        journal: identity of the journal they stand in.
        last_seq: newest event at start.
        acked_seq: what the server is known to have, as saved under the key ``acked``.
    """

    def __init__(self, topic: str, journal: str, last_seq: int, acked_seq: int) -> None:
        self.topic = topic
        self.journal = journal
        self.acked_seq = acked_seq
        self.committed_seq = last_seq
        self._sent_seq = acked_seq
        self._tail: deque[Event] = deque(maxlen=TAIL)
        self._up = False
        self._asked_after: int | None = None  # a read is under way; there is never a second one
        self._in_flight = 0
        self._acked_at_timer = acked_seq
        self._patience_s = RESEND_S
        self._soon = False
        self._heard = False
        self._unsaved = False

    @property
    def backlog(self) -> int:
        """Events on disk that the server is not known to have."""
        return self.committed_seq - self.acked_seq

    def recorded(self, step: Step) -> None:
        """Note what a step recorded; what the server acknowledged meanwhile is saved along with it."""
        self._tail.extend(step.events)
        if step.events and self._unsaved:
            step.put("acked", self.acked_seq)
            self._unsaved = False

    def committed(self, seq: int) -> list[Intent]:
        """Events up to ``seq`` are on disk."""
        self.committed_seq = seq
        return self._pump()

    def linked(self) -> list[Intent]:
        """The link is up and the server's retained word has arrived: send all above it."""
        self._up, self._in_flight, self._heard = True, 0, False
        self._sent_seq = self.acked_seq
        return [SetTimer(RESEND, self._patience_s), *self._pump()]

    def unlinked(self) -> None:
        """The link is gone."""
        self._up = False

    def delivered(self, count: int) -> list[Intent]:
        """The broker acknowledged events; what was sent before the last reconnection is counted no more."""
        self._in_flight = max(0, self._in_flight - count)
        return self._pump()

    def acked(self, journal: str, acked_seq: int) -> list[Intent]:
        """The server has everything up to ``acked_seq``.

        Another journal's or an impossible one is ignored. Whoever says that or an older one, or speaks for the first
        time on this connection, may have been away and have missed the rest.
        """
        if journal == self.journal and self.acked_seq < acked_seq <= self.committed_seq:
            self.acked_seq = acked_seq
            self._sent_seq = max(self._sent_seq, acked_seq)
            self._unsaved = True
            back, self._heard = not self._heard, True
        else:
            back = True
        self._patience_s = RESEND_S
        if back and self._up and self._sent_seq > self.acked_seq and not self._soon:
            self._soon, self._acked_at_timer = True, self.acked_seq
            return [SetTimer(RESEND, SOON_S), *self._pump()]
        return self._pump()

    def read(self, events: Sequence[Event]) -> list[Intent]:
        """Older events came from the disk; if we have gone back since we asked, they would leave a gap."""
        asked_after, self._asked_after = self._asked_after, None
        if asked_after is None or not self._up or (not events and asked_after == self._sent_seq):
            return []
        fitting = events if asked_after <= self._sent_seq else ()
        intents: list[Intent] = [self._send(event) for event in fitting if event.seq > self._sent_seq]
        return [*intents, *self._pump()]

    def timer(self) -> list[Intent]:
        """Patience ran out: if nothing was acknowledged since, the server lost what was sent."""
        intents: list[Intent] = []
        self._soon = False
        if self._up and self._sent_seq > self.acked_seq == self._acked_at_timer:
            self._sent_seq, self._in_flight = self.acked_seq, 0
            self._patience_s = min(2 * self._patience_s, RESEND_MAX_S)
            intents = self._pump()
        self._acked_at_timer = self.acked_seq
        return [SetTimer(RESEND, self._patience_s), *intents]

    def _send(self, event: Event) -> Publish:
        self._sent_seq = event.seq
        self._in_flight += 1
        return Publish(self.topic, encode_event(event, self.journal), counted=True)

    def _pump(self) -> list[Intent]:
        intents: list[Intent] = []
        if not self._up or self._asked_after is not None:
            return intents
        while self._sent_seq < self.committed_seq and self._in_flight < WINDOW:
            first = self._tail[0].seq if self._tail else self.committed_seq + 1
            if self._sent_seq + 1 < first:
                self._asked_after = self._sent_seq
                intents.append(ReadEvents(self._sent_seq, WINDOW - self._in_flight))
                break
            intents.append(self._send(self._tail[self._sent_seq + 1 - first]))
        return intents
