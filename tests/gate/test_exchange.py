"""Rights on their way between gates: asked for before they are missed, passed on where they are made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest

from edge.gate.exchange import ASK_AGAIN_S, Exchange
from edge.gate.occupancy import MAX_COUNT, PASSES, Occupancy
from edge.runtime.station import Identity
from edge.runtime.step import Recorder, Step
from edge.runtime.vocabulary import Commit, Event, Intent, Now, Publish
from edge.site import contract
from edge.site.contract import BUILDING

NINE = datetime(2026, 3, 9, 9, 0, tzinfo=timezone(timedelta(hours=8)))
LANES = {"north": True, "south": True, "west": False}
"""Gates, and whether people come in there."""
CAPS = contract.Caps(revision=1, building=100, zones={"z": 100, "y": 100}, sessions=())
OPEN = contract.Caps(revision=1, building=None, zones={"z": 100, "y": 100}, sessions=())
"""The building has no cap of its own."""


class Gate:
    """One gate's exchange, counter and journal."""

    def __init__(self, name: str, journal: str = "", saved: dict[str, Any] | None = None, *, synced: bool = True):
        self.name = name
        self.journal = journal or f"journal-of-{name}"
        self.saved = saved or {}
        self.identity = Identity("demo", name, self.journal, 1, 0, True, self.saved)
        self.occupancy = Occupancy(name, self.saved)
        self.exchange = Exchange(
            self.identity,
            self.occupancy,
            entrances=tuple(other for other, entrance in LANES.items() if entrance and other != name),
            entrance=LANES[name],
            rights_low=2,
        )
        self.exchange.use_caps(CAPS)
        self.exchange.online = {other for other in LANES if other != name}
        self.recorder = Recorder(1, 0)
        self.now_s = 0.0
        if synced:
            self.occupancy.know_predecessors()
            self.do(lambda step: self.exchange.save(step, tell=False))

    def do(self, *what: Callable[[Step], Any]) -> list[Publish]:
        """One step, committed at once; what is published, in order."""
        step = self.recorder.begin(Now(self.now_s, NINE))
        for action in what:
            action(step)
        done: list[Intent] = []
        for intent in self.recorder.finish(step):
            if isinstance(intent, Commit):
                self.saved.update(json.loads(json.dumps(dict(intent.puts))))
                done += self.recorder.committed(intent.number)
            else:
                done.append(intent)
        return [intent for intent in done if isinstance(intent, Publish)]

    def save(self, *, tell: bool = False) -> list[Publish]:
        return self.do(lambda step: self.exchange.save(step, tell=tell))

    def passes_on(self, *, up: bool = True) -> None:
        self.exchange.pass_on(up=up)

    def sent(self, zone: str = "z") -> dict[str, int]:
        return self.occupancy.own(zone).sent

    def knows(self, *zones: str) -> bool:
        return not self.exchange.unknown(zones)

    def granted(
        self,
        more: Mapping[str, tuple[int, int]] = MappingProxyType({}),
        *,
        term: int = 1,
        journal: str | None = None,
        **zones: tuple[int, int],
    ) -> None:
        """The keeper's word: granted and wanted back, by zone."""
        words = {**zones, **more}
        rows = {zone: {"granted": given, "release_wanted": back} for zone, (given, back) in words.items()}
        grants = contract.Grants.model_validate({"term": term, "journal": journal, "zones": rows})
        self.do(lambda step: self.exchange.granted_by_keeper(step, grants))
        self.save()

    def hears(self, messages: list[Publish]) -> bool:
        """Whatever others publish on `occupancy`."""
        news = False
        for message in messages:
            row, names, payload = contract.parse(message.topic, message.payload)
            assert row.name == "occupancy"
            assert isinstance(payload, contract.Occupancy)
            news = self.exchange.heard(names["device"], payload) or news
        return news

    def asks(self, *zones: str, urgent: bool = False) -> list[Publish]:
        return self.do(lambda step: self.exchange.ask(step, zones, urgent=urgent))

    def answers(self, peer: str, *, urgent: bool, zone: str = "z") -> None:
        request = contract.Request(id="r", zones={zone: 1}, urgent=urgent)
        self.exchange.answer(peer, request)

    def holds(self, zone: str = "z") -> int:
        return self.occupancy.available(zone)


