"""The whole configuration of a site: every key with its unit, range, default and source.

One file serves all devices of a building: what they share (`edge.settings.shared`) and each lane
(`edge.settings.lane`). ``docs/configuration.md`` is generated from here.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from edge.runtime.config import Settings
from edge.settings.lane import Gate
from edge.settings.shared import Broker, Name, Policy, ScreeningSettings, Site, Storage
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
        sizes = {reader.uid_bytes for device in self.devices.values() for reader in device.readers} - {None}
        if len(sizes) > 1:
            found = " and ".join(map(str, sorted(filter(None, sizes))))
            raise ValueError(f"readers: expected one uid_bytes, found {found}: one site, one card form")
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
