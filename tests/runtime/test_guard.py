"""The pin guard: no output stays away from rest without a lease."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.runtime.clock import VirtualClock
from edge.runtime.guard import RETRY_S, LeaseError, OutputError, PinGuard, Resting, TimedGuard, UnknownOutputError
from edge.runtime.loop import Loop

OUTPUTS = {"lock": Resting(False), "fire_lock": Resting(True), "lamp": Resting(False, longest_s=1.0)}


class Pins:
    """Wires that remember what was written, and may refuse."""

    def __init__(self) -> None:
        self.writes: list[tuple[str, bool]] = []
        self.values: dict[str, bool] = {}
        self.broken: set[str] = set()

    def write(self, name: str, on: bool) -> None:
        if name in self.broken:
            raise OSError("no such line")
        self.writes.append((name, on))
        self.values[name] = on


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 3, 9, tzinfo=UTC))


@pytest.fixture
def pins() -> Pins:
    return Pins()


@pytest.fixture
def guard(pins: Pins, clock: VirtualClock) -> PinGuard:
    guard = PinGuard(pins.write, OUTPUTS, clock)
    pins.writes.clear()
    return guard


def test_everything_is_at_rest_when_the_guard_begins(pins: Pins, clock: VirtualClock) -> None:
    PinGuard(pins.write, OUTPUTS, clock)
    assert pins.values == {"lock": False, "fire_lock": True, "lamp": False}


def test_a_lease_holds_until_its_end(guard: PinGuard, pins: Pins, clock: VirtualClock) -> None:
    guard.lease("lock", True, 5.0)
    assert guard.deadline() == 5.0
    clock.advance_to(4.999)
    assert guard.tick(clock.monotonic()) == []
    assert guard.value("lock")
    clock.advance_to(5.0)
    assert guard.tick(clock.monotonic()) == ["lock"]
    assert pins.writes == [("lock", True), ("lock", False)]
    assert guard.deadline() is None


def test_a_renewed_lease_is_not_written_again(guard: PinGuard, pins: Pins, clock: VirtualClock) -> None:
    guard.lease("lock", True, 3.0)
    clock.advance_to(2.0)
    guard.lease("lock", True, 3.0)
    clock.advance_to(4.0)
    assert guard.tick(clock.monotonic()) == []
    assert pins.writes == [("lock", True)]
    guard.lease("lock", True, 0.5)  # a renewal may shorten
    assert guard.deadline() == 4.5


def test_an_output_at_rest_is_not_leased(guard: PinGuard, pins: Pins) -> None:
    guard.lease("fire_lock", False, 5.0)
    guard.lease("fire_lock", True, 5.0)
    guard.drop("fire_lock")
    assert pins.writes == [("fire_lock", False), ("fire_lock", True)]
    assert guard.deadline() is None


def test_a_lease_is_never_longer_than_the_longest(guard: PinGuard, pins: Pins) -> None:
    guard.lease("lamp", True, float("inf"))
    assert guard.deadline() == 1.0
    assert guard.tick(1.0) == ["lamp"]


@pytest.mark.parametrize("lease_s", [0.0, -1.0, float("nan")])
def test_a_lease_of_no_time_changes_nothing(guard: PinGuard, pins: Pins, lease_s: float) -> None:
    with pytest.raises(LeaseError, match=r"^output lock: a lease of "):
        guard.lease("lock", True, lease_s)
    assert pins.writes == []


def test_an_unknown_output_is_named(guard: PinGuard) -> None:
    for wrong in (lambda: guard.lease("lok", True, 1.0), lambda: guard.drop("lok"), lambda: guard.value("lok")):
        with pytest.raises(UnknownOutputError) as caught:
            wrong()
        assert str(caught.value) == "output lok: not one of lock, fire_lock, lamp"


def test_make_safe_writes_all_whatever_is_believed(guard: PinGuard, pins: Pins) -> None:
    guard.lease("lock", True, 5.0)
    pins.writes.clear()
    guard.make_safe()
    assert pins.writes == [("lock", False), ("fire_lock", True), ("lamp", False)]
    assert guard.deadline() is None


def test_one_bad_wire_keeps_no_other_output_energised(guard: PinGuard, pins: Pins, clock: VirtualClock) -> None:
    for name, on in (("lock", True), ("fire_lock", False), ("lamp", True)):
        guard.lease(name, on, 1.0)
    pins.broken = {"lock"}
    with pytest.raises(OutputError, match=r"brought to rest: lock \(no such line\)$"):
        guard.tick(1.0)
    assert pins.values == {"lock": True, "fire_lock": True, "lamp": False}
    assert guard.value("lock")
    pins.broken = set()
    deadline = guard.deadline()
    assert deadline is not None
    assert deadline > 1.0
    assert guard.tick(deadline) == ["lock"]
    assert not pins.values["lock"]


def test_an_output_believed_at_rest_that_refused_is_written_again(guard: PinGuard, pins: Pins) -> None:
    pins.broken = {"lamp"}
    with pytest.raises(OutputError):
        guard.make_safe()
    pins.broken = set()
    pins.writes.clear()
    guard.drop("lamp")
    guard.drop("lamp")
    assert pins.writes == [("lamp", False)]


def test_a_wire_that_refuses_a_new_lease_leaves_the_old_one(guard: PinGuard, pins: Pins) -> None:
    pins.broken = {"lock"}
    with pytest.raises(OSError, match="no such line"):
        guard.lease("lock", True, 5.0)
    assert not guard.value("lock")
    assert guard.deadline() is None


actions = st.lists(
    st.one_of(
        st.tuples(st.just("lease"), st.sampled_from(list(OUTPUTS)), st.booleans(), st.floats(0.01, 100.0)),
        st.tuples(st.just("drop"), st.sampled_from(list(OUTPUTS))),
        st.tuples(st.just("break"), st.sets(st.sampled_from(list(OUTPUTS)))),
        st.tuples(st.just("wait"), st.floats(0.0, 70.0)),
    ),
    max_size=40,
)


@settings(max_examples=200)
@given(actions)
def test_no_output_is_away_from_rest_after_its_lease_ended_and_tick_ran(story: list[tuple]) -> None:
    clock = VirtualClock(datetime(2026, 3, 9, tzinfo=UTC))
    pins = Pins()
    guard = PinGuard(pins.write, OUTPUTS, clock)
    allowed_until = dict.fromkeys(OUTPUTS, 0.0)
    for what, *rest in story:
        try:
            if what == "lease":
                name, on, lease_s = rest
                guard.lease(name, on, lease_s)
                resting = OUTPUTS[name]
                lasts_s = 0.0 if on == resting.value else min(lease_s, resting.longest_s)
                allowed_until[name] = clock.monotonic() + lasts_s
            elif what == "drop":
                guard.drop(rest[0])
                allowed_until[rest[0]] = clock.monotonic()
            elif what == "break":
                pins.broken = rest[0]
            else:
                clock.advance_to(clock.monotonic() + rest[0])
            guard.tick(clock.monotonic())
        except OSError:
            assert pins.broken
            for name in pins.broken:  # the guard tries again soon
                allowed_until[name] = max(allowed_until[name], clock.monotonic() + RETRY_S)
        away = {name for name in OUTPUTS if pins.values[name] != OUTPUTS[name].value}
        late = {name for name in away - pins.broken if allowed_until[name] <= clock.monotonic()}
        assert late == set()
        assert away == set() or guard.deadline() is not None
    pins.broken = set()
    while (deadline := guard.deadline()) is not None:
        clock.advance_to(deadline)
        guard.tick(deadline)
    assert pins.values == {name: resting.value for name, resting in OUTPUTS.items()}


class Bench:
    """A guard driven by a loop in virtual time."""

    def __init__(self, clock: VirtualClock, pins: Pins) -> None:
        self.clock = clock
        self.loop = Loop(clock, lambda _: None)
        self.pins = pins
        self.rests: list[tuple[float, str]] = []
        self.outputs = TimedGuard(PinGuard(self.write, OUTPUTS, clock), clock, self.loop.call_at)
        self.rests.clear()

    def write(self, name: str, on: bool) -> None:
        """Note when which output was brought to rest."""
        self.pins.write(name, on)
        if on == OUTPUTS[name].value:
            self.rests.append((self.clock.monotonic(), name))

    def run_until(self, moment: float) -> None:
        while True:
            while self.loop.turn():
                pass
            deadline = self.loop.deadline()
            if deadline is None or deadline > moment:
                break
            self.clock.advance_to(deadline)
        self.clock.advance_to(moment)


@pytest.fixture
def bench(clock: VirtualClock, pins: Pins) -> Bench:
    return Bench(clock, pins)


def test_the_loop_notices_the_end_of_a_lease_in_time(bench: Bench, pins: Pins) -> None:
    bench.outputs.lease("lock", True, 5.0)
    bench.outputs.lease("lamp", True, 0.5)
    bench.outputs.lease("fire_lock", False, 5.0)
    bench.run_until(10.0)
    assert bench.rests == [(0.5, "lamp"), (5.0, "lock"), (5.0, "fire_lock")]
    assert pins.values == {"lock": False, "fire_lock": True, "lamp": False}


def test_renewals_do_not_heap_up_timers(bench: Bench, pins: Pins) -> None:
    for tenth in range(1000):
        bench.run_until(tenth / 10)
        bench.outputs.lease("lock", True, 3.0)
        assert len(bench.loop._timers) <= 2
    assert bench.rests == []
    bench.run_until(200.0)
    assert bench.rests == [(99.9 + 3.0, "lock")]


def test_a_dropped_lease_does_not_fall_later(bench: Bench, pins: Pins) -> None:
    bench.outputs.lease("lock", True, 5.0)
    bench.run_until(1.0)
    bench.outputs.drop("lock")
    bench.run_until(2.0)
    bench.outputs.lease("lock", True, 5.0)
    bench.run_until(6.9)
    assert bench.rests == [(1.0, "lock")]
    assert pins.values["lock"]
    bench.run_until(7.0)
    assert bench.rests == [(1.0, "lock"), (7.0, "lock")]


def test_a_wire_that_refuses_the_fall_is_tried_until_it_takes_it(bench: Bench, pins: Pins) -> None:
    bench.outputs.lease("lock", True, 1.0)
    pins.broken = {"lock"}
    for _ in range(3):
        with pytest.raises(OutputError):
            bench.run_until(bench.clock.monotonic() + 1.0)
    pins.broken = set()
    bench.run_until(9.0)
    assert [name for _, name in bench.rests] == ["lock"]
    assert not pins.values["lock"]
