"""Everything that one gate knows, and the lever that moves its lane. The parts that act share it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from edge.gate.admission import PassbackPolicy
from edge.gate.codes import CodeTries
from edge.gate.exchange import Exchange
from edge.gate.face import Face
from edge.gate.lane import Action, Lane, Trigger
from edge.gate.occupancy import Occupancy
from edge.gate.register import Register
from edge.gate.thermometry import Thermometry
from edge.gate.visits import Visits
from edge.runtime.alerts import Alerts
from edge.runtime.station import Identity, Station
from edge.runtime.step import Step


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """How a gate decides: the keys of ``[policy]`` in the configuration, which describes each and has its default."""

    threshold_c: float
    passage_s: float
    reopen_s: float
    early_entry_s: float
    face_s: float
    check_s: float
    tap_waits_s: float
    rights_wait_s: float
    rights_low: int
    tailgate_s: float
    held_open_s: float
    unused_visits: int
    anti_passback: PassbackPolicy
    clock_unset: str
    caps_unknown: str
    thermometer_fault: str
    refuse_health: frozenset[str]
    code_tries: int
    code_pause_s: float


@dataclass(slots=True)
class GateState:
    """What the parts of one gate share.

    Attributes:
        thermometry: None at an exit.
        fire: the fire input is active now (the mode outlasts it).
        actions: who does what the lane's table says; filled when the parts are joined.
    """

    station: Station
    policy: GatePolicy
    face: Face
    register: Register
    occupancy: Occupancy
    visits: Visits
    exchange: Exchange
    thermometry: Thermometry | None
    codes: CodeTries
    lane: Lane = field(default_factory=Lane)
    fire: bool = False
    actions: dict[Action, Callable[[Step], None]] = field(default_factory=dict[Action, Callable[[Step], None]])

    @property
    def identity(self) -> Identity:
        """Who the device is, and what its journal remembers."""
        return self.station.identity

    @property
    def device(self) -> str:
        """Name of the device, which is the name of its lane."""
        return self.station.identity.device

    @property
    def alerts(self) -> Alerts:
        """What guards see."""
        return self.station.alerts

    @property
    def synced(self) -> bool:
        """Whether the link is up and has told all it kept for us."""
        return self.station.synced

    @property
    def may_ask(self) -> bool:
        """Whether there are neighbours, and they can hear that a place is lacking here."""
        return self.synced and self.exchange.has_peers

    def stay(self, step: Step) -> str | None:
        """Until whose end who comes in now counts as inside; None while the clock is unset."""
        return None if step.now.wall is None else self.register.stay(step.now.wall)

    def day(self, step: Step) -> str | None:
        """Today's date at the site."""
        return None if step.now.wall is None else self.register.today(step.now.wall).isoformat()

    def time(self, step: Step) -> str | None:
        """The time in ISO 8601; None while the clock is unset."""
        return None if step.now.wall is None else step.now.wall.isoformat()

    def pull(self, step: Step, trigger: Trigger) -> None:
        """Give the lane a trigger and do what its table says."""
        for action in self.lane.take(trigger):
            self.actions[action](step)
