"""One gate: facts come in, the lane's table says what follows, intents go out.

`Gate` joins parts of one subject each: the lane's law (`lane`), the rules of admission (`admission`),
when and whom to measure (`thermometry`), the verdict (`screening`), serving a reader (`reception`), the
way through (`passage`) and out (`exits`), the bounded counter (`occupancy`, `exchange`), visits, what it
was told (`register`), the guard's commands (`desk`), what people see (`face`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta, tzinfo
from typing import Any

from edge.gate.desk import GuardDesk
from edge.gate.exchange import Exchange
from edge.gate.exits import Exits
from edge.gate.face import Face, serving
from edge.gate.lane import AT_REST, Action, State, Trigger
from edge.gate.occupancy import Occupancy
from edge.gate.passage import Passage
from edge.gate.reception import Reception, Tap
from edge.gate.register import Register
from edge.gate.screening import ScreeningPolicy
from edge.gate.state import GatePolicy, GateState
from edge.gate.thermometry import Thermometry
from edge.gate.visits import Visits
from edge.gate.vocabulary import (
    BeamBroken,
    BeamCleared,
    CardRead,
    CodeRead,
    FireChanged,
    Lock,
    PresenceChanged,
    ReaderFound,
    ReaderLost,
    ReadingRejected,
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
    Publish,
    SetTimer,
    Started,
    TimerFired,
)
from edge.site import contract
from edge.site.contract import BUILDING, AlertKind, Mode
from edge.site.tokens import card_token, code_token

CODE_S = 30.0
"""A code belongs to the next tap if that comes within so long, seconds."""
GARBLED_BELIEVED = 3
"""So many readings in a row that are no card: the reader is at fault, not the reader's hand."""
INSIDE, HOUSEKEEPING = "inside", "housekeeping"
TOLD_AGAIN = (AlertKind.READER_FAULT, AlertKind.HELD_OPEN, AlertKind.LANE_FAULT)
"""What wires said before a restart they say again, if it still holds."""
HOUSEKEEPING_S = 30.0
"""How often the calendar is looked at, seconds."""
INSIDE_S = 1.0
"""Changes of who is inside are told to the other gates so often at most, seconds."""


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
        new_id: Callable[[], str],
    ) -> None:
        self._key = key
        self._code: tuple[str, float] | None = None
        self._garbled: dict[str, int] = {}
        self._mode_told = Mode.NORMAL
        self._modes_saved: dict[str, Mode] = {}
        self._retell = False
        self._inside_timer = False
        self._session_told: str | None = None
        register = Register(identity, zone, policy.early_entry_s)
        occupancy = Occupancy(identity.device, identity.saved("count/"))
        exchange = Exchange(
            identity,
            occupancy,
            entrances=entrances,
            entrance=screening is not None,
            rights_low=policy.rights_low,
        )
        self.station = Station(
            identity,
            commands={},  # the guard's desk brings them, below
            listeners={
                **register.listeners(),
                "grants": self._grants,
                "occupancy": self._rows,
                "requests": self._requests,
                "inside": self._neighbours,
                **({"readers": self._scanned} if network_reader else {}),
            },
            retention=retention,
        )
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
        self.passage = Passage(state)
        self.exits = Exits(state, self.passage, exit_beam)
        self.reception = Reception(state, self.passage, self.station.recorder, new_id)
        self.desk = GuardDesk(state, self.reception, self.passage, self.station.desk.answer)
        self.station.desk.learn(self.desk.handlers())
        state.actions.update(
            {
                Action.BEGIN_CHECKS: self.reception.begin_checks,
                Action.END_CHECKS: self.reception.end_checks,
                Action.REFER_TO_GUARD: self.reception.refer_to_guard,
                Action.RECORD: self.reception.record,
                Action.WITHDRAW: self.passage.withdraw,
                Action.UNLOCK: self.passage.unlock,
                Action.LOCK: self.passage.lock,
                Action.COUNT_ENTRY: self.passage.count_entry,
                Action.COUNT_INTRUSION: self.passage.count_intrusion,
            }
        )
        self._facts: Mapping[type[Fact], Callable[[Step, Any], None]] = {
            Started: self._started,
            Committed: lambda step, fact: self.reception.committed(step, fact.number),
            CommitFailed: lambda step, fact: self.reception.commit_failed(step, fact.number),
            LinkUp: self._linked,
            LinkSynced: self._synced,
            LinkDown: self._unlinked,
            TimerFired: self._timer,
            CardRead: self._card_read,
            CodeRead: self._code_read,
            ReadingRejected: self._reading_rejected,
            ReaderLost: self._reader_lost,
            ReaderFound: self._reader_found,
            PresenceChanged: self._presence_changed,
            TemperatureTaken: self._temperature_taken,
            TemperatureFailed: self._temperature_failed,
            BeamBroken: self._beam_broken,
            BeamCleared: self._beam_cleared,
            FireChanged: self._fire_changed,
            ReleasePressed: lambda step, _: state.pull(step, Trigger.RELEASE_PRESSED),
        }

    def handle(self, fact: Fact, now: Now) -> list[Intent]:
        """Take one fact, return what shall happen."""
        step = self.station.begin(now)
        if not self.station.take(step, fact) and type(fact) in self._facts:
            self._facts[type(fact)](step, fact)
        self._use_caps()
        self._follow_modes(step)
        self.reception.serve_waiting(step)
        self.passage.watch(step)
        self._tell(step)
        self._check_invariants(step)
        return self.station.finish(step)

    # --- start, link, timers ----------------------------------------------------------------------------

    def _started(self, step: Step, _: Started) -> None:
        lane = self.state.lane
        for cause, mode in self.state.identity.state.get("modes", {}).items():
            lane.causes[cause] = Mode(mode)
        self._modes_saved = dict(lane.causes)
        self.state.pull(step, AT_REST[lane.mode][1])
        self._mode_told = lane.mode
        for alert in [alert for alert in self.state.alerts.active.values() if alert.kind in TOLD_AGAIN]:
            self.state.alerts.clear(step, alert.alert, by="cause")
        if self.state.thermometry is not None:
            self.state.thermometry.start(step)
        self.passage.start(step)
        self.exits.start(step)
        self._keep_house(step)

    def _keep_house(self, step: Step) -> None:
        """When a session has closed, its cards may come in again; a new day begins with nobody inside."""
        step.do(SetTimer(HOUSEKEEPING, HOUSEKEEPING_S))
        session, today = self.state.session_key(step), self.state.day(step)
        if session != self._session_told:
            self._session_told = session
            self.state.inside_changed = True
        if today is not None:
            self.state.visits.forget_days_before(today)

    def _linked(self, _: Step, __: LinkUp) -> None:
        self.state.register.linked()

    def _synced(self, step: Step, _: LinkSynced) -> None:
        self.state.synced = self._retell = True
        self.state.occupancy.know_predecessors()
        self.state.register.synced(step)
        self.state.exchange.pass_on(up=True)
        self.state.inside_changed = True

    def _unlinked(self, _: Step, __: LinkDown) -> None:
        self.state.synced = False

    def _timer(self, step: Step, fact: TimerFired) -> None:
        name, thermometry = fact.name, self.state.thermometry
        if name == INSIDE:
            self._inside_timer = False
            self._publish_inside(step)
        elif name == HOUSEKEEPING:
            self._keep_house(step)
        elif thermometry is not None and thermometry.timer(step, name):
            self._judge_thermometer(step)
        else:
            parts = (self.reception.timer, self.passage.timer, self.exits.timer, self.desk.timer)
            if not self.state.face.timer(name) and not any(timer(step, name) for timer in parts):
                raise RuntimeError(f"a timer nobody set: {name}")

    # --- cards ------------------------------------------------------------------------------------------

    def _code_read(self, step: Step, fact: CodeRead) -> None:
        self._code = (code_token(self._key, fact.code), step.now.mono_s)

    def _scanned(self, step: Step, names: Mapping[str, str], scan: contract.Reading | None) -> None:
        # what comes before the link is in step was kept by the broker while we were away: nobody stands there now
        if scan is not None and names["device"] == self.state.device and self.state.synced:
            if scan.code is not None:
                self._code_read(step, CodeRead(scan.code))
            self._card_read(step, CardRead(scan.uid.upper()))

    def _card_read(self, step: Step, fact: CardRead) -> None:
        self._garbled[fact.reader] = 0
        self.state.alerts.condition(step, AlertKind.READER_FAULT, False, fact.reader)
        card = card_token(self._key, fact.uid)
        if fact.reader == "exit":
            self.exits.card(step, card)
        elif self.state.thermometry is not None:
            fresh = self._code is not None and step.now.mono_s - self._code[1] <= CODE_S
            code = self._code[0] if self._code is not None and fresh else None
            self._code = None
            phone = len(fact.uid) == 8 and fact.uid.startswith("08")
            self.reception.take(step, Tap(card, step.now.mono_s, code, phone))

    def _reading_rejected(self, step: Step, fact: ReadingRejected) -> None:
        self._garbled[fact.reader] = self._garbled.get(fact.reader, 0) + 1
        faulty = self._garbled[fact.reader] >= GARBLED_BELIEVED
        self.state.alerts.condition(step, AlertKind.READER_FAULT, faulty, fact.reader, error=fact.error)
        if not serving(self.state.lane.state):
            self.state.face.tap_again(step)

    def _reader_lost(self, step: Step, fact: ReaderLost) -> None:
        self.state.alerts.condition(step, AlertKind.READER_FAULT, True, fact.reader, error=fact.error)

    def _reader_found(self, step: Step, fact: ReaderFound) -> None:
        self.state.alerts.condition(step, AlertKind.READER_FAULT, False, fact.reader)

    # --- thermometer --------------------------------------------------------------------------------------

    def _presence_changed(self, step: Step, fact: PresenceChanged) -> None:
        if self.state.thermometry is not None:
            self.state.thermometry.presence(step, fact.present)
            self.reception.presence(step)

    def _temperature_taken(self, step: Step, fact: TemperatureTaken) -> None:
        if self.state.thermometry is not None:
            self.state.thermometry.taken(step, fact)
            self._judge_thermometer(step)

    def _temperature_failed(self, step: Step, fact: TemperatureFailed) -> None:
        if self.state.thermometry is not None:
            self.state.thermometry.failed(step, fact)
            self._judge_thermometer(step)

    def _judge_thermometer(self, step: Step) -> None:
        thermometry = self.state.thermometry
        if thermometry is not None:
            faulty = thermometry.faulty
            self.state.alerts.condition(
                step, AlertKind.THERMOMETER_FAULT, faulty is not None, lane=self.state.device, error=faulty
            )
            self.reception.check(step)

    # --- pins ---------------------------------------------------------------------------------------------

    def _beam_broken(self, step: Step, fact: BeamBroken) -> None:
        (self.passage if fact.side == "entry" else self.exits).beam_broken(step, fact)

    def _beam_cleared(self, step: Step, fact: BeamCleared) -> None:
        (self.passage if fact.side == "entry" else self.exits).beam_cleared(step, fact)

    def _fire_changed(self, step: Step, fact: FireChanged) -> None:
        self.state.fire = fact.active
        if fact.active:
            self.state.lane.causes["fire"] = Mode.RELEASED
            self.state.alerts.condition(step, AlertKind.FIRE, True, lane=self.state.device)

    # --- neighbours ---------------------------------------------------------------------------------------

    def _use_caps(self) -> None:
        caps = self.state.register.caps
        open_building = caps is not None and caps.building is None
        self.state.occupancy.unlimited = frozenset({BUILDING}) if open_building else frozenset()

    def _grants(self, step: Step, names: Mapping[str, str], grants: contract.Grants | None) -> None:
        if grants is not None and names["device"] == self.state.device:
            self.state.exchange.granted_by_keeper(step, grants)
            self.state.exchange.pass_on(up=self.state.synced)
            self._rights_came(step)

    def _rows(self, step: Step, names: Mapping[str, str], rows: contract.Occupancy | None) -> None:
        if rows is not None and self.state.exchange.heard(names["device"], rows):
            self._rights_came(step)

    def _rights_came(self, step: Step) -> None:
        self.reception.check(step)
        self.desk.check(step)

    def _requests(self, step: Step, names: Mapping[str, str], request: contract.Request | None) -> None:
        if request is not None and names["device"] != self.state.device:
            self.state.exchange.answer(names["device"], request)

    def _neighbours(self, _: Step, names: Mapping[str, str], inside: contract.Inside | None) -> None:
        if inside is not None and names["device"] != self.state.device:
            left = self.state.visits.heard(
                names["device"], frozenset(inside.cards), inside.visits, frozenset(inside.left)
            )
            self.state.inside_changed = self.state.inside_changed or left

    # --- after every fact ---------------------------------------------------------------------------------

    def _follow_modes(self, step: Step) -> None:
        """Let the lane rest where the strongest mode says, and record when that changes."""
        state, lane, policy = self.state, self.state.lane, self.state.policy
        thermometry = state.thermometry
        if thermometry is not None:
            for cause, holds in (
                ("ambient", not thermometry.ambient_ok),
                ("thermometer", thermometry.faulty is not None and policy.thermometer_fault == "manual"),
                ("clock", step.now.wall is None and policy.clock_unset == "manual"),
                ("caps", state.register.caps is None and policy.caps_unknown == "manual"),
            ):
                if holds:
                    lane.causes[cause] = Mode.MANUAL
                else:
                    lane.causes.pop(cause, None)
        if lane.mode is not self._mode_told:
            self._mode_told = lane.mode
            cause = next((cause for cause, mode in lane.causes.items() if mode is lane.mode), "normal")
            state.pull(step, AT_REST[lane.mode][1])
            step.event("lane.mode", {"lane": state.device, "mode": lane.mode, "cause": cause})
        lasting = {cause: mode for cause, mode in lane.causes.items() if mode is not Mode.MANUAL}
        if lasting != self._modes_saved:
            self._modes_saved = lasting
            step.put("modes", lasting)

    def _tell(self, step: Step) -> None:
        """Save and publish what changed."""
        state = self.state
        for key, value in state.visits.changes().items():
            step.put(key, value)
        state.exchange.save(step, tell=self._retell)
        if state.inside_changed and not self._inside_timer:
            self._inside_timer = True
            step.do(SetTimer(INSIDE, INSIDE_S))
        state.face.tell(step, state.lane, sorted(state.alerts.active), again=self._retell)
        self._retell = False

    def _publish_inside(self, step: Step) -> None:
        self.state.inside_changed = False
        message = self.state.visits.message(self.state.session_key(step))
        inside = contract.Inside.model_construct(journal=self.state.identity.journal, **message)
        step.then(Publish(self.state.identity.topic("inside"), contract.encode(inside), retain=True))

    def _check_invariants(self, step: Step) -> None:
        """What must hold after every fact, in every mode; if it does not, shut the lane and call somebody."""
        lane, tap = self.state.lane, self.reception.tap
        broken = [
            name
            for name, holds in (
                ("a reader is served only while checking", (tap is not None) == (lane.state is State.CHECKING)),
                ("released is a mode, not a state", (lane.mode is Mode.RELEASED) == (lane.state is State.RELEASED)),
                ("a lane at rest opens for nobody", serving(lane.state) or self.passage.visit is None),
            )
            if not holds
        ]
        if broken:
            self.state.alerts.incident(step, AlertKind.INVARIANT_BROKEN, broken=broken)
            self.reception.tap = None
            self.passage.visit = None
            lane.state = AT_REST[lane.mode][0]
            if lane.state is not State.RELEASED:
                step.do(Lock())
