"""A half-day 08:30–12:00, three gates, 600 visits in and out, in virtual time.

Everything that ``gatehouse simulate`` runs: real drivers on fake wires, gates, keeper, recorder, booking
server, journals (in memory) and every message between them. Reading the scenario is not in it.
"""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

from benchmarks.figure import Figure
from benchmarks.machine import pace_s
from benchmarks.rig import SITE
from edge.assembly.fakes import read_stimuli
from edge.assembly.simulate import Run, Simulation
from edge.runtime.config import load
from edge.settings import Building
from edge.site.tokens import card_token
from simulators.cast import HalfDay
from simulators.day import lines

START = datetime.fromisoformat("2026-03-09T08:30:00+08:00")
LENGTH_S = 3.5 * 3600
RUNS = 7
UNDISTURBED = 1.1
"""A run before and after which Python was at most so much slower than at its best had the processor to itself."""


def measure(visits: int) -> tuple[float, int]:
    """Simulated seconds a real one, and how many visits were passed and left again."""
    building = load(SITE, Building)
    key = building.site.secret()
    day = HalfDay(visits=visits, zones=None, incidents=False, starts="08:30", opens_s=1800, closes_s=10_800)
    scenario = [json.dumps(line) for line in lines(day, lambda uid: card_token(key, uid))]
    stimuli = list(read_stimuli(scenario, building))
    out = io.StringIO()
    began_s = time.perf_counter()
    Simulation(building, Run(START, for_s=LENGTH_S), out).play(stimuli)
    took_s = time.perf_counter() - began_s
    kinds = Counter(json.loads(line)["type"] for line in out.getvalue().splitlines())
    return LENGTH_S / took_s, min(kinds["visit.passed"], kinds["visit.exited"])


def run(_directory: Path, scale: float) -> list[Figure]:
    """Median of all runs; beside it that of those in which nobody else used the processor."""
    visits = max(6, round(600 * scale))
    runs: list[tuple[float, int]] = []
    paces_s = [pace_s()]
    for _ in range(RUNS):
        runs.append(measure(visits))
        paces_s.append(pace_s())
    ratio, done = median(ratio for ratio, _ in runs), min(done for _, done in runs)
    limit_s = UNDISTURBED * min(paces_s)
    slower_s = [max(around) for around in pairwise(paces_s)]
    quiet = [ratio for (ratio, _), pace in zip(runs, slower_s, strict=True) if pace <= limit_s]
    ratios = ", ".join(f"{ratio:.0f} at {1e3 * pace:.0f} ms" for (ratio, _), pace in zip(runs, slower_s, strict=True))
    undisturbed = f"; {median(quiet):.0f} in the {len(quiet)} undisturbed runs" if quiet else ""
    return [
        Figure(
            f"half-day, 3 gates, {visits} visits, virtual time",
            "≥ 5000 × real time",
            f"{ratio:.0f} × real time{undisturbed} ({ratios}); {done} of {visits} in and out",
            ratio >= 5000 and done == visits,
            {"ratio": ratio, "visits": done, **({"undisturbed": median(quiet)} if quiet else {})},
        )
    ]
