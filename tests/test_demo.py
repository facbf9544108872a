"""``gatehouse demo`` as somebody runs it: it tells a story, ends, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

END_S = 60.0
"""A busy computer may take long; a demo that does not end, for ever."""


class Demo:
    """A demo that runs, told line by line."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self.told: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge.cli", "demo", "--speed", "100", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(directory)},
            start_new_session=True,
        )

    def until(self, words: str) -> str:
        """Read on until a line has these words."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.append(line.rstrip("\n"))
            if words in line:
                return line
        raise AssertionError(f"the demo ended without {words!r}: {self.told}")

    def children(self) -> list[psutil.Process]:
        """The gates' processes and the site's."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> tuple[int, str]:
        """Read on until it ends; its exit code and what it wrote to standard error."""
        out, errors = self.process.communicate(timeout=END_S)
        self.told += out.splitlines()
        return self.process.returncode, errors

    def left(self) -> list[object]:
        """Processes of its group and files that outlived it."""
        group: list[object] = []
        for process in psutil.process_iter():
            try:
                if os.getpgid(process.pid) == self.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    group.append(process)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return [*group, *self.directory.iterdir()]


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Demo]]:
    """Demos to end; all start at once, since loading takes most of their time."""
    endless = [Demo(tmp_path_factory.mktemp("demo")) for _ in range(3)]
    ready = iter(endless)
    yield lambda: next(ready)
    for demo in endless:
        if demo.process.poll() is None:
            os.killpg(demo.process.pid, signal.SIGKILL)
            demo.process.communicate()


@pytest.fixture
def demo(demos: Callable[[], Demo]) -> Demo:
    return demos()


def test_ctrl_c_ends_it_without_a_word(demo: Demo) -> None:
    demo.until("admitted")
    os.killpg(demo.process.pid, signal.SIGINT)  # as a terminal does
    assert demo.end() == (130, "")
    assert demo.left() == []


def test_a_child_that_dies_is_named_and_ends_it(demo: Demo) -> None:
    demo.until("admitted")
    demo.children()[1].kill()
    assert demo.end() == (1, "gatehouse: south of the demo ended: killed by signal 9\n")
    assert demo.left() == []


def test_nothing_outlives_a_demo_that_was_killed(demo: Demo) -> None:
    demo.until("admitted")
    children = demo.children()
    assert {os.getpgid(child.pid) for child in children} == {demo.process.pid}
    demo.process.kill()
    demo.end()
    _, alive = psutil.wait_procs(children, timeout=END_S)
    assert not alive
    assert demo.left() == []


def test_it_tells_a_story_and_ends_by_itself(tmp_path: Path) -> None:
    demo = Demo(tmp_path, "--duration", "4")
    assert demo.end() == (0, "")
    started = {line.split()[1] for line in demo.told if line.endswith("started")}
    assert started == {"north", "south", "west", "site"}
    assert any(" admitted" in line for line in demo.told)
    assert not any("console" in line.lower() for line in demo.told)
    assert demo.left() == []


@pytest.mark.parametrize("speed", ["0.5", "101", "5000", "nan"])
def test_a_speed_that_nobody_could_believe_is_a_wrong_usage(speed: str) -> None:
    """A pause of this computer would be a minute at the lanes."""
    command = [sys.executable, "-m", "edge.cli", "demo", "--speed", speed]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert "--speed" in ended.stderr
