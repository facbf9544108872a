"""What all devices of a site share: its name and key, the broker, the disk, and how gates decide."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeAlias, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, Strict, ValidationInfo, field_validator, model_validator

from edge.runtime.config import Settings

Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Seconds: TypeAlias = Annotated[float, Field(gt=0, le=3600)]
Celsius: TypeAlias = Annotated[float, Field(ge=-40, le=125)]
File: TypeAlias = Annotated[Path, Strict(False)]
"""A path, which TOML has as text."""
CardForm: TypeAlias = Literal["uid", "wiegand26", "wiegand34", "wiegand37", "wiegand"]

FORM_BYTES: Final[Mapping[CardForm, Sequence[int]]] = {
    "uid": (4, 7, 10),  # ISO/IEC 14443-3
    "wiegand26": (3,),
    "wiegand34": (4,),
    "wiegand37": (5,),
    "wiegand": range(2, 17),
}
"""Bytes that a number may have in each form."""

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
    key_file: File | None = None
    """File that holds the secret; relative to this configuration file."""
    card_form: CardForm = "uid"
    """The one form in which the site knows its cards: a whole UID; the 24, 32 or 35 bits of Wiegand 26, 34 or 37;
    or, as `wiegand`, what the Wiegand readers' own `formats` carry."""

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
    password_file: File | None = None
    """File that holds the password; relative to this configuration file."""
    ca_file: File | None = None
    """Certificate of the authority that vouches for the brokers (PEM): all is encrypted then, by TLS 1.2 or newer."""
    certificate_file: File | None = None
    """Certificate by which this device is known to the broker (PEM); for brokers that ask for one."""
    certificate_key_file: File | None = None
    """Its private key (PEM, without a passphrase)."""
    keepalive_s: Annotated[int, Field(ge=5, le=300)] = 15
    """A connection silent for 1.5 times this is given up, seconds."""

    @field_validator("addresses")
    @classmethod
    def _possible_ports(cls, value: list[str]) -> list[str]:
        for address in value:
            if not 1 <= int(address.rpartition(":")[2]) <= 65_535:
                raise ValueError(f"expected a port from 1 to 65535, found {address!r}")
        return value

    @field_validator("password_file", "ca_file", "certificate_file", "certificate_key_file")
    @classmethod
    def _beside_the_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value is None:
            return None
        context = cast(dict[str, Path], info.context or {})
        path = context.get("directory", Path()) / value
        if not path.is_file():
            raise ValueError(f"no such file: {path}")
        return path

    @model_validator(mode="after")
    def _whole_tls(self) -> Self:
        if (self.certificate_file is None) != (self.certificate_key_file is None):
            raise ValueError("expected certificate_file and certificate_key_file, or neither")
        if self.certificate_file is not None and self.ca_file is None:
            raise ValueError("certificate_file: expected ca_file as well")
        self.tls()
        return self

    def hosts(self) -> list[tuple[str, int]]:
        """The addresses as hosts and ports."""
        return [(host, int(port)) for host, _, port in (each.rpartition(":") for each in self.addresses)]

    def password(self) -> str | None:
        """The password, read from its file."""
        return None if self.password_file is None else self.password_file.read_text(encoding="utf-8").strip()

    def tls(self) -> ssl.SSLContext | None:
        """How to encrypt, and whom to trust: the authority of `ca_file` and no other. None: not at all.

        Raises:
            ValueError: a file is not what it should be; one line.
        """
        if self.ca_file is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_verify_locations(self.ca_file)
        except OSError as error:
            raise ValueError(f"ca_file: not a certificate that can be read: {self.ca_file}") from error
        if self.certificate_file is None or self.certificate_key_file is None:
            return context
        try:
            context.load_cert_chain(self.certificate_file, self.certificate_key_file, _no_passphrase)
        except (OSError, ValueError) as error:
            both = f"{self.certificate_file}, {self.certificate_key_file}"
            raise ValueError(f"certificate_file: not a certificate with its key: {both}") from error
        return context


def _no_passphrase() -> str:
    # without this, OpenSSL would ask for one on the terminal, and the gate would wait there
    raise ValueError("the key has a passphrase")


class Storage(Settings):
    """``[storage]``: what is kept, and how long."""

    directory: File = Path("/var/lib/gatehouse")
    """Folder of the journals, one file a device."""
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30
    """Visits are deleted after so many days."""
    low_mb: Annotated[int, Field(ge=1, le=100_000)] = 200
    """Less room, on the disk or up to `journal_mb`, is the alert `disk_low`, MB. A visit fills less than 1 KB.
    While the alert lasts, what the server has is deleted before its time."""
    journal_mb: Annotated[int, Field(ge=10, le=1_000_000)] = 4_000
    """A device's journal grows to so many MB; then it is as if the disk were full. Nothing is ever dropped that the
    server does not have: nobody is let in, until it has taken something."""
    acks: Literal["server", "recorder"] = "server"
    """Who tells devices that their events have arrived: the booking server, or the site's recorder."""

    def journal_bytes(self) -> int:
        """The limit of a device's journal, in bytes."""
        return self.journal_mb * 1_000_000


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
    code_tries: Annotated[int, Field(ge=1, le=100)] = 5
    """Wrong booking codes in a row, after which a lane looks at no code of that card for `code_pause_s`."""
    code_pause_s: Seconds = 900
    """How long a card has to wait then, seconds; right codes are refused as well."""
    refuse_health: Annotated[frozenset[Literal["missing", "blocked"]], Strict(False)] = frozenset(
        {"missing", "blocked"}
    )
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
