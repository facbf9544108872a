"""`scripts/need` on machines of all kinds: it installs what is missing, or says in one line what to install.

The script is the real one, in a house of its own: ``/usr/sbin`` is a directory of the test, and PATH holds what the
machine has. Nothing is installed, nobody becomes root.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from shutil import which

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "need"
PATIENCE_S = 20
INSTALL = "-qq -y -o DPkg::Lock::Timeout=120 install --no-install-recommends"
REAL = ("sh", "chmod", "rm", "cat", "touch", "true")
"""Programs that every machine has; what matters of the rest is made by `Machine.program`."""

APT = """\
[ "$(id -u)" = 0 ] || [ -n "$SUDO" ] || exit 100
echo "noise"; echo "more noise" >&2
echo "$DEBIAN_FRONTEND: $*" >>"$HOUSE/apt.log"
cat  # asks a question; where nobody can answer that must not wait
case "$*" in *update) touch "$HOUSE/updated"; exit 0 ;; esac
if [ -e "$SBIN/policy-rc.d" ]; then "$SBIN/policy-rc.d"; echo "services: $?" >>"$HOUSE/apt.log"; fi
"""
BRINGS = 'shift 6; for package; do echo "#!/bin/sh" >"$HOUSE/bin/$package"; chmod +x "$HOUSE/bin/$package"; done'
ARCHIVES = {
    "good": BRINGS,
    "old lists": '[ -e "$HOUSE/updated" ] || exit 100\n' + BRINGS,
    "unreachable": "exit 100",
    "of another system": "exit 0",
}
"""What apt-get does when it is to install something."""

NO_SERVICE = "services: 101"
"""What a package is told that asks whether its service may start."""


class Machine:
    """A Debian with nothing in it.

    Args:
        house: all that it can see.
    """

    def __init__(self, house: Path) -> None:
        self.house = house
        self.bin, self.sbin = house / "bin", house / "sbin"
        for directory in (self.bin, self.sbin):
            directory.mkdir()
        for name in REAL:
            (self.bin / name).symlink_to(str(which(name)))
        self.script = house / "need"
        self.script.write_text(SCRIPT.read_text().replace("/usr/sbin", str(self.sbin)))
        self.user(0)

    def program(self, name: str, *lines: str) -> None:
        program = self.bin / name
        program.write_text("\n".join(("#!/bin/sh", *lines)))
        program.chmod(0o755)

    def user(self, number: int) -> None:
        self.program("id", f"echo {number}")

    def has_sudo(self, *, password: bool = False) -> None:
        """It asks for a password, or does as told."""
        self.program("sudo", '[ "$1" = -n ] || exit 3; shift', "exit 1" if password else 'SUDO=yes exec "$@"')

    def has_apt(self, archive: str = "good") -> None:
        self.program("apt-get", APT, ARCHIVES[archive])

    def need(self, *things: str, **environment: str) -> subprocess.CompletedProcess[str]:
        places = {"PATH": str(self.bin), "HOUSE": str(self.house), "SBIN": str(self.sbin)}
        nobody, terminal = os.pipe()  # open, as a terminal is at which nobody types
        try:
            return subprocess.run(
                [str(which("bash")), str(self.script), *things],
                env={**places, **environment},
                stdin=nobody,
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                check=False,
            )
        finally:
            os.close(nobody)
            os.close(terminal)

    def asked_of_apt(self) -> list[str]:
        log = self.house / "apt.log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def missing(thing: str, packages: str) -> str:
    return f"{thing} is missing; install the packages: {packages}\n"


def installing(packages: str) -> str:
    return f"Installing from the distribution: {packages}\n"


def installs(packages: Iterable[str]) -> list[str]:
    return [line for package in packages for line in (f"noninteractive: {INSTALL} {package}", NO_SERVICE)]


def test_the_script_names_the_only_place_that_the_test_moves() -> None:
    """Else the house would not be closed."""
    text = SCRIPT.read_text()
    assert "/usr/sbin" in text
    assert {word for word in text.replace('"', " ").split() if word.startswith("/") and "usr/sbin" not in word} <= {
        "/dev/null"
    }


def test_what_nobody_knows_is_refused(machine: Machine) -> None:
    machine.has_apt()
    done = machine.need("mosquito")
    expected = "need: mosquito: unknown; expected make, mosquitto, systemd, venv or compiler\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", expected)


@pytest.mark.parametrize("word", ["HUP", "INT", "TERM"])
def test_whoever_gives_up_waiting_leaves_no_policy_behind(machine: Machine, word: str) -> None:
    machine.has_apt()
    machine.program("apt-get", f'kill -{word} "$PPID"; exit 100')
    assert machine.need("mosquitto").returncode != 0
    assert not (machine.sbin / "policy-rc.d").exists()


@pytest.mark.parametrize("directory", ["bin", "sbin"])
def test_what_is_there_is_not_installed(machine: Machine, directory: str) -> None:
    """Brokers live where a user's PATH does not look."""
    machine.has_apt()
    machine.program("make")
    machine.program("mosquitto")
    (machine.bin / "mosquitto").rename(machine.house / directory / "mosquitto")
    done = machine.need("make", "mosquitto")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.asked_of_apt() == []


