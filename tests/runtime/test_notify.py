"""What systemd hears, over a real datagram socket; and a watchdog that only a loop that turned can feed."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Generator
from pathlib import Path

import pytest

from edge.runtime.clock import VirtualClock
from edge.runtime.loop import Loop
from edge.runtime.notify import Notifier, NotifyError, Supervision, Watchdog
from tests.loops import EIGHT

PATIENCE_S = 6.0
PERIOD_S = 2.0


class Systemd:
    """The other end of ``NOTIFY_SOCKET``."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.bound = "\0" + address[1:] if address.startswith("@") else address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(self.bound)

    def heard(self) -> list[str]:
        messages: list[str] = []
        while True:
            try:
                messages.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return messages


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Systemd]:
    listener = Systemd(str(tmp_path / "notify") if request.param == "path" else f"@gatehouse-test-{os.getpid()}")
    yield listener
    listener.socket.close()


@pytest.fixture
def notifier(systemd: Systemd) -> Generator[Notifier]:
    speaker = Notifier(systemd.address)
    yield speaker
    speaker.close()


class Rig:
    """Loops in virtual time, and what the watchdog was given."""

    def __init__(self, *names: str) -> None:
        self.clock = VirtualClock(EIGHT)
        self.fed: list[float] = []
        self.taken = True
        self.dog = Watchdog(names, PATIENCE_S, self.clock, self.feed)
        self.loops = {name: Loop(self.clock, lambda fact: None) for name in names}

    def feed(self) -> bool:
        if self.taken:
            self.fed.append(self.clock.monotonic())
        return self.taken

    def watch(self) -> None:
        for name, loop in self.loops.items():
            self.dog.watch(name, loop.call_at)

    def until(self, moment: int, *names: str) -> None:
        """Turn these loops; time passes in seconds."""
        while self.clock.monotonic() < moment:
            self.clock.advance_to(self.clock.monotonic() + 1)
            for name in names:
                while self.loops[name].turn():
                    pass


def test_each_message_is_a_datagram(systemd: Systemd, notifier: Notifier) -> None:
    assert all([notifier.ready(), notifier.alive(), notifier.stopping()])
    assert systemd.heard() == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_without_systemd_all_is_taken_and_nobody_hears(caplog: pytest.LogCaptureFixture) -> None:
    speaker = Notifier(None)
    assert speaker.ready()
    assert speaker.alive()
    speaker.close()
    assert caplog.messages == []


def test_a_manager_that_is_gone_is_said_once_and_so_is_its_return(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    speaker = Notifier(str(tmp_path / "notify"))
    assert not speaker.ready()
    assert not speaker.alive()
    listener = Systemd(str(tmp_path / "notify"))
    assert speaker.ready()
    assert speaker.alive()
    assert listener.heard() == ["READY=1", "WATCHDOG=1"]
    assert caplog.messages == [
        "gatehouse: systemd does not hear: No such file or directory",
        "gatehouse: systemd hears again",
    ]
    speaker.close()
    listener.socket.close()


def test_a_manager_that_does_not_read_holds_nobody_up(systemd: Systemd, notifier: Notifier) -> None:
    taken = [notifier.alive() for _ in range(10_000)]
    sent = taken.index(False)
    assert sent > 0
    assert systemd.heard() == ["WATCHDOG=1"] * sum(taken)
    assert notifier.alive()


def test_the_environment_is_taken_so_that_no_child_speaks_for_us() -> None:
    environment = {"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "7", "HOME": "/"}
    assert Supervision.take(environment, 7) == Supervision("/run/n", 10.0)
    assert environment == {"HOME": "/"}
    assert Supervision.take(environment, 7) == Supervision(None, None)


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({"WATCHDOG_USEC": "500000"}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_PID": "7"}, None),
        ({"WATCHDOG_USEC": ""}, None),
    ],
)
def test_a_watchdog_is_ours_unless_it_is_for_another(environment: dict[str, str], watchdog_s: float | None) -> None:
    assert Supervision.take(environment, 7).watchdog_s == watchdog_s


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("NOTIFY_SOCKET", "notify", "NOTIFY_SOCKET notify: expected a path, or @ and a name"),
        ("NOTIFY_SOCKET", "@", "NOTIFY_SOCKET @: expected a path, or @ and a name"),
        ("NOTIFY_SOCKET", "vsock:2:1", "NOTIFY_SOCKET vsock:2:1: expected a path, or @ and a name"),
        ("WATCHDOG_USEC", "0", "WATCHDOG_USEC 0: expected microseconds, a whole number above 0"),
        ("WATCHDOG_USEC", "-1", "WATCHDOG_USEC -1: expected microseconds, a whole number above 0"),
        ("WATCHDOG_USEC", "²", "WATCHDOG_USEC ²: expected microseconds, a whole number above 0"),
        ("WATCHDOG_USEC", "10s", "WATCHDOG_USEC 10s: expected microseconds, a whole number above 0"),
    ],
)
def test_an_environment_that_makes_no_sense_is_said_in_one_line(key: str, value: str, expected: str) -> None:
    with pytest.raises(NotifyError) as error:
        Supervision.take({key: value}, 7)
    assert str(error.value) == expected


