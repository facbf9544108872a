"""What every part of a gate may have: facts that it hears, actions of the lane's table, timers, a start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edge.gate.lane import Action
from edge.runtime.step import Step
from edge.runtime.vocabulary import Fact


class Part:
    """One part of a gate; what a part does not need stays as it is here: nothing."""

    __slots__ = ()

    def facts(self) -> Mapping[type[Fact], Callable[[Step, Any], None]]:
        """What it hears. Several parts may hear the same."""
        return {}

    def actions(self) -> Mapping[Action, Callable[[Step], None]]:
        """What it does of that which the lane's table says; each action is one part's."""
        return {}

    def start(self, step: Step) -> None:
        """The gate has started."""

    def timers(self) -> Mapping[str, Callable[[Step, str], None]]:
        """What it does when its timers run out, by name up to a slash; it is told what stands behind the slash."""
        return {}
