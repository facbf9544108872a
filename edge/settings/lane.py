"""``[devices.NAME]``: one lane, its pins, its readers and its thermometer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias, cast

from pydantic import Field, ValidationInfo, field_validator, model_validator

from edge.runtime.config import Settings
from edge.settings.shared import CardForm, File

SAFE_PINS = frozenset(range(9, 28)) - {14}
"""BCM numbers for outputs: a Pi pulls GPIO 0-8 up at boot and drives 14 high (serial console)."""

BUS_PINS: Mapping[int, tuple[int, int]] = {0: (0, 1), 1: (2, 3)}
"""BCM numbers of data and clock of the I²C buses that cannot be moved; others stand in the Pi's own configuration."""

Bcm: TypeAlias = Annotated[int, Field(ge=0, le=27)]


class OutputPin(Settings):
    """An output of the Pi."""

    pin: Bcm
    """BCM number; 9-27 but 14."""
    active_high: bool = True
    """False: the relay draws when the pin is low."""

    @field_validator("pin")
    @classmethod
    def _safe_at_boot(cls, value: int) -> int:
        if value not in SAFE_PINS:
            raise ValueError(f"expected an output on BCM 9-27 but 14, which stay low at boot; found {value}")
        return value


class LockPin(OutputPin):
    """The lock's relay."""

    fail: Literal["secure", "safe"] = "secure"
    """Without current the lock is locked (secure) or open (safe)."""


class InputPin(Settings):
    """An input of the Pi."""

    pin: Bcm
    """BCM number."""
    pull: Literal["up", "down", "none"] = "up"
    """Internal pull resistor."""
    active_low: bool = True
    """Whether low means active (broken beam, alarm, pressed, present)."""


class Thermometer(Settings):
    """The infrared thermometer."""

    backend: Literal["smbus2", "adafruit"] = "smbus2"
    """`smbus2` checks each transfer; `adafruit` is the library's driver behind a guard."""
    part: Literal["BAA", "DAA", "DCC", "DCH", "DCI"] = "BAA"
    """Suffix of the MLX90614; sets settling time, noise and number of samples."""
    bus: Annotated[int, Field(ge=0, le=30)] = 1
    """Number of the I²C bus."""
    address: Annotated[int, Field(ge=0x08, le=0x77)] = 0x5A
    """SMBus address."""


ReaderKind: TypeAlias = Literal["hid", "mqtt", "osdp"]

OPTIONS: Mapping[str, tuple[ReaderKind, ...]] = {
    "baud": ("osdp",),
    "address": ("osdp",),
    "key_file": ("osdp",),
    "sends": ("hid",),
    "reversed_bytes": ("hid", "osdp"),
    "uid_bytes": ("hid", "osdp"),
}
"""Which kinds of reader may have what. A number travels the network in one way only: in hex, its first byte first."""


class Reader(Settings):
    """A card reader, keypad or scanner."""

    side: Literal["entry", "exit"] = "entry"
    """Which way people go who use it."""
    kind: ReaderKind = "hid"
    """A USB reader that types like a keyboard, one on the network (topic ``readers/{device}``), or one on RS-485."""
    role: Literal["card", "code"] = "card"
    """What it reads: cards, or booking codes."""
    path: str | None = None
    """Device file of a USB reader, or of an OSDP reader's serial line; a stable name from udev."""
    baud: Literal[9600, 19200, 38400, 57600, 115200, 230400] = 9600
    """Bits a second of an OSDP reader's line; all readers on it have the same."""
    address: Annotated[int, Field(ge=0, le=126)] = 0
    """An OSDP reader's own on its line."""
    key_file: File | None = None
    """File that holds an OSDP reader's key: 32 hex digits, mode 0600; relative to this configuration file."""
    sends: Literal["hex", "decimal"] = "hex"
    """How it writes a UID; over the network always in hex, first byte first."""
    reversed_bytes: bool = False
    """It sends the UID's last byte first."""
    uid_bytes: Literal[4, 7, 10] | None = None
    """UID length, the same at all readers that say it; None takes it from the number of digits (decimal: 4 only)."""
    form: CardForm = "uid"
    """What it reads off a card; must be the site's `card_form`. `wiegand26` is 6 hex or 8-10 decimal digits."""

    @field_validator("key_file")
    @classmethod
    def _beside_the_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        context = cast(dict[str, Path], info.context or {})
        return value if value is None else context.get("directory", Path()) / value

    @model_validator(mode="after")
    def _whole_osdp(self) -> Self:
        if self.kind == "osdp":
            if self.key_file is None:
                raise ValueError("key_file: missing; a reader of kind osdp needs one")
            if self.role != "card":
                raise ValueError("kind osdp: expected role card")
        return self

    @model_validator(mode="after")
    def _path_where_needed(self) -> Self:
        if (self.path is None) == (self.kind in ("hid", "osdp")):
            raise ValueError("expected path with kind hid or osdp, and only there")
        for key, kinds in OPTIONS.items():
            if key in self.model_fields_set and self.kind not in kinds:
                raise ValueError(f"{key}: expected with kind {' or '.join(kinds)} only")
        if self.form == "wiegand26" and self.uid_bytes is not None:
            raise ValueError(f"uid_bytes: expected none, found {self.uid_bytes}: a number of wiegand26 has 3 bytes")
        if self.kind == "mqtt" and (self.side, self.role) != ("entry", "card"):
            raise ValueError("kind mqtt: expected side entry and role card, which a network reader has")
        return self


