"""Two computers were given one name: somebody is told so, and the broker is not stormed."""

from __future__ import annotations

from typing import Any

from tests.processes.library import Library

CONTESTED = "it seems that another client uses the name gatehouse-demo-north"


def connections(library: Library) -> list[dict[str, Any]]:
    return [status for status in library.on_topic("status/north") if status["state"] == "online"]


def test_two_gates_with_one_name(library: Library) -> None:
    gates = [library.gate("--set", f"storage.directory={library.directory}/{disk}") for disk in ("one", "two")]
    library.messages.wait(lambda _: len(connections(library)) >= 1, "the first connection")
    for gate in gates:
        gate.errors.wait(lambda line: line.endswith(CONTESTED), "a line about the other one")
    library.messages.wait(lambda _: len(connections(library)) >= 8, "four connections of each")
    assert len({status["journal"] for status in connections(library)}) == 2

    # that is all they say about it, and both go on counting whoever leaves
    for gate in gates:
        lines = gate.errors.all
        assert len([line for line in lines if CONTESTED in line]) == 1
        assert len(lines) <= 4
        gate.walk_out()
        assert gate.end() == 0
