"""Which modes hold at the lane, and why: followed by the lane, recorded, and remembered over restarts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.gate.lane import AT_REST
from edge.gate.part import Part
from edge.gate.state import GateState
from edge.gate.vocabulary import FireChanged
from edge.runtime.step import Step
from edge.runtime.vocabulary import Fact
from edge.site.contract import AlertKind, Mode

MODES = "modes"
"""Key of the journal: the causes that outlast a restart, each with its mode."""

BLIND = ("ambient", "thermometer", "clock", "caps")
"""Causes of a manual lane: what it cannot see. They are looked at after each fact, and outlast no restart."""


@dataclass(slots=True)
class Modes(Part):
    """Lets one lane rest where the strongest mode says."""

    gate: GateState
    _told: Mode = Mode.NORMAL
    _blind: tuple[bool, ...] = ()
    _followed: dict[str, Mode] = field(default_factory=dict[str, Mode])
    _saved: dict[str, Mode] = field(default_factory=dict[str, Mode])

    def facts(self) -> Mapping[type[Fact], Callable[[Step, Any], None]]:
        """The fire input."""
        return {FireChanged: self.fire_changed}

    def start(self, step: Step) -> None:
        """After a start: what held before holds still."""
        lane = self.gate.lane
        for cause, mode in self.gate.identity.state.get(MODES, {}).items():
            lane.causes[cause] = Mode(mode)
        self._saved = dict(lane.causes)
        self.gate.pull(step, AT_REST[lane.mode][1])
        self._told = lane.mode

    def fire_changed(self, step: Step, fact: FireChanged) -> None:
        """The fire input: it releases the lane at once, and only a guard ends that."""
        self.gate.fire = fact.active
        if fact.active:
            self.gate.lane.causes["fire"] = Mode.RELEASED
            self.gate.alerts.condition(step, AlertKind.FIRE, True, lane=self.gate.device)

    def follow(self, step: Step) -> None:
        """Look at what makes a lane manual; tell the lane, and record, when the strongest mode changes."""
        lane = self.gate.lane
        self._look(step)
        if lane.causes == self._followed:
            return
        self._followed = dict(lane.causes)
        if lane.mode is not self._told:
            self._told = lane.mode
            cause = next((cause for cause, mode in lane.causes.items() if mode is lane.mode), "normal")
            self.gate.pull(step, AT_REST[lane.mode][1])
            step.event("lane.mode", {"lane": self.gate.device, "mode": lane.mode, "cause": cause})
        lasting = {cause: mode for cause, mode in lane.causes.items() if mode is not Mode.MANUAL}
        if lasting != self._saved:
            self._saved = lasting
            step.put(MODES, lasting)

    def _look(self, step: Step) -> None:
        thermometry, policy = self.gate.thermometry, self.gate.policy
        if thermometry is None:
            return
        holds = (
            not thermometry.ambient_ok,
            thermometry.faulty is not None and policy.thermometer_fault == "manual",
            step.now.wall is None and policy.clock_unset == "manual",
            self.gate.register.caps is None and policy.caps_unknown == "manual",
        )
        if holds != self._blind:
            self._blind = holds
            for cause, held in zip(BLIND, holds, strict=True):
                if held:
                    self.gate.lane.causes[cause] = Mode.MANUAL
                else:
                    self.gate.lane.causes.pop(cause, None)
