"""Whether the date of this computer can be believed: has it been synchronised since it was booted?

A Pi keeps no time while it is off. At boot it goes on with the date of its last shutdown, which looks
right and is late by as long as it was off. So the date itself proves nothing; the kernel is asked.
"""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Callable

_log = logging.getLogger(__name__)

UNKNOWN_US = 16_000_000
"""The kernel's greatest error of its clock, which stands for "unknown" (Linux, NTP_PHASE_LIMIT). A boot begins with it,
a date set by hand ends in it, and so does a lost time server after 32,000 s: the kernel adds 500 µs a second."""

TIMESYNCD = "/run/systemd/timesync/synchronized"
"""Made by systemd-timesyncd when it has synchronised; a lost time server does not take it away, a boot does."""


class Timex(ctypes.Structure):
    """The beginning of Linux's ``struct timex``, see adjtimex(2); ``modes`` 0 only reads."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("max_error_us", ctypes.c_long),
        ("rest", ctypes.c_long * 32),  # the kernel fills 22 of them, of a 32-bit system 28
    )


def adjtimex(timex: Timex) -> None:
    """Ask the kernel.

    Raises:
        OSError: it does not answer; a container may forbid it to.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.adjtimex(ctypes.byref(timex)) == -1:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


class Synchronised:
    """Says whether the system's clock has been synchronised, as ``timedatectl`` does.

    The flag STA_UNSYNC is no sign: chrony leaves it up where it shall not write the clock chip. What
    is in the way is logged once, and that it has gone.

    Args:
        ask: fills a `Timex`.
        marker: exists once a time server has been heard in this boot.
    """

    def __init__(self, ask: Callable[[Timex], None] = adjtimex, marker: str = TIMESYNCD) -> None:
        self._ask = ask
        self._marker = marker
        self._said: str | None = None

    def __call__(self) -> bool:
        """True: synchronised."""
        doubt = self._doubt()
        if doubt != self._said:
            self._said = doubt
            if doubt is None:
                _log.warning("gatehouse: the clock is synchronised")
            else:
                _log.warning('gatehouse: the date is unknown: %s; with a clock chip: site.clock = "rtc"', doubt)
        return doubt is None

    def _doubt(self) -> str | None:
        if os.path.exists(self._marker):
            return None
        timex = Timex()
        try:
            self._ask(timex)
        except OSError as error:
            return f"the kernel does not tell whether the clock is synchronised ({error.strerror})"
        return None if timex.max_error_us < UNKNOWN_US else "the clock is not synchronised yet"
