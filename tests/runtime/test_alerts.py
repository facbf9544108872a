"""Alerts: raised when the table says so, seen by a guard, ended with their cause, and never forgotten."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.runtime.alerts import TABLE, Alerts
from edge.runtime.clock import VirtualClock
from edge.runtime.step import Recorder, Step
from edge.runtime.vocabulary import Commit, Event, Now, Publish, SetTimer
from edge.site import contract
from edge.site.contract import AlertKind as K
from edge.site.contract import Severity

EDGE = Path(contract.__file__).parents[2]
NINE = datetime(2026, 3, 9, 9, 0, tzinfo=timezone(timedelta(hours=8)))
LATER = {
    "cabinets": {
        K.OZONE_LEAK, K.CABINET_DOOR, K.ESTOP, K.LAMP_FAULT, K.GENERATOR_FAULT, K.FAN_FAULT, K.OZONE_SENSOR_FAULT,
        K.INTERLOCK_FAULT, K.BATCH_FAILED,
    },
    "hygiene": {K.HYGIENE_MISSED},
    "sensors of rooms": {K.SENSOR_FAULT},
}  # fmt: skip
"""Kinds of the contract that belong to parts which do not exist yet."""
NOW = [kind for kind in K if not any(kind in kinds for kinds in LATER.values())]
AT_ONCE = [kind for kind, row in TABLE.items() if row.delay_s == 0]
DELAYED = [kind for kind, row in TABLE.items() if row.delay_s > 0]
BY_CAUSE = [kind for kind, row in TABLE.items() if row.ends == "cause"]
BY_GUARD = [kind for kind, row in TABLE.items() if row.ends == "acknowledged"]


def topic(row: str, **names: str) -> str:
    return contract.TOPICS[row].build("demo", device="north", **names)


class Device:
    """Alerts of one device, its journal, its broker and its timers, in virtual time."""

    def __init__(self) -> None:
        self.clock = VirtualClock(NINE)
        self.saved: dict[str, Any] = {}
        self.history: list[Event] = []
        self.retained: dict[str, bytes] = {}
        self.timers: dict[str, float] = {}
        self.up = True
        self.start()

    def start(self) -> None:
        self.recorder = Recorder(1, len(self.history))
        self.alerts = Alerts(topic, self.saved)
        self.timers.clear()

    def do(self, what: Callable[[Step], Any]) -> Any:
        step = self.recorder.begin(Now(self.clock.monotonic(), self.clock.wall()))
        result = what(step)
        for intent in self.recorder.finish(step):
            match intent:
                case SetTimer():
                    self.timers[intent.name] = self.clock.monotonic() + intent.after_s
                case Commit():
                    self.history += intent.events
                    for key, value in intent.puts.items():
                        self.saved.pop(key, None)
                        if value is not None:
                            self.saved[key] = json.loads(json.dumps(value))
                    for waiting in self.recorder.committed(intent.number):
                        self.publish(waiting)
                case _:
                    self.publish(intent)
        return result

    def publish(self, intent: object) -> None:
        assert isinstance(intent, Publish)
        assert intent.retain
        if self.up:
            self.retained.pop(intent.topic, None)
            if intent.payload:
                self.retained[intent.topic] = intent.payload

    def wait(self, seconds: float) -> None:
        until = self.clock.monotonic() + seconds
        while due := sorted((at, name) for name, at in self.timers.items() if at <= until):
            at, name = due[0]
            del self.timers[name]
            self.clock.advance_to(at)
            assert self.do(lambda step, name=name: self.alerts.timer(step, name))
        self.clock.advance_to(until)

    def condition(self, kind: K, holds: bool, subject: str = "", **data: Any) -> None:
        self.do(lambda step: self.alerts.condition(step, kind, holds, subject, **data))

    def incident(self, kind: K, subject: str = "", **data: Any) -> None:
        self.do(lambda step: self.alerts.incident(step, kind, subject, **data))

    def acknowledge(self, alert: str, by: str = "Li") -> str | None:
        return self.do(lambda step: self.alerts.acknowledge(step, alert, by))

    def link(self) -> None:
        """The broker is back: it tells what it kept, then hears what is active."""
        self.up = True
        for name in list(self.retained):
            self.do(lambda step, name=name: self.alerts.heard(step, name.rpartition("/")[2]))
        self.do(self.alerts.linked)

    def play(self, what: str, kind: K) -> None:
        lasts = kind in BY_CAUSE
        match what:
            case "on" if lasts:
                self.condition(kind, True)
            case "on":
                self.incident(kind)
            case "off" if lasts:
                self.condition(kind, False)
            case "ack":
                self.acknowledge(kind)
            case "wait":
                self.wait(7.0)
            case "restart":
                self.start()
            case "down":
                self.up = False
            case "up":
                self.link()
            case _:
                pass

    def shown(self) -> dict[str, contract.Alert]:
        """What a guard's screen knows from the broker."""
        found: dict[str, contract.Alert] = {}
        for name, payload in self.retained.items():
            _, names, message = contract.parse(name, payload)
            assert isinstance(message, contract.Alert)
            found[names["alert"]] = message
        return found

    def types(self) -> list[str]:
        return [event.type for event in self.history]