@pytest.mark.parametrize("user", [0, 1000])
def test_what_is_missing_is_installed_and_that_is_said(machine: Machine, user: int) -> None:
    machine.has_apt()
    machine.user(user)
    if user:
        machine.has_sudo()
    done = machine.need("mosquitto", "make")
    assert (done.returncode, done.stdout, done.stderr) == (0, installing("mosquitto") + installing("make"), "")
    assert machine.asked_of_apt() == installs(["mosquitto", "make"])


def test_old_lists_of_packages_are_brought_up_to_date(machine: Machine) -> None:
    machine.has_apt("old lists")
    done = machine.need("mosquitto")
    assert (done.returncode, done.stdout, done.stderr) == (0, installing("mosquitto"), "")
    (again,) = {line for line in machine.asked_of_apt() if "install" in line}
    assert machine.asked_of_apt() == [again, NO_SERVICE, "noninteractive: -qq update", again, NO_SERVICE]


@pytest.mark.parametrize("archive", ["unreachable", "of another system"])
def test_where_installing_does_not_help_one_line_says_what_to_install(machine: Machine, archive: str) -> None:
    machine.has_apt(archive)
    done = machine.need("mosquitto", "make")
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        installing("mosquitto") + installing("make"),
        "mosquitto, make are missing; install the packages: mosquitto make\n",
    )


@pytest.mark.parametrize("sudo", ["none", "asks for a password"])
def test_who_may_not_install_is_told_what_to_install_and_nothing_is_tried(machine: Machine, sudo: str) -> None:
    machine.has_apt()
    machine.user(1000)
    if sudo != "none":
        machine.has_sudo(password=True)
    done = machine.need("mosquitto")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", missing("mosquitto", "mosquitto"))
    assert machine.asked_of_apt() == []


def test_another_distribution_is_told_what_to_install(machine: Machine) -> None:
    done = machine.need("mosquitto")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", missing("mosquitto", "mosquitto"))


@pytest.mark.parametrize("archive", ARCHIVES)
def test_no_service_starts_and_later_ones_may(machine: Machine, archive: str) -> None:
    machine.has_apt(archive)
    machine.need("mosquitto")
    assert NO_SERVICE in machine.asked_of_apt()
    assert not (machine.sbin / "policy-rc.d").exists()


def test_the_policy_of_the_machine_is_kept(machine: Machine) -> None:
    machine.has_apt()
    policy = machine.sbin / "policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 42\n")
    policy.chmod(0o755)
    assert machine.need("mosquitto").returncode == 0
    assert "services: 42" in machine.asked_of_apt()
    assert policy.read_text() == "#!/bin/sh\nexit 42\n"


# --- Python and its compiler --------------------------------------------------------------------------------

ELSEWHERE = """
import os, platform, sys, sysconfig
platform.machine = lambda: os.environ["MACHINE"]
sys.version_info = tuple(map(int, os.environ["VERSION"].split(".")))
sysconfig.get_path = lambda name: os.environ["INCLUDE"]
sys.modules["ensurepip"] = sys if os.environ["PIP"] == "yes" else None
"""
"""Makes this interpreter that of another machine."""


def python(machine: Machine, *, on: str = "x86_64", version: str = "3.11", pip: bool = True) -> dict[str, str]:
    """The environment in which the machine's Python is another."""
    module = machine.house / "sitecustomize.py"
    module.write_text(ELSEWHERE)
    places = {"PYTHONPATH": str(machine.house), "INCLUDE": str(machine.house), "PYTHON": sys.executable}
    return {**places, "MACHINE": on, "VERSION": version, "PIP": "yes" if pip else "no"}


@pytest.mark.parametrize(
    ("version", "pip", "good"), [("3.11", True, True), ("3.10", True, False), ("3.13", False, False)]
)
def test_python_must_be_new_enough_and_able_to_make_environments(
    machine: Machine, version: str, pip: bool, good: bool
) -> None:
    done = machine.need("venv", **python(machine, version=version, pip=pip))
    said = "" if good else missing("Python >= 3.11 with venv", "python3 python3-venv")
    assert (done.returncode, done.stdout, done.stderr) == (int(not good), "", said)


@pytest.mark.parametrize(
    ("on", "version", "there", "good"),
    [
        ("x86_64", "3.12", [], True),  # wheels for all
        ("x86_64", "3.13", ["cc", "Python.h"], False),
        ("x86_64", "3.13", ["cc", "Python.h", "swig"], True),
        ("aarch64", "3.11", [], False),
        ("aarch64", "3.11", ["cc"], False),
        ("aarch64", "3.11", ["Python.h"], False),
        ("aarch64", "3.11", ["cc", "Python.h"], True),
    ],
)
def test_a_compiler_is_needed_where_there_are_no_wheels(
    machine: Machine, on: str, version: str, there: list[str], good: bool
) -> None:
    for name in there:
        machine.program(name)
    if "Python.h" in there:
        (machine.bin / "Python.h").rename(machine.house / "Python.h")
    done = machine.need("compiler", **python(machine, on=on, version=version))
    said = "" if good else missing("A C compiler for Python extensions", "gcc libc6-dev python3-dev swig")
    assert (done.returncode, done.stdout, done.stderr) == (int(not good), "", said)
