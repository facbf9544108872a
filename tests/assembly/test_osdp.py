"""A gate's OSDP readers from the configuration to the far end of their line."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from edge.assembly.fakes import read_stimuli
from edge.assembly.gate import performers
from edge.assembly.hardware import WireMissing
from edge.assembly.osdp import give_key, open_lines
from edge.assembly.simulate import Run, Simulation
from edge.gate.vocabulary import CardRead, Indicate
from edge.runtime.clock import VirtualClock, WallClock
from edge.runtime.config import ConfigError, load
from edge.runtime.device import Device
from edge.settings import Building
from edge.site.tokens import card_token
from simulators.wires.osdp import FakeOsdpLine, FakeOsdpReader
from tests.journals import NINE
from tests.test_settings import DEMO

KEYS = (bytes(range(16)), bytes(range(1, 17)))
UID = bytes.fromhex("04A1B2C3D4E5F6")
PATIENCE_S = 60.0
LED = 2


@pytest.fixture
def line(tmp_path: Path) -> Iterator[FakeOsdpLine]:
    line = FakeOsdpLine(tmp_path / "line", [FakeOsdpReader(at, key) for at, key in enumerate(KEYS)])
    yield line
    line.close()


@pytest.fixture
def building(tmp_path: Path) -> Building:
    """The demo site, its entrance with two OSDP readers on one line."""
    file = tmp_path / "site.toml"
    file.write_text(DEMO.read_text(encoding="utf-8"), encoding="utf-8")
    rows: list[str] = []
    for at, key in enumerate(KEYS):
        name = tmp_path / f"{at}.key"
        name.write_text(key.hex(), encoding="ascii")
        name.chmod(0o600)
        rows.append(
            f'{{kind="osdp", path="{tmp_path}/line", address={at}, key_file="{at}.key", '
            f'side="{("entry", "exit")[at]}", reversed_bytes={("true", "false")[at]}}}'
        )
    return load(file, Building, [f"devices.north.readers=[{', '.join(rows)}]"])


def test_each_reader_serves_its_side_in_its_form_and_the_entrys_shows_what_the_lane_does(
    building: Building, line: FakeOsdpLine
) -> None:
    facts: queue.Queue[object] = queue.Queue()
    with ExitStack() as opened:
        show = open_lines(building, "north", lambda fact: not facts.put(fact), WallClock(UTC), opened)
        for fake, expected in zip(
            line.readers,
            [CardRead(UID[::-1].hex().upper(), "entry"), CardRead(UID.hex().upper(), "exit")],
            strict=True,
        ):
            fake.present(UID)
            assert facts.get(timeout=PATIENCE_S) == expected
        entry, exit_ = line.readers
        show(Indicate("buzzer", 0.3))
        for intent, colour in ((Indicate("lamp_green", 5.0), 2), (Indicate("lamp_red", 5.0), 1)):
            show(intent)
            commands = [entry.commands.get(timeout=PATIENCE_S) for _ in range(2)]
            assert commands[0]["command"] == LED
            assert (commands[0]["on_color"], commands[0]["timer_count"]) == (colour, 50)
        assert entry.commands.empty()
        assert exit_.commands.empty()
    assert facts.empty()


def test_what_the_lane_indicates_is_shown_elsewhere_too() -> None:
    nobody: Any = Mock()
    switched: list[tuple[str, bool]] = []
    lane: Any = SimpleNamespace(write=lambda name, on: switched.append((name, on)))
    shown: list[Indicate] = []
    device = Device(VirtualClock(NINE))
    todo = performers(
        device, journal=nobody, link=nobody, lane=lane, measure=nobody, thermometer=None, show=shown.append
    )
    todo[Indicate](Indicate("lamp_green", 5.0))
    assert shown == [Indicate("lamp_green", 5.0)]
    assert switched[-1] == ("lamp_green", True)


def test_a_gate_without_osdp_readers_opens_nothing(building: Building) -> None:
    with ExitStack() as opened:
        open_lines(building, "west", lambda _: True, WallClock(UTC), opened)(Indicate("lamp_green", 1.0))
        assert opened.pop_all().close() is None


def test_a_line_that_is_not_there_is_one_line(building: Building, tmp_path: Path) -> None:
    with ExitStack() as opened, pytest.raises(WireMissing) as missing:
        open_lines(building, "north", lambda _: True, WallClock(UTC), opened)
    assert str(missing.value).startswith(f"OSDP line {tmp_path}/line: cannot be used: ")
    assert "No such file" in str(missing.value)
    assert "\n" not in str(missing.value)


def test_a_key_that_cannot_be_used_ends_the_start_and_not_another_gates(building: Building, tmp_path: Path) -> None:
    (tmp_path / "1.key").chmod(0o644)
    with ExitStack() as opened:
        with pytest.raises(ConfigError) as refused:
            open_lines(building, "north", lambda _: True, WallClock(UTC), opened)
        open_lines(building, "south", lambda _: True, WallClock(UTC), opened)
    assert refused.value.lines == (
        f"devices.north.readers.1.key_file: expected mode 0600, found 0644: {tmp_path}/1.key",
    )


def test_in_simulation_its_cards_are_typed(building: Building) -> None:
    """libosdp knows no virtual time; where wires are fake, nobody needs its keys either."""
    transcript = StringIO()
    stimuli = list(read_stimuli(['{"at": 1, "device": "north", "do": "tap", "card": "04A1B2C3D4E5F6"}'], building))
    how = Run(datetime.fromisoformat("2026-03-09T08:00:00+08:00"), 0, None, 5.0)
    Simulation(building, how, transcript, None).play(stimuli)
    events = [json.loads(line) for line in transcript.getvalue().splitlines()]
    denied = [event["data"] for event in events if event["type"] == "visit.denied"]
    assert [denial["card"] for denial in denied] == [card_token(building.site.secret(), UID.hex().upper())]


def test_a_key_is_given_to_the_reader_that_was_named(building: Building, line: FakeOsdpLine) -> None:
    fresh = FakeOsdpReader(1, None)
    line.readers = [line.readers[0], fresh]
    assert give_key(building, "north", 1, WallClock(UTC)) is True
    assert fresh.commands.get()["data"] == KEYS[1]
    assert give_key(building, "north", 0, WallClock(UTC)) is False
    assert line.readers[0].commands.empty()


def test_a_reader_that_is_none_is_given_no_key(building: Building) -> None:
    for index in (-1, 2):
        with pytest.raises(ConfigError, match="expected a reader of kind osdp"):
            give_key(building, "north", index, WallClock(UTC))
    with pytest.raises(ConfigError, match="expected a reader of kind osdp"):
        give_key(building, "south", 0, WallClock(UTC))
