"""A command works once, in time, or not at all; each is answered.

Expired, repeated and broker-retained commands change nothing. A repeated command gets the answer it
got the first time, also after a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from edge.runtime.step import Step
from edge.runtime.vocabulary import Publish
from edge.site import contract
from edge.site.contract import Command, CommandName


class Answer(Enum):
    """What a handler may return in place of an answer."""

    LATER = "later"
    """`CommandDesk.answer` will be called."""


Handler = Callable[[Step, Any], str | Answer | None]
"""Carries out one kind of command; returns None, or one line that says why not."""

REMEMBERED = timedelta(hours=1)
"""How long after its expiry a command's answer is kept; longer than any broker's retry."""
ANSWERS = 1_000
"""So many answers are kept at most; of more, the newest."""

_UNSAID = {*Command.model_fields, "note"}
"""What every command has, and what may name a person: that stands in the event of the visit."""


class CommandDesk:
    """Receives the commands of one device.

    Args:
        topic: where results go.
        handlers: what this device can be told to do.
        saved: the journal's keys under ``command/``.
    """

    def __init__(self, topic: str, handlers: Mapping[CommandName, Handler], saved: Mapping[str, Any]) -> None:
        self._topic = topic
        self._handlers = dict(handlers)
        self._answers: dict[str, dict[str, Any]] = {
            key[8:]: row for key, row in sorted(saved.items(), key=lambda item: _until(item[1]))
        }
        self._under_way: set[str] = set()

    def learn(self, handlers: Mapping[CommandName, Handler]) -> None:
        """More that this device can be told to do: by parts that were made after this desk."""
        self._handlers.update(handlers)

    def take(self, step: Step, command: Command, *, retained: bool, live: bool) -> None:
        """Carry out a command, or say why not.

        Args:
            step: what it leads to.
            command: as received.
            retained: the broker kept it and sent it on subscription.
            live: it came over a link that had told all it kept for us; without a clock that is the
                only sign that a command is not late.
        """
        if command.id in self._answers:
            known = self._answers[command.id]
            self._answer(step, command.id, known["error"])
            return
        if command.id in self._under_way:
            return
        if retained:
            self._answer(step, command.id, "retained commands are ignored")
            return
        error = self._refusal(step, command, live)
        if error is None:
            error = self._handlers[command.do](step, command)
        if error is Answer.LATER:
            self._under_way.add(command.id)
        else:
            self.answer(step, command, error)

    def answer(self, step: Step, command: Command, error: str | None) -> None:
        """Record what became of a command, with what it said, and tell it."""
        self._under_way.discard(command.id)
        done = {"id": command.id, "do": command.do, "ok": error is None, "error": error, "by": command.by}
        said = command.model_dump(mode="json", exclude=_UNSAID, exclude_none=True)
        step.event("command.done", {**said, **done})
        self._remember(step, command, error)
        self._answer(step, command.id, error)

    def _refusal(self, step: Step, command: Command, live: bool) -> str | None:
        wall = step.now.wall
        if command.do not in self._handlers:
            return f"this device does not know {command.do}"
        if wall is None:
            return None if live else "the clock is unset and this command may be late"
        return "expired" if wall >= command.expires_at else None

    def _remember(self, step: Step, command: Command, error: str | None) -> None:
        wall = step.now.wall
        try:
            until = command.expires_at + REMEMBERED
        except OverflowError:  # the end of the calendar
            until = command.expires_at
        self._answers[command.id] = {"error": error, "until": until.isoformat()}
        step.put(f"command/{command.id}", self._answers[command.id])
        while self._answers:
            id_, row = next(iter(self._answers.items()))  # the oldest
            if len(self._answers) <= ANSWERS and (wall is None or _until(row) >= wall):
                break
            del self._answers[id_]
            step.put(f"command/{id_}", None)

    def _answer(self, step: Step, id_: str, error: str | None) -> None:
        result = contract.Result(id=id_, ok=error is None, error=error)
        step.then(Publish(self._topic, contract.encode(result)))


def _until(row: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(row["until"])
