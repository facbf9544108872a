"""Ctrl-C ends the command without a word, also while it still loads; a defect ends it with one line."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import IO

import pytest

from edge.cli.defects import report

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


def simulate(
    directory: Path,
    command: list[str],
    name: str,
    interrupt: str,
    stderr: int | IO[str] = subprocess.PIPE,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """A short simulation that is interrupted when it imports a module."""
    (directory / "sitecustomize.py").write_text(SITE.format(name=name, interrupt=interrupt))
    return subprocess.run(
        [*command, "simulate", "--config", str(CONFIG), "--scenario", "-", "--for", "1"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(directory), "TMPDIR": str(directory), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
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


@pytest.mark.parametrize("more", [("--port", "70000"), ("--port", "0"), ("--duration", "inf"), ("--speed", "1000")])
def test_a_demo_that_cannot_be_is_one_line_and_exit_2(more: tuple[str, ...]) -> None:
    done = subprocess.run([*MODULE, "demo", *more], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


# --- defects ----------------------------------------------------------------------------------------------

DEFECT = "raise ZeroDivisionError('of\\nmany lines')"


@pytest.mark.parametrize("name", ["edge.cli.commands", "typer", "edge.assembly.simulate"])
def test_a_defect_is_one_line_that_says_where_the_traceback_is(tmp_path: Path, name: str) -> None:
    done = simulate(tmp_path, MODULE, name, DEFECT)
    (details,) = tmp_path.glob("gatehouse-defect-*.txt")
    line = f"gatehouse: a defect of the program ended it: ZeroDivisionError; details in {details}\n"
    assert (done.returncode, done.stderr, done.stdout) == (1, line, "")
    told = details.read_text(encoding="utf-8")
    assert told.startswith("Traceback (most recent call last):\n")
    assert told.endswith("ZeroDivisionError: of\nmany lines\n")
    assert details.stat().st_mode & 0o077 == 0


def test_where_the_journal_reads_standard_error_the_traceback_goes_there(tmp_path: Path) -> None:
    """As systemd starts a service."""
    with (tmp_path / "journal").open("w+", encoding="utf-8") as journal:
        place = os.fstat(journal.fileno())
        done = simulate(tmp_path, MODULE, "typer", DEFECT, journal, JOURNAL_STREAM=f"{place.st_dev}:{place.st_ino}")
        journal.seek(0)
        *details, line = journal.read().splitlines()
    assert done.returncode == 1
    assert details[0] == "Traceback (most recent call last):"
    assert line == "gatehouse: a defect of the program ended it: ZeroDivisionError; details above"
    assert not list(tmp_path.glob("gatehouse-defect-*"))


def test_a_traceback_that_no_file_takes_is_not_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_: object) -> tuple[int, str]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    report(ZeroDivisionError("nothing"))
    *details, line = capsys.readouterr().err.splitlines()
    assert details == ["ZeroDivisionError: nothing"]
    assert line.endswith("details above")


def test_a_defect_is_named_by_what_caused_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    outer = RuntimeError("a thread ended")
    outer.__cause__ = ZeroDivisionError()
    report(outer)
    assert "ended it: ZeroDivisionError;" in capsys.readouterr().err


# --- what is asked ----------------------------------------------------------------------------------------


def ask(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run([*MODULE, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_it_tells_its_version() -> None:
    assert ask("--version") == (0, f"gatehouse {version('gatehouse')}\n", "")


def test_whoever_asks_for_nothing_gets_the_help() -> None:
    code, said, complained = ask()
    assert (code, said) == (2, "")
    assert complained.startswith("Usage: gatehouse ")
    assert all(command in complained for command in ("check-config", "demo", "gate", "site", "simulate"))


@pytest.mark.parametrize("wrong", [("fly",), ("--fly",), ("demo", "--fly"), ("check-config",), ("gate",)])
def test_a_wrong_usage_is_one_line(wrong: tuple[str, ...]) -> None:
    code, said, complained = ask(*wrong)
    assert (code, said) == (2, "")
    assert complained.startswith("gatehouse: ")
    assert complained.count("\n") == 1


def test_accounts_are_told_by_their_files_and_never_by_their_passwords(tmp_path: Path) -> None:
    code, said, complained = ask("provision", "--config", str(CONFIG), str(tmp_path / "accounts"))
    assert (code, complained) == (0, "")
    assert said.splitlines()[0] == f"{tmp_path}/accounts/north.password: new"
    assert said.splitlines()[-1].endswith(f"gatehouse.passwords, {tmp_path}/accounts/gatehouse.acl: for the broker")
    assert (tmp_path / "accounts" / "north.password").read_text().strip() not in said


@pytest.mark.parametrize(
    ("directory", "more", "code", "line"),
    [
        ("accounts", ("--replace", "east"), 2, "gatehouse: east: no such account; there are north, south"),
        ("file/accounts", (), 1, "gatehouse: [Errno 20] Not a directory: "),
    ],
)
def test_accounts_that_cannot_be_made_are_one_line(
    tmp_path: Path, directory: str, more: tuple[str, ...], code: int, line: str
) -> None:
    (tmp_path / "file").touch()
    got, said, complained = ask("provision", "--config", str(CONFIG), str(tmp_path / directory), *more)
    assert (got, said) == (code, "")
    assert complained.startswith(line)
    assert complained.count("\n") == 1
