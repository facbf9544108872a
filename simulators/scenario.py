"""Scenarios: JSON lines that say what people, cabinets' users, wires and servers do, and when.

A line that this file does not understand is an error with its number; nothing is guessed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, get_args

from edge.site.contract import TOPICS, ContractError

Part = Literal["thermometer", "reader", "lock", "beam", "broker", "disk"]
Kind = Literal["absent", "corrupt", "stuck", "error_bit", "out_of_range", "slow", "intermittent"]
DataKind = Literal["swapped", "short", "storm"]
"""Of a reader's two data wires alone: one for the other, frames too short, pulses without end."""
AnyKind = Literal[Kind, DataKind]

Faults = Mapping[Part, tuple[AnyKind, ...]]
"""The parts of a device, and which faults they can have."""

FAULTS: Final[Faults] = {
    "thermometer": get_args(Kind),
    "reader": ("absent", "corrupt", "stuck", "slow", "intermittent"),
    "lock": ("absent", "stuck", "intermittent"),
    "beam": ("absent", "stuck", "intermittent"),
    "broker": ("absent", "slow", "intermittent"),
    "disk": ("absent", "slow"),
}
"""Which part can have which fault, whatever it is made of."""

DATA_FAULTS: Final[tuple[DataKind, ...]] = get_args(DataKind)
"""What a reader on two wires can have beside what all readers can."""

COMPUTER: Final[Faults] = {part: FAULTS[part] for part in ("broker", "disk")}
"""Of every device."""

UID_BYTES = (4, 7, 10)
"""Of a card (ISO/IEC 14443-3)."""


class ScenarioError(ValueError):
    """A line of a scenario cannot be used; the message is one line that names it."""


@dataclass(frozen=True, slots=True)
class Stimulus:
    """One line: ``at`` seconds after the start, ``device`` does ``do`` with ``keys``."""

    line: int
    at: float
    device: str
    do: str
    keys: Mapping[str, Any]


class Key(NamedTuple):
    """What a key may hold; ``default`` makes it optional."""

    types: tuple[type, ...]
    default: Any = ...
    minimum: float | None = None
    maximum: float | None = None


NUMBER = (int, float)
LONGEST_S = 1e9
_SECONDS = Key(NUMBER, minimum=0.0, maximum=LONGEST_S)
_CELSIUS = Key(NUMBER, minimum=-273.15, maximum=1000.0)
_CARD = Key((str,))
_YES = Key((bool,))

GATE: Final[Mapping[str, Mapping[str, Key]]] = {
    "tap": {"card": _CARD, "code": Key((str,), None)},
    "face": {"skin_c": _CELSIUS},
    "leave": {},
    "pass": {"count": Key((int,), 1, 1, 1000)},
    "exit": {"card": Key((str,), None)},
    "force": {},
    "hold_open": {"for_s": _SECONDS},
    "fire": {"active": _YES},
    "release_button": {},
    "link": {"up": _YES},
    "ambient": {"ambient_c": _CELSIUS},
}
"""What can happen at a gate."""

ANY: Final[Mapping[str, Mapping[str, Key]]] = {
    "fault": {"part": Key((str,)), "kind": Key((str,)), "on": _YES},
    "power_cut": {"for_s": _SECONDS},
    "clock": {"step_s": Key(NUMBER, None, -LONGEST_S, LONGEST_S), "set": Key((bool,), None)},
}
"""What can happen to any device."""

_PAYLOAD = Key((dict,))
SERVER: Final[Mapping[str, Mapping[str, Key]]] = {
    "caps": {"payload": _PAYLOAD},
    "bookings": {"date": Key((str,)), "session": Key((str,)), "payload": _PAYLOAD},
    "passes": {"payload": _PAYLOAD},
    "returns": {"payload": _PAYLOAD},
    "command": {"to": Key((str,)), "payload": _PAYLOAD, "retained": Key((bool,), False)},
}
"""What the booking server can say."""


def read(
    lines: Iterable[str], gates: Mapping[str, Faults], *, live: bool = False, numbers: Collection[int] = ()
) -> Iterator[Stimulus]:
    """Read stimuli one by one.

    Args:
        lines: the text.
        gates: the site's gates, each with the parts that it has.
        live: times are optional; a line without one acts when it arrives, and order is not asked for.
        numbers: bytes of card numbers here that are no UID.

    Raises:
        ScenarioError: a line is not a stimulus of this site.
    """
    parts = {"site": COMPUTER, **gates}
    texts = {"card": _card(numbers), **TEXTS}
    last = 0.0
    for number, text in enumerate(lines, start=1):
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        stimulus = _stimulus(number, text, parts, live, texts)
        if stimulus.at < last and not live:
            raise ScenarioError(f"line {number}: at: {stimulus.at} is before {last}; expected rising times")
        last = max(last, stimulus.at)
        yield stimulus


