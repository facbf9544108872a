"""The demo's morning, played by its crowd and its guard before real gates in virtual time."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from edge.assembly.demo import CONFIG, HALF_DAY, START
from edge.assembly.fakes import read_stimuli
from edge.assembly.simulate import Run, Simulation
from edge.runtime.config import load
from edge.settings import Building
from edge.site.contract import BUILDING, EventMessage, parse
from edge.site.tokens import card_token
from simulators.cast import people
from simulators.crowd import Crowd
from simulators.day import setup
from simulators.guard import Guard
from simulators.scripts import Happening, Stage
from simulators.story import Story

KEY = b"gatehouse-demo"


class Morning:
    """A site in virtual time, with the people of a half-day."""

    def __init__(self) -> None:
        self.building = load(CONFIG, Building, ())
        self.site = Simulation(self.building, Run(START, for_s=HALF_DAY.closes_s + 1200), io.StringIO())
        self.site.server.server._received = self.seen
        self.story = Story("demo")
        self.lines: list[str] = []
        self.story.told = lambda line: self.lines.append(str(line))
        self.site.bench.broker.link("story", self.hear, self.story.subscriptions())
        self.inside_when_full: list[int] = []
        self.people = people(HALF_DAY)
        self.stage = Stage(self.site.bench.later)
        self.guard = Guard(self.stage, self.act, self.order)
        self.crowd = Crowd(
            self.people,
            entrances=("north", "south"),
            exits=("west",),
            stage=self.stage,
            act=self.act,
            now_s=self.site.clock.monotonic,
            card=lambda uid: card_token(KEY, uid),
            patience_s=20,
        )
        lines = [json.dumps(line) for line in setup(HALF_DAY, self.people, lambda uid: card_token(KEY, uid))]
        self.site.world.call_at(1.0, self.crowd.begin)
        self.site.play(read_stimuli(lines, self.building))

    def act(self, device: str, do: str, **keys: Any) -> None:
        line = json.dumps({"device": device, "do": do, **keys})
        for stimulus in read_stimuli([line], self.building, live=True):
            self.site.act(stimulus.device, stimulus.do, stimulus.keys)

    def order(self, device: str, payload: Mapping[str, Any]) -> None:
        expires_at = START + timedelta(seconds=self.site.clock.monotonic() + 600)
        self.site.server.act("command", {"to": device, "payload": {**payload, "expires_at": expires_at.isoformat()}})

    def hear(self, fact: Any) -> bool:
        if hasattr(fact, "topic"):
            row, names, payload = parse(fact.topic, fact.payload)
            self.story.hear(row.name, names, payload)
            if isinstance(payload, EventMessage) and payload.data.get("reason") == "zone_full":
                self.inside_when_full.append(self.story.inside(HALF_DAY.full))
        return True

    def seen(self, device: str, event: EventMessage) -> None:
        happening = Happening(device, event.type, event.data)
        self.stage.happen(happening)
        self.guard.see(happening)


@pytest.fixture(scope="module")
def morning() -> Morning:
    return Morning()


def said(morning: Morning, words: str) -> list[str]:
    return [line for line in morning.lines if words in line]


def test_whoever_came_in_has_left_and_nobody_is_counted_any_more(morning: Morning) -> None:
    assert morning.stage.playing == 0
    assert {zone: people for zone, (people, _) in morning.story.zones().items()} == dict.fromkeys(
        (BUILDING, *HALF_DAY.rooms), 0
    )
    came = [line.split()[3] for line in said(morning, " admitted")]
    left = [line.split()[3] for line in said(morning, " left") if "somebody" not in line]
    assert Counter(came) == Counter(left)
    assert len(came) >= HALF_DAY.visits - 4


def test_a_morning_has_everything_that_a_guard_must_have_seen(morning: Morning) -> None:
    for words in (
        "library closed", "room full", "another session", "no booking", "looks like a phone", "too warm, twice",
        "ALERT fever", "ALERT tailgating", "ALERT count doubt", "lane held", "led the reader aside",
        "36.9 °C: reader zkwq… may come in again", "staff",
    ):  # fmt: skip
        assert said(morning, words), words
    assert not morning.story.alerts


def test_it_begins_soon_and_shows_a_fever_and_a_full_room_within_a_minute_of_the_demo(morning: Morning) -> None:
    assert said(morning, "admitted")[0] < "08:53"
    assert said(morning, "room full")[0] < "09:20"
    assert said(morning, "ALERT fever")[0] < "09:50"


def test_nobody_is_told_that_a_room_is_full_which_is_not(morning: Morning) -> None:
    assert set(morning.inside_when_full) == {HALF_DAY.rooms[HALF_DAY.full]}


def test_the_fever_is_let_in_after_the_guard_has_checked(morning: Morning) -> None:
    told = [line[14:] for line in said(morning, "zkwq…")]
    refused, checked, admitted, left = told
    assert "refused: too warm" in refused
    assert "contact thermometer" in checked
    assert "admitted to" in admitted
    assert "left" in left


def test_the_story_names_no_card_and_readers_never_read_of_fever(morning: Morning) -> None:
    text = "\n".join(morning.lines)
    assert not any(person.uid in text or card_token(KEY, person.uid) in text for person in morning.people)
    displayed = [line.partition("“")[2] for line in morning.lines]
    assert not any("fever" in line.lower() for line in displayed)
