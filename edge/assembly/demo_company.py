"""The processes of a demo: started together, told to begin in the same moment, ended together."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC
from pathlib import Path

import edge
from edge.assembly.demo_child import WARM, Word
from edge.assembly.process import Stop
from edge.runtime.clock import WallClock
from edge.runtime.loop import Loop, run
from edge.runtime.vocabulary import Fact
from simulators.children import Child, ChildEnded, ChildSaid

ROOT = Path(edge.__file__).parents[1]
"""Where the package lies, and `firmware_config` beside it, in a checkout as in a wheel."""
READY = "is ready"
"""The end of the line that a gate or the site's process writes when it is."""
LOAD_S = 60.0
"""Patience with the start, real seconds."""
MEMORY = "/dev/shm"
"""Where the journals are, unless TMPDIR says otherwise: a fast simulation makes a real disk as much slower."""


class DemoError(Exception):
    """The demo cannot go on; the message is the one line."""


class Company:
    """The children of a demo.

    Args:
        stop: ends the demo; told when a child dies.
        news: takes what the children say; its handler hands it to `take`.
    """

    def __init__(self, stop: Stop, news: Loop) -> None:
        self._stop = stop
        self._news = news
        self._folder = ExitStack()
        self._children: dict[str, Child] = {}
        self._said: dict[str, str] = {}
        self._dismissed = False

    def hire(self, names: Sequence[str], opened: ExitStack) -> None:
        """Start the children; they load their program and wait for the word. ``opened`` ends them."""
        opened.push(self._folder)
        opened.callback(self._dismiss)
        # the very program that runs here, whatever folder the user stands in
        command = [sys.executable, "-P", "-m", "edge.assembly.demo_child", str(os.getpid())]
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        for name in names:
            self._children[name] = Child(name, command, {**os.environ, "PYTHONPATH": path}, self._news.post)

    def begin(self, arguments: Mapping[str, Sequence[str]]) -> None:
        """Give the word: each child runs ``gatehouse`` with its arguments, and keeps its journal in one folder."""
        in_memory = "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK)
        folder = tempfile.mkdtemp(prefix="gatehouse-demo-", dir=MEMORY if in_memory else None)
        self._folder.callback(shutil.rmtree, folder, ignore_errors=True)
        # a container gives 64 MB of such memory: little for a card, and plenty for a morning
        storage = ["--set", f"storage.directory={folder}", "--set", "storage.low_mb=1"]
        for name, own in arguments.items():
            word = Word(arguments=[*own, *storage], directory=folder)
            self.tell(name, json.dumps(word))

    def tell(self, name: str, line: str) -> None:
        """Write a line to a child."""
        self._children[name].tell(line)

    @property
    def warm(self) -> bool:
        """Whether all have loaded their program."""
        return self._all_said(WARM)

    @property
    def ready(self) -> bool:
        """Whether all are at work."""
        return self._all_said(READY)

    def wait(self, until: Callable[[], bool]) -> None:
        """Turn the news until something is so, or the demo is to end.

        Raises:
            DemoError: it took too long.
        """
        real = WallClock(UTC)
        patience = Loop(real, self.take, wake=self._news.wake)
        late: list[bool] = []
        patience.call_at(real.monotonic() + LOAD_S, lambda: late.append(True))
        run(real, [self._news, patience], lambda: until() or self._stop.asked or bool(late))
        if late:
            silent = ", ".join(name for name in self._children if not self._said.get(name, "").endswith(READY))
            raise DemoError(f"the demo does not start: still waiting for {silent} after {LOAD_S:g} s")

    def take(self, fact: Fact) -> None:
        """A child said something, or ended."""
        match fact:
            case ChildSaid(name, text):
                self._said[name] = text
            case ChildEnded(name, error):
                if not self._dismissed and not self._stop.asked:
                    self._stop.because(DemoError(f"{name} of the demo ended: {error}"))
            case _:
                raise RuntimeError(f"nobody takes {fact}")

    def _all_said(self, word: str) -> bool:
        return all(self._said.get(name, "").endswith(word) for name in self._children)

    def _dismiss(self) -> None:
        self._dismissed = True
        for child in self._children.values():
            child.end()
        for child in self._children.values():
            child.wait()
