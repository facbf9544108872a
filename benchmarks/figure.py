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


def latency(name: str, seconds: Sequence[float], *, p50_ms: float | None = None, p99_ms: float) -> Figure:
    """A figure of a latency, with goals for its median (if any) and its 99th percentile."""
    p50, p99, longest = (1e3 * percentile(seconds, share) for share in (0.5, 0.99, 1.0))
    median_goal = "" if p50_ms is None else f"p50 ≤ {p50_ms:g} ms, "
    return Figure(
        name,
        f"{median_goal}p99 ≤ {p99_ms:g} ms",
        f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, max {longest:.1f} ms, n {len(seconds)}",
        (p50_ms is None or p50 <= p50_ms) and p99 <= p99_ms,
        {"p50_ms": p50, "p99_ms": p99, "max_ms": longest, "count": len(seconds)},
    )
