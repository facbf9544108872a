"""Malformed, oversized, repeated and out of order: one clear line each, and nothing changes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge.assembly.fakes import read_stimuli
from edge.cli import main
from simulators.scenario import FAULTS, Part, ScenarioError
from tests.gate.stories.story import CONFIG, LI, WANG, Story, building

LISTENERS = ("north", "site", "south", "west")
SESSION = {"id": "am", "opens": "09:00", "closes": "11:30"}
CAPS: dict[str, Any] = {"revision": 2, "building": 100, "zones": {"stacks-3": 30}, "sessions": [SESSION]}
GARBAGE = [b"", b"\x00\xff\xfe", b"{", b"null", b"[]", b'"text"', b"{}", b"[" * 100_000, b" " * (256 * 1024 + 1)]
GARBAGE_IDS = ["empty", "binary", "half", "null", "array", "text", "nothing in it", "deep", "oversized"]


def rejected(story: Story, topic: str) -> list[str]:
    """Who recorded that a message on this topic was wrong; and the day goes on: Li comes in."""
    story.booked(LI).at("09:30").north.serves(LI)
    told = story.told()
    assert len(told.events("visit.admitted")) == 1
    events = told.events("message.rejected")
    assert {line.data["topic"] for line in events} <= {f"gatehouse/demo/{topic}"}
    assert all("\n" not in line.data["error"] and 0 < len(line.data["error"]) < 400 for line in events)
    return sorted(line.device for line in events)


# --- the server's messages --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"revision": "2"},
        {"revision": 2.0},
        {"revision": True},
        {"revision": -1},
        {"building": -1},
        {"building": "many"},
        {"zones": []},
        {"zones": {"a/b": 1}},
        {"zones": {"stacks-3": 1.5}},
        {"zones": {"stacks-3": None}},
        {"sessions": None},
        {"sessions": [{**SESSION, "opens": "9:00"}]},
        {"sessions": [{**SESSION, "opens": "12:00"}]},
        {"sessions": [SESSION, {**SESSION, "id": "late", "opens": "11:00", "closes": "12:00"}]},
        {"sessions": [{**SESSION, "weekdays": [0]}]},
        {"closed_dates": ["yesterday"]},
    ],
    ids=str,
)
def test_caps_that_break_the_contract_change_nothing(story: Story, wrong: dict[str, Any]) -> None:
    story.at("09:05").line("server", "caps", payload={**CAPS, **wrong})
    assert rejected(story, "caps") == sorted(LISTENERS)


@pytest.mark.parametrize("key", ["revision", "building", "zones", "sessions"])
def test_caps_without_one_of_their_keys_change_nothing(story: Story, key: str) -> None:
    story.at("09:05").line("server", "caps", payload={name: value for name, value in CAPS.items() if name != key})
    assert rejected(story, "caps") == sorted(LISTENERS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"card": LI.uid},
        {"card": LI.card.upper()},
        {"card": None},
        {"zone": ""},
        {"zone": "*"},
        {"zone": "a#b"},
        {"people": 0},
        {"people": "1"},
        {"health": "ill"},
        {"purpose": "sleep"},
        {"code": "4711"},
        {"booking": ""},
    ],
    ids=str,
)
def test_one_wrong_booking_spoils_its_list_and_the_old_one_holds(story: Story, wrong: dict[str, Any]) -> None:
    row = {"booking": "B-9", "card": WANG.card, "zone": "stacks-3", **wrong}
    story.at("09:05").line(
        "server", "bookings", date="2026-03-09", session="am", payload={"revision": 2, "bookings": [row]}
    )
    assert rejected(story, "bookings/2026-03-09/am") == ["north", "south", "west"]


@pytest.mark.parametrize(
    "wrong", [{"from": "today"}, {"until": "2026-03-09T18:00:00"}, {"role": "king"}, {"card": "x"}, {"zones": "all"}]
)
def test_a_wrong_pass_spoils_its_list(story: Story, wrong: dict[str, Any]) -> None:
    span = {"from": "2026-03-09T07:00:00+08:00", "until": "2026-03-09T18:00:00+08:00"}
    row = {"card": WANG.card, "role": "staff", **span, **wrong}
    story.at("09:05").line("server", "passes", payload={"revision": 1, "passes": [row]})
    assert rejected(story, "passes") == ["north", "south", "west"]


@pytest.mark.parametrize("day", ["2026-02-30", "tomorrow", "20260309"])
def test_bookings_for_no_day_are_rejected(story: Story, day: str) -> None:
    story.at("09:05").line("server", "bookings", date=day, session="am", payload={"revision": 2, "bookings": []})
    assert rejected(story, f"bookings/{day}/am") == ["north", "south", "west"]


@pytest.mark.parametrize(
    "command",
    [
        {"do": "dance"},
        {"do": None},
        {"do": "open_once", "expires_at": "soon"},
        {"do": "open_once", "issued_at": 7},
        {"do": "open_once", "id": ""},
        {"do": "open_once", "id": 7},
        {"do": "admit"},
        {"do": "admit", "note": "visitor", "people": 0},
        {"do": "admit", "note": "visitor", "temperature_c": 365},
        {"do": "admit", "card": LI.uid},
        {"do": "record_check", "card": LI.card},
        {"do": "close_zone"},
        {"do": "set_count", "zone": "stacks-3", "people": -1},
        {"do": "ack_alert"},
    ],
    ids=str,
)
def test_a_wrong_command_is_rejected_and_not_answered(story: Story, command: dict[str, Any]) -> None:
    story.at("09:05").line("server", "command", to="north", payload=command)
    assert rejected(story, "commands/north") == ["north"]


# --- anybody's ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", GARBAGE, ids=GARBAGE_IDS)
@pytest.mark.parametrize("topic", ["commands/north", "readers/north", "requests/south"])
def test_garbage_on_a_topic_is_dropped_with_one_event(story: Story, topic: str, payload: bytes) -> None:
    story.at("09:05").sends(topic, payload)
    devices = rejected(story, topic)
    assert devices == (["north", "site", "west"] if topic.startswith("requests") else ["north"])


@pytest.mark.parametrize("payload", GARBAGE[1:], ids=GARBAGE_IDS[1:])
@pytest.mark.parametrize(
    "topic", ["acks/north", f"holds/{LI.card}", "grants/north", "occupancy/south", "inside/south", "zones/stacks-3"]
)
def test_garbage_that_is_kept_by_the_broker_is_dropped_too(story: Story, topic: str, payload: bytes) -> None:
    story.at("09:05").sends(topic, payload, retain=True)
    assert "north" in rejected(story, topic)


def test_an_oversized_list_of_bookings_is_dropped(story: Story) -> None:
    row = {"booking": "B" * 100, "card": WANG.card, "zone": "stacks-3"}
    many = {"revision": 2, "bookings": [row] * 24_000}
    story.at("09:05").sends("bookings/2026-03-09/am", many, retain=True)
    assert rejected(story, "bookings/2026-03-09/am") == ["north", "south", "west"]


def test_a_hold_for_another_card_than_its_topic_says_is_dropped(story: Story) -> None:
    hold = {"card": LI.card, "since": None, "by": "x", "cause": "x"}
    story.at("09:05").sends(f"holds/{WANG.card}", hold, retain=True)
    assert rejected(story, f"holds/{WANG.card}") == ["north", "south", "west"]


def test_a_card_number_in_the_wrong_place_does_not_land_in_the_history(story: Story) -> None:
    story.at("09:05").line("server", "caps", payload={**CAPS, "zones": {LI.uid: -1}})
    story.sends(f"holds/{LI.uid}", {"card": LI.card, "since": None, "by": "x", "cause": "x"}, retain=True)
    recorded = [line.data for line in story.told().events("message.rejected")]
    assert {data["topic"] for data in recorded} == {"gatehouse/demo/caps", "gatehouse/demo/holds/?"}
    assert LI.uid not in str(recorded)


def test_a_flood_of_garbage_does_not_fill_the_disk(story: Story) -> None:
    story.at("09:05")
    for _ in range(300):
        story.after(0.01).sends("commands/north", b"?")
    assert len(rejected(story, "commands/north")) == 50


# --- out of order and again -----------------------------------------------------------------------------------


def test_an_older_list_of_bookings_does_not_replace_a_newer_one(story: Story) -> None:
    newer = {"revision": 5, "bookings": [{"booking": "B-li", "card": LI.card, "zone": "stacks-4"}]}
    older = {"revision": 4, "bookings": []}
    for payload in (newer, older, newer):
        story.after(1).line("server", "bookings", date="2026-03-09", session="am", payload=payload)
    story.at("09:10").north.serves(LI)
    assert story.told().event("visit.admitted").data["zone"] == "stacks-4"


@pytest.mark.parametrize(
    "ack", [{"journal": "another", "acked_seq": 1}, {"journal": None, "acked_seq": 1}, {"acked_seq": 10**9}]
)
def test_an_ack_for_another_journal_or_beyond_the_last_event_loses_nothing(story: Story, ack: dict[str, Any]) -> None:
    story.booked(LI).at("09:05").north.link(False).at("09:10").north.serves(LI)
    first = story.told()
    own = first.retained("status/north")["journal"]
    story.at("09:12").sends("acks/north", {"journal": own, **ack}, retain=True).at("09:15").north.link(True)
    told = story.told()
    got = [line["seq"] for line in told.server_log if line["device"] == "north"]
    assert got == list(range(1, len(got) + 1))
    assert {"visit.admitted", "visit.passed"} <= {line["type"] for line in told.server_log}


def test_old_news_of_a_neighbour_changes_no_count(blank: Story) -> None:
    blank.caps(building=2, stacks_3=2).booked(LI, WANG).at("09:10").south.serves(LI)
    journal = blank.told().retained("status/south")["journal"]
    nothing = {"granted": 0, "entries": 0, "exits": 0, "released": 0, "sent": {}}
    blank.at("09:20").sends("occupancy/south", {"journal": journal, "term": 0, "zones": {"*": nothing}}, retain=True)
    blank.at("09:30").north.serves(WANG).at("09:40").west.exits(LI)
    told = blank.told()
    assert len(told.events("visit.admitted")) == 2
    assert told.event("visit.exited").data["card"] == LI.card
    assert told.kinds() == []


def test_a_keeper_of_the_past_gives_nothing(blank: Story) -> None:
    blank.caps(building=1, stacks_3=1).booked(LI, WANG).at("09:10").north.serves(LI)
    grant = {"granted": 50, "release_wanted": 0}
    blank.at("09:20").sends("grants/north", {"term": 0, "zones": {"*": grant, "stacks-3": grant}})
    blank.at("09:30").north.meets(WANG)
    assert blank.told().reasons() == ["zone_full"]


# --- scenarios --------------------------------------------------------------------------------------------------

GOOD = '{"at": 1, "device": "north", "do": "leave"}'
WRONG = {
    "{": "not JSON",
    "[1]": "expected an object",
    '{"device": "north", "do": "leave"}': "at: ",
    '{"at": -1, "device": "north", "do": "leave"}': "at: ",
    '{"at": true, "device": "north", "do": "leave"}': "at: ",
    '{"at": "2", "device": "north", "do": "leave"}': "at: ",
    '{"at": NaN, "device": "north", "do": "leave"}': "NaN",
    '{"at": 1e999, "device": "north", "do": "leave"}': "at: ",
    '{"at": 0.5, "device": "north", "do": "leave"}': "rising",
    '{"at": 2, "do": "leave"}': "device: ",
    '{"at": 2, "device": "nowhere", "do": "leave"}': "device: .*north.*south.*west",
    '{"at": 2, "device": ["north"], "do": "leave"}': "device: ",
    '{"at": 2, "device": "north"}': "do: ",
    '{"at": 2, "device": "north", "do": "dance"}': "do: .*exit.*tap",
    '{"at": 2, "device": "north", "do": {}}': "do: ",
    '{"at": 2, "device": "north", "do": "leave", "slowly": true}': "slowly",
    '{"at": 2, "device": "north", "do": "tap"}': "card: missing",
    '{"at": 2, "device": "north", "do": "tap", "card": 4}': "card: expected text",
    '{"at": 2, "device": "north", "do": "tap", "card": "04A1"}': "card: .*UID",
    '{"at": 2, "device": "north", "do": "tap", "card": "04A1B2C3D4E5Z6"}': "card: .*UID",
    '{"at": 2, "device": "north", "do": "tap", "card": "04A1B2C3", "code": "\u9a8c\u8bc1"}': "code: ",
    '{"at": 2, "device": "north", "do": "face", "skin_c": "warm"}': "skin_c: expected number",
    '{"at": 2, "device": "north", "do": "face", "skin_c": 1e300}': "skin_c: expected at most",
    '{"at": 2, "device": "north", "do": "pass", "count": 0}': "count: expected at least 1",
    '{"at": 2, "device": "north", "do": "pass", "count": 1.5}': "count: ",
    '{"at": 2, "device": "north", "do": "fire", "active": 1}': "active: expected true or false",
    '{"at": 2, "device": "north", "do": "power_cut", "for_s": -1}': "for_s: ",
    '{"at": 2, "device": "north", "do": "clock"}': "clock: ",
    '{"at": 2, "device": "north", "do": "clock", "step_s": 1, "set": false}': "clock: ",
    '{"at": 2, "device": "north", "do": "clock", "step_s": 1e300}': "step_s: ",
    '{"at": 2, "device": "north", "do": "fault", "part": "roof", "kind": "absent", "on": true}': "part: .*thermometer",
    '{"at": 2, "device": "north", "do": "fault", "part": "lock", "kind": "sad", "on": true}': "kind: .*absent.*stuck",
    '{"at": 2, "device": "north", "do": "fault", "part": "lock", "kind": "error_bit", "on": true}': (
        "kind: lock cannot be error_bit; it can be absent, stuck, intermittent"
    ),
    '{"at": 2, "device": "west", "do": "fault", "part": "thermometer", "kind": "absent", "on": true}': (
        "part: west has no thermometer; it has reader, beam, broker, disk"
    ),
    '{"at": 2, "device": "site", "do": "fault", "part": "reader", "kind": "absent", "on": true}': "site has no reader",
    '{"at": 2, "device": "server", "do": "tap", "card": "04A1B2C3"}': "do: .*bookings.*caps",
    '{"at": 2, "device": "server", "do": "caps", "payload": []}': "payload: expected object",
    '{"at": 2, "device": "server", "do": "bookings", "payload": {}}': "date: missing",
    '{"at": 2, "device": "server", "do": "bookings", "date": "2026-03-09", "session": "a/b", "payload": {}}': (
        "session: "
    ),
    '{"at": 2, "device": "server", "do": "command", "to": "nowhere", "payload": {}}': "to: .*north",
    '{"at": 2, "device": "server", "do": "caps", "payload": {"x": "\\ud800"}}': "characters",
}


@pytest.mark.parametrize(("line", "error"), WRONG.items())
def test_a_line_that_makes_no_sense_is_named_with_its_number(line: str, error: str) -> None:
    lines = ["# a comment, then nothing", "", GOOD, line, GOOD]
    with pytest.raises(ScenarioError, match=f"^line 4: .*{error}") as refused:
        list(read_stimuli(lines, building()))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("part", FAULTS)
def test_every_fault_that_a_part_can_have_can_be_played(story: Story, part: Part) -> None:
    for kind in FAULTS[part]:
        story.after(5).north.breaks(part, kind).after(5).north.mended(part, kind)
    story.told()


class Command:
    """``gatehouse simulate``, as the shell calls it."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.file = tmp_path / "scenario.jsonl"
        self.monkeypatch = monkeypatch
        self.capsys = capsys

    def __call__(self, scenario: bytes, *more: str) -> tuple[int | str | None, str, str]:
        """Its exit code, standard output and standard error."""
        self.file.write_bytes(scenario)
        words = ["gatehouse", "simulate", "--config", str(CONFIG), "--scenario", str(self.file), *more]
        self.monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as ended:
            main()
        said = self.capsys.readouterr()
        return ended.value.code, said.out, said.err


