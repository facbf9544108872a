"""The contract as an AsyncAPI 3.0 document, for those who write the other side.

``python -m edge.site.asyncapi`` prints what stands in ``docs/asyncapi.yaml``. Everything in it comes
from `edge.site.contract`: the table of topics, the models, their docstrings.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from edge.site import contract
from edge.site.contract import EVENTS, TOPICS, Command, EventData, Payload, Topic

VERSION: Final = "1.0.0"
"""Of the contract, not of the program: another major number is another contract."""
REF: Final = "#/components/schemas/{model}"

PARAMETERS: Final[Mapping[str, str]] = {
    "site": "Name of the site, as in its configuration.",
    "device": "Name of a device of the site.",
    "date": "Date at the site, YYYY-MM-DD.",
    "session": "Id of a session in the caps.",
    "card": "CARD: base32(HMAC-SHA256(site key, 'card:' + UID))[:26] in lower case.",
    "zone": "Name of a zone in the caps.",
    "alert": "Id of an alert, unique on its device.",
}

INTRODUCTION: Final = """\
Topics and messages of a Gatehouse site. JSON objects, UTF-8, QoS 1; times are ISO 8601 with offset.
Unknown keys are to be ignored: anybody may add to a message.
A malformed or oversized message is dropped with one `message.rejected` event and changes nothing.
Events are deduplicated by device, journal and seq; a lower or equal revision is ignored.
"""


def document() -> dict[str, Any]:
    """The whole document, as plain data."""
    rows = list(TOPICS.values())
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Gatehouse site", "version": VERSION, "description": INTRODUCTION.strip()},
        "defaultContentType": "application/json",
        "channels": {row.name: _channel(row) for row in rows},
        "operations": dict(_operations(rows)),
        "components": {
            "messages": {name: message for row in rows for name, message in _messages(row)},
            "schemas": _schemas(rows),
        },
    }


def _channel(row: Topic) -> dict[str, Any]:
    names = [name for name, _ in _messages(row)]
    return {
        "address": row.pattern,
        "description": row.doc,
        "parameters": {name: {"description": PARAMETERS[name]} for name in row.parameters},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "x-max-bytes": row.max_bytes,
        "x-published-by": list(row.publishers),
        "x-subscribed-by": list(row.subscribers),
    }


def _operations(rows: list[Topic]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What Gatehouse itself does with each channel; both where its own devices talk to each other."""
    for row in rows:
        for action, parties in (("send", row.publishers), ("receive", row.subscribers)):
            if set(parties) - contract.OUTSIDE:
                binding = {"qos": 1, "retain": row.retained, "bindingVersion": "0.2.0"}
                yield (
                    f"{action}_{row.name}",
                    {
                        "action": action,
                        "channel": {"$ref": f"#/channels/{row.name}"},
                        "bindings": {"mqtt": binding if action == "send" else {"qos": 1, "bindingVersion": "0.2.0"}},
                    },
                )


def _messages(row: Topic) -> Iterator[tuple[str, dict[str, Any]]]:
    """One message a row; one a type where a payload has many shapes."""
    for model in _models(row):
        name = model.__name__
        yield name, {"title": _title(model), "summary": _summary(model), "payload": {"$ref": REF.format(model=name)}}
    if row.name == "events":
        for type_, data in EVENTS.items():
            shape = {"type": {"const": type_}, "data": {"$ref": REF.format(model=data.__name__)}}
            yield (
                type_,
                {
                    "title": type_,
                    "summary": _summary(data),
                    "payload": {
                        "allOf": [
                            {"$ref": REF.format(model="EventMessage")},
                            {"type": "object", "properties": shape},
                        ]
                    },
                },
            )


def _models(row: Topic) -> tuple[type[Payload], ...]:
    if isinstance(row.type, type):
        return (row.type,)
    union = get_args(row.type)[0]
    return get_args(union)


def _title(model: type[BaseModel]) -> str:
    if issubclass(model, Command):
        return " or ".join(str(word) for word in get_args(model.model_fields["do"].annotation))
    return model.__name__


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _schemas(rows: list[Topic]) -> dict[str, Any]:
    models: list[type[BaseModel]] = [model for row in rows for model in _models(row)]
    events: set[type[EventData]] = set(EVENTS.values())
    models += sorted(events, key=lambda model: model.__name__)
    _, schema = models_json_schema([(model, "validation") for model in models], ref_template=REF)
    return {name: _draft_7(part) for name, part in sorted(schema["$defs"].items())}


def _draft_7(node: Any) -> Any:
    """AsyncAPI's schemas are those of JSON Schema draft 7; pydantic writes 2020-12."""
    if isinstance(node, list):
        return [_draft_7(item) for item in node]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(node, dict):
        return node
    plain: dict[str, Any] = {key: _draft_7(value) for key, value in node.items()}  # pyright: ignore[reportUnknownVariableType]
    if "prefixItems" in plain:
        plain["items"] = plain.pop("prefixItems")
    if isinstance(plain.get("title"), str) and "properties" not in plain and "enum" not in plain:
        del plain["title"]  # pydantic's echo of the key
    return plain


# --- YAML ----------------------------------------------------------------------------------------

_PLAIN: Final = re.compile(r"[A-Za-z$/_][\w$/#.{}@' ()<>=…-]*")
_WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"})


def to_yaml(node: Any, indent: int = 0) -> str:
    """Write plain data as readable YAML; what could be mistaken is written as JSON, which YAML reads too."""
    return "".join(f"{line}\n" for line in _lines(node, indent))


def _lines(node: Any, indent: int) -> Iterator[str]:
    pad = "  " * indent
    if isinstance(node, Mapping):
        for key, value in node.items():  # pyright: ignore[reportUnknownVariableType]
            yield from _entry(f"{pad}{_scalar(key)}:", value, indent + 1)
    else:
        for value in node:
            yield from _entry(f"{pad}-", value, indent + 1)


def _entry(head: str, value: Any, indent: int) -> Iterator[str]:
    if isinstance(value, str) and re.fullmatch(r"(\S[^\r]*\n)+[^\r]*\S", value):
        yield f"{head} |-"
        yield from ("  " * indent + line if line else "" for line in value.split("\n"))
    elif isinstance(value, Mapping | list) and value:
        inner = list(_lines(value, indent))
        if head.endswith("-"):
            yield f"{head} {inner[0].lstrip()}"
            yield from inner[1:]
        else:
            yield head
            yield from inner
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and not value.endswith(" ") and " #" not in value
        return value if plain and value.lower() not in _WORDS else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def main() -> None:
    """Print the document."""
    sys.stdout.write("# Written by `python -m edge.site.asyncapi`; change edge/site/contract/ instead.\n")
    sys.stdout.write(to_yaml(document()))


if __name__ == "__main__":
    main()
