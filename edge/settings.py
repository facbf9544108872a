"""The whole configuration of a site: every key with its unit, range, default and source.

One file serves all devices of a building. ``docs/configuration.md`` is generated from here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal, Self, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationInfo, field_validator, model_validator

from edge.runtime.config import Settings

SAFE_PINS = frozenset(range(9, 28)) - {14}
"""BCM numbers for outputs: a Pi pulls GPIO 0-8 up at boot and drives 14 high (serial console)."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Celsius = Annotated[float, Field(ge=-40, le=125)]
Bcm = Annotated[int, Field(ge=0, le=27)]
Card = Literal["uid", "wiegand26"]


KEY_BYTES: Final = 8
"""Of the site's secret, at least: whoever guesses it can tell which card a token stands for."""


class Site(Settings):
    """``[site]``: what all devices share."""

    name: Name
    """Part of every topic: ``gatehouse/{name}/…``."""
    time_zone: str = "Asia/Shanghai"
    """Sessions and dates are local."""
    clock: Literal["ntp", "rtc"] = "ntp"
    """The date is known after a boot: once a time server has been heard (ntp); at once, there is a clock chip (rtc)."""
    key: str | None = Field(None, min_length=KEY_BYTES)
    """Secret that turns card numbers into tokens, as text. For a demo; use `key_file` in earnest."""
    key_file: Path | None = None
    """File that holds the secret; relative to this configuration file."""
    card_form: Card = "uid"
    """The one form in which the site knows its cards: a whole UID, or the 24 bits of Wiegand 26."""

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"expected a time zone such as Asia/Shanghai, found {value!r}") from error
        return value

    @field_validator("key_file")
    @classmethod
    def _beside_the_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        context = cast(dict[str, Path], info.context or {})
        return value if value is None else context.get("directory", Path()) / value

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.key is None) == (self.key_file is None):
            raise ValueError("expected either key or key_file")
        if self.key_file is not None and not self.key_file.is_file():
            raise ValueError(f"key_file: no such file: {self.key_file}")
        try:
            length = len(self.secret())
        except OSError as error:
            raise ValueError(f"key_file: cannot be read: {error.strerror}: {self.key_file}") from error
        if length < KEY_BYTES:
            raise ValueError(f"key_file: expected at least {KEY_BYTES} bytes, found {length}: {self.key_file}")
        return self

    def secret(self) -> bytes:
        """The key as bytes."""
        if self.key_file is not None:
            return self.key_file.read_bytes().strip()
        return (self.key or "").encode()

    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.time_zone)


class Broker(Settings):
    """``[broker]``: where messages go."""

    addresses: list[Annotated[str, Field(pattern=r"^[^\s:/]+:\d{1,5}$")]] = Field(
        default=["127.0.0.1:1883"], min_length=1
    )
    """``host:port``, tried in turn."""
    username: str | None = None
    """Account at the broker; None for none."""
    password_file: Path | None = None
    """File that holds the password; relative to this configuration file."""
    keepalive_s: Annotated[int, Field(ge=5, le=300)] = 15
    """A connection silent for 1.5 times this is given up, seconds."""

    @field_validator("addresses")
    @classmethod
    def _possible_ports(cls, value: list[str]) -> list[str]:
        for address in value:
            if not 1 <= int(address.rpartition(":")[2]) <= 65_535:
                raise ValueError(f"expected a port from 1 to 65535, found {address!r}")
        return value

    @field_validator("password_file")
    @classmethod
    def _beside_the_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is None:
            return None
        context = cast(dict[str, Path], info.context or {})
        path = context.get("directory", Path()) / value
        if not path.is_file():
            raise ValueError(f"no such file: {path}")
        return path

    def hosts(self) -> list[tuple[str, int]]:
        """The addresses as hosts and ports."""
        return [(host, int(port)) for host, _, port in (each.rpartition(":") for each in self.addresses)]

    def password(self) -> str | None:
        """The password, read from its file."""
        return None if self.password_file is None else self.password_file.read_text(encoding="utf-8").strip()


class Storage(Settings):
    """``[storage]``: what is kept, and how long."""

    directory: Path = Path("/var/lib/gatehouse")
    """Folder of the journals, one file a device."""
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """Visits are deleted after so many days."""
    low_mb: Annotated[int, Field(ge=1, le=100_000)] = 200
    """Less free space is the alert `disk_low`, MB. A busy entrance writes some 40 MB a day: that leaves five to act."""
    acks: Literal["server", "recorder"] = "server"
    """Who tells devices that their events have arrived: the booking server, or the site's recorder."""


