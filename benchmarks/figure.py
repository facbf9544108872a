"""What a benchmark gives: figures beside their goals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Attributes:
        name: what was measured.
        goal: what it is to reach, in words.
        value: what was measured, in words.
        met: whether the goal is reached; None where there is none.
        numbers: the same for machines; the unit stands last in each name.
    """

    name: str
    goal: str
    value: str
    met: bool | None
    numbers: dict[str, float] = field(default_factory=dict[str, float])


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which so large a share of all lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def latency(
    name: str,
    seconds: Sequence[float],
    *,
    p50_ms: float | None = None,
    p99_ms: float | None = None,
    failed: int = 0,
    disk: Sequence[float] = (),
) -> Figure:
    """A figure of a latency, with goals for its median and its 99th percentile, if any.

    Args:
        name: what was measured.
        seconds: each of them.
        p50_ms: goal of the median.
        p99_ms: goal of the 99th percentile.
        failed: how often what was waited for did not come at all; the goal is then missed.
        disk: the part of each in which the disk was busy; what is left has a median of its own.
    """
    numbers = {f"{key}_ms": 1e3 * percentile(seconds, share) for key, share in _SHARES.items()}
    value = ", ".join(f"{key} {numbers[f'{key}_ms']:.2f}" for key in _SHARES) + f" ms, n {len(seconds)}"
    if disk:
        numbers["disk_p50_ms"] = 1e3 * percentile(disk, 0.5)
        rest = [took - busy for took, busy in zip(seconds, disk, strict=True)]
        numbers |= {f"rest_{key}_ms": 1e3 * percentile(rest, share) for key, share in _SHARES.items()}
        value += f"\nwithout the disk: p50 {numbers['rest_p50_ms']:.2f}, p99 {numbers['rest_p99_ms']:.2f} ms"
    if failed:
        value += f"\n{failed} did not come at all"
    goals = {key: goal for key, goal in (("p50", p50_ms), ("p99", p99_ms)) if goal is not None}
    reached = not failed and all(numbers[f"{key}_ms"] <= goal for key, goal in goals.items())
    numbers |= {"count": len(seconds), "failed": failed}
    words = ", ".join(f"{key} ≤ {goal:g} ms" for key, goal in goals.items())
    return Figure(name, words, value, reached if goals else None, numbers)


_SHARES = {"p50": 0.5, "p99": 0.99, "max": 1.0}
