"""The people before a gate in live simulation: they do what stimuli say, and a transcript says what came of it."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import IO

from edge import settings
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
    """Those who stand before a simulated gate and do what the stimuli say."""

    def __init__(
        self, building: settings.Building, name: str, clock: WallClock, wake: threading.Event, stop: Stop
    ) -> None:
        self.loop = Loop(clock, self._act, wake=wake)
        self.began_s = clock.monotonic()
        self._clock = clock
        self._name = name
        self._building = building
        self._stop = stop
        rng = random.Random(f"0/{name}/noise")
        self.world: LaneWorld = build_world(building.devices[name], self._later, rng, clock.monotonic)

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
        due_s = self.began_s + fact.stimulus.at
        if due_s <= self._clock.monotonic():
            self._do(fact.stimulus)
        else:
            self.loop.call_at(due_s, lambda: self._do(fact.stimulus))

    def _do(self, stimulus: Stimulus) -> None:
        if stimulus.device != self._name:
            return
        if stimulus.do == "clock" and stimulus.keys["set"] is not None:
            self._clock.set(stimulus.keys["set"])
        elif stimulus.do == "clock":
            self._clock.step(stimulus.keys["step_s"])
        elif not self.world.act(stimulus.do, stimulus.keys):
            self._stop.because(
                Unusable(f"line {stimulus.line}: {stimulus.do}: only a whole simulated site can do that")
            )

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
