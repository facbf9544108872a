"""When to measure, whose temperature it is, and whether the thermometer can be believed.

Sampling is paced by timers, never by waiting: fire, release and exits go on meanwhile. A sample
belongs to the person before the sensor: it is forgotten when they leave, when somebody has passed,
when a card's check is over, and after `fresh_s`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from edge.gate.screening import IDENTICAL_BELIEVED, Outcome, ScreeningPolicy, Verdict, judge
from edge.gate.vocabulary import Measure, TemperatureFailed, TemperatureTaken
from edge.runtime.step import Step
from edge.runtime.vocabulary import CancelTimer, SetTimer

SAMPLE = "sample"
SILENCE = "thermometer silence"

FAILURES_BELIEVED = 3
"""So many failures in a row are a fault, not a disturbance."""

IDENTICAL_SUSPECTED = 3
"""So many identical raw values are worth a closer look; by chance they come once in about a hundred readings."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """How often to look. Seconds.

    Attributes:
        answer_s: a reading that takes longer has failed.
        refresh_s: between samples of somebody who stands there and has not tapped, and while the part is in doubt.
        patience_s: after so long without a tap nobody is measured any more until the tap comes.
        walk_on_s: whoever walked through is before the sensor no longer, at the latest.
        idle_s: between looks at the empty hall, for the ambient temperature and the self-check.
        ambient_hysteresis_c: how far the ambient must come back into range, kelvin.
    """

    answer_s: float = 1.0
    refresh_s: float = 1.0
    patience_s: float = 30.0
    walk_on_s: float = 2.0
    idle_s: float = 30.0
    ambient_hysteresis_c: float = 0.5


@dataclass(slots=True)
class Thermometry:
    """Paces one thermometer and judges its samples."""

    policy: ScreeningPolicy
    pacing: Pacing = field(default_factory=Pacing)
    present: bool = False
    faulty: str | None = None
    ambient_c: float | None = None
    ambient_ok: bool = True
    _samples: list[tuple[float, TemperatureTaken]] = field(default_factory=list[tuple[float, TemperatureTaken]])
    _failures: int = 0
    _identical: int = 0
    _good: int = 0
    _last_raw: int | None = None
    _present_since: float = 0.0
    _quiet_since: float = 0.0
    _asked: bool = False
    _overdue: bool = False
    _disowned: bool = False
    _served: bool = False
    _wanted: bool = False
    _not_before: float = 0.0
    _walked_on: float = 0.0

    def start(self, step: Step) -> None:
        """Begin to look at the hall."""
        self._quiet_since = step.now.mono_s
        self._pace(step)

    def presence(self, step: Step, present: bool) -> None:
        """Somebody came or left; what was measured before belongs to nobody."""
        self.present = present
        self._present_since = self._walked_on = step.now.mono_s
        self._served = False
        self.forget()
        self._pace(step)

    def passed(self, step: Step, *, opened_s: float = inf) -> None:
        """Somebody walked through: the next one is before the sensor when presence breaks, or after a while.

        Whoever stepped up after the lane was opened is not the one it was opened for.
        """
        if self._present_since <= opened_s:
            self._walked_on = step.now.mono_s + self.pacing.walk_on_s
        self._served = False
        self.forget()
        self._pace(step)

    def forget(self) -> None:
        """The samples so far, and a reading under way, belong to nobody any more."""
        self._samples.clear()
        self._disowned = self._asked

    def want(self, step: Step, wanted: bool, *, not_before_s: float = 0.0) -> None:
        """A card waits for a verdict (or does not any more); ``not_before_s`` delays the first sample."""
        self._wanted = wanted
        self._not_before = step.now.mono_s + not_before_s
        if wanted and not_before_s:
            self.forget()
        self._pace(step)

    def pause_s(self, now_s: float) -> float:
        """How long a card that waits for a verdict must still wait for its first sample; 0 where it need not."""
        return max(0.0, self._not_before - now_s)

    def done(self, step: Step) -> None:
        """A card's check is over: whoever stands there was measured for it, and need not be again without a card."""
        self.forget()
        self._served = True
        self.want(step, False)

    def verdict(self, now_s: float) -> Verdict:
        """What the fresh samples say; invalid at once while the thermometer is known to be faulty."""
        if self.faulty is not None:
            return Verdict(Outcome.INVALID, cause=self.faulty)
        if self._samples and now_s - self._samples[-1][0] > self.policy.fresh_s:
            self._samples.clear()
        self._samples = [(at, s) for at, s in self._samples if now_s - at <= self.policy.series_s]
        return judge([sample for _, sample in self._samples], self.policy)

    def taken(self, step: Step, sample: TemperatureTaken) -> None:
        """A reading arrived."""
        late = self._answered(step)
        if not late:
            self._failures = 0
        self._identical = self._identical + 1 if sample.skin_raw == self._last_raw else 0
        self._last_raw = sample.skin_raw
        frozen = self._identical + 1 >= IDENTICAL_BELIEVED
        self._good = 0 if frozen or late else self._good + 1
        if frozen:
            self.faulty = "stuck"
        elif self._good >= FAILURES_BELIEVED:
            self.faulty = None
        self.ambient_c = sample.ambient_c
        slack_c = 0.0 if self.ambient_ok else self.pacing.ambient_hysteresis_c
        self.ambient_ok = self.policy.ambient_min_c + slack_c <= sample.ambient_c <= self.policy.ambient_max_c - slack_c
        theirs = step.now.mono_s >= max(self._not_before, self._walked_on)
        if self.present and theirs and not late and not self._disowned:
            self._samples.append((step.now.mono_s, sample))
            del self._samples[: -max(self.policy.samples, IDENTICAL_BELIEVED)]
        self._pace(step)

    def failed(self, step: Step, failure: TemperatureFailed) -> None:
        """A reading failed, or did not come in time."""
        if not self._answered(step):
            self._count_failure(failure.error)
        self._pace(step)

    def sample(self, step: Step) -> None:
        """The timer `SAMPLE`: ask for a reading, unless one is under way."""
        if not self._asked:
            self._asked, self._disowned = True, False
            step.do(Measure())
            step.do(SetTimer(SILENCE, self.pacing.answer_s))

    def silent(self, step: Step) -> None:
        """The timer `SILENCE`: a reading was asked for, and does not come."""
        self._overdue = True
        self._count_failure("no answer")
        step.do(SetTimer(SILENCE, self.pacing.answer_s))

    def _answered(self, step: Step) -> bool:
        """Note the end of a reading; True if it comes too late to count."""
        late, self._asked, self._overdue = self._overdue, False, False
        self._quiet_since = step.now.mono_s
        step.do(CancelTimer(SILENCE))
        return late

    def _count_failure(self, error: str) -> None:
        self._failures += 1
        self._good = 0
        if self._failures >= FAILURES_BELIEVED:
            self.faulty = error

    def _pace(self, step: Step) -> None:
        """Set the time of the next sample; a reading under way comes first."""
        if self._asked:
            return
        now_s = step.now.mono_s
        if (self.present and self._wanted) or self._curious(now_s):
            pause_s = self.policy.settle_s
        elif self._doubtful or self._standing(now_s):
            pause_s = self.pacing.refresh_s
        else:
            pause_s = self.pacing.idle_s
        due_s = max(self._quiet_since + pause_s, self._walked_on, self._not_before if self._wanted else 0.0)
        step.do(SetTimer(SAMPLE, max(0.0, due_s - now_s)))

    @property
    def _doubtful(self) -> bool:
        """Whether the part is at fault or not heard yet, or its last readings let suspect that it will soon be."""
        suspected = self._failures > 0 or self._identical >= IDENTICAL_SUSPECTED - 1
        return self.faulty is not None or suspected or self.ambient_c is None

    def _standing(self, now_s: float) -> bool:
        """Whether somebody stands there who may still tap."""
        return self.present and not self._served and now_s - self._present_since < self.pacing.patience_s

    def _curious(self, now_s: float) -> bool:
        """Whether the person who stands there without a tap is not judged yet."""
        stepped_up = self._standing(now_s) and now_s - self._present_since < self.policy.fresh_s
        return stepped_up and self.verdict(now_s).outcome is Outcome.UNDECIDED
