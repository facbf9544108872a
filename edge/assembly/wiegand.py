"""A Wiegand reader put together: its row of the configuration to formats, pins and options of the driver."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from gpiozero.pins import Factory

from drivers.later import CallLater
from drivers.reader_wiegand import WiegandReader
from drivers.wiegand import WIEGAND_26, WIEGAND_34, WIEGAND_37, Format, Parity
from edge.runtime.ports import Post
from edge.settings.lane import Reader
from edge.settings.shared import CardForm
from edge.settings.wiegand import WiegandFormat, places

USUAL: Final[Mapping[CardForm, tuple[Format, ...]]] = {
    "uid": (WIEGAND_34,),  # of 4 bytes
    "wiegand26": (WIEGAND_26,),
    "wiegand34": (WIEGAND_34,),
    "wiegand37": (WIEGAND_37,),
    "wiegand": (),
}
"""What a reader sends where the site's file does not say it."""


def format_of(row: WiegandFormat) -> Format:
    """A row of the site's file as the driver takes it."""
    parities = (Parity(parity.at, places(parity.covers), parity.kind == "odd") for parity in row.parities)
    return Format(row.bits, row.number, tuple(parities))


def formats_of(reader: Reader) -> tuple[Format, ...]:
    """What a reader may send; nothing, if it is a keypad alone."""
    if reader.role == "code":
        return ()
    return tuple(map(format_of, reader.formats)) or USUAL[reader.form]


def pins_of(reader: Reader) -> tuple[int, int]:
    """BCM numbers of D0 and D1.

    Raises:
        ValueError: a reader of another kind.
    """
    if reader.d0 is None or reader.d1 is None:
        raise ValueError(f"a reader of kind {reader.kind} has no data wires")
    return reader.d0, reader.d1


def open_wiegand(
    reader: Reader, post: Post, *, clock: Callable[[], float], call_later: CallLater, pin_factory: Factory
) -> WiegandReader:
    """Open a reader on its two wires.

    Raises:
        gpiozero.GPIOZeroError: a pin does not exist or is in use.
    """
    return WiegandReader(
        *pins_of(reader),
        post,
        clock=clock,
        call_later=call_later,
        pin_factory=pin_factory,
        side=reader.side,
        formats=formats_of(reader),
        keypad=reader.keypad,
        order="reversed" if reader.reversed_bytes else "normal",
        pull_up=reader.pull_up,
    )
