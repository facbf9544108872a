"""Writes the lock files; with --check, sees without a network that they belong to pyproject.toml.

Each lock names in its first line the digest of the dependency tables it was made from.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The widest first: the others take its pins as constraints, so that one environment serves all.
LOCKS: dict[str, list[str]] = {
    "requirements-dev.lock": ["--all-extras", "--group=build"],
    "requirements-demo.lock": ["--extra=demo", "--group=build"],
    "requirements.lock": ["--group=build"],
}


def first_line() -> str:
    """The line that ties a lock to the dependency tables as they are now."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tables = [
        project["project"]["requires-python"],
        project["project"]["dependencies"],
        project["project"]["optional-dependencies"],
        project["dependency-groups"],
        LOCKS,
    ]
    return f"# made from {hashlib.sha256(json.dumps(tables).encode()).hexdigest()}\n"


def write(upgrade: list[str]) -> None:
    """Resolves every lock for all machines and interpreters that are supported."""
    widest = next(iter(LOCKS))
    for name, wanted in LOCKS.items():
        constraints = [] if name == widest else [f"--constraints={widest}"]
        command = [
            *(sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet"),
            *("--universal", "--python-version=3.11", "--generate-hashes"),
            *("--no-emit-index-url", "--no-emit-find-links", "--no-annotate"),
            *("--custom-compile-command=make lock", f"--output-file={name}"),
            *(wanted + constraints + upgrade),
        ]
        subprocess.run(command, cwd=ROOT, check=True)
        path = ROOT / name
        path.write_text(first_line() + path.read_text())


def faults() -> list[str]:
    """One line for each lock that is missing, outdated or tied to one machine."""
    found: list[str] = []
    for name in LOCKS:
        path = ROOT / name
        text = path.read_text() if path.exists() else ""
        if not text.startswith(first_line()):
            found.append(f"{name}: not made from this pyproject.toml; run `make lock`")
        if "://" in text:
            found.append(f"{name}: names an address; locks name packages and hashes only")
    return found


def main() -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(description="Write the lock files.")
    parser.add_argument("--check", action="store_true", help="only compare, without a network")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    wanted = parser.parse_args()
    if not wanted.check:
        write(["--upgrade"] if wanted.upgrade else [])
    found = faults()
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
