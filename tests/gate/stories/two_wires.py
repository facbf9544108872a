"""A site whose north gate has its card readers on two wires, for stories."""

from __future__ import annotations

import json
from typing import Any

from tests.gate.stories.story import Person, Story, Told

MEI, BAO = Person("mei", "A1B2C3"), Person("bao", "00FF10")
ENTRY = 'kind="wiegand", d0=12, d1=13'
EXIT = 'side="exit", kind="wiegand", d0=16, d1=19'


def site(form: str = "wiegand26", entry: str = "") -> tuple[str, ...]:
    """Overrides: two wires in the north, USB readers of the same card form everywhere else.

    Args:
        form: the site's card form.
        entry: further keys of the reader at the north's entry.
    """
    usb = f'form="{form}"' + (", uid_bytes=4" if form == "uid" else "")
    way_in, way_out = f'{{path="/dev/in", {usb}}}', f'{{path="/dev/out", side="exit", {usb}}}'
    return (
        f"site.card_form={form}",
        f'devices.north.readers=[{{{ENTRY}, form="{form}"{entry}}}, {{{EXIT}, form="{form}"}}]',
        f"devices.south.readers=[{way_in}, {way_out}]",
        f"devices.west.readers=[{way_out}]",
    )


WEST = f'devices.west.readers=[{{{EXIT}, form="wiegand26"}}]'
"""Two wires at the way out as well."""


def morning(*overrides: str) -> Story:
    """Mei and Bao have booked; it is ten past nine."""
    return Story("08:55", *site(), *overrides).caps().booked(MEI, BAO).at("09:10")


def shown(told: Told, gate: str = "north") -> list[str]:
    """What readers read on the display, in order."""
    return [message["step"] for message in told.messages(f"lanes/{gate}")]


def got(told: Told, gate: str = "north") -> list[tuple[str, str]]:
    """What the booking server got about this gate's alerts."""
    return [
        (line["type"].removeprefix("alert."), line["data"]["alert"])
        for line in told.server_log
        if line["device"] == gate and line["type"].startswith("alert.")
    ]


def raised(told: Told, topic: str = "alerts/north/reader_fault-entry") -> list[dict[str, Any] | None]:
    """What the guard's screen was told of the alert: its data; None when it was taken back."""
    return [None if message is None else message["data"] for message in told.messages(topic)]


def silent_about(told: Told, *people: Person) -> None:
    """No card number goes anywhere."""
    for text in (told.transcript, json.dumps(told.server_log), str(told._heard)):
        for person in people:
            assert person.uid not in text.upper()
