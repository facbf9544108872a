"""Run the benchmarks: ``python -m benchmarks [NAME ...]``; prints a table, writes ``build/bench.json``.

``--scale 0.01`` makes each a hundred times shorter, to see that it runs; such figures mean nothing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import broker, fire, half_day, memory, start, tap
from benchmarks.figure import Figure
from benchmarks.machine import machine

BENCHMARKS: dict[str, Callable[[Path, float], list[Figure]]] = {
    "tap": tap.run,
    "fire": fire.run,
    "broker": broker.run,
    "half-day": half_day.run,
    "start": start.run,
    "memory": memory.run,
}
BUILD = Path(__file__).parents[1] / "build"
"""Beside the program, on a real disk: a temporary directory may lie in memory."""
WORDS = {True: "met", False: "missed", None: ""}


def table(figures: Sequence[Figure]) -> Table:
    """The figures beside their goals."""
    made = Table("figure", "goal", "measured", "", box=box.SIMPLE, title="Gatehouse, measured")
    for figure in figures:
        made.add_row(figure.name, figure.goal, figure.value, WORDS[figure.met])
    return made


def main() -> None:
    """Run what is asked for, or everything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--scale", type=float, default=1.0, help="length of each, 1 is whole")
    asked = parser.parse_args()
    for name in asked.names:
        if name not in BENCHMARKS:
            parser.error(f"{name}: expected one of {', '.join(BENCHMARKS)}")
    console = Console()
    figures: list[Figure] = []
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        there = machine(Path(scratch))
        console.print(", ".join(f"{key} {value}" for key, value in there.items()))
        for name in asked.names or BENCHMARKS:
            directory = Path(scratch) / name
            directory.mkdir()
            with console.status(f"measuring: {name}"):
                figures += BENCHMARKS[name](directory, asked.scale)
    console.print(table(figures))
    report = {"machine": there, "scale": asked.scale, "figures": [asdict(figure) for figure in figures]}
    (BUILD / "bench.json").write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
