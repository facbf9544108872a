"""What a site's broker needs to know its clients: a password for each, kept in files, and the access list."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Collection
from pathlib import Path

from edge import settings
from edge.site.access import access_list, accounts

PASSWORD_BYTES = 24
"""Of chance, in each password."""
ITERATIONS, SALT_BYTES = 101, 12
"""As mosquitto_passwd 2.0 has them; passwords of pure chance need no more."""

ACL, PASSWORDS = "gatehouse.acl", "gatehouse.passwords"


class ProvisionError(Exception):
    """It cannot be done; the message is one line."""


def provision(building: settings.Building, directory: Path, replace: Collection[str] = ()) -> list[str]:
    """Write password files, the broker's hashes of them, and the access list; tell what is new.

    Args:
        building: whose devices get accounts.
        directory: for all files; passwords that are there stay, so new devices can be added later.
        replace: accounts that get a new password all the same; the old one is worth nothing then.

    Raises:
        ProvisionError: an account to replace is none.
        OSError: a file cannot be written; nothing that was there is lost.
    """
    readers = [name for name, gate in building.devices.items() if any(r.kind == "mqtt" for r in gate.readers)]
    all_ = accounts(building.devices, readers, recorder_acks=building.storage.acks == "recorder")
    names = [account.name for account in all_]
    unknown = sorted(set(replace) - set(names))
    if unknown:
        raise ProvisionError(f"{unknown[0]}: no such account; there are {', '.join(names)}")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    made: list[str] = []
    hashes: list[str] = []
    for name in names:
        file = directory / f"{name}.password"
        if name in replace or not file.exists():
            _write(file, secrets.token_urlsafe(PASSWORD_BYTES) + "\n")
            made.append(name)
        hashes.append(f"{name}:{_hash(file.read_text(encoding='utf-8').strip())}")
    _write(directory / PASSWORDS, "\n".join(hashes) + "\n")
    _write(directory / ACL, access_list(building.site.name, all_))
    return made


def _hash(password: str) -> str:
    """As mosquitto 2.0 keeps it: PBKDF2 with HMAC-SHA512."""
    salt = secrets.token_bytes(SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _write(file: Path, text: str) -> None:
    """Whole or not at all, and for its owner only."""
    draft = file.with_name(file.name + ".new")
    descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
