"""What the lane shows: its mode and step for guards, a text for readers, lamps and buzzer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from edge.gate.lane import PASSAGE, Lane, State
from edge.gate.part import Part
from edge.gate.vocabulary import Indicate
from edge.runtime.step import Step
from edge.runtime.texts import both
from edge.runtime.vocabulary import CancelTimer, Publish, SetTimer
from edge.site import contract
from edge.site.contract import Mode, Reason

SHOWN_S = 5.0
"""A refusal stays on the display for so long."""
RED_S = 2.0
BEEP_S = 0.3
SHOW = "show"


class Prompt(StrEnum):
    """What a reader is asked to do next; a text ``step.<value>`` in the catalogues."""

    PRESENT_CARD = "present_card"
    LOOK_AT_SENSOR = "look_at_sensor"
    HOLD_STILL = "hold_still"
    RECHECK = "recheck"
    PLEASE_WAIT = "please_wait"
    WALK = "walk"
    WALK_FREELY = "walk_freely"
    GUARD_MEASURES = "guard_measures"
    CALL_GUARD = "call_guard"
    TAP_AGAIN = "tap_again"
    REFUSED = "refused"


_AT_REST = {
    Mode.NORMAL: Prompt.PRESENT_CARD,
    Mode.MANUAL: Prompt.PRESENT_CARD,
    Mode.HELD: Prompt.CALL_GUARD,
    Mode.LOCKDOWN: Prompt.CALL_GUARD,
    Mode.RELEASED: Prompt.WALK_FREELY,
}


SERVING = PASSAGE | {State.CHECKING, State.RECORDING}
"""States of a lane in which a reader is being served."""


@dataclass(slots=True)
class Face(Part):
    """The side of the lane that people see.

    Attributes:
        topic: ``lanes/{device}``.
        prompt: what is shown; None shows what the mode asks for.
        reason: why the last card was refused, while that is shown.
        detail: narrows the reason's text, e.g. ``too_cold``.
    """

    topic: str
    prompt: Prompt | None = None
    reason: Reason | None = None
    detail: str | None = None
    _told: tuple[object, ...] = ()

    def timers(self) -> Mapping[str, Callable[[Step, str], None]]:
        """A text was shown long enough."""
        return {SHOW: self._shown}

    def ask(self, step: Step, prompt: Prompt | None) -> None:
        """Show a prompt until the next one; None: what the mode asks for."""
        self.prompt, self.reason, self.detail = prompt, None, None
        step.do(CancelTimer(SHOW))

    def refuse(self, step: Step, reason: Reason, detail: str | None = None) -> None:
        """Show why not, and what to do next, for a while."""
        self.prompt, self.reason, self.detail = Prompt.REFUSED, reason, detail
        step.do(SetTimer(SHOW, SHOWN_S))
        step.do(Indicate("lamp_red", RED_S))
        step.do(Indicate("buzzer", BEEP_S))

    def tap_again(self, step: Step) -> None:
        """A reading was garbled."""
        self.prompt, self.reason, self.detail = Prompt.TAP_AGAIN, None, None
        step.do(SetTimer(SHOW, SHOWN_S))
        step.do(Indicate("lamp_red", RED_S))

    def _shown(self, _: Step, __: str) -> None:
        self.prompt, self.reason, self.detail = None, None, None

    def tell(self, step: Step, lane: Lane, alerts: Iterable[str], *, again: bool = False) -> None:
        """Publish what is shown, if it changed (or ``again``: a new broker asks).

        While an admission is written, usually for a millisecond, nothing is: the message would delay the disk.
        """
        if lane.state is State.RECORDING and self.prompt is not Prompt.PLEASE_WAIT and not again:
            return
        prompt = self.prompt or _AT_REST[lane.mode]
        told = (lane.mode, lane.state, prompt, self.reason, self.detail, *alerts)
        if told == self._told and not again:
            return
        self._told = told
        key = f"step.{prompt}" if self.reason is None else f"deny.{self.detail or self.reason}"
        message = contract.LaneStatus(
            mode=lane.mode,
            state=lane.state,
            step=prompt,
            reason=self.reason,
            alerts=tuple(sorted(alerts)),
            text=contract.LaneText(**both(key)),
        )
        step.do(Publish(self.topic, contract.encode(message), retain=True))
