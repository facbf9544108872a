"""When to measure, and whose temperature it is: one thermometer in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import count, pairwise

import pytest

from edge.gate.screening import IDENTICAL_BELIEVED, Outcome, ScreeningPolicy
from edge.gate.thermometry import FAILURES_BELIEVED, IDENTICAL_SUSPECTED, SAMPLE, SILENCE, Pacing, Thermometry
from edge.gate.vocabulary import Measure, TemperatureFailed, TemperatureTaken
from edge.runtime.clock import VirtualClock
from edge.runtime.device import Device
from edge.runtime.step import Recorder, Step
from edge.runtime.vocabulary import Fact, Intent, Now, Started, TimerFired

NINE = datetime(2026, 3, 9, 9, 0, tzinfo=timezone(timedelta(hours=8)))
POLICY = ScreeningPolicy()
PACING = Pacing()
LOOKED_CLOSER_S = PACING.refresh_s + (IDENTICAL_SUSPECTED - 1) * PACING.idle_s + 0.5
"""From the start of a frozen part until it is suspected."""
TRANSFER_S = 0.002
"""How long a good reading takes on the wire."""

Answer = Callable[[], TemperatureTaken | TemperatureFailed]


@dataclass(frozen=True)
class Told(Fact):
    """The test tells the thermometry something."""

    what: Callable[[Step], None]


class Bench:
    """A thermometry, the sensor it asks, and time."""

    def __init__(self, policy: ScreeningPolicy = POLICY) -> None:
        self.thermometry = Thermometry(policy)
        self.clock = VirtualClock(NINE)
        self.recorder = Recorder(1, 0)
        self.device = Device(self.clock)
        self.asked_s: list[float] = []
        self.answered_s: list[float] = []
        self.under_way = 0
        self.skin_c = 34.6
        self.ambient_c = 22.0
        self.takes_s: float | None = TRANSFER_S
        self.answer: Answer = self.good
        self._noise = count()
        self.device.install(self, {Measure: lambda _: self.measure()})

    # --- the sensor ---

    def good(self) -> TemperatureTaken:
        raw = round((self.skin_c + 273.15) / 0.02) + next(self._noise) % 3 - 1
        return TemperatureTaken(round(raw * 0.02 - 273.15, 2), self.ambient_c, raw)

    def frozen(self) -> TemperatureTaken:
        return TemperatureTaken(34.65, self.ambient_c, 15390)

    def broken(self) -> TemperatureFailed:
        return TemperatureFailed("PEC: wrong")

    def measure(self) -> None:
        assert self.under_way == 0, "two readings at once"
        self.under_way = 1
        self.asked_s.append(self.clock.monotonic())
        if self.takes_s is not None:
            self.device.loop.call_at(self.clock.monotonic() + self.takes_s, self.answer_now)

    def answer_now(self) -> None:
        self.under_way = 0
        self.answered_s.append(self.clock.monotonic())
        self.device.handle(self.answer())

    # --- the controller ---

    def handle(self, fact: Fact, now: Now) -> list[Intent]:
        step = self.recorder.begin(now)
        match fact:
            case Started():
                self.thermometry.start(step)
            case Told():
                fact.what(step)
            case TemperatureTaken():
                self.thermometry.taken(step, fact)
            case TemperatureFailed():
                self.thermometry.failed(step, fact)
            case TimerFired():
                {SAMPLE: self.thermometry.sample, SILENCE: self.thermometry.silent}[fact.name](step)
            case _:
                raise AssertionError(fact)
        return self.recorder.finish(step)

    def tell(self, what: Callable[[Step], None]) -> None:
        self.device.handle(Told(what))

    # --- the story ---

    def comes(self) -> None:
        self.tell(lambda step: self.thermometry.presence(step, True))

    def leaves(self) -> None:
        self.tell(lambda step: self.thermometry.presence(step, False))

    def walks_through(self) -> None:
        self.tell(self.thermometry.passed)

    def taps(self, *, not_before_s: float = 0.0) -> None:
        self.tell(lambda step: self.thermometry.want(step, True, not_before_s=not_before_s))

    def is_served(self) -> None:
        self.tell(self.thermometry.done)

    def wait(self, seconds: float) -> None:
        until_s = self.clock.monotonic() + seconds
        while True:
            while self.device.loop.turn():
                pass
            deadline = self.device.loop.deadline()
            if deadline is None or deadline > until_s:
                break
            self.clock.advance_to(deadline)
        self.clock.advance_to(until_s)

    def outcome(self) -> Outcome:
        return self.thermometry.verdict(self.clock.monotonic()).outcome

    @property
    def pauses_s(self) -> list[float]:
        """From each answer to the next question."""
        return [asked - answered for answered, asked in zip(self.answered_s, self.asked_s[1:], strict=False)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


# --- pacing -------------------------------------------------------------------------------------------


def test_the_empty_hall_is_looked_at_soon_and_then_now_and_then(bench: Bench) -> None:
    bench.wait(160.0)
    assert bench.asked_s[0] == pytest.approx(PACING.refresh_s)
    assert len(bench.asked_s) == 6
    assert bench.pauses_s == pytest.approx([PACING.idle_s] * 5)


def test_who_was_served_and_still_stands_there_is_not_measured_for_nothing(bench: Bench) -> None:
    bench.comes()
    bench.taps()
    bench.wait(0.5)
    bench.is_served()
    before = len(bench.asked_s)
    bench.wait(PACING.idle_s - 1.0)
    assert len(bench.asked_s) == before
    bench.taps()  # but with a card they are
    bench.wait(0.5)
    assert bench.outcome() is Outcome.PASS


@pytest.mark.parametrize("next_one", [Bench.walks_through, Bench.leaves])
def test_the_next_one_is_measured_before_the_tap_as_the_first_was(
    bench: Bench, next_one: Callable[[Bench], None]
) -> None:
    bench.comes()
    bench.taps()
    bench.wait(0.5)
    bench.is_served()
    next_one(bench)
    bench.wait(0.1)
    if not bench.thermometry.present:
        bench.comes()
    bench.wait(PACING.walk_on_s + 1.5 * PACING.refresh_s)
    assert bench.outcome() is Outcome.PASS


def test_nobody_is_measured_while_the_sample_would_be_the_last_ones(bench: Bench) -> None:
    bench.comes()
    bench.taps()
    bench.wait(0.5)
    bench.is_served()
    bench.walks_through()
    bench.taps()
    walked_s = bench.clock.monotonic()
    bench.wait(PACING.walk_on_s + 0.5)
    assert [asked for asked in bench.asked_s if walked_s < asked < walked_s + PACING.walk_on_s] == []


def test_somebody_who_comes_is_measured_at_once(bench: Bench) -> None:
    bench.wait(1.0)
    bench.comes()
    bench.wait(0.3)
    assert bench.outcome() is Outcome.PASS


@pytest.mark.parametrize("settle_s", [0.1, 0.14, 0.65])
def test_the_bus_is_quiet_for_the_settling_time_before_each_sample(settle_s: float) -> None:
    """Continuous reading heats the reading (data sheet, 8.4.9)."""
    bench = Bench(ScreeningPolicy(settle_s=settle_s))
    bench.skin_c = 35.0
    bench.comes()
    bench.taps()
    bench.wait(10.0)
    assert len(bench.asked_s) > 10
    assert min(bench.pauses_s) == pytest.approx(settle_s)


def test_no_second_reading_begins_before_the_first_is_answered(bench: Bench) -> None:
    bench.takes_s = 0.7
    for _ in range(5):
        bench.comes()
        bench.taps()
        bench.wait(0.3)
        bench.leaves()
        bench.wait(0.05)
    bench.comes()
    bench.wait(20.0)
    assert all(answered <= asked for answered, asked in zip(bench.answered_s, bench.asked_s[1:], strict=False))
    assert len(bench.asked_s) > 5


def test_a_clear_case_is_measured_no_more_until_its_values_age(bench: Bench) -> None:
    """Two samples suffice; then one a second keeps the verdict fresh for the tap."""
    bench.comes()
    bench.wait(1.0)
    assert len(bench.asked_s) == 2
    bench.wait(10.0)
    assert min(bench.pauses_s[2:]) == pytest.approx(PACING.refresh_s)
    assert bench.outcome() is Outcome.PASS


def test_somebody_who_never_taps_is_left_alone_after_a_while(bench: Bench) -> None:
    bench.comes()
    bench.wait(PACING.patience_s)
    before = len(bench.asked_s)
    bench.wait(60.0)
    assert len(bench.asked_s) - before <= 7
    bench.taps()
    bench.wait(0.5)
    assert bench.outcome() is Outcome.PASS


def test_a_tap_speeds_the_series_up_and_its_end_slows_it_down(bench: Bench) -> None:
    bench.skin_c = 35.1  # needs all five samples
    bench.comes()
    bench.wait(5.0)
    asked = len(bench.asked_s)
    bench.taps()
    bench.wait(0.6)
    assert len(bench.asked_s) - asked >= 5
    bench.is_served()
    asked = len(bench.asked_s)
    bench.wait(3.0)
    assert len(bench.asked_s) - asked <= 3


def test_a_recheck_begins_after_its_pause_and_not_before(bench: Bench) -> None:
    """A second look at a suspect reading is worth something only after a pause of 5 s."""
    bench.skin_c = 36.0
    bench.comes()
    bench.taps()
    bench.wait(2.0)
    assert bench.outcome() is Outcome.SUSPECT
    asked_at = bench.clock.monotonic()
    bench.taps(not_before_s=5.0)
    assert bench.outcome() is Outcome.UNDECIDED, "the first look does not count twice"
    bench.wait(4.99)
    assert bench.outcome() is Outcome.UNDECIDED
    assert [at for at in bench.asked_s if at > asked_at] == []
    bench.wait(1.0)
    assert bench.outcome() is Outcome.SUSPECT


def test_a_person_who_steps_aside_during_the_pause_is_not_measured_early(bench: Bench) -> None:
    bench.skin_c = 36.0
    bench.comes()
    bench.taps(not_before_s=5.0)
    bench.wait(1.0)
    bench.leaves()
    bench.wait(0.5)
    bench.comes()
    bench.wait(3.4)
    assert bench.outcome() is Outcome.UNDECIDED
    bench.wait(1.1)
    assert bench.outcome() is Outcome.SUSPECT


# --- whose temperature it is ------------------------------------------------------------------------------


def test_samples_of_the_empty_hall_belong_to_nobody(bench: Bench) -> None:
    bench.wait(25.0)
    assert bench.outcome() is Outcome.UNDECIDED
    for _ in range(POLICY.samples):
        bench.device.handle(bench.good())
    assert bench.outcome() is Outcome.UNDECIDED


def test_what_was_measured_for_one_card_is_not_the_next_cards(bench: Bench) -> None:
    bench.comes()
    bench.taps()
    bench.wait(0.5)
    assert bench.outcome() is Outcome.PASS
    bench.is_served()
    assert bench.outcome() is Outcome.UNDECIDED


def test_whoever_leaves_takes_their_samples_along(bench: Bench) -> None:
    bench.comes()
    bench.wait(1.0)
    bench.leaves()
    assert bench.outcome() is Outcome.UNDECIDED
    bench.comes()
    assert bench.outcome() is Outcome.UNDECIDED


def test_a_broken_presence_begins_anew_even_without_a_gap(bench: Bench) -> None:
    bench.comes()
    bench.wait(1.0)
    bench.comes()
    assert bench.outcome() is Outcome.UNDECIDED


@pytest.mark.parametrize("change", ["leaves and another comes", "is served"])
def test_a_reading_begun_for_one_person_is_not_the_next_ones(bench: Bench, change: str) -> None:
    """A slow reading: begun while the first stood there, answered when the second does."""
    bench.takes_s = 0.5
    bench.comes()
    bench.wait(0.2)
    assert bench.under_way
    if change == "is served":
        bench.thermometry.forget()
    else:
        bench.leaves()
        bench.comes()
    bench.wait(0.45)
    assert not bench.under_way
    bench.wait(0.6)  # time for one reading of the second person
    assert bench.outcome() is Outcome.UNDECIDED
    bench.wait(0.6)
    assert bench.outcome() is Outcome.PASS


def test_whoever_walked_through_is_not_measured_for_the_next_one(bench: Bench) -> None:
    """The back of a head in the lane: until presence breaks, or long enough later, it may still be theirs."""
    bench.comes()
    bench.wait(1.0)
    bench.walks_through()
    assert bench.outcome() is Outcome.UNDECIDED
    bench.taps()  # the next reader taps early
    bench.wait(PACING.walk_on_s - 0.1)
    assert bench.outcome() is Outcome.UNDECIDED
    bench.wait(0.5)
    assert bench.outcome() is Outcome.PASS


def test_a_new_presence_ends_the_doubt_whose_forehead_it_is(bench: Bench) -> None:
    bench.comes()
    bench.wait(1.0)
    bench.walks_through()
    bench.leaves()
    bench.comes()
    bench.wait(0.3)
    assert bench.outcome() is Outcome.PASS


def test_old_samples_belong_to_nobody(bench: Bench) -> None:
    """The last sample must be at most 3 s old when the card is judged by it."""
    bench.comes()
    bench.wait(1.0)
    bench.takes_s = None
    last_s = bench.answered_s[-1]
    bench.wait(last_s + POLICY.fresh_s - bench.clock.monotonic() - 0.2)
    assert bench.outcome() is Outcome.PASS
    bench.wait(0.25)
    assert bench.outcome() is not Outcome.PASS


def test_a_slow_part_still_gets_a_whole_series_within_its_freshness() -> None:
    bench = Bench(ScreeningPolicy(settle_s=0.65, noise_c=0.1))
    bench.skin_c = 35.1
    bench.comes()
    bench.taps()
    bench.wait(4.0)
    assert bench.outcome() is Outcome.PASS


# --- whether the thermometer can be believed -----------------------------------------------------------------


def test_ten_identical_values_are_a_frozen_sensor(bench: Bench) -> None:
    bench.answer = bench.frozen
    bench.wait(LOOKED_CLOSER_S + PACING.refresh_s * (IDENTICAL_BELIEVED - IDENTICAL_SUSPECTED - 1))
    assert len(bench.asked_s) == IDENTICAL_BELIEVED - 1
    assert bench.thermometry.faulty is None
    bench.wait(PACING.refresh_s)
    assert bench.thermometry.faulty == "stuck"


def test_nine_identical_values_and_another_are_chance(bench: Bench) -> None:
    for _ in range(2):
        before = len(bench.asked_s)
        bench.answer = bench.frozen
        while len(bench.asked_s) < before + IDENTICAL_BELIEVED - 1:
            bench.wait(PACING.refresh_s / 2)
        bench.answer = bench.good
        bench.wait(PACING.refresh_s)
    assert bench.thermometry.faulty is None


def test_three_failures_in_a_row_are_a_fault(bench: Bench) -> None:
    bench.wait(2.0)
    bench.answer = bench.broken
    bench.wait(PACING.idle_s + PACING.refresh_s)
    assert bench.thermometry.faulty is None
    bench.wait(PACING.refresh_s)
    assert bench.thermometry.faulty == "PEC: wrong"


def test_failures_between_good_readings_are_disturbances(bench: Bench) -> None:
    answers = count()
    bench.answer = lambda: bench.good() if next(answers) % 3 == 2 else bench.broken()
    bench.comes()
    bench.taps()
    bench.wait(60.0)
    assert bench.thermometry.faulty is None


def test_a_faulty_thermometer_passes_nobody_and_says_so_at_once(bench: Bench) -> None:
    bench.comes()
    bench.wait(1.0)
    assert bench.outcome() is Outcome.PASS
    bench.answer = bench.broken
    bench.wait(PACING.refresh_s * FAILURES_BELIEVED + 0.1)
    verdict = bench.thermometry.verdict(bench.clock.monotonic())
    assert (verdict.outcome, verdict.cause, verdict.estimate_c) == (Outcome.INVALID, "PEC: wrong", None)


@pytest.mark.parametrize("fault", ["broken", "frozen"])
def test_three_good_readings_in_a_row_end_a_fault(bench: Bench, fault: str) -> None:
    bench.answer = getattr(bench, fault)
    bench.wait(200.0)
    assert bench.thermometry.faulty is not None
    bench.answer = bench.good
    bench.wait(PACING.refresh_s * 2 + 0.1)
    assert bench.thermometry.faulty is not None, "two might be chance"
    bench.wait(PACING.refresh_s * 2)
    assert bench.thermometry.faulty is None


def test_a_faulty_thermometer_is_looked_at_every_second(bench: Bench) -> None:
    bench.answer = bench.broken
    bench.wait(60.0)
    before = len(bench.asked_s)
    bench.wait(10.0)
    assert 9 <= len(bench.asked_s) - before <= 11


# --- slow and silent -----------------------------------------------------------------------------------------


def test_an_answer_that_comes_too_late_is_a_failure_and_its_value_is_not_used(bench: Bench) -> None:
    bench.takes_s = PACING.answer_s + 0.2
    bench.comes()
    bench.taps()
    bench.wait(3.0)
    assert len(bench.answered_s) == 2
    assert bench.outcome() is Outcome.UNDECIDED


def test_a_thermometer_that_is_always_slow_is_faulty(bench: Bench) -> None:
    bench.takes_s = PACING.answer_s + 0.2
    bench.comes()
    bench.taps()
    bench.wait(5.0)
    assert bench.thermometry.faulty == "no answer"
    bench.wait(30.0)
    assert bench.thermometry.faulty == "no answer"
    bench.takes_s = TRANSFER_S
    bench.wait(5.0)
    assert bench.thermometry.faulty is None


def test_a_late_failure_counts_once(bench: Bench) -> None:
    bench.takes_s = PACING.answer_s + 0.2
    bench.answer = bench.broken
    bench.comes()
    bench.taps()
    bench.wait(2.65)
    assert len(bench.answered_s) == 2 < FAILURES_BELIEVED
    assert bench.thermometry.faulty is None


def test_a_thermometer_that_never_answers_is_faulty_too(bench: Bench) -> None:
    """A wire that hangs must not leave readers without a verdict and the guard without an alert."""
    bench.takes_s = None
    bench.comes()
    bench.wait(0.2)
    assert bench.under_way
    bench.wait(PACING.answer_s * (FAILURES_BELIEVED - 1))
    assert bench.thermometry.faulty is None
    bench.wait(PACING.answer_s)
    assert bench.thermometry.faulty == "no answer"
    assert len(bench.asked_s) == 1, "and is not asked again before it has answered"


def test_when_a_silent_thermometer_wakes_up_it_recovers(bench: Bench) -> None:
    bench.takes_s = None
    bench.comes()
    bench.wait(10.0)
    bench.takes_s = TRANSFER_S
    bench.answer_now()
    assert bench.thermometry.faulty == "no answer"
    bench.wait(5.0)
    assert bench.thermometry.faulty is None
    assert bench.outcome() is Outcome.PASS


# --- ambient ---------------------------------------------------------------------------------------------------


def test_the_hall_may_get_cold_without_anybody_there(bench: Bench) -> None:
    bench.wait(11.0)
    assert (bench.thermometry.ambient_c, bench.thermometry.ambient_ok) == (22.0, True)
    bench.ambient_c = 15.9
    bench.wait(PACING.idle_s)
    assert (bench.thermometry.ambient_c, bench.thermometry.ambient_ok) == (15.9, False)


@pytest.mark.parametrize(
    ("ambients_c", "ok"),
    [
        ((15.9, 16.1), False),
        ((15.9, 16.4), False),
        ((15.9, 16.5), True),
        ((15.9, 16.5, 16.0), True),
        ((35.1, 34.9), False),
        ((35.1, 34.5), True),
        ((35.1, 34.5, 35.0), True),
    ],
)
def test_at_the_edge_of_the_range_the_mode_does_not_flicker(
    bench: Bench, ambients_c: tuple[float, ...], ok: bool
) -> None:
    for ambient_c in ambients_c:
        bench.ambient_c = ambient_c
        bench.wait(PACING.idle_s + 0.1)
    assert bench.thermometry.ambient_ok is ok


def test_questions_come_in_order_of_time(bench: Bench) -> None:
    bench.comes()
    bench.wait(30.0)
    assert all(earlier < later for earlier, later in pairwise(bench.asked_s))
