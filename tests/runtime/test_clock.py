"""Two clocks: what passes, what steps, and what is not known."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.assembly import live
from edge.assembly.live import Live
from edge.runtime import clock as module
from edge.runtime.clock import ASK_S, EARLIEST_BELIEVABLE, VirtualClock, WallClock
from edge.settings import Building

CHINA = timezone(timedelta(hours=8))
EIGHT = datetime(2026, 3, 9, 8, 0, tzinfo=CHINA)


class System:
    """The computer's own clocks, in place of the module `time`."""

    def __init__(self) -> None:
        self.mono_s = 1000.0
        self.unix_s = 1_773_014_400.0

    def monotonic(self) -> float:
        return self.mono_s

    def time(self) -> float:
        return self.unix_s

    def passes(self, seconds: float) -> None:
        self.mono_s += seconds
        self.unix_s += seconds


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    computer = System()
    monkeypatch.setattr(module, "time", computer)
    return computer


# --- virtual time -----------------------------------------------------------------------------------------


def test_waiting_jumps_to_the_deadline() -> None:
    clock = VirtualClock(EIGHT)
    clock.wait(threading.Event(), 90.0)
    assert clock.monotonic() == 90.0
    assert clock.wall() == EIGHT + timedelta(seconds=90)


def test_waiting_is_never_cut_short() -> None:
    """Everybody waits with us, so a wake-up is of work that was done before."""
    clock, wake = VirtualClock(EIGHT), threading.Event()
    wake.set()
    clock.wait(wake, 1.0)
    assert clock.monotonic() == 1.0


def test_several_facts_of_one_moment_see_one_time_and_a_step_is_seen_at_once() -> None:
    clock = VirtualClock(EIGHT)
    clock.advance_to(5.0)
    assert clock.wall() == clock.wall() == EIGHT + timedelta(seconds=5)
    clock.step(60.0)
    assert clock.wall() == EIGHT + timedelta(seconds=65)
    clock.advance_to(6.0)
    assert clock.wall() == EIGHT + timedelta(seconds=66)


def test_waiting_for_nothing_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="stands still"):
        VirtualClock(EIGHT).wait(threading.Event(), None)


@given(st.lists(st.floats(0, 1e6)))
def test_virtual_time_never_goes_back(moments: list[float]) -> None:
    clock = VirtualClock(EIGHT)
    for moment in moments:
        before = clock.monotonic()
        clock.advance_to(moment)
        assert clock.monotonic() == max(before, moment)


@given(st.lists(st.floats(-1e5, 1e5)))
def test_a_step_of_the_wall_clock_moves_no_duration(steps_s: list[float]) -> None:
    clock = VirtualClock(EIGHT)
    clock.advance_to(10.0)
    for step_s in steps_s:
        clock.step(step_s)
        assert clock.monotonic() == 10.0
    moved = sum((timedelta(seconds=step_s) for step_s in steps_s), timedelta())
    assert clock.wall() == EIGHT + timedelta(seconds=10) + moved


def test_an_unset_clock_knows_no_date_and_still_counts_seconds() -> None:
    clock = VirtualClock(EIGHT)
    clock.set(False)
    clock.advance_to(60.0)
    assert (clock.wall(), clock.monotonic()) == (None, 60.0)
    clock.set(True)
    assert clock.wall() == EIGHT + timedelta(minutes=1)


def test_devices_share_time_but_not_the_date() -> None:
    clock = VirtualClock(EIGHT)
    north, south = clock.follower(), clock.follower()
    north.step(-3600)
    south.set(False)
    clock.advance_to(5.0)
    assert [c.monotonic() for c in (clock, north, south)] == [5.0] * 3
    assert north.wall() == EIGHT + timedelta(seconds=5 - 3600)
    assert south.wall() is None
    assert clock.wall() == EIGHT + timedelta(seconds=5)


# --- real time ------------------------------------------------------------------------------------------


def test_a_synchronised_system_clock_is_shown_in_the_sites_zone() -> None:
    wall = WallClock(CHINA, synchronised=lambda: True).wall()
    assert wall is not None
    assert wall.utcoffset() == timedelta(hours=8)
    assert abs(wall - datetime.now(UTC)) < timedelta(minutes=1)


class Kernel:
    """Whether the clock is synchronised, and how often it was asked that."""

    def __init__(self) -> None:
        self.synchronised = False
        self.asked = 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.synchronised


def test_until_the_system_clock_is_synchronised_the_date_is_unknown(system: System) -> None:
    kernel = Kernel()
    clock = WallClock(CHINA, synchronised=kernel)
    assert clock.wall() is None
    kernel.synchronised = True
    system.passes(ASK_S)
    assert clock.wall() is not None


