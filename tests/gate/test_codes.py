"""Tries of a booking code: bounded for each card, and in memory."""

from __future__ import annotations

from edge.gate.codes import MAX_CARDS, CodeTries


def test_tries_end_and_come_back() -> None:
    codes = CodeTries(tries=3, pause_s=60.0)
    for now_s in (0.0, 10.0, 20.0):
        assert not codes.used_up("a", now_s)
        codes.wrong("a", now_s)
    assert codes.used_up("a", 20.0)
    assert codes.used_up("a", 79.9)
    assert not codes.used_up("a", 80.0)
    codes.wrong("a", 80.0)
    assert not codes.used_up("a", 80.0), "earlier ones are forgotten"


def test_each_card_has_its_own() -> None:
    codes = CodeTries(tries=1, pause_s=60.0)
    codes.wrong("a", 0.0)
    assert not codes.used_up("b", 0.0)
    codes.right("a")
    assert not codes.used_up("a", 0.0)


def test_many_cards_fill_no_memory() -> None:
    codes = CodeTries(tries=1, pause_s=60.0)
    for number in range(MAX_CARDS + 1):
        codes.wrong(str(number), 0.0)
    assert not codes.used_up("0", 0.0)
    assert codes.used_up("1", 0.0)
    assert codes.used_up(str(MAX_CARDS), 0.0)
