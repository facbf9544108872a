"""The documents say what is there: they are up to date, their links lead somewhere, their examples run."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from edge.runtime.texts import catalogue
from edge.site.contract import parse
from scripts.generate_docs import DETAILS, outdated
from simulators.scenario import ANY, GATE, SERVER

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "firmware_config").rglob("*.md")])
TAP = ROOT / "docs" / "the_way_of_a_tap.md"

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*) ?([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"`((?:edge|drivers|simulators|scripts)/[\w/]+\.py):([\w.]+)`")
CODE = re.compile(r"`([^`\n]+)`")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


class Block(NamedTuple):
    """A fenced block; its first words say what the test does with it.

    ``file=NAME`` writes it, ``run`` runs it in the shell, ``fails=N`` runs it and expects that code,
    ``prints`` compares it with what the last run printed (line by line, in order; ``…`` is anything),
    ``topic=TOPIC`` reads it as a message of the contract.
    """

    does: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(does.strip(), text) for _, does, text in FENCE.findall(page.read_text(encoding="utf-8"))]


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


# --- generated -----------------------------------------------------------------------------------


def test_what_is_generated_is_up_to_date() -> None:
    assert sorted(outdated()) == [], "run: make docs"


def test_every_narrowed_denial_is_in_the_generated_table() -> None:
    details = {detail for row in DETAILS.values() for detail in row}
    said = {str(message.id).removeprefix("deny.") for message in catalogue("en") if str(message.id).startswith("deny.")}
    page = (ROOT / "docs" / "denials.md").read_text(encoding="utf-8")
    assert details <= said
    assert all(re.search(rf"`{key}`|, {key.replace('_', ' ')} \|", page) for key in said)


# --- links and names -----------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get on GitHub."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pages
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@cache
def names(path: Path) -> frozenset[str]:
    """Everything that a module defines: ``name``, ``Class``, ``Class.name``."""

    def defined(body: list[ast.stmt], before: str) -> Iterator[str]:
        for node in body:
            match node:
                case ast.FunctionDef(name=name):
                    yield before + name
                case ast.ClassDef(name=name):
                    yield before + name
                    yield from defined(node.body, f"{before}{name}.")
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                    yield before + name
                case _:
                    pass

    return frozenset(defined(ast.parse(path.read_text(encoding="utf-8")).body, ""))


@pages
def test_every_place_in_the_code_that_is_named_exists(page: Path) -> None:
    for file, name in PLACE.findall(prose(page)):
        assert (ROOT / file).is_file(), file
        assert name in names(ROOT / file), f"{file}:{name}"


@pages
def test_every_file_that_is_named_exists(page: Path) -> None:
    for code in CODE.findall(prose(page)):
        if re.fullmatch(r"(edge|drivers|simulators|scripts|docs|firmware_config|tests|systemd)/[\w/.-]*", code):
            assert (ROOT / code).exists(), code


def test_the_way_of_a_tap_names_no_fact_and_no_intent_that_is_not_there() -> None:
    modules = [path for folder in ("edge", "drivers") for path in (ROOT / folder).rglob("*.py")]
    known = {name for module in modules for name in names(module)}
    named = {code for code in CODE.findall(prose(TAP)) if re.fullmatch(r"(?:[A-Z][a-z]+){1,4}", code)}
    assert len(named) > 20
    assert named - known == set()


# --- examples ------------------------------------------------------------------------------------


def run(command: str, directory: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=directory,
        env={**os.environ, "PATH": path, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def wildcard(line: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in line.strip().split("…")))


EXAMPLES = [page for page in PAGES if any(block.does for block in blocks(page))]


@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_example_runs_and_prints_what_the_page_says(page: Path, tmp_path: Path) -> None:
    (tmp_path / "firmware_config").symlink_to(ROOT / "firmware_config")
    printed: list[str] = []
    for block in blocks(page):
        word, _, value = block.does.partition("=")
        match word:
            case "":
                pass
            case "file":
                (tmp_path / value).write_text(block.text, encoding="utf-8")
            case "run" | "fails":
                done = run(block.text, tmp_path)
                assert done.returncode == int(value or 0), done.stderr
                printed = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
            case "prints":
                rest = iter(printed)
                for line in block.text.splitlines():
                    assert any(wildcard(line).fullmatch(got) for got in rest), (line, printed)
            case "topic":
                assert parse(value, block.text.encode()).payload is not None
            case _:
                pytest.fail(f"no test knows {block.does}")


def test_the_recipe_for_scenarios_knows_every_word() -> None:
    page = (ROOT / "docs" / "recipes" / "write_a_scenario.md").read_text(encoding="utf-8")
    for word in (*GATE, *ANY, *SERVER):
        assert f"`{word}`" in page, word
