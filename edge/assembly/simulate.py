"""``gatehouse simulate``: a whole site and its day in one process, from a scenario to a transcript."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from edge import settings
from edge.assembly.simulation import HOP_S, Bench, SimClock, SimulatedDevice, SimulatedGate, Transcript
from edge.assembly.simulation_site import SimulatedServer, SimulatedSite
from edge.runtime.clock import VirtualClock, WallClock
from edge.runtime.loop import Loop, run
from edge.runtime.vocabulary import Fact
from simulators.scenario import Stimulus
from simulators.wires.bus import VirtualBroker

AFTER_S = 60.0
"""How long a simulation goes on after its last stimulus, unless told otherwise, seconds."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a simulation is to run.

    Attributes:
        start: wall time at its beginning.
        seed: of everything that chance decides.
        speed: simulated seconds a second; None as fast as possible.
        for_s: length in seconds; None ends `AFTER_S` after the last stimulus.
    """

    start: datetime
    seed: int = 0
    speed: float | None = None
    for_s: float | None = None


class Simulation:
    """A site that is being simulated."""

    def __init__(self, building: settings.Building, how: Run, out: IO[str], server_log: IO[str] | None = None) -> None:
        clock: SimClock
        if how.speed is None:
            clock = VirtualClock(how.start)
        else:
            clock = WallClock(building.site.zone(), speed=how.speed, start=how.start)
        self.clock = clock
        self.world = Loop(clock, _nobody)
        self.how = how
        chance = Bench.chance(how.seed, "network")
        broker = VirtualBroker(clock, self.world.call_at, latency_s=lambda: HOP_S * (0.5 + chance.random()))
        self.bench = Bench(building, how.seed, clock, self.world, broker, Transcript(out, clock, start=how.start))
        self.server = SimulatedServer(self.bench, server_log)
        self.devices: dict[str, SimulatedDevice] = {"site": SimulatedSite(self.bench)}
        for name in building.devices:
            self.devices[name] = SimulatedGate(self.bench, name)

    def play(self, stimuli: Iterable[Stimulus]) -> None:
        """Boot everything, play the stimuli, run to the end, and close everything: a simulation is played once."""
        last_s = 0.0
        for device in self.devices.values():
            device.boot()
        for stimulus in stimuli:
            last_s = max(last_s, stimulus.at)
            self.world.call_at(stimulus.at, lambda s=stimulus: self.act(s.device, s.do, s.keys))
        end_s = self.how.for_s if self.how.for_s is not None else last_s + AFTER_S
        self.world.call_at(end_s, self._end)
        self._over = False
        loops = [self.world, self.server.loop, *(device.device.loop for device in self.devices.values())]
        try:
            run(self.clock, loops, lambda: self._over)
        finally:
            self.bench.transcript.end()
            for device in self.devices.values():
                device.close()

    def act(self, device: str, do: str, keys: Mapping[str, Any]) -> None:
        """Do what one stimulus says."""
        if device == "server":
            self.server.act(do, keys)
        else:
            self.devices[device].act(do, keys)

    def _end(self) -> None:
        self._over = True


def _nobody(fact: Fact) -> None:
    raise RuntimeError(f"the world takes no facts, not {fact}")
