"""A half-day 08:30–12:00 of three gates with 600 visits in and out, in virtual time."""

from __future__ import annotations

import io
import json
import time
from datetime import datetime
from pathlib import Path
from statistics import median

from benchmarks.figure import Figure
from benchmarks.rig import SITE
from edge.assembly.fakes import read_stimuli
from edge.assembly.simulate import Run, Simulation
from edge.runtime.config import load
from edge.settings import Building
from edge.site.tokens import card_token
from simulators.day import HalfDay, lines

START = datetime.fromisoformat("2026-03-09T08:30:00+08:00")
LENGTH_S = 12_600.0


def measure(visits: int) -> tuple[float, int]:
    """Simulated seconds a real one, and how many visits were passed and left again."""
    building = load(SITE, Building)
    key = building.site.secret()
    day = HalfDay(visits=visits, zones=None, incidents=False, opens_s=1800, closes_s=12_000)
    scenario = [json.dumps(line) for line in lines(day, lambda uid: card_token(key, uid.upper()))]
    stimuli = list(read_stimuli(scenario, building))
    out = io.StringIO()
    began_s = time.perf_counter()
    Simulation(building, Run(START, for_s=LENGTH_S), out).play(stimuli)
    took_s = time.perf_counter() - began_s
    kinds = [json.loads(line)["type"] for line in out.getvalue().splitlines()]
    return LENGTH_S / took_s, min(kinds.count("visit.passed"), kinds.count("visit.exited"))


def run(_directory: Path, scale: float) -> list[Figure]:
    """Median of three."""
    visits = max(6, round(600 * scale))
    runs = [measure(visits) for _ in range(3)]
    ratio, done = median(ratio for ratio, _ in runs), min(done for _, done in runs)
    return [
        Figure(
            "half-day, 3 gates, 600 visits, virtual time",
            "≥ 5000 × real time",
            f"{ratio:.0f} × real time, {done} of {visits} visits in and out",
            ratio >= 5000 and done == visits,
            {"ratio": ratio, "visits": done},
        )
    ]
