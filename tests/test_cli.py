"""Ctrl-C ends the command without a word, also while it still loads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "firmware_config" / "demo" / "site.toml"
INSTALLED = [str(Path(sys.executable).with_name("gatehouse"))]
MODULE = [sys.executable, "-m", "edge.cli"]

RAISED = "raise KeyboardInterrupt"
SIGNALLED = "signal.raise_signal(signal.SIGINT)"
LOST = "Finalised()"
"""A signal where Python swallows what its handler raises."""

SITE = """
import signal, sys

class Finalised:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            {interrupt}

sys.meta_path.insert(0, Finder())
"""


def simulate(directory: Path, command: list[str], name: str, interrupt: str) -> subprocess.CompletedProcess[str]:
    """A short simulation that is interrupted when it imports a module."""
    (directory / "sitecustomize.py").write_text(SITE.format(name=name, interrupt=interrupt))
    return subprocess.run(
        [*command, "simulate", "--config", str(CONFIG), "--scenario", "-", "--for", "1"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(directory)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("interrupt", [RAISED, SIGNALLED, LOST])
@pytest.mark.parametrize("name", ["edge.cli.commands", "typer", "edge.settings", "edge.assembly.simulate"])
@pytest.mark.parametrize("command", [INSTALLED, MODULE], ids=["installed", "module"])
def test_interrupted_while_it_loads(tmp_path: Path, command: list[str], name: str, interrupt: str) -> None:
    done = simulate(tmp_path, command, name, interrupt)
    assert (done.returncode, done.stderr, done.stdout) == (130, "", "")


def test_a_shell_that_has_it_ignore_interrupts_is_obeyed(tmp_path: Path) -> None:
    """As it does with what runs in the background of a script."""
    ignoring = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *MODULE]
    done = simulate(tmp_path, ignoring, "typer", SIGNALLED)
    assert (done.returncode, done.stderr) == (0, "")