class Policy(Settings):
    """``[policy]``: how the gates of the site decide."""

    early_entry_s: Annotated[float, Field(ge=0, le=7200)] = 300
    """How long before a session opens its readers may enter, seconds."""
    passage_s: Annotated[float, Field(ge=3, le=60)] = 5
    """The lane stays open so long for one person, seconds (at least 3: IEC 60839-11-1, grade 1)."""
    reopen_s: Annotated[float, Field(ge=0, le=600)] = 60
    """The same card reopens its own unused visit for so long, seconds."""
    face_s: Seconds = 10
    """How long a reader may take to step before the thermometer after the tap, seconds."""
    check_s: Seconds = 8
    """A measurement that takes longer is invalid, seconds; the pause before a recheck not counted."""
    tap_waits_s: Seconds = 10
    """How long one tap may wait while somebody else is served, seconds."""
    rights_wait_s: Annotated[float, Field(gt=0, le=0.3)] = 0.3
    """How long a gate without a right waits for its neighbours before it says full, seconds."""
    rights_low: Annotated[int, Field(ge=0, le=100)] = 2
    """A gate that holds fewer rights than this asks its neighbours before anybody has to wait."""
    tailgate_s: Seconds = 2
    """Whoever enters so soon after a passage followed through the open lane, seconds."""
    held_open_s: Seconds = 10
    """An entry beam broken for longer is an alert, seconds."""
    unused_visits: Annotated[int, Field(ge=2, le=100)] = 3
    """So many visits in a row that nobody used: the lane probably does not open."""
    anti_passback: Literal["off", "soft", "hard"] = "soft"
    """A card that is already inside: let in, let in with an alert, refuse. Hard needs exit readers everywhere."""
    clock_unset: Literal["refuse", "manual"] = "refuse"
    """While the date is unknown: refuse, or let the guard admit by hand."""
    caps_unknown: Literal["refuse", "manual"] = "refuse"
    """While no cap has been received: refuse, or let the guard admit by hand."""
    thermometer_fault: Literal["refuse", "manual"] = "refuse"
    """While the thermometer is faulty: refuse, or let the guard measure and admit."""
    refuse_health: frozenset[Literal["missing", "blocked"]] = frozenset({"missing", "blocked"})
    """Values of a booking's health registration that are refused."""


class OffsetRow(Settings):
    """One row of the offset table."""

    ambient_c: Celsius
    """Ambient temperature, °C."""
    offset_c: Annotated[float, Field(ge=0, le=6)]
    """What is added to the skin temperature there, K."""


class ScreeningSettings(Settings):
    """``[screening]``: from skin temperature to verdict."""

    threshold_c: Annotated[float, Field(ge=36, le=40)] = 37.3
    """An estimate above it is a fever, °C (Zhejiang report 3.4.1)."""
    offsets: list[OffsetRow] = Field(default=[OffsetRow(ambient_c=22, offset_c=2.0)], min_length=1)
    """Skin to estimate over ambient temperature; interpolated, clamped at the ends; rising ambient."""
    recheck_s: Annotated[float, Field(ge=5, le=120)] = 5
    """Pause before the second look at a suspect reading, seconds."""
    too_cold_c: Annotated[float, Field(ge=30, le=36)] = 35.0
    """An estimate below it means: wait a minute indoors, °C."""
    ambient_min_c: Celsius = 16.0
    """Below it the guard measures, °C."""
    ambient_max_c: Celsius = 35.0
    """Above it the guard measures, °C."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        ambients = [row.ambient_c for row in self.offsets]
        if ambients != sorted(set(ambients)):
            raise ValueError("offsets: expected rows in rising order of ambient_c")
        return self


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


class Reader(Settings):
    """A card reader, keypad or scanner."""

    side: Literal["entry", "exit"] = "entry"
    """Which way people go who use it."""
    kind: Literal["hid", "mqtt"] = "hid"
    """A USB reader that types like a keyboard, or one on the network (topic ``readers/{device}``)."""
    role: Literal["card", "code"] = "card"
    """What it reads: cards, or booking codes."""
    path: str | None = None
    """Device file of a USB reader; a stable name from udev."""
    sends: Literal["hex", "decimal"] = "hex"
    """How it writes a UID."""
    reversed_bytes: bool = False
    """It sends the UID's last byte first."""
    uid_bytes: Literal[4, 7, 10] | None = None
    """UID length where `sends` is decimal; None takes it from the number of digits."""
    form: Card = "uid"
    """What it reads off a card; must be the site's `card_form`."""

    @model_validator(mode="after")
    def _path_where_needed(self) -> Self:
        if (self.path is None) == (self.kind == "hid"):
            raise ValueError("expected path with kind hid, and only there")
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
        for key, part in self:
            if isinstance(part, OutputPin | InputPin):
                if part.pin in used:
                    raise ValueError(f"{key}.pin: BCM {part.pin} is already used by {used[part.pin]}")
                used[part.pin] = key
        paths = [reader.path for reader in self.readers if reader.path is not None]
        if len(paths) != len(set(paths)):
            raise ValueError("readers: one path is used twice")
        return self


class Building(Settings):
    """A site's whole configuration file."""

    site: Site
    broker: Broker = Broker()
    storage: Storage = Storage()
    policy: Policy = Policy()
    screening: ScreeningSettings = ScreeningSettings()
    devices: dict[Name, Gate] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, device in self.devices.items():
            if name in ("site", "server"):
                raise ValueError(f"devices.{name}: this name is taken by the site's own process")
            for index, reader in enumerate(device.readers):
                if reader.form != self.site.card_form:
                    raise ValueError(
                        f"devices.{name}.readers.{index}.form: expected {self.site.card_form!r}, the "
                        f"site's card_form, found {reader.form!r}: one site, one card form"
                    )
        if self.policy.anti_passback == "hard":
            for name, device in self.devices.items():
                readers = any(reader.side == "exit" and reader.role == "card" for reader in device.readers)
                if device.exit_beam is not None and not readers:
                    raise ValueError(
                        f"policy.anti_passback: hard needs an exit reader at every exit; devices.{name} has none"
                    )
        return self

    def gates(self) -> dict[str, Gate]:
        """The lanes, by name."""
        return dict(self.devices)
