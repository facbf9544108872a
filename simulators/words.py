"""Events of a site in plain words, for those who watch. Never a card number: a reader is the beginning of a token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from edge.site.contract import BUILDING, AlertKind, Command, Reason, RecordCheck

Tone = Literal["note", "in", "out", "no", "alert", "guard"]
"""What kind of thing a line tells."""
Told = tuple[str, Tone]

WHY: Mapping[Reason, str] = {
    Reason.BUSY: "somebody else is at the lane",
    Reason.LOCKDOWN: "the entrance is locked down",
    Reason.HELD: "held",
    Reason.CLOCK_UNSET: "the date is unknown",
    Reason.CAPS_UNKNOWN: "the caps are unknown",
    Reason.UNKNOWN_CARD: "no booking",
    Reason.CLOSED: "library closed",
    Reason.WRONG_SESSION: "booked for another session",
    Reason.ZONE_CLOSED: "room closed",
    Reason.HEALTH: "health registration",
    Reason.WRONG_CODE: "wrong code",
    Reason.ALREADY_INSIDE: "already inside",
    Reason.ZONE_FULL: "room full",
    Reason.BUILDING_FULL: "building full",
    Reason.TEMPERATURE_INVALID: "no clear reading",
    Reason.FEVER: "too warm, twice",
    Reason.NO_MASK: "no mask",
}
"""Why somebody was refused; what the person reads stands on the display."""

MEANS: Mapping[AlertKind, str] = {
    AlertKind.COUNT_DOUBT: "the people must be counted",
    AlertKind.TAILGATING: "somebody followed without a card",
    AlertKind.ANTI_PASSBACK: "a card that is inside already",
    AlertKind.CAP_EXCEEDED: "more people inside than allowed",
}
"""What a kind of alert means, where its name does not say it."""

DID: Mapping[str, str] = {
    "led_aside": "led the reader aside",
    "clear_hold": "lifted the hold",
    "open_once": "opened the lane once",
    "lockdown": "locked the entrance down",
    "release": "released the lane",
    "normal": "set the lane to normal",
    "patrol_done": "went through all rooms",
    "all_out": "found everybody gone",
    "set_count": "counted the room",
}
"""What a guard's command means, when it was carried out."""


@dataclass(frozen=True, slots=True)
class Around:
    """What else is known when an event comes.

    Attributes:
        display: what the lane's display says, where it is about this event.
        command: the command that the event answers.
        held: cards that are refused at every gate.
    """

    display: str | None = None
    command: Command | None = None
    held: frozenset[str] = frozenset()


def short(card: str | None) -> str:
    """Enough of a token to know somebody again on the screen."""
    return "somebody" if card is None else f"{card[:4]}…"


def in_words(type_: str, data: Mapping[str, Any], around: Around) -> Told | None:
    """What an event means; None where it is not worth a line."""
    tell = _TELLERS.get(type_)
    return None if tell is None else tell(data, around)


def _started(data: Mapping[str, Any], _: Around) -> Told:
    return "started" if data["reason"] == "boot" else f"started after {data['reason']}", "note"


def _admitted(data: Mapping[str, Any], _: Around) -> Told:
    who = f"{'staff' if data['by'] == 'pass' else 'reader'} {short(data['card'])}"
    where = "" if data["zone"] is None else f" to {data['zone']}"
    by_hand = " by hand" if data["by"] == "hand" else ""
    return f"{who} admitted{where}{by_hand}{_celsius(data)}", "in"


def _denied(data: Mapping[str, Any], around: Around) -> Told:
    why = WHY.get(data["reason"], str(data["reason"]))
    display = "" if around.display is None else f" – “{around.display}”"
    return f"reader {short(data['card'])} refused: {why}{_celsius(data)}{display}", "no"


def _abandoned(_: Mapping[str, Any], __: Around) -> Told:
    return "nobody walked through: the place is free again", "out"


def _exited(data: Mapping[str, Any], _: Around) -> Told:
    who = "somebody" if data["card"] is None else f"reader {short(data['card'])}"
    where = "" if data["zone"] is None else f" {data['zone']}"
    return f"{who} left{where}", "out"


def _raised(data: Mapping[str, Any], _: Around) -> Told:
    kind = AlertKind(data["kind"])
    more = f": {MEANS[kind]}" if kind in MEANS else ""
    return f"ALERT {_words(kind)}{_celsius(data)}{more}", "alert"


def _acknowledged(data: Mapping[str, Any], _: Around) -> Told:
    return f"{data['by'] or 'guard'}: sees to {_words(data['kind'])}", "guard"


def _mode(data: Mapping[str, Any], _: Around) -> Told:
    return "lane open for readers again" if data["mode"] == "normal" else f"lane {data['mode']}", "guard"


def _settled(data: Mapping[str, Any], _: Around) -> Told:
    zone = "the building" if data["zone"] == BUILDING else data["zone"]
    return f"{data['by']}: count of {zone} set from {data['before']} to {data['after']}", "guard"


def _command(data: Mapping[str, Any], around: Around) -> Told | None:
    who, command = data.get("by") or "guard", around.command
    if not data["ok"]:
        return f"{who}: {data['do']} does not work: {data['error']}", "guard"
    if isinstance(command, RecordCheck):
        then = "is still held" if command.card in around.held else "may come in again"
        return f"{who}: contact thermometer {command.contact_c:.1f} °C: reader {short(command.card)} {then}", "guard"
    return (f"{who}: {DID[data['do']]}", "guard") if data["do"] in DID else None


_TELLERS: Mapping[str, Callable[[Mapping[str, Any], Around], Told | None]] = {
    "device.started": _started,
    "visit.admitted": _admitted,
    "visit.denied": _denied,
    "visit.abandoned": _abandoned,
    "visit.exited": _exited,
    "alert.raised": _raised,
    "alert.acknowledged": _acknowledged,
    "lane.mode": _mode,
    "count.settled": _settled,
    "command.done": _command,
}


def _words(kind: str) -> str:
    return kind.replace("_", " ")


def _celsius(data: Mapping[str, Any]) -> str:
    value = data.get("estimate_c")
    return "" if value is None else f" ({value:.1f} °C)"
