"""Bad configuration gets one clear line: which file, which key, what was expected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, Strict, ValidationError, model_validator

from edge.runtime.config import ConfigError, Settings, load


class Lamp(Settings):
    """One lamp."""

    pin: Annotated[int, Field(ge=9, le=27)]
    """BCM number."""
    kind: Literal["led", "bulb"] = "led"
    """What it is."""


class House(Settings):
    """The whole file."""

    name: str
    folder: Annotated[Path, Strict(False)] = Path("var")
    warm_s: Annotated[float, Field(gt=0, le=60)] = 5
    lamps: list[Lamp] = Field(default_factory=list[Lamp])
    lit: bool = False
    rooms: dict[str, Lamp] = Field(default_factory=dict[str, Lamp])

    @model_validator(mode="after")
    def _not_haunted(self) -> House:
        if self.name == "haunted":
            raise ValueError("name: expected a house without ghosts")
        return self


GOOD = """
name = "library"
[[lamps]]
pin = 17
[[lamps]]
pin = 18
kind = "bulb"
[rooms.hall]
pin = 22
"""


class Desk:
    """Where files are written and read back."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "site.toml"

    def load(self, text: str, *overrides: str) -> House:
        self.path.write_text(text, encoding="utf-8")
        return load(self.path, House, overrides)

    def complains(self, text: str, *overrides: str) -> tuple[str, ...]:
        """The lines, without the file's name, which every line of the file's must begin with."""
        with pytest.raises(ConfigError) as caught:
            self.load(text, *overrides)
        assert str(caught.value) == "\n".join(caught.value.lines)
        assert all(len(line.splitlines()) == 1 for line in caught.value.lines)
        return tuple(line.removeprefix(f"{self.path}: ") for line in caught.value.lines)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# --- files ----------------------------------------------------------------------------------------------


def test_a_good_file_becomes_a_frozen_model(desk: Desk) -> None:
    house = desk.load(GOOD)
    assert (house.name, house.lamps[1].kind, house.rooms["hall"].pin, house.warm_s) == ("library", "bulb", 22, 5)
    with pytest.raises(ValidationError, match="frozen"):
        house.name = "another"  # pyright: ignore[reportAttributeAccessIssue]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: no such file$"):
        load(tmp_path / "nowhere.toml", House)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path, House)


def test_another_encoding_is_said(desk: Desk) -> None:
    desk.path.write_bytes('name = "图书馆"'.encode("gbk"))
    with pytest.raises(ConfigError, match=r"site\.toml: cannot be read: .*utf-8"):
        load(desk.path, House)


def test_what_is_not_toml_is_said_with_its_line(desk: Desk) -> None:
    (line,) = desk.complains("name = library\n")
    assert line.startswith("not TOML: ")
    assert "line 1" in line


# --- keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GOOD + "colour = 1\n", "rooms.hall.colour: unknown key"),
        ('nmae = "x"\n' + GOOD, "nmae: unknown key"),
        ("", "name: missing"),
        (GOOD.replace("pin = 17", ""), "lamps.0.pin: missing"),
        (GOOD.replace("17", "8"), "lamps.0.pin: input should be greater than or equal to 9, found 8"),
        (GOOD.replace("bulb", "sun"), "lamps.1.kind: input should be 'led' or 'bulb', found 'sun'"),
        (GOOD.replace('"library"', "5"), "name: input should be a valid string, found 5"),
        (GOOD.replace("library", "haunted"), "(file): name: expected a house without ghosts"),
    ],
)
def test_a_fault_is_one_line_with_key_and_expectation(desk: Desk, text: str, line: str) -> None:
    assert desk.complains(text) == (line,)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "0", "60.1"])
