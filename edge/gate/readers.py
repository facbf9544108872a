"""What the readers deliver: cards, codes, garbage, and silence. From here on nobody knows a card's number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge.gate.exits import Exits
from edge.gate.face import SERVING
from edge.gate.part import Part
from edge.gate.reception import Reception
from edge.gate.state import GateState
from edge.gate.tap import Tap
from edge.gate.vocabulary import CardRead, CodeRead, ReaderFound, ReaderLost, ReaderTampered, ReadingRejected, Side
from edge.runtime.step import Step
from edge.runtime.vocabulary import Fact
from edge.site import contract
from edge.site.contract import AlertKind
from edge.site.tokens import card_token, code_token, is_random

CODE_S = 30.0
"""A code belongs to the next tap if that comes within so long, seconds."""
GARBLED_BELIEVED = 3
"""So many readings in a row that are no card: the reader is at fault, not the reader's hand."""


@dataclass(slots=True)
class Readers(Part):
    """The readers of one gate.

    Attributes:
        key: the site's secret for tokens.
        network_sizes: bytes that a card number from the network may have.
    """

    gate: GateState
    key: bytes
    network_sizes: Sequence[int]
    reception: Reception
    exits: Exits
    _code: tuple[str, float] = ("", -1e9)
    _garbled: Counter[str] = field(default_factory=Counter[str])
    _lost: Counter[str] = field(default_factory=Counter[str])

    def facts(self) -> Mapping[type[Fact], Callable[[Step, Any], None]]:
        """What is taken here."""
        return {
            CardRead: self._card_read,
            CodeRead: self._code_read,
            ReadingRejected: self._rejected,
            ReaderLost: self._lost_one,
            ReaderFound: self._found_one,
            ReaderTampered: self._tampered,
        }

    def scanned(self, step: Step, names: Mapping[str, str], scan: contract.Reading | None) -> None:
        """A reader on the network saw a card.

        Raises:
            ContractError: its number is not of the site's card form.
        """
        if scan is not None and len(scan.uid) not in (2 * size for size in self.network_sizes):
            expected = " or ".join(str(2 * size) for size in self.network_sizes)
            where = f"readers/{names['device']}: uid"
            raise contract.ContractError(f"{where}: expected {expected} hex digits, found {len(scan.uid)}")
        # what comes before the link is in step was kept by the broker while we were away: nobody stands there now
        if scan is not None and names["device"] == self.gate.device and self.gate.synced:
            if scan.code is not None:
                self._code_read(step, CodeRead(scan.code))
            self._card_read(step, CardRead(scan.uid.upper()))

    def _card_read(self, step: Step, fact: CardRead) -> None:
        self._garbled[fact.reader] = 0
        self._judge(step, fact.reader)
        card = card_token(self.key, fact.uid)
        if fact.reader == "exit":
            self.exits.card(step, card)
        elif self.gate.thermometry is not None:
            (code, at_s), self._code = self._code, ("", -1e9)
            phone = is_random(fact.uid)
            fresh = step.now.mono_s - at_s <= CODE_S
            self.reception.take(step, Tap(card, code if fresh else None, phone))

    def _code_read(self, step: Step, fact: CodeRead) -> None:
        self._code = code_token(self.key, fact.code), step.now.mono_s

    def _rejected(self, step: Step, fact: ReadingRejected) -> None:
        self._garbled[fact.reader] += 1
        short = {"short_frames": fact.short} if fact.short else {}
        self._judge(step, fact.reader, error=fact.error, **short)
        if self.gate.lane.state not in SERVING:
            self.gate.face.tap_again(step)

    def _lost_one(self, step: Step, fact: ReaderLost) -> None:
        self._lost[fact.reader] += 1
        self._judge(step, fact.reader, error=fact.error)

    def _found_one(self, step: Step, fact: ReaderFound) -> None:
        self._lost[fact.reader] = max(0, self._lost[fact.reader] - 1)
        self._judge(step, fact.reader)

    def _judge(self, step: Step, side: Side, **data: Any) -> None:
        """Whether a side has a fault: a card at one of its readers says nothing of another that is gone."""
        faulty = self._lost[side] > 0 or self._garbled[side] >= GARBLED_BELIEVED
        self.gate.alerts.condition(step, AlertKind.READER_FAULT, faulty, side, **data)

    def _tampered(self, step: Step, fact: ReaderTampered) -> None:
        """Somebody has to look at it, though it may be whole again by then."""
        if fact.active:
            self.gate.alerts.incident(step, AlertKind.TAMPER, fact.reader, lane=self.gate.device, reader=fact.reader)
