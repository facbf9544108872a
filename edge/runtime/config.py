"""A site's TOML file to frozen models. Whatever is wrong is said in one line: file, key, what was expected."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError

LONGEST_LINE = 400
"""Letters of a complaint."""


class ConfigError(ValueError):
    """The configuration cannot be used; ``lines`` holds one line an error."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = tuple(map(_printable, lines))
        super().__init__("\n".join(self.lines))


class Settings(BaseModel):
    """Base of every section: frozen, an unknown key is an error, and a text or a truth value is no number."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, strict=True)


T = TypeVar("T", bound=Settings)
Node: TypeAlias = dict[str, Any] | list[Any]
"""A section or a list of them, as TOML gives it."""


def load(path: Path, model: type[T], overrides: Sequence[str] = ()) -> T:
    """Read a file into its model.

    Args:
        path: the TOML file.
        model: the model of the whole file.
        overrides: ``KEY=VALUE`` with a dotted key; the value is TOML, or else text.

    Raises:
        ConfigError: the file cannot be read or is not what the model expects.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError([f"{path}: no such file"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([f"{path}: cannot be read: {_words(error)}"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: not TOML: {error}"]) from None
    for override in overrides:
        _override(raw, override)
    try:
        return model.model_validate(raw, context={"directory": path.parent.absolute()})
    except ValidationError as error:
        raise ConfigError([_line(path, dict(detail)) for detail in error.errors()]) from None


def _override(raw: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise ConfigError([f"--set {override}: expected KEY=VALUE with a dotted key"])
    try:
        value: Any = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    place: Node = raw
    for part in parts[:-1]:
        place = _into(place, part, override)
    if isinstance(place, list):
        place[_index(place, parts[-1], override)] = value
    else:
        place[parts[-1]] = value


def _into(place: Node, part: str, override: str) -> Node:
    inner: Any = place[_index(place, part, override)] if isinstance(place, list) else place.setdefault(part, {})
    if not isinstance(inner, dict | list):
        raise ConfigError([f"--set {override}: {part} is a value, not a section"])
    return cast(Node, inner)


def _index(place: list[Any], part: str, override: str) -> int:
    if not part.isdecimal() or int(part) >= len(place):
        raise ConfigError([f"--set {override}: {part}: expected an index below {len(place)}"])
    return int(part)


SECRETS = ("key",)
"""Keys whose values are not repeated in a complaint."""


def _line(path: Path, detail: dict[str, Any]) -> str:
    key = ".".join(str(part) for part in detail["loc"]) or "(file)"
    match detail["type"]:
        case "extra_forbidden":
            return f"{path}: {key}: unknown key"
        case "missing":
            return f"{path}: {key}: missing"
        case "value_error":
            return f"{path}: {key}: {detail['ctx']['error']}"
        case _:
            found = repr(detail["input"])
            found = found.lower() if isinstance(detail["input"], bool) else found  # as TOML writes it
            found = found if len(found) <= 60 else found[:57] + "..."
            message = str(detail["msg"])
            what = "" if key.rpartition(".")[2] in SECRETS else f", found {found}"
            return f"{path}: {key}: {message[0].lower()}{message[1:]}{what}"


def _printable(line: str) -> str:
    """One line of bounded length, whatever stands in the file."""
    shown = "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in line)
    return shown if len(shown) <= LONGEST_LINE else f"{shown[: LONGEST_LINE - 3]}..."


def _words(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
