"""One gate: facts come in, the lane's table says what follows, intents go out.

`Gate` joins parts of one subject each and hands every fact to the part whose it is: the readers
(`readers`), the story of a tap (`tap`, `admission`, `reception`, `granting`), when and whom to measure
(`thermometry`) and the verdict (`screening`), the way through (`passage`) and out (`exits`), the bounded
counter (`occupancy`, `exchange`), visits, what it was told (`register`) and tells (`neighbours`), the
guard's commands (`desk`), the lane's law (`lane`) and modes (`modes`), what people see (`face`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta, tzinfo
from typing import Any

from edge.gate.desk import GuardDesk
from edge.gate.exchange import Exchange
from edge.gate.exits import Exits
from edge.gate.face import Face, serving
from edge.gate.granting import Granting
from edge.gate.lane import AT_REST, Action, State, Trigger
from edge.gate.modes import Modes
from edge.gate.neighbours import Neighbours
from edge.gate.occupancy import Occupancy
from edge.gate.passage import Passage
from edge.gate.readers import Readers
from edge.gate.reception import Reception
from edge.gate.register import Register
from edge.gate.screening import ScreeningPolicy
from edge.gate.state import GatePolicy, GateState
from edge.gate.thermometry import Thermometry
from edge.gate.visits import Visits
from edge.gate.vocabulary import (
    BeamBroken,
    BeamCleared,
    FireChanged,
    Lock,
    PresenceChanged,
    ReleasePressed,
    TemperatureFailed,
    TemperatureTaken,
)
from edge.runtime.station import Identity, Station
from edge.runtime.step import Step
from edge.runtime.vocabulary import (
    CommitFailed,
    Committed,
    Fact,
    Intent,
    LinkDown,
    LinkSynced,
    LinkUp,
    Now,
    Started,
    TimerFired,
)
from edge.site.contract import AlertKind, Mode

TOLD_AGAIN = (AlertKind.READER_FAULT, AlertKind.HELD_OPEN, AlertKind.LANE_FAULT)
"""What wires said before a restart they say again, if it still holds."""

INVARIANTS = (
    "a reader is served only while checking",
    "released is a mode, not a state",
    "a lane at rest opens for nobody",
)


class Gate:
    """The controller of one gate; without screening it is an exit, and fire, exits and rights are left of it.

    Args:
        identity: who the device is and what its journal remembers.
        key: the site's secret for card tokens.
        zone: the site's time zone.
        policy: how to decide.
        screening: how to judge temperatures; None at an exit.
        entrances: the other gates where people come in.
        exit_beam: whether a beam sees people leave.
        network_reader: whether cards also come over ``readers/{device}``.
        retention: how long events are kept.
        low_mb: less free space than this on the journal's disk is an alert, MB.
        new_id: makes ids of visits.
    """

    def __init__(
        self,
        identity: Identity,
        *,
        key: bytes,
        zone: tzinfo,
        policy: GatePolicy,
        screening: ScreeningPolicy | None,
        entrances: tuple[str, ...],
        exit_beam: bool,
        network_reader: bool,
        retention: timedelta,
        low_mb: float,
        new_id: Callable[[], str],
    ) -> None:
        self._retell = False
        register = Register(identity, zone, policy.early_entry_s)
        occupancy = Occupancy(identity.device, identity.saved("count/"))
        exchange = Exchange(
            identity,
            occupancy,
            entrances=entrances,
            entrance=screening is not None,
            rights_low=policy.rights_low,
        )
        self.station = Station(identity, retention=retention, low_mb=low_mb, echoes=("occupancy", "inside"))
        self.state = state = GateState(
            identity=identity,
            policy=policy,
            face=Face(identity.topic("lanes")),
            register=register,
            occupancy=occupancy,
            visits=Visits({**identity.saved("visit/"), **identity.saved("left/")}),
            exchange=exchange,
            alerts=self.station.alerts,
            thermometry=None if screening is None else Thermometry(screening),
        )
        self.modes = Modes(state)
        self.passage = Passage(state)
        self.exits = Exits(state, exit_beam)
        self.granting = Granting(state, self.passage, self.station.recorder)
        self.reception = Reception(state, self.passage, self.granting, new_id)
        self.readers = Readers(state, key, self.reception, self.exits)
        self.desk = GuardDesk(state, self.reception, self.station.desk.answer)
        self.neighbours = Neighbours(state, self._rights_came)
        self.station.learn(
            commands=self.desk.handlers(),
            listeners={
                **register.listeners(),
                **self.neighbours.listeners(),
                **({"readers": self.readers.scanned} if network_reader else {}),
            },
        )
        state.actions.update(
            {
                Action.BEGIN_CHECKS: self.reception.begin_checks,
                Action.END_CHECKS: self.reception.end_checks,
                Action.REFER_TO_GUARD: self.reception.refer_to_guard,
                Action.RECORD: self.granting.record,
                Action.WITHDRAW: self.passage.withdraw,
                Action.UNLOCK: self.passage.unlock,
                Action.LOCK: self.passage.lock,
                Action.COUNT_ENTRY: self.passage.count_entry,
                Action.COUNT_INTRUSION: self.passage.count_intrusion,
            }
        )
        self._timers = (
            *([] if state.thermometry is None else [self._thermometer_timer]),
            self.reception.timer,
            self.granting.timer,
            self.passage.timer,
            self.exits.timer,
            self.desk.timer,
            self.neighbours.timer,
            state.face.timer,
        )
        self._facts: Mapping[type[Fact], Callable[[Step, Any], None]] = {
            **self.readers.facts(),
            Started: self._started,
            Committed: lambda step, fact: self.granting.committed(step, fact.number),
            CommitFailed: lambda step, fact: self.granting.commit_failed(step, fact.number),
            LinkUp: lambda _, __: register.linked(),
            LinkSynced: self._synced,
            LinkDown: self._unlinked,
            TimerFired: self._timer,
            PresenceChanged: self._presence_changed,
            TemperatureTaken: self._temperature_taken,
            TemperatureFailed: self._temperature_failed,
            BeamBroken: self._beam_broken,
            BeamCleared: self._beam_cleared,
            FireChanged: self.modes.fire_changed,
            ReleasePressed: lambda step, _: state.pull(step, Trigger.RELEASE_PRESSED),
        }

    def handle(self, fact: Fact, now: Now) -> list[Intent]:
        """Take one fact, return what shall happen."""
        step = self.station.begin(now)
        taken = self.station.take(step, fact)
        if taken and not step.events:
            return self.station.finish(step)  # an acknowledgement and its like: the lane has nothing to do with it
        if not taken and type(fact) in self._facts:
            self._facts[type(fact)](step, fact)
        self.neighbours.use_caps()
        self.modes.follow(step)
        self.reception.serve_waiting(step)
        self.passage.watch(step)
        self._tell(step)
        self._check_invariants(step)
        return self.station.finish(step)

    # --- start, link, timers ----------------------------------------------------------------------------

    def _started(self, step: Step, _: Started) -> None:
        self.modes.start(step)
        for alert in [alert for alert in self.state.alerts.active.values() if alert.kind in TOLD_AGAIN]:
            self.state.alerts.clear(step, alert.alert, by="cause")
        if self.state.thermometry is not None:
            self.state.thermometry.start(step)
        self.passage.start(step)
        self.exits.start(step)
        self.neighbours.start(step)

    def _synced(self, step: Step, _: LinkSynced) -> None:
        self.state.synced = self._retell = True
        self.state.register.synced(step)
        self.neighbours.synced(step)

    def _unlinked(self, _: Step, __: LinkDown) -> None:
        self.state.synced = False

    def _timer(self, step: Step, fact: TimerFired) -> None:
        if not any(timer(step, fact.name) for timer in self._timers):
            raise RuntimeError(f"a timer nobody set: {fact.name}")

    def _rights_came(self, step: Step) -> None:
        self.reception.check(step)
        self.desk.check(step)

    # --- thermometer ------------------------------------------------------------------------------------

    def _presence_changed(self, step: Step, fact: PresenceChanged) -> None:
        if self.state.thermometry is not None:
            self.state.thermometry.presence(step, fact.present)
            self.reception.presence(step)

    def _temperature_taken(self, step: Step, fact: TemperatureTaken) -> None:
        if self.state.thermometry is not None:
            self.state.thermometry.taken(step, fact)
            self._judge_thermometer(step, self.state.thermometry.faulty)

    def _temperature_failed(self, step: Step, fact: TemperatureFailed) -> None:
        if self.state.thermometry is not None:
            self.state.thermometry.failed(step, fact)
            self._judge_thermometer(step, self.state.thermometry.faulty)

    def _thermometer_timer(self, step: Step, name: str) -> bool:
        thermometry = self.state.thermometry
        taken = thermometry is not None and thermometry.timer(step, name)
        if thermometry is not None and taken:
            self._judge_thermometer(step, thermometry.faulty)
        return taken

    def _judge_thermometer(self, step: Step, faulty: str | None) -> None:
        device = self.state.device
        self.state.alerts.condition(step, AlertKind.THERMOMETER_FAULT, faulty is not None, lane=device, error=faulty)
        self.reception.check(step)

    # --- pins -------------------------------------------------------------------------------------------

    def _beam_broken(self, step: Step, fact: BeamBroken) -> None:
        (self.passage if fact.side == "entry" else self.exits).beam_broken(step, fact)

    def _beam_cleared(self, step: Step, fact: BeamCleared) -> None:
        (self.passage if fact.side == "entry" else self.exits).beam_cleared(step, fact)

    # --- after every fact -------------------------------------------------------------------------------

    def _tell(self, step: Step) -> None:
        """Save and publish what changed."""
        self.neighbours.tell(step, again=self._retell)
        self.state.face.tell(step, self.state.lane, sorted(self.state.alerts.active), again=self._retell)
        self._retell = False

    def _check_invariants(self, step: Step) -> None:
        """What must hold after every fact, in every mode; if it does not, let the lane rest and call somebody."""
        lane, tap = self.state.lane, self.reception.tap
        holds = (
            (tap is not None) == (lane.state is State.CHECKING),
            (lane.mode is Mode.RELEASED) == (lane.state is State.RELEASED),
            serving(lane.state) or self.passage.visit is None,
        )
        if not all(holds):
            broken = [name for name, held in zip(INVARIANTS, holds, strict=True) if not held]
            self.state.alerts.incident(step, AlertKind.INVARIANT_BROKEN, broken=broken)
            self.reception.tap = None
            self.passage.visit = None
            lane.state = AT_REST[lane.mode][0]
            if lane.state is State.RELEASED:
                self.passage.unlock(step)
            else:
                step.do(Lock())
