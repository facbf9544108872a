"""Eyes on a site while a story is played: they look whenever a gate has thought or an output is written."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import edge.assembly.gate as assembly
from edge.assembly.simulate import Simulation
from edge.assembly.simulation import SimulatedGate
from edge.gate.controller import Gate
from edge.gate.granting import Granting
from edge.gate.occupancy import PASSES
from edge.gate.state import GateState
from edge.gate.visits import Visit
from edge.runtime.guard import PinGuard
from edge.runtime.step import Step
from edge.runtime.vocabulary import Fact, Intent, Now
from simulators.world.lane import LaneWorld
from tests.gate.acts import CAPS
from tests.gate.stories import story as stories_told
from tests.gate.stories.story import Story, Told, rights

QUIET_S = 1.0
"""When nothing was counted and nobody was cut off for so long, every gate knows everything."""


class WatchedGuard(PinGuard):
    """A pin guard that looks at its leases whenever it is touched, and when the first of them ends."""

    def lease(self, name: str, on: bool, lease_s: float) -> None:
        self.check()
        super().lease(name, on, lease_s)

    def drop(self, name: str) -> None:
        self.check()
        super().drop(name)

    def tick(self, now: float) -> list[str]:
        ended = super().tick(now)
        self.check()
        return ended

    def check(self) -> None:
        now = self._clock.monotonic()
        for name, value in self._values.items():
            assert not value or self._ends.get(name, -1.0) >= now, f"{name} is on without a live lease"


class Watch:
    """Looks at the whole site whenever a gate has thought.

    Args:
        story: what is going to happen.
        reliable: disks, power and beams work, so what was counted is told at once.
        caps: how many may be in each zone.
    """

    def __init__(self, story: Story, *, reliable: bool, caps: Mapping[str, int] = CAPS) -> None:
        commands = [line["payload"] for line in story.stimuli() if line["do"] == "command"]
        self.reliable, self.caps = reliable, caps
        self.miscounted = any(said["do"] == "set_count" and said["zone"] == "*" for said in commands)
        self.worlds: list[LaneWorld] = []
        self.gates: dict[str, GateState] = {}
        self.counted: dict[str, Mapping[str, int]] = {}
        self.restless_s = 0.0
        self.cuts: list[tuple[float, bool]] = [(0.0, True)]

    def simulate(self, *args: Any) -> Simulation:
        simulation = Simulation(*args)
        devices = simulation.devices.values()
        self.worlds = [device.world for device in devices if isinstance(device, SimulatedGate)]
        return simulation

    def gate_thought(self, gate: GateState, now_s: float) -> None:
        self.gates[gate.device] = gate
        self.look("world", {"*": self.people()}, now_s)
        self.look(gate.device, {zone: gate.occupancy.own(zone).inside for zone in self.caps}, now_s)
        cut = not all(known.synced for known in self.gates.values())
        if cut:
            self.restless_s = now_s
        if cut != self.cuts[-1][1]:
            self.cuts.append((now_s, cut))

    def calm(self, at_s: float) -> bool:
        """Whether no gate was cut off at that moment, nor shortly before."""
        since_s, cut = [row for row in self.cuts if row[0] <= at_s][-1]
        return not cut and at_s - since_s >= QUIET_S

    def look(self, where: str, counted: Mapping[str, int], now_s: float) -> None:
        if self.counted.get(where) != counted:
            self.counted[where], self.restless_s = counted, now_s

    def people(self) -> int:
        """How many are truly inside, less those who came on a pass: they take nobody's place."""
        passes = sum(gate.occupancy.own(PASSES).inside for gate in self.gates.values())
        return sum(world.went_in - world.went_out for world in self.worlds) - passes

    def admitted(self, gate: GateState, visit: Visit, now_s: float) -> None:
        """A gate has recorded that somebody may come in, and not told anybody yet."""
        for zone in self.caps.keys() & set(visit.places):  # holders of a pass are in none of them
            assert rights(gate.occupancy.own(zone).row()) >= 0, f"admitted without a right in {zone}: {visit}"
        if not self.reliable or visit.apart or now_s - self.restless_s < QUIET_S:
            return
        for zone in visit.places:
            others = [counted for where, counted in self.counted.items() if where not in ("world", gate.device)]
            inside = gate.occupancy.own(zone).inside + sum(counted.get(zone, 0) for counted in others)
            assert inside <= self.caps[zone], f"{visit.people} more make {inside} in {zone}"
        inside = self.people()
        assert self.miscounted or inside < self.caps["*"], f"one more, with {inside} truly in the building"


@contextmanager
def watched(watch: Watch) -> Generator[None]:
    """Rights and places are looked at with each admission, leases whenever an output is written."""
    record, handle = Granting.record, Gate.handle

    def admit(self: Granting, step: Step) -> None:
        visit = self._visit
        new = visit is not None and not self.gate.visits.known(visit)
        record(self, step)
        if visit is not None and new:
            watch.admitted(self.gate, visit, step.now.mono_s)

    def think(self: Gate, fact: Fact, now: Now) -> list[Intent]:
        intents = handle(self, fact, now)
        watch.gate_thought(self.state, now.mono_s)
        return intents

    with (
        patch.object(Granting, "record", admit),
        patch.object(Gate, "handle", think),
        patch.object(stories_told, "Simulation", watch.simulate),
        patch.object(assembly, "PinGuard", WatchedGuard),
    ):
        yield


def play(story: Story, *, reliable: bool = True) -> Told:
    """What a story comes to, under these eyes."""
    with watched(Watch(story, reliable=reliable)):
        return story.told()
