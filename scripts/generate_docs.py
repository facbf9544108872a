"""Writes the documents that follow from the code; with --check, names those that are out of date."""

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from inspect import getdoc
from io import StringIO
from pathlib import Path
from typing import Any

from edge.gate import lane
from edge.gate.admission import RULES
from edge.runtime import alerts
from edge.runtime.texts import LANGUAGES, text
from edge.settings import Building
from edge.site import asyncapi
from edge.site.contract import Reason

ROOT = Path(__file__).resolve().parent.parent

# How a reason's text is narrowed on the display (`edge.gate.reception`), and reasons that nothing gives yet.
DETAILS: dict[Reason, tuple[str, ...]] = {
    Reason.HELD: ("card_held",),
    Reason.UNKNOWN_CARD: ("phone",),
    Reason.WRONG_CODE: ("code_pause",),
    Reason.TEMPERATURE_INVALID: ("too_cold",),
}
LATER = {Reason.NO_MASK}

# The patterns of `edge.settings` in words.
PATTERNS = {
    r"^[a-z0-9][a-z0-9-]{0,31}$": "name: up to 32 of a-z, 0-9 and -",
    r"^[^\s:/]+:\d{1,5}$": "`host:port`",
}


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *([str(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def page(source: str, title: str, *parts: str) -> str:
    """A page that says where it comes from."""
    written = f"<!-- Written by `make docs`; change {source} instead. -->\n"
    return "\n".join([written, f"# {title}\n", *(part.rstrip() + "\n" for part in parts)])


# --- the lane ------------------------------------------------------------------------------------


def lane_page() -> str:
    """The lane's table, drawn and in full."""
    columns = lane.TRANSITIONS.values()
    cells = ([f"**{trigger}**", *(_cell(column[trigger]) for column in columns)] for trigger in lane.Trigger)
    modes = ((mode, state, trigger) for mode, (state, trigger) in lane.AT_REST.items())
    return page(
        "edge/gate/lane.py",
        "The lane",
        getdoc(lane) or "",
        "## Drawn\n\nWithout the rows that lead back to where they began.",
        f"```mermaid\n{lane.diagram()}```",
        "## In full\n\nA column a state, a row a trigger. `→ state`: where it leads, then what is done on the way, in\n"
        "order. `·`: nothing happens.",
        table(["", *lane.TRANSITIONS], cells),
        "## Modes\n\nThe strongest first. Many causes may ask for modes; the strongest decides where the lane rests.",
        table(["mode", "the lane rests in", "it is told by"], modes),
    )


def _cell(row: lane.Row | None) -> str:
    if row is None:
        return "·"
    return f"→ {row.to}" + (f": {', '.join(row.actions)}" if row.actions else "")


# --- the configuration ---------------------------------------------------------------------------

Schema = Mapping[str, Any]


def configuration_page() -> str:
    """Every key of a site's file, from the models' JSON schema."""
    schema = Building.model_json_schema()
    models: Schema = schema["$defs"]
    places: dict[str, list[str]] = {}
    _find(schema, "", models, places)
    return page(
        "edge/settings",
        "Configuration",
        "One TOML file serves all devices of a building. An unknown key is an error; `gatehouse check-config FILE`\n"
        "says in one line each what is wrong: file, key, what was expected. `--set KEY=VALUE` overrides a key on the\n"
        "command line, by its dotted name: `--set policy.passage_s=8`, `--set devices.north.readers.0.sends=decimal`.\n"
        "A relative path starts at the working directory, except where it says otherwise.",
        *(part for model, where in places.items() for part in _section(where, models[model])),
    )


def _find(schema: Schema, at: str, models: Schema, places: dict[str, list[str]]) -> None:
    """Where each model stands, in the order of the file."""
    for key, field in schema["properties"].items():
        name = re.search(r'"#/\$defs/(\w+)"', json.dumps(field))
        if name:
            path = f"{at}{key}" + {"object": ".NAME", "array": ".N"}.get(field.get("type", ""), "")
            places.setdefault(name[1], []).append(path)
            _find(models[name[1]], f"{path}.", models, places)


def _section(where: list[str], model: Schema) -> Iterator[str]:
    yield f"## {', '.join(f'`{place}`' for place in (where[0], *(each.split('.')[-1] for each in where[1:])))}"
    yield re.sub(r"^`[^:]*: (.)", lambda found: found[1].upper(), _prose(model["description"]))
    required = model.get("required", ())
    yield table(
        ["key", "type", "default", "what it is"],
        (
            [f"`{key}`", _type(field), _default(key, field, key in required), _prose(field.get("description", ""))]
            for key, field in model["properties"].items()
        ),
    )


def _prose(docstring: str) -> str:
    return " ".join(docstring.replace("``", "`").split())


def _type(field: Schema) -> str:
    """Type and bounds in words."""
    if "anyOf" in field:
        return _type(next(each for each in field["anyOf"] if each.get("type") != "null"))
    if "enum" in field or "const" in field:
        *others, last = [f"`{json.dumps(value)}`" for value in field.get("enum", [field.get("const")])]
        return f"{', '.join(others)} or {last}" if others else last
    match field.get("type"):
        case "array":
            each = _type(field["items"])
            return "sections" if each == "section" else f"list of {each}"
        case "string":
            length = f" of {field['minLength']} characters or more" if "minLength" in field else ""
            return PATTERNS.get(field.get("pattern", ""), str(field.get("format", "text"))) + length
        case "integer" | "number" as kind:
            return ", ".join([{"integer": "whole number", "number": "number"}[kind], *_bounds(field)])
        case "boolean":
            return "`true` or `false`"
        case _:
            return "section"


def _bounds(field: Schema) -> Iterator[str]:
    words = {"exclusiveMinimum": "above", "minimum": "from", "maximum": "to"}
    bounds = [f"{words[bound]} {field[bound]:g}" for bound in words if bound in field]
    if bounds:
        yield " ".join(bounds)


def _default(key: str, field: Schema, required: bool) -> str:
    if required:
        return "**needed**"
    value = field.get("default")
    if field.get("uniqueItems"):
        value = sorted(field["default"])  # a set has no order of its own
    if value is None:
        return "none"
    return f"`0x{value:X}`" if key == "address" and value else f"`{json.dumps(value, ensure_ascii=False)}`"


# --- texts ---------------------------------------------------------------------------------------


def alerts_page() -> str:
    """What each alert is, and what a guard does about it."""
    rows = (
        [f"[`{kind}`](#{kind})", row.severity, f"{row.delay_s:g} s", row.ends, f"{row.cooldown_s:g} s"]
        for kind, row in alerts.TABLE.items()
    )
    return page(
        "edge/runtime/alerts.py and the catalogues in edge/texts",
        "Alerts",
        "What holds for as long as *after* says becomes an alert; what happens is one at once. It ends with its\n"
        "*cause*, or, where something happened and is over, when a guard has *acknowledged* it; then it is not raised\n"
        "again for as long as *quiet* says.",
        table(["kind", "severity", "after", "ends", "quiet"], rows),
        *(part for kind in alerts.TABLE for part in _alert(kind)),
    )


def _alert(kind: alerts.AlertKind) -> Iterator[str]:
    yield f"## {kind}"
    for language in LANGUAGES:
        steps = range(1, alerts.TABLE[kind].steps + 1)
        lines = [f"{number}. {text(f'alert.{kind}.step{number}', language)}" for number in steps]
        yield "\n".join([f"**{text(f'alert.{kind}.title', language)}**\n", *lines])


def denials_page() -> str:
    """Every reason for a no, in the order in which it is checked."""
    known = {rule.reason for rule in RULES}
    for_pass = {rule.reason for rule in RULES if rule.for_pass}
    rows = (
        [
            f"`{reason}`" + (f", {detail.replace('_', ' ')}" if detail else ""),
            "at once" if reason in known | {Reason.BUSY} else "after measuring",
            "no" if reason in known - for_pass else "yes",
            *(text(f"deny.{detail or reason}", language) for language in LANGUAGES),
        ]
        for reason in Reason
        if reason not in LATER
        for detail in (None, *DETAILS.get(reason, ()))
    )
    return page(
        "edge/gate/admission.py and the catalogues in edge/texts",
        "Denials",
        "In the order in which they are checked; the first that holds is given. The texts stand on a public display:\n"
        "they say what to do next and nothing about anybody's health.",
        table(["reason", "said", "also to holders of a pass", *LANGUAGES], rows),
    )


# --- the contract --------------------------------------------------------------------------------


def contract_document() -> str:
    """The contract as AsyncAPI."""
    with redirect_stdout(StringIO()) as written:
        asyncapi.main()
    return written.getvalue()


DOCUMENTS: dict[str, Callable[[], str]] = {
    "docs/alerts.md": alerts_page,
    "docs/asyncapi.yaml": contract_document,
    "docs/configuration.md": configuration_page,
    "docs/denials.md": denials_page,
    "docs/lane.md": lane_page,
}


def outdated() -> dict[str, str]:
    """What each document that is out of date should hold."""
    wanted = {name: made() for name, made in DOCUMENTS.items()}
    paths = {name: ROOT / name for name in wanted}
    return {
        name: content
        for name, content in wanted.items()
        if not paths[name].exists() or paths[name].read_text(encoding="utf-8") != content
    }


def main() -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(description="Write the documents that follow from the code.")
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    found = outdated()
    for name, content in found.items():
        if check:
            print(f"{name}: out of date; run `make docs`", file=sys.stderr)
        else:
            (ROOT / name).write_text(content, encoding="utf-8")
            print(name)
    return 1 if check and found else 0


if __name__ == "__main__":
    sys.exit(main())
