"""A yes, from the decision to the disk: nothing opens before the admission is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.gate.face import Prompt
from edge.gate.lane import Action, State, Trigger
from edge.gate.occupancy import PASSES
from edge.gate.part import Part
from edge.gate.passage import Passage
from edge.gate.places import given_back, outlived
from edge.gate.state import GateState
from edge.gate.visits import Visit
from edge.runtime.step import Step
from edge.runtime.vocabulary import CancelTimer, CommitFailed, Committed, Fact, SetTimer

SLOW, RECORDING = "slow disk", "recording"
SLOW_S = 0.3
"""A disk that takes longer to write an admission is seen by whoever waits, seconds."""
RECORDING_S = 3.0
"""A disk that takes longer to write an admission has failed for this reader, seconds."""


@dataclass(slots=True)
class Granting(Part):
    """Records who may come in at one lane, and has it opened."""

    gate: GateState
    passage: Passage
    _visit: Visit | None = None
    _remarks: Mapping[str, Any] = field(default_factory=dict[str, Any])
    _transaction: int = 0

    def facts(self) -> Mapping[type[Fact], Callable[[Step, Any], None]]:
        """The disk's answers."""
        return {
            Committed: lambda step, fact: self.committed(step, fact.number),
            CommitFailed: lambda step, fact: self.commit_failed(step, fact.number),
        }

    def actions(self) -> Mapping[Action, Callable[[Step], None]]:
        """Writing an admission."""
        return {Action.RECORD: self.record}

    def timers(self) -> Mapping[str, Callable[[Step, str], None]]:
        """The disk takes long, or too long."""
        return {SLOW: self._slow, RECORDING: lambda step, _: self.commit_failed(step, self._transaction)}

    def grant(self, step: Step, visit: Visit | None, trigger: Trigger, **remarks: Any) -> None:
        """Let a visit in, with what the guard noted; None opens once for whoever comes."""
        self._visit, self._remarks = visit, remarks
        self.gate.pull(step, trigger)

    def record(self, step: Step) -> None:
        """The lane's action: write the admission."""
        visit, self._visit = self._visit, None
        self._transaction = self.gate.station.recorder.next_number
        step.do(CancelTimer(RECORDING))  # of one before
        step.do(SetTimer(SLOW, SLOW_S))
        self.passage.prepare(visit)
        if visit is None:
            return
        gate = self.gate
        data = {
            "visit": visit.visit, "card": visit.card, "zone": visit.zone, "booking": visit.booking,
            "lane": gate.device, **visit.measured, "by": visit.by, "people": visit.to_come,
            **self._remarks,
        }  # fmt: skip
        if self.gate.visits.known(visit):
            step.event("visit.reopened", data)
        else:
            self._end_former(step, visit)
            gate.occupancy.enter(visit.places, visit.people)
            step.event("visit.admitted", data)
        gate.visits.put(visit)
        gate.exchange.ask_if_low(step, [place for place in visit.places if place != PASSES])

    def _end_former(self, step: Step, visit: Visit) -> None:
        """Nobody is inside twice: a card that comes again, by a guard's word or in another session, had left unseen."""
        gate = self.gate
        former = outlived(gate, visit.card, visit.session, by_hand=visit.by == "hand")
        if former is None or visit.card is None:
            return
        gate.visits.leave(visit.card, None)
        if former.to_come:
            self.passage.give_back(step, former, former.to_come)
            return
        for place, people in given_back(gate, former).items():
            before = gate.occupancy.inside(place)
            gate.occupancy.leave([place], people)
            data = {"zone": place, "before": before, "after": before - people, "cause": "came again"}
            step.event("count.settled", {**data, "by": self._remarks.get("guard", gate.device)})

    def committed(self, step: Step, number: int) -> None:
        """A transaction is on disk."""
        if self.gate.lane.state is State.RECORDING and number >= self._transaction:
            self.gate.pull(step, Trigger.COMMITTED)

    def commit_failed(self, step: Step, number: int) -> None:
        """The disk refuses; nobody is let in on what is not written. Number 0 is no transaction."""
        if self.gate.lane.state is State.RECORDING and 0 < number <= self._transaction:
            self.gate.pull(step, Trigger.COMMIT_FAILED)
            self.gate.face.ask(step, Prompt.CALL_GUARD)

    def _slow(self, step: Step, _: str) -> None:
        if self.gate.lane.state is State.RECORDING:
            self.gate.face.ask(step, Prompt.PLEASE_WAIT)
            step.do(SetTimer(RECORDING, RECORDING_S - SLOW_S))
