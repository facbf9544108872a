"""What is set up around the program on a Pi fits the demonstration site."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from edge.runtime.config import load
from edge.settings import Building, Gate

CONFIG = Path(__file__).resolve().parents[2] / "firmware_config"
LINES = (CONFIG / "boot" / "config.txt").read_text().splitlines()
RULES = (CONFIG / "udev" / "70-gatehouse.rules").read_text().splitlines()

OUTPUTS = ("lock", "lamp_green", "lamp_red", "buzzer")
INPUTS = ("entry_beam", "exit_beam", "fire", "release_button", "presence")


def gates() -> Iterable[Gate]:
    return load(CONFIG / "demo" / "site.toml", Building, ()).devices.values()


def pins() -> dict[int, str]:
    """BCM number to what the firmware makes of it."""
    found: dict[int, str] = {}
    for line in LINES:
        if match := re.fullmatch(r"gpio=([\d,]+)=([a-z,]+)", line):
            found |= {int(pin): match[2] for pin in match[1].split(",")}
    return found


def wired(gate: Gate, names: Iterable[str]) -> Iterable[Any]:
    return [part for name in names if (part := getattr(gate, name)) is not None]


@pytest.mark.parametrize("gate", gates())
def test_outputs_are_at_rest_before_the_program_runs(gate: Gate) -> None:
    outputs = wired(gate, OUTPUTS)
    assert outputs
    for output in outputs:
        assert pins()[output.pin] == ("op,dl" if output.active_high else "op,dh")


@pytest.mark.parametrize("gate", gates())
def test_inputs_have_the_pull_that_the_program_gives_them(gate: Gate) -> None:
    inputs = wired(gate, INPUTS)
    assert inputs
    for contact in inputs:
        assert pins()[contact.pin] == {"up": "ip,pu", "down": "ip,pd", "none": "ip,np"}[contact.pull]


def test_the_bus_is_no_faster_than_the_thermometer_and_the_watchdog_is_on() -> None:
    assert "dtparam=i2c_arm=on" in LINES
    assert "dtparam=i2c_arm_baudrate=100000" in LINES
    assert "dtparam=watchdog=on" in LINES


def test_every_reader_of_the_site_has_a_name_that_stays() -> None:
    named = {f"/dev/{match[1]}" for rule in RULES if (match := re.search(r'SYMLINK\+="([^"]+)"', rule))}
    paths = {reader.path for gate in gates() for reader in gate.readers if reader.path is not None}
    assert paths
    assert paths <= named
    assert named - paths == {"/dev/gatehouse/serial"}


def test_each_socket_has_one_name_and_each_rule_is_whole() -> None:
    rules = [rule for rule in RULES if "SYMLINK" in rule]
    sockets = [re.findall(r'ENV\{ID_PATH\}=="([^"]+)"', rule) for rule in rules]
    assert all(len(found) == 1 for found in sockets)
    assert len({found[0] for found in sockets}) == len(rules)
    term = re.compile(r'[A-Z]+(\{[A-Z_]+\})?(==|\+=|=)"[^"]*"')
    for rule in RULES:
        if rule and not rule.startswith("#"):
            assert all(term.fullmatch(part) for part in rule.split(", ")), rule
