"""The system's clock as libosdp sees it, so that a test can set it: the function of C that libosdp asks is replaced.

Only the driver's threads see another time; the readers, which are libosdp too, keep their own.
"""

from __future__ import annotations

import ctypes
import os
import struct
import threading
import time
from importlib import import_module
from itertools import count, takewhile

ASKED = b"gettimeofday"
JUMP_SLOTS = {7, 1026}
"""Kinds of relocation by which a function of another library is called: x86_64, AArch64 (their ELF supplements)."""

PT_DYNAMIC = 2
DT_PLTRELSZ, DT_STRTAB, DT_SYMTAB, DT_JMPREL = 2, 5, 6, 23
READ_WRITE = 3
PAGE = os.sysconf("SC_PAGE_SIZE")


class _Moment(ctypes.Structure):
    _fields_ = (("s", ctypes.c_long), ("us", ctypes.c_long))


_Ask = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Moment), ctypes.c_void_p)


class SystemClock:
    """The system's clock, for the driver alone.

    Attributes:
        ahead_s: by so much it was set ahead of the real one.
    """

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self.asked = 0
        self._slot = _slot()
        self._real = self._slot.value
        self._callback = _Ask(self._tell)
        self._slot.value = ctypes.cast(self._callback, ctypes.c_void_p).value

    def now_s(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.ahead_s

    def close(self) -> None:
        self._slot.value = self._real

    def _tell(self, moment, _zone) -> int:
        us = time.time_ns() // 1000
        if threading.current_thread().name.startswith("osdp "):
            self.asked += 1
            us += round(self.ahead_s * 1e6)
        moment.contents.s, moment.contents.us = divmod(us, 1_000_000)
        return 0


def _slot() -> ctypes.c_void_p:
    """Where libosdp's own code looks up the function (ELF, 64 bits)."""
    base = _base(str(import_module("osdp_sys").__file__))
    (heads,), (number,) = _read("<Q", base + 32), _read("<H", base + 56)
    programs = [_read("<IIQQQQQQ", base + heads + 56 * row) for row in range(number)]
    tags = _tags(base + next(program[3] for program in programs if program[0] == PT_DYNAMIC))
    for row in range(tags[DT_PLTRELSZ] // 24):
        at, info, _ = _read("<QQq", tags[DT_JMPREL] + 24 * row)
        (name,) = _read("<I", tags[DT_SYMTAB] + 24 * (info >> 32))
        if info & 0xFFFFFFFF in JUMP_SLOTS and ctypes.string_at(tags[DT_STRTAB] + name) == ASKED:
            page = (base + at) & -PAGE
            assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(page), PAGE, READ_WRITE) == 0
            return ctypes.c_void_p.from_address(base + at)
    raise LookupError(f"libosdp does not call {ASKED}")


def _tags(at: int) -> dict[int, int]:
    rows = (_read("<qQ", at + 16 * row) for row in count())
    return {row[0]: row[1] for row in takewhile(lambda row: row[0] != 0, rows)}


def _read(form: str, at: int) -> tuple[int, ...]:
    return struct.unpack(form, ctypes.string_at(at, struct.calcsize(form)))


def _base(file: str) -> int:
    """Where a library was loaded."""
    name = os.path.realpath(file)
    with open("/proc/self/maps", encoding="utf-8") as maps:
        return next(int(line.partition("-")[0], 16) for line in maps if line.rstrip().endswith(name))
