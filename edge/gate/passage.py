"""The way through the lane: unlocking, the beam, who used what was opened, and who did not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from edge.gate.face import Prompt
from edge.gate.lane import State, Trigger
from edge.gate.state import GateState
from edge.gate.visits import Visit
from edge.gate.vocabulary import BeamBroken, BeamCleared, Indicate, Lock, Unlock
from edge.runtime.step import Step
from edge.runtime.vocabulary import CancelTimer, SetTimer
from edge.site.contract import BUILDING, AlertKind

RELEASED_LEASE_S = 3.0
RELEASED_RENEW_S = 1.0
"""While the lane is released its lock's lease is renewed long before it ends."""
BEAM_GAP_S = 0.2
"""A beam broken again so soon after it cleared is the same person, seconds."""
LEASE, UNUSED, HELD_OPEN = "lease", "unused", "held open"


@dataclass(slots=True)
class Passage:
    """The lane's opening and who walks through it.

    Attributes:
        visit: the visit for which the lane is being opened, or is open.
        people: how many of it have not walked through yet.
        reopenable: by card, a visit that nobody used, and until when (monotonic) its card opens again.
    """

    gate: GateState
    visit: Visit | None = None
    people: int = 0
    reopenable: dict[str, tuple[Visit, float]] = field(default_factory=dict[str, tuple[Visit, float]])
    _opened_s: float = -1e9
    _entered_s: float = -1e9
    _cleared_s: float = -1e9
    _unused_in_row: int = 0

    def start(self, step: Step) -> None:
        """After a start: a reader whose visit was not used may stand outside, or be inside.

        The visit stays counted, which is safe either way, and its card may open once more.
        """
        self._cleared_s = step.now.mono_s  # whoever stands in the beam now was counted before
        until_s = step.now.mono_s + self.gate.policy.reopen_s
        for visit in self.gate.visits.unused():
            self.reopenable[visit.card or visit.visit] = (visit, until_s)
        step.do(SetTimer(UNUSED, self.gate.policy.reopen_s))

    def reopening(self, card: str, now_s: float) -> Visit | None:
        """The unused visit that this card may open again."""
        visit, until_s = self.reopenable.get(card, (None, 0.0))
        return visit if now_s < until_s else None

    def counted(self, visit: Visit) -> bool:
        """Whether the visit still holds its place."""
        return self.gate.visits.known(visit)

    # --- actions of the lane's table ----------------------------------------------------------------

    def unlock(self, step: Step) -> None:
        """Open for one person; or, while released, go on being open."""
        self._opened_s = step.now.mono_s
        released = self.gate.lane.state is State.RELEASED
        lease_s = RELEASED_LEASE_S if released else self.gate.policy.passage_s
        step.do(Unlock(lease_s))
        step.do(Indicate("lamp_green", lease_s))
        step.do(SetTimer(LEASE, RELEASED_RENEW_S if released else lease_s))
        self.gate.face.ask(step, None if released else Prompt.WALK)
        if not released:
            self.people = max(1, self.people)

    def lock(self, step: Step) -> None:
        """Close."""
        step.do(Lock())
        step.do(Indicate("lamp_green", 0))
        step.do(CancelTimer(LEASE))
        self.gate.face.ask(step, None)

    def count_entry(self, step: Step) -> None:
        """Somebody walked in as they may."""
        self._entered_s = step.now.mono_s
        self._unused_in_row = 0
        self.people = max(0, self.people - 1)
        if self.visit is None:
            # opened by the guard for whoever comes, or released: their zone is unknown
            self.gate.occupancy.enter([BUILDING])
            step.event("lane.passed", {"lane": self.gate.device})
            return
        if not self.visit.used:
            self.visit = replace(self.visit, used=True)
            self.gate.visits.put(self.visit)
            self.reopenable.pop(self.visit.card or self.visit.visit, None)
            step.event("visit.passed", {"visit": self.visit.visit, "lane": self.gate.device})
        if self.people == 0:
            self.visit = None

    def count_intrusion(self, step: Step) -> None:
        """Somebody walked in through a lane that was not open for them."""
        followed = step.now.mono_s - self._entered_s <= self.gate.policy.tailgate_s
        kind = AlertKind.TAILGATING if followed else AlertKind.FORCED_ENTRY
        self._entered_s = step.now.mono_s if followed else self._entered_s
        self.gate.occupancy.enter([BUILDING])
        self.gate.alerts.incident(step, kind, lane=self.gate.device)

    def withdraw(self, step: Step) -> None:
        """Nobody came, or not all: give the places back; an unused visit's card may open again for a while."""
        visit, missing, self.visit, self.people = self.visit, self.people, None, 0
        self.gate.face.ask(step, None)
        if visit is None:
            return
        self.gate.occupancy.leave(visit.places, missing)
        self.gate.visits.withdraw(visit, missing)
        if visit.used:
            step.event("visit.reduced", {"visit": visit.visit, "lane": self.gate.device, "people": missing})
            return
        step.event("visit.abandoned", {"visit": visit.visit, "lane": self.gate.device})
        now_s = step.now.mono_s
        self.reopenable = {key: row for key, row in self.reopenable.items() if now_s <= row[1]}
        if visit.card is not None:
            self.reopenable[visit.card] = (visit, step.now.mono_s + self.gate.policy.reopen_s)
        self._unused_in_row += 1

    # --- facts ----------------------------------------------------------------------------------------

    def beam_broken(self, step: Step, _: BeamBroken) -> None:
        """Somebody is in the entry beam."""
        step.do(SetTimer(HELD_OPEN, self.gate.policy.held_open_s))
        if step.now.mono_s - self._cleared_s < BEAM_GAP_S:
            return
        if self.gate.thermometry is not None:
            self.gate.thermometry.passed(
                step, opened_s=self._opened_s if self.gate.lane.state is State.OPEN else step.now.mono_s
            )
        self.gate.pull(step, Trigger.LAST_ENTERED if self.people <= 1 else Trigger.ENTERED)

    def beam_cleared(self, step: Step, _: BeamCleared) -> None:
        """The entry beam is free."""
        self._cleared_s = step.now.mono_s
        step.do(CancelTimer(HELD_OPEN))
        self.gate.alerts.condition(step, AlertKind.HELD_OPEN, False)

    def timer(self, step: Step, name: str) -> bool:
        """Take one of our timers; False if it is not ours."""
        if name == LEASE:
            self.gate.pull(step, Trigger.LEASE_OVER)
        elif name == HELD_OPEN:
            self.gate.alerts.condition(step, AlertKind.HELD_OPEN, True, lane=self.gate.device)
        elif name == UNUSED:
            self._assume_used(step)
        return name in (LEASE, HELD_OPEN, UNUSED)

    def watch(self, step: Step) -> None:
        """Judge the lock by its effect: if nobody gets through, it probably does not open."""
        broken = self._unused_in_row >= self.gate.policy.unused_visits
        self.gate.alerts.condition(step, AlertKind.LANE_FAULT, broken, "lock", lane=self.gate.device)

    def _assume_used(self, step: Step) -> None:
        """Nobody reopened a visit from before the start: its reader is inside, as far as anybody can know."""
        for key, (visit, _) in list(self.reopenable.items()):
            if self.counted(visit) and visit != self.visit:
                del self.reopenable[key]
                self.gate.visits.put(replace(visit, used=True))
                step.event("visit.passed", {"visit": visit.visit, "lane": self.gate.device, "assumed": True})
