"""What the keeper and the other gates say, and what they are told: rights, who is there, and who is inside.

Who is inside (topic ``inside``) is told after each connection and whenever it changes: by an admission, by
somebody leaving, by the end of a session or of a day. What the broker keeps of it from a journal that this gate
has lost is taken over first, or those people would be unknown when they leave, and could come in twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from edge.gate.part import Part
from edge.gate.state import GateState
from edge.runtime.station import Listener
from edge.runtime.step import Step
from edge.runtime.vocabulary import Publish, SetTimer
from edge.site import contract

INSIDE, HOUSEKEEPING = "inside", "housekeeping"
INSIDE_S = 0.1
"""Changes of who is inside are gathered for so long, seconds: nobody walks from one gate to the next in that time."""
HOUSEKEEPING_S = 30.0
"""How often the calendar is looked at, seconds."""
LATE = timedelta(hours=4)
"""So long after midnight whoever came before it may still leave, and is known by their visit."""
ADOPTED = "adopted"
"""Key of the journal: what the broker kept of our visits before has been seen."""


@dataclass(slots=True)
class Neighbours(Part):
    """One gate's ear and mouth for its neighbours.

    Attributes:
        rights_came: somebody may wait for a place.
    """

    gate: GateState
    rights_came: Callable[[Step], None]
    _before: contract.Inside | None = None
    _adopted: bool = False
    _inside_changed: bool = False
    _inside_timer: bool = False
    _inside_told: bytes | None = None
    _stay: str | None = None

    def listeners(self) -> Mapping[str, Listener]:
        """Which messages are heard here."""
        return {
            "grants": self._grants,
            "occupancy": self._rows,
            "requests": self._request,
            "status": self._status,
            "inside": self._inside,
        }

    def timers(self) -> Mapping[str, Callable[[Step, str], None]]:
        """Time to tell who is inside, or to look at the calendar."""
        return {INSIDE: self._tell_inside, HOUSEKEEPING: lambda step, _: self._keep_house(step)}

    def start(self, step: Step) -> None:
        """After a start: what the journal remembers."""
        self._adopted = ADOPTED in self.gate.identity.state
        self._keep_house(step)

    def synced(self, step: Step) -> None:
        """The broker has told all that it kept for us."""
        gate = self.gate
        gate.occupancy.know_predecessors()
        if not self._adopted:
            self._adopted = True
            step.put(ADOPTED, True)
            if self._before is not None:
                gate.visits.adopt(self._before)
        self._inside_changed, self._inside_told = True, None

    def tell(self, step: Step, *, again: bool) -> None:
        """Save what changed, and have it told; ``again``: a new broker asks."""
        gate = self.gate
        for key, value in gate.visits.changes().items():
            step.put(key, value)
        if gate.visits.news:
            gate.visits.news, self._inside_changed = False, True
        gate.exchange.pass_on(up=gate.synced)
        gate.exchange.save(step, tell=again)
        if self._inside_changed and not self._inside_timer:
            self._inside_timer = True
            step.do(SetTimer(INSIDE, INSIDE_S))

    # --- rights ---------------------------------------------------------------------------------------

    def _grants(self, step: Step, names: Mapping[str, str], grants: contract.Grants | None) -> None:
        if grants is not None and names["device"] == self.gate.device:
            self.gate.exchange.granted_by_keeper(step, grants)
            self.rights_came(step)

    def _rows(self, step: Step, names: Mapping[str, str], rows: contract.Occupancy | None) -> None:
        if rows is not None and self.gate.exchange.heard(names["device"], rows):
            self.gate.exchange.pass_on(up=self.gate.synced)  # what is owed is nobody's here
            self.rights_came(step)

    def _request(self, _: Step, names: Mapping[str, str], request: contract.Request | None) -> None:
        # one that waited at the broker is of somebody who may be gone
        if request is not None and names["device"] != self.gate.device and self.gate.synced:
            self.gate.exchange.online.add(names["device"])
            self.gate.exchange.answer(names["device"], request)

    def _status(self, _: Step, names: Mapping[str, str], status: contract.Status | None) -> None:
        if status is not None and status.state == "online":
            self.gate.exchange.online.add(names["device"])
        else:
            self.gate.exchange.online.discard(names["device"])

    # --- who is inside --------------------------------------------------------------------------------

    def _inside(self, _: Step, names: Mapping[str, str], inside: contract.Inside | None) -> None:
        if inside is None:
            return
        if names["device"] != self.gate.device:
            self.gate.visits.heard(names["device"], inside)
        elif inside.journal != self.gate.identity.journal:
            self._before = inside  # of several the last: older ones may have waited at the broker

    def _keep_house(self, step: Step) -> None:
        """When a session has closed, its cards may come in again; by the small hours all of yesterday have left."""
        step.do(SetTimer(HOUSEKEEPING, HOUSEKEEPING_S))
        stay = self.gate.stay(step)
        if stay != self._stay:
            self._stay, self._inside_changed = stay, True
        if step.now.wall is not None:
            self.gate.visits.forget_days_before(self.gate.register.today(step.now.wall - LATE).isoformat())

    def _tell_inside(self, step: Step, _: str) -> None:
        """Tell who is inside, if it is news. Not before the broker has told what it kept: this would replace it."""
        self._inside_timer = self._inside_changed = False
        if not self.gate.synced:
            return  # told when it has
        inside = contract.encode(self.gate.visits.message(self.gate.identity.journal, self.gate.stay(step)))
        if inside != self._inside_told:
            self._inside_told = inside
            step.then(Publish(self.gate.identity.topic("inside"), inside, retain=True))
