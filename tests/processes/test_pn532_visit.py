"""A whole gate in real time, a reader on the thermometer's bus and one on another, over a real broker."""

from __future__ import annotations

from tests.processes.library import Library

ON_THE_BUS = """readers = [
    { side = "entry", kind = "pn532" },
    { side = "exit", kind = "pn532", bus = 3 },
]
"""


def test_who_came_in_by_one_bus_goes_out_by_another(library: Library) -> None:
    before, _, _ = library.config.read_text().partition("readers = [")
    library.config.write_text(before + ON_THE_BUS)
    gate = library.open()
    gate.walk_in(1)
    gate.walk_out(1)
    assert gate.end() == 0
    assert gate.errors.all == []
