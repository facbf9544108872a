"""A gate that lost a thread to a defect ends, shut and with one line, so that it is started again whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes.library import Gate, Library


@pytest.fixture
def details(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where tracebacks are written."""
    folder = tmp_path / "details"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def ends_shut(gate: Gate, details: Path, thread: str) -> None:
    """It ends by itself: exit code 1, the lock shut, one line, and the traceback in a file."""
    assert gate.ended() == 1
    lock = [line["on"] for line in gate.told() if line["type"] == "output" and line["name"] == "lock"]
    assert lock == [True, False]
    (file,) = details.iterdir()
    assert gate.errors.all == [f"gatehouse: a defect of the program ended it: ZeroDivisionError; details in {file}"]
    told = file.read_text()
    assert f"a defect of the {thread}" in told
    assert "Traceback" in told


def test_the_readers_thread_dies_while_the_lane_is_open(library: Library, details: Path) -> None:
    gate = library.open(module="tests.processes.broken_readers")
    gate.come(1)
    ends_shut(gate, details, "readers")
    assert library.retained()["status/north"]["state"] == "offline"

    # started again, it is whole: the same visit goes on
    gate = library.gate().ready()
    gate.walk_in(1)
    assert gate.told_last("visit.reopened")
    assert gate.end() == 0


def test_the_journals_thread_dies_while_the_lane_is_open(library: Library, details: Path) -> None:
    gate = library.open(module="tests.processes.broken_journal")
    gate.come(1)
    gate.tells("output", name="lock", on=True)
    gate.do("exit")
    ends_shut(gate, details, "journal")
    gate = library.gate().ready()
    assert gate.tells("device.started")["data"]["reason"] == "crash"
    assert gate.end() == 0
