"""libosdp's control panel as it is used here: driven by our own loop, always secure, judged by what is heard.

Of `osdp.ControlPanel` neither the thread nor the callbacks are used: an exception in them would vanish in C. It asks
the system's clock for every duration; `Steps` tells when that was set, and whoever drives a panel makes a new one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeAlias

from drivers.osdp_wire import OsdpWire

STEP_S = 0.5
"""The system's clock was set if it jumped by more, seconds. A smaller step back delays the next poll by as much, a
smaller step forward loses one reply at most; a time server that turns the clock gently moves it by 0.5 ms a second."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card's bits, the first one highest in the first byte."""

    bits: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Tampered:
    """Whether the reader's case is open, or it is off its wall."""

    on: bool


@dataclass(frozen=True, slots=True)
class Online:
    """libosdp has come to count the reader as online, or no more."""

    on: bool


@dataclass(frozen=True, slots=True)
class Done:
    """A command was answered, or failed."""

    command: int
    well: bool


@dataclass(frozen=True, slots=True)
class Channel:
    """A secure channel was made or ended; ``default``: with the default key."""

    on: bool
    default: bool


Heard: TypeAlias = Card | Tampered | Online | Done | Channel
"""What comes from a reader."""


class Panel:
    """A control panel and the readers on its line. For one thread; `close` before another is made on the line.

    libosdp 3.2 frees neither the channel nor some kilobytes of a panel that is gone, so they are not made lightly.

    Args:
        wire: the line.
        keys: of each reader, by its address.
        enforce_secure: refuse whoever has not the key. Without it libosdp gives the key to a reader that has the
            default key, and talks in plain text to one that has none: only to install a key.

    Raises:
        ModuleNotFoundError: the extra ``osdp`` is not installed.
    """

    def __init__(self, wire: OsdpWire, keys: Mapping[int, bytes], *, enforce_secure: bool = True) -> None:
        self._osdp = osdp = import_module("osdp")
        flags = [osdp.LibFlag.EnableNotification]
        if enforce_secure:
            flags.append(osdp.LibFlag.EnforceSecure)
        readers = [osdp.PDInfo(address, wire, scbk=key, flags=flags) for address, key in keys.items()]
        self._panel = osdp.ControlPanel(readers, log_level=osdp.LogLevel.Emergency)
        self._panel.lock = threading.Lock()  # else start() would make it, and a thread that polls too rarely

    def refresh(self) -> None:
        """Do what is due; to be called about every millisecond."""
        self._panel.ctx.refresh()

    def heard(self, address: int) -> Iterator[Heard]:
        """What came from a reader since the last time."""
        while (event := self._panel.get_event(address, timeout=-1)) is not None:
            heard = self._translate(event)
            event.clear()  # libosdp leaks it, card number and all
            if heard is not None:
                yield heard

    def _translate(self, event: Mapping[str, Any]) -> Heard | None:
        kind, notice, report = self._osdp.Event, self._osdp.EventNotification, self._osdp.StatusReportType
        match event["event"], event.get("type"):
            case kind.CardRead, _ if "length" in event:
                return Card(event["length"], event["data"])
            case kind.Status, report.Local:
                return Tampered(bool(event["report"][0]))
            case kind.Notification, notice.PeripheralDeviceStatus:
                return Online(bool(event["arg0"]))
            case kind.Notification, notice.Command:
                return Done(event["arg0"], bool(event["arg1"]))
            case kind.Notification, notice.SecureChannelStatus:
                return Channel(bool(event["arg0"]), bool(event["arg1"]))
            case _:
                return None

    def secure(self, address: int) -> bool:
        """Whether a reader is online in a secure channel with its key, as far as libosdp knows."""
        return bool(self._panel.is_online(address) and self._panel.is_sc_active(address))

    def disable(self, address: int) -> None:
        """Begin to let go of a reader; see `enabled`."""
        self._panel.disable_pd(address)

    def enabled(self, address: int) -> bool:
        """Whether a reader is not let go of yet."""
        return bool(self._panel.is_pd_enabled(address))

    def enable(self, address: int) -> None:
        """Take up a reader again that was let go of, from the beginning and without what it was to be told."""
        self._panel.flush_commands(address)
        self._panel.enable_pd(address)

    @property
    def ask_tamper(self) -> Mapping[str, Any]:
        """The command that asks a reader whether it is `Tampered`."""
        return {"command": self._osdp.Command.Status, "type": self._osdp.StatusReportType.Local}

    def submit(self, address: int, command: Mapping[str, Any]) -> bool:
        """Give a command to a reader that is online; False if there is no room for it now."""
        return bool(self._panel.submit_command(address, dict(command)))

    def can(self, address: int, capability: str) -> bool:
        """Whether a reader has said that it has something, by its name in `osdp.Capability`."""
        level, _ = self._panel.check_capability(address, getattr(self._osdp.Capability, capability))
        return bool(level)

    def close(self) -> None:
        """Give it back to libosdp."""
        self._panel.ctx = None


class Steps:
    """Notices that the system's clock was set.

    Args:
        monotonic: seconds that go on.
        system_s: the system's clock, seconds since 1970, right or wrong.
    """

    def __init__(self, monotonic: Callable[[], float], system_s: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._system_s = system_s
        self._ahead_s = system_s() - monotonic()

    def stepped(self) -> bool:
        """Whether it was, since the last time."""
        before_s = self._monotonic()
        system_s = self._system_s()
        after_s = self._monotonic()
        if after_s - before_s > STEP_S / 2:  # interrupted between the looks: they say nothing
            return False
        jump_s, self._ahead_s = system_s - after_s - self._ahead_s, system_s - after_s
        return abs(jump_s) > STEP_S
