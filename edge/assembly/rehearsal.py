"""A gate in real time over a real broker, with real drivers on fake wires and people before them."""

from __future__ import annotations

from typing import IO

from edge import settings
from edge.assembly.computer import Disk
from edge.assembly.fakes import fake_i2c, open_fakes
from edge.assembly.live import Live, gate_process
from edge.assembly.people import Narrated, People
from edge.assembly.pn532 import poll_readers
from edge.assembly.simulation import Transcript
from edge.runtime.ports import Controller


def rehearse_gate(
    building: settings.Building, name: str, *, stimuli: IO[str] | None, transcript: IO[str] | None, live: Live
) -> None:
    """Run one gate on fake wires until SIGTERM or SIGINT.

    Args:
        building: the site's configuration.
        name: which gate of it.
        stimuli: what people do before it.
        transcript: takes what comes of it, a line at once.
        live: what time it is.

    Raises:
        OSError: the journal or its folder cannot be used.
        Unusable: a stimulus was none.
        KeyboardInterrupt: SIGINT ended it.
    """
    clock = live.clock(building, simulated=True)
    disk = Disk(clock)
    with gate_process(building, name, clock, open_store=disk.open) as process:
        loop = process.device.loop
        people = People(building, name, clock, loop.wake, stop=process.stop, disk=disk)
        controller: Controller = process.gate
        if transcript is not None:
            told = Transcript(transcript, clock, began_s=people.began_s, at_once=True)
            people.watch(told)
            controller = Narrated(controller, name, told)
        gate = building.devices[name]
        lane, thermometer = open_fakes(people.world, gate, loop, process.opened)
        polling = poll_readers(
            gate,
            loop.post,
            clock,
            process.opened,
            open_i2c=lambda bus: fake_i2c(people.world, gate, bus),
            submit=lambda bus: process.bus(bus).submit,
        )
        link = process.start(controller, lane, thermometer, polling)
        people.computer.plug = link.plug
        if stimuli is not None:
            people.listen(stimuli)
        process.run(people.loop, loop)