class Gate(Settings):
    """``[devices.NAME]``: one lane. Without `lock` it is an exit only."""

    kind: Literal["gate"]
    """What the device is."""
    lock: LockPin | None = None
    """Opens the lane inwards."""
    lamp_green: OutputPin | None = None
    """Please walk."""
    lamp_red: OutputPin | None = None
    """Please stop."""
    buzzer: OutputPin | None = None
    """Audible refusal."""
    entry_beam: InputPin | None = None
    """Broken by whoever walks in."""
    exit_beam: InputPin | None = None
    """Broken by whoever walks out."""
    fire: InputPin | None = None
    """Contact of the fire alarm; the alarm frees the lock in hardware too."""
    release_button: InputPin | None = None
    """The guard's button; it frees the lock in hardware too."""
    presence: InputPin | None = None
    """Somebody stands before the thermometer."""
    thermometer: Thermometer | None = None
    """Needed at an entrance."""
    readers: list[Reader] = []
    """Card readers, keypads, scanners."""

    @property
    def entrance(self) -> bool:
        """Whether people come in here."""
        return self.lock is not None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.entrance:
            for need in ("entry_beam", "thermometer", "presence"):
                if getattr(self, need) is None:
                    raise ValueError(f"{need}: missing; an entrance (it has a lock) needs one")
            if not any(reader.side == "entry" and reader.role == "card" for reader in self.readers):
                raise ValueError("readers: expected a card reader at the entry")
        elif self.exit_beam is None:
            raise ValueError("expected a lock (entrance) or an exit_beam (exit)")
        used: dict[int, str] = {}
        if self.thermometer is not None:
            used = dict.fromkeys(BUS_PINS.get(self.thermometer.bus, ()), "thermometer.bus")
        for key, part in self:
            if isinstance(part, OutputPin | InputPin):
                if part.pin in used:
                    raise ValueError(f"{key}.pin: BCM {part.pin} is already used by {used[part.pin]}")
                used[part.pin] = key
        _share_lines(self.readers)
        return self


def _share_lines(readers: Iterable[Reader]) -> None:
    """Only OSDP readers share a path: that of their line.

    Raises:
        ValueError: others do, or their line has two speeds, or one address twice.
    """
    lines: dict[str, Reader] = {}
    places: set[tuple[str, int]] = set()
    for reader in readers:
        if reader.path is None:
            continue
        first = lines.setdefault(reader.path, reader)
        if first is not reader and not reader.kind == first.kind == "osdp":
            raise ValueError("readers: one path is used twice")
        if reader.kind == "osdp":
            if reader.baud != first.baud:
                raise ValueError(f"readers: {reader.path}: expected one baud, found {first.baud} and {reader.baud}")
            if (reader.path, reader.address) in places:
                raise ValueError(f"readers: {reader.path}: address {reader.address} is used twice")
            places.add((reader.path, reader.address))
