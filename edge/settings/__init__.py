"""The whole configuration of a site: every key with its unit, range, default and source.

One file serves all devices of a building: what they share (`edge.settings.shared`) and each lane
(`edge.settings.lane`). ``docs/configuration.md`` is generated from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from pydantic import Field, model_validator

from edge.runtime.config import Settings
from edge.settings.lane import Gate, Reader
from edge.settings.shared import FORM_BYTES, Broker, Name, Policy, ScreeningSettings, Site, Storage
from edge.site.access import READER, TAKEN


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
            if name in TAKEN or name.startswith(READER):
                raise ValueError(f"devices.{name}: this name is taken by another account at the broker")
            for index, reader in enumerate(device.readers):
                if reader.form != self.site.card_form:
                    raise ValueError(
                        f"devices.{name}.readers.{index}.form: expected {self.site.card_form!r}, the "
                        f"site's card_form, found {reader.form!r}: one site, one card form"
                    )
        cards = self._card_readers()
        sizes = {reader.number_bytes for reader in cards if reader.kind != "mqtt"}
        if len(sizes - {None}) > 1:
            found = " and ".join(map(str, sorted(filter(None, sizes))))
            raise ValueError(f"readers: expected numbers of one size, found {found} bytes: one site, one card form")
        if None in sizes and self.site.card_form == "uid" and any(reader.kind == "wiegand" for reader in cards):
            size = max(filter(None, sizes))
            raise ValueError(
                f"readers: expected uid_bytes = {size} at every other reader, which is what comes over Wiegand: "
                "one site, one card form"
            )
        if self.policy.anti_passback == "hard":
            for name, device in self.devices.items():
                readers = any(reader.side == "exit" and reader.role == "card" for reader in device.readers)
                if device.exit_beam is not None and not readers:
                    raise ValueError(
                        f"policy.anti_passback: hard needs an exit reader at every exit; devices.{name} has none"
                    )
        return self

    def card_bytes(self) -> Sequence[int]:
        """Bytes that the number of a card of this site may have: one size, where a reader or the form says which."""
        return (
            sorted({size for reader in self._card_readers() if (size := reader.number_bytes)})
            or FORM_BYTES[self.site.card_form]
        )

    def _card_readers(self) -> list[Reader]:
        return [reader for device in self.devices.values() for reader in device.readers if reader.role == "card"]

    def gates(self) -> dict[str, Gate]:
        """The lanes, by name."""
        return dict(self.devices)
