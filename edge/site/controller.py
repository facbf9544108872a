"""The building's own process: keeper of the caps, recorder of the history, watchman over the devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from edge.runtime.station import Identity, Station
from edge.runtime.step import Step
from edge.runtime.vocabulary import (
    CommitFailed,
    Committed,
    Fact,
    Intent,
    LinkSynced,
    Now,
    Publish,
    SetTimer,
    Started,
    TimerFired,
)
from edge.site import contract
from edge.site.contract import AlertKind, CommandName
from edge.site.history import FromHistory, Keep
from edge.site.keeper import Change, Keeper, KeeperError
from edge.site.recorder import BuildingRecorder

FORGET = "forget visits"
FORGET_S = 3_600.0
"""How often the history deletes what is past its retention."""


class Site:
    """The controller of ``gatehouse site``.

    Args:
        identity: who it is (the device ``site``) and what its journal remembers.
        entrances: gates that let people in.
        devices: all devices of the site's configuration.
        retention: how long events are kept.
        low_mb: less room than this for the journal is an alert, MB.
        recorder: decides what goes into the building's history.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        entrances: tuple[str, ...],
        devices: tuple[str, ...],
        retention: timedelta,
        low_mb: float,
        recorder: BuildingRecorder,
    ) -> None:
        self._identity = identity
        self._retention = retention
        self._recorder = recorder
        self._devices = frozenset(devices)
        self._keeper = Keeper(entrances, identity.saved("keeper/"))
        self.station = Station(identity, retention=retention, low_mb=low_mb)
        self.station.learn(
            commands={CommandName.WRITE_OFF: self._write_off},
            listeners={
                "caps": self._caps,
                "occupancy": self._rows,
                "grants": self._own_grants,
                "requests": self._request,
                "status": self._status,
                "events": self._event,
                "acks": self._acked_elsewhere,
            },
        )
        self._facts: Mapping[type[Fact], Callable[[Step, Any], None]] = {
            Started: self._started,
            LinkSynced: self._synced,
            TimerFired: self._timer,
            FromHistory: self._from_history,
        }

    def handle(self, fact: Fact, now: Now) -> list[Intent]:
        """Take one fact, return what shall happen."""
        step = self.station.begin(now)
        if not self.station.take(step, fact) and type(fact) in self._facts:
            self._facts[type(fact)](step, fact)
        return self.station.finish(step)

    def _synced(self, step: Step, _: LinkSynced) -> None:
        self._follow(step, self._keeper.synced())
        self._acknowledge(step, self._recorder.all_acks())

    # --- the keeper -----------------------------------------------------------------------------------

    def _caps(self, step: Step, _: Mapping[str, str], caps: contract.Caps | None) -> None:
        if caps is not None:
            self._follow(step, self._keeper.on_caps(caps))
            self._watch_counts(step)

    def _rows(self, step: Step, names: Mapping[str, str], rows: contract.Occupancy | None) -> None:
        if rows is not None:
            self._follow(step, self._keeper.on_row(names["device"], rows))
            self._watch_counts(step)

    def _own_grants(self, _: Step, names: Mapping[str, str], grants: contract.Grants | None) -> None:
        if grants is not None:
            self._keeper.on_grants(names["device"], grants)

    def _request(self, step: Step, names: Mapping[str, str], request: contract.Request | None) -> None:
        if request is not None:
            self._follow(step, self._keeper.on_request(names["device"], request.zones))

    def _status(self, step: Step, names: Mapping[str, str], status: contract.Status | None) -> None:
        device = names["device"]
        if status is not None:
            self._follow(step, self._keeper.on_status(device, status))
            if device in self._devices:
                offline = status.state == "offline"
                self.station.alerts.condition(step, AlertKind.DEVICE_OFFLINE, offline, device, device=device)

    def _write_off(self, step: Step, command: contract.WriteOff) -> str | None:
        try:
            self._follow(step, self._keeper.write_off(command.device))
        except KeeperError as error:
            return str(error)
        step.event("device.written_off", {"device": command.device, "by": command.by})
        return None

    def _watch_counts(self, step: Step) -> None:
        exceeded = {zone: {"people": people, "cap": cap} for zone, (people, cap) in self._keeper.exceeded().items()}
        below = {zone: {"people": people} for zone, people in self._keeper.below_zero().items()}
        self.station.alerts.condition(step, AlertKind.CAP_EXCEEDED, bool(exceeded), zones=exceeded)
        self.station.alerts.condition(step, AlertKind.COUNT_DOUBT, bool(below), "below", zones=below)

    def _follow(self, step: Step, change: Change) -> None:
        """Durable first: a grant is published when it is on disk."""
        for key, value in change.puts.items():
            step.put(key, value)
        for device, grants in change.grants.items():
            topic = self._identity.topic("grants", device=device)
            step.then(Publish(topic, contract.encode(grants), retain=True))

    # --- the recorder ---------------------------------------------------------------------------------

    def _started(self, step: Step, _: Started) -> None:
        step.do(SetTimer(FORGET, FORGET_S))

    def _timer(self, step: Step, fact: TimerFired) -> None:
        if fact.name == FORGET:
            step.do(SetTimer(FORGET, FORGET_S))
            if step.now.wall is not None:
                step.do(self._recorder.forget(step.now.wall, self._retention))

    def _event(self, step: Step, names: Mapping[str, str], event: contract.EventMessage | None) -> None:
        if event is not None:
            self._keep(step, self._recorder.event(names["device"], event))

    def _acked_elsewhere(self, step: Step, names: Mapping[str, str], ack: contract.Ack | None) -> None:
        """Acknowledgements to any device: what is safe at the booking server need not be waited for here."""
        if ack is not None:
            self._keep(step, self._recorder.acked_elsewhere(names["device"], ack))

    def _keep(self, step: Step, keep: Keep | None) -> None:
        if keep is not None:
            step.do(keep)

    def _from_history(self, step: Step, fact: FromHistory) -> None:
        told = fact.fact
        if isinstance(told, CommitFailed):
            self.station.alerts.condition(step, AlertKind.STORAGE_FAULT, True, "history", error=told.error)
        elif isinstance(told, Committed):
            self.station.alerts.condition(step, AlertKind.STORAGE_FAULT, False, "history")
            self._acknowledge(step, self._recorder.kept(told.number))

    def _acknowledge(self, step: Step, acks: Mapping[str, contract.Ack]) -> None:
        """They are on disk already: tell at once."""
        for device, ack in acks.items():
            step.do(Publish(self._identity.topic("acks", device=device), contract.encode(ack), retain=True))
