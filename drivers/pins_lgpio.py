"""The header's pins through lgpio, outputs claimed with their first value. Raspberry Pi only.

gpiozero's own factory claims an output low and then sets it: a relay board that is active low
pulses at every start. Importing lgpio starts a thread and makes a pipe in the working directory (or
in the directory ``LG_WD``), so nothing imports this module but `drivers.pins.open_pins`.
"""

from __future__ import annotations

from typing import Protocol, cast

import lgpio
from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin

NO_FLAGS = 0
"""Neither active low, nor open drain, nor a pull resistor: polarity is `drivers.lane_io`'s."""


class _Cancellable(Protocol):
    def cancel(self) -> None: ...


class _Lgpio(Protocol):
    def gpio_claim_output(self, handle: int, gpio: int, level: int, flags: int, /) -> int: ...


class _Openable(Protocol):
    def __init__(self, chip: int | None) -> None: ...


class ClaimedLGPIOPin(LGPIOPin):
    """A pin that becomes an output at the level it shall have."""

    _factory: ClaimedLGPIOFactory
    _callback: _Cancellable | None

    def output_with_state(self, state: bool) -> None:
        """Claim the pin as an output that is at ``state`` from the first moment."""
        if self._callback is not None:
            self._callback.cancel()
            self._callback = None
        claim = cast(_Lgpio, lgpio).gpio_claim_output
        claim(self._factory.handle, self._number, int(state), NO_FLAGS)


class ClaimedLGPIOFactory(LGPIOFactory):
    """Makes such pins.

    Args:
        chip: number of the GPIO chip; None finds the header's.
    """

    _handle: int

    def __init__(self, chip: int | None = None) -> None:
        cast(_Openable, super()).__init__(chip)
        self.pin_class = ClaimedLGPIOPin

    @property
    def handle(self) -> int:
        """The open chip, as lgpio numbers it."""
        return self._handle
