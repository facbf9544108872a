"""Values as JSON text, for the disk and the wire: fast, and strict about what JSON can hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


_NATIVE = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_strict = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=_plain).encode


def encode(value: Any) -> bytes:
    """Write a value without spaces, in UTF-8.

    Half a character (a lone surrogate), which can come in with anybody's JSON, is escaped.

    Raises:
        TypeError, ValueError: something in it is not what JSON can hold, such as bytes, a set, a time, NaN.
    """
    try:
        text = orjson.dumps(value, _plain, _NATIVE)
    except orjson.JSONEncodeError:
        return _strict(value).encode()
    if b"null" in text:  # which it also writes for NaN
        _strict(value)
    return text
