"""The contract: a message is a model or one line, whatever arrives."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.site import contract
from edge.site.contract import TOPICS, ContractError, Payload, encode, event_data, locate, parse, shown_topic

CARD = "ob67hl6g2imqqt3z3wgp7egzkz"
SOMETHING = {
    "site": "demo",
    "device": "north",
    "date": "2026-03-09",
    "session": "am",
    "card": CARD,
    "zone": "stacks-3",
    "alert": "fever-1",
}
TIME = "2026-03-09T09:00:12.310+08:00"
ROW = {"granted": 15, "entries": 3, "exits": 1, "released": 0, "sent": {"south": 2}}
COMMAND = {"id": "c1", "issued_at": TIME, "expires_at": TIME}

# One message of each row, as section 2 of the contract writes it.
EXAMPLES: dict[str, dict] = {
    "caps": {
        "revision": 7,
        "building": 180,
        "zones": {"stacks-3": 30},
        "sessions": [{"id": "am", "opens": "09:00", "closes": "11:30", "weekdays": [1, 2, 3, 4, 5]}],
        "closed_dates": ["2026-05-01"],
    },
    "bookings": {"revision": 3, "bookings": [{"booking": "B-1001", "card": CARD, "zone": "stacks-3", "code": None}]},
    "passes": {
        "revision": 1,
        "passes": [{"card": CARD, "role": "staff", "from": TIME, "until": TIME, "zones": None}],
    },
    "readers": {"uid": "04A1B2C3D4E580", "code": None},
    "acks": {"journal": "3f", "acked_seq": 4711},
    "returns": {"id": "r1", "books": [{"barcode": "31", "material": "paper", "purpose": "new", "due": None}]},
    "commands": {**COMMAND, "do": "close_zone", "zone": "stacks-3"},
    "results": {"id": "c1", "ok": False, "error": "expired"},
    "holds": {"card": CARD, "since": TIME, "by": "north", "cause": "fever"},
    "status": {"state": "online", "boot": 3, "since": TIME, "version": "0.1.0", "journal": "3f", "clock": "set"},
    "events": {
        "journal": "3f",
        "seq": 12,
        "id": "3f-12",
        "at": None,
        "boot": 3,
        "mono_s": 612.31,
        "type": "visit.passed",
        "data": {"visit": "v1", "lane": "north"},
    },
    "lanes": {"mode": "normal", "state": "idle", "step": None, "reason": None, "alerts": [], "text": None},
    "occupancy": {
        "journal": "3f",
        "term": 1,
        "zones": {"stacks-3": ROW, "*": {**ROW, "received": 4}},
        "passes": {"entries": 2, "exits": 0},
        "former": {"2e": {"*": ROW}},
    },
    "inside": {"journal": "3f", "cards": [CARD], "visits": {"*": {CARD: "v1"}}, "left": ["v0"]},
    "grants": {"term": 1, "journal": "3f", "zones": {"*": {"granted": 90, "release_wanted": 3}}},
    "requests": {"id": "q1", "zones": {"*": 2}, "urgent": True},
    "zones": {"zone": "stacks-3", "since": TIME, "by": "guard", "cause": "symptoms"},
    "sync": {"id": "s1"},
    "alerts": {
        "alert": "fever-1",
        "kind": "fever",
        "severity": "critical",
        "raised_at": TIME,
        "acknowledged_by": None,
        "data": {"lane": "north", "seen": [1, {"c": 37.9}]},
    },
}


def topic_of(name: str) -> str:
    row = TOPICS[name]
    return row.build(**{key: SOMETHING[key] for key in row.parameters})


def refusal(topic: str, payload: bytes | dict | list) -> str:
    with pytest.raises(ContractError) as caught:
        parse(topic, payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    one_line(caught.value)
    return str(caught.value)


# --- what must hold for anything that arrives --------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[str, bytes]:
    """A good message with one thing in it replaced, taken out or added."""
    name = draw(st.sampled_from(sorted(EXAMPLES)))
    message = json.loads(json.dumps(EXAMPLES[name]))
    place = message
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        if isinstance(place[key], dict | list) and draw(st.booleans()):
            place = place[key]
            continue
        if draw(st.booleans()):
            place[key] = draw(json_values)
        else:
            del place[key]
        break
    if isinstance(place, dict) and draw(st.booleans()):
        place[draw(st.text(max_size=8))] = draw(json_values)
    return topic_of(name), json.dumps(message).encode("utf-8", "surrogatepass")


def one_line(error: ContractError) -> None:
    line = str(error)
    assert line.splitlines() == [line]
    assert len(line) < 400


def model_or_line(topic: str, payload: bytes) -> None:
    try:
        message = parse(topic, payload)
    except ContractError as error:
        one_line(error)
        return
    if message.payload is None:
        assert payload == b""
        assert message.topic.retained
        return
    again = encode(message.payload)
    assert parse(topic, again).payload == message.payload
    assert encode(message.payload) == again


@given(st.sampled_from(sorted(EXAMPLES)), st.binary(max_size=200) | json_values.map(lambda v: json.dumps(v).encode()))
def test_any_payload_gives_a_model_or_one_line(name: str, payload: bytes) -> None:
    model_or_line(topic_of(name), payload)


@given(spoiled())
@settings(max_examples=400)
def test_a_nearly_good_payload_gives_a_model_or_one_line(message: tuple[str, bytes]) -> None:
    model_or_line(*message)


@given(st.text(max_size=100) | st.text(max_size=30).map("gatehouse/".__add__), st.binary(max_size=20))
def test_any_topic_gives_a_model_or_one_line(topic: str, payload: bytes) -> None:
    model_or_line(topic, payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b"{}{}",
        b'{"revision":' + b"9" * 10_000 + b"}",
        b'{"revision":' + b"9" * 400 + b"}",
        b'{"revision":1e400}',
        b'{"revision":"\\ud800"}',
        b'{"\\u2028":1,"zones":{"a\\nb":1}}',
        b'{"revision":1,"building":null,"sessions":[],"zones":{"line\\u2028break":1}}',
    ],
)
@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_known_poison_gives_one_line(name: str, payload: bytes) -> None:
    refusal(topic_of(name), payload)


# --- rows --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(TOPICS))
def test_every_row_reads_its_example_and_writes_it_again(name: str) -> None:
    topic = topic_of(name)
    message = parse(topic, json.dumps(EXAMPLES[name]).encode())
    assert message.topic is TOPICS[name]
    assert message.parameters == {key: SOMETHING[key] for key in message.topic.parameters}
    assert isinstance(message.payload, Payload)
    written = encode(message.payload)
    assert b": " not in written
    assert parse(topic, written).payload == message.payload


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_keys_that_others_add_are_ignored(name: str) -> None:
    plain = parse(topic_of(name), json.dumps(EXAMPLES[name]).encode())
    more = parse(topic_of(name), json.dumps({**EXAMPLES[name], "added": {"later": [1]}}).encode())
    assert more.payload == plain.payload


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_only_retained_topics_can_be_cleared(name: str) -> None:
    if TOPICS[name].retained:
        assert parse(topic_of(name), b"").payload is None
    else:
        refusal(topic_of(name), b"")


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_the_limit_on_size_is_exact(name: str) -> None:
    limit = 4 * 1024 * 1024 if name in ("bookings", "passes", "inside") else 256 * 1024
    text = json.dumps(EXAMPLES[name])
    just = (text + " " * (limit - len(text))).encode()
    assert parse(topic_of(name), just).payload is not None
    assert refusal(topic_of(name), just + b" ").endswith(f"{limit + 1} bytes, expected at most {limit}")


def test_a_filter_covers_what_its_row_builds() -> None:
    assert TOPICS["bookings"].filter("demo") == "gatehouse/demo/bookings/+/+"
    assert TOPICS["alerts"].filter("demo", device="north") == "gatehouse/demo/alerts/north/+"
    assert TOPICS["caps"].filter("demo") == TOPICS["caps"].build("demo") == "gatehouse/demo/caps"


@pytest.mark.parametrize(
    "bad", ["", "a/b", "+", "#", "a\nb", "x" * 65, "\ufdd0", "a\ufdefb", "\ufffe", "\uffff", "\U0001fffe", "\U0010ffff"]
)
def test_a_parameter_cannot_smuggle_a_topic(bad: str) -> None:
    with pytest.raises(ContractError):
        TOPICS["zones"].build("demo", zone=bad)
    with pytest.raises(ContractError):
        TOPICS["zones"].filter("demo", zone=bad)


@pytest.mark.parametrize("bad", ["a\ufdd0", "a\uffff", "a\U0001fffe", "a\U0010ffff"])
def test_a_zone_of_the_caps_can_stand_in_a_topic(bad: str) -> None:
    """A broker hangs up on whoever publishes a non-character, again and again."""
    refusal(topic_of("caps"), json.dumps({**EXAMPLES["caps"], "zones": {bad: 1}}).encode())


@pytest.mark.parametrize("good", ["\ufdcf", "\ufdf0", "\ufffd", "\U0001fffd", "\U00020000", "0F1E", "U"])
def test_the_neighbours_of_non_characters_are_characters(good: str) -> None:
    assert TOPICS["zones"].build("demo", zone=good).endswith(good)
    assert parse(topic_of("caps"), json.dumps({**EXAMPLES["caps"], "zones": {good: 1}}).encode()).payload is not None


@pytest.mark.parametrize(("people", "right"), [(100_000, True), (100_001, False)])
def test_a_guard_counts_a_building_and_not_a_city(people: int, right: bool) -> None:
    body = json.dumps({**COMMAND, "do": "set_count", "zone": "*", "people": people}).encode()
    if right:
        assert parse(topic_of("commands"), body).payload is not None
    else:
        refusal(topic_of("commands"), body)


@pytest.mark.parametrize(
    "topic",
    [
        "gatehouse/demo/nothing",
        "gatehouse/demo",
        "gatehouse//caps",
        "other/demo/caps",
        "gatehouse/demo/caps/x",
        "gatehouse/demo/acks",
        "gatehouse/demo/acks/",
        "gatehouse/demo/bookings/2026-02-30/am",
        "gatehouse/demo/bookings/20260309/am",
        "gatehouse/demo/bookings/2026-W10-1/am",
    ],
)
def test_topics_that_are_none(topic: str) -> None:
    with pytest.raises(ContractError):
        locate(topic)


@pytest.mark.parametrize("name", ["holds", "zones", "alerts"])
def test_a_message_cannot_speak_of_another_than_its_topic(name: str) -> None:
    (key,) = TOPICS[name].echoes
    other = {"card": "a" * 26, "zone": "stacks-4", "alert": "fever-2"}[key]
    assert f": {key}: " in refusal(topic_of(name), {**EXAMPLES[name], key: other})


# --- strictness --------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", [1.0, True, "1", -1, None, 2**53])
def test_a_revision_is_a_whole_number(revision: object) -> None:
    assert "revision: expected" in refusal(topic_of("caps"), {**EXAMPLES["caps"], "revision": revision})


@pytest.mark.parametrize("when", [1736000000, "1736000000", "2026-03-09", "2026-03-09T09:00:00", "", "soon", 1.5])
def test_a_time_is_iso_8601_with_offset(when: object) -> None:
    assert "since: " in refusal(topic_of("zones"), {**EXAMPLES["zones"], "since": when})


def test_a_pass_is_written_with_the_keys_of_the_contract() -> None:
    passes = parse(topic_of("passes"), json.dumps(EXAMPLES["passes"]).encode()).payload
    assert isinstance(passes, contract.Passes)
    assert set(json.loads(encode(passes))["passes"][0]) == {"card", "role", "from", "until", "zones"}


def test_times_keep_their_offset() -> None:
    closed = parse(topic_of("zones"), json.dumps(EXAMPLES["zones"]).encode()).payload
    assert isinstance(closed, contract.ClosedZone)
    assert closed.since == datetime(2026, 3, 9, 1, 0, 12, 310000, tzinfo=UTC)
    assert b"+08:00" in encode(closed)


def test_the_interpreter_ends_well_with_messages_still_held() -> None:
    messages = [(topic_of(name), json.dumps(message).encode()) for name, message in EXAMPLES.items()]
    program = f"""
