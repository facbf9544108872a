"""A driver that hangs: said, alerted, and the process given up, its outputs at rest."""

from __future__ import annotations

import pytest

from tests.processes.library import Library


@pytest.mark.parametrize("speed", [5.0])
def test_a_thermometer_that_never_answers(library: Library) -> None:
    gate = library.open(module="tests.processes.hung_thermometer")
    library.command("admit", note="a guest", zone="stacks", people=1, temperature_c=36.6)
    gate.tells("output", name="lock", on=True)  # for a minute, so it is open when the gate is given up
    library.hears("alerts/north/thermometer_fault")
    assert gate.ended() == 1
    outputs = {line["name"]: line["on"] for line in gate.told() if line["type"] == "output"}
    assert outputs["lock"] is False
    assert not any(outputs.values())
    assert gate.errors.all[-1].startswith("gatehouse: north thermometer has not answered for 1")
    assert library.hears("status/north", lambda status: status["state"] == "offline")
