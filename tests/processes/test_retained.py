"""A command that was published to be retained: over MQTT 5 it never works, over 3.1.1 at most once."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from simulators.embedded_broker import EmbeddedBroker
from tests.mosquitto import Mosquitto
from tests.processes.library import Gate, Library

LATE = "2026-03-09T23:00:00+08:00"
"""None of these commands expires before the test is over."""


class Embedded(Mosquitto):
    """The demo's broker in place of mosquitto; it knows MQTT 3.1.1 only."""

    def __init__(self, _directory: Path) -> None:
        self._broker = EmbeddedBroker()
        self.port = self._broker.port

    def start(self) -> None:
        self._broker.start()

    def stop(self, how: int = signal.SIGTERM) -> None:
        self._broker.stop()


def retain(library: Library, id_: str, do: str = "lockdown") -> None:
    library.say("command", to="north", payload={"do": do, "id": id_, "expires_at": LATE}, retained=True)


def answered(library: Library, id_: str, since: int = 0) -> None:
    """Wait until a command is answered, and until the gate has done all that it leads to."""
    library.hears("results/north", lambda result: result["id"] == id_, since)
    library.in_step()


def reconnect(library: Library) -> None:
    """Somebody takes the gate's connection and lets go of it; the gate takes it back."""
    since = len(library.messages)
    library.visit("gatehouse-demo-north")
    library.hears("status/north", lambda status: status["state"] == "online", since)


def restart(library: Library, gate: Gate) -> Gate:
    gate.end(signal.SIGKILL)
    since = len(library.messages)
    gate = library.gate().ready()
    library.hears("status/north", lambda status: status["state"] == "online", since)
    return gate


def answers(library: Library) -> list[tuple[str, bool, str | None]]:
    results = [(result["id"], result["ok"], result["error"]) for result in library.on_topic("results/north")]
    return [result for result in results if not result[0].startswith("step")]


def done(library: Library) -> list[str]:
    """The commands that were carried out, and the modes that the lane went through."""
    events = library.journal()
    ids = [str(event.data["id"]) for event in events if event.type == "command.done"]
    modes = [str(event.data["mode"]) for event in events if event.type == "lane.mode"]
    return [id_ for id_ in ids if not id_.startswith("step")] + modes


def test_over_mqtt_5_a_retained_command_does_nothing(library: Library) -> None:
    gate = library.open()
    retain(library, "kept")
    answered(library, "kept")
    since = len(library.messages)
    reconnect(library)
    answered(library, "kept", since)
    since = len(library.messages)
    gate = restart(library, gate)
    answered(library, "kept", since)

    # one that comes while the gate is away, where it waits as well
    gate.end(signal.SIGKILL)
    retain(library, "kept meanwhile")
    library.hears("commands/north", lambda command: command["id"] == "kept meanwhile")
    gate = library.gate().ready()
    answered(library, "kept meanwhile")

    assert {answer[1:] for answer in answers(library)} == {(False, "retained commands are ignored")}
    assert done(library) == []
    assert library.retained()["lanes/north"]["mode"] == "normal"

    # the same command, not retained, is another thing
    library.command("lockdown", id="kept", expires_at=LATE)
    library.hears("results/north", lambda result: result["id"] == "kept" and result["ok"])
    assert done(library) == ["kept", "lockdown"]


@pytest.mark.parametrize("broker", [Embedded])
def test_over_mqtt_3_1_1_it_works_once_where_the_gate_is_online(library: Library) -> None:
    """That version does not tell a gate that is subscribed already from which messages it should keep off."""
    gate = library.open()
    assert gate.errors.all == []  # nobody hears that the broker was asked in another version
    retain(library, "kept")
    answered(library, "kept")
    library.command("normal", id="back")
    answered(library, "back")
    for again in (lambda: reconnect(library), lambda: restart(library, gate)):
        since = len(library.messages)
        again()
        answered(library, "kept", since)
    assert set(answers(library)) == {("kept", True, None), ("back", True, None)}
    assert done(library) == ["kept", "back", "lockdown", "normal"]
    assert library.retained()["lanes/north"]["mode"] == "normal"
