"""Gives an OSDP reader the site's key, once, when somebody asks for it: the only place where a key goes over a line.

The reader must be in install mode, in which it takes a key over a channel that is made with the default key. Everybody
knows that one: whoever listens on the line meanwhile learns the new key. So it is done at a desk, or on a line that
nobody else can reach, and with the gate stopped: a line has one owner.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from drivers.osdp_panel import Online, Panel
from drivers.osdp_wire import OsdpWire, Port
from edge.runtime.ports import Clock

REFRESH_S = 0.001
"""libosdp is looked after so often, seconds."""

INSTALL_S = 20.0
"""How long it is tried, seconds: libosdp gives up after nine questions without a reply, a second each."""


class InstallFailed(RuntimeError):
    """The reader has not taken the key; the message is one line and without the key."""


def install_key(
    open_line: Callable[[], Port],
    baud: int,
    address: int,
    key: bytes,
    *,
    clock: Clock,
    timeout_s: float = INSTALL_S,
) -> bool:
    """Give a reader in install mode a key, and see that it works.

    Args:
        open_line: opens the line, see `drivers.osdp_wire.open_port`.
        baud: bits a second.
        address: of the reader.
        key: from `drivers.osdp_key.read_key`, which refuses the default key.
        clock: bounds it.
        timeout_s: give up after so many seconds.

    Returns:
        False: it had this key already, and was told nothing.

    Raises:
        InstallFailed: it did not take the key: no reply, not in install mode, no secure channel.
        OSError: the line is not there, not ours, or in use.
        ModuleNotFoundError: the extra ``osdp`` is not installed.
    """
    wire = OsdpWire(open_line(), baud, clock.monotonic)
    try:
        panel = Panel(wire, {address: key}, enforce_secure=False)
        try:
            _wait(panel, wire, address, clock, clock.monotonic() + timeout_s)
        finally:
            panel.close()
    finally:
        wire.close()
    return wire.key_sent


def _wait(panel: Panel, wire: OsdpWire, address: int, clock: Clock, until_s: float) -> None:
    """Until the reader is online with its own key, or certainly not."""
    nobody = threading.Event()
    while clock.monotonic() < until_s:
        panel.refresh()
        if wire.broken is not None:
            raise InstallFailed(wire.broken)
        for heard in panel.heard(address):
            if heard == Online(True):
                if panel.secure(address):
                    return
                raise InstallFailed("the reader is not in install mode, has another key, or knows no secure channel")
            if heard == Online(False):
                raise InstallFailed(_why(wire, address))
        clock.wait(nobody, clock.monotonic() + REFRESH_S)
    raise InstallFailed(_why(wire, address))


def _why(wire: OsdpWire, address: int) -> str:
    if address not in wire.last:
        return f"no reply from address {address}: check power, A and B, address and baud"
    if wire.key_sent:
        return "the reader did not take the key, or does not answer with it; see whether it is in install mode still"
    return "the reader answers, but makes no secure channel with the default key"
