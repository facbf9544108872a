"""A command works once, in time, or not at all; each is answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.runtime.commands import ANSWERS, REMEMBERED, Answer, CommandDesk
from edge.runtime.step import Recorder, Step
from edge.runtime.vocabulary import Commit, Event, Now, Publish
from edge.site import contract
from edge.site.contract import CommandName

NINE = datetime(2026, 3, 9, 9, 0, tzinfo=UTC)
RESULTS = "gatehouse/demo/results/north"


def command(id_: str = "c1", do: str = "lockdown", *, expires: datetime = NINE + timedelta(seconds=30), **more: Any):
    body = {"id": id_, "do": do, "issued_at": NINE.isoformat(), "expires_at": expires.isoformat(), "by": "Li", **more}
    payload = contract.parse("gatehouse/demo/commands/north", json.dumps(body).encode()).payload
    assert isinstance(payload, contract.Command)
    return payload


class Device:
    """A command desk that can lock down and open once, and its journal."""

    def __init__(self) -> None:
        self.saved: dict[str, Any] = {}
        self.history: list[Event] = []
        self.results: list[contract.Result] = []
        self.worked: list[str] = []
        self.wall: datetime | None = NINE
        self.refuses: str | Answer | None = None
        self.start()

    def start(self) -> None:
        self.recorder = Recorder(1, len(self.history))
        self.desk = CommandDesk(
            RESULTS,
            {CommandName.LOCKDOWN: self.work, CommandName.OPEN_ONCE: self.work},
            json.loads(json.dumps(self.saved)),
        )

    def work(self, _: Step, command: contract.Command) -> str | Answer | None:
        self.worked.append(command.id)
        return self.refuses

    def gets(self, command: contract.Command, *, retained: bool = False, live: bool = True) -> contract.Result:
        """Hand a command over; the answer is there once it is on disk."""
        (result,) = self.hears(lambda step: self.desk.take(step, command, retained=retained, live=live))
        assert result.id == command.id
        return result

    def hears(self, what: Callable[[Step], None]) -> list[contract.Result]:
        """One step, and the answers that it leads to."""
        step = self.recorder.begin(Now(1.0, self.wall))
        what(step)
        intents = self.recorder.finish(step)
        if intents and isinstance(intents[-1], Commit):
            commit = intents.pop()
            assert isinstance(commit, Commit)
            self.history += commit.events
            for key, value in commit.puts.items():
                self.saved.pop(key, None)
                if value is not None:
                    self.saved[key] = value
            intents += self.recorder.committed(commit.number)
        found: list[contract.Result] = []
        for answer in intents:
            assert isinstance(answer, Publish)
            assert not answer.retain
            row, names, result = contract.parse(answer.topic, answer.payload)
            assert (row.name, names["device"]) == ("results", "north")
            assert isinstance(result, contract.Result)
            found.append(result)
        self.results += found
        return found


@pytest.fixture
def device() -> Device:
    return Device()


# --- once -------------------------------------------------------------------------------------------------


def test_a_command_works_is_recorded_and_is_answered(device: Device) -> None:
    assert device.gets(command()).ok
    assert device.worked == ["c1"]
    (event,) = device.history
    assert (event.type, event.data) == (
        "command.done",
        {"id": "c1", "do": "lockdown", "ok": True, "error": None, "by": "Li"},
    )
    contract.event_data(event.type, event.data)


def test_what_was_said_is_on_record_but_not_who_was_meant(device: Device) -> None:
    card = "mfrggzdfmztwq2lknnwg23tpoa"
    device.desk.learn({CommandName.RECORD_CHECK: device.work, CommandName.ADMIT: device.work})
    device.gets(command(do="record_check", card=card, contact_c=36.6))
    device.gets(command("c2", do="admit", card=card, zone="hall", people=2, note="Wang Fang"))
    check, admit = (event.data for event in device.history)
    assert (check["card"], check["contact_c"]) == (card, 36.6)
    assert (admit["card"], admit["zone"], admit["people"]) == (card, "hall", 2)
    assert "Wang Fang" not in str(admit)


def test_the_answer_waits_for_the_disk(device: Device) -> None:
    """Else a repetition after a power cut would work a second time."""
    step = device.recorder.begin(Now(1.0, NINE))
    device.desk.take(step, command(), retained=False, live=True)
    assert [type(intent) for intent in device.recorder.finish(step)] == [Commit]


def test_a_handlers_no_is_the_answer(device: Device) -> None:
    device.refuses = "somebody is walking through"
    result = device.gets(command())
    assert (result.ok, result.error) == (False, "somebody is walking through")
    assert device.history[0].data["error"] == "somebody is walking through"


def test_a_repeated_command_gets_its_first_answer_and_does_nothing(device: Device) -> None:
    first = device.gets(command())
    device.refuses = "not now"
    assert device.gets(command()) == first
    assert device.gets(command(), retained=True) == first
    assert device.worked == ["c1"]
    assert len(device.history) == 1


@pytest.mark.parametrize("refuses", [None, "the lane is in lockdown"])
def test_a_repetition_after_a_restart_gets_the_same_answer(device: Device, refuses: str | None) -> None:
    device.refuses = refuses
    first = device.gets(command())
    device.start()
    device.refuses = "another answer"
    assert device.gets(command()) == first
    assert device.worked == ["c1"]


def test_a_repetition_that_comes_after_its_expiry_is_still_only_answered(device: Device) -> None:
    first = device.gets(command())
    device.wall = NINE + timedelta(minutes=30)
    assert device.gets(command()) == first


def test_answers_are_forgotten_when_no_broker_can_repeat_the_command_any_more(device: Device) -> None:
    """A limit on everything, the journal too."""
    device.gets(command("old"))
    device.wall = NINE + REMEMBERED
    device.gets(command("in between", expires=device.wall + timedelta(seconds=30)))
    assert set(device.saved) == {"command/old", "command/in between"}
    device.wall = NINE + timedelta(seconds=31) + REMEMBERED
    device.gets(command("new", expires=device.wall + timedelta(seconds=30)))
    assert set(device.saved) == {"command/in between", "command/new"}
    assert device.gets(command("old")).error == "expired", "and even then it does not work twice"


def test_of_a_flood_the_newest_answers_are_kept(device: Device) -> None:
    """A limit on everything; also where the first would be kept the longest."""
    for number in range(ANSWERS + 2):
        device.gets(command(f"c{number}", expires=NINE + timedelta(days=9 if number == 0 else 1)))
    assert len(device.saved) == ANSWERS
    assert {"command/c0", "command/c1"}.isdisjoint(device.saved)
    device.start()
    device.gets(command("one more"))
    assert len(device.saved) == ANSWERS


def test_in_whatever_order_the_journal_gives_them_the_oldest_goes_first(device: Device) -> None:
    device.gets(command("a"))
    device.gets(command("b", expires=NINE + timedelta(hours=1)))
    device.saved = dict(reversed(device.saved.items()))
    device.start()
    device.wall = NINE + REMEMBERED + timedelta(seconds=31)
    device.gets(command("c", expires=device.wall + timedelta(seconds=30)))
    assert set(device.saved) == {"command/b", "command/c"}


def test_other_commands_are_other_commands(device: Device) -> None:
    for id_ in ("a", "b", "a/b", "#", "中"):
        assert device.gets(command(id_)).ok
    device.start()
    assert [device.gets(command(id_)).ok for id_ in ("a/b", "中")] == [True, True]
    assert device.worked == ["a", "b", "a/b", "#", "中"]


def test_a_command_that_takes_a_moment_is_answered_once_when_it_is_known(device: Device) -> None:
    """A guard admits by hand and the neighbours are asked for a place: silence, then one answer."""
    device.refuses = Answer.LATER
    for _ in range(2):
        assert device.hears(lambda step: device.desk.take(step, command(), retained=False, live=True)) == []
    assert (device.worked, device.history, device.saved) == (["c1"], [], {})
    (result,) = device.hears(lambda step: device.desk.answer(step, command(), "zone_full"))
    assert (result.ok, result.error) == (False, "zone_full")
    assert device.gets(command()) == result
    assert (device.worked, len(device.history)) == (["c1"], 1)
    device.wall = NINE + REMEMBERED + timedelta(minutes=1)
    device.gets(command("c2"))
    assert device.gets(command()).error == "expired", "long after, it is late and no longer under way"


def test_a_command_that_was_under_way_in_a_power_cut_may_be_given_again(device: Device) -> None:
    """Nothing of it was done: what it does, it does with its answer."""
    device.refuses = Answer.LATER
    device.hears(lambda step: device.desk.take(step, command(), retained=False, live=True))
    device.start()
    device.refuses = None
    assert device.gets(command()).ok


def test_parts_that_come_later_bring_their_commands(device: Device) -> None:
    assert not device.gets(command("c1", "normal")).ok
    device.desk.learn({CommandName.NORMAL: device.work})
    assert device.gets(command("c2", "normal")).ok


# --- in time ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("late_s", "error"), [(-0.001, None), (0.0, "expired"), (3600.0, "expired")])
def test_a_late_command_is_refused(device: Device, late_s: float, error: str | None) -> None:
    device.wall = NINE + timedelta(seconds=30 + late_s)
    assert device.gets(command()).error == error
    assert bool(device.worked) == (error is None)
    assert device.history[0].data["error"] == error


def test_a_refused_command_stays_refused_when_the_clock_goes_back(device: Device) -> None:
    device.wall = NINE + timedelta(minutes=1)
    device.gets(command())
    device.wall = NINE
    assert device.gets(command()).error == "expired"
    assert device.worked == []


def test_an_expiry_in_another_zone_is_the_same_moment(device: Device) -> None:
    zoned = (NINE + timedelta(seconds=30)).astimezone(datetime.fromisoformat("2026-01-01T00:00:00+08:00").tzinfo)
    device.wall = NINE + timedelta(seconds=29)
    assert device.gets(command(expires=zoned)).ok


def test_an_expiry_at_the_end_of_the_calendar_is_only_far_away(device: Device) -> None:
    """Bad input must not stop the gate."""
    for number, expires in enumerate(
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "9999-12-31T00:00:00+14:00")
    ):
        assert device.gets(command(f"c{number}", expires=datetime.fromisoformat(expires))).ok
        assert device.gets(command(f"c{number}", expires=datetime.fromisoformat(expires))).ok
    device.start()
    assert device.gets(command("later")).ok
    assert device.worked == ["c0", "c1", "c2", "later"]


def test_without_a_date_only_a_live_command_works(device: Device) -> None:
    """What the broker had kept for us while we were away may be hours old."""
    device.wall = None
    assert device.gets(command("queued"), live=False).error == "the clock is unset and this command may be late"
    assert device.gets(command("live"), live=True).ok
    assert device.worked == ["live"]


def test_with_a_date_a_queued_command_is_judged_by_its_expiry(device: Device) -> None:
    assert device.gets(command(), live=False).ok


# --- or not at all ------------------------------------------------------------------------------------------


def test_a_command_that_the_broker_kept_does_nothing(device: Device) -> None:
    """It would work again after each restart of the broker."""
    for _ in range(2):
        result = device.gets(command(), retained=True)
        assert (result.ok, result.error) == (False, "retained commands are ignored")
    assert device.worked == []
    assert device.history == []
    assert device.saved == {}


def test_a_retained_copy_does_not_use_the_command_up(device: Device) -> None:
    device.gets(command(), retained=True)
    assert device.gets(command()).ok


def test_what_a_device_cannot_do_it_says(device: Device) -> None:
    result = device.gets(command(do="supervisor_release", cabinet="uv-1", reason="sensor lost"))
    assert result.error == "this device does not know supervisor_release"
    assert device.worked == []


# --- any story ------------------------------------------------------------------------------------------------

moves = st.lists(
    st.tuples(
        st.sampled_from(["live", "live", "retained", "queued", "restart", "later", "unset", "set"]),
        st.sampled_from(["a", "b", "c"]),
    ),
    min_size=10,
    max_size=40,
)


@given(moves)
def test_no_command_ever_works_twice_or_late(story: list[tuple[str, str]]) -> None:
    device = Device()
    wall = NINE
    for what, id_ in story:
        match what:
            case "restart":
                device.start()
            case "later" if wall < NINE + REMEMBERED / 2:
                wall += timedelta(minutes=20)
                device.wall = None if device.wall is None else wall
            case "unset":
                device.wall = None
            case "set":
                device.wall = wall
            case "live" | "retained" | "queued":
                before = list(device.worked)
                device.gets(command(id_), retained=what == "retained", live=what == "live")
                if device.worked != before:
                    assert what != "retained"
                    assert device.wall is None or wall < NINE + timedelta(seconds=30)
                    assert device.wall is not None or what == "live"
            case _:
                pass
    assert len(device.worked) == len(set(device.worked))
    first: dict[str, contract.Result] = {}
    for result in device.results:
        if result.error != "retained commands are ignored":
            assert first.setdefault(result.id, result) == result, "each gets one answer, however often it asks"