import sys
from edge.site.contract import parse
class Holder: ...
sys.holder = holder = Holder()
holder.itself, holder.messages = holder, [parse(*message) for message in {messages!r}]
"""
    # memory that was given back is overwritten, so whoever still uses it crashes for certain
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, env={**os.environ, "PYTHONMALLOC": "debug"})


@pytest.mark.parametrize("zone", ["a/b", "a+", "#", "*", "", "x" * 65, "a\x00", "a\x85b"])
def test_what_no_zone_can_be_called(zone: str) -> None:
    assert "zones.key: expected" in refusal(topic_of("caps"), {**EXAMPLES["caps"], "zones": {zone: 1}})


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_does_not_have(text: str) -> None:
    event = json.dumps(EXAMPLES["events"]).replace('"lane": "north"', f'"lane": [{{"x": {text}}}]')
    assert ": data: expected finite numbers" in refusal(topic_of("events"), event.encode())


def test_a_server_that_says_a_thing_twice_is_not_believed() -> None:
    twice = json.dumps(EXAMPLES["caps"])[:-1] + ', "revision": 8}'
    assert refusal(topic_of("caps"), twice.encode()) == "gatehouse/demo/caps: revision: given twice, expected once"


NUMBER = "04A1B2C3D4E580"
"""Somebody's card, in the wrong column."""
DIGITS = int(NUMBER, 16)
NUMBERS: tuple[Any, ...] = (NUMBER, DIGITS, -DIGITS, DIGITS + 0.5, 4321, [NUMBER], {NUMBER: NUMBER})
"""As text, as a number of many digits or of few, and wrapped."""