def test_no_number_is_beyond_its_range(desk: Desk, value: str) -> None:
    (line,) = desk.complains(f"warm_s = {value}\n" + GOOD)
    assert line.startswith("warm_s: input should be ")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GOOD.replace("17", '"17"'), "lamps.0.pin: input should be a valid integer, found '17'"),
        (GOOD.replace("17", "17.0"), "lamps.0.pin: input should be a valid integer, found 17.0"),
        (GOOD.replace("17", "true"), "lamps.0.pin: input should be a valid integer, found true"),
        ('warm_s = "5"\n' + GOOD, "warm_s: input should be a valid number, found '5'"),
        ("warm_s = true\n" + GOOD, "warm_s: input should be a valid number, found true"),
        ('lit = "yes"\n' + GOOD, "lit: input should be a valid boolean, found 'yes'"),
        ("lit = 1\n" + GOOD, "lit: input should be a valid boolean, found 1"),
    ],
)
def test_what_only_looks_like_a_number_is_none(desk: Desk, text: str, line: str) -> None:
    """Whoever wrote it meant something else than it says."""
    assert desk.complains(text) == (line,)


def test_every_fault_has_a_line(desk: Desk) -> None:
    assert len(desk.complains("a = 1\nb = 2\n[[lamps]]\npin = 1\nkind = 'x'\n")) == 5


def test_a_long_value_is_cut(desk: Desk) -> None:
    (line,) = desk.complains(GOOD.replace("17", f'"{"x" * 500}"'))
    assert len(line) < 200
    assert line.endswith("...")


# --- overrides --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("warm_s=7.5", "warm_s", 7.5),
        ("warm_s = 7", "warm_s", 7),
        ("name=reading room", "name", "reading room"),
        ('name="quoted"', "name", "quoted"),
        ("name=a=b", "name", "a=b"),
        ("folder=/tmp/x", "folder", Path("/tmp/x")),
        ("lamps=[{pin = 9}]", "lamps", [Lamp(pin=9)]),
        ("rooms={}", "rooms", {}),
    ],
)
def test_an_override_is_toml_or_else_text(desk: Desk, override: str, key: str, value: Any) -> None:
    assert getattr(desk.load(GOOD, override), key) == value


def test_an_override_reaches_into_sections_and_lists(desk: Desk) -> None:
    house = desk.load(GOOD, "rooms.hall.pin=9", "lamps.1.pin=10", "rooms.attic.pin=11")
    assert (house.rooms["hall"].pin, house.lamps[1].pin, house.rooms["attic"].pin) == (9, 10, 11)


def test_the_last_of_several_overrides_holds(desk: Desk) -> None:
    assert desk.load(GOOD, "warm_s=1", "warm_s=2").warm_s == 2


def test_an_override_is_checked_like_the_file(desk: Desk) -> None:
    assert desk.complains(GOOD, "rooms.hall.pni=9") == ("rooms.hall.pni: unknown key",)
    assert desk.complains(GOOD, "warm_s=often")[0].startswith("warm_s: input should be a valid number")


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("warm_s", "expected KEY=VALUE with a dotted key"),
        ("=5", "expected KEY=VALUE with a dotted key"),
        ("rooms..pin=5", "expected KEY=VALUE with a dotted key"),
        ("name.first=x", "name is a value, not a section"),
        ("lamps.2.pin=9", "2: expected an index below 2"),
        ("lamps.first.pin=9", "first: expected an index below 2"),
        ("lamps.-1={pin = 9}", "-1: expected an index below 2"),
    ],
)
def test_an_override_that_makes_no_sense_is_named(desk: Desk, override: str, expected: str) -> None:
    assert desk.complains(GOOD, override) == (f"--set {override}: {expected}",)


@given(st.text(alphabet="ab.=0 \"'[]{}#-é", max_size=25))
def test_any_override_is_taken_or_refused_in_one_line(tmp_path_factory: pytest.TempPathFactory, override: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(GOOD, encoding="utf-8")
    lines: tuple[str, ...] = ()
    house = None
    try:
        house = load(path, House, [override])
    except ConfigError as error:
        lines = error.lines
    assert (house is None) == bool(lines)
    assert all(len(line.splitlines()) == 1 for line in lines)
