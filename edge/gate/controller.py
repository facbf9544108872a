"""One gate: facts come in, the lane's table says what follows, intents go out.

`Gate` joins parts (`part`) of one subject each and hands every fact to the parts that hear it: the readers
(`readers`), the story of a tap (`tap`, `entitlement`, `places`, `admission`, `reception`, `granting`), the
thermometer (`measuring`), when and whom to measure (`thermometry`) and the verdict (`screening`), the way
through (`passage`) and out (`exits`), the bounded counter (`occupancy`, `exchange`), visits, what it was told
(`register`) and tells (`neighbours`), the guard's commands (`desk`), the lane's law (`lane`) and modes
(`modes`), what people see (`face`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta, tzinfo
from typing import Any

from edge.gate.codes import CodeTries
from edge.gate.desk import GuardDesk
from edge.gate.exchange import Exchange
from edge.gate.exits import Exits
from edge.gate.face import SERVING, Face
from edge.gate.granting import Granting
from edge.gate.lane import AT_REST, State
from edge.gate.measuring import Measuring
from edge.gate.modes import Modes
from edge.gate.neighbours import Neighbours
from edge.gate.occupancy import Occupancy
from edge.gate.part import Part
from edge.gate.passage import Passage
from edge.gate.readers import Readers
from edge.gate.reception import Reception
from edge.gate.register import Register
from edge.gate.screening import ScreeningPolicy
from edge.gate.state import GatePolicy, GateState
from edge.gate.thermometry import Thermometry
from edge.gate.visits import Visits
from edge.gate.vocabulary import Lock
from edge.runtime.station import Identity, Station
from edge.runtime.step import Step
from edge.runtime.vocabulary import Fact, Intent, LinkSynced, LinkUp, Now, Started, TimerFired
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
        network_sizes: bytes that a card number from ``readers/{device}`` may have; empty: none comes that way.
        retention: how long events are kept.
        low_mb: less room than this for the journal is an alert, MB.
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
        network_sizes: Sequence[int],
        retention: timedelta,
        low_mb: float,
        new_id: Callable[[], str],
    ) -> None:
        self._retell = False
        low, entrance = policy.rights_low, screening is not None
        occupancy = Occupancy(identity.device, identity.saved("count/"))
        exchange = Exchange(identity, occupancy, entrances=entrances, entrance=entrance, rights_low=low)
        thermometry = None if screening is None else Thermometry(screening)
        self.station = Station(identity, retention=retention, low_mb=low_mb, echoes=("occupancy", "inside"))
        self.state = state = GateState(
            station=self.station,
            policy=policy,
            face=Face(identity.topic("lanes")),
            register=Register(identity, zone, policy.early_entry_s, exchange.use_caps),
            occupancy=occupancy,
            visits=Visits({**identity.saved("visit/"), **identity.saved("left/"), **identity.saved("gone/")}),
            exchange=exchange,
            thermometry=thermometry,
            codes=CodeTries(policy.code_tries, policy.code_pause_s),
        )
        self.modes = Modes(state)
        self.passage = Passage(state)
        self.exits = Exits(state, exit_beam)
        self.granting = Granting(state, self.passage)
        self.reception = Reception(state, self.passage, self.granting, new_id)
        self.readers = Readers(state, key, network_sizes, self.reception, self.exits)
        self.desk = GuardDesk(state, self.reception)
        self.neighbours = Neighbours(state, self._rights_came)
        measuring = () if thermometry is None else (Measuring(state, thermometry, self.reception),)
        self._join(
            self.modes, *measuring, self.passage, self.exits, self.granting, self.reception, self.readers, self.desk,
            self.neighbours, state.face,
        )  # fmt: skip
        heard = {**state.register.listeners(), **self.neighbours.listeners()}
        if network_sizes:
            heard["readers"] = self.readers.scanned
        self.station.learn(commands=self.desk.handlers(), listeners=heard)

    def _join(self, *parts: Part) -> None:
        """Make one gate of its parts, which start in this order."""
        self._parts = parts
        self._facts: dict[type[Fact], list[Callable[[Step, Any], None]]] = {
            Started: [self._started],
            LinkUp: [lambda _, __: self.state.register.linked()],
            LinkSynced: [self._synced],
            TimerFired: [self._timer],
        }
        self._timers: dict[str, Callable[[Step, str], None]] = {}
        for part in parts:
            self.state.actions.update(part.actions())
            self._timers.update(part.timers())
            for kind, take in part.facts().items():
                self._facts.setdefault(kind, []).append(take)

    def handle(self, fact: Fact, now: Now) -> list[Intent]:
        """Take one fact, return what shall happen."""
        step = self.station.begin(now)
        taken = self.station.take(step, fact)
        if taken and not step.events:
            return self.station.finish(step)  # an acknowledgement and its like: the lane has nothing to do with it
        for take in () if taken else self._facts.get(type(fact), ()):
            take(step, fact)
        self.modes.follow(step)
        self.reception.serve_waiting(step)
        self.passage.watch(step)
        self._tell(step)
        self._check_invariants(step)
        return self.station.finish(step)

    # --- start, link, timers ----------------------------------------------------------------------------

    def _started(self, step: Step, _: Started) -> None:
        for alert in [alert for alert in self.state.alerts.active.values() if alert.kind in TOLD_AGAIN]:
            self.state.alerts.clear(step, alert.alert, by="cause")
        for part in self._parts:
            part.start(step)

    def _synced(self, step: Step, _: LinkSynced) -> None:
        self._retell = True
        self.state.register.synced(step)
        self.neighbours.synced(step)

    def _timer(self, step: Step, fact: TimerFired) -> None:
        name, _, subject = fact.name.partition("/")
        self._timers[name](step, subject)

    def _rights_came(self, step: Step) -> None:
        self.reception.check(step)
        self.desk.check(step)

    # --- after every fact -------------------------------------------------------------------------------

    def _tell(self, step: Step) -> None:
        """Save and publish what changed."""
        self.neighbours.tell(step, again=self._retell)
        self.state.face.tell(step, self.state.lane, self.state.alerts.active, again=self._retell)
        self._retell = False

    def _check_invariants(self, step: Step) -> None:
        """What must hold after every fact, in every mode; if it does not, let the lane rest and call somebody."""
        lane, tap = self.state.lane, self.reception.tap
        holds = (
            (tap is not None) == (lane.state is State.CHECKING),
            (lane.mode is Mode.RELEASED) == (lane.state is State.RELEASED),
            lane.state in SERVING or self.passage.visit is None,
        )
        if False in holds:
            broken = [name for name, held in zip(INVARIANTS, holds, strict=True) if not held]
            self.state.alerts.incident(step, AlertKind.INVARIANT_BROKEN, broken=broken)
            self.reception.tap = None
            self.passage.visit = None
            lane.state = AT_REST[lane.mode][0]
            if lane.state is State.RELEASED:
                self.passage.unlock(step)
            else:
                step.do(Lock())