def content(message: Publish) -> dict[str, Any]:
    return json.loads(message.payload)


# --- the keeper -----------------------------------------------------------------------------------------


def test_a_grant_for_another_journal_is_not_for_us() -> None:
    """After a disk was replaced the keeper's retained word still speaks of the old one."""
    north = Gate("north")
    north.granted(journal="the one before", z=(5, 0))
    assert north.holds() == 0
    north.granted(journal=north.journal, z=(5, 0))
    assert north.holds() == 5


def test_a_keeper_of_the_past_is_not_heard() -> None:
    north = Gate("north")
    north.granted(term=2, z=(5, 0))
    north.granted(term=1, z=(9, 9))
    assert (north.holds(), north.exchange.term) == (5, 2)


def test_the_term_and_the_known_zones_survive_a_restart() -> None:
    north = Gate("north")
    north.granted(term=3, z=(5, 0))
    again = Gate("north", saved=north.saved)
    assert again.exchange.term == 3
    assert again.knows("z")
    again.granted(term=2, z=(9, 0))
    assert again.holds() == 5


def test_a_zone_is_known_once_the_keeper_has_spoken_of_it() -> None:
    """Not yet known and full are two answers."""
    north = Gate("north")
    assert north.exchange.unknown(["z", BUILDING]) == {"z", BUILDING}
    north.granted({BUILDING: (5, 0)}, z=(0, 0))
    assert north.knows("z", BUILDING)
    assert north.exchange.unknown(["y", "z"]) == {"y"}


def test_a_zone_that_the_caps_do_not_name_is_unknown_whoever_named_it_before() -> None:
    north = Gate("north")
    north.granted(z=(5, 0), attic=(5, 0))
    assert not north.knows("attic")
    north.exchange.use_caps(contract.Caps(revision=2, building=100, zones={"attic": 5}, sessions=()))
    assert north.knows("attic")
    assert not north.knows("z")


def test_without_caps_no_zone_is_known() -> None:
    north = Gate("north")
    north.granted({BUILDING: (5, 0)}, z=(5, 0))
    north.exchange.use_caps(None)
    assert north.exchange.unknown(["z", BUILDING]) == {"z", BUILDING}


def test_an_unlimited_building_and_passes_need_no_word_of_the_keeper() -> None:
    north = Gate("north")
    assert not north.knows(BUILDING)
    north.exchange.use_caps(OPEN)
    assert north.knows(BUILDING, PASSES)
    assert north.occupancy.missing([BUILDING, PASSES]) == []


def test_what_the_keeper_wants_back_is_given_with_the_next_step() -> None:
    north = Gate("north")
    north.granted(z=(5, 2))
    assert north.holds() == 3
    (message,) = north.save(tell=True)
    assert content(message)["zones"]["z"]["released"] == 2


# --- telling --------------------------------------------------------------------------------------------


def test_the_others_are_told_when_something_changed_and_only_then() -> None:
    north = Gate("north")
    north.granted(z=(5, 0))
    assert north.save() == []
    north.occupancy.enter(["z"])
    (message,) = north.save()
    assert (message.topic, message.retain) == ("gatehouse/demo/occupancy/north", True)
    assert content(message)["zones"]["z"]["entries"] == 1
    assert north.save() == []
    assert len(north.save(tell=True)) == 1


def test_the_others_are_told_what_is_on_disk_and_nothing_else() -> None:
    """A right that is sent and then forgotten in a power cut would exist twice."""
    west = Gate("west")
    west.occupancy.leave(["z"], 2)
    west.occupancy.send("north", "z", 2)
    step = west.recorder.begin(Now(0.0, NINE))
    west.exchange.save(step, tell=False)
    intents = west.recorder.finish(step)
    assert [type(intent) for intent in intents] == [Commit]
    assert [type(intent) for intent in west.recorder.committed(2)] == [Publish]


