"""The benchmarks run: hundreds of times shorter, and whatever they measure."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.__main__ import BENCHMARKS
from benchmarks.figure import latency, percentile


@pytest.mark.parametrize("name", BENCHMARKS)
def test_each_gives_its_figures(name: str, tmp_path: Path) -> None:
    figures = BENCHMARKS[name](tmp_path, 0.002)
    assert figures
    for figure in figures:
        assert figure.value
        assert figure.numbers
        assert all(number >= 0 for number in figure.numbers.values())


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([float(n) for n in range(1, 101)], 0.99) == 99.0
    assert percentile([7.0], 0.99) == 7.0


def test_a_goal_is_met_only_when_all_of_it_is() -> None:
    assert latency("x", [0.001] * 99 + [0.01], p50_ms=1, p99_ms=3).met
    assert not latency("x", [0.002] * 100, p50_ms=1, p99_ms=3).met
    assert not latency("x", [0.001] * 98 + [0.01] * 2, p50_ms=1, p99_ms=3).met
