"""The date is believed when a time server has been heard since the boot."""

from __future__ import annotations

import ctypes
import errno
import logging
import os
from pathlib import Path

import pytest

from edge.runtime.ntp import UNKNOWN_US, Synchronised, Timex, adjtimex

ADJ_TICK = 0x4000
NOT_YET = 'gatehouse: the date is unknown: the clock is not synchronised yet; with a clock chip: site.clock = "rtc"'


class Kernel:
    """Keeps a clock, and may be forbidden to speak of it."""

    def __init__(self, max_error_us: int = UNKNOWN_US) -> None:
        self.max_error_us = max_error_us
        self.forbidden = False

    def __call__(self, timex: Timex) -> None:
        if self.forbidden:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))
        assert timex.modes == 0  # only read
        timex.max_error_us = self.max_error_us


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    return tmp_path / "synchronized"


@pytest.mark.parametrize(
    ("max_error_us", "believed"), [(0, True), (250_000, True), (UNKNOWN_US - 1, True), (UNKNOWN_US, False)]
)
def test_the_kernel_knows_how_wrong_its_clock_may_be(marker: Path, max_error_us: int, believed: bool) -> None:
    assert Synchronised(Kernel(max_error_us), str(marker))() is believed


def test_a_program_that_starts_anew_while_the_time_server_is_away(marker: Path) -> None:
    """In this boot it has been heard once; no clock goes wrong by much until the next."""
    marker.touch()
    assert Synchronised(Kernel(), str(marker))()


def test_what_is_in_the_way_is_said_once_and_when_it_has_gone(marker: Path, caplog: pytest.LogCaptureFixture) -> None:
    kernel = Kernel()
    synchronised = Synchronised(kernel, str(marker))
    assert [synchronised() for _ in range(3)] == [False] * 3
    assert caplog.messages == [NOT_YET]
    caplog.clear()
    kernel.max_error_us = 1000
    assert synchronised()
    assert caplog.messages == ["gatehouse: the clock is synchronised"]


def test_a_synchronised_clock_is_not_worth_a_word(marker: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert Synchronised(Kernel(0), str(marker))()
    assert caplog.messages == []


def test_a_kernel_that_may_not_speak_is_no_yes(marker: Path, caplog: pytest.LogCaptureFixture) -> None:
    kernel = Kernel(0)
    kernel.forbidden = True
    synchronised = Synchronised(kernel, str(marker))
    assert not synchronised()
    assert not synchronised()
    (line,) = caplog.messages
    assert "the kernel does not tell whether the clock is synchronised (Operation not permitted)" in line


# --- this computer's kernel -------------------------------------------------------------------------------


def test_it_has_an_answer() -> None:
    assert Synchronised()() in (True, False)


def test_it_is_given_as_much_room_as_it_fills() -> None:
    """Linux's struct timex on a 64-bit machine: 208 bytes, the greatest error at 24."""
    assert Timex.max_error_us.offset == 3 * ctypes.sizeof(ctypes.c_long)
    assert ctypes.sizeof(Timex) >= 208


def test_what_it_refuses_is_an_error() -> None:
    """A clock without ticks is refused to whoever may set the clock, and everything to whoever may not."""
    with pytest.raises(OSError, match=r"Invalid argument|not permitted") as caught:
        adjtimex(Timex(modes=ADJ_TICK))
    assert caught.value.errno in (errno.EINVAL, errno.EPERM)
