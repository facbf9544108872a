"""A process of the demo: loads its program, waits for the word to begin, and dies with its parent.

``python -m edge.assembly.demo_child PARENT`` says ``warm`` when everything is loaded and then reads one
line, the arguments of ``gatehouse`` as JSON. So all processes of a demo begin in the same moment, and
loading does not take minutes of a fast simulated day.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import shutil
import signal
import sys
from typing import TypedDict

WARM = "warm"
"""Said when the program is loaded."""
PROGRAM = ("edge.assembly.rehearsal", "edge.assembly.site", "edge.cli.commands")
PR_SET_PDEATHSIG = 1


class Word(TypedDict):
    """What the parent says to begin.

    Attributes:
        arguments: of ``gatehouse``.
        directory: the demo's folder, which goes with the last of its processes.
    """

    arguments: list[str]
    directory: str


def main() -> None:
    """Run one command of ``gatehouse`` for a demo."""
    parent = int(sys.argv[1])
    _die_with(parent)
    for name in PROGRAM:
        importlib.import_module(name)
    print(WARM, flush=True)
    line = sys.stdin.readline()
    if not line:
        return
    word: Word = json.loads(line)
    sys.argv = ["gatehouse", *word["arguments"]]
    try:
        importlib.import_module("edge.cli").main()
    finally:
        if os.getppid() != parent:
            # nobody else is left to clear up
            shutil.rmtree(word["directory"], ignore_errors=True)


def _die_with(parent: int) -> None:
    """Have the kernel end this process when its parent is gone, however that ended."""
    # Ctrl-C and a closed terminal reach the whole group; what they mean for the demo, the parent decides
    signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGINT, signal.SIGHUP})
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


if __name__ == "__main__":
    main()
