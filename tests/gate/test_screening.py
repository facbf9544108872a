"""The verdict: invalid never means pass, a hot forehead never means pass, and queues move."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.gate.screening import IDENTICAL_BELIEVED, Outcome, ScreeningPolicy, Verdict, judge
from edge.gate.vocabulary import TemperatureTaken

POLICY = ScreeningPolicy()
DCC = ScreeningPolicy(samples=9, settle_s=0.14, noise_c=0.18)
POLICIES = (POLICY, DCC, ScreeningPolicy(offsets=((16.0, 2.6), (22.0, 2.0), (30.0, 1.1))))
KELVIN = 273.15
LSB_C = 0.02


def sample(skin_c: float, ambient_c: float = 22.0) -> TemperatureTaken:
    return TemperatureTaken(skin_c, ambient_c, round((skin_c + KELVIN) / LSB_C))


def series(*skins_c: float, ambient_c: float = 22.0) -> list[TemperatureTaken]:
    return [sample(skin_c, ambient_c) for skin_c in skins_c]


def around(skin_c: float, *, count: int = 5, ambient_c: float = 22.0) -> list[TemperatureTaken]:
    """A steady forehead, as the part's noise shows it."""
    return [sample(skin_c + LSB_C * (number % 3 - 1), ambient_c) for number in range(count)]


def outcome(samples: list[TemperatureTaken], policy: ScreeningPolicy = POLICY) -> tuple[Outcome, str | None]:
    verdict = judge(samples, policy)
    return verdict.outcome, verdict.cause


skins = st.floats(20.0, 50.0)
ambients = st.floats(10.0, 40.0)
readings = st.builds(sample, skins, ambients)
foreheads = st.floats(32.0, 41.0).flatmap(
    lambda skin_c: st.lists(
        st.builds(sample, st.floats(skin_c - 0.2, skin_c + 0.2), st.floats(16.0, 35.0)), min_size=2, max_size=12
    )
)
"""Believable series, so that most of them reach the last rules."""
feverish = st.floats(36.5, 41.0).flatmap(
    lambda skin_c: st.lists(
        st.builds(sample, st.floats(skin_c - 0.14, skin_c + 0.14), st.floats(16.0, 35.0)), min_size=9, max_size=12
    )
)


# --- the ways a series can end ---------------------------------------------------------------------


def test_nobody_is_judged_on_one_sample() -> None:
    assert judge([], POLICY) == Verdict(Outcome.UNDECIDED)
    assert judge(series(34.6), POLICY) == Verdict(Outcome.UNDECIDED)


def test_two_agreeing_samples_well_below_the_threshold_pass() -> None:
    assert judge(series(34.6, 34.64), POLICY) == Verdict(Outcome.PASS, 34.62, 22.0, 36.62)


def test_two_samples_near_the_threshold_need_a_full_series() -> None:
    """The hottest sample must lie half a kelvin below 37.3 °C, offset included."""
    assert outcome(series(34.7, 34.8)) == (Outcome.PASS, None)
    assert outcome(series(34.7, 34.82)) == (Outcome.UNDECIDED, None)
    assert outcome(around(34.9, count=4)) == (Outcome.UNDECIDED, None)
    assert outcome(around(34.9, count=5)) == (Outcome.PASS, None)


def test_an_estimate_at_the_threshold_passes_and_one_above_is_suspect() -> None:
    """A fever is *above* 37.3 °C (Zhejiang report 3.4.1)."""
    assert judge(around(35.30), POLICY) == Verdict(Outcome.PASS, 35.3, 22.0, 37.3)
    assert judge(around(35.31), POLICY) == Verdict(Outcome.SUSPECT, 35.31, 22.0, 37.31)


def test_the_verdict_rests_on_the_median() -> None:
    assert judge(series(35.2, 35.3, 35.4, 35.3, 35.45), POLICY).skin_c == 35.3
    assert outcome(series(35.29, 35.28, 35.3, 35.5, 35.55)) == (Outcome.PASS, None)


def test_only_the_newest_series_counts() -> None:
    assert outcome([*around(36.5), *around(34.9)]) == (Outcome.PASS, None)
    assert outcome([*around(34.9), *around(36.5)]) == (Outcome.SUSPECT, None)


