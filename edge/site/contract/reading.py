"""From a topic and bytes to a typed message, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from edge.site.contract.complaints import FOREIGN, complaint, own, shown
from edge.site.contract.parts import TOKEN, Payload
from edge.site.contract.topics import TOPICS, Topic, check_segment
from edge.site.contract.words import ContractError


class Message(NamedTuple):
    """A message that keeps the contract; ``payload`` None: the topic was cleared."""

    topic: Topic
    parameters: Mapping[str, str]
    payload: Payload | None


_BY_SHAPE: Final = {(row.path.split("/")[0], row.path.count("/")): row for row in TOPICS.values()}


@lru_cache(maxsize=8)  # the gates of a simulated site hear the same message one after the other
def parse(topic: str, payload: bytes) -> Message:
    """Read a message. Costs 2 to 10 microseconds for what gates exchange all day (x86).

    Raises:
        ContractError: one line; nothing of the message may be used.
    """
    row, parameters = locate(topic)
    if len(payload) > row.max_bytes:
        raise ContractError(f"{shown_topic(topic)}: {len(payload)} bytes, expected at most {row.max_bytes}")
    if not payload and row.retained:
        return Message(row, parameters, None)
    try:
        model: Payload = row.adapter.validator.validate_json(payload)
    except ValidationError as error:
        raise ContractError(f"{shown_topic(topic)}: {complaint(error)}") from None
    if row.from_outside:
        _check_json(shown_topic(topic), payload)
    for key in row.echoes:
        if getattr(model, key) != parameters[key]:
            raise ContractError(f"{shown_topic(topic)}: {key}: another than in the topic, expected the same")
    return Message(row, parameters, model)


@lru_cache(maxsize=4096)
def locate(topic: str) -> tuple[Topic, Mapping[str, str]]:
    """The row of a topic and its parameters, the site among them.

    Raises:
        ContractError: no row has such topics.
    """
    first, _, rest = topic.partition("/")
    site, _, path = rest.partition("/")
    parts = path.split("/")
    row = _BY_SHAPE.get((parts[0], len(parts) - 1))
    if first != "gatehouse" or row is None:
        raise ContractError(f"{shown(topic)}: expected a topic of the contract")
    parameters = dict(zip(row.parameters, (site, *parts[1:]), strict=True))
    for value in parameters.values():
        check_segment(shown(topic), value)
    if "date" in parameters and not _is_day(parameters["date"]):
        raise ContractError(f"{shown(topic)}: date: expected YYYY-MM-DD")
    return row, MappingProxyType(parameters)


def shown_topic(topic: str) -> str:
    """A topic as it may be repeated: a token may stand in it, and nothing else in a token's place."""
    before, _, last = topic.rpartition("/")
    row = _BY_SHAPE.get((before.rpartition("/")[2], 1))
    if row is not None and row.parameters[-1] == "card" and not re.fullmatch(TOKEN, last):
        return f"{before}/{FOREIGN}"
    return topic


def encode(payload: Payload) -> bytes:
    """Write a payload: compact, keys in the order of the model."""
    return payload.__pydantic_serializer__.to_json(payload, by_alias=True)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _check_json(where: str, payload: bytes) -> None:
    """Refuse what JSON readers disagree on: a key given twice, NaN, infinity."""
    try:
        _strict(payload.decode())
    except ValueError as error:
        raise ContractError(f"{where}: {error}") from None


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{own(key)}: given twice, expected once")
        found[key] = value
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant}: expected a number that JSON knows")


_strict = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse).decode
"""Made once: `json.loads` would make a decoder each time."""
