"""What every device of a site has: a history, alerts, commands, a status, and a link that comes and goes.

A controller holds one station and hands it each fact first; what is left is the controller's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

from edge.runtime.alerts import Alerts
from edge.runtime.commands import CommandDesk, Handler
from edge.runtime.outbox import RESEND, Outbox
from edge.runtime.ports import Journal
from edge.runtime.step import Recorder, Step
from edge.runtime.vocabulary import (
    CommitFailed,
    Committed,
    Delivered,
    DiskMeasured,
    EventsRead,
    Fact,
    Intent,
    LinkDown,
    LinkSynced,
    LinkUp,
    MeasureDisk,
    MessageReceived,
    Now,
    Publish,
    SetTimer,
    Started,
    TimerFired,
    TrimEvents,
)
from edge.site import contract
from edge.site.contract import AlertKind, CommandName, ContractError

VERSION = version("gatehouse")
TRIM = "trim events"
TRIM_S = 3_600.0
"""How often events past their retention are deleted."""
DISK = "measure disk"
DISK_S = 60.0
"""How often the free space is measured."""
ENOUGH = 1.2
"""So many times the limit must be free again: log files come and go, and an alert would come and go with them."""
REJECTED_WINDOW_S = 10.0
REJECTED_IN_WINDOW = 50
"""So many bad messages are recorded in a window; the rest of a flood is dropped in silence."""

Listener = Callable[[Step, Mapping[str, str], Any], None]
"""Takes a parsed message: what the topic's placeholders stood for, and the payload (None when empty)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a device is, and what its journal remembers of it."""

    site: str
    device: str
    journal: str
    boot: int
    last_seq: int
    clean: bool
    state: Mapping[str, Any]

    @classmethod
    def of(cls, site: str, device: str, journal: Journal) -> Identity:
        """Read it from an opened journal."""
        return cls(site, device, journal.id, journal.boot, journal.last_seq, journal.clean, journal.state())

    def topic(self, row: str, **names: str) -> str:
        """A topic of this site, by its row in the contract's table; ``device`` is ours where not given."""
        built = contract.TOPICS[row]
        given = {"device": self.device, **names}
        return built.build(self.site, **{key: given[key] for key in built.parameters if key != "site"})

    def saved(self, prefix: str) -> dict[str, Any]:
        """The journal's keys with this prefix."""
        return {key: value for key, value in self.state.items() if key.startswith(prefix)}


