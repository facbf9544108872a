"""The header's pins through lgpio, outputs claimed with their first value. Raspberry Pi only.

gpiozero's own factory claims an output low and then sets it: a relay board that is active low
pulses at every start. And lgpio's errors are of a kind of their own; from here on they are an `OSError`, after
which the pin guard tries again. Importing lgpio starts a thread and makes a pipe in the working directory (or
in the directory ``LG_WD``), so nothing imports this module but `drivers.pins.open_pins`.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol, cast

import lgpio
from gpiozero import PinSetInput
from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin

NO_FLAGS = 0
"""Neither active low, nor open drain, nor a pull resistor: polarity is `drivers.lane_io`'s."""


class _Cancellable(Protocol):
    def cancel(self) -> None: ...


class _Lgpio(Protocol):
    def gpio_claim_output(self, handle: int, gpio: int, level: int, flags: int, /) -> int: ...


class _Openable(Protocol):
    def __init__(self, chip: int | None) -> None: ...


@contextmanager
def _refusing(what: str) -> Generator[None]:
    """Say in an `OSError` what refused; a line that the kernel took back looks like an input."""
    try:
        yield
    except (lgpio.error, PinSetInput) as error:
        words = str(error).strip("'")  # lgpio's text is the repr of its words
        raise OSError(f"{what}: {words}") from error


class ClaimedLGPIOPin(LGPIOPin):
    """A pin that becomes an output at the level it shall have.

    Raises:
        OSError: from each method here: the pin refuses.
    """

    _factory: ClaimedLGPIOFactory
    _callback: _Cancellable | None

    def output_with_state(self, state: bool) -> None:
        """Claim the pin as an output that is at ``state`` from the first moment."""
        if self._callback is not None:
            self._callback.cancel()
            self._callback = None
        claim = cast(_Lgpio, lgpio).gpio_claim_output
        with _refusing(f"GPIO{self._number}"):
            claim(self._factory.handle, self._number, int(state), NO_FLAGS)

    def _set_state(self, value: bool) -> None:
        with _refusing(f"GPIO{self._number}"):
            super()._set_state(value)  # pyright: ignore[reportUnknownMemberType]

    def close(self) -> None:
        """Make it an input again, without a pull resistor."""
        with _refusing(f"GPIO{self._number}"):
            super().close()


class ClaimedLGPIOFactory(LGPIOFactory):
    """Makes such pins.

    Args:
        chip: number of the GPIO chip; None finds the header's.

    Raises:
        OSError: no such chip, or no right to use it.
    """

    _handle: int

    def __init__(self, chip: int | None = None) -> None:
        with _refusing("the GPIO chip" if chip is None else f"GPIO chip {chip}"):
            cast(_Openable, super()).__init__(chip)
        self.pin_class = ClaimedLGPIOPin

    @property
    def handle(self) -> int:
        """The open chip, as lgpio numbers it."""
        return self._handle
