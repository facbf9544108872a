"""Card numbers and booking codes as tokens: what leaves a process in their place.

A token is keyed: without the site's key nobody can try all card numbers until one fits.
"""

from __future__ import annotations

import hmac
import re
from base64 import b32encode
from typing import Final

TOKEN_LENGTH: Final = 26
"""Characters of base32: 130 of the HMAC's 256 bits."""

_UID: Final = re.compile(r"[0-9A-F]{4,32}")


def is_random(uid: str) -> bool:
    """Whether the UID is made up anew at each tap, as phones do: 4 bytes beginning with 08."""
    return len(uid) == 8 and uid.startswith("08")


def card_token(key: bytes, uid: str) -> str:
    """CARD of the contract.

    Args:
        key: the site's key.
        uid: upper-case hex without separators, in the site's card form.

    Raises:
        ValueError: it is not; the text does not repeat it.
    """
    if not _UID.fullmatch(uid):
        raise ValueError("card number: expected 4 to 32 upper-case hex digits without separators")
    return _token(key, "card:" + uid)


def code_token(key: bytes, code: str) -> str:
    """CODE of the contract; ``code`` as the reader was given it."""
    return _token(key, "code:" + code)


def _token(key: bytes, text: str) -> str:
    return b32encode(hmac.digest(key, text.encode(), "sha256")).decode().lower()[:TOKEN_LENGTH]
