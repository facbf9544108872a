"""Keys of a Wiegand keypad: each is a burst of 4 or 8 bits, and ``#`` ends the code that they make.

4 bits are the key's value, 10 for ``*`` and 11 for ``#``; 8 bits are its complement and the value, so that a turned
bit shows [V, manuals of HID's and Rosslare's keypads]. Keypads that send 6 bits a key, or a whole code as a card, are
to be set to one of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from drivers.wiegand import BadFrame

KeyBits = Literal[4, 8]
"""Bits of a burst."""

KEYS = "0123456789*#"
"""What is printed on the keys, in the order of their values."""

CLEAR, END = "*", "#"

LONGEST = 64
"""Keys of a code at most, as of a USB keypad."""

PAUSE_S = 5.0
"""Who pauses for longer has gone: the next key begins a new code, seconds."""


def key_of(bits: Sequence[bool], size: KeyBits | None) -> str | None:
    """The key that a burst of so many bits stands for; None: it is none, as all are where ``size`` is None."""
    if len(bits) != size:
        return None
    value = sum(bit << place for place, bit in enumerate(reversed(bits[-4:])))
    whole = size == 4 or all(high != low for high, low in zip(bits[:4], bits[4:], strict=True))
    return KEYS[value] if whole and value < len(KEYS) else None


def burst(key: str, size: KeyBits) -> tuple[bool, ...]:
    """What a keypad sends for a key: the inverse of `key_of`.

    Raises:
        BadFrame: there is no such key.
    """
    if key not in KEYS or len(key) != 1:
        raise BadFrame("expected one of 0 to 9, * and #")
    low = tuple(bool(KEYS.index(key) >> place & 1) for place in (3, 2, 1, 0))
    return low if size == 4 else (*(not bit for bit in low), *low)


class Keypad:
    """What was typed so far.

    Args:
        size: bits of a burst; None: there is no keypad.
    """

    def __init__(self, size: KeyBits | None) -> None:
        self.size: KeyBits | None = size
        self._typed = ""
        self._spoiled = False
        self._last_s = 0.0

    def press(self, key: str, now_s: float) -> str | None:
        """Take a key; the whole code, where this one ends it.

        Args:
            key: one of `KEYS`.
            now_s: when it was pressed, monotonic seconds.

        Raises:
            BadFrame: it ends more keys than a code has.
        """
        if now_s - self._last_s > PAUSE_S:
            self.clear()
        self._last_s = now_s
        if key == CLEAR:
            self.clear()
        elif key != END:
            self._typed += key[: LONGEST + 1 - len(self._typed)]
        else:
            code, spoiled = self._typed, self._spoiled
            self.clear()
            if len(code) > LONGEST:
                raise BadFrame(f"more than {LONGEST} keys before {END}")
            return None if spoiled else code or None
        return None

    def spoil(self) -> None:
        """A burst was broken: of a code that is being typed a key is missing, and it is none."""
        self._spoiled = bool(self._typed)

    def clear(self) -> None:
        """Forget what was typed."""
        self._typed = ""
        self._spoiled = False