def test_a_few_identical_values_are_chance_and_ask_for_more() -> None:
    """Five equal raw values in a row come about once in 300 readers: no reason to refuse one."""
    assert outcome(series(*[34.6] * (IDENTICAL_BELIEVED - 1))) == (Outcome.UNDECIDED, None)
    assert outcome([*series(*[34.6] * 6), *series(34.66)]) == (Outcome.PASS, None)


@pytest.mark.parametrize(
    ("samples", "cause"),
    [
        (series(*[34.6] * IDENTICAL_BELIEVED), "frozen"),
        (series(35.0, 35.1, 35.2, 35.3, 35.32), "unsteady"),
        (around(34.6, ambient_c=15.9), "ambient"),
        (around(34.6, ambient_c=35.1), "ambient"),
        (around(32.9), "too_cold"),
        (around(43.1), "too_hot"),
    ],
)
def test_what_cannot_be_believed_is_invalid(samples: list[TemperatureTaken], cause: str) -> None:
    assert outcome(samples) == (Outcome.INVALID, cause)
    assert outcome(samples[:4]) == (Outcome.UNDECIDED, None), "a shorter series may still come right"


def test_the_first_doubt_is_named_and_the_values_are_kept() -> None:
    """An unsteady cold reading asks to hold still before it asks to warm up."""
    verdict = judge(series(30.0, 31.0, 32.0, 31.5, 30.5), POLICY)
    assert verdict == Verdict(Outcome.INVALID, 31.0, 22.0, 33.0, "unsteady")


def test_a_cold_forehead_from_the_street_is_told_to_wait() -> None:
    assert outcome(around(32.99)) == (Outcome.INVALID, "too_cold")
    assert outcome(around(33.0)) == (Outcome.PASS, None)


def test_values_are_recorded_to_a_hundredth() -> None:
    verdict = judge(series(34.6012, 34.6264), POLICY)
    assert verdict.values() == {"skin_c": 34.61, "ambient_c": 22.0, "estimate_c": 36.61}


# --- noisier parts ------------------------------------------------------------------------------------


def test_the_believable_spread_follows_the_noise_of_the_part() -> None:
    """A flat 0.3 K would throw away nearly all of a DCC's series: six sigma are 1.08 K."""
    assert POLICY.spread_limit_c == pytest.approx(0.3)
    assert DCC.spread_limit_c == pytest.approx(1.08)
    noisy = series(35.0, 35.2, 34.9, 35.5, 35.1, 34.7, 35.3, 35.0, 35.6)
    assert outcome(noisy[:5], POLICY) == (Outcome.INVALID, "unsteady")
    assert outcome(noisy, DCC) == (Outcome.PASS, None)
    assert outcome([*noisy[:-1], sample(35.81)], DCC) == (Outcome.INVALID, "unsteady")


def test_a_noisy_part_takes_nine_samples() -> None:
    assert outcome(around(35.0, count=8), DCC) == (Outcome.UNDECIDED, None)
    assert outcome(around(35.0, count=9), DCC) == (Outcome.PASS, None)


# --- the offset ---------------------------------------------------------------------------------------


TABLE = replace(POLICY, offsets=((16.0, 2.6), (22.0, 2.0), (30.0, 1.2)))


@pytest.mark.parametrize(
    ("ambient_c", "offset_c"),
    [(-10, 2.6), (16, 2.6), (19, 2.3), (22, 2.0), (24, 1.8), (29, 1.3), (30, 1.2), (40, 1.2)],
)
def test_the_offset_is_interpolated_and_clamped_at_the_ends(ambient_c: float, offset_c: float) -> None:
    assert TABLE.offset_c(ambient_c) == pytest.approx(offset_c)


@given(ambients)
def test_one_row_holds_at_every_ambient_temperature(ambient_c: float) -> None:
    assert POLICY.offset_c(ambient_c) == 2.0


