"""The way through the lane: unlocking, the beam, who used what was opened, and who did not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from edge.gate.face import Prompt
from edge.gate.lane import PASSAGE, Action, State, Trigger
from edge.gate.part import Part
from edge.gate.state import GateState
from edge.gate.visits import Visit
from edge.gate.vocabulary import BeamBroken, BeamCleared, Indicate, Lock, ReleasePressed, Unlock
from edge.runtime.step import Step
from edge.runtime.vocabulary import CancelTimer, Fact, SetTimer
from edge.site.contract import BUILDING, AlertKind

RELEASED_LEASE_S = 3.0
RELEASED_RENEW_S = 1.0
"""While the lane is released its lock's lease is renewed long before it ends."""
BEAM_GAP_S = 0.2
"""A beam broken again so soon after it cleared is the same person, seconds."""
LEASE, UNUSED, HELD_OPEN = "lease", "unused", "held open"


@dataclass(slots=True)
class Passage(Part):
    """The lane's opening and who walks through it.

    Attributes:
        visit: the visit for which the lane is being opened, or is open.
        people: how many of it have not walked through yet.
        reopenable: by card, a visit that nobody used, or not all of it, and until when (monotonic) its card opens
            again.
    """

    gate: GateState
    visit: Visit | None = None
    people: int = 0
    reopenable: dict[str, tuple[Visit, float]] = field(default_factory=dict[str, tuple[Visit, float]])
    _opened_s: float = -1e9
    _entered_s: float = -1e9
    _cleared_s: float = -1e9
    _blocked: bool = False
    _unsure: bool = False
    _unused_in_row: int = 0

    def facts(self) -> Mapping[type[Fact], Callable[[Step, Any], None]]:
        """The entry beam, and the guard's button."""
        return {
            BeamBroken: self.beam_broken,
            BeamCleared: self.beam_cleared,
            ReleasePressed: lambda step, _: self.gate.pull(step, Trigger.RELEASE_PRESSED),
        }

    def actions(self) -> Mapping[Action, Callable[[Step], None]]:
        """The lock, and who walks."""
        return {
            Action.WITHDRAW: self.withdraw,
            Action.UNLOCK: self.unlock,
            Action.LOCK: self.lock,
            Action.COUNT_ENTRY: self.count_entry,
            Action.COUNT_INTRUSION: self.count_intrusion,
        }

    def timers(self) -> Mapping[str, Callable[[Step, str], None]]:
        """The lock's lease, a beam that does not clear, a visit from before the start."""
        return {LEASE: self._lease_over, HELD_OPEN: self._held_open, UNUSED: self._assume_used}

    def start(self, step: Step) -> None:
        """After a start: a reader who was not seen walking in may stand outside, or be inside.

        The place stays counted, which is safe either way, and the card may open once more.
        """
        self._cleared_s = step.now.mono_s  # whoever stands in the beam now was counted before
        until_s = step.now.mono_s + self.gate.policy.reopen_s
        for visit in self.gate.visits.unfinished():
            self.reopenable[visit.card or visit.visit] = (visit, until_s)
        step.do(SetTimer(UNUSED, self.gate.policy.reopen_s))

    def reopening(self, card: str, now_s: float) -> Visit | None:
        """The visit that this card may open again."""
        visit, until_s = self.reopenable.get(card, (None, 0.0))
        return visit if now_s < until_s else None

    def prepare(self, visit: Visit | None) -> None:
        """The lane is about to open for a visit, or for whoever comes."""
        self.visit, self._unsure = visit, False
        self.people = 1 if visit is None else visit.to_come

    # --- actions of the lane's table ----------------------------------------------------------------

    def unlock(self, step: Step) -> None:
        """Open for one person; or, while released, go on being open."""
        self._opened_s = step.now.mono_s
        released = self.gate.lane.state is State.RELEASED
        self._unsure = not released and (self._unsure or self._blocked)
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
        visit, self.visit = self.visit, None
        self._came(step, visit, 1)
        if self.people == 0:
            self._unsure = False
        elif visit is not None:
            self.visit = replace(visit, came=visit.came + 1)

    def count_intrusion(self, step: Step) -> None:
        """Somebody walked in through a lane that was not open for them."""
        followed = step.now.mono_s - self._entered_s <= self.gate.policy.tailgate_s
        kind = AlertKind.TAILGATING if followed else AlertKind.FORCED_ENTRY
        self._entered_s = step.now.mono_s if followed else self._entered_s
        self.gate.occupancy.enter([BUILDING])
        self.gate.alerts.incident(step, kind, lane=self.gate.device)

    def withdraw(self, step: Step) -> None:
        """Nobody came, or not all: give the places back; an unused visit's card may open again for a while.

        While the beam was blocked they may have come unseen: unknown is not nobody.
        """
        visit, missing, self.visit, self.people = self.visit, self.people, None, 0
        unsure, self._unsure = self._unsure, False
        self.gate.face.ask(step, None)
        if unsure:
            self._came(step, visit, missing, assumed=True)
            return
        if visit is None:
            return
        self.give_back(step, visit, missing)
        now_s = step.now.mono_s
        self.reopenable = {key: row for key, row in self.reopenable.items() if now_s <= row[1]}
        if visit.card is not None and not visit.came:
            self.reopenable[visit.card] = (visit, now_s + self.gate.policy.reopen_s)

    def give_back(self, step: Step, visit: Visit, missing: int) -> None:
        """So many of a visit did not come in."""
        self.reopenable.pop(visit.card or visit.visit, None)
        self.gate.occupancy.leave(visit.places, missing)
        self.gate.visits.withdraw(visit, missing)
        data = {"visit": visit.visit, "lane": self.gate.device}
        if visit.came:
            step.event("visit.reduced", {**data, "people": missing})
        else:
            step.event("visit.abandoned", data)

    # --- facts ----------------------------------------------------------------------------------------

    def beam_broken(self, step: Step, fact: BeamBroken) -> None:
        """Somebody is in the entry beam."""
        if fact.side != "entry":
            return
        step.do(SetTimer(HELD_OPEN, self.gate.policy.held_open_s))
        if step.now.mono_s - self._cleared_s < BEAM_GAP_S:
            return
        if self.gate.thermometry is not None:
            self.gate.thermometry.passed(
                step, opened_s=self._opened_s if self.gate.lane.state in PASSAGE else step.now.mono_s
            )
        self.gate.pull(step, Trigger.LAST_ENTERED if self.people <= 1 else Trigger.ENTERED)

    def beam_cleared(self, step: Step, fact: BeamCleared) -> None:
        """The entry beam is free."""
        if fact.side != "entry":
            return
        self._cleared_s = step.now.mono_s
        self._blocked = False
        step.do(CancelTimer(HELD_OPEN))
        self.gate.alerts.condition(step, AlertKind.HELD_OPEN, False)

    def watch(self, step: Step) -> None:
        """Judge the lock by its effect: if nobody gets through, it probably does not open."""
        broken = self._unused_in_row >= self.gate.policy.unused_visits
        self.gate.alerts.condition(step, AlertKind.LANE_FAULT, broken, "lock", lane=self.gate.device)

    def _lease_over(self, step: Step, _: str) -> None:
        self._unused_in_row += self.visit is not None and not self.visit.came and not self._unsure
        self.gate.pull(step, Trigger.LEASE_OVER)

    def _held_open(self, step: Step, _: str) -> None:
        self._blocked = True
        self._unsure = self.gate.lane.state in PASSAGE
        self.gate.alerts.condition(step, AlertKind.HELD_OPEN, True, lane=self.gate.device)

    def _assume_used(self, step: Step, _name: str) -> None:
        """Nobody reopened a visit from before the start: its readers are inside, as far as anybody can know."""
        for visit, _ in list(self.reopenable.values()):
            if self.gate.visits.known(visit) and visit != self.visit:
                self._came(step, visit, visit.to_come, assumed=True)

    def _came(self, step: Step, visit: Visit | None, people: int, *, assumed: bool = False) -> None:
        """So many of a visit walked in, as far as anybody can know; None: of whoever came, whose zone is unknown."""
        data = {"lane": self.gate.device, **({"assumed": True} if assumed else {})}
        if visit is None:
            self.gate.occupancy.enter([BUILDING], people)
            step.event("lane.passed", data)
            return
        self.reopenable.pop(visit.card or visit.visit, None)
        self.gate.visits.put(replace(visit, came=visit.came + people))
        if not visit.came:
            step.event("visit.passed", {"visit": visit.visit, **data})
