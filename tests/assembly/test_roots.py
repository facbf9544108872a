"""What stands at a door loads no simulator."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import importlib, sys

for name in sys.argv[1:]:
    importlib.import_module(name)
for name in sorted(sys.modules):
    if name.partition(".")[0] == "simulators" or name == "gpiozero.pins.mock":
        print(name)
"""


def loaded(*names: str) -> list[str]:
    """What a fresh interpreter holds of simulators after importing modules."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *names], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return ran.stdout.split()


@pytest.mark.parametrize("root", ["live", "hardware", "site"])
def test_a_gate_on_hardware_and_the_site_load_no_simulator(root: str) -> None:
    assert loaded("edge.cli.commands", f"edge.assembly.{root}") == []


def test_a_rehearsal_loads_them() -> None:
    assert {"simulators.world.lane", "gpiozero.pins.mock"} <= set(loaded("edge.assembly.rehearsal"))
