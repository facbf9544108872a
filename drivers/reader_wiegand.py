"""Card readers and keypads on two wires: a short low pulse on D0 is a zero, on D1 a one, silence ends the frame.

An edge does almost nothing: it leaves a bit and its time, and the first bit of a frame asks to be called back. All
else is done there, at most once a `timeout_s`. A frame is judged as a whole and nothing of it stays for the next
user. Wires that never rest (a storm) or stay low are let go and looked at every `LOOK_S`, so that they cost nobody
anything: the reader is lost until they rest.

Known limitations: the two wires only speak when there is a card, so an unplugged reader is silent, not lost. The
time between two pulses is not judged: the kernel hands over edges in batches. A format without parity shows neither
turned bits nor swapped wires, and keys of 4 bits neither; of a reader with both, cards show that its wires are swapped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from math import inf

from gpiozero.pins import Factory

from drivers.data_lines import DataLines
from drivers.later import CallLater
from drivers.uid import ByteOrder
from drivers.wiegand import WIEGAND_26, BadFrame, Format, WrongLength, decode, inverted
from drivers.wiegand_keys import KeyBits, Keypad, key_of
from edge.gate.vocabulary import CardRead, CodeRead, ReaderFound, ReaderLost, ReadingRejected, Side
from edge.runtime.ports import Post
from edge.runtime.vocabulary import Fact

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

LATE_S = 0.01
"""A look that comes so much later than it was asked for proves no silence, seconds: edges may be as late."""

_ROUNDING_S = 1e-6
"""A timer that comes early by so little is on time."""


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
        formats: what it may send; rows of `drivers.wiegand.FORMATS` or of the configuration. Empty for a keypad alone.
        keypad: bits of a key's burst; None: it has no keys.
        order: ``reversed`` where it sends the card's last byte first.
        pull_up: use the Raspberry Pi's own resistors (50 kOhm nominal); False where there are external ones.
        timeout_s: silence that ends a frame.
        lockout_s: after a card nothing is heard, after a refusal nothing else is refused aloud, seconds.

    Attributes:
        lost: whether the wires storm or stay low.
        short: frames with too few bits so far; told with each refusal.
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
        keypad: KeyBits | None = None,
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
        self._keypad = Keypad(keypad)
        self._whole = max([row.bits for row in self._formats] or [keypad or 0])
        self._order: ByteOrder = order
        self._timeout_s = timeout_s
        self._lockout_s = lockout_s
        self._locked_until_s = self._silent_until_s = -inf
        self._inverted = 0
        self._lock = threading.Lock()  # what an edge touches
        self._bits: list[bool] = []
        self._began_s = self._last_s = self._look_s = 0.0
        self._waited = False
        self._deaf = self._closed = False
        self._lines = DataLines(d0, d1, pin_factory=pin_factory, pull_up=pull_up)
        self._lines.listen(self._edge)
        low = self._lines.low()
        if low:
            self._lose(low)

    def close(self) -> None:
        """Give the pins back, for good. A second call does nothing."""
        if self._closed:
            return
        with self._lock:
            self._closed = self._deaf = True
            self._bits = []
        self._lines.debounce(None)
        self._lines.close()

    # --- on lgpio's thread

    def _edge(self, bit: bool) -> None:
        with self._lock:
            if self._deaf or len(self._bits) >= STORM_EDGES:
                return
            self._bits.append(bit)
            self._last_s = self._clock()
            first = len(self._bits) == 1
            if first:
                self._began_s, self._waited = self._last_s, False
                self._look_s = self._last_s + self._timeout_s
        if first:
            self._call_later(self._timeout_s, self._due)

    # --- on the thread of call_later

    def _due(self) -> None:
        """Somebody was heard a while ago: has it ended?"""
        with self._lock:
            if self._deaf:
                return
            now_s = self._clock()
            left_s = self._last_s + self._timeout_s - now_s
            storm = len(self._bits) >= STORM_EDGES
            if left_s <= _ROUNDING_S and now_s - self._look_s > LATE_S and not self._waited:
                self._waited, left_s = True, self._timeout_s
            if storm or left_s <= _ROUNDING_S:
                left_s = 0.0
                bits, self._bits = self._bits, []
                began_s = self._began_s
            else:
                self._look_s = now_s + left_s
                bits, began_s = [], 0.0
        if left_s:
            self._call_later(left_s, self._due)
        elif storm:
            self._lose(f"storm: {STORM_EDGES} pulses without a pause: check shield, ground and pull-ups")
        elif self._lines.low():  # stuck, or the first pulse of the next frame: a second look tells
            self._call_later(self._timeout_s, partial(self._judge_at_rest, bits, began_s))
        else:
            self._judge(bits, began_s)

    def _judge_at_rest(self, bits: Sequence[bool], began_s: float) -> None:
        if self._deaf:
            return
        if low := self._lines.low():
            self._lose(low)
        else:
            self._judge(bits, began_s)

    def _judge(self, bits: Sequence[bool], began_s: float) -> None:
        if self.lost or began_s < self._locked_until_s:
            self.dropped += 1
            return
        try:
            fact = self._read(bits, began_s)
        except BadFrame as bad:
            if not isinstance(bad, WrongLength):
                self._inverted = self._inverted + 1 if inverted(bits, self._formats) else 0
            elif len(bits) < self._whole:
                self.short += 1
            self._keypad.spoil()
            self._refuse(str(bad))
            return
        if fact is not None:
            self._post(fact)

    def _read(self, bits: Sequence[bool], began_s: float) -> Fact | None:
        """The card, or the code that a key ends; None: a key within a code.

        Raises:
            BadFrame: neither.
        """
        key = key_of(bits, self._keypad.size)
        if key is not None:
            code = self._keypad.press(key, began_s)
            return None if code is None else CodeRead(code)
        if not self._formats:
            raise WrongLength(f"saw {len(bits)} bits, expected a key of {self._keypad.size}")
        number = decode(bits, self._formats)
        self._inverted = 0
        self._locked_until_s = self._clock() + self._lockout_s
        self._keypad.clear()
        return CardRead((number[::-1] if self._order == "reversed" else number).hex().upper(), self._side)

    def _refuse(self, error: str) -> None:
        """Refuse a frame, aloud if it is the first for a while: a wire with noise on it must not fill the inbox."""
        now_s = self._clock()
        if now_s < self._silent_until_s:
            self.dropped += 1
            return
        self._silent_until_s = now_s + self._lockout_s
        if self._inverted >= SWAPPED_FRAMES:
            error = f"D0 and D1 are swapped: {self._inverted} frames in a row are right only when inverted"
        self._post(ReadingRejected(self._side, error, self.short))

    def _lose(self, error: str) -> None:
        """Let go of the wires for a while; tell it once."""
        with self._lock:
            if self._closed:
                return
            self._deaf = True
            self._bits = []
        self._keypad.clear()
        self._lines.debounce(DEAF_S)
        if not self.lost:
            self.lost = True
            self._post(ReaderLost(self._side, error))
        self._call_later(LOOK_S, self._look)

    def _look(self) -> None:
        """Take hold of the wires again, if they are at rest."""
        if self._closed:
            return
        if self._lines.low():
            self._call_later(LOOK_S, self._look)
            return
        self._lines.debounce(None)
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