def test_every_fact_may_want_the_date_and_the_kernel_is_asked_once_a_second(system: System) -> None:
    kernel = Kernel()
    clock = WallClock(CHINA, synchronised=kernel)
    for second in range(1, 4):
        for _ in range(100):
            assert clock.wall() is None
            system.passes(ASK_S / 128)
        assert kernel.asked == second
        system.passes(ASK_S * 28 / 128)


def test_a_lost_time_server_closes_no_gate(system: System) -> None:
    kernel = Kernel()
    kernel.synchronised = True
    clock = WallClock(CHINA, synchronised=kernel)
    assert clock.wall() is not None
    kernel.synchronised = False
    system.passes(86_400)
    assert clock.wall() is not None
    assert kernel.asked == 1


@pytest.mark.parametrize(("unix_s", "believed"), [(0.0, False), (EARLIEST_BELIEVABLE - 1, False), (1.7e9, True)])
def test_a_clock_chip_with_an_empty_battery_is_not_believed(system: System, unix_s: float, believed: bool) -> None:
    system.unix_s = unix_s
    assert (WallClock(CHINA).wall() is not None) is believed


def test_a_simulated_date_begins_where_it_is_told_to(system: System) -> None:
    clock = WallClock(CHINA, start=EIGHT)
    assert (clock.monotonic(), clock.wall()) == (0.0, EIGHT)
    system.passes(30)
    assert (clock.monotonic(), clock.wall()) == (30.0, EIGHT + timedelta(seconds=30))


def test_at_tenfold_speed_a_second_is_ten(system: System) -> None:
    clock = WallClock(CHINA, start=EIGHT, speed=10)
    system.passes(6)
    assert (clock.monotonic(), clock.wall()) == (60.0, EIGHT + timedelta(minutes=1))


def test_processes_that_know_the_origin_agree_on_the_simulated_time(system: System) -> None:
    origin_s = system.unix_s
    first = WallClock(CHINA, start=EIGHT, speed=10, origin_s=origin_s)
    system.passes(12)
    second = WallClock(CHINA, start=EIGHT, speed=10, origin_s=origin_s)
    system.passes(3)
    assert first.wall() == second.wall() == EIGHT + timedelta(seconds=150)


def test_on_hardware_seconds_are_the_systems_own(system: System) -> None:
    clock = WallClock(CHINA)
    assert clock.monotonic() == system.mono_s
    system.unix_s -= 3600  # somebody sets the clock back
    system.mono_s += 1
    assert clock.monotonic() == 1001.0


def test_a_simulated_step_and_an_unset_clock_leave_seconds_alone(system: System) -> None:
    clock = WallClock(CHINA, start=EIGHT)
    clock.step(3600)
    assert clock.wall() == EIGHT + timedelta(hours=1)
    clock.set(False)
    assert (clock.wall(), clock.monotonic()) == (None, 0.0)


def test_a_follower_has_a_date_of_its_own(system: System) -> None:
    clock = WallClock(CHINA, start=EIGHT)
    follower = clock.follower()
    follower.step(60)
    system.passes(1)
    assert clock.monotonic() == follower.monotonic() == 1.0
    assert clock.wall() == EIGHT + timedelta(seconds=1)
    assert follower.wall() == EIGHT + timedelta(seconds=61)


@pytest.mark.parametrize(
    ("clock", "start", "simulated", "asks"),
    [("ntp", None, False, True), ("rtc", None, False, False), ("ntp", EIGHT, False, False), ("ntp", None, True, False)],
)
def test_the_kernel_is_asked_where_a_real_date_comes_from_the_network(
    monkeypatch: pytest.MonkeyPatch, clock: str, start: datetime | None, simulated: bool, asks: bool
) -> None:
    kernel = Kernel()
    monkeypatch.setattr(live, "Synchronised", lambda: kernel)
    exit_only = {"kind": "gate", "exit_beam": {"pin": 25}}
    building = Building.model_validate(
        {"site": {"name": "library", "key": "12345678", "clock": clock}, "devices": {"west": exit_only}}
    )
    wall = Live(start).clock(building, simulated=simulated).wall()
    assert (wall is None, kernel.asked) == (asks, int(asks))


class Alarm(threading.Event):
    """Notes how long it was waited for, and rings at once."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_s: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited_s.append(timeout)
        return True


def test_waiting_is_scaled_to_real_time_and_takes_the_wake_up_back(system: System) -> None:
    clock, wake = WallClock(CHINA, start=EIGHT, speed=10), Alarm()
    wake.set()
    clock.wait(wake, 60.0)
    clock.wait(wake, None)
    assert wake.waited_s == [6.0, None]
    assert not wake.is_set()


def test_what_is_due_already_is_not_waited_for(system: System) -> None:
    clock, wake = WallClock(CHINA, start=EIGHT), Alarm()
    system.passes(5)
    clock.wait(wake, 5.0)
    clock.wait(wake, 4.0)
    assert wake.waited_s == []
