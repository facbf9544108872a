"""What every process says about its broker, and to systemd."""

from __future__ import annotations

import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.assembly.process import READY_AGAIN_S, BrokerNews, supervised
from edge.runtime.clock import VirtualClock
from edge.runtime.loop import Loop
from edge.runtime.vocabulary import Fact, LinkDown, LinkSynced


class Unread:
    """A standard error that nobody reads any more."""

    def write(self, _: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


def test_the_link_lives_on_when_nobody_reads_the_news(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Fact] = []
    news = BrokerNews("north", lambda fact: told.append(fact) is None, VirtualClock(datetime(2026, 3, 9, tzinfo=UTC)))
    monkeypatch.setattr(sys, "stderr", Unread())
    assert news(LinkDown("connection refused"))
    assert news(LinkSynced())
    assert told == [LinkDown("connection refused"), LinkSynced()]


def test_a_manager_that_was_deaf_hears_of_the_start_later_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = VirtualClock(datetime(2026, 3, 9, tzinfo=UTC))
    loop = Loop(clock, lambda _: None)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with supervised("north", loop), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        clock.advance_to(READY_AGAIN_S)
        loop.turn()  # nobody there yet
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        for second in range(2, 5):
            clock.advance_to(second * READY_AGAIN_S)
            loop.turn()
        assert manager.recv(100) == b"READY=1"
        with pytest.raises(BlockingIOError):
            manager.recv(100)
