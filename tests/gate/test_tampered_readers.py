"""A reader that was opened or taken off is somebody's business until they have looked."""

from __future__ import annotations

from edge.gate.controller import Gate
from edge.gate.vocabulary import CardRead, ReaderLost, ReaderTampered
from edge.runtime.vocabulary import Commit
from tests.gate.test_defects import gate, take

__all__ = ["gate"]


def test_it_is_an_alert_until_a_guard_has_looked(gate: Gate) -> None:
    intents = take(gate, ReaderTampered("entry", True))
    raised = [event for intent in intents if isinstance(intent, Commit) for event in intent.events]
    assert [(event.type, event.data["alert"], event.data["reader"]) for event in raised] == [
        ("alert.raised", "tamper-entry", "entry")
    ]
    take(gate, ReaderTampered("entry", False))
    assert "tamper-entry" in gate.state.alerts.active


def test_each_reader_has_its_own_and_it_is_no_fault_of_the_reader(gate: Gate) -> None:
    take(gate, ReaderTampered("exit", True))
    take(gate, ReaderLost("entry", "no reply"))
    take(gate, CardRead("04A1B2C3", "exit"))
    assert set(gate.state.alerts.active) == {"tamper-exit", "reader_fault-entry"}


def test_a_reader_that_is_whole_is_no_alert(gate: Gate) -> None:
    take(gate, ReaderTampered("entry", False))
    assert not gate.state.alerts.active
