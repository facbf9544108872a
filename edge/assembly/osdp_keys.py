"""What the OSDP readers of a site need beside its configuration file: their keys, and an extra of the program."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from drivers.osdp_key import BadKey, read_key
from edge import settings
from edge.settings.lane import Reader

MODULES = ("osdp", "serial")
"""What the extra ``osdp`` brings."""


def key_of(reader: Reader) -> bytes:
    """The key of an OSDP reader.

    Raises:
        BadKey: it cannot be used.
    """
    return read_key(reader.key_file or Path())


def faults(building: settings.Building, names: Iterable[str]) -> list[str]:
    """What is in the way of the OSDP readers of some gates, one line each: key, what was expected."""
    readers = [
        (f"devices.{name}.readers.{index}", reader)
        for name in names
        for index, reader in enumerate(building.devices[name].readers)
        if reader.kind == "osdp"
    ]
    missing = [module for module in MODULES if find_spec(module) is None]
    found = [f"{place}.kind: osdp needs the extra osdp: no module {missing[0]}" for place, _ in readers[:1] if missing]
    for place, reader in readers:
        try:
            key_of(reader)
        except BadKey as bad:
            found.append(f"{place}.key_file: {bad}")
    return found
