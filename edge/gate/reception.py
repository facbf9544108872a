"""The story of a tap: from the card to a yes or to a reason why not.

One reader is served at a time; one more may wait. What can be known without measuring is said at
once; the temperature and, where this gate has no right left, the neighbours' answer follow.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from edge.gate.admission import FULL, Question, decide, full
from edge.gate.face import SERVING, Prompt
from edge.gate.granting import Granting
from edge.gate.lane import Action, State, Trigger
from edge.gate.part import Part
from edge.gate.passage import Passage
from edge.gate.screening import Outcome, Verdict
from edge.gate.state import GateState
from edge.gate.tap import Tap, counted, lacks, question
from edge.gate.visits import Visit
from edge.runtime.step import Step
from edge.runtime.vocabulary import CancelTimer, SetTimer
from edge.site.contract import AlertKind, Mode, Reason

REPEAT_S = 1.0
"""A card that was refused and lies on the reader is not asked again for so long, seconds."""
CHECK, RIGHTS, WAITING = "check", "rights", "waiting"


@dataclass(slots=True)
class Reception(Part):
    """Serves the readers at one lane.

    Attributes:
        tap: who is served; None where nobody is.
        waiting: who is served next.
    """

    gate: GateState
    passage: Passage
    granting: Granting
    new_id: Callable[[], str]
    tap: Tap | None = None
    waiting: Tap | None = None
    _last_refused: tuple[str, float] = field(default=("", -1e9))

    def actions(self) -> Mapping[Action, Callable[[Step], None]]:
        """The checks."""
        return {
            Action.BEGIN_CHECKS: self.begin_checks,
            Action.END_CHECKS: self.end_checks,
            Action.REFER_TO_GUARD: self.refer_to_guard,
        }

    def timers(self) -> Mapping[str, Callable[[Step, str], None]]:
        """The reader, the neighbours or whoever is served before took too long."""
        return {
            CHECK: lambda step, _: self.check(step, overdue=True),
            RIGHTS: lambda step, _: self.check(step),
            WAITING: self._waited,
        }

    # --- a tap -----------------------------------------------------------------------------------------

    def take(self, step: Step, tap: Tap) -> None:
        """A card was presented. While the lane is released nobody need present one, and nothing is said to it."""
        if self.gate.lane.state is State.RELEASED:
            return
        if self.gate.lane.state in SERVING:
            self._queue(step, tap)
        elif self._last_refused[0] != tap.card or step.now.mono_s - self._last_refused[1] >= REPEAT_S:
            self._serve(step, tap)

    def serve_waiting(self, step: Step) -> None:
        """The lane is free again."""
        if self.waiting is not None and self.gate.lane.state not in SERVING:
            tap, self.waiting = self.waiting, None
            step.do(CancelTimer(WAITING))
            self.take(step, tap)

    def _queue(self, step: Step, tap: Tap) -> None:
        served = self.tap.card if self.tap else self.passage.visit.card if self.passage.visit else None
        if tap.card != served and (self.waiting is None or self.waiting.card != tap.card):
            self._wait(step, tap)

    def _waited(self, step: Step, _: str) -> None:
        if self.waiting is not None:
            tap, self.waiting = self.waiting, None
            self._record_denial(step, tap, Reason.BUSY, Verdict(Outcome.UNDECIDED))

    def _wait(self, step: Step, tap: Tap) -> None:
        """One tap may wait until whoever is served has walked through; it begins anew then."""
        if self.waiting is None:
            self.waiting = Tap(tap.card, tap.code, tap.phone)
            step.do(SetTimer(WAITING, self.gate.policy.tap_waits_s))
        else:
            self._record_denial(step, tap, Reason.BUSY, Verdict(Outcome.UNDECIDED))

    def _serve(self, step: Step, tap: Tap) -> None:
        tap.reopens = self.passage.reopening(tap.card, step.now.mono_s)
        asked = question(self.gate, step, tap)
        reason = self._objection(asked)
        self._note_code(step, tap, asked, reason)
        if reason is not None and (reason not in FULL or not self._rights_may_come(step, tap, asked.lacking)):
            self._deny(step, tap, reason)
            return
        tap.asked_in = step
        if asked.inside and self.gate.policy.anti_passback != "off":
            self._passback_alert(step, tap)
        self.tap = tap
        self.gate.pull(step, Trigger.TAP_ACCEPTED)

    def _objection(self, asked: Question) -> Reason | None:
        """What speaks against a card now."""
        # where the site lets the guard decide while date or caps are unknown, nothing else can be looked up
        blind = self.gate.lane.mode is Mode.MANUAL and not self.gate.lane.causes.keys().isdisjoint(("clock", "caps"))
        return None if blind and not asked.held else decide(asked)

    def _note_code(self, step: Step, tap: Tap, asked: Question, reason: Reason | None) -> None:
        """Count the tries of somebody who guesses."""
        if asked.codes_used_up or tap.code is None:
            return
        if reason is Reason.WRONG_CODE:
            self.gate.codes.wrong(tap.card, step.now.mono_s)
        elif asked.code_needed:
            self.gate.codes.right(tap.card)

    def _rights_may_come(self, step: Step, tap: Tap, lacking: Collection[str]) -> bool:
        """Whether neighbours may still send what is lacking: they are asked once and have `rights_wait_s` for it."""
        if tap.rights_until_s is None and self.gate.may_ask:
            wait_s = self.gate.policy.rights_wait_s
            tap.rights_until_s = step.now.mono_s + wait_s
            self.gate.exchange.ask(step, lacking, urgent=True, people=tap.entitled.people)
            step.do(SetTimer(RIGHTS, wait_s))
        return tap.rights_until_s is not None and step.now.mono_s < tap.rights_until_s

    # --- checks ----------------------------------------------------------------------------------------

    def begin_checks(self, step: Step) -> None:
        """The lane's action: somebody is being served from now on."""
        tap = self.tap
        if tap is None:
            raise RuntimeError("the lane serves nobody")
        self.gate.occupancy.reserved = frozenset(tap.entitled.places)
        step.do(SetTimer(CHECK, self._patience_s(step)))
        if self.gate.thermometry is not None and tap.reopens is None:
            self.gate.thermometry.want(step, True)
        self.check(step)

    def end_checks(self, step: Step) -> None:
        """The lane's action: whatever was measured belonged to this tap."""
        if self.tap is not None:
            self._interrupted(step, self.tap)
            self.tap = None
            self.gate.face.ask(step, None)
        self.gate.occupancy.reserved = frozenset()
        step.do(CancelTimer(CHECK))
        step.do(CancelTimer(RIGHTS))
        if self.gate.thermometry is not None:
            self.gate.thermometry.done(step)

    def presence(self, step: Step) -> None:
        """Somebody stepped before the thermometer: from now on the measurement must not take long."""
        if self.tap is not None:
            step.do(SetTimer(CHECK, self._patience_s(step)))
        self.check(step)

    def check(self, step: Step, *, overdue: bool = False) -> None:
        """Look at what is known of the served tap by now; decide as soon as it suffices."""
        tap = self.tap
        if tap is None or self.gate.lane.state is not State.CHECKING:
            return
        lacking = lacks(self.gate, tap)
        refusal = full(lacking)
        if refusal is None:
            tap.rights_until_s = None  # one that is lost again, to pay a debt, is asked for anew
        elif overdue or not self._rights_may_come(step, tap, lacking):
            self._deny(step, tap, refusal)
            return
        verdict = self._verdict(step, tap)
        if overdue and verdict.outcome is Outcome.UNDECIDED:
            verdict = replace(verdict, outcome=Outcome.INVALID, cause=verdict.cause or "no_reading")
        match verdict.outcome:
            case Outcome.PASS if not lacking:
                self._admit(step, tap, verdict)
            case Outcome.INVALID if verdict.cause == "unsteady" and not overdue:
                self._measure_anew(step, Prompt.HOLD_STILL)
            case Outcome.INVALID:
                self._deny(step, tap, Reason.TEMPERATURE_INVALID, verdict)
            case Outcome.SUSPECT if not tap.rechecking:
                tap.rechecking = True
                self._measure_anew(step, Prompt.RECHECK, self._recheck_s())
            case Outcome.SUSPECT:
                self._fever(step, tap, verdict)
            case _:
                present = self.gate.thermometry is not None and self.gate.thermometry.present
                if self.gate.face.prompt not in (Prompt.RECHECK, Prompt.HOLD_STILL):
                    self.gate.face.ask(step, Prompt.HOLD_STILL if present else Prompt.LOOK_AT_SENSOR)

    def _interrupted(self, step: Step, tap: Tap) -> None:
        """The check ends; unless the lane is released, and everybody walks freely, its tap is not forgotten."""
        match self.gate.lane.state:
            case State.LET_THROUGH:  # somebody else goes first
                self._wait(step, tap)
            case State.LOCKDOWN | State.HELD as shut:
                self._record_denial(step, tap, Reason(shut), Verdict(Outcome.UNDECIDED))
            case _:
                pass

    def _verdict(self, step: Step, tap: Tap) -> Verdict:
        if tap.reopens is not None:
            measured = tap.reopens.measured
            return Verdict(Outcome.PASS, measured["skin_c"], measured["ambient_c"], measured["estimate_c"])
        if self.gate.thermometry is None:
            return Verdict(Outcome.INVALID, cause="no_thermometer")
        return self.gate.thermometry.verdict(step.now.mono_s)

    def _measure_anew(self, step: Step, prompt: Prompt, pause_s: float = 0.0) -> None:
        self.gate.face.ask(step, prompt)
        if self.gate.thermometry is not None:
            self.gate.thermometry.forget()
            self.gate.thermometry.want(step, True, not_before_s=pause_s)
        if pause_s:
            step.do(SetTimer(CHECK, self._patience_s(step)))

    def _patience_s(self, step: Step) -> float:
        """How long the reader has from now: never less than the pause before a second look, whoever steps aside."""
        thermometry, policy = self.gate.thermometry, self.gate.policy
        if thermometry is None:
            return policy.face_s
        return thermometry.pause_s(step.now.mono_s) + (policy.check_s if thermometry.present else policy.face_s)

    def _recheck_s(self) -> float:
        return 0.0 if self.gate.thermometry is None else self.gate.thermometry.policy.recheck_s

    # --- yes -------------------------------------------------------------------------------------------

    def _admit(self, step: Step, tap: Tap, verdict: Verdict) -> None:
        """Let somebody in who has passed the checks, if nothing has come up since the tap."""
        reason = None if tap.asked_in is step else self._objection(question(self.gate, step, tap))
        if reason is not None:
            self._deny(step, tap, reason, verdict)
            return
        self.granting.grant(step, self._visit(step, tap, verdict), Trigger.PASSED_CHECKS)

    def _visit(self, step: Step, tap: Tap, verdict: Verdict) -> Visit:
        if tap.reopens is not None and counted(self.gate, tap):
            return tap.reopens
        entitled = tap.entitled
        return Visit(
            visit=self.new_id() if tap.reopens is None else tap.reopens.visit,
            card=tap.card,
            zone=entitled.zone,
            booking=None if entitled.booking is None else entitled.booking.booking,
            by=entitled.by,
            apart=entitled.pass_ is not None,
            people=entitled.people,
            session=entitled.session,
            day=self.gate.day(step),
            at=self.gate.time(step),
            measured=verdict.values(),
        )

    def grant_by_hand(self, step: Step, visit: Visit | None, **remarks: Any) -> None:
        """A guard's word: nobody else is served meanwhile; None opens once for whoever comes."""
        card = None if visit is None else visit.card
        if self.waiting is not None and self.waiting.card == card:
            self.waiting = None
            step.do(CancelTimer(WAITING))
        tap = self.tap
        if tap is not None:
            self.gate.pull(step, Trigger.REFUSED)
            if tap.card != card:
                self._wait(step, tap)
        self.granting.grant(step, visit, Trigger.GRANTED_BY_HAND, **remarks)

    # --- no --------------------------------------------------------------------------------------------

    def refer_to_guard(self, step: Step) -> None:
        """The lane's action: the guard measures and admits."""
        self.tap = None
        self.gate.face.ask(step, Prompt.GUARD_MEASURES)

    def _fever(self, step: Step, tap: Tap, verdict: Verdict) -> None:
        """Refuse the reader, hold the card at every gate and this lane until a guard has come."""
        gate = self.gate
        self._deny(step, tap, Reason.FEVER, verdict)
        error = gate.register.hold(step, tap.card, by=gate.device, cause="fever")
        gate.alerts.condition(
            step,
            AlertKind.FEVER,
            True,
            lane=gate.device,
            card=tap.card,
            **verdict.values(),
            **({} if error is None else {"error": error}),  # of the card alone: the lane is held all the same
        )
        gate.lane.causes["fever"] = Mode.HELD

    def _deny(self, step: Step, tap: Tap, reason: Reason, verdict: Verdict | None = None) -> None:
        verdict = verdict or Verdict(Outcome.UNDECIDED)
        if self.tap is tap:
            self.gate.pull(step, Trigger.REFUSED)
        self._last_refused = (tap.card, step.now.mono_s)
        self._record_denial(step, tap, reason, verdict)
        if reason in FULL and (zone := tap.entitled.zone) is not None:
            self.gate.alerts.incident(step, AlertKind.COUNT_DOUBT, "full", lane=self.gate.device, zone=zone)
        if reason is Reason.ALREADY_INSIDE:
            self._passback_alert(step, tap)
        detail = "phone" if reason is Reason.UNKNOWN_CARD and tap.phone else None
        if reason is Reason.TEMPERATURE_INVALID and verdict.cause == "too_cold":
            detail = "too_cold"
        if reason is Reason.WRONG_CODE and self.gate.codes.used_up(tap.card, step.now.mono_s):
            detail = "code_pause"
        if reason is Reason.HELD and self.gate.lane.mode is not Mode.HELD:
            detail = "card_held"
        self.gate.face.refuse(step, reason, detail)

    def _passback_alert(self, step: Step, tap: Tap) -> None:
        self.gate.alerts.incident(step, AlertKind.ANTI_PASSBACK, lane=self.gate.device, card=tap.card)

    def _record_denial(self, step: Step, tap: Tap, reason: Reason, verdict: Verdict) -> None:
        data = {"card": tap.card, "lane": self.gate.device, "reason": reason}
        measured = {key: value for key, value in verdict.values().items() if value is not None}
        cause = {} if verdict.cause is None else {"cause": verdict.cause}
        step.event("visit.denied", {**data, **measured, **cause})
