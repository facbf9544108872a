"""What every part of a gate may have: facts that it hears, actions of the lane's table, a start, timers."""

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

    def timer(self, step: Step, name: str) -> bool:
        """Take one of its timers; False if it is not its own."""
        del step, name
        return False
