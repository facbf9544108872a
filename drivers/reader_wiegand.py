"""Card readers on two wires: a short low pulse on D0 is a zero, on D1 a one, and silence ends the frame.

An edge does almost nothing: it leaves a bit and its time, and the first bit of a frame asks to be called back. All
else is done there, at most once a `timeout_s`. A frame is judged as a whole and nothing of it stays for the next
user. Wires that never rest (a storm) or stay low are let go and looked at every `LOOK_S`, so that they cost nobody
anything: the reader is lost until they rest.

Known limitations: the two wires only speak when there is a card, so an unplugged reader is silent, not lost. The
time between two pulses is not judged: the kernel hands over edges in batches. A format without parity shows neither
turned bits nor swapped wires.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from math import inf
from typing import Protocol, cast

from gpiozero import InputDevice
from gpiozero.pins import Factory

from drivers.later import CallLater
from drivers.uid import ByteOrder
from drivers.wiegand import WIEGAND_26, BadFrame, Format, decode, inverted
from edge.gate.vocabulary import CardRead, ReaderFound, ReaderLost, ReadingRejected, Side
from edge.runtime.ports import Post

TIMEOUT_S = 0.025
"""Silence that ends a frame, seconds: above the 20 ms that a reader pauses between bits at most (field notes 2)."""

LOCKOUT_S = 0.2
"""After a card nothing is heard for so long, seconds: a fast re-swipe. Nobody takes the next card so fast."""

STORM_EDGES = 256
"""So many edges without a silence are no frame: twice `drivers.wiegand.LONGEST`. No more are kept."""

LOOK_S = 1.0
"""Between two looks at a lost reader's wires, seconds."""

PROVE_S = 0.25
"""How long a lost reader's wires must not storm before it counts as found, seconds."""

SWAPPED_FRAMES = 3
"""So many frames in a row that are right only when inverted: no chance, D0 and D1 are swapped."""

DEAF_S = 1.0
"""A level must last so long to be told while the wires are let go: lgpio drops a storm before Python sees it."""

_ROUNDING_S = 1e-6
"""A timer that comes early by so little is on time."""


class _Pin(Protocol):
    edges: str
    bounce: float | None
    when_changed: Callable[[float, bool], None] | None
    state: bool


class _InputDevice(Protocol):
    @property
    def pin(self) -> _Pin: ...

    def close(self) -> None: ...


_open_input = cast(Callable[..., _InputDevice], InputDevice)


