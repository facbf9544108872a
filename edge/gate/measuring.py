"""What the thermometer says, and who hears of it: the guard of its faults, the reader who is served of the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edge.gate.part import Part
from edge.gate.reception import Reception
from edge.gate.state import GateState
from edge.gate.thermometry import SAMPLE, SILENCE, Thermometry
from edge.gate.vocabulary import PresenceChanged, TemperatureFailed, TemperatureTaken
from edge.runtime.step import Step
from edge.runtime.vocabulary import Fact
from edge.site.contract import AlertKind


@dataclass(slots=True)
class Measuring(Part):
    """The thermometer of one entrance; an exit has none."""

    gate: GateState
    thermometry: Thermometry
    reception: Reception

    def facts(self) -> Mapping[type[Fact], Callable[[Step, Any], None]]:
        """What the sensor tells."""
        return {PresenceChanged: self._presence, TemperatureTaken: self._taken, TemperatureFailed: self._failed}

    def timers(self) -> Mapping[str, Callable[[Step, str], None]]:
        """Time for a sample, or it did not come."""
        return {SAMPLE: self._sample, SILENCE: self._silent}

    def start(self, step: Step) -> None:
        """Begin to look at the hall."""
        self.thermometry.start(step)

    def _presence(self, step: Step, fact: PresenceChanged) -> None:
        self.thermometry.presence(step, fact.present)
        self.reception.presence(step)

    def _sample(self, step: Step, _: str) -> None:
        self.thermometry.sample(step)
        self._judge(step)

    def _silent(self, step: Step, _: str) -> None:
        self.thermometry.silent(step)
        self._judge(step)

    def _taken(self, step: Step, fact: TemperatureTaken) -> None:
        self.thermometry.taken(step, fact)
        self._judge(step)

    def _failed(self, step: Step, fact: TemperatureFailed) -> None:
        self.thermometry.failed(step, fact)
        self._judge(step)

    def _judge(self, step: Step) -> None:
        faulty, lane = self.thermometry.faulty, self.gate.device
        self.gate.alerts.condition(step, AlertKind.THERMOMETER_FAULT, faulty is not None, lane=lane, error=faulty)
        self.reception.check(step)
