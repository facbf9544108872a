"""What a guard can tell a gate. One row a command; each returns None, or one line that says why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge.gate.admission import FULL, full
from edge.gate.entitlement import entitlement
from edge.gate.lane import PASSAGE, State
from edge.gate.occupancy import PASSES
from edge.gate.part import Part
from edge.gate.places import lacking
from edge.gate.reception import Reception
from edge.gate.state import GateState
from edge.gate.visits import Visit
from edge.runtime.commands import Answer, Handler
from edge.runtime.step import Step
from edge.runtime.vocabulary import SetTimer
from edge.site import contract
from edge.site.contract import BUILDING, AlertKind, Command, CommandName, Mode, Reason

ADMIT = "admit by hand"


@dataclass(slots=True)
class GuardDesk(Part):
    """Carries out commands at one gate.

    Attributes:
        waiting: an admission for which the neighbours are asked for a place.
    """

    gate: GateState
    reception: Reception
    waiting: contract.Admit | None = None

    def handlers(self) -> Mapping[CommandName, Handler]:
        """Which command is whose."""
        return {
            CommandName.OPEN_ONCE: self._open_once,
            CommandName.ADMIT: self._admit,
            CommandName.LOCKDOWN: self._lockdown,
            CommandName.RELEASE: self._release,
            CommandName.NORMAL: self._normal,
            CommandName.LED_ASIDE: self._led_aside,
            CommandName.RECORD_CHECK: self._record_check,
            CommandName.CLEAR_HOLD: self._clear_hold,
            CommandName.CLOSE_ZONE: self._close_zone,
            CommandName.REOPEN_ZONE: self._reopen_zone,
            CommandName.ALL_OUT: self._all_out,
            CommandName.SET_COUNT: self._set_count,
            CommandName.HYGIENE_DONE: self._hygiene_done,
            CommandName.PATROL_DONE: self._patrol_done,
            CommandName.REPORT_SYMPTOMS: self._report_symptoms,
        }

    # --- the lane -------------------------------------------------------------------------------------

    def _busy(self) -> str | None:
        """Why nobody can be let in by hand now."""
        if self.gate.thermometry is None:
            return "this lane is an exit"
        if self.gate.lane.mode in (Mode.LOCKDOWN, Mode.HELD, Mode.RELEASED):
            return f"the lane is in {self.gate.lane.mode}"
        if self.gate.lane.state in PASSAGE | {State.RECORDING}:
            return "somebody is walking through"
        return None

    def _open_once(self, step: Step, _: Command) -> str | None:
        error = self._busy()
        if error is None:
            self.reception.grant_by_hand(step, None)
        return error

    def _admit(self, step: Step, command: contract.Admit) -> str | Answer | None:
        error = self._admit_now(step, command)
        if error not in FULL or self.waiting is not None or not self.gate.may_ask:
            return error
        self.waiting = command
        step.do(SetTimer(ADMIT, self.gate.policy.rights_wait_s))
        return Answer.LATER

    def check(self, step: Step, *, overdue: bool = False) -> None:
        """Rights came from the neighbours, or the time for that is over."""
        command = self.waiting
        if command is not None:
            error = self._admit_now(step, command)
            if error not in FULL or overdue:
                self.waiting = None
                self.gate.station.desk.answer(step, command, error)

    def timers(self) -> Mapping[str, Callable[[Step, str], None]]:
        """A right that did not come."""
        return {ADMIT: lambda step, _: self.check(step, overdue=True)}

    def _admit_now(self, step: Step, command: contract.Admit) -> str | None:
        error = self._busy()
        if error is not None:
            return error
        card = command.card
        if command.temperature_c is not None and command.temperature_c > self.gate.policy.threshold_c:
            unheld = None if card is None else self.gate.register.hold(step, card, by=command.by, cause="fever")
            return f"fever: this person is not admitted{'' if unheld is None else f'; the card is not held: {unheld}'}"
        if card is not None and card in self.gate.register.holds:
            return "this card is held: record a contact temperature first"
        entitled = entitlement(self.gate, step, card)
        zone = command.zone or entitled.zone
        if zone is not None and zone in self.gate.register.closed:
            return f"{zone} is closed"
        visit = Visit(
            visit=self.reception.new_id(),
            card=card,
            zone=zone,
            booking=None if entitled.booking is None else entitled.booking.booking,
            by="hand",
            apart=entitled.pass_ is not None,
            people=command.people,
            session=entitled.session,
            day=self.gate.day(step),
            at=self.gate.time(step),
            measured={"skin_c": None, "ambient_c": None, "estimate_c": command.temperature_c},
        )
        unknown = self.gate.exchange.unknown(visit.places)
        if unknown and self.gate.policy.caps_unknown != "manual":
            return Reason.CAPS_UNKNOWN
        limited = [place for place in visit.places if place not in unknown]
        missing = lacking(self.gate, limited, command.people, card=card, session=visit.session)
        if missing:
            if self.waiting is None:
                self.gate.exchange.ask(step, missing, urgent=True, people=command.people)
            return full(missing)
        self.reception.grant_by_hand(
            step, visit, temperature_c=command.temperature_c, note=command.note, guard=command.by
        )
        return None

    def _lockdown(self, _: Step, __: Command) -> str | None:
        self.gate.lane.causes["lockdown"] = Mode.LOCKDOWN
        return None

    def _release(self, _: Step, __: Command) -> str | None:
        self.gate.lane.causes["release"] = Mode.RELEASED
        return None

    def _normal(self, step: Step, command: Command) -> str | None:
        if self.gate.fire:
            return "the fire input is active"
        ended = [self.gate.lane.causes.pop(cause, None) for cause in ("fire", "release", "lockdown")]
        if self.gate.lane.mode is Mode.HELD and not any(ended):
            return "the lane is held after a fever: led_aside ends that"
        self.gate.alerts.condition(step, AlertKind.FIRE, False, by=command.by)
        return None

    # --- fever ------------------------------------------------------------------------------------------

    def _led_aside(self, step: Step, command: Command) -> str | None:
        if self.gate.lane.causes.pop("fever", None) is None:
            return "the lane is not held"
        self.gate.alerts.condition(step, AlertKind.FEVER, False, by=command.by)
        return None

    def _record_check(self, step: Step, command: contract.RecordCheck) -> str | None:
        if command.card not in self.gate.register.holds:
            return "this card is not held"
        if command.contact_c <= self.gate.policy.threshold_c:
            self.gate.register.clear_hold(step, command.card)
        return None

    def _clear_hold(self, step: Step, command: contract.ClearHold) -> str | None:
        if command.card not in self.gate.register.holds:
            return "this card is not held"
        self.gate.register.clear_hold(step, command.card)
        return None

    # --- rooms --------------------------------------------------------------------------------------------

    def _close_zone(self, step: Step, command: contract.CloseZone) -> str | None:
        error = self.gate.register.close(step, command.zone, by=command.by, cause="command")
        if error is None:
            step.event("zone.closed", {"zone": command.zone, "by": command.by})
        return error

    def _reopen_zone(self, step: Step, command: contract.ReopenZone) -> str | None:
        if command.zone not in self.gate.register.closed:
            return f"{command.zone} is not closed"
        self.gate.register.reopen(step, command.zone)
        data = {"zone": command.zone, "by": command.by, "authority": command.authority}
        step.event("zone.reopened", data)
        return None

    def _all_out(self, step: Step, command: contract.AllOut) -> str | None:
        # A zone's exits without a card were counted for the building already: only a person's word on
        # the building settles the building. Then nobody is in any zone, and nobody on a pass.
        building = command.zone in (None, BUILDING)
        self._settle(step, command.zone or BUILDING, 0, command.by, "all_out")
        for zone in sorted(self.gate.occupancy.zones() | {PASSES}) if building else ():
            if self.gate.occupancy.inside(zone) != 0:
                self._settle(step, zone, 0, command.by, "all_out")
        self.gate.visits.settle(None if building else command.zone)
        return None

    def _set_count(self, step: Step, command: contract.SetCount) -> str | None:
        caps = self.gate.register.caps
        if command.zone not in {BUILDING, *self.gate.occupancy.zones(), *(() if caps is None else caps.zones)}:
            return f"{command.zone}: no such zone"
        self._settle(step, command.zone, command.people, command.by, "set_count")
        session = self.gate.stay(step)
        if session is not None:
            # whoever left unseen before this session is not among those counted, and has no place to give back
            self.gate.visits.settle(command.zone, but=session)
        return None

    def _settle(self, step: Step, zone: str, people: int, by: str, cause: str) -> None:
        before = self.gate.occupancy.inside(zone)
        if before > people:
            self.gate.occupancy.leave([zone], before - people)
        elif before < people:
            self.gate.occupancy.enter([zone], people - before)
        data = {"zone": zone, "before": before, "after": people, "by": by, "cause": cause}
        step.event("count.settled", data)

    def _hygiene_done(self, step: Step, command: contract.HygieneDone) -> str | None:
        step.event("hygiene.done", {"zone": command.zone, "by": command.by, "what": command.what})
        return None

    def _patrol_done(self, _: Step, __: Command) -> str | None:
        return None  # `command.done` is the record

    def _report_symptoms(self, step: Step, command: contract.ReportSymptoms) -> str | None:
        data = {"zone": command.zone, "by": command.by, "card": command.card}
        step.event("symptoms.reported", data)
        return None
