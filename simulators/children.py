"""Processes that play a part: started, listened to, spoken to line by line, and never left behind."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from edge.runtime.ports import Post
from edge.runtime.vocabulary import Fact

END_S = 5.0
"""Patience with a child that was told to end; then it is killed."""


@dataclass(frozen=True, slots=True)
class ChildSaid(Fact):
    """A child wrote a line to its standard output."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class ChildEnded(Fact):
    """A child is gone; ``error``: how, with the last line it wrote to standard error."""

    name: str
    error: str


class Child:
    """One process.

    Args:
        name: for messages.
        arguments: program and arguments.
        environment: its variables.
        post: takes the facts, from the child's thread.
    """

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str], post: Post) -> None:
        self.name = name
        self._post = post
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        self._process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        self._thread = threading.Thread(target=self._listen, name=f"child {name}", daemon=True)
        self._thread.start()

    def tell(self, line: str) -> None:
        """Write a line to the child's standard input; to one that is gone, nothing."""
        stdin = self._process.stdin
        if stdin is not None and not stdin.closed:
            with suppress(BrokenPipeError):
                stdin.write(line + "\n")
                stdin.flush()

    def end(self) -> None:
        """Ask it to end."""
        self._process.terminate()

    def wait(self) -> None:
        """Return when it is gone; a child that does not end is killed."""
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join(END_S)
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        self._stderr.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._post(ChildSaid(self.name, line.rstrip("\n")))
        self._post(ChildEnded(self.name, self._how(self._process.wait())))

    def _how(self, code: int) -> str:
        self._stderr.seek(0)
        last = self._stderr.read().decode(errors="replace").strip().rpartition("\n")[2]
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        return f"{how}: {last}" if last else how