class WiegandReader:
    """One reader on two pins.

    Args:
        d0: BCM number of the pin of D0 (often green).
        d1: BCM number of the pin of D1 (often white).
        post: takes the facts, from the thread of ``call_later``.
        clock: monotonic seconds; stamps the edges.
        call_later: calls back after so many seconds; `drivers.later.Later.call` on hardware.
        pin_factory: `drivers.pins.open_pins` on hardware.
        side: the direction that the reader serves.
        formats: what it may send; rows of `drivers.wiegand.FORMATS` or of the configuration.
        order: ``reversed`` where it sends the card's last byte first.
        pull_up: use the Raspberry Pi's own resistors (50 kOhm nominal); False where there are external ones.
        timeout_s: silence that ends a frame.
        lockout_s: after a card nothing is heard, after a refusal nothing else is refused aloud, seconds.

    Attributes:
        lost: whether the wires storm or stay low.
        short: frames with too few bits so far.
        dropped: frames that were not told: within the lockout, or at the end of a storm.

    Raises:
        gpiozero.GPIOZeroError: a pin does not exist or is in use; nothing stays open.
    """

    def __init__(
        self,
        d0: int,
        d1: int,
        post: Post,
        *,
        clock: Callable[[], float],
        call_later: CallLater,
        pin_factory: Factory,
        side: Side = "entry",
        formats: Sequence[Format] = (WIEGAND_26,),
        order: ByteOrder = "normal",
        pull_up: bool = True,
        timeout_s: float = TIMEOUT_S,
        lockout_s: float = LOCKOUT_S,
    ) -> None:
        self.lost = False
        self.short = 0
        self.dropped = 0
        self._post = post
        self._clock = clock
        self._call_later = call_later
        self._side: Side = side
        self._formats = tuple(formats)
        self._order: ByteOrder = order
        self._timeout_s = timeout_s
        self._lockout_s = lockout_s
        self._locked_until_s = self._silent_until_s = -inf
        self._inverted = 0
        self._lock = threading.Lock()  # what an edge touches
        self._bits: list[bool] = []
        self._began_s = self._last_s = 0.0
        self._deaf = self._closed = False
        with ExitStack() as opened:
            self._pins: dict[str, _Pin] = {}
            for name, number in (("D0", d0), ("D1", d1)):
                pull = {"pull_up": True} if pull_up else {"pull_up": None, "active_state": False}
                device = _open_input(number, pin_factory=pin_factory, **pull)
                opened.callback(device.close)
                device.pin.edges = "falling"
                self._pins[name] = device.pin
            for name, edge in (("D0", self._zero), ("D1", self._one)):
                self._pins[name].when_changed = edge
            self._opened = opened.pop_all()
        low = self._low()
        if low:
            self._lose(low)

    def close(self) -> None:
        """Give the pins back, for good. A second call does nothing."""
        if self._closed:
            return
        with self._lock:
            self._closed = self._deaf = True
            self._bits = []
        self._debounce(None)
        self._opened.close()

    # --- on lgpio's thread

    def _zero(self, _ticks: float, level: bool) -> None:
        if not level:
            self._edge(False)

    def _one(self, _ticks: float, level: bool) -> None:
        if not level:
            self._edge(True)

    def _edge(self, bit: bool) -> None:
        with self._lock:
            if self._deaf or len(self._bits) >= STORM_EDGES:
                return
            self._bits.append(bit)
            self._last_s = self._clock()
            first = len(self._bits) == 1
            if first:
                self._began_s = self._last_s
        if first:
            self._call_later(self._timeout_s, self._due)

    # --- on the thread of call_later

    def _due(self) -> None:
        """Somebody was heard a while ago: has it ended?"""
        with self._lock:
            if self._deaf:
                return
            left_s = self._last_s + self._timeout_s - self._clock()
            storm = len(self._bits) >= STORM_EDGES
            if storm or left_s <= _ROUNDING_S:
                left_s = 0.0
                bits, self._bits = self._bits, []
                began_s = self._began_s
            else:
                bits, began_s = [], 0.0
        if left_s:
            self._call_later(left_s, self._due)
        elif storm:
            self._lose(f"storm: {STORM_EDGES} pulses without a pause: check shield, ground and pull-ups")
        elif self._low():  # stuck, or the first pulse of the next frame: a second look tells
            self._call_later(self._timeout_s, partial(self._judge_at_rest, bits, began_s))
        else:
            self._judge(bits, began_s)

    def _judge_at_rest(self, bits: Sequence[bool], began_s: float) -> None:
        if self._deaf:
            return
        if low := self._low():
            self._lose(low)
        else:
            self._judge(bits, began_s)

    def _judge(self, bits: Sequence[bool], began_s: float) -> None:
        if self.lost or began_s < self._locked_until_s:
            self.dropped += 1
            return
        try:
            number = decode(bits, self._formats)
        except BadFrame as bad:
            self.short += len(bits) < max(row.bits for row in self._formats)
            self._inverted = self._inverted + 1 if inverted(bits, self._formats) else 0
            self._refuse(str(bad))
            return
        self._inverted = 0
        self._locked_until_s = self._clock() + self._lockout_s
        uid = number[::-1] if self._order == "reversed" else number
        self._post(CardRead(uid.hex().upper(), self._side))

    def _refuse(self, error: str) -> None:
        """Refuse a frame, aloud if it is the first for a while: a wire with noise on it must not fill the inbox."""
        now_s = self._clock()
        if now_s < self._silent_until_s:
            self.dropped += 1
            return
        self._silent_until_s = now_s + self._lockout_s
        if self._inverted >= SWAPPED_FRAMES:
            error = f"D0 and D1 are swapped: {self._inverted} frames in a row are right only when inverted"
        self._post(ReadingRejected(self._side, error))

    def _low(self) -> str | None:
        """Which wire is low now, where both should rest."""
        names = [name for name, pin in self._pins.items() if not pin.state]
        return f"{' and '.join(names)} low at rest: check for a short circuit and pull-ups" if names else None

    def _lose(self, error: str) -> None:
        """Let go of the wires for a while; tell it once."""
        with self._lock:
            if self._closed:
                return
            self._deaf = True
            self._bits = []
        self._debounce(DEAF_S)
        if not self.lost:
            self.lost = True
            self._post(ReaderLost(self._side, error))
        self._call_later(LOOK_S, self._look)

    def _look(self) -> None:
        """Take hold of the wires again, if they are at rest."""
        if self._closed:
            return
        if self._low():
            self._call_later(LOOK_S, self._look)
            return
        self._debounce(None)
        with self._lock:
            self._deaf = self._closed
        self._call_later(PROVE_S, self._prove)

    def _prove(self) -> None:
        """Found, unless there is another storm, or perhaps one."""
        with self._lock:
            if self._deaf:
                return
            heard = bool(self._bits)
        if heard:
            self._call_later(PROVE_S, self._prove)
        else:
            self.lost = False
            self._locked_until_s = self._silent_until_s = -inf
            self._inverted = 0
            self._post(ReaderFound(self._side))

    def _debounce(self, stable_s: float | None) -> None:
        for pin in self._pins.values():
            pin.bounce = stable_s