@pytest.fixture
def device() -> Device:
    return Device()


# --- the table ------------------------------------------------------------------------------------------


def test_the_table_has_every_kind_whose_part_exists() -> None:
    assert [kind for kind in K if kind in TABLE] == NOW


@pytest.mark.parametrize("kind", NOW)
def test_every_kind_is_reported_somewhere(kind: K) -> None:
    """A row of the table that nothing asks for is an alert that never comes."""
    sources = [path.read_text() for path in EDGE.rglob("*.py") if path.name != "words.py"]
    assert any(re.search(rf"\bAlertKind\.{kind.name}\b", source) for source in sources)


def test_the_critical_kinds_are_those_of_the_contract() -> None:
    assert {kind for kind, row in TABLE.items() if row.severity is Severity.CRITICAL} == contract.CRITICAL & set(TABLE)


def test_what_is_critical_comes_without_delay_and_without_a_pause() -> None:
    for kind in contract.CRITICAL & set(TABLE) - {K.INVARIANT_BROKEN}:
        assert (TABLE[kind].delay_s, TABLE[kind].cooldown_s) == (0, 0), kind


def test_a_broken_invariant_that_was_acknowledged_is_quiet_for_a_while() -> None:
    """It is checked after every step: without a pause the next step would raise it again."""
    assert TABLE[K.INVARIANT_BROKEN].delay_s == 0
    assert TABLE[K.INVARIANT_BROKEN].cooldown_s >= 10


def test_what_has_happened_and_is_over_ends_by_a_guard_and_what_lasts_by_its_cause() -> None:
    happened = {K.FORCED_ENTRY, K.TAILGATING, K.ANTI_PASSBACK, K.COUNT_DOUBT, K.INVARIANT_BROKEN, K.TAMPER}
    assert set(BY_GUARD) == happened


@pytest.mark.parametrize("kind", TABLE)
def test_every_row_is_sensible(kind: K) -> None:
    row = TABLE[kind]
    assert 0 <= row.delay_s <= 60
    assert 0 <= row.cooldown_s <= 300
    assert 1 <= row.steps <= 9


@pytest.mark.parametrize("kind", TABLE)
def test_a_disk_that_takes_nothing_keeps_no_alert_from_the_guard(kind: K) -> None:
    recorder, alerts = Recorder(1, 0), Alerts(topic, {})

    def told(*acts: Callable[[Step], object]) -> list[bool]:
        """Raised or changed: True; cleared: False."""
        step = recorder.begin(Now(99.0, NINE))
        for act in acts:
            act(step)
        return [bool(intent.payload) for intent in recorder.finish(step) if isinstance(intent, Publish)]

    if kind in BY_CAUSE:
        begun, late = (
            (lambda step: alerts.condition(step, kind, True)),
            (lambda step: alerts.timer(step, f"alert/{kind}")),
        )
        assert told(begun, late) == [True]
        assert told(lambda step: alerts.acknowledge(step, kind, "Li")) == [True]
        assert told(lambda step: alerts.condition(step, kind, False)) == [False]
    else:
        assert told(lambda step: alerts.incident(step, kind)) == [True]
        assert told(lambda step: alerts.acknowledge(step, kind, "Li")) == [True, False]


