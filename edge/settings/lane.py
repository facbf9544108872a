"""``[devices.NAME]``: one lane, its pins, its readers and its thermometer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias, cast

from pydantic import Field, ValidationInfo, field_validator, model_validator

from edge.runtime.config import Settings
from edge.settings.shared import FORM_BYTES, CardForm, File
from edge.settings.wiegand import WiegandFormat

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


ReaderKind: TypeAlias = Literal["hid", "mqtt", "osdp", "pn532", "wiegand"]

NEEDED: Mapping[tuple[str, ...], tuple[ReaderKind, ...]] = {("path",): ("hid", "osdp"), ("d0", "d1"): ("wiegand",)}
"""What some kinds of readers need, and no other has."""

OPTIONS: Mapping[str, tuple[ReaderKind, ...]] = {
    "baud": ("osdp",),
    "address": ("osdp",),
    "key_file": ("osdp",),
    "sends": ("hid",),
    "reversed_bytes": ("hid", "osdp", "wiegand"),
    "uid_bytes": ("hid", "osdp", "pn532"),
    "bus": ("pn532",),
    "formats": ("wiegand",),
    "keypad": ("wiegand",),
    "pull_up": ("wiegand",),
}
"""Which kinds of reader may have what. A number travels the network in one way only: in hex, its first byte first."""


class Reader(Settings):
    """A card reader, keypad or scanner."""

    side: Literal["entry", "exit"] = "entry"
    """Which way people go who use it."""
    kind: ReaderKind = "hid"
    """A USB reader that types like a keyboard, one on the network (topic ``readers/{device}``), one on RS-485 (OSDP),
    an NFC chip on an I²C bus (PN532), or one on two wires (Wiegand)."""
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
    bus: Annotated[int, Field(ge=0, le=30)] = 1
    """Number of a PN532's I²C bus, which may be the thermometer's; one PN532 on each."""
    sends: Literal["hex", "decimal"] = "hex"
    """How it writes a UID; over the network always in hex, first byte first."""
    reversed_bytes: bool = False
    """It sends the UID's last byte first."""
    uid_bytes: Literal[4, 7, 10] | None = None
    """UID length, the same at all readers that say it; None takes it from the number of digits (decimal: 4 only)."""
    form: CardForm = "uid"
    """What it reads off a card; must be the site's `card_form`. Numbers have 3 bytes with `wiegand26`, 4 with
    `wiegand34` and 5 with `wiegand37`; in decimal that is 8-10, 10 or 11-13 digits."""
    d0: Bcm | None = None
    """Wiegand: BCM number of the pin of D0 (often green)."""
    d1: Bcm | None = None
    """Wiegand: BCM number of the pin of D1 (often white)."""
    formats: list[WiegandFormat] = []
    """Wiegand: the frames that it sends; empty for the usual one of its `form`: 26, 34 or 37 bits, 34 for a UID."""
    keypad: Literal[4, 8] | None = None
    """Wiegand: bits of a key, where it has a keypad; `#` ends a booking code, `*` begins anew. With role `code` it has
    nothing else."""
    pull_up: bool = True
    """Wiegand: use the Pi's own pull-up resistors; false where others, or a level shifter, hold the wires high."""

    @property
    def number_bytes(self) -> int | None:
        """Bytes of the numbers that it delivers; None: of any UID."""
        if self.formats:
            return self.formats[0].number_bytes
        possible = FORM_BYTES[self.form]
        if len(possible) == 1:
            return possible[0]
        return 4 if self.kind == "wiegand" else self.uid_bytes

    @field_validator("key_file")
    @classmethod
    def _beside_the_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        context = cast(dict[str, Path], info.context or {})
        return value if value is None else context.get("directory", Path()) / value

    @model_validator(mode="after")
    def _cards_only(self) -> Self:
        if self.kind == "osdp" and self.key_file is None:
            raise ValueError("key_file: missing; a reader of kind osdp needs one")
        if self.kind in ("osdp", "pn532") and self.role != "card":
            raise ValueError(f"kind {self.kind}: expected role card")
        if self.kind == "pn532" and self.form != "uid":
            raise ValueError(f"form: expected uid with kind pn532, which reads UIDs, found {self.form}")
        return self

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        for keys, kinds in NEEDED.items():
            if any((getattr(self, key) is None) == (self.kind in kinds) for key in keys):
                raise ValueError(f"expected {' and '.join(keys)} with kind {' or '.join(kinds)}, and only there")
        for key, kinds in OPTIONS.items():
            if key in self.model_fields_set and self.kind not in kinds:
                raise ValueError(f"{key}: expected with kind {' or '.join(kinds)} only")
        if self.uid_bytes is not None and self.uid_bytes != self.number_bytes:
            has = f"a number of {self.form} has {self.number_bytes} bytes"
            raise ValueError(f"uid_bytes: expected none, found {self.uid_bytes}: {has}")
        if self.kind == "mqtt" and (self.side, self.role) != ("entry", "card"):
            raise ValueError("kind mqtt: expected side entry and role card, which a network reader has")
        if self.kind in ("hid", "osdp") and self.form == "wiegand":
            raise ValueError(f"form: expected another than wiegand with kind {self.kind}, which has no formats")
        return self

    @model_validator(mode="after")
    def _one_number_over_wiegand(self) -> Self:
        if self.kind != "wiegand":
            return self
        if self.d0 == self.d1:
            raise ValueError(f"d1: BCM {self.d1} is already used by d0")
        if self.role == "code" and (self.keypad is None or self.formats):
            raise ValueError("expected keypad and no formats with role code")
        if self.keypad is not None and self.side == "exit":
            raise ValueError("keypad: expected at the entry only: nobody is asked for a code on the way out")
        if self.form == "wiegand" and self.role == "card" and not self.formats:
            raise ValueError("formats: missing; form wiegand is what they carry")
        sizes, possible = {row.number_bytes for row in self.formats}, FORM_BYTES[self.form]
        if len(sizes) > 1 or not sizes <= set(possible):
            words = (
                f"{possible[0]} to {possible[-1]}" if isinstance(possible, range) else " or ".join(map(str, possible))
            )
            found = " and ".join(map(str, sorted(sizes)))
            raise ValueError(f"formats: expected numbers of one size, {words} bytes in form {self.form}, found {found}")
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
        buses = {reader.bus: f"readers.{index}.bus" for index, reader in self._on_buses()}
        if self.thermometer is not None:
            buses[self.thermometer.bus] = "thermometer.bus"
        for bus, name in buses.items():
            used |= dict.fromkeys(BUS_PINS.get(bus, ()), name)
        for key, name, pin in self._pins():
            if pin in used:
                raise ValueError(f"{key}: BCM {pin} is already used by {used[pin]}")
            used[pin] = name
        _share_lines(self.readers)
        return self

    def _on_buses(self) -> Iterator[tuple[int, Reader]]:
        """The readers on I²C buses, each with its number.

        Raises:
            ValueError: two on one bus.
        """
        first: dict[int, int] = {}
        for index, reader in enumerate(self.readers):
            if reader.kind == "pn532":
                if first.setdefault(reader.bus, index) != index:
                    raise ValueError(f"readers.{index}.bus: bus {reader.bus} has a PN532 already: all have one address")
                yield index, reader

    def _pins(self) -> Iterator[tuple[str, str, int]]:
        """Each pin with its key, and the name of what uses it."""
        for name, part in self:
            if isinstance(part, OutputPin | InputPin):
                yield f"{name}.pin", name, part.pin
        for index, reader in enumerate(self.readers):
            for wire, pin in (("d0", reader.d0), ("d1", reader.d1)):
                if pin is not None:
                    yield f"readers.{index}.{wire}", f"readers.{index}.{wire}", pin


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
