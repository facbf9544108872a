"""What is wrong with a message, in one line that repeats nothing it should not."""

from __future__ import annotations

from typing import Final

from pydantic import (
    ValidationError,
)

from edge.site.contract.parts import IN_WORDS

_FIXED_WORDS: Final = frozenset({"literal_error", "enum"})


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
            text, loc = f"unknown command {shown(str(context['tag']))}", ("do",)
        case _:
            expected = message.removeprefix("Input should ").removeprefix("be ")
            expected = IN_WORDS.get(context.get("pattern", ""), expected)
            if len(expected) > 150:
                expected = "a word of the contract"
            text = f"expected {expected}, found {_described(found, kind in _FIXED_WORDS)}"
    where = ".".join(shown(str(part)) for part in loc[-6:])
    return f"{where}: {text}" if where else text


def _described(value: object, word: bool) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value) if abs(value) < 1e15 else "a number beyond all bounds"
        case str():
            # only where a fixed word was expected may the text be shown: elsewhere it could be a card number
            return shown(value) if word else f"a text of {len(value)} characters"
        case dict():
            return "an object"
        case _:
            return "an array"


def shown(text: str) -> str:
    """A text from outside as it may stand in a line: short, and in ASCII."""
    return ascii(text if len(text) <= 60 else text[:57] + "...").strip("'\"")
