"""The story's screen: it fits, it says what matters, and what is told stays long enough to be read."""

from __future__ import annotations

import io
from datetime import datetime

import pytest
from rich.console import Console

from edge.site.contract import (
    Alert,
    AlertKind,
    Caps,
    EventMessage,
    LaneStatus,
    LaneText,
    Mode,
    Occupancy,
    Reason,
    Severity,
    ZoneRow,
)
from simulators.screen import Screen
from simulators.story import Story

NOW = datetime.fromisoformat("2026-03-09T09:12:00+08:00")


class Desk:
    """A screen whose clock and lanes a test moves."""

    def __init__(self) -> None:
        self.real_s = 0.0
        self.story = Story("demo")
        self.screen = Screen(
            self.story,
            ["north", "south", "west"],
            title="A library",
            speed=75,
            now=lambda: NOW,
            real_s=lambda: self.real_s,
        )

    def lane(self, name: str, state: str, text: str = "Please walk.", reason=None, mode: Mode = Mode.NORMAL) -> None:
        status = LaneStatus(mode=mode, state=state, step=None, reason=reason, text=LaneText(zh="请", en=text))
        self.story.hear("lanes", {"device": name}, status)
        self.screen.watch(name, status)

    def picture(self, width: int = 80, height: int = 24) -> list[str]:
        console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
        with console.capture() as capture:
            console.print(self.screen, end="")
        return capture.get().splitlines()

    def row(self, name: str) -> str:
        return next(line for line in self.picture() if line.strip().startswith(name))


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    caps = Caps(revision=1, building=50, zones={"stacks-3": 12, "student-reading": 18, "stacks-4": 8}, sessions=())
    desk.story.hear("caps", {}, caps)
    rows = {
        "*": ZoneRow(granted=50, entries=21, exits=1, released=0),
        "stacks-4": ZoneRow(granted=8, entries=8, exits=0, released=0),
    }
    desk.story.hear("occupancy", {"device": "north"}, Occupancy(journal="a", term=1, zones=rows))
    for lane in ("north", "south", "west"):
        desk.lane(lane, "idle")
    return desk


def event(seq: int, type_: str, **data) -> EventMessage:
    return EventMessage(journal="a", seq=seq, id=f"a-{seq}", at=NOW, boot=1, mono_s=1.0, type=type_, data=data)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 40), (160, 50), (60, 20)])
def test_it_fits(desk: Desk, width: int, height: int) -> None:
    for seq in range(1, 100):
        denied = event(seq, "visit.denied", card="abcdefgh", reason="no_mask" * 9, estimate_c=36.5)
        desk.story.hear("events", {"device": "north"}, denied)
    picture = desk.picture(width, height)
    assert len(picture) == height
    assert all(len(line) <= width for line in picture)


def test_rooms_are_bars_against_their_caps(desk: Desk) -> None:
    assert desk.row("stacks-4").split()[:3] == ["stacks-4", "████████", "8/8"]
    assert desk.row("stacks-3").split()[:3] == ["stacks-3", "░" * 12, "0/12"]
    assert "20/50" in desk.row("whole building")


def test_alerts_stand_on_the_right_the_critical_first(desk: Desk) -> None:
    assert "none" in desk.picture()[2]
    for kind, severity in ((AlertKind.TAILGATING, Severity.WARNING), (AlertKind.FEVER, Severity.CRITICAL)):
        alert = Alert(alert=kind, kind=kind, severity=severity, raised_at=NOW, acknowledged_by=None, data={})
        desk.story.hear("alerts", {"device": "north", "alert": kind}, alert)
    assert [line[49:].strip() for line in desk.picture()[2:4]] == ["fever, north", "tailgating, north"]
    desk.story.hear("alerts", {"device": "north", "alert": "fever"}, None)
    assert "tailgating" in desk.picture()[2]


def test_a_refusal_can_be_read_though_the_lane_is_idle_again(desk: Desk) -> None:
    desk.lane("north", "idle", "The room is full.", Reason.ZONE_FULL)
    desk.lane("north", "checking", "Please hold still.")
    desk.lane("north", "open", "Welcome!")
    assert "refused" in desk.row("north")
    assert "“The room is full.”" in desk.row("north")
    desk.real_s = 5.0
    assert "“Welcome!”" in desk.row("north")


def test_an_open_lane_can_be_seen(desk: Desk) -> None:
    desk.lane("north", "open", "Welcome!")
    desk.lane("north", "idle", "Please hold your card.")
    assert "“Welcome!”" in desk.row("north")
    desk.real_s = 5.0
    assert "“Please hold your card.”" in desk.row("north")


def test_an_alarm_shows_at_once(desk: Desk) -> None:
    desk.lane("north", "open", "Welcome!")
    desk.lane("north", "released", "The gate is open.", mode=Mode.RELEASED)
    assert "released" in desk.row("north")


def test_a_lanes_line_counts_what_it_did(desk: Desk) -> None:
    for seq, type_ in enumerate(["visit.passed", "visit.passed", "visit.denied"], start=1):
        data = {"card": "abcdefgh", "reason": "no_booking"} if type_ == "visit.denied" else {"visit": "v"}
        desk.story.hear("events", {"device": "north"}, event(seq, type_, **data))
    assert desk.row("north").split()[-4:] == ["2", "in", "1", "refused"]
    assert "in" not in desk.row("south").split()


def test_an_exit_shows_that_somebody_leaves(desk: Desk) -> None:
    """A way out has nothing to open, so no sign of its own changes."""
    assert desk.row("west").split()[1] == "ready"
    desk.story.hear("events", {"device": "west"}, event(1, "visit.exited", visit=None, card=None, zone=None))
    assert desk.row("west").split()[1:3] == ["way", "out"]
    assert desk.row("west").split()[-2:] == ["1", "out"]
    desk.real_s = 5.0
    assert desk.row("west").split()[1] == "ready"


def test_a_line_that_does_not_fit_leaves_out_what_the_display_says(desk: Desk) -> None:
    why = "refused: booked for another session"
    desk.story.say(NOW, "south", f"reader abcd… {why} – “Your booking is for another session; please come back then.”")
    assert desk.picture(80)[-1].rstrip().endswith(why)
    assert "please come back then.”" in "\n".join(desk.picture(160, 50))


def test_an_event_that_is_sent_again_is_told_once(desk: Desk) -> None:
    for _ in range(2):
        desk.story.hear("events", {"device": "west"}, event(1, "visit.exited", visit=None, card=None, zone=None))
    assert [str(line) for line in desk.story.lines] == ["09:12  west   somebody left"]
