"""The published document says what the code does, and is an AsyncAPI document."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edge.site.asyncapi import document, to_yaml
from edge.site.contract import EVENTS, TOPICS, CommandName

ROOT = Path(__file__).parents[2]
DOCUMENT = document()

# What JSON Schema draft 7 knows, and what must stand behind each word.
DRAFT_7 = {
    "$ref": str,
    "additionalProperties": (bool, dict),
    "allOf": list,
    "anyOf": list,
    "const": object,
    "default": object,
    "description": str,
    "enum": list,
    "format": str,
    "items": (dict, list),
    "maxItems": int,
    "maxLength": int,
    "maximum": (int, float),
    "minItems": int,
    "minLength": int,
    "minimum": (int, float),
    "pattern": str,
    "patternProperties": dict,
    "properties": dict,
    "propertyNames": dict,
    "maxProperties": int,
    "required": list,
    "title": str,
    "type": str,
}


def refs(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


def resolve(ref: str):
    place = DOCUMENT
    for part in ref.removeprefix("#/").split("/"):
        place = place[part]
    return place


def check_schema(schema, where: str) -> None:
    assert isinstance(schema, dict), where
    for word, value in schema.items():
        assert word in DRAFT_7, f"{where}: {word}"
        assert isinstance(value, DRAFT_7[word]), f"{where}: {word}"
    assert set(schema.get("required", ())) <= set(schema.get("properties", schema.get("required", ()))), where
    for pattern in [*schema.get("patternProperties", ()), *([schema["pattern"]] if "pattern" in schema else ())]:
        re.compile(pattern)
    items = schema.get("items", [])
    inner = {
        **schema.get("properties", {}),
        **schema.get("patternProperties", {}),
        **{str(i): part for i, part in enumerate([*schema.get("allOf", ()), *schema.get("anyOf", ())])},
        **({"items": items} if isinstance(items, dict) else {f"items{i}": part for i, part in enumerate(items)}),
    }
    for word in ("additionalProperties", "propertyNames"):
        if isinstance(schema.get(word), dict):
            inner[word] = schema[word]
    for key, part in inner.items():
        check_schema(part, f"{where}/{key}")


def test_the_published_document_is_what_the_code_says() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "edge.site.asyncapi"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert (ROOT / "docs" / "asyncapi.yaml").read_text(encoding="utf-8") == made, "run: make docs"
    assert yaml.safe_load(made) == DOCUMENT


def test_it_has_the_shape_of_asyncapi_3() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["info"]["title"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", DOCUMENT["info"]["version"])
    for name, channel in DOCUMENT["channels"].items():
        assert re.findall(r"{(\w+)}", channel["address"]) == list(channel["parameters"]), name
        assert channel["messages"], name
    for name, operation in DOCUMENT["operations"].items():
        assert operation["action"] in ("send", "receive"), name
        assert operation["bindings"]["mqtt"]["qos"] == 1, name
    for name in [*DOCUMENT["components"]["messages"], *DOCUMENT["components"]["schemas"]]:
        assert re.fullmatch(r"[\w.-]+", name)


def test_every_reference_leads_somewhere() -> None:
    found = list(refs(DOCUMENT))
    assert len(found) > 100
    for ref in found:
        assert resolve(ref) is not None


def test_every_row_command_and_event_is_there() -> None:
    assert {name: channel["address"] for name, channel in DOCUMENT["channels"].items()} == {
        name: row.pattern for name, row in TOPICS.items()
    }
    assert {
        operation["channel"]["$ref"].removeprefix("#/channels/") for operation in DOCUMENT["operations"].values()
    } == {*TOPICS}
    messages = DOCUMENT["components"]["messages"]
    assert set(EVENTS) <= set(messages)
    commands = [messages[name]["title"] for name in DOCUMENT["channels"]["commands"]["messages"]]
    assert sorted(word for title in commands for word in title.split(" or ")) == sorted(CommandName)


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_every_schema_is_one_of_draft_7(name: str) -> None:
    check_schema(DOCUMENT["components"]["schemas"][name], name)


def test_what_the_contract_says_of_some_keys_stands_in_the_schemas() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["Caps"]["required"] == ["revision", "building", "zones", "sessions"]
    assert "from" in schemas["Pass"]["properties"]
    assert "reason" in schemas["VisitDenied"]["required"]
    assert schemas["Booking"]["properties"]["card"]["pattern"] == "^[a-z2-7]{26}$"


texts = st.text(st.sampled_from("ab1 :-#{}[]\"'\\|>%@`!&*?,=~$/._\n…≥"), max_size=8) | st.sampled_from(
    ["yes", "Null", "1e3"]
)
plain_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from([0.5, -1.25]) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
)


@given(st.dictionaries(texts, plain_data, min_size=1, max_size=4))
def test_whatever_is_written_as_yaml_reads_the_same(data: dict) -> None:
    assert yaml.safe_load(to_yaml(data)) == data
