"""What the readers deliver: cards, codes, garbage, and silence. From here on nobody knows a card's number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.gate.exits import Exits
from edge.gate.face import SERVING
from edge.gate.part import Part
from edge.gate.reception import Reception
from edge.gate.state import GateState
from edge.gate.tap import Tap
from edge.gate.vocabulary import CardRead, CodeRead, ReaderFound, ReaderLost, ReaderTampered, ReadingRejected
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
    """

    gate: GateState
    key: bytes
    reception: Reception
    exits: Exits
    _code: tuple[str, float] = ("", -1e9)
    _garbled: dict[str, int] = field(default_factory=dict[str, int])

    def facts(self) -> Mapping[type[Fact], Callable[[Step, Any], None]]:
        """What is taken here."""
        return {
            CardRead: self._card_read,
            CodeRead: self._code_read,
            ReadingRejected: self._rejected,
            ReaderLost: self._lost,
            ReaderFound: self._found,
            ReaderTampered: self._tampered,
        }

    def scanned(self, step: Step, names: Mapping[str, str], scan: contract.Reading | None) -> None:
        """A reader on the network saw a card."""
        # what comes before the link is in step was kept by the broker while we were away: nobody stands there now
        if scan is not None and names["device"] == self.gate.device and self.gate.synced:
            if scan.code is not None:
                self._code_read(step, CodeRead(scan.code))
            self._card_read(step, CardRead(scan.uid.upper()))

    def _card_read(self, step: Step, fact: CardRead) -> None:
        self._garbled[fact.reader] = 0
        self.gate.alerts.condition(step, AlertKind.READER_FAULT, False, fact.reader)
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
        self._garbled[fact.reader] = self._garbled.get(fact.reader, 0) + 1
        faulty = self._garbled[fact.reader] >= GARBLED_BELIEVED
        self.gate.alerts.condition(step, AlertKind.READER_FAULT, faulty, fact.reader, error=fact.error)
        if self.gate.lane.state not in SERVING:
            self.gate.face.tap_again(step)

    def _lost(self, step: Step, fact: ReaderLost) -> None:
        self.gate.alerts.condition(step, AlertKind.READER_FAULT, True, fact.reader, error=fact.error)

    def _found(self, step: Step, fact: ReaderFound) -> None:
        self.gate.alerts.condition(step, AlertKind.READER_FAULT, False, fact.reader)

    def _tampered(self, step: Step, fact: ReaderTampered) -> None:
        """Somebody has to look at it, though it may be whole again by then."""
        if fact.active:
            self.gate.alerts.incident(step, AlertKind.TAMPER, fact.reader, lane=self.gate.device, reader=fact.reader)
