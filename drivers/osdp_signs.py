"""What an OSDP reader's own lamp and buzzer tell people: a table of signs, and the commands that show them.

A sign ends by itself, at the reader: when its time is over the reader shows what it shows at rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from importlib import import_module
from typing import Any, NamedTuple

LONGEST_S = 25.5
"""A sign lasts at most, seconds: libosdp's Python interface cuts the time to 8 bits of tenths of a second."""

CANCEL, SET = 1, 2
"""Control codes of a temporary lamp (OSDP specification)."""

DEFAULT_TONE = 2
"""Tone code of the buzzer."""


class Row(NamedTuple):
    """One sign; times in tenths of a second, as OSDP counts them.

    Attributes:
        colour: by its name in `osdp.CommandLEDColor`.
        on: the lamp is lit for so long,
        off: then dark; 0 for a steady lamp.
        beep: length of a beep,
        pause: and of the silence after it.
        beeps: how many; 0 for silence.
        again: beep also where the sign is shown already. An open lane is prolonged every second while it is released.
    """

    colour: str
    on: int
    off: int
    beep: int
    pause: int
    beeps: int
    again: bool


class Sign(Enum):
    """What a reader can show."""

    #               colour  on off  beep pause beeps again
    ACCEPTED = Row("Green", 1, 0, 2, 0, 1, again=False)
    REFUSED = Row("Red", 2, 2, 1, 1, 3, again=True)
    WAITING = Row("Amber", 5, 5, 0, 0, 0, again=False)


LAMP, BUZZER = "LEDControl", "AudibleControl"
"""Capabilities, by their names in `osdp.Capability`: a reader without them takes a command for an error."""


def commands(sign: Sign, for_s: float, *, shown: bool = False) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The commands that show a sign for so long, each with the capability it needs; 0 s ends the sign.

    ``shown``: it is shown already.
    """
    osdp = import_module("osdp")
    row = sign.value
    tenths = round(min(max(for_s, 0.0), LONGEST_S) * 10)
    yield (
        LAMP,
        {
            "command": osdp.Command.LED,
            "reader": 0,
            "led_number": 0,
            "temporary": True,
            "control_code": SET if tenths else CANCEL,
            "on_count": row.on,
            "off_count": row.off,
            "on_color": getattr(osdp.CommandLEDColor, row.colour),
            "off_color": osdp.CommandLEDColor.Black,
            "timer_count": tenths,
        },
    )
    if tenths and row.beeps and (row.again or not shown):
        yield (
            BUZZER,
            {
                "command": osdp.Command.Buzzer,
                "reader": 0,
                "control_code": DEFAULT_TONE,
                "on_count": row.beep,
                "off_count": row.pause,
                "rep_count": row.beeps,
            },
        )
