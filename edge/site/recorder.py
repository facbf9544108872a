"""The recorder: every event of every device, once, on the building's own disk.

Events come at least once and perhaps again; known are those whose device, journal and sequence number
are. What it acknowledges (where no booking server does) covers only what is on disk without a gap, so
that a device never deletes what nobody has. A gap is waited for: the device sends again. It is given up
only when somebody else acknowledged the missing ones, because then nobody will send them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from edge.runtime.vocabulary import Commit, Event, TrimEvents
from edge.site.contract import Ack, EventMessage
from edge.site.history import Forget, Keep

AHEAD: Final = 1000
"""Events of one journal that may be kept beyond a gap; more are not taken, and come again."""

_HAVE: Final = "have/"


@dataclass(slots=True)
class Known:
    """What the history has of one journal.

    Attributes:
        acked_seq: it has all up to here, or what is missing is safe elsewhere.
        ahead: what it has beyond a gap.
        lost: how many events are safe elsewhere and not here; for whoever reads the history's state.
    """

    acked_seq: int = 0
    ahead: set[int] = field(default_factory=set[int])
    lost: int = 0

    def take(self, seq: int) -> bool:
        """Note an event; False when it is known, or too far ahead."""
        if seq <= self.acked_seq or seq in self.ahead:
            return False
        if len(self.ahead) >= AHEAD and seq > self.acked_seq + 1:
            return False
        self.ahead.add(seq)
        self._close_up()
        return True

    def give_up(self, safe_seq: int) -> bool:
        """Wait no longer for what is safe elsewhere; True if that closed a gap."""
        # a device sends in order: an event beyond the gap is here, so those in it are not on their way
        before = self.acked_seq
        while self.ahead and safe_seq >= min(self.ahead) - 1:
            self.lost += min(self.ahead) - 1 - self.acked_seq
            self.acked_seq = min(self.ahead) - 1
            self._close_up()
        return self.acked_seq > before

    def _close_up(self) -> None:
        while self.acked_seq + 1 in self.ahead:
            self.acked_seq += 1
            self.ahead.remove(self.acked_seq)


class BuildingRecorder:
    """Decides what of the devices' messages goes into the history, and what is acknowledged.

    Args:
        saved: the history's state, as read at opening.
        last_seq: number of the newest event in the history.
        acks: whether this site's devices are acknowledged here, and not by a booking server.
    """

    def __init__(self, saved: Mapping[str, Any], last_seq: int, *, acks: bool) -> None:
        self.acks = acks
        self._last_seq = last_seq
        self._known: dict[tuple[str, str], Known] = {}
        self._newest: dict[str, str] = {}
        for key, row in saved.items():
            if key.startswith(_HAVE):
                _, device, journal = key.split("/", 2)
                self._known[device, journal] = Known(row["acked_seq"], set(row["ahead"]), row["lost"])
                if row["newest"]:
                    self._newest[device] = journal
        self._safe: dict[tuple[str, str], int] = {}
        self._number = 0
        self._waiting: deque[tuple[int, str, Ack]] = deque()

    def event(self, device: str, message: EventMessage) -> Keep | None:
        """Take an event; None when it is known."""
        known = self._known.setdefault((device, message.journal), Known())
        if not known.take(message.seq):
            return None
        puts: dict[str, Any | None] = {}
        before = self._newest.get(device)
        if before != message.journal:
            self._newest[device] = message.journal
            if before is not None:
                puts.update(self._row(device, before))
        known.give_up(self._safe.get((device, message.journal), 0))
        puts.update(self._row(device, message.journal))
        self._last_seq += 1
        where = {"device": device, "journal": message.journal, "seq": message.seq, "id": message.id}
        data = {**where, "data": message.data}
        event = Event(self._last_seq, message.at, message.boot, message.mono_s, message.type, data)
        return self._keep(device, message.journal, (event,), puts)

    def acked_elsewhere(self, device: str, ack: Ack) -> Keep | None:
        """Somebody (also this recorder, with a disk it lost) acknowledged a device's events."""
        key = device, ack.journal
        self._safe[key] = max(self._safe.get(key, 0), ack.acked_seq)
        known = self._known.get(key)
        if known is None or not known.give_up(self._safe[key]):
            return None
        return self._keep(device, ack.journal, (), self._row(device, ack.journal))

    def kept(self, number: int) -> dict[str, Ack]:
        """Transactions up to ``number`` are on disk; returns what to acknowledge now, by device."""
        acks: dict[str, Ack] = {}
        while self._waiting and self._waiting[0][0] <= number:
            _, device, ack = self._waiting.popleft()
            if self.acks and ack.acked_seq:
                acks[device] = ack
        return acks

    def all_acks(self) -> dict[str, Ack]:
        """What is on disk of each device's newest journal: for a broker that may have forgotten it."""
        if not self.acks:
            return {}
        waiting = {(device, ack.journal) for _, device, ack in self._waiting}
        acks: dict[str, Ack] = {}
        for device, journal in self._newest.items():
            if (device, journal) not in waiting and self._known[device, journal].acked_seq:
                acks[device] = Ack(journal=journal, acked_seq=self._known[device, journal].acked_seq)
        return acks

    def forget(self, wall: datetime, retention: timedelta) -> Forget:
        """Delete what tells of persons after its retention."""
        return Forget(TrimEvents(self._last_seq, wall - retention))

    def _keep(self, device: str, journal: str, events: tuple[Event, ...], puts: Mapping[str, Any | None]) -> Keep:
        self._number += 1
        self._waiting.append(
            (self._number, device, Ack(journal=journal, acked_seq=self._known[device, journal].acked_seq))
        )
        return Keep(Commit(self._number, events, puts))

    def _row(self, device: str, journal: str) -> dict[str, Any]:
        known = self._known[device, journal]
        newest = self._newest.get(device) == journal
        row = {"acked_seq": known.acked_seq, "ahead": sorted(known.ahead), "lost": known.lost, "newest": newest}
        return {f"{_HAVE}{device}/{journal}": row}
