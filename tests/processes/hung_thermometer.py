"""``gatehouse``, whose thermometer never answers: its bus is held low, and the kernel waits."""

from __future__ import annotations

import threading
from typing import Any

from edge.assembly import rehearsal
from edge.cli import main

_open_fakes = rehearsal.open_fakes


def _with_a_bus_that_hangs(*arguments: Any) -> Any:
    lane, _, *rest = _open_fakes(*arguments)
    return lane, threading.Event().wait, *rest


if __name__ == "__main__":
    rehearsal.open_fakes = _with_a_bus_that_hangs
    main()
