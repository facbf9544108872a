"""A keyboard that card readers pretend to be, making real input events under the real driver."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial

from evdev import InputEvent

from drivers import keyboard
from drivers.uid import BadUid, CardForm
from simulators.wires.reader import FakeReader

BATCH = 64
"""Events that one read of the real device returns at most."""

QUEUE_LIMIT = 2048
"""Events that wait at most; above it all are lost and the reader is told, as the kernel does."""

STUCK_REPEATS = 64
"""How often a stuck key repeats after each tap: for ever, as far as a reader can bear to look."""

GARBLED = "?"
"""What corrupt keys type: a character of no card number."""

Later = Callable[[float, Callable[[], None]], None]
"""Calls back after so many seconds."""


Stroke = tuple[int, int, int]
"""Kind, code and value of an input event."""


def _strokes() -> Mapping[str, tuple[Stroke, ...]]:
    keys = {"\n": (keyboard.KEY_ENTER, False), "\t": (keyboard.KEY_TAB, False)}
    for shifted, layout in ((False, keyboard.PLAIN), (True, keyboard.SHIFTED)):
        for code, character in layout.items():
            keys.setdefault(character, (code, shifted))
    return {
        character: (
            *_shift(shifted, keyboard.KEY_DOWN),
            (keyboard.EV_KEY, code, keyboard.KEY_DOWN),
            (keyboard.EV_KEY, code, keyboard.KEY_UP),
            *_shift(shifted, keyboard.KEY_UP),
        )
        for character, (code, shifted) in keys.items()
    }


def _shift(shifted: bool, value: int) -> tuple[Stroke, ...]:
    return ((keyboard.EV_KEY, keyboard.KEY_LEFTSHIFT, value),) if shifted else ()


_STROKES = _strokes()
"""What each character makes of the keys; of several keys the first one."""


class FakeKeyboard(FakeReader):
    """A device of the input system, with its faults as plain attributes.

    Args:
        clock: seconds that stamp the events.
        later: a scheduler, needed for ``slow`` only.
        form: how it writes card numbers.
        path: the name it pretends to have.

    Attributes:
        readable: called when there is something to read; the simulation puts a reader's `poll` here.
        plugged: called when it was plugged in again; put a reader's `reopen` here.
        absent: reading fails with errno 19 until it is plugged in again and opened.
        corrupt: every third character is another one.
        stuck: the first key goes down, repeats, and nothing else comes.
        slow: each character comes ``slow_s`` after the one before.
        slow_s: seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        later: Later | None = None,
        form: CardForm | None = None,
        path: str = "/dev/input/fake",
    ) -> None:
        super().__init__()
        self.path = path
        self.readable: Callable[[], object] = _nobody
        self.plugged: Callable[[], object] = _nobody
        self.grabbed = False
        self.slow_s = 0.3
        self._clock = clock
        self._later = later
        self._form = form or CardForm()
        self._open = True
        self._held: int | None = None
        self._events: deque[InputEvent] = deque()
        self._descriptor = -1

    def _plugged(self, there: bool) -> None:
        self._held = None
        self._events.clear()
        if there:
            self.plugged()
        else:
            self._announce()

    def _jammed(self, on: bool) -> None:
        if not on and self._held is not None:
            self._press([(keyboard.EV_KEY, self._held, keyboard.KEY_UP)])
            self._held = None
            self._announce()

    # --- the world's side

    def type(self, text: str) -> None:
        r"""Type a text; ``\n`` is Enter, ``\t`` is Tab. Nothing that is typed waits for a lost reader.

        Raises:
            ValueError: a character that no key types.
            RuntimeError: slow, but there is no scheduler.
        """
        unknown = [character for character in text if character not in _STROKES]
        if unknown:
            raise ValueError(f"no key types {unknown[0]!r}")
        if self._loses():
            return
        if self.corrupt:
            text = "".join(
                GARBLED if place % 3 == 0 and character not in "\n\t" else character
                for place, character in enumerate(text)
            )
        if self._stuck:
            self._hold(text[:1])
        elif self.slow:
            if self._later is None:
                raise RuntimeError("a slow keyboard needs a scheduler")
            for place, character in enumerate(text, start=1):
                self._later(place * self.slow_s, partial(self._type_now, character))
        else:
            self._type_now(text)

    def present(self, card: str) -> None:
        """Hold a card to it: it types the number as its form says. A number of another form it types in hex."""
        try:
            text = self._form.write(card)
        except BadUid:
            text = card.upper()
        self.type(text + "\n")

    def enter(self, code: str) -> float:
        """Type a code and Enter; nobody types as fast."""
        self.type(code + "\n")
        return 0.0

    def _type_now(self, text: str) -> None:
        self._press([stroke for character in text for stroke in _STROKES[character]])
        self._announce()

    def _hold(self, text: str) -> None:
        if self._held is None and text:
            self._held = next(code for _, code, _ in _STROKES[text] if code != keyboard.KEY_LEFTSHIFT)
            self._press([(keyboard.EV_KEY, self._held, keyboard.KEY_DOWN)])
        if self._held is not None:
            self._press([(keyboard.EV_KEY, self._held, keyboard.KEY_REPEAT)] * STUCK_REPEATS)
            self._announce()

    def _press(self, keys: list[Stroke]) -> None:
        """Queue key events, each with the mark that ends a report."""
        if self._absent or not self._open:
            return
        sec, usec = divmod(round(self._clock() * 1_000_000), 1_000_000)
        if len(self._events) + 2 * len(keys) > QUEUE_LIMIT:
            self._events.clear()
            keys = [(keyboard.EV_SYN, keyboard.SYN_DROPPED, 0)]
        for kind, code, value in keys:
            self._events.append(InputEvent(sec, usec, kind, code, value))
            self._events.append(InputEvent(sec, usec, keyboard.EV_SYN, keyboard.SYN_REPORT, 0))

    def _announce(self) -> None:
        """Say that there is something to read, until it is read or nobody reads any more."""
        self._signal()
        before = -1
        while before != len(self._events):
            before = len(self._events)
            self.readable()

    def _signal(self) -> None:
        if self._descriptor >= 0:
            os.eventfd_write(self._descriptor, 1)

    # --- the driver's side

    def open(self) -> FakeKeyboard:
        """What `drivers.reader_hid.open_hid` does with a real device.

        Raises:
            OSError: it is not plugged in.
        """
        if self._absent:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        self._open = True
        self._events.clear()
        self.grabbed = False
        self.grab()
        return self

    @property
    def fd(self) -> int:
        """The same as `fileno`."""
        return self.fileno()

    def fileno(self) -> int:
        """A descriptor that is readable when the keyboard is."""
        if self._descriptor < 0:
            self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            if self._events or self._absent:
                self._signal()
        return self._descriptor

    def read(self) -> Iterator[InputEvent]:
        """Pending events, at most 64 of them.

        Raises:
            BlockingIOError: there are none.
            OSError: it is unplugged or closed.
        """
        if self._absent or not self._open:
            gone = errno.ENODEV if self._absent else errno.EBADF
            raise OSError(gone, os.strerror(gone))
        if self._descriptor >= 0:
            with suppress(BlockingIOError):
                os.eventfd_read(self._descriptor)
        if not self._events:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        for _ in range(min(BATCH, len(self._events))):
            yield self._events.popleft()
        if self._events:
            self._signal()

    def grab(self) -> None:
        """Take the device for ourselves.

        Raises:
            OSError: somebody has it.
        """
        if self.grabbed:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        self.grabbed = True

    def ungrab(self) -> None:
        """Let others read it again."""
        self.grabbed = False

    def power_cut(self) -> None:
        """The computer that it is plugged into is off: nobody reads what is typed."""
        self.close()
        self.readable = self.plugged = _nobody

    def close(self) -> None:
        """Close the descriptor; what is typed is lost until `open`."""
        self._open = False
        self.grabbed = False
        self._events.clear()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _nobody() -> None:
    """Nobody listens."""