# --- every kind -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NOW)
def test_every_kind_can_be_raised_shown_and_ended(device: Device, kind: K) -> None:
    """The audit: event, retained message, journal, and all of them gone in the end."""
    if kind in BY_CAUSE:
        device.condition(kind, True, lane="north")
        device.wait(TABLE[kind].delay_s)
    else:
        device.incident(kind, lane="north")
    (shown,) = device.shown().values()
    assert (shown.alert, shown.kind, shown.severity) == (kind, kind, TABLE[kind].severity)
    assert shown.data["lane"] == "north"
    assert list(device.saved) == [f"alert/{kind}"]
    device.acknowledge(kind)
    if kind in BY_CAUSE:
        assert device.shown()[kind].acknowledged_by == "Li"
        device.condition(kind, False)
    assert device.shown() == {}
    assert device.saved == {}
    assert device.types() == ["alert.raised", "alert.acknowledged", "alert.cleared"]
    for event in device.history:
        contract.event_data(event.type, event.data)
        assert event.data["severity"] == TABLE[kind].severity
    assert [event.data["by"] for event in device.history] == [None, "Li", "cause" if kind in BY_CAUSE else "Li"]


# --- conditions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DELAYED)
def test_a_condition_shorter_than_its_delay_is_no_alert(device: Device, kind: K) -> None:
    device.condition(kind, True)
    device.wait(TABLE[kind].delay_s - 0.1)
    device.condition(kind, False)
    device.wait(600.0)
    assert device.types() == []


@pytest.mark.parametrize("kind", DELAYED)
def test_a_condition_that_comes_back_waits_its_whole_delay_again(device: Device, kind: K) -> None:
    delay_s = TABLE[kind].delay_s
    device.condition(kind, True)
    device.wait(delay_s - 0.1)
    device.condition(kind, False)
    device.condition(kind, True)
    device.wait(delay_s - 0.1)
    assert device.types() == []
    device.wait(0.2)
    assert device.types() == ["alert.raised"]


def test_a_condition_reported_again_and_again_is_one_alert(device: Device) -> None:
    for _ in range(5):
        device.condition(K.FIRE, True)
        device.condition(K.LINK_DOWN, True)
        device.wait(5.0)
    assert device.types() == ["alert.raised", "alert.raised"]


def test_a_condition_that_never_held_does_not_end(device: Device) -> None:
    device.condition(K.FIRE, False)
    assert device.types() == []


def test_a_flickering_condition_is_one_alert_a_pause(device: Device) -> None:
    """Held open, free, held open …: after its end the kind is quiet, then says what still holds."""
    device.condition(K.HELD_OPEN, True)
    for _ in range(10):
        device.condition(K.HELD_OPEN, False)
        device.condition(K.HELD_OPEN, True)
    assert device.types() == ["alert.raised", "alert.cleared"]
    device.wait(TABLE[K.HELD_OPEN].cooldown_s + 0.1)
    assert device.types() == ["alert.raised", "alert.cleared", "alert.raised"]


def test_one_kind_has_an_alert_for_each_subject(device: Device) -> None:
    device.condition(K.READER_FAULT, True, "entry")
    device.condition(K.READER_FAULT, True, "exit")
    device.condition(K.READER_FAULT, False, "entry")
    assert list(device.shown()) == ["reader_fault-exit"]


# --- incidents --------------------------------------------------------------------------------------------


def test_incidents_while_the_alert_is_active_are_counted_in_it(device: Device) -> None:
    for number in range(3):
        device.incident(K.TAILGATING, lane="north", number=number)
    assert device.shown()["tailgating"].data == {"lane": "north", "number": 2, "count": 3}
    assert device.types() == ["alert.raised"]


def test_incidents_right_after_the_end_are_no_new_alert(device: Device) -> None:
    """21 alerts in 15 s is what others saw at the cap."""
    device.incident(K.TAILGATING)
    device.acknowledge("tailgating")
    device.incident(K.TAILGATING)
    assert device.shown() == {}
    device.wait(TABLE[K.TAILGATING].cooldown_s)
    device.incident(K.TAILGATING)
    assert device.shown()["tailgating"].data["count"] == 1


def test_a_forced_entry_is_said_each_time(device: Device) -> None:
    for _ in range(3):
        device.incident(K.FORCED_ENTRY)
        device.acknowledge("forced_entry")
    assert device.types().count("alert.raised") == 3


