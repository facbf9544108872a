"""What is wrong with a message, in one line that repeats nothing of it but the contract's own words.

Whatever else a message holds, key or value, may be somebody's card number in the wrong column; and the line
goes into the history.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from pydantic import ValidationError

from edge.site.contract.parts import IN_WORDS, Payload
from edge.site.contract.words import CommandName

FOREIGN: Final = "?"
"""Stands for a key that is none of the contract's."""


def complaint(error: ValidationError) -> str:
    """One line about the first fault: where, what was expected, what was there."""
    first = error.errors(include_url=False)[0]
    loc, kind, message, found = first["loc"], first["type"], first["msg"], first["input"]
    context = first.get("ctx", {})
    if kind == "json_invalid":
        return message
    if loc and loc[-1] == "[key]":
        loc = (*loc[:-2], "key")  # the key itself is a text that does not fit
    match kind:
        case "missing":
            text = "missing"
        case "value_error":
            text = str(context["error"])
        case "union_tag_not_found":
            text, loc = "missing", ("do",)
        case "union_tag_invalid":
            text, loc = "expected a command of the contract, found another text", ("do",)
        case _:
            expected = message.removeprefix("Input should ").removeprefix("be ")
            expected = IN_WORDS.get(context.get("pattern", ""), expected)
            if len(expected) > 150:
                expected = "a word of the contract"
            text = f"expected {expected}, found {_described(found)}"
    where = ".".join(str(part) if isinstance(part, int) else own(part) for part in loc[-6:])
    return f"{where}: {text}" if where else text


def own(key: str) -> str:
    """A key of a message as it may be repeated."""
    return key if key in _own_words() else FOREIGN


@cache
def _own_words() -> frozenset[str]:
    """Every key that a payload of the contract has, and the commands, which stand before their keys."""
    fields = [(name, field.alias) for model in _models(Payload) for name, field in model.model_fields.items()]
    return frozenset({"key", *CommandName, *(word for names in fields for word in names if word is not None)})


def _models(base: type[Payload]) -> Iterator[type[Payload]]:
    yield base
    for model in base.__subclasses__():
        yield from _models(model)


def _described(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int():
            return "a whole number"
        case float():
            return "a number"
        case str():
            return f"a text of {len(value)} characters"
        case dict():
            return "an object"
        case _:
            return "an array"


def shown(text: str) -> str:
    """A text from outside as it may stand in a line: short, and in ASCII."""
    return ascii(text if len(text) <= 60 else text[:57] + "...").strip("'\"")
