"""Parts that payloads are made of: names, times, counts, tokens, and the base of all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Annotated, Any, Final, cast

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    Field,
    JsonValue,
    StringConstraints,
)


def _iso(value: object) -> object:
    # pydantic would also take "1736000000" and 1736000000 for a time, and a lone date for midnight
    if isinstance(value, str) and value[4:5] == "-":
        return value
    if isinstance(value, date):
        return value
    raise ValueError("expected ISO 8601")


def _standard(value: datetime) -> datetime:
    # in place of pydantic's own zone: one that outlives the module datetime crashes Python 3.11 and 3.12
    # while they end (pydantic#12867, pyo3#6110)
    return value.replace(tzinfo=timezone(cast(timedelta, value.utcoffset())))


def _finite(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """JSON has no NaN and no infinity, but its readers take ``NaN`` and ``1e999``."""
    waiting: list[JsonValue] = list(value.values())
    for item in waiting:
        if isinstance(item, float):
            if item - item != 0.0:
                raise ValueError("expected finite numbers")
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return value


_ASTRAL: Final = "".join(chr(plane << 16 | end) for plane in range(1, 17) for end in (0xFFFE, 0xFFFF))
SEGMENT: Final = rf"^[^/+#\x00-\x1f\x7f-\x9f\u2028\u2029\ufdd0-\ufdef\ufffe\uffff{_ASTRAL}]+$"
"""What may stand between two slashes of a topic: nothing that MQTT reserves, nothing that breaks a line.

Nor what Unicode calls non-characters: a broker may hang up on them (MQTT 3.1.1, section 1.5.3).
"""

ZONE: Final = SEGMENT.replace("#", "#*")
TOKEN: Final = r"^[a-z2-7]{26}$"
UID: Final = r"^[0-9A-Fa-f]{4,32}$"
TIME_OF_DAY: Final = r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"
IN_WORDS: Final[Mapping[str, str]] = {
    SEGMENT: "text without / + # and control codes",
    ZONE: "text without / + # * and control codes",
    TOKEN: "a token of 26 characters a-z and 2-7",
    UID: "4 to 32 hex digits",
    TIME_OF_DAY: "HH:MM",
}
"""The patterns as an error names them."""


def _published(pattern: str) -> Any:
    # no two languages write an escape beyond U+FFFF alike, and YAML takes no U+1FFFE unescaped
    return Field(json_schema_extra={"pattern": pattern.replace(_ASTRAL, "")})


Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=SEGMENT), _published(SEGMENT)]
"""A device, a session, an alert: something that stands in topics."""
Zone = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=ZONE), _published(ZONE)]
"""A room or floor with a cap of its own."""
ZoneOrBuilding = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=SEGMENT), _published(SEGMENT)]
"""A zone, or ``*`` for the building."""
Id = Annotated[str, StringConstraints(min_length=1, max_length=128)]
"""An identity somebody else made up: a journal, a visit, a command, a booking."""
Line = Annotated[str, StringConstraints(max_length=500)]
"""A short text for people."""
Token = Annotated[str, StringConstraints(pattern=TOKEN)]
"""CARD or CODE: base32 of an HMAC, never the number itself (see `edge.site.tokens`)."""
Time = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_iso), AfterValidator(_standard)]
Day = Annotated[date, Field(strict=False), BeforeValidator(_iso)]
TimeOfDay = Annotated[str, StringConstraints(pattern=TIME_OF_DAY)]
"""Local time ``HH:MM``; ``24:00`` is the end of the day."""
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
People = Annotated[int, Field(ge=1, le=100)]
Whole = Annotated[int, Field(ge=0, le=2**53 - 1)]
"""A revision or sequence number: what every JSON reader can hold."""
ContactC = Annotated[float, Field(ge=20, le=45)]
"""Body temperature by contact thermometer, Celsius."""
Data = Annotated[dict[str, JsonValue], AfterValidator(_finite)]


class Payload(BaseModel, frozen=True, strict=True, extra="ignore", allow_inf_nan=False, validate_by_name=True):
    """Base of every message: frozen, strict, unknown keys ignored."""
