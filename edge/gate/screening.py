"""From skin temperatures to a verdict. Pure: samples in, verdict out.

The forehead is 1.7 to 0.6 K colder than the ear (means of published comparisons), so a raw skin
reading compared with 37.3 °C would miss most fevers. The estimate is the median skin temperature
plus the site's offset for the ambient temperature. Invalid never means pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import median

from edge.gate.vocabulary import TemperatureTaken

IDENTICAL_BELIEVED = 10
"""So many identical raw values are a frozen sensor, not chance: its noise is about 2.5 of them (0.02 K each)."""


class Outcome(StrEnum):
    """What the samples taken so far say."""

    UNDECIDED = "undecided"
    PASS = "pass"
    SUSPECT = "suspect"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An outcome with the values that it rests on (None while there is no trustworthy median)."""

    outcome: Outcome
    skin_c: float | None = None
    ambient_c: float | None = None
    estimate_c: float | None = None
    cause: str | None = None

    def values(self) -> dict[str, float | None]:
        """The temperatures as an event records them."""
        return {"skin_c": self.skin_c, "ambient_c": self.ambient_c, "estimate_c": self.estimate_c}


@dataclass(frozen=True, slots=True)
class ScreeningPolicy:
    """How a site judges.

    Attributes:
        threshold_c: an estimate above it is a fever (37.3 °C: Zhejiang report 3.4.1).
        offsets: (ambient_c, offset_c) rows in rising order; between rows interpolated, beyond clamped.
        samples: how many make a full series (5; 9 for the noisy DCC part).
        settle_s: quiet time of the part before each sample, seconds (data sheet, 8.4.9).
        noise_c: standard deviation of one sample of the part, kelvin (data sheet).
        clear_margin_c: samples that all lie this far below the threshold need no full series.
        too_cold_c: an estimate below it is no forehead at rest: wait indoors for a minute.
        too_hot_c: a skin temperature above it is no living forehead.
        ambient_min_c: lower end of the range in which the part is specified and people are comparable.
        ambient_max_c: upper end of that range.
        fresh_s: a series whose last sample is older belongs to nobody.
        recheck_s: pause between a suspect reading and the second look.
    """

    threshold_c: float = 37.3
    offsets: tuple[tuple[float, float], ...] = ((22.0, 2.0),)
    samples: int = 5
    settle_s: float = 0.1
    noise_c: float = 0.05
    clear_margin_c: float = 0.5
    too_cold_c: float = 35.0
    too_hot_c: float = 43.0
    ambient_min_c: float = 16.0
    ambient_max_c: float = 35.0
    fresh_s: float = 3.0
    recheck_s: float = 5.0

    @property
    def series_s(self) -> float:
        """How long ago the first sample of a series may be, if the last one is fresh."""
        return self.fresh_s + max(self.samples, IDENTICAL_BELIEVED) * self.settle_s

    @property
    def spread_limit_c(self) -> float:
        """Largest believable range within one series: 0.3 K, or 6 σ of a noisier part."""
        return max(0.3, 6 * self.noise_c)

    def offset_c(self, ambient_c: float) -> float:
        """What to add to the skin temperature at this ambient temperature."""
        if ambient_c <= self.offsets[0][0]:
            return self.offsets[0][1]
        for (low_c, low), (high_c, high) in pairwise(self.offsets):
            if ambient_c <= high_c:
                return low + (high - low) * (ambient_c - low_c) / (high_c - low_c)
        return self.offsets[-1][1]

    def in_range(self, ambient_c: float) -> bool:
        """Whether the part can be believed at this ambient temperature."""
        return self.ambient_min_c <= ambient_c <= self.ambient_max_c


def judge(samples: Sequence[TemperatureTaken], policy: ScreeningPolicy) -> Verdict:
    """Judge the samples of one person, oldest first: as few as suffice, a full series otherwise."""
    if len(samples) < 2:
        return Verdict(Outcome.UNDECIDED)
    frozen = len({sample.skin_raw for sample in samples}) == 1
    series = samples[-policy.samples :]
    skin_c = round(median(sample.skin_c for sample in series), 2)
    ambient_c = round(median(sample.ambient_c for sample in series), 2)
    estimate_c = round(skin_c + policy.offset_c(ambient_c), 2)

    def verdict(outcome: Outcome, cause: str | None = None) -> Verdict:
        return Verdict(outcome, skin_c, ambient_c, estimate_c, cause)

    lowest_c, highest_c = min(s.skin_c for s in series), max(s.skin_c for s in series)
    steady = highest_c - lowest_c <= policy.spread_limit_c
    hottest_c = highest_c + policy.offset_c(ambient_c)
    if (
        steady
        and not frozen
        and policy.in_range(ambient_c)
        and policy.too_cold_c <= estimate_c
        and hottest_c <= policy.threshold_c - policy.clear_margin_c
    ):
        return verdict(Outcome.PASS)
    if len(series) < policy.samples or (frozen and len(samples) < IDENTICAL_BELIEVED):
        return Verdict(Outcome.UNDECIDED)
    doubts = (
        ("frozen", frozen),
        ("unsteady", not steady),
        ("ambient", not policy.in_range(ambient_c)),
        ("too_cold", estimate_c < policy.too_cold_c),
        ("too_hot", skin_c > policy.too_hot_c),
    )
    for cause, holds in doubts:
        if holds:
            return verdict(Outcome.INVALID, cause)
    return verdict(Outcome.SUSPECT if estimate_c > policy.threshold_c else Outcome.PASS)