# --- guards -----------------------------------------------------------------------------------------------


def test_an_alert_that_is_not_active_cannot_be_acknowledged(device: Device) -> None:
    assert device.acknowledge("fire") == "no active alert fire"
    assert device.types() == []


def test_who_saw_it_first_is_kept(device: Device) -> None:
    device.condition(K.FIRE, True)
    assert device.acknowledge("fire", "Li") is None
    assert device.acknowledge("fire", "Wang") is None
    assert device.shown()["fire"].acknowledged_by == "Li"
    assert device.types() == ["alert.raised", "alert.acknowledged"]


def test_who_ended_the_cause_is_on_record(device: Device) -> None:
    device.condition(K.FEVER, True)
    device.do(lambda step: device.alerts.condition(step, K.FEVER, False, by="Li"))
    assert (device.history[-1].type, device.history[-1].data["by"]) == ("alert.cleared", "Li")


def test_a_guard_cannot_end_what_still_holds(device: Device) -> None:
    device.condition(K.FEVER, True)
    device.acknowledge("fever")
    assert "fever" in device.shown()


# --- restart and reconnection ---------------------------------------------------------------------------------


def test_an_alert_survives_a_restart_as_it_was(device: Device) -> None:
    device.condition(K.FEVER, True, card="a" * 26, estimate_c=38.1)
    device.acknowledge("fever", "Li")
    before = device.shown()
    device.retained.clear()
    device.start()
    device.do(device.alerts.linked)
    assert device.shown() == before
    device.condition(K.FEVER, True)
    assert device.types().count("alert.raised") == 1, "it is still the same alert"
    device.condition(K.FEVER, False)
    assert device.shown() == {}


def test_an_incident_after_a_restart_is_counted_on(device: Device) -> None:
    device.incident(K.FORCED_ENTRY)
    device.start()
    device.incident(K.FORCED_ENTRY)
    assert device.shown()["forced_entry"].data["count"] == 2


def test_what_ended_while_the_link_was_down_is_taken_back(device: Device) -> None:
    device.condition(K.LINK_DOWN, True)
    device.wait(TABLE[K.LINK_DOWN].delay_s)
    device.condition(K.FIRE, True)
    device.up = False
    device.condition(K.FIRE, False)
    assert "fire" in device.shown()
    device.link()
    assert list(device.shown()) == ["link_down"]


def test_what_began_while_the_link_was_down_is_told_when_it_is_back(device: Device) -> None:
    device.up = False
    device.condition(K.FIRE, True)
    device.incident(K.FORCED_ENTRY)
    assert device.shown() == {}
    device.link()
    assert set(device.shown()) == {"fire", "forced_entry"}


def test_an_alert_of_a_time_without_a_date_has_no_date(device: Device) -> None:
    device.clock.set(False)
    device.condition(K.FIRE, True)
    device.start()
    device.do(device.alerts.linked)
    assert device.shown()["fire"].raised_at is None


def test_timers_of_others_are_left_to_them(device: Device) -> None:
    assert not device.do(lambda step: device.alerts.timer(step, "lease"))


# --- any story ----------------------------------------------------------------------------------------------

kinds = st.sampled_from([K.FIRE, K.HELD_OPEN, K.LINK_DOWN, K.CLOCK_UNSET, K.TAILGATING, K.FORCED_ENTRY])
moves = st.lists(
    st.tuples(st.sampled_from(["on", "on", "off", "ack", "wait", "restart", "down", "up"]), kinds),
    min_size=20,
    max_size=60,
)


@given(moves)
def test_history_screen_and_journal_always_agree(story: list[tuple[str, K]]) -> None:
    """Raised and cleared alternate for each alert; with the link up, screen, journal and history say the same."""
    device = Device()
    for what, kind in story:
        device.play(what, kind)
    device.link()
    active: set[str] = set()
    for event in device.history:
        alert = event.data["alert"]
        if event.type == "alert.raised":
            assert alert not in active
            active.add(alert)
        else:
            assert alert in active
            active -= {alert} if event.type == "alert.cleared" else set()
    assert set(device.shown()) == set(device.alerts.active) == active
    assert {row["alert"] for row in device.saved.values()} == active
