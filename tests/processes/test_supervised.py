"""What systemd hears of a process: ready, alive as long as its loop turns, stopping."""

from __future__ import annotations

import signal
import socket
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.processes.library import Library

PATIENCE_S = 20.0
FED_S = 0.1
"""A third of the interval that it is told."""


class Systemd:
    """The end of the socket that systemd holds."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def hears(self, patience_s: float = PATIENCE_S) -> str | None:
        """The next word; None: nothing comes for so long."""
        self._socket.settimeout(patience_s)
        try:
            return self._socket.recv(4096).decode()
        except TimeoutError:
            return None

    def hears_until(self, last: str) -> list[str]:
        heard: list[str] = []
        while not heard or heard[-1] != last:
            word = self.hears()
            assert word is not None, heard
            heard.append(word)
        return heard

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Systemd]:
    path = tmp_path / "notify"
    manager = Systemd(path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    monkeypatch.setenv("WATCHDOG_USEC", str(round(3e6 * FED_S)))
    yield manager
    manager.close()


@pytest.mark.parametrize("which", ["gate", "site"])
def test_a_process_is_ready_alive_and_stopping(library: Library, systemd: Systemd, which: str) -> None:
    process = library.gate() if which == "gate" else library.site()
    assert systemd.hears() == "READY=1"
    process.ready()
    assert [systemd.hears() for _ in range(5)] == ["WATCHDOG=1"] * 5
    assert process.end() == 0
    assert set(systemd.hears_until("STOPPING=1")) <= {"WATCHDOG=1", "STOPPING=1"}


def test_a_process_that_hangs_feeds_no_watchdog(library: Library, systemd: Systemd) -> None:
    gate = library.gate().ready()
    assert systemd.hears() == "READY=1"
    gate.process.send_signal(signal.SIGSTOP)
    while systemd.hears(10 * FED_S) is not None:
        pass  # what was under way
    gate.process.send_signal(signal.SIGCONT)
    assert systemd.hears() == "WATCHDOG=1"


def test_what_makes_no_sense_is_one_line(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "nowhere")
    gate = library.gate()
    assert gate.ended() == 2
    assert gate.errors.all == ["NOTIFY_SOCKET nowhere: expected a path, or @ and a name"]