@given(ambients, ambients)
def test_a_falling_table_never_rises_between_its_rows(one_c: float, other_c: float) -> None:
    cold_c, warm_c = sorted((one_c, other_c))
    assert 2.6 >= TABLE.offset_c(cold_c) >= TABLE.offset_c(warm_c) - 1e-9 >= 1.2 - 2e-9


def test_the_range_of_the_part_includes_its_ends() -> None:
    assert [POLICY.in_range(c) for c in (15.99, 16.0, 35.0, 35.01)] == [False, True, True, False]


# --- whatever comes -----------------------------------------------------------------------------------


@given(st.one_of(st.lists(readings, max_size=12), foreheads), st.sampled_from(POLICIES))
def test_whoever_passes_was_measured_credibly(samples: list[TemperatureTaken], policy: ScreeningPolicy) -> None:
    """A pass is a credible median, not above the threshold, over at least two agreeing samples of a living sensor."""
    verdict = judge(samples, policy)
    used = samples[-policy.samples :]
    if verdict.outcome is Outcome.PASS:
        assert len(used) >= 2
        assert len({reading.skin_raw for reading in samples}) > 1
        assert max(r.skin_c for r in used) - min(r.skin_c for r in used) <= policy.spread_limit_c
        assert verdict.skin_c is not None
        assert verdict.ambient_c is not None
        assert verdict.estimate_c is not None
        assert policy.too_cold_c <= verdict.estimate_c <= policy.threshold_c
        assert policy.ambient_min_c <= verdict.ambient_c <= policy.ambient_max_c
        assert verdict.skin_c <= policy.too_hot_c
        assert verdict.estimate_c == pytest.approx(verdict.skin_c + policy.offset_c(verdict.ambient_c), abs=0.006)


@given(st.one_of(st.lists(readings, max_size=12), foreheads), st.sampled_from(POLICIES))
def test_an_estimate_above_the_threshold_never_passes(samples: list[TemperatureTaken], policy: ScreeningPolicy) -> None:
    verdict = judge(samples, policy)
    if verdict.estimate_c is not None and verdict.estimate_c > policy.threshold_c:
        assert verdict.outcome in (Outcome.SUSPECT, Outcome.INVALID)


@given(feverish, st.lists(st.floats(0.0, 5.0), min_size=12, max_size=12), st.sampled_from(POLICIES))
def test_hotter_samples_never_turn_a_suspect_into_a_pass(
    samples: list[TemperatureTaken], more_c: list[float], policy: ScreeningPolicy
) -> None:
    assume(judge(samples, policy).outcome is Outcome.SUSPECT)
    hotter = [sample(r.skin_c + plus_c, r.ambient_c) for r, plus_c in zip(samples, more_c, strict=False)]
    assert judge(hotter, policy).outcome is not Outcome.PASS


@given(foreheads, st.floats(0.0, 3.0), st.sampled_from(POLICIES))
def test_a_lower_threshold_lets_nobody_more_in(
    samples: list[TemperatureTaken], stricter_c: float, policy: ScreeningPolicy
) -> None:
    strict = replace(policy, threshold_c=policy.threshold_c - stricter_c)
    if judge(samples, strict).outcome is Outcome.PASS:
        full = len(samples) >= policy.samples
        assert judge(samples, policy).outcome in (Outcome.PASS, *(() if full else (Outcome.UNDECIDED,)))


@given(st.lists(readings, max_size=20), st.sampled_from(POLICIES))
def test_a_full_series_is_always_decided(samples: list[TemperatureTaken], policy: ScreeningPolicy) -> None:
    alive = len({reading.skin_raw for reading in samples}) > 1 or len(samples) >= IDENTICAL_BELIEVED
    if len(samples) >= policy.samples and alive:
        assert judge(samples, policy).outcome is not Outcome.UNDECIDED
    if len(samples) < 2:
        assert judge(samples, policy).outcome is Outcome.UNDECIDED


@given(st.lists(readings, max_size=12), st.sampled_from(POLICIES))
def test_every_invalid_verdict_says_why(samples: list[TemperatureTaken], policy: ScreeningPolicy) -> None:
    verdict = judge(samples, policy)
    assert (verdict.cause is not None) == (verdict.outcome is Outcome.INVALID)