def test_a_message_says_all_that_others_need() -> None:
    north = Gate("north")
    north.granted(term=4, z=(5, 0))
    north.occupancy.enter(["z"])
    north.occupancy.enter([PASSES], 2)
    north.occupancy.merge("north", "old", {"z": north.occupancy.own("z").row()})
    (message,) = north.save()
    row = {"granted": 5, "entries": 1, "exits": 0, "released": 0, "sent": {}, "received": 0}
    assert content(message) == {
        "journal": "journal-of-north",
        "term": 4,
        "zones": {"z": row},
        "passes": {"entries": 2, "exits": 0},
        "former": {"old": {"z": row}},
    }


def test_a_fresh_journal_keeps_silent_until_it_has_heard_what_the_old_one_said() -> None:
    """Its first message replaces the retained one, the only memory of the old journal."""
    old = Gate("north")
    old.granted(z=(5, 0))
    old.occupancy.enter(["z"], 3)
    told = old.save()
    spare = Gate("north", "spare", synced=False)
    spare.occupancy.enter(["z"])
    assert spare.save(tell=True) == []
    assert spare.hears(told)
    spare.occupancy.know_predecessors()
    (message,) = spare.save()
    assert content(message)["former"]["journal-of-north"]["z"]["entries"] == 3
    assert spare.occupancy.inside("z") == 4


def test_our_own_message_coming_back_is_no_news() -> None:
    north = Gate("north")
    north.granted(z=(5, 0))
    assert not north.hears(north.save(tell=True))
    assert north.occupancy.former() == {}


def test_a_neighbours_former_journals_count_too() -> None:
    """The people that its old disk let in are still inside; what it sent to us is ours."""
    north = Gate("north")
    row = {"granted": 5, "entries": 2, "exits": 0, "released": 0, "sent": {"north": 1}, "received": 0}
    message = contract.Occupancy.model_validate(
        {"journal": "new", "term": 1, "zones": {}, "former": {"old": {"z": row}}}
    )
    assert north.exchange.heard("south", message)
    assert north.occupancy.inside("z") == 2
    assert north.holds() == 1


