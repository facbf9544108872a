"""One card reader on an RS-485 line that speaks OSDP in a secure channel; its line is `drivers.osdp_line`'s.

A reader counts as there while its replies come, in a secure channel with the site's key; what libosdp says of it
counts only where it says no. Whoever has another key, the default key or none is never heard.

libosdp leaves a reader alone for five minutes once it has stopped answering, or has forgotten the channel (it was
restarted). Here it is taken up again at once, so it is back within 3 s of the moment when it can answer: at most 1 s
until libosdp asks it the next time, `RETRY_S`, and the four questions of a new channel (0.1 s each at 9600 baud).
`LOST_S` is more than that: who is back in time was never lost. No bound from above follows; it is how long a guard
may be left in the dark about a reader whose cable was cut.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import Any

from drivers.osdp_card import card_number
from drivers.osdp_panel import Card, Done, Heard, Online, Panel, Tampered
from drivers.osdp_signs import Sign, commands
from drivers.osdp_wire import CCRYPT, NAK, PDCAP, OsdpWire
from drivers.uid import ByteOrder, Size
from drivers.wiegand import FORMATS, BadFrame, Format
from edge.gate.vocabulary import CardRead, ReaderFound, ReaderLost, ReaderTampered, ReadingRejected, Side
from edge.runtime.ports import Post

LOST_S = 5.0
"""A reader that has not replied for so long is lost, seconds; see above."""

RETRY_S = 0.5
"""From one attempt at a secure channel to the next, seconds: the other readers of the line are served meanwhile."""

SECURITY = "CommunicationSecurity"
"""The capability to have a secure channel, by its name in `osdp.Capability`."""

REFUSALS: Mapping[int, str] = {
    CCRYPT: "refused: the reader has another key, or none yet",
    NAK: "refused: the reader wants no secure channel",
}
"""What it means that libosdp gives up after such a reply."""


class _Phase(Enum):
    TRYING = auto()  # libosdp makes a channel, or waits for a first reply
    ONLINE = auto()
    OFFLINE = auto()  # libosdp has given up
    DISABLED = auto()  # asked to let go of it


class OsdpReader:
    """One reader on a line.

    Args:
        address: of the reader on its line, 0 to 126.
        key: what it shares with the site, from `drivers.osdp_key.read_key`.
        post: takes the facts, from the line's thread.
        side: the direction that the reader serves.
        size: bytes of a card number; None takes any size of a UID.
        order: ``reversed`` where it sends the card's last byte first.
        formats: Wiegand frames that it may send.
        lost_s: silent for longer it is lost, seconds.

    Attributes:
        lost: whether it was told to be lost.
        declined: commands that it took for an error, by their number in `osdp.Command`; it is not told them again.
    """

    def __init__(
        self,
        address: int,
        key: bytes,
        post: Post,
        *,
        side: Side = "entry",
        size: Size | None = None,
        order: ByteOrder = "normal",
        formats: Sequence[Format] = FORMATS,
        lost_s: float = LOST_S,
    ) -> None:
        self.address = address
        self.key = key
        self.lost = False
        self.declined: set[int] = set()
        self._post = post
        self._side: Side = side
        self._size: Size | None = size
        self._order: ByteOrder = order
        self._formats = tuple(formats)
        self._lost_s = lost_s
        self._silent_s = 0.0
        self._tampered = False
        self._shown: Sign | None = None
        self._shown_until_s = 0.0
        self._signs: deque[tuple[Sign, float]] = deque(maxlen=1)  # the newest only; written by any thread
        self.begin()

    # --- from any thread

    def accepted(self, for_s: float) -> None:
        """Show that the card is good: please walk. 0 ends it."""
        self._signs.append((Sign.ACCEPTED, for_s))

    def refused(self, for_s: float) -> None:
        """Show that the card is not good. 0 ends it."""
        self._signs.append((Sign.REFUSED, for_s))

    def waiting(self, for_s: float) -> None:
        """Show that the card was read and something is looked at. 0 ends it."""
        self._signs.append((Sign.WAITING, for_s))

    # --- on the line's thread

    def begin(self) -> None:
        """A new panel makes a channel from the beginning."""
        self._phase = _Phase.TRYING
        self._tried_s = 0.0
        self._sessions = 0
        self._why: str | None = None
        self._to_send: deque[Mapping[str, Any]] = deque()

    def turn(self, panel: Panel, wire: OsdpWire, now_s: float, elapsed_s: float) -> None:
        """Take what came, judge whether the reader is there, take it up again if it is not, tell it what to show."""
        for heard in panel.heard(self.address):
            self._hear(heard, panel, wire)
        self._judge(panel, wire, elapsed_s)
        if self._phase is _Phase.OFFLINE and now_s - self._tried_s >= RETRY_S:
            panel.disable(self.address)
            self._phase = _Phase.DISABLED
        elif self._phase is _Phase.DISABLED and not panel.enabled(self.address):
            wire.last.pop(self.address, None)
            panel.enable(self.address)
            self._phase, self._tried_s = _Phase.TRYING, now_s
        self._show(panel, now_s)

    def _silent(self, elapsed_s: float, why: str) -> None:
        """So much more time without a reply."""
        self._silent_s += elapsed_s
        if self._silent_s > self._lost_s:
            self.lose(why)

    def lose(self, why: str) -> None:
        """It is gone; told once."""
        if not self.lost:
            self.lost = True
            self._post(ReaderLost(self._side, why))

    def _judge(self, panel: Panel, wire: OsdpWire, elapsed_s: float) -> None:
        sessions, self._sessions = self._sessions, wire.sessions[self.address]
        if self._sessions == sessions or not panel.secure(self.address):
            begun = self._phase is _Phase.TRYING and self.address in wire.last
            self._silent(elapsed_s, self._why or (self._falls_silent if begun else self._no_reply))
            return
        self._silent_s, self._why = 0.0, None
        if self.lost:
            self.lost = False
            self._post(ReaderFound(self._side))

    def _hear(self, heard: Heard, panel: Panel, wire: OsdpWire) -> None:
        match heard:
            case Card(bits, data):
                self._card(bits, data)
            case Tampered(on):
                if on != self._tampered:
                    self._tampered = on
                    self._post(ReaderTampered(self._side, on))
            case Online(True):
                self._phase = _Phase.ONLINE
                self._to_send = deque([panel.ask_tamper])
            case Online(False) if self._phase is _Phase.TRYING:
                self._phase, self._why = _Phase.OFFLINE, self._verdict(panel, wire)
            case Online(False) if self._phase is _Phase.ONLINE:
                self._phase = _Phase.OFFLINE
            case Done(command, False):
                answer = wire.last.get(self.address)
                if answer is not None and answer.code == NAK and answer.in_session:
                    self.declined.add(command)
            case _:
                pass

    def _card(self, bits: int, data: bytes) -> None:
        try:
            uid = card_number(bits, data, size=self._size, order=self._order, formats=self._formats)
        except BadFrame as bad:
            self._post(ReadingRejected(self._side, str(bad)))
        else:
            self._post(CardRead(uid, self._side))

    def _show(self, panel: Panel, now_s: float) -> None:
        if self._phase is not _Phase.ONLINE:
            self._signs.clear()  # late, it would speak to the next reader
            return
        if self._signs:
            sign, for_s = self._signs.pop()
            if for_s > 0 or sign is self._shown:
                shown = sign is self._shown and now_s < self._shown_until_s
                self._shown, self._shown_until_s = sign, now_s + for_s
                wanted = commands(sign, for_s, shown=shown)
                told = [command for needs, command in wanted if panel.can(self.address, needs)]
                self._to_send = deque([*(each for each in self._to_send if each == panel.ask_tamper), *told])
        while self._to_send and (
            self._to_send[0]["command"] in self.declined or panel.submit(self.address, self._to_send[0])
        ):
            self._to_send.popleft()

    def _verdict(self, panel: Panel, wire: OsdpWire) -> str:
        """Why libosdp has given up making a secure channel: the reader's last reply tells."""
        last = wire.last.get(self.address)
        if last is None:
            return self._no_reply
        if last.code == PDCAP and not panel.can(self.address, SECURITY):
            return "refused: the reader speaks in plain text only"
        return REFUSALS.get(last.code, self._falls_silent)

    @property
    def _no_reply(self) -> str:
        return f"no reply from address {self.address}: check power, A and B, address and baud"

    @property
    def _falls_silent(self) -> str:
        return f"address {self.address} falls silent while a secure channel is made: check cable and termination"
