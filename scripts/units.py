"""Sees with systemd's own eyes that its units are good: known options, programs, exposure.

One line a fault, on standard error. The units name the program where it is installed; here something
else stands in for it, since this machine need not have it there.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNITS = ROOT / "systemd"

PROGRAM = "/opt/gatehouse/.venv/bin/gatehouse"
"""Where docs/recipes/first_gate.md installs it."""

EXPOSURE = 2.0
"""The most that a unit may have, of 10; see ``systemd-analyze security``."""

ANALYZE = "systemd-analyze"
PLAIN = {"LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
OVERALL = re.compile(r"Overall exposure level for \S+: ([\d.]+)")


def _ask(verb: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | PLAIN | {"SYSTEMD_UNIT_PATH": f"{directory}:"}  # the colon: and the system's own
    return subprocess.run([ANALYZE, *verb], env=environment, capture_output=True, text=True, check=False)


def _wrong(units: list[Path], directory: Path) -> list[str]:
    """What systemd says of our units; what it says of the machine's own is not ours."""
    asked = _ask(["verify", "--man=no", *map(str, units)], directory)
    ours = [re.split(r"@?\.", unit.name)[0] for unit in units]
    said = [line.replace(f"{directory}/", "") for line in asked.stderr.splitlines()]
    found = list(dict.fromkeys(line for line in said if any(name in line for name in ours)))
    if asked.returncode and not found:
        found = [f"{ANALYZE} verify: {said[-1] if said else f'ended with {asked.returncode}'}"]
    return found


def _exposed(unit: Path, directory: Path) -> list[str]:
    asked = _ask(["security", "--offline=true", f"--threshold={EXPOSURE * 10:.0f}", str(unit)], directory)
    overall = OVERALL.search(asked.stdout)
    if overall is None:
        said = asked.stderr.splitlines()
        return [f"{unit.name}: {ANALYZE} security: {said[-1] if said else f'ended with {asked.returncode}'}"]
    return [f"{unit.name}: exposure {overall[1]}, expected {EXPOSURE} at most"] if asked.returncode else []


def faults(units: Path) -> list[str]:
    """One line for each fault of the units in a folder."""
    if shutil.which(ANALYZE) is None:
        return [f"{ANALYZE} is missing; install the packages: systemd"]
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        copies: list[Path] = []
        for unit in sorted(units.glob("*.service")):
            copies.append(directory / unit.name)
            copies[-1].write_text(unit.read_text().replace(f"{PROGRAM} ", f"{sys.executable} "))
        if not copies:
            return [f"{units}: no unit is there"]
        return _wrong(copies, directory) + [fault for unit in copies for fault in _exposed(unit, directory)]


def main() -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(description="Check the units of systemd.")
    parser.add_argument("units", nargs="?", type=Path, default=UNITS, help="their folder")
    found = faults(parser.parse_args().units)
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