def misplaced(value: Any) -> Iterator[Any]:
    """A message with the number in place of each value, of each key, and added to each list."""
    yield from NUMBERS
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {**{k: v for k, v in value.items() if k != key}, NUMBER: inner}
            for wrong in misplaced(inner):
                yield {**value, key: wrong}
                yield {**value, NUMBER: wrong}
    elif isinstance(value, list):
        yield [*value, NUMBER]
        for index, inner in enumerate(value):
            for wrong in misplaced(inner):
                yield [*value[:index], wrong, *value[index + 1 :]]


def repeating(name: str, message: dict) -> tuple[int, list[str]]:
    """How many misplacements are refused, and the errors that repeat the number."""
    errors: list[str] = []
    for wrong in misplaced(message):
        try:
            parse(topic_of(name), json.dumps(wrong).encode())
        except ContractError as error:
            errors.append(str(error))
    return len(errors), [said for said in errors if any(number in said for number in (NUMBER, str(DIGITS), "4321"))]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_no_error_repeats_a_key_or_a_value_that_might_be_a_card_number(name: str) -> None:
    refused, repeats = repeating(name, EXAMPLES[name])
    assert refused > 5
    assert repeats == []


def test_the_place_of_a_fault_is_told_in_the_contracts_own_words() -> None:
    row = {"granted": 1, "entries": 0, "exits": 0, "released": 0}
    occupancy = {"journal": "3f", "term": 1, "zones": {}}
    deep = {**occupancy, "former": {NUMBER: {NUMBER: {**row, "sent": {NUMBER: -1}}}}}
    assert "former.?.?.sent.?: expected greater than or equal to 0, found a whole number" in refusal(
        topic_of("occupancy"), deep
    )
    shallow = {**occupancy, "zones": {NUMBER: {**row, "granted": NUMBER}}}
    assert "zones.?.granted: expected a valid integer, found a text of 14 characters" in refusal(
        topic_of("occupancy"), shallow
    )
    twice = f'{{"revision": 1, "{NUMBER}": 1, "{NUMBER}": 2, '.encode() + json.dumps(EXAMPLES["caps"]).encode()[1:]
    assert refusal(topic_of("caps"), twice).endswith(": ?: given twice, expected once")


