"""Run the benchmarks: ``python -m benchmarks [NAME ...]``; prints a table, writes ``build/bench.json``.

``--scale 0.01`` makes each a hundred times shorter, to see that it runs; such figures mean nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks import broker, fire, half_day, process, tap
from benchmarks.figure import Figure

BENCHMARKS: dict[str, Callable[[Path, float], list[Figure]]] = {
    "tap": tap.run,
    "fire": fire.run,
    "broker": broker.run,
    "half-day": half_day.run,
    "process": process.run,
}
BUILD = Path(__file__).parents[1] / "build"


def fsync_ms(directory: Path) -> float:
    """Median of 200 appends with fsync, in milliseconds: the disk's share of every admission."""
    took: list[float] = []
    with (directory / "fsync").open("wb") as file:
        for _ in range(200):
            began_s = time.perf_counter()
            file.write(b"x" * 1024)
            file.flush()
            os.fsync(file.fileno())
            took.append(1e3 * (time.perf_counter() - began_s))
    return median(took)


def main() -> None:
    """Run what is asked for, or everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--scale", type=float, default=1.0)
    asked = parser.parse_args()
    BUILD.mkdir(exist_ok=True)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        machine = {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "load": os.getloadavg()[0],
            "fsync_p50_ms": fsync_ms(Path(scratch)),
        }
        for name in asked.names or BENCHMARKS:
            directory = Path(scratch) / name
            directory.mkdir()
            figures += BENCHMARKS[name](directory, asked.scale)
    table = Table(title="Gatehouse: measured", caption=", ".join(f"{key} {value}" for key, value in machine.items()))
    for column in ("figure", "goal", "measured", ""):
        table.add_column(column)
    for figure in figures:
        table.add_row(figure.name, figure.goal, figure.value, {True: "met", False: "missed", None: ""}[figure.met])
    Console(width=None if os.isatty(1) else 150).print(table)
    report = {"machine": machine, "scale": asked.scale, "figures": [asdict(figure) for figure in figures]}
    (BUILD / "bench.json").write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
