"""The secret that one OSDP reader shares with this site: read from a file that nobody else can read.

Whoever knows it can play that reader's part on its line. The text of a key is never repeated in an error.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

KEY_BYTES = 16
"""Of a key (AES-128; OSDP calls it the secure channel base key, SCBK)."""

DEFAULT_KEY = bytes(range(0x30, 0x40))
"""SCBK-D of the OSDP specification: printed in it, so a secret to nobody."""

LONGEST = 4 * KEY_BYTES
"""Characters of a key file at most: 32 digits, and what an editor leaves around them."""


class BadKey(ValueError):
    """A key file cannot be used; the message is one line and without the key."""


def read_key(path: Path) -> bytes:
    """Read a key: 32 hex digits, in a file of mode 0600.

    Raises:
        BadKey: no such file, others may read it, no key, or the default key.
    """
    try:
        with path.open("rb") as file:  # mode and text of one and the same file
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            raw = file.read(LONGEST + 1)
    except FileNotFoundError:
        raise BadKey(f"no such file: {path}") from None
    except OSError as error:
        raise BadKey(f"cannot be read: {error.strerror}: {path}") from None
    if mode & 0o177:
        raise BadKey(f"expected mode 0600, found {mode:04o}: {path}")
    text = raw.strip()
    if not re.fullmatch(rb"[0-9A-Fa-f]{32}", text):
        raise BadKey(f"expected {2 * KEY_BYTES} hex digits, found something else: {path}")
    key = bytes.fromhex(text.decode("ascii"))
    if key == DEFAULT_KEY:
        raise BadKey(f"expected a key of the site's own, found the default key that everybody knows: {path}")
    return key