def test_sessions_are_named_by_their_place() -> None:
    rows = [{"id": NUMBER, "opens": "09:00", "closes": "08:00"}]
    line = refusal(topic_of("caps"), {**EXAMPLES["caps"], "sessions": rows})
    assert line.endswith("sessions.0: closes at 08:00, expected after 09:00")


def test_a_topic_is_not_repeated_where_a_card_number_stands_for_its_token() -> None:
    hold = {"card": CARD, "since": None, "by": "guard", "cause": "fever"}
    assert refusal(f"gatehouse/demo/holds/{NUMBER}", hold).startswith("gatehouse/demo/holds/?: card: another")
    assert shown_topic(f"gatehouse/demo/holds/{CARD}") == f"gatehouse/demo/holds/{CARD}"
    assert shown_topic("gatehouse/demo/occupancy/north") == "gatehouse/demo/occupancy/north"


# --- sessions, commands, events ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("sessions", "said"),
    [
        ([("am", "09:00", "09:00", None)], "sessions.0: closes at 09:00, expected after 09:00"),
        ([("am", "11:00", "09:00", None)], "sessions.0: closes at 09:00, expected after 11:00"),
        (
            [("am", "09:00", "12:00", None), ("pm", "11:59", "14:00", None)],
            "sessions.1: opens at 11:59 on weekday 1, expected 12:00 or later, when sessions.0 has closed",
        ),
        ([("am", "09:00", "12:00", [6]), ("pm", "10:00", "11:00", None)], "on weekday 6"),
        ([("am", "09:00", "10:00", None), ("am", "11:00", "12:00", [3])], "weekday 3: expected each id once"),
        ([("am", "9:00", "10:00", None)], "expected HH:MM"),
        ([("am", "09:00", "24:01", None)], "expected HH:MM"),
        ([("am", "09:00", "10:00", [])], "weekdays"),
        ([("am", "09:00", "10:00", [0])], "weekdays"),
    ],
)
def test_sessions_follow_each_other(sessions: list, said: str) -> None:
    rows = [{"id": i, "opens": o, "closes": c, "weekdays": w} for i, o, c, w in sessions]
    assert said in refusal(topic_of("caps"), {**EXAMPLES["caps"], "sessions": rows})


