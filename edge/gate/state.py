"""Everything that one gate knows, and the lever that moves its lane. The parts that act share it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from edge.gate.admission import PassbackPolicy
from edge.gate.exchange import Exchange
from edge.gate.face import Face
from edge.gate.lane import Action, Lane, Trigger
from edge.gate.occupancy import Occupancy
from edge.gate.register import Register
from edge.gate.thermometry import Thermometry
from edge.gate.visits import Visits
from edge.runtime.alerts import Alerts
from edge.runtime.station import Identity
from edge.runtime.step import Step


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """How a gate decides: the keys of ``[policy]`` in the configuration, where each is described."""

    threshold_c: float = 37.3
    passage_s: float = 5.0
    reopen_s: float = 60.0
    early_entry_s: float = 300.0
    face_s: float = 10.0
    check_s: float = 8.0
    tap_waits_s: float = 10.0
    rights_wait_s: float = 0.3
    rights_low: int = 2
    tailgate_s: float = 2.0
    held_open_s: float = 10.0
    unused_visits: int = 3
    anti_passback: PassbackPolicy = "soft"
    clock_unset: str = "refuse"
    caps_unknown: str = "refuse"
    thermometer_fault: str = "refuse"
    refuse_health: frozenset[str] = frozenset({"missing", "blocked"})


@dataclass(slots=True)
class GateState:
    """What the parts of one gate share.

    Attributes:
        thermometry: None at an exit.
        fire: the fire input is active now (the mode outlasts it).
        synced: the link is up and has told all it kept for us.
        actions: who does what the lane's table says; filled when the parts are joined.
    """

    identity: Identity
    policy: GatePolicy
    face: Face
    register: Register
    occupancy: Occupancy
    visits: Visits
    exchange: Exchange
    alerts: Alerts
    thermometry: Thermometry | None
    lane: Lane = field(default_factory=Lane)
    fire: bool = False
    synced: bool = False
    actions: dict[Action, Callable[[Step], None]] = field(default_factory=dict[Action, Callable[[Step], None]])

    @property
    def device(self) -> str:
        """Name of the device, which is the name of its lane."""
        return self.identity.device

    def stay(self, step: Step) -> str | None:
        """Until whose end who comes in now counts as inside; None while the clock is unset."""
        return None if step.now.wall is None else self.register.stay(step.now.wall)

    def day(self, step: Step) -> str | None:
        """Today's date at the site."""
        return None if step.now.wall is None else self.register.today(step.now.wall).isoformat()

    def pull(self, step: Step, trigger: Trigger) -> None:
        """Give the lane a trigger and do what its table says."""
        for action in self.lane.take(trigger):
            self.actions[action](step)