@pytest.fixture
def simulate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize("line", [b'{"at": 2, "device": "north", "do": "dance"}', b"{", b'{"at": 2, "device": "\xff"}'])
def test_the_command_says_which_line_and_exits_with_2(simulate: Command, line: bytes) -> None:
    code, out, err = simulate(b"\n# comment\n" + GOOD.encode() + b"\n" + line + b"\n")
    assert (code, out) == (2, "")
    assert "line 4: " in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "more",
    [
        ("--start", "yesterday"),
        ("--start", "2026-03-09T08:00:00"),
        ("--speed", "0"),
        ("--speed", "fast"),
        ("--for", "-1"),
        ("--for", "inf"),
        ("--seed", "x"),
        ("--scenario", "/nowhere/scenario.jsonl"),
        ("--config", "/nowhere/site.toml"),
        ("--set", "policy.unknown=1"),
        ("--unknown",),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(simulate: Command, more: tuple[str, ...]) -> None:
    code, out, err = simulate(GOOD.encode(), *more)
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_a_scenario_without_a_line_is_a_quiet_minute(simulate: Command) -> None:
    code, out, err = simulate(b"\n\n# nothing happens\n")
    assert (code, err) == (0, "")
    assert {json.loads(line)["type"] for line in out.splitlines()} == {"device.started"}


def test_a_shell_sees_the_same_exit_code(tmp_path: Path) -> None:
    (tmp_path / "scenario.jsonl").write_text("{", encoding="utf-8")
    command = [sys.executable, "-m", "edge.cli", "simulate", "--config", str(CONFIG)]
    done = subprocess.run(
        [*command, "--scenario", str(tmp_path / "scenario.jsonl")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "line 1: not JSON" in done.stderr
    assert "Traceback" not in done.stderr
