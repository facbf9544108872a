"""Which of the header's pins may drive something, and how to open them on a Raspberry Pi."""

from __future__ import annotations

from gpiozero.pins import Factory

SAFE_OUTPUTS = frozenset(range(9, 28)) - {14}
"""BCM numbers for outputs. After reset the pins 0 to 8 are pulled up and 9 to 27 pulled down
(BCM2835 ARM Peripherals, page 102), and 14 goes high while the kernel starts (serial console):
what hangs on those would be switched on at each boot."""


def open_pins(chip: int | None = None) -> Factory:
    """The pins of this Raspberry Pi, for `LaneIO` and other drivers.

    Args:
        chip: number of the GPIO chip; None finds the header's.

    Raises:
        OSError: no such chip, or no right to use it.
        ImportError: lgpio is missing.
    """
    from drivers.pins_lgpio import ClaimedLGPIOFactory

    return ClaimedLGPIOFactory(chip)
