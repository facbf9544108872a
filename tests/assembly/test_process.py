"""What every process says about its broker."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import pytest

from edge.assembly.process import BrokerNews
from edge.runtime.clock import VirtualClock
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
