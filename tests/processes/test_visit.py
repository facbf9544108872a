"""One reader's visit and a guard's commands, as everybody outside the gate sees them."""

from __future__ import annotations

import signal
from typing import Any

from edge.site import contract
from tests.processes.library import Library, card, uid


def steps(library: Library) -> list[tuple[str, str]]:
    """What the lane showed, one after the other."""
    shown: list[tuple[str, str]] = []
    for lane in library.on_topic("lanes/north"):
        if not shown or shown[-1] != (lane["state"], lane["step"]):
            shown.append((lane["state"], lane["step"]))
    return shown


def stacks(retained: dict[str, dict[str, Any]]) -> tuple[int, int]:
    """Entries and exits of the zone, and of the building just as many."""
    zones = retained["occupancy/north"]["zones"]
    rows = [(zones[zone]["entries"], zones[zone]["exits"]) for zone in ("stacks", "*")]
    assert rows[0] == rows[1]
    return rows[0]


def test_a_visit_from_the_tap_to_the_exit(library: Library) -> None:
    gate = library.open()
    gate.do("tap", card=uid(1))
    library.hears("lanes/north", lambda lane: lane["step"] == "look_at_sensor")
    gate.do("face", skin_c=34.6)
    gate.tells("output", name="lock", on=True)
    gate.walk_through()
    gate.do("leave")
    library.takes("visit.passed")
    library.hears("inside/north", lambda inside: inside["cards"] == [card(1)])
    inside = library.retained()
    gate.walk_out(1)
    exited = library.takes("visit.exited")
    library.hears("inside/north", lambda inside: inside["cards"] == [], len(library.messages) - 1)
    library.hears("acks/north", lambda ack: ack["acked_seq"] == exited.seq)
    outside = library.retained()

    # the history: in order, once each, one visit from the tap to the exit
    events = [event for device, event in library.received.all if device == "north"]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.type for event in events] == ["device.started", "visit.admitted", "visit.passed", "visit.exited"]
    for event in events:
        contract.event_data(event.type, event.data)
    admitted: dict[str, Any] = dict(events[1].data)
    assert (admitted["card"], admitted["zone"], admitted["booking"], admitted["by"]) == (
        card(1), "stacks", "B-1", "booking",
    )  # fmt: skip
    assert abs(admitted["estimate_c"] - 36.6) < 0.1
    assert [event.data["visit"] for event in events[1:]] == [admitted["visit"]] * 3
    assert gate.told()[0]["data"]["reason"] == "boot"

    # what the broker keeps
    assert stacks(inside) == (1, 0)
    assert stacks(outside) == (1, 1)
    assert (inside["inside/north"]["cards"], outside["inside/north"]["cards"]) == ([card(1)], [])
    assert outside["acks/north"] == {"journal": exited.journal, "acked_seq": exited.seq}
    status = outside["status/north"]
    assert (status["state"], status["boot"], status["clock"], status["journal"]) == (
        "online", 1, "set", exited.journal,
    )  # fmt: skip
    assert (outside["lanes/north"]["mode"], outside["lanes/north"]["state"]) == ("normal", "idle")
    assert not [topic for topic in outside if topic.startswith(("events/", "commands/", "results/", "readers/"))]

    # what the reader was told
    assert steps(library)[:3] == [("idle", "present_card"), ("checking", "look_at_sensor"), ("checking", "hold_still")]
    assert steps(library)[-2:] == [("open", "walk"), ("idle", "present_card")]
    walk = library.hears("lanes/north", lambda lane: lane["state"] == "open")
    assert walk["text"] == {"zh": "欢迎光临，请通行。", "en": "Welcome! Please walk through."}

    # every message is what the contract says, and no number of a card is in any
    for message in library.messages.all:
        contract.parse(message.topic, message.payload)
        assert uid(1).encode() not in message.payload.upper()


def test_a_card_read_on_the_network(library: Library) -> None:
    gate = library.open()
    gate.do("face", skin_c=34.6)
    library.publish("readers/north", {"uid": uid(2).lower()})
    library.takes("visit.admitted", card=card(2))
    gate.tells("output", name="lock", on=True)
    spoken = [message.topic for message in library.messages.all if uid(2).encode() in message.payload.upper()]
    assert spoken == ["gatehouse/demo/readers/north"]


def test_a_card_that_the_broker_kept_while_the_gate_was_away_is_nobodys(library: Library) -> None:
    gate = library.open()
    gate.end(signal.SIGKILL)
    library.hears("status/north", lambda status: status["state"] == "offline")
    library.publish("readers/north", {"uid": uid(1)})
    since = len(library.messages)
    gate = library.gate().ready()
    gate.do("face", skin_c=34.6)
    library.hears("lanes/north", since=since)
    library.in_step()
    library.publish("readers/north", {"uid": uid(2)})
    library.takes("visit.admitted")
    assert [event.data["card"] for event in library.journal() if "card" in event.data] == [card(2)]


def test_a_full_house_is_said_and_a_place_given_back_is_taken(library: Library) -> None:
    gate = library.open(cap=1)
    gate.walk_in(1)
    gate.come(2)
    gate.tells("visit.denied", card=card(2), reason="zone_full")
    refused = library.hears("lanes/north", lambda lane: lane["reason"] == "zone_full")
    assert refused["text"]["en"]
    library.hears("alerts/north/count_doubt-full")
    gate.walk_out(1)
    gate.walk_in(3)
    library.takes("visit.passed", since=len(library.received) - 1)
    assert stacks(library.retained()) == (2, 1)


def test_a_command_works_once_in_time_and_is_always_answered(library: Library) -> None:
    library.say("command", to="north", payload={"do": "lockdown", "id": "kept"}, retained=True)
    library.hears("commands/north")
    gate = library.open()
    library.command("lockdown", id="c1", by="guard")
    library.hears("lanes/north", lambda lane: lane["mode"] == "lockdown")
    gate.come(1)
    gate.tells("visit.denied", reason="lockdown")
    library.command("normal", id="c2")
    library.hears("results/north", lambda result: result["id"] == "c2")
    library.command("lockdown", id="c1", by="guard")  # again: answered, not done
    library.command("lockdown", id="c3", expires_at="2026-03-09T09:59:59+08:00")
    library.publish("commands/north", {"do": "lockdown", "id": "c4"})  # no times: broken
    library.command("open_once", id="c5")
    gate.tells("output", name="lock", on=True)
    library.hears("results/north", lambda result: result["id"] == "c5")
    library.in_step()

    answers = [(result["id"], result["ok"], result["error"]) for result in library.on_topic("results/north")]
    assert [answer for answer in answers if not answer[0].startswith("step")] == [
        ("kept", False, "retained commands are ignored"),
        ("c1", True, None),
        ("c2", True, None),
        ("c1", True, None),
        ("c3", False, "expired"),
        ("c5", True, None),
    ]
    events = library.journal()
    done = [str(event.data["id"]) for event in events if event.type == "command.done"]
    assert [id_ for id_ in done if not id_.startswith("step")] == ["c1", "c2", "c3", "c5"]
    assert [event.data["mode"] for event in events if event.type == "lane.mode"] == ["lockdown", "normal"]
    (rejected,) = [event.data for event in events if event.type == "message.rejected"]
    assert rejected["topic"] == "gatehouse/demo/commands/north"
    assert "\n" not in rejected["error"]
