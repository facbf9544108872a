"""Events and values as rows of the journal, and back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge.runtime import jsontext
from edge.runtime.vocabulary import Commit, Event

EventRow = tuple[int, str | None, int, float, str, str]


@dataclass(frozen=True, slots=True)
class Transaction:
    """A `Commit` as it will lie on the disk: nothing in it changes any more, whoever holds the original."""

    number: int
    events: tuple[EventRow, ...]
    puts: tuple[tuple[str, str | None], ...]


def encode(intent: Commit) -> Transaction:
    """Make rows of a transaction.

    Raises:
        TypeError, ValueError: something in it is not what JSON can hold, or a time has no offset.
    """
    return Transaction(
        intent.number,
        tuple(map(_event_row, intent.events)),
        tuple((key, None if value is None else _text(value)) for key, value in intent.puts.items()),
    )


def decode_event(row: EventRow) -> Event:
    """The event of a row."""
    seq, at, boot, mono_s, type_, data = row
    return Event(seq, None if at is None else datetime.fromisoformat(at), boot, mono_s, type_, json.loads(data))


def decode_value(text: str) -> Any:
    """The value of a row of the state."""
    return json.loads(text)


def _event_row(event: Event) -> EventRow:
    at = event.at
    if at is not None and at.tzinfo is None:
        raise ValueError(f"event {event.seq} ({event.type}): its time has no offset")
    return (
        event.seq,
        None if at is None else at.isoformat(),
        event.boot,
        event.mono_s,
        event.type,
        _text(event.data),
    )


def _text(value: object) -> str:
    return jsontext.encode(value).decode()
