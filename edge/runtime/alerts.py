"""Alerts are a table: what each kind means to a guard, how fast it comes, and what ends it.

Logic reports *conditions* that hold or not and *incidents* that happened; the table says what follows.
Texts and procedures stand in the catalogues under ``alert.<kind>.title`` and ``alert.<kind>.step1`` ….

The guard hears of an alert at once; its event and its state go to the disk meanwhile. Were that the other way
round, a disk that fails would keep its own alert, and that of a fire, to itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

from edge.runtime.step import Step
from edge.runtime.vocabulary import Publish, SetTimer
from edge.site import contract
from edge.site.contract import AlertKind, Severity

Ends = Literal["cause", "acknowledged"]
K, CRITICAL, WARNING, INFO = AlertKind, Severity.CRITICAL, Severity.WARNING, Severity.INFO


class Row(NamedTuple):
    """How one kind of alert behaves.

    Attributes:
        severity: critical alerts ask for somebody at once.
        ends: with its cause, or when a guard has acknowledged it (for what happened and is over).
        delay_s: a condition shorter than this is no alert; an incident is one at once.
        cooldown_s: after its end the same kind is not raised again for so long.
        steps: length of the procedure in the catalogues.
    """

    severity: Severity
    ends: Ends
    delay_s: float
    cooldown_s: float
    steps: int


TABLE: Mapping[AlertKind, Row] = {
    #                      severity  ends            delay  cooldown steps
    K.FEVER: Row(CRITICAL, "cause", 0, 0, 5),
    K.FIRE: Row(CRITICAL, "cause", 0, 0, 3),
    K.FORCED_ENTRY: Row(CRITICAL, "acknowledged", 0, 0, 3),
    K.INVARIANT_BROKEN: Row(CRITICAL, "acknowledged", 0, 60, 2),
    K.TAILGATING: Row(WARNING, "acknowledged", 0, 5, 2),
    K.HELD_OPEN: Row(WARNING, "cause", 0, 5, 2),
    K.ANTI_PASSBACK: Row(WARNING, "acknowledged", 0, 30, 2),
    K.COUNT_DOUBT: Row(WARNING, "acknowledged", 5, 60, 2),
    K.CAP_EXCEEDED: Row(WARNING, "cause", 5, 30, 2),
    K.THERMOMETER_FAULT: Row(WARNING, "cause", 0, 10, 3),
    K.READER_FAULT: Row(WARNING, "cause", 0, 10, 2),
    K.LANE_FAULT: Row(WARNING, "cause", 0, 10, 2),
    K.TAMPER: Row(WARNING, "acknowledged", 0, 60, 3),
    K.CLOCK_UNSET: Row(WARNING, "cause", 5, 0, 2),
    K.LINK_DOWN: Row(WARNING, "cause", 10, 10, 2),
    K.DISK_LOW: Row(WARNING, "cause", 0, 60, 3),
    K.STORAGE_FAULT: Row(WARNING, "cause", 0, 10, 2),
    K.DEVICE_OFFLINE: Row(WARNING, "cause", 10, 10, 2),
}


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert that a guard sees."""

    alert: str
    kind: AlertKind
    raised_at: datetime | None
    acknowledged_by: str | None
    data: Mapping[str, Any]