def test_a_loop_with_nothing_to_do_feeds_three_times_an_interval() -> None:
    rig = Rig("gate")
    rig.watch()
    rig.until(12, "gate")
    assert rig.fed == [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]


def test_a_loop_that_hangs_starves_the_watchdog_and_a_late_one_feeds_it_again() -> None:
    rig = Rig("gate")
    rig.watch()
    rig.until(4, "gate")
    rig.until(30)
    assert rig.fed == [2.0, 4.0]
    assert rig.dog.missing() == ("gate",)
    rig.until(31, "gate")
    assert rig.fed == [2.0, 4.0, 31.0]


def test_one_of_two_loops_that_hangs_starves_it_however_often_the_other_turns() -> None:
    rig = Rig("gate", "wires")
    rig.watch()
    rig.until(4, "gate", "wires")
    rig.until(30, "gate")
    assert rig.fed == [2.0, 4.0]
    assert rig.dog.missing() == ("wires",)


def test_a_turn_before_the_feeding_does_not_count_for_the_next() -> None:
    rig = Rig("gate", "wires")
    rig.clock.advance_to(PERIOD_S)
    rig.dog.turned("gate")
    rig.dog.turned("wires")
    rig.clock.advance_to(2 * PERIOD_S)
    rig.dog.turned("wires")
    assert rig.fed == [PERIOD_S]
    assert rig.dog.missing() == ("gate",)


def test_a_busy_loop_does_not_flood_systemd() -> None:
    rig = Rig("gate")
    rig.clock.advance_to(PERIOD_S)
    for _ in range(1000):
        rig.dog.turned("gate")
    assert rig.fed == [PERIOD_S]


def test_a_feeding_that_was_not_taken_is_tried_at_the_next_turn() -> None:
    rig = Rig("gate")
    rig.taken = False
    rig.clock.advance_to(PERIOD_S)
    rig.dog.turned("gate")
    rig.taken = True
    rig.clock.advance_to(PERIOD_S + 0.1)
    rig.dog.turned("gate")
    assert rig.fed == [PERIOD_S + 0.1]


def test_nobody_but_the_named_loops_feeds() -> None:
    rig = Rig("gate")
    with pytest.raises(KeyError, match="passer-by"):
        rig.dog.turned("passer-by")
    with pytest.raises(ValueError, match="without a loop"):
        Watchdog((), PATIENCE_S, rig.clock, rig.feed)


def test_a_loop_that_turns_keeps_systemd_fed(systemd: Systemd, notifier: Notifier) -> None:
    clock = VirtualClock(EIGHT)
    loop = Loop(clock, lambda fact: None)
    Watchdog(["gate"], PATIENCE_S, clock, notifier.alive).watch("gate", loop.call_at)
    clock.advance_to(PERIOD_S)
    while loop.turn():
        pass
    assert systemd.heard() == ["WATCHDOG=1"]