def test_a_right_that_died_with_a_neighbours_disk_pays_no_debt() -> None:
    """Its old journal held five, its new one owes one."""
    north = Gate("north")
    north.granted(z=(3, 0))
    old, new = ({"granted": number, "entries": 1 - number // 5, "exits": 0, "released": 0} for number in (5, 0))
    message = {"journal": "new", "term": 1, "zones": {"z": new}, "former": {"old": {"z": old}}}
    north.exchange.heard("south", contract.Occupancy.model_validate(message))
    north.passes_on()
    assert north.sent() == {"south": 1}


def test_who_is_in_on_a_pass_is_known_everywhere() -> None:
    north, west = Gate("north"), Gate("west")
    north.occupancy.enter([PASSES], 3)
    west.occupancy.leave([PASSES])
    assert north.hears(west.save())
    assert north.occupancy.inside(PASSES) == 2
    assert not north.hears(west.save(tell=True))


# --- asking ---------------------------------------------------------------------------------------------


def test_a_question_names_the_zones_and_whether_somebody_waits() -> None:
    north = Gate("north")
    (message,) = north.asks("z", BUILDING, urgent=True)
    row, names, request = contract.parse(message.topic, message.payload)
    assert (row.name, names["device"], message.retain) == ("requests", "north", False)
    assert isinstance(request, contract.Request)
    assert (request.zones, request.urgent) == ({"z": 1, BUILDING: 1}, True)


def test_a_group_asks_for_a_right_each() -> None:
    north, south = Gate("north"), Gate("south")
    (message,) = north.do(lambda step: north.exchange.ask(step, ["z"], urgent=True, people=3))
    request = contract.parse(message.topic, message.payload).payload
    assert isinstance(request, contract.Request)
    south.granted(z=(4, 0))
    south.exchange.answer("north", request)
    assert south.occupancy.own("z").sent == {"north": 3}


def test_nobody_is_asked_about_nothing() -> None:
    assert Gate("north").asks() == []


def test_the_same_zone_is_not_asked_for_again_at_once() -> None:
    north = Gate("north")
    assert len(north.asks("z")) == 1
    north.now_s = ASK_AGAIN_S / 2
    assert north.asks("z") == []
    (about_y,) = north.asks("z", "y")
    assert content(about_y)["zones"] == {"y": 1}
    north.now_s = ASK_AGAIN_S
    assert len(north.asks("z")) == 1


def test_a_reader_who_waits_is_always_worth_a_question() -> None:
    north = Gate("north")
    first, second = north.asks("z", urgent=True), north.asks("z", urgent=True)
    assert content(first[0])["id"] != content(second[0])["id"]


@pytest.mark.parametrize(("left", "asked"), [(3, 0), (2, 0), (1, 1), (0, 1)])
def test_a_gate_asks_when_it_runs_low(left: int, asked: int) -> None:
    north = Gate("north")
    north.granted(z=(left, 0))
    assert len(north.do(lambda step: north.exchange.ask_if_low(step, ["z"]))) == asked


def test_nobody_is_asked_about_a_zone_of_which_nobody_knows_the_cap() -> None:
    north = Gate("north")
    assert north.do(lambda step: north.exchange.ask_if_low(step, ["attic"])) == []


def test_a_gate_without_neighbours_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LANES, "south", False)
    north = Gate("north")
    north.granted(z=(1, 0))
    assert not north.exchange.has_peers
    assert north.do(lambda step: north.exchange.ask_if_low(step, ["z"])) == []
    north.hears(Gate("west").save(tell=True))
    assert not north.exchange.has_peers, "a row without the building tells nothing"


def test_an_unlimited_building_is_not_asked_for() -> None:
    north = Gate("north")
    north.granted({BUILDING: (1, 0)})
    north.exchange.use_caps(OPEN)
    assert north.do(lambda step: north.exchange.ask_if_low(step, [BUILDING])) == []


# --- answering ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("free", "urgent", "passed"),
    [(8, False, 4), (8, True, 4), (3, False, 1), (1, False, 0), (1, True, 1), (0, True, 0), (-2, True, 0)],
)
def test_an_entrance_passes_on_half_and_its_last_right_only_to_somebody_who_waits(
    free: int, urgent: bool, passed: int
) -> None:
    south = Gate("south")
    south.granted(z=(10, 0))
    south.occupancy.enter(["z"], 10 - free)
    south.answers("north", urgent=urgent)
    assert south.occupancy.own("z").sent.get("north", 0) == passed
    assert south.holds() == free - passed


def test_an_entrance_keeps_the_right_of_the_reader_before_it() -> None:
    south = Gate("south")
    south.granted(z=(1, 0))
    south.occupancy.reserved = frozenset({"z"})
    south.answers("north", urgent=True)
    assert south.holds() == 1


def test_an_exit_passes_on_all_it_holds() -> None:
    west = Gate("west")
    west.occupancy.leave(["z"], 5)
    west.answers("north", urgent=False)
    assert (west.holds(), west.occupancy.own("z").sent) == (0, {"north": 5})


def test_a_question_about_an_unknown_zone_changes_nothing() -> None:
    south = Gate("south")
    south.answers("north", urgent=True, zone="nowhere")
    assert south.save() == []


# --- the flow from the exit to the entrance ---------------------------------------------------------------


def test_an_exit_sends_its_rights_to_the_entrance_that_holds_the_fewest() -> None:
    north, south, west = Gate("north"), Gate("south"), Gate("west")
    north.granted(z=(1, 0))
    south.granted(z=(4, 0))
    west.hears([*north.save(tell=True), *south.save(tell=True)])
    west.occupancy.leave(["z"])
    west.passes_on()
    assert west.occupancy.own("z").sent == {"north": 1}


