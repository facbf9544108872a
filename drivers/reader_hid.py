"""USB readers that type like keyboards: card readers, keypads, scanners of booking codes.

What they type up to Enter or Tab is one frame. A frame that is not whole (a key lost, too long,
garbled) is rejected as a whole, and nothing of it stays for the next user.

Known limitations: a reader that sends no Enter or Tab is never heard; its frames run out of time
and show in `HidReader.dropped` only. Caps lock does not count.
"""

from __future__ import annotations

import fcntl
import struct
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Literal, Protocol

from drivers import keyboard
from drivers.uid import BadUid, CardForm
from edge.gate.vocabulary import CardRead, CodeRead, ReaderFound, ReaderLost, ReadingRejected, Side
from edge.runtime.ports import Post
from edge.runtime.vocabulary import Fact

Role = Literal["card", "code"]
"""Whether a reader delivers card numbers or booking codes."""

EVENTS_AT_ONCE = 4096
"""Events taken in one `poll`; the rest waits, so that a storm cannot hold the thread."""

HELD_LIMIT = 30
"""A key that repeats so often is stuck: the kernel begins after 0.25 s, then 30 times a second."""

_SET_CLOCK = 0x400445A0
"""EVIOCSCLOCKID of the kernel's ``input.h``: which clock stamps the events."""

_UNKNOWN = "\ufffd"
"""A key that types no character; it is in no card number and no code."""


class KeyEvent(Protocol):
    """The part of `evdev.InputEvent` that is used."""

    type: int
    code: int
    value: int

    def timestamp(self) -> float:
        """Seconds on the clock of the events."""
        ...


class Keyboard(Protocol):
    """The part of `evdev.InputDevice` that is used."""

    def fileno(self) -> int:
        """Descriptor to select on."""
        ...

    def read(self) -> Iterable[KeyEvent]:
        """Pending events; BlockingIOError when there are none, OSError when it is unplugged."""
        ...

    def ungrab(self) -> None:
        """Let others read it again."""
        ...

    def close(self) -> None:
        """Close the descriptor."""
        ...


def open_hid(path: str) -> Keyboard:
    """Open a reader for us alone: what it types reaches no console.

    Args:
        path: a stable name under ``/dev/input/by-id`` or ``by-path``; ``eventN`` changes.

    Raises:
        OSError: it is not there, not ours to read, or grabbed by somebody else.
    """
    import evdev

    device: evdev.InputDevice[str] = evdev.InputDevice(path)
    try:
        device.grab()
        # event times must not jump when the system's clock is set
        fcntl.ioctl(device.fd, _SET_CLOCK, struct.pack("i", time.CLOCK_MONOTONIC))
    except OSError:
        device.close()
        raise
    return device


class HidReader:
    """One reader on one keyboard device.

    Args:
        device: the opened keyboard, from `open_hid`.
        post: takes the facts.
        side: the direction that the reader serves.
        role: ``card`` posts `CardRead`, ``code`` posts `CodeRead`.
        form: how card numbers are typed; of no account for codes.
        longest: characters of a frame at most; a longer one is rejected at once.
        frame_timeout_s: a pause after which the beginning of a frame is dropped, seconds. Readers
            pause some milliseconds between keys, people at a keypad some seconds.
        reopen: opens the device again after it was lost; `reopen` calls it.
    """

    def __init__(
        self,
        device: Keyboard,
        post: Post,
        *,
        side: Side = "entry",
        role: Role = "card",
        form: CardForm | None = None,
        longest: int = 64,
        frame_timeout_s: float = 1.0,
        reopen: Callable[[], Keyboard] | None = None,
    ) -> None:
        self.lost = False
        self.dropped = 0
        self._device = device
        self._post = post
        self._side: Side = side
        self._role: Role = role
        self._form = form or CardForm()
        self._longest = longest
        self._timeout_s = frame_timeout_s
        self._reopen = reopen
        self._frame: list[str] = []
        self._shifts: set[int] = set()
        self._repeats = 0
        self._skipping = False
        self._last_s = 0.0

    def fileno(self) -> int:
        """Descriptor to select on; of no use while the reader is lost."""
        return self._device.fileno()

    def poll(self) -> None:
        """Take what was typed since the last time. Never waits."""
        if self.lost:
            return
        taken, before = 0, -1
        try:
            while before < taken < EVENTS_AT_ONCE:
                before = taken
                for event in self._device.read():
                    taken += 1
                    if event.type == keyboard.EV_KEY:
                        self._key(event)
                    elif event.code == keyboard.SYN_DROPPED and event.type == keyboard.EV_SYN:
                        # the kernel lost events: nothing that was begun can be trusted
                        self._pause(event.timestamp())
                        self._reject("keys were lost on the way")
        except BlockingIOError:
            return
        except OSError as fault:
            self._lose(f"unplugged (errno {fault.errno})")

    def reopen(self) -> bool:
        """Try once to open a lost reader again; True if it works (or was never lost)."""
        if not self.lost:
            return True
        if self._reopen is None:
            return False
        try:
            self._device = self._reopen()
        except OSError:
            return False
        self.lost = False
        self._forget()
        self._post(ReaderFound(self._side))
        return True

    def close(self) -> None:
        """Give the device back, for good."""
        self._reopen = None
        if not self.lost:
            self.lost = True
            with suppress(OSError):
                self._device.ungrab()
            self._device.close()

    def _lose(self, error: str) -> None:
        self.lost = True
        with suppress(OSError):
            self._device.close()
        self._post(ReaderLost(self._side, error))

    def _key(self, event: KeyEvent) -> None:
        self._pause(event.timestamp())
        if event.value == keyboard.KEY_REPEAT:
            self._repeats += 1
            if self._repeats == HELD_LIMIT:
                self._reject("a key is stuck")
            return
        self._repeats = 0
        if event.code in keyboard.SHIFTS:
            pressed = event.value == keyboard.KEY_DOWN
            (self._shifts.add if pressed else self._shifts.discard)(event.code)
        elif event.value == keyboard.KEY_DOWN and event.code not in keyboard.LOCKS:
            self._press(event.code)

    def _pause(self, now_s: float) -> None:
        """Drop a frame whose next key comes too late; a clock that was set back is a pause too."""
        if not 0 <= now_s - self._last_s <= self._timeout_s:
            self.dropped += bool(self._frame)
            self._forget()
        self._last_s = now_s

    def _press(self, code: int) -> None:
        if code in keyboard.TERMINATORS:
            if self._frame and not self._skipping:
                self._post(self._read("".join(self._frame)))
            self._forget()
        elif not self._skipping:
            characters = keyboard.SHIFTED if self._shifts else keyboard.PLAIN
            self._frame.append(characters.get(code, _UNKNOWN))
            if len(self._frame) > self._longest:
                self._reject(f"more than {self._longest} characters without Enter or Tab")

    def _read(self, text: str) -> Fact:
        if self._role == "code":
            if _UNKNOWN in text:
                return ReadingRejected(self._side, "expected letters, digits and punctuation only")
            return CodeRead(text)
        try:
            return CardRead(self._form.parse(text), self._side)
        except BadUid as error:
            return ReadingRejected(self._side, str(error))

    def _reject(self, error: str) -> None:
        """Refuse the present frame, once, and skip the rest of it."""
        if not self._skipping:
            self._post(ReadingRejected(self._side, error))
        self._forget()
        self._skipping = True

    def _forget(self) -> None:
        self._frame.clear()
        self._shifts.clear()
        self._repeats = 0
        self._skipping = False
