"""What the keys of a keyboard mean: codes of the Linux input system, United States layout.

Card readers that type like keyboards send key codes, not characters, and assume this layout. Codes:
the kernel's ``input-event-codes.h``, part of its stable interface.
"""

from __future__ import annotations

from collections.abc import Mapping

EV_SYN, EV_KEY = 0, 1
SYN_REPORT, SYN_DROPPED = 0, 3
KEY_UP, KEY_DOWN, KEY_REPEAT = 0, 1, 2

KEY_TAB, KEY_ENTER, KEY_KPENTER = 15, 28, 96
KEY_LEFTSHIFT, KEY_RIGHTSHIFT = 42, 54
KEY_CAPSLOCK, KEY_NUMLOCK, KEY_SCROLLLOCK = 58, 69, 70

TERMINATORS = frozenset({KEY_TAB, KEY_ENTER, KEY_KPENTER})
"""Keys that end what a reader types."""

SHIFTS = frozenset({KEY_LEFTSHIFT, KEY_RIGHTSHIFT})

LOCKS = frozenset({KEY_CAPSLOCK, KEY_NUMLOCK, KEY_SCROLLLOCK})
"""Keys that some readers press before they type; they type nothing themselves."""

_ROWS: tuple[tuple[int, str, str], ...] = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (55, "*", "*"),
    (57, " ", " "),
    (71, "789-456+1230.", "789-456+1230."),
    (98, "/", "/"),
)
"""First code of a run of keys, what they type, what they type with shift."""

PLAIN: Mapping[int, str] = {first + step: character for first, row, _ in _ROWS for step, character in enumerate(row)}
"""Key code to character."""

SHIFTED: Mapping[int, str] = {first + step: character for first, _, row in _ROWS for step, character in enumerate(row)}
"""Key code to character while shift is held."""