class Alerts:
    """The active alerts of one device.

    Args:
        topic: builds a topic of the device from its row's name and parameters.
        saved: the journal's keys under ``alert/``.
    """

    def __init__(self, topic: Callable[..., str], saved: Mapping[str, Any]) -> None:
        self._topic = topic
        self.active: dict[str, Alert] = {}
        for row in saved.values():
            raised_at = None if row["raised_at"] is None else datetime.fromisoformat(row["raised_at"])
            self.active[row["alert"]] = Alert(
                row["alert"], AlertKind(row["kind"]), raised_at, row["acknowledged_by"], row["data"]
            )
        self._pending: dict[str, tuple[AlertKind, Mapping[str, Any]]] = {}
        self._quiet_until: dict[str, float] = {}

    def condition(
        self, step: Step, kind: AlertKind, holds: bool, subject: str = "", *, by: str = "cause", **data: Any
    ) -> None:
        """Report whether something holds now; raised after the kind's delay, cleared when it ends (``by`` whom)."""
        if not (holds or self.active or self._pending):  # the usual case, after every fact
            return
        alert = _id(kind, subject)
        if not holds:
            self._pending.pop(alert, None)
            if alert in self.active:
                self.clear(step, alert, by=by)
        elif alert not in self.active and alert not in self._pending:
            self._pending[alert] = (kind, data)
            pause_s = self._quiet_until.get(alert, 0.0) - step.now.mono_s
            delay_s = max(TABLE[kind].delay_s, pause_s)
            if delay_s > 0:
                step.do(SetTimer(f"alert/{alert}", delay_s))
            else:
                self._raise(step, alert)

    def incident(self, step: Step, kind: AlertKind, subject: str = "", **data: Any) -> None:
        """Report that something happened. While its alert is active, or cooling down, it is only counted."""
        alert = _id(kind, subject)
        if alert in self.active:
            count = int(self.active[alert].data.get("count", 1)) + 1
            self._store(step, replace(self.active[alert], data={**self.active[alert].data, **data, "count": count}))
        elif step.now.mono_s >= self._quiet_until.get(alert, 0.0):
            self._pending[alert] = (kind, {**data, "count": 1})
            self._raise(step, alert)

    def acknowledge(self, step: Step, alert: str, by: str) -> str | None:
        """A guard has seen it. Returns an error for an unknown alert."""
        if alert not in self.active:
            return f"no active alert {alert}"
        active = self.active[alert]
        if active.acknowledged_by is None:
            self._store(step, replace(active, acknowledged_by=by))
            self._event(step, "alert.acknowledged", active, by)
        if TABLE[active.kind].ends == "acknowledged":
            self.clear(step, alert, by=by)
        return None

    def clear(self, step: Step, alert: str, *, by: str) -> None:
        """Its cause is gone, or it is dealt with."""
        active = self.active.pop(alert)
        self._quiet_until[alert] = step.now.mono_s + TABLE[active.kind].cooldown_s
        self._event(step, "alert.cleared", active, by)
        step.put(f"alert/{alert}", None)
        step.do(Publish(self._topic("alerts", alert=alert), b"", retain=True))

    def timer(self, step: Step, name: str) -> bool:
        """Take one of our timers; False if it is not ours."""
        prefix, _, alert = name.partition("/")
        if prefix != "alert":
            return False
        if alert in self._pending:
            self._raise(step, alert)
        return True

    def linked(self, step: Step) -> None:
        """Tell the broker what is active."""
        for alert in self.active.values():
            step.do(self._message(alert))

    def heard(self, step: Step, alert: str) -> None:
        """The broker keeps an alert of ours; take it back if it ended while the link was down."""
        if alert not in self.active:
            step.do(Publish(self._topic("alerts", alert=alert), b"", retain=True))

    def _raise(self, step: Step, alert: str) -> None:
        kind, data = self._pending.pop(alert)
        raised = Alert(alert, kind, step.now.wall, None, data)
        self._store(step, raised)
        self._event(step, "alert.raised", raised, None)

    def _store(self, step: Step, alert: Alert) -> None:
        self.active[alert.alert] = alert
        raised_at = None if alert.raised_at is None else alert.raised_at.isoformat(timespec="milliseconds")
        step.put(
            f"alert/{alert.alert}",
            {
                "alert": alert.alert,
                "kind": alert.kind,
                "raised_at": raised_at,
                "acknowledged_by": alert.acknowledged_by,
                "data": dict(alert.data),
            },
        )
        step.do(self._message(alert))

    def _event(self, step: Step, type_: str, alert: Alert, by: str | None) -> None:
        severity = TABLE[alert.kind].severity
        body = {"alert": alert.alert, "kind": alert.kind, "severity": severity, "by": by}
        step.event(type_, {**body, **{key: value for key, value in alert.data.items() if key not in body}})

    def _message(self, alert: Alert) -> Publish:
        message = contract.Alert(
            alert=alert.alert,
            kind=alert.kind,
            severity=TABLE[alert.kind].severity,
            raised_at=alert.raised_at,
            acknowledged_by=alert.acknowledged_by,
            data=dict(alert.data),
        )
        return Publish(self._topic("alerts", alert=alert.alert), contract.encode(message), retain=True)


def _id(kind: AlertKind, subject: str) -> str:
    return f"{kind}-{subject}" if subject else str(kind)
