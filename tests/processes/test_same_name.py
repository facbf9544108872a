"""Two computers were given one name: somebody is told so, and the broker is not stormed."""

from __future__ import annotations

import time
from typing import Any

from tests.processes.library import Library

CONTESTED = "it seems that another client uses the name gatehouse-demo-north"
LEAST_PAUSES_S = (0.25, 0.5, 1.0)
"""What each of them waits at least before its second, third and fourth connection."""


def connections(library: Library) -> list[dict[str, Any]]:
    return [status for status in library.on_topic("status/north") if status["state"] == "online"]


def test_two_gates_with_one_name(library: Library) -> None:
    gates = [library.gate("--set", f"storage.directory={library.directory}/{disk}") for disk in ("one", "two")]
    library.messages.wait(lambda _: len(connections(library)) >= 1, "the first connection")
    began_s = time.monotonic()
    for gate in gates:
        gate.errors.wait(lambda line: line.endswith(CONTESTED), "a line about the other one")
    most = 2 * (len(LEAST_PAUSES_S) + 1)
    library.messages.wait(lambda _: len(connections(library)) >= most, "four connections of each")
    assert time.monotonic() - began_s > sum(LEAST_PAUSES_S)
    assert len({status["journal"] for status in connections(library)}) == 2

    # that is all they say about it, and both go on counting whoever leaves
    for gate in gates:
        lines = gate.errors.all
        assert len([line for line in lines if CONTESTED in line]) == 1
        assert len(lines) <= 4
        gate.walk_out()
        assert gate.end() == 0