def test_sessions_may_touch_and_one_may_end_the_day() -> None:
    rows = [
        {"id": "am", "opens": "00:00", "closes": "12:00"},
        {"id": "pm", "opens": "12:00", "closes": "24:00"},
    ]
    assert parse(topic_of("caps"), json.dumps({**EXAMPLES["caps"], "sessions": rows}).encode()).payload


ARGUMENTS: dict[str, dict] = {
    "open_once": {},
    "admit": {"card": CARD},
    "lockdown": {},
    "release": {},
    "normal": {},
    "ack_alert": {"alert": "fever-1"},
    "record_check": {"card": CARD, "contact_c": 36.9},
    "led_aside": {},
    "clear_hold": {"card": CARD},
    "close_zone": {"zone": "stacks-3"},
    "reopen_zone": {"zone": "stacks-3", "authority": "CDC"},
    "all_out": {},
    "set_count": {"zone": "*", "people": 0},
    "hygiene_done": {"zone": "stacks-3", "what": "airing"},
    "patrol_done": {},
    "report_symptoms": {"zone": "stacks-3"},
    "supervisor_release": {"cabinet": "ozone-1", "reason": "sensor lost"},
    "write_off": {"device": "north"},
}


def test_every_command_is_tried_here() -> None:
    assert set(ARGUMENTS) == set(contract.CommandName)


@pytest.mark.parametrize("do", sorted(ARGUMENTS))
def test_a_command_names_the_key_it_lacks(do: str) -> None:
    whole = {**COMMAND, "do": do, **ARGUMENTS[do]}
    command = parse(topic_of("commands"), json.dumps(whole).encode()).payload
    assert isinstance(command, contract.Command)
    assert command.do is contract.CommandName(do)
    for key in [*COMMAND, *ARGUMENTS[do]]:
        line = refusal(topic_of("commands"), {k: v for k, v in whole.items() if k != key})
        assert key in line.split(": ", 1)[1]
        assert "missing" in line


@pytest.mark.parametrize("do", sorted(contract.CommandName))
def test_no_command_repeats_what_might_be_a_card_number(do: str) -> None:
    refused, repeats = repeating("commands", {**COMMAND, "do": do, **ARGUMENTS[do]})
    assert refused > 5
    assert repeats == []


def test_unknown_commands_are_refused() -> None:
    line = refusal(topic_of("commands"), {**COMMAND, "do": "open_all"})
    assert line.endswith("do: expected a command of the contract, found another text")
    assert refusal(topic_of("commands"), COMMAND).endswith("do: missing")


@pytest.mark.parametrize("key", ["by", "zone", "people", "temperature_c"])
def test_what_a_guard_may_leave_out_when_admitting(key: str) -> None:
    whole = {**COMMAND, "do": "admit", "by": "guard", "card": CARD, "zone": "a", "people": 2, "temperature_c": 36.6}
    for keys in (set(whole), set(whole) - {key}):
        assert parse(topic_of("commands"), json.dumps({k: whole[k] for k in sorted(keys)}).encode()).payload


@pytest.mark.parametrize("value", [19.9, 45.1, True, "36.5"])
def test_a_contact_temperature_is_one(value: object) -> None:
    refusal(topic_of("commands"), {**COMMAND, "do": "record_check", "card": CARD, "contact_c": value})


def test_event_data_is_checked_against_its_type() -> None:
    data = {"card": CARD, "lane": "north", "reason": "fever", "estimate_c": 38.2, "extra": 1}
    denied = event_data("visit.denied", data)
    assert isinstance(denied, contract.VisitDenied)
    assert denied.reason is contract.Reason.FEVER
    with pytest.raises(ContractError, match=r"visit\.denied: reason: expected"):
        event_data("visit.denied", {**data, "reason": "mood"})
    with pytest.raises(ContractError, match=r"visit\.denied: lane: missing"):
        event_data("visit.denied", {"card": CARD, "reason": "fever"})
    with pytest.raises(ContractError, match=r"visit\.lost: expected a type"):
        event_data("visit.lost", {})


def test_critical_kinds_are_those_of_the_contract() -> None:
    named = {"fever", "fire", "forced_entry", "ozone_leak", "interlock_fault", "invariant_broken"}
    assert set(contract.CRITICAL) == named


def test_payloads_do_not_change() -> None:
    ack = contract.Ack(journal="3f", acked_seq=1)
    with pytest.raises(ValueError, match="frozen"):
        ack.acked_seq = 2  # pyright: ignore[reportAttributeAccessIssue]
