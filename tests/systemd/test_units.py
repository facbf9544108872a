"""The units of systemd: known to it, little exposed, in step with the command line and with each other."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections import defaultdict
from pathlib import Path

import pytest
import typer

from edge.cli.commands import app
from edge.settings.shared import Storage
from scripts import units
from scripts.units import PROGRAM, UNITS, faults

GATE, SITE, PAUSE = "gatehouse-gate@.service", "gatehouse-site.service", "gatehouse-pause@.service"
DAEMONS = (GATE, SITE)
WATCHDOG = UNITS.parent / "firmware_config" / "boot" / "gatehouse-watchdog.conf"

daemons = pytest.mark.parametrize("name", DAEMONS)


class Unit:
    """The options of a unit, section and name to all values in order."""

    def __init__(self, path: Path) -> None:
        self.options: dict[str, list[str]] = defaultdict(list)
        section = ""
        for line in path.read_text().splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif line and not line.startswith("#"):
                key, _, value = line.partition("=")
                self.options[f"{section}.{key}"].append(value)

    def one(self, key: str) -> str:
        (value,) = self.options[key]
        return value


def unit(name: str) -> Unit:
    return Unit(UNITS / name)


def test_the_units_that_ship_have_no_fault(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["units"])
    assert units.main() == 0
    assert capsys.readouterr().err == ""
    assert {path.name for path in UNITS.iterdir()} == {GATE, SITE, PAUSE}


@pytest.mark.parametrize(
    ("name", "good", "bad", "fault"),
    [
        (SITE, "Type=notify", "Tpye=notify", r"gatehouse-site\.service:\d+: Unknown key .*Tpye"),
        (GATE, "WatchdogSec=10", "WatchdogSec=soon", r"gatehouse-gate@\.service:\d+: Failed to parse .*soon"),
        (GATE, "Restart=always", "Restart=allways", r"gatehouse-gate@\.service:\d+: Failed to parse .*allways"),
        (SITE, PROGRAM, "/opt/elsewhere", r"gatehouse-site\.service: Command /opt/elsewhere is not executable"),
        (PAUSE, "ExecStart=", "ExecStrat=", r"gatehouse-pause@\.service:\d+: Unknown key .*ExecStrat"),
        (GATE, "CapabilityBoundingSet=\n", "", r"gatehouse-gate@\.service: exposure [3-9]\.\d, expected 2\.0 at most"),
        (SITE, "CapabilityBoundingSet=\n", "", r"gatehouse-site\.service: exposure [2-9]\.\d, expected 2\.0 at most"),
    ],
)
def test_a_broken_unit_is_found(tmp_path: Path, name: str, good: str, bad: str, fault: str) -> None:
    house = tmp_path / "systemd"
    shutil.copytree(UNITS, house)
    text = (house / name).read_text()
    assert good in text
    (house / name).write_text(text.replace(good, bad))
    found = faults(house)
    assert [line for line in found if re.fullmatch(f"{fault}.*", line)], found
    assert all("\n" not in line and str(tmp_path) not in line for line in found)


def test_faults_are_said_one_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (UNITS / SITE).read_text().replace("Type=", "Tpye=").replace("WatchdogSec=10", "WatchdogSec=soon")
    (tmp_path / SITE).write_text(text)
    monkeypatch.setattr(sys, "argv", ["units", str(tmp_path)])
    assert units.main() == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_folder_without_units_is_a_fault(tmp_path: Path) -> None:
    assert faults(tmp_path) == [f"{tmp_path}: no unit is there"]


def test_without_the_analyser_it_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["units"])
    assert units.main() == 1
    assert capsys.readouterr().err == "systemd-analyze is missing; install the packages: systemd\n"


def test_an_analyser_that_fails_without_a_word_of_ours_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyser = tmp_path / "systemd-analyze"
    analyser.write_text("#!/bin/sh\necho 'no such verb' >&2\nexit 1\n")
    analyser.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert faults(UNITS) == [
        "systemd-analyze verify: no such verb",
        *(f"{name}: systemd-analyze security: no such verb" for name in (GATE, PAUSE, SITE)),
    ]


@pytest.mark.parametrize(("name", "device"), [(GATE, "north"), (SITE, None)])
def test_the_command_line_knows_what_a_unit_starts(name: str, device: str | None) -> None:
    program, command, *arguments = shlex.split(unit(name).one("Service.ExecStart").replace("%i", "north"))
    assert program == PROGRAM
    assert arguments.pop() == "$OPTIONS"
    group = typer.main.get_command(app)
    subcommands = vars(group)["commands"]
    context = subcommands[command].make_context(command, [*arguments, "--set", "broker.username=north"])
    assert context.params["config"] == Path("/etc/gatehouse/site.toml")
    assert context.params.get("device") == device


@daemons
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("Service.Type", "notify"),
        ("Service.NotifyAccess", "main"),
        ("Service.Restart", "always"),
        ("Service.User", "gatehouse"),
        ("Service.Group", "gatehouse"),
        ("Service.StateDirectory", "gatehouse"),
        ("Service.DevicePolicy", "closed"),
        ("Service.LimitCORE", "0"),
        ("Service.CapabilityBoundingSet", ""),
        ("Service.RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"),
        ("Install.WantedBy", "multi-user.target"),
    ],
)
def test_what_a_daemon_is(name: str, option: str, value: str) -> None:
    assert unit(name).one(option) == value


@daemons
def test_journals_lie_where_the_unit_may_write(name: str) -> None:
    state = Path("/var/lib") / unit(name).one("Service.StateDirectory")
    assert Storage().directory == state
    assert unit(name).one("Service.WorkingDirectory") == "%S/gatehouse"
    assert unit(name).one("Service.ProtectSystem") == "strict"


@daemons
def test_a_process_that_hangs_is_restarted_before_the_machine(name: str) -> None:
    machine_s = int(Unit(WATCHDOG).one("Manager.RuntimeWatchdogSec"))
    assert 1 < int(unit(name).one("Service.WatchdogSec")) < machine_s <= 15


@daemons
def test_a_unit_that_cannot_start_is_tried_for_ever_at_longer_intervals(name: str) -> None:
    daemon, pause = unit(name), unit(PAUSE)
    interval_s, burst = int(daemon.one("Unit.StartLimitIntervalSec")), int(daemon.one("Unit.StartLimitBurst"))
    assert int(daemon.one("Service.RestartSec")) * burst < interval_s / 2
    assert daemon.one("Unit.OnFailure") == PAUSE.replace("@", "@%N")
    assert pause.one("Unit.OnSuccess") == "%i.service"
    assert int(pause.one("Service.ExecStart").split()[-1]) >= interval_s
    assert pause.one("Service.Type") == "oneshot"


@daemons
def test_nothing_hides_what_the_process_needs(name: str) -> None:
    """Whether the clock is set (adjtimex), the network, and for a gate its devices and the board's revision."""
    daemon = unit(name)
    allowed = daemon.options["Service.SystemCallFilter"]
    assert {"adjtimex", "clock_adjtime"} <= set(allowed[0].split())
    assert "@clock" not in allowed[1]
    hiding = {"ProtectClock", "PrivateNetwork", "IPAddressDeny"}
    if name == GATE:
        hiding |= {"PrivateDevices", "ProcSubset", "PrivateUsers", "InaccessiblePaths"}
    assert not [option for option in hiding if daemon.options[f"Service.{option}"]]


def test_a_gate_reaches_its_devices_and_no_others() -> None:
    classes = "gpiochip i2c input ttyAMA ttyS ttyUSB ttyACM"
    assert unit(GATE).options["Service.DeviceAllow"] == [f"char-{name} rw" for name in classes.split()]
    assert set(unit(GATE).one("Service.SupplementaryGroups").split()) == {"gpio", "i2c", "input", "dialout"}
    assert unit(SITE).one("Service.PrivateDevices") == "yes"
    assert unit(SITE).options["Service.DeviceAllow"] == []
