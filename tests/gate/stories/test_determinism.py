"""The same scenario, configuration, seed and start give the same transcript to the byte; another seed does not."""

from __future__ import annotations

import gc
import io
import json
import os
import subprocess
import sys
import weakref
from datetime import datetime
from pathlib import Path

import pytest

from edge.assembly.fakes import read_stimuli
from edge.assembly.simulate import Run, Simulation
from edge.site.tokens import card_token
from simulators.day import HalfDay, lines
from tests.gate.stories.story import CHEN, CONFIG, FEVERISH_C, KEY, LI, WANG, Story, Told, building


def busy_morning(seed: int = 0, start: str = "08:55") -> Story:
    """Readers, a fever, a fire, a cut cable, a power cut, a broken thermometer."""
    story = Story(start, seed=seed).caps(building=4, stacks_3=2).booked(LI, WANG, CHEN)
    story.at("09:10").north.serves(LI).at("09:11").south.meets(WANG, FEVERISH_C).after(20).south.leave()
    story.at("09:12").guard("south", "led_aside").west.link(False).at("09:13").west.exits(LI)
    story.at("09:14").north.power_cut(30).at("09:15").west.link(True).north.breaks("thermometer", "intermittent")
    story.at("09:16").north.serves(CHEN).at("09:17").north.mended("thermometer", "intermittent").after(10)
    story.north.do("fire", active=True).after(10).north.passes(2).north.do("fire", active=False)
    return story.at("09:20").guard("north", "normal").at("09:21").north.serves(CHEN)


def test_the_same_story_twice_is_the_same_to_the_byte() -> None:
    first, second = busy_morning().told(), busy_morning().told()
    assert first.transcript == second.transcript
    assert first.server_log == second.server_log


def test_another_seed_is_other_noise_in_the_same_story() -> None:
    first, second = busy_morning(seed=0).told(), busy_morning(seed=1).told()
    kinds = [[(line.device, line.type, line.name, line.on) for line in told.lines] for told in (first, second)]
    admitted = [[line.data["skin_c"] for line in told.events("visit.admitted")] for told in (first, second)]
    assert first.transcript != second.transcript
    assert sorted(map(str, kinds[0])) == sorted(map(str, kinds[1]))
    assert admitted[0] == pytest.approx(admitted[1], abs=0.12)


def test_in_scaled_real_time_the_same_happens() -> None:
    story = Story("09:00").caps().booked(LI)
    story.after(3).north.serves(LI)
    told = story.told()
    out = io.StringIO()
    simulation = Simulation(story.building, Run(story.start, speed=10.0, for_s=8.0), out)
    simulation.play(read_stimuli(story.scenario(), story.building))
    again = Told(story, simulation, out.getvalue(), "", [])
    kinds = [{(line.device, line.type, line.name, line.on) for line in each.lines} for each in (told, again)]
    assert kinds[0] == kinds[1]


def test_ids_and_journals_come_from_the_seed() -> None:
    journals = [
        {told.retained(f"status/{gate}")["journal"] for gate in ("north", "south", "west", "site")}
        for told in (busy_morning(seed=seed).told() for seed in (3, 3, 4))
    ]
    assert journals[0] == journals[1]
    assert journals[0].isdisjoint(journals[2])
    assert len(journals[0]) == 4


def test_a_simulation_that_is_over_leaves_nothing_behind() -> None:
    told = busy_morning().told()
    devices = [weakref.ref(device) for device in told.simulation.devices.values()]
    del told
    gc.collect()
    assert [device() for device in devices] == [None] * 4


def test_a_whole_half_day_is_the_same_to_the_byte() -> None:
    day = [json.dumps(line) for line in lines(HalfDay(visits=60), lambda uid: card_token(KEY, uid))]
    transcripts: list[str] = []
    for _ in range(2):
        out = io.StringIO()
        simulation = Simulation(building(), Run(datetime.fromisoformat("2026-03-09T08:00:00+08:00")), out)
        simulation.play(read_stimuli(day, building()))
        transcripts.append(out.getvalue())
    assert transcripts[0] == transcripts[1]
    assert transcripts[0].count("visit.admitted") > 40


def test_what_is_on_at_the_end_stays_on(tmp_path: Path) -> None:
    """A process that ends lets go of its fake pins; that is no part of the story."""
    fire = {"at": 1, "device": "north", "do": "fire", "active": True}
    (tmp_path / "scenario.jsonl").write_text(json.dumps(fire), encoding="utf-8")
    command = [sys.executable, "-m", "edge.cli", "simulate", "--config", str(CONFIG)]
    command += ["--set", 'devices.south.lock.fail="safe"', "--scenario", str(tmp_path / "scenario.jsonl")]
    done = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True)
    lock = [line for line in map(json.loads, done.stdout.splitlines()) if line.get("name") == "lock"]
    assert [(line["device"], line["at"], line["on"]) for line in lock] == [
        ("south", 0.0, True), ("south", 0.0, False), ("north", 1.0, True)
    ]  # fmt: skip
    assert done.stderr == ""


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_command_writes_the_same_bytes_in_every_process(tmp_path: Path, hash_seed: str) -> None:
    story = busy_morning()
    (tmp_path / "scenario.jsonl").write_text("\n".join(story.scenario()), encoding="utf-8")
    command = [
        sys.executable, "-m", "edge.cli", "simulate", "--config", str(CONFIG),
        "--scenario", str(tmp_path / "scenario.jsonl"), "--start", story.start.isoformat(),
        "--transcript", str(tmp_path / "transcript.jsonl"), "--server-log", str(tmp_path / "server.jsonl"),
    ]  # fmt: skip
    subprocess.run(command, check=True, timeout=60, env={**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": "UTC"})
    once = io.StringIO()
    simulation = Simulation(story.building, Run(story.start), once)
    simulation.play(read_stimuli(story.scenario(), story.building))
    assert (tmp_path / "transcript.jsonl").read_text(encoding="utf-8") == once.getvalue()
    assert (tmp_path / "server.jsonl").read_text(encoding="utf-8").count("\n") > 20
