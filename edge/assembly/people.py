"""The people before a gate in live simulation: they do what stimuli say, and a transcript says what came of it."""

from __future__ import annotations

import random
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import IO

from edge import settings
from edge.assembly.computer import Computer, Disk
from edge.assembly.fakes import build_world, read_stimuli
from edge.assembly.process import Stop
from edge.assembly.simulation import Transcript
from edge.runtime.clock import WallClock
from edge.runtime.loop import Loop
from edge.runtime.ports import Controller
from edge.runtime.vocabulary import Commit, Committed, Fact, Intent, Now
from simulators.scenario import ScenarioError, Stimulus
from simulators.world.lane import LaneWorld


class Unusable(Exception):
    """A stimulus cannot be used; the message is the one line."""


@dataclass(frozen=True, slots=True)
class Arrived(Fact):
    """A stimulus is due."""

    stimulus: Stimulus


class People:
    """Those who stand before a simulated gate, and behind it, and do what the stimuli say.

    Args:
        building: the site's configuration.
        name: which gate of it.
        clock: the gate's.
        wake: of the loop that shares their thread.
        stop: ends the process on a line that is no stimulus.
        disk: the gate's.

    Attributes:
        world: what they stand before.
        computer: what they can pull a cable out of.
        began_s: when `at` of the stimuli was 0, monotonic seconds.
    """

    def __init__(
        self, building: settings.Building, name: str, clock: WallClock, wake: threading.Event, *, stop: Stop, disk: Disk
    ) -> None:
        self.loop = Loop(clock, self._act, wake=wake)
        self.began_s = clock.monotonic()
        self._clock = clock
        self._name = name
        self._building = building
        self._stop = stop
        rng = random.Random(f"0/{name}/noise")
        self.world: LaneWorld = build_world(building.devices[name], self._later, rng, clock.monotonic)
        self.computer = Computer(clock, disk, self._later)
        self._others_told = False

    def listen(self, lines: IO[str]) -> None:
        """Take stimuli from a stream, on a thread of its own, until it ends."""
        threading.Thread(target=self._read, args=(lines,), name="stimuli", daemon=True).start()

    def watch(self, transcript: Transcript) -> None:
        """Write every change of an output into a transcript."""
        self.world.outputs(partial(transcript.output, self._name))

    def _read(self, lines: Iterable[str]) -> None:
        try:
            for stimulus in read_stimuli(lines, self._building, live=True):
                self.loop.post(Arrived(stimulus))
        except (ScenarioError, UnicodeDecodeError) as error:
            self._stop.because(Unusable(str(error)))

    def _act(self, fact: Fact) -> None:
        if not isinstance(fact, Arrived):
            raise RuntimeError(f"people take stimuli, not {fact}")
        stimulus, due_s = fact.stimulus, self.began_s + fact.stimulus.at
        if stimulus.device != self._name:
            self._leave_out(stimulus)
        elif due_s <= self._clock.monotonic():
            self._do(stimulus)
        else:
            self.loop.call_at(due_s, lambda: self._do(stimulus))

    def _do(self, stimulus: Stimulus) -> None:
        do, keys = stimulus.do, stimulus.keys
        if not (self.world.act(do, keys) or self.computer.act(do, keys)):
            what = " ".join(str(keys[key]) for key in ("part", "kind") if key in keys) or do
            self._say(stimulus, f"{what}: only a whole simulated site can do that")

    def _leave_out(self, stimulus: Stimulus) -> None:
        """What happens elsewhere does not happen here; of a whole site's scenario that is said once."""
        if not self._others_told:
            self._others_told = True
            self._say(stimulus, f"{stimulus.device}: only what happens at {self._name} happens here")

    def _say(self, stimulus: Stimulus, what: str) -> None:
        print(f"gatehouse: {self._name}: line {stimulus.line}: {what}", file=sys.stderr, flush=True)

    def _later(self, after_s: float, callback: Callable[[], None]) -> None:
        self.loop.call_at(self._clock.monotonic() + after_s, callback)


class Narrated:
    """A controller whose events are written into a transcript once they are on disk.

    Args:
        controller: decides.
        name: of its device.
        transcript: takes the events, before anything that waited for them happens.
    """

    def __init__(self, controller: Controller, name: str, transcript: Transcript) -> None:
        self._controller = controller
        self._name = name
        self._transcript = transcript
        self._unwritten: deque[Commit] = deque()

    def handle(self, fact: Fact, now: Now) -> list[Intent]:
        """Take one fact, return what shall happen."""
        if isinstance(fact, Committed):
            while self._unwritten and self._unwritten[0].number <= fact.number:
                for event in self._unwritten.popleft().events:
                    self._transcript.event(self._name, event)
        intents = self._controller.handle(fact, now)
        self._unwritten.extend(intent for intent in intents if isinstance(intent, Commit))
        return intents
