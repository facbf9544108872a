"""A whole gate in real time, its readers on two wires, over a real broker."""

from __future__ import annotations

from tests.processes.library import Library, card

TWO_WIRES = """readers = [
    { side = "entry", kind = "wiegand", d0 = 12, d1 = 13 },
    { side = "exit", kind = "wiegand", d0 = 16, d1 = 19 },
]
"""


def test_readers_come_and_go_and_a_storm_keeps_none_of_them_out_for_long(library: Library) -> None:
    before, _, _ = library.config.read_text().partition("readers = [")
    library.config.write_text(before + TWO_WIRES)
    gate = library.open()
    gate.walk_in(1)
    gate.do("fault", part="reader", kind="storm", on=True)
    library.hears("alerts/north/reader_fault-entry", lambda alert: alert["data"]["error"].startswith("storm: "))
    gate.walk_out(1)  # the other reader is heard meanwhile
    gate.do("fault", part="reader", kind="storm", on=False)
    library.takes("alert.cleared", kind="reader_fault")
    gate.walk_in(2)
    assert library.takes("visit.admitted", card=card(2)).data["zone"] == "stacks"
    assert gate.end() == 0
    assert gate.errors.all == []