def test_of_equals_the_first_by_name_gets_them_and_unknown_ones_hold_nothing() -> None:
    south, west = Gate("south"), Gate("west")
    south.granted(z=(4, 0))
    west.hears(south.save(tell=True))
    west.occupancy.leave(["z"])
    west.passes_on()
    assert west.occupancy.own("z").sent == {"north": 1}


def test_cut_off_an_exit_keeps_its_rights_for_later() -> None:
    west = Gate("west")
    west.occupancy.leave(["z"])
    west.passes_on(up=False)
    assert west.holds() == 1
    west.passes_on()
    assert west.holds() == 0


def test_an_entrance_passes_nothing_on_unasked() -> None:
    north = Gate("north")
    north.granted(z=(5, 0))
    north.passes_on()
    assert north.holds() == 5


def test_an_unlimited_building_needs_no_rights_to_flow() -> None:
    west = Gate("west")
    west.exchange.use_caps(OPEN)
    west.occupancy.leave([BUILDING])
    west.passes_on()
    assert west.holds(BUILDING) == 1


def test_an_exit_sends_nothing_to_an_entrance_that_is_off() -> None:
    """North looks poor, because nobody there uses what it gets."""
    south, west = Gate("south"), Gate("west")
    south.granted(z=(6, 0))
    west.exchange.online = {"south"}
    for _ in range(100):
        assert south.occupancy.missing(["z"]) == []
        south.occupancy.enter(["z"])
        west.hears(south.save())
        west.occupancy.leave(["z"])
        west.passes_on()
        south.hears(west.save())
        west.hears(south.save())
    assert south.holds() == 6


def test_before_a_gate_is_known_to_be_off_it_does_not_swallow_the_rights_of_the_day() -> None:
    """Its last will comes late; what is on its way to it counts."""
    south, west = Gate("south"), Gate("west")
    south.granted(z=(6, 0))
    for _ in range(100):
        if south.occupancy.missing(["z"]) == []:
            south.occupancy.enter(["z"])
            west.hears(south.save())
            west.occupancy.leave(["z"])
            west.passes_on()
            south.hears(west.save())
            west.hears(south.save())
    assert south.holds() == 3


def test_while_nobody_is_there_an_exit_keeps_its_rights_for_who_comes() -> None:
    west = Gate("west")
    west.exchange.online = set()
    west.occupancy.leave(["z"])
    west.passes_on()
    assert west.holds() == 1
    west.exchange.online = {"south"}
    west.passes_on()
    assert west.sent() == {"south": 1}


# --- debts ------------------------------------------------------------------------------------------------


def owes(gate: Gate, people: int) -> list[Publish]:
    """So many came in there without a right; what it tells."""
    gate.occupancy.enter(["z"], gate.holds() + people)
    return gate.save()


def test_every_gate_pays_what_it_sees_owed_and_is_not_asked() -> None:
    north, south = Gate("north"), Gate("south")
    north.granted(z=(3, 0))
    north.hears(owes(south, 1))
    north.passes_on()
    assert (north.sent(), north.holds()) == ({"south": 1}, 2)
    south.hears(north.save())
    assert south.holds() == 0


def test_an_exit_pays_what_is_owed_before_it_sends_the_rest_to_the_poorest() -> None:
    """Also to one that is off: the place is taken all the same."""
    south, west = Gate("south"), Gate("west")
    west.exchange.online = {"north"}
    west.hears(owes(south, 2))
    west.occupancy.leave(["z"], 3)
    west.passes_on()
    assert west.sent() == {"south": 2, "north": 1}


def test_what_is_owed_at_an_exit_is_paid_and_what_is_paid_twice_goes_on_to_an_entrance() -> None:
    """A guard counted there: three more inside than anybody had seen."""
    gates = {name: Gate(name) for name in LANES}
    north, south, west = gates.values()
    north.granted(z=(5, 0))
    south.granted(z=(4, 0))
    debt = owes(west, 3)
    for gate in (north, south):
        gate.hears(debt)
        gate.passes_on()
    for gate in (north, south):
        west.hears(gate.save())
    west.passes_on()
    paid = west.save()
    for gate in (north, south):
        gate.hears(paid)
    assert (north.holds(), south.holds(), west.holds()) == (2, 4, 0)