class Station:
    """The part of a controller that all devices share.

    Args:
        identity: who the device is.
        retention: how long events are kept once the server has them.
        low_mb: less room than this for the journal is an alert, MB.
        echoes: by row, what it says itself and hears again. That counts only until the link is in step: it is
            then what the broker kept from before.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        retention: timedelta,
        low_mb: float,
        echoes: Iterable[str] = (),
    ) -> None:
        self.identity = identity
        self.recorder = Recorder(identity.boot, identity.last_seq)
        self.outbox = Outbox(
            identity.topic("events"), identity.journal, identity.last_seq, int(identity.state.get("acked", 0))
        )
        self.alerts = Alerts(identity.topic, identity.saved("alert/"))
        self.desk = CommandDesk(
            identity.topic("results"), {CommandName.ACK_ALERT: self._acknowledge}, identity.saved("command/")
        )
        self.up = False
        self.synced = False
        self._listeners: dict[str, Listener] = {}
        self._retention = retention
        self._low_mb = low_mb
        self._echoes = frozenset(map(identity.topic, echoes))
        self._since: str | None = None
        self._clock_told: bool | None = None
        self._rejected = 0
        self._rejected_until = 0.0
        self._facts: dict[type[Fact], Callable[[Step, Any], bool]] = {
            Started: self._started,
            Committed: self._committed,
            CommitFailed: self._commit_failed,
            LinkUp: self._linked,
            LinkSynced: self._synced,
            LinkDown: self._unlinked,
            Delivered: self._delivered,
            EventsRead: self._read,
            DiskMeasured: self._measured,
            TimerFired: self._timer,
            MessageReceived: self._message,
        }

    def learn(self, *, commands: Mapping[CommandName, Handler], listeners: Mapping[str, Listener]) -> None:
        """Take over what the controller's parts bring, which are made after their station.

        Args:
            commands: what the device can be told to do.
            listeners: by row of the contract's table, who takes its messages.
        """
        self.desk.learn(commands)
        self._listeners.update(listeners)

    def begin(self, now: Now) -> Step:
        """Start a step."""
        return self.recorder.begin(now)

    def take(self, step: Step, fact: Fact) -> bool:
        """Take a fact; True if it was only the station's business, and the controller need not look at it."""
        handler = self._facts.get(type(fact))
        return handler is not None and handler(step, fact)

    def finish(self, step: Step) -> list[Intent]:
        """End a step: what to perform now."""
        clock_set = step.now.wall is not None
        self.alerts.condition(step, AlertKind.CLOCK_UNSET, not clock_set)
        if clock_set != self._clock_told and self.up:
            self._tell_status(step)
        self.outbox.recorded(step)
        return self.recorder.finish(step)

    # --- facts ------------------------------------------------------------------------------------

    def _started(self, step: Step, _: Started) -> bool:
        known = self.identity.state.get("version", VERSION)
        reason = "upgrade" if known != VERSION else "boot" if self.identity.clean else "crash"
        step.event("device.started", {"reason": reason, "version": VERSION})
        if self.identity.state.get("version") != VERSION:
            step.put("version", VERSION)
        self._since = _since(step.now.wall)
        step.do(SetTimer(TRIM, 1.0))
        step.do(SetTimer(DISK, 1.0))
        return False

    def _committed(self, step: Step, fact: Committed) -> bool:
        for intent in self.recorder.committed(fact.number):
            step.do(intent)
        for intent in self.outbox.committed(self.recorder.committed_seq):
            step.do(intent)
        self.alerts.condition(step, AlertKind.STORAGE_FAULT, False)
        return False

    def _commit_failed(self, step: Step, fact: CommitFailed) -> bool:
        self.alerts.condition(step, AlertKind.STORAGE_FAULT, True, error=fact.error)
        return False

    def _linked(self, step: Step, _: LinkUp) -> bool:
        self.up, self.synced = True, False
        self.alerts.condition(step, AlertKind.LINK_DOWN, False)
        self._tell_status(step)
        return False

    def _synced(self, step: Step, _: LinkSynced) -> bool:
        self.synced = True
        self.alerts.linked(step)
        for intent in self.outbox.linked():
            step.do(intent)
        return False

    def _unlinked(self, step: Step, fact: LinkDown) -> bool:
        self.up = self.synced = False
        self.outbox.unlinked()
        self.alerts.condition(step, AlertKind.LINK_DOWN, True, error=fact.error)
        return False

    def _delivered(self, step: Step, fact: Delivered) -> bool:
        for intent in self.outbox.delivered(fact.count):
            step.do(intent)
        return True

    def _read(self, step: Step, fact: EventsRead) -> bool:
        for intent in self.outbox.read(fact.events):
            step.do(intent)
        return True

    def _measured(self, step: Step, fact: DiskMeasured) -> bool:
        free_mb = fact.free_bytes // 1_000_000
        limit_mb = self._low_mb * (ENOUGH if AlertKind.DISK_LOW in self.alerts.active else 1)
        low = free_mb < limit_mb
        self.alerts.condition(step, AlertKind.DISK_LOW, low, free_mb=free_mb)
        if low and step.now.wall is not None:
            step.do(TrimEvents(self.outbox.acked_seq, step.now.wall))  # what the server has goes first
        return True

    def _timer(self, step: Step, fact: TimerFired) -> bool:
        if fact.name == RESEND:
            for intent in self.outbox.timer():
                step.do(intent)
        elif fact.name == TRIM:
            step.do(SetTimer(TRIM, TRIM_S))
            if step.now.wall is not None:
                step.do(TrimEvents(self.outbox.acked_seq, step.now.wall - self._retention))
        elif fact.name == DISK:
            step.do(SetTimer(DISK, DISK_S))
            step.do(MeasureDisk())
        else:
            return self.alerts.timer(step, fact.name)
        return True

    # --- messages ---------------------------------------------------------------------------------

    def _message(self, step: Step, fact: MessageReceived) -> bool:
        if self.synced and fact.topic in self._echoes:
            return True
        try:
            row, names, payload = contract.parse(fact.topic, fact.payload)
        except ContractError as error:
            self._reject(step, fact.topic, str(error))
            return True
        own = names.get("device") == self.identity.device
        if isinstance(payload, contract.Command):
            self.desk.take(step, payload, retained=fact.retained, live=self.synced)
        elif isinstance(payload, contract.Ack) and own:
            for intent in self.outbox.acked(payload.journal, payload.acked_seq):
                step.do(intent)
        elif row.name == "alerts" and own and payload is not None:
            self.alerts.heard(step, names["alert"])
        listener = self._listeners.get(row.name)
        if listener is None:
            return not isinstance(payload, contract.Command)
        try:
            listener(step, names, payload)
        except ContractError as error:  # right in itself, and more than anybody can hold
            self._reject(step, fact.topic, str(error))
        return False

    def _reject(self, step: Step, topic: str, error: str) -> None:
        """Record a bad message; of a flood only the first few, or it would fill the disk."""
        if step.now.mono_s >= self._rejected_until:
            self._rejected_until = step.now.mono_s + REJECTED_WINDOW_S
            self._rejected = 0
        self._rejected += 1
        if self._rejected <= REJECTED_IN_WINDOW:
            step.event("message.rejected", {"topic": contract.shown_topic(topic)[:200], "error": error})

    def _acknowledge(self, step: Step, command: Any) -> str | None:
        return self.alerts.acknowledge(step, command.alert, command.by)

    def _tell_status(self, step: Step) -> None:
        self._clock_told = step.now.wall is not None
        payload = self._status("online", self._since, clock_set=self._clock_told)
        step.do(Publish(self.identity.topic("status"), payload, retain=True))

    def last_word(self, wall: datetime | None) -> Publish:
        """What the broker is to say when the device is gone.

        Args:
            wall: the time now, while the device starts; None while the clock is unset.
        """
        payload = self._status("offline", _since(wall), clock_set=wall is not None)
        return Publish(self.identity.topic("status"), payload, retain=True)

    def _status(self, state: str, since: str | None, *, clock_set: bool) -> bytes:
        return contract.encode(
            contract.Status.model_validate(
                {
                    "state": state,
                    "boot": self.identity.boot,
                    "since": since,
                    "version": VERSION,
                    "journal": self.identity.journal,
                    "clock": "set" if clock_set else "unset",
                }
            )
        )


def _since(wall: datetime | None) -> str | None:
    return None if wall is None else wall.isoformat(timespec="seconds")
