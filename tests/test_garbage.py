"""Files from outside, whole or nearly: a scenario and a site's configuration are read, or refused in one line each.

What arrives on the wires and from the broker is beside its parser: tests/site/test_contract.py, tests/drivers.
"""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.assembly.fakes import read_stimuli
from edge.runtime.config import ConfigError, load
from edge.settings import Building
from simulators.scenario import ScenarioError

DEMO = Path(__file__).parents[1] / "firmware_config" / "demo" / "site.toml"
SITE = load(DEMO, Building)
GOOD: list[dict[str, Any]] = [
    {"at": 0, "device": "server", "do": "caps", "payload": {"revision": 1, "building": 4, "zones": {}, "sessions": []}},
    {"at": 1, "device": "north", "do": "face", "skin_c": 34.6},
    {"at": 2, "device": "north", "do": "tap", "card": "04A1B2C3", "code": "1234"},
    {"at": 3, "device": "north", "do": "pass", "count": 2},
    {"at": 4, "device": "north", "do": "fault", "part": "thermometer", "kind": "stuck", "on": True},
    {"at": 5, "device": "west", "do": "power_cut", "for_s": 3.5},
    {"at": 6, "device": "site", "do": "clock", "step_s": -3600},
    {"at": 7, "device": "server", "do": "command", "to": "north", "payload": {"do": "normal"}, "retained": True},
]
LONGEST_LINE = 500

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["north", "tap"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


def spoil(draw: st.DrawFn, whole: Any) -> Any:
    """Replace, take out or add one thing somewhere in it."""
    whole = copy.deepcopy(whole)
    place = whole
    while place:
        key = draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
        if isinstance(place[key], dict | list) and draw(st.integers(0, 3)):
            place = place[key]
            continue
        if draw(st.booleans()):
            place[key] = draw(anything)
        else:
            del place[key]
        break
    if isinstance(place, dict) and draw(st.booleans()):
        cast(dict[str, Any], place)[draw(st.text(max_size=8) | st.sampled_from(["pin", "do", "kind"]))] = draw(anything)
    return whole


@st.composite
def nearly_a_scenario(draw: st.DrawFn) -> list[str]:
    lines = [json.dumps(line) for line in spoil(draw, GOOD) if line is not None]
    if draw(st.booleans()) and lines:
        number = draw(st.integers(0, len(lines) - 1))
        cut = draw(st.integers(0, len(lines[number])))
        lines[number] = lines[number][:cut] + draw(st.text(max_size=5)) + lines[number][cut:]
    return lines


@st.composite
def nearly_a_site(draw: st.DrawFn) -> dict[str, Any]:
    return spoil(draw, tomllib.loads(DEMO.read_text(encoding="utf-8")))


def complaints(read: Callable[[], object], error: type[Exception]) -> Sequence[str]:
    """What is said when this is read; nothing when it is good."""
    try:
        read()
    except error as caught:
        return caught.lines if isinstance(caught, ConfigError) else [str(caught)]
    return ()


def one_line_each(lines: Sequence[str], start: str) -> None:
    for line in lines:
        assert line.startswith(start)
        assert line.splitlines() == [line]
        assert len(line) < LONGEST_LINE


def stimuli_or_one_line(lines: Iterable[str]) -> None:
    one_line_each(complaints(lambda: list(read_stimuli(lines, SITE)), ScenarioError), "line ")


def site_or_lines(path: Path) -> None:
    one_line_each(complaints(lambda: load(path, Building), ConfigError), str(path))


def test_the_good_ones_are_read() -> None:
    assert len(list(read_stimuli(map(json.dumps, GOOD), SITE))) == len(GOOD)


@given(st.lists(st.text(max_size=60) | anything.map(json.dumps), max_size=5))
def test_any_text_is_a_scenario_or_one_line(lines: list[str]) -> None:
    stimuli_or_one_line(lines)


@given(nearly_a_scenario())
@settings(max_examples=400)
def test_a_nearly_good_scenario_is_read_or_refused_in_one_line(lines: list[str]) -> None:
    stimuli_or_one_line(lines)


@given(raw=st.binary(max_size=200))
def test_any_bytes_are_a_site_or_one_line_each(tmp_path_factory: Any, raw: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any bytes.toml"
    path.write_bytes(raw)
    site_or_lines(path)


@given(raw=nearly_a_site())
@settings(max_examples=300)
def test_a_nearly_good_site_is_read_or_refused_in_one_line_each(tmp_path_factory: Any, raw: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "nearly.toml"
    path.write_text(as_toml(raw), encoding="utf-8")
    site_or_lines(path)


def as_toml(table: dict[str, Any]) -> str:
    """Each top-level key with an inline value; what TOML cannot say (null, huge numbers) is left out."""
    return "".join(f"{json.dumps(key)} = {inline(value)}\n" for key, value in table.items() if sayable(value))


def sayable(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) < 2**63
    return value is not None and not (isinstance(value, str) and any(0xD800 <= ord(c) <= 0xDFFF for c in value))


def inline(value: Any) -> str:
    if isinstance(value, dict):
        items = cast(dict[str, Any], value).items()
        return "{" + ", ".join(f"{json.dumps(key)} = {inline(each)}" for key, each in items if sayable(each)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(inline(each) for each in cast(list[Any], value) if sayable(each)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value).replace("\x7f", "\\u007f")