def test_while_cut_off_nothing_is_paid_and_afterwards_everything() -> None:
    """Rows come in any order then, and the one who paid may come last."""
    north, south, west = (Gate(name) for name in LANES)
    north.granted(z=(3, 0))
    debt = owes(south, 1)
    west.hears(debt)
    west.occupancy.leave(["z"])
    west.passes_on()
    north.hears(debt)
    north.passes_on(up=False)
    assert north.sent() == {}
    north.hears(west.save())
    north.passes_on()
    assert north.sent() == {}, "it is paid already"
    north.hears(owes(south, 2))
    north.passes_on(up=False)
    assert north.sent() == {}
    north.passes_on()
    assert north.sent() == {"south": 1}


def test_one_way_in_another_way_out_all_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cap of three, a hundred readers: rights flow from the west back to the north and nobody is refused."""
    monkeypatch.setitem(LANES, "south", False)
    north, west = Gate("north"), Gate("west")
    north.granted(z=(3, 0))
    for _ in range(100):
        assert north.occupancy.missing(["z"]) == []
        north.occupancy.enter(["z"])
        west.hears(north.save())
        west.occupancy.leave(["z"])
        west.passes_on()
        north.hears(west.save())
        north.save()
    assert (north.holds(), west.holds()) == (3, 0)


def test_rows_of_events_are_not_needed() -> None:
    """The counter lives in keys of the state; it writes no history of its own."""
    north = Gate("north")
    north.granted(z=(3, 0))
    step = north.recorder.begin(Now(0.0, NINE))
    north.occupancy.enter(["z"])
    north.exchange.save(step, tell=False)
    assert [event for event in step.events if isinstance(event, Event)] == []
    assert list(step.puts) == ["count/own/z"]


# --- limits -----------------------------------------------------------------------------------------------


def told(
    journal: str, *zones: str, former: int = 0, sent: Mapping[str, int] = MappingProxyType({})
) -> contract.Occupancy:
    row = contract.ZoneRow(granted=0, entries=0, exits=0, released=0, sent=dict(sent))
    rows = dict.fromkeys(zones, row)
    before = {f"{journal}-{number}": rows for number in range(former)}
    return contract.Occupancy(journal=journal, term=1, zones=rows, former=before)


def names(start: int, end: int) -> list[str]:
    return [f"z{number}" for number in range(start, end)]


def test_what_a_gate_hears_never_outgrows_what_it_can_tell() -> None:
    """Each of these could be heard; together with what was heard before they could not be told again."""
    north = Gate("north")
    north.exchange.heard("south", told("s", *names(0, 500), BUILDING, sent={"north": MAX_COUNT}))
    north.exchange.heard("north", told("n", "z0", former=49))
    before = content(north.save(tell=True)[0])
    for device, rows in (
        ("south", told("s", "one more")),
        ("south", told("t", "z0", sent={"north": 1})),
        ("north", told("o", "z0")),
        ("south", told("s", "z0", sent={f"gate{number}": 1 for number in range(100)})),
    ):
        with pytest.raises(contract.ContractError):
            north.exchange.heard(device, rows)
    north.granted(z0=(1, 0))
    with pytest.raises(contract.ContractError):
        north.granted(another=(1, 0))
    north.exchange.heard("west", told("w", "z0", former=50))
    with pytest.raises(contract.ContractError):
        north.exchange.heard("west", told("x", "z0"))
    (message,) = north.save(tell=True)
    assert content(message)["former"] == before["former"]
    assert contract.parse(message.topic, message.payload).payload is not None


def test_a_gate_does_not_die_of_its_own_report() -> None:
    north = Gate("north")
    for zone in names(0, 600):
        north.occupancy.enter([zone], 2_000_000_000)
    (message,) = north.save()
    assert content(message)["zones"]["z0"]["entries"] == 2_000_000_000