def _stimulus(number: int, text: str, parts: Mapping[str, Faults], live: bool, texts: Mapping[str, Text]) -> Stimulus:
    def wrong(what: str) -> ScenarioError:
        return ScenarioError(f"line {number}: {what}")

    try:
        raw = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise wrong(f"not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise wrong("expected an object")
    keys: dict[str, Any] = dict(raw)  # pyright: ignore[reportUnknownArgumentType]
    at = keys.pop("at", 0.0 if live else None)
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at <= LONGEST_S:
        raise wrong("at: expected seconds since the start")
    device, do = keys.pop("device", None), keys.pop("do", None)
    if not isinstance(device, str) or device not in {"server", *parts}:
        raise wrong(f"device: {_shown(device)} is unknown; expected one of {', '.join(sorted({'server', *parts}))}")
    vocabulary = {"server": SERVER, "site": ANY}.get(device, {**GATE, **ANY})
    if not isinstance(do, str) or do not in vocabulary:
        raise wrong(f"do: {_shown(do)} is unknown; {device} knows {', '.join(sorted(vocabulary))}")
    allowed = vocabulary[do]
    for key in keys:
        if key not in allowed:
            raise wrong(f"{_shown(key)}: {do} has no such key; expected {', '.join(allowed) or 'none'}")
    for key, rule in allowed.items():
        keys.setdefault(key, rule.default)
        _check(wrong, key, rule, keys[key])
    _check_together(wrong, keys, do, device, parts)
    for key, text_rule in texts.items():
        if isinstance(keys.get(key), str) and not text_rule.fits(keys[key]):
            raise wrong(f"{key}: expected {text_rule.expected}")
    if not _is_unicode(keys):
        raise wrong("expected whole characters, found half of a pair")
    return Stimulus(number, float(at), device, do, keys)


def _check_together(wrong: Any, keys: Mapping[str, Any], do: str, device: str, parts: Mapping[str, Faults]) -> None:
    """What one key alone does not tell."""
    if do == "fault":
        _check_fault(wrong, keys, device, parts[device])
    if do == "clock" and (keys["step_s"] is None) == (keys["set"] is None):
        raise wrong("clock: expected either step_s or set")
    if do == "command" and keys["to"] not in parts:
        raise wrong(f"to: {_shown(keys['to'])} is unknown; expected one of {', '.join(sorted(parts))}")


def _check(wrong: Any, key: str, rule: Key, value: Any) -> None:
    if value is ...:
        raise wrong(f"{key}: missing")
    if value is None and rule.default is None:
        return
    right = isinstance(value, rule.types) and (not isinstance(value, bool) or bool in rule.types)
    if not right:
        names = " or ".join(
            {"str": "text", "dict": "object", "bool": "true or false"}.get(t.__name__, "number") for t in rule.types[:1]
        )
        raise wrong(f"{key}: expected {names}")
    if rule.minimum is not None and isinstance(value, int | float) and value < rule.minimum:
        raise wrong(f"{key}: expected at least {rule.minimum:g}")
    if rule.maximum is not None and isinstance(value, int | float) and value > rule.maximum:
        raise wrong(f"{key}: expected at most {rule.maximum:g}")


def _check_fault(wrong: Any, keys: Mapping[str, Any], device: str, parts: Faults) -> None:
    part, kind = keys["part"], keys["kind"]
    if part not in FAULTS:
        raise wrong(f"part: {_shown(part)} is unknown; expected one of {', '.join(FAULTS)}")
    if part not in parts:
        raise wrong(f"part: {device} has no {part}; it has {', '.join(parts)}")
    if kind not in get_args(AnyKind):
        raise wrong(f"kind: {_shown(kind)} is unknown; expected one of {', '.join(get_args(AnyKind))}")
    if kind not in parts[part]:
        raise wrong(f"kind: {part} cannot be {kind}; it can be {', '.join(parts[part])}")


def _is_typed(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _is_segment(text: str) -> bool:
    try:
        TOPICS["bookings"].build("site", date="date", session=text)
    except ContractError:
        return False
    return True


def _is_unicode(keys: Mapping[str, Any]) -> bool:
    try:
        json.dumps(keys, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


class Text(NamedTuple):
    """What a text must be like."""

    fits: Callable[[str], bool]
    expected: str


TEXTS: Final[Mapping[str, Text]] = {
    "code": Text(_is_typed, "what a keypad types"),
    "date": Text(_is_segment, "what can stand in a topic"),
    "session": Text(_is_segment, "what can stand in a topic"),
}
"""Texts that would break the wires, if they came so far."""


def _card(numbers: Collection[int]) -> Text:
    """A card's UID, or a number of so many bytes."""
    more = [size for size in numbers if size not in UID_BYTES]
    sizes = {2 * size for size in (*UID_BYTES, *more)}
    other = "" if not more else f", or a number of {more[0]}" + (f" to {more[-1]}" if len(more) > 1 else "")

    def fits(text: str) -> bool:
        return len(text) in sizes and all(character in "0123456789abcdefABCDEF" for character in text)

    return Text(fits, f"a UID of 4, 7 or 10 bytes{other} in hex")


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
