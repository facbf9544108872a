"""A gate as a process of its own: ``gatehouse gate --simulated``, with people on its standard input."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.rig import PATIENCE_S, SITE, START, WARM_C


class Gate:
    """The gate ``north``; ready when made.

    Args:
        directory: of its journal.
        port: of the broker.
        speed: of its clock.
    """

    def __init__(self, directory: Path, port: int, *, speed: float = 1.0) -> None:
        options = {"config": SITE, "device": "north", "stimuli": "-", "start": START, "speed": speed}
        settings = (f'storage.directory="{directory}"', f'broker.addresses=["127.0.0.1:{port}"]')
        command = [sys.executable, "-m", "edge.cli", "gate", "--simulated"]
        command += [f"--{key}={value}" for key, value in options.items()] + [f"--set={each}" for each in settings]
        began_s = time.perf_counter()
        self.speed = speed
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._stimuli = self.process.stdin
        line = self.process.stdout.readline()
        self.start_s = time.perf_counter() - began_s
        """From the start of the process to its word that it is ready."""
        if "ready" not in line:
            raise RuntimeError("the gate did not start")

    def act(self, *stimuli: dict[str, Any]) -> None:
        """Something happens at the fake wires."""
        self._stimuli.writelines(json.dumps({"device": "north", **stimulus}) + "\n" for stimulus in stimuli)
        self._stimuli.flush()

    def step_up(self) -> None:
        """The next reader stands before the thermometer."""
        self.act({"do": "leave"}, {"do": "face", "skin_c": WARM_C})

    def walk_in(self) -> None:
        """Through the open lane."""
        self.act({"do": "pass"})

    def walk_out(self, uid: str) -> None:
        """Somebody who is inside leaves."""
        self.act({"do": "exit", "card": uid})

    def resident_mb(self) -> float:
        """Resident memory, MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.communicate(timeout=PATIENCE_S)


@contextmanager
def gate(directory: Path, port: int, *, speed: float = 1.0) -> Generator[Gate]:
    """A gate for the length of a measurement."""
    opened = Gate(directory, port, speed=speed)
    try:
        yield opened
    finally:
        opened.close()
