"""What one fact leads to: collected while a controller thinks, performed when it is done.

A controller's parts all write into the same step. It keeps the order of the rule "write ahead to
energise, act first to make safe": `do` acts now, `then` acts only when everything recorded in this
step is on disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from edge.runtime.vocabulary import Commit, Event, Intent, Now, Publish


class Recorder:
    """Numbers events and transactions of one device and holds back what waits for the disk.

    Args:
        boot: which run of the device this is.
        last_seq: sequence number of the newest event already in the journal.
    """

    def __init__(self, boot: int, last_seq: int) -> None:
        self.boot = boot
        self.last_seq = last_seq
        self.committed_seq = last_seq
        self._number = 0
        self._waiting: deque[tuple[int, int, list[Intent]]] = deque()

    def begin(self, now: Now) -> Step:
        """Start collecting what one fact leads to."""
        return Step(self, now)

    def finish(self, step: Step) -> list[Intent]:
        """Everything to perform now: wires, then the disk, then messages; `then` intents wait for the commit.

        Messages come last because they wake the link's thread, which then competes for the interpreter: a
        lock would open up to a millisecond later for what nobody waits for.
        """
        intents = step.now_intents
        if step.events or step.puts:
            self._number += 1
            self._waiting.append((self._number, self.last_seq, step.then_intents))
            intents.append(Commit(self._number, tuple(step.events), step.puts))
        elif step.then_intents:
            if self._waiting:
                self._waiting[-1][2].extend(step.then_intents)
            else:
                intents.extend(step.then_intents)
        intents.sort(key=_is_message)
        return intents

    @property
    def next_number(self) -> int:
        """Number that the transaction of the present step gets, if it records anything."""
        return self._number + 1

    def committed(self, number: int) -> list[Intent]:
        """What waited for the transactions up to ``number``."""
        free: list[Intent] = []
        while self._waiting and self._waiting[0][0] <= number:
            _, self.committed_seq, intents = self._waiting.popleft()
            free.extend(intents)
        return free


def _is_message(intent: Intent) -> bool:
    return type(intent) is Publish


class Step:
    """Collects intents, events and changed state while one fact is handled."""

    def __init__(self, recorder: Recorder, now: Now) -> None:
        self.now = now
        self.now_intents: list[Intent] = []
        self.then_intents: list[Intent] = []
        self.events: list[Event] = []
        self.puts: dict[str, Any | None] = {}
        self._recorder = recorder

    def do(self, intent: Intent) -> None:
        """Perform at once."""
        self.now_intents.append(intent)

    def then(self, intent: Intent) -> None:
        """Perform when everything recorded so far is on disk."""
        self.then_intents.append(intent)

    def event(self, type_: str, data: Mapping[str, Any]) -> Event:
        """Append to the device's history."""
        self._recorder.last_seq += 1
        event = Event(self._recorder.last_seq, self.now.wall, self._recorder.boot, self.now.mono_s, type_, data)
        self.events.append(event)
        return event

    def put(self, key: str, value: Any | None) -> None:
        """Set a key of the durable state; None deletes it. ``value`` must be what JSON can hold."""
        self.puts[key] = value
