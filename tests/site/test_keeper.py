"""The keeper: never more rights than the cap, in any order of messages, and all of them in the end."""

import contextlib
import json
from typing import Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.site.contract import Caps, Grants, Occupancy, Status, ZoneRow, encode
from edge.site.keeper import Change, Keeper, KeeperError

ENTRANCES = ("north", "south")
GATES = (*ENTRANCES, "west")


def caps(revision: int, building: int | None = None, **zones: int) -> Caps:
    return Caps(revision=revision, building=building, zones=zones, sessions=())


def status(journal: str, state: Literal["online", "offline"] = "online") -> Status:
    return Status(state=state, boot=1, since=None, version="", journal=journal, clock="set")


def hall(journal: str, sent: dict[str, int] | None = None, *, granted=0, entries=0, exits=0) -> Occupancy:
    row = ZoneRow(granted=granted, entries=entries, exits=exits, released=0, sent=sent or {})
    return Occupancy(journal=journal, term=1, zones={"hall": row})


class ModelGate:
    """A gate as the contract describes it, without anything that a gate does besides."""

    def __init__(self, name: str, journal: str, retained: dict[str, Occupancy]) -> None:
        self.name = name
        self.journal = journal
        self.granted = self.wanted = self.entries = self.exits = self.released = 0
        self.sent: dict[str, int] = {}
        self.peers: dict[tuple[str, str], int] = {}
        self.former: dict[str, dict[str, ZoneRow]] = {}
        self.term = 0
        for device, row in retained.items():
            if device == name:
                self.former = {**row.former, row.journal: row.zones}
            else:
                self.hear(device, row)
        # what was sent before this journal was born was received by the journals before it
        self.baseline = sum(self.peers.values())

    @property
    def received(self) -> int:
        return sum(self.peers.values()) - self.baseline

    @property
    def available(self) -> int:
        spent = self.entries + self.released + sum(self.sent.values())
        return self.granted + self.exits + self.received - spent

    def hear(self, device: str, row: Occupancy) -> None:
        for journal, zones in {**row.former, row.journal: row.zones}.items():
            if "hall" in zones:
                known = self.peers.get((device, journal), 0)
                self.peers[device, journal] = max(known, zones["hall"].sent.get(self.name, 0))

    def obey(self, grants: Grants) -> None:
        if grants.journal in (None, self.journal) and grants.term >= self.term and "hall" in grants.zones:
            self.term = grants.term
            self.granted = max(self.granted, grants.zones["hall"].granted)
            self.wanted = max(self.wanted, grants.zones["hall"].release_wanted)

    def release(self) -> None:
        self.released += max(0, min(self.wanted - self.released, self.available))

    def row(self) -> Occupancy:
        row = ZoneRow(
            granted=self.granted,
            entries=self.entries,
            exits=self.exits,
            released=self.released,
            sent=dict(self.sent),
            received=self.received,
        )
        return Occupancy(journal=self.journal, term=self.term, zones={"hall": row}, former=self.former)


class Site:
    """Gates, a keeper with its disk, and a broker that keeps the newest of each topic."""

    def __init__(self, *names: str) -> None:
        self.born = 0
        self.disk: dict = {}
        self.rows: dict[str, Occupancy] = {}
        self.grants: dict[str, Grants] = {}
        self.past_rows: list[tuple[str, Occupancy]] = []
        self.past_grants: list[tuple[str, Grants]] = []
        self.dead: list[ModelGate] = []
        self.gates = {name: self.new_gate(name) for name in names}
        self.keeper = Keeper(ENTRANCES, {})

    def new_gate(self, name: str) -> ModelGate:
        self.born += 1
        return ModelGate(name, f"{name}-{self.born}", self.rows)

    def publish(self, name: str) -> None:
        self.gates[name].release()
        row = self.gates[name].row()
        if self.rows.get(name) != row:
            self.rows[name] = row
            self.past_rows.append((name, row))

    def perform(self, change: Change, *, crash: bool = False) -> None:
        # as the journal does it: text on a disk
        self.disk.update(json.loads(json.dumps(change.puts)))
        if crash:
            self.start_keeper()
        else:
            for name, grants in change.grants.items():
                self.grants[name] = grants
                self.past_grants.append((name, grants))

    def start_keeper(self, *, disk: bool = True) -> None:
        if not disk:
            self.disk = {}
        self.keeper = Keeper(ENTRANCES, json.loads(json.dumps(self.disk)))
        for name, grants in self.grants.items():
            self.keeper.on_grants(name, grants)
        for name, row in self.rows.items():
            self.perform(self.keeper.on_row(name, row))
        self.perform(self.keeper.synced())

    def settle(self) -> None:
        """Everything arrives, in order, until nothing changes."""
        for _ in range(50):
            before = (dict(self.rows), dict(self.grants))
            for name, gate in self.gates.items():
                if name in self.grants:
                    gate.obey(self.grants[name])
                for peer, row in self.rows.items():
                    if peer != name:
                        gate.hear(peer, row)
                self.publish(name)
                self.perform(self.keeper.on_row(name, self.rows[name]))
            if before == (self.rows, self.grants):
                return
        raise AssertionError("the site does not come to rest")

    @property
    def inside(self) -> int:
        return sum(gate.entries - gate.exits for gate in [*self.gates.values(), *self.dead])


class AnyOrder(RuleBasedStateMachine):
    """The invariant: who is inside, and who may still be let in, are together never more than the cap.

    After a lowered cap that is the highest cap of which rights are not yet seen to be back. Messages
    of any age arrive anywhere at any time, twice or never.
    """

    @initialize(cap=st.integers(0, 12))
    def open(self, cap: int) -> None:
        self.site = Site(*GATES)
        self.revision = 1
        self.forgot = False
        self.cap = self.ceiling = cap
        for name in GATES:
            self.site.publish(name)
        self.site.start_keeper()
        self.site.perform(self.site.keeper.on_caps(caps(1, hall=cap)))

    @rule(cap=st.integers(0, 12), crash=st.booleans())
    def caps_change(self, cap: int, crash: bool) -> None:
        self.revision += 1
        self.cap = cap
        self.ceiling = max(self.ceiling, cap)
        self.site.perform(self.site.keeper.on_caps(caps(self.revision, hall=cap)), crash=crash)

    @rule(name=st.sampled_from(ENTRANCES), count=st.integers(1, 4), publish=st.booleans())
    def enter(self, name: str, count: int, publish: bool) -> None:
        gate = self.site.gates[name]
        gate.entries += max(0, min(count, gate.available))
        if publish:
            self.site.publish(name)

    @precondition(lambda self: self.site.inside > 0)
    @rule(name=st.sampled_from(GATES), count=st.integers(1, 4))
    def leave(self, name: str, count: int) -> None:
        self.site.gates[name].exits += min(count, self.site.inside)
        self.site.publish(name)

    @rule(name=st.sampled_from(GATES), peer=st.sampled_from(GATES), count=st.integers(1, 4))
    def send(self, name: str, peer: str, count: int) -> None:
        gate = self.site.gates[name]
        count = min(count, gate.available)
        if peer != name and count > 0:
            gate.sent[peer] = gate.sent.get(peer, 0) + count
            self.site.publish(name)

    @rule(data=st.data(), crash=st.booleans())
    def the_keeper_hears_a_row(self, data: st.DataObject, crash: bool) -> None:
        name, row = data.draw(st.sampled_from(self.site.past_rows))
        self.site.perform(self.site.keeper.on_row(name, row), crash=crash)

    @rule(name=st.sampled_from(GATES))
    def the_keeper_hears_the_newest_row(self, name: str) -> None:
        self.site.perform(self.site.keeper.on_row(name, self.site.rows[name]))

    @rule(name=st.sampled_from(GATES), data=st.data())
    def a_gate_hears_a_row(self, name: str, data: st.DataObject) -> None:
        peer, row = data.draw(st.sampled_from(self.site.past_rows))
        if peer != name:
            self.site.gates[name].hear(peer, row)
            self.site.publish(name)

    @rule(data=st.data())
    def a_gate_hears_the_keeper(self, data: st.DataObject) -> None:
        if self.site.past_grants:
            name, grants = data.draw(st.sampled_from(self.site.past_grants))
            self.site.gates[name].obey(grants)
            self.site.publish(name)

    @rule()
    def the_keeper_restarts(self) -> None:
        self.site.start_keeper()

    @rule()
    def the_keeper_gets_a_new_disk(self) -> None:
        self.forgot = True
        self.site.start_keeper(disk=False)
        # the caps are retained by the broker
        self.site.perform(self.site.keeper.on_caps(caps(self.revision, hall=self.cap)))

    @rule(name=st.sampled_from(GATES))
    def a_gate_gets_a_new_disk(self, name: str) -> None:
        self.site.publish(name)
        self.site.dead.append(self.site.gates[name])
        self.site.gates[name] = self.site.new_gate(name)
        self.site.publish(name)

    @rule(name=st.sampled_from(GATES))
    def a_person_writes_the_old_disk_off(self, name: str) -> None:
        gate = self.site.gates[name]
        if any(old.name == name for old in self.site.dead):
            self.site.perform(self.site.keeper.on_status(name, status(gate.journal)))
            self.site.perform(self.site.keeper.on_row(name, self.site.rows[name]))
            with contextlib.suppress(KeeperError):
                self.site.perform(self.site.keeper.write_off(name))

    @rule()
    def all_arrives(self) -> None:
        """All rights there are: what the caps allow, or else nobody could give one back."""
        self.site.settle()
        outstanding = self.site.keeper.outstanding("hall")
        assert outstanding >= self.cap
        # a keeper with a new disk does not know what a person wrote off: it counts those rights again
        if outstanding > self.cap and not self.forgot:
            assert all(gate.available <= 0 for gate in self.site.gates.values())

    @invariant()
    def never_more_than_the_cap(self) -> None:
        if not hasattr(self, "site"):
            return
        self.ceiling = max(self.cap, min(self.ceiling, self.site.keeper.outstanding("hall")))
        free = sum(gate.available for gate in self.site.gates.values())
        assert self.site.inside + free <= self.ceiling
        assert all(gate.available >= 0 for gate in self.site.gates.values())


AnyOrder.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
test_in_any_order = AnyOrder.TestCase


# --- stories -----------------------------------------------------------------------------------


def open_site(*, cap: int = 10, names: tuple[str, ...] = GATES) -> Site:
    site = Site(*names)
    for name in names:
        site.publish(name)
    site.start_keeper()
    site.perform(site.keeper.on_caps(caps(1, hall=cap)))
    site.settle()
    return site


def granted(site: Site) -> dict[str, int]:
    return {name: site.grants[name].zones["hall"].granted for name in site.grants}


@pytest.mark.parametrize(("cap", "north", "south"), [(10, 5, 5), (11, 6, 5), (1, 1, 0), (0, 0, 0)])
def test_first_caps_are_split_evenly_and_the_remainder_goes_to_the_first(cap, north, south) -> None:
    site = open_site(cap=cap)
    assert granted(site) == {"north": north, "south": south}
    assert site.keeper.outstanding("hall") == cap


def test_a_way_out_gets_no_rights_of_its_own() -> None:
    assert "west" not in open_site().grants


def test_a_building_without_a_cap_gets_no_grants() -> None:
    site = open_site()
    assert set(site.grants["north"].zones) == {"hall"}
    site.perform(site.keeper.on_caps(caps(2, building=7, hall=10)))
    assert {name: grants.zones["*"].granted for name, grants in site.grants.items()} == {"north": 4, "south": 3}
    site.perform(site.keeper.on_caps(caps(3, building=None, hall=10)))
    assert site.keeper.exceeded() == {}


def test_gates_hear_of_a_zone_that_has_room_for_nobody() -> None:
    site = open_site()
    site.perform(site.keeper.on_caps(caps(2, hall=10, attic=0)))
    for name in ENTRANCES:
        assert site.grants[name].zones["attic"].granted == 0


def test_a_raised_cap_goes_to_the_entrance_with_the_fewest_rights() -> None:
    site = open_site(cap=10)
    site.gates["south"].entries += 3
    site.settle()
    site.perform(site.keeper.on_caps(caps(2, hall=14)))
    assert granted(site) == {"north": 5, "south": 9}


def test_a_lowered_cap_asks_only_for_what_is_there_and_for_the_rest_as_people_leave() -> None:
    site = open_site(cap=10)
    site.gates["north"].entries += 5
    site.gates["south"].entries += 2
    site.settle()
    site.perform(site.keeper.on_caps(caps(2, hall=4)))
    assert site.grants["south"].zones["hall"].release_wanted == 3
    assert site.grants["north"].zones["hall"].release_wanted == 0
    site.settle()
    assert site.keeper.outstanding("hall") == 7
    assert site.keeper.exceeded() == {"hall": (7, 4)}
    site.gates["west"].exits += 3
    site.settle()
    # the rights that people brought to the way out are taken back there
    assert site.grants["west"].zones["hall"].release_wanted == 3
    assert site.keeper.outstanding("hall") == 4
    assert site.keeper.exceeded() == {}


def test_a_zone_that_more_left_than_came_into_is_below_zero() -> None:
    site = open_site(cap=10)
    site.gates["north"].entries += 2
    site.gates["west"].exits += 2
    site.settle()
    assert site.keeper.below_zero() == {}
    site.gates["west"].exits += 1
    site.settle()
    assert site.keeper.below_zero() == {"hall": -1}


def test_what_came_back_beyond_need_is_granted_again() -> None:
    site = open_site(cap=10)
    site.perform(site.keeper.on_caps(caps(2, hall=4)))
    # the caps go up again while the gates still give back what the lower ones asked for
    site.perform(site.keeper.on_caps(caps(3, hall=10)))
    site.settle()
    assert site.keeper.outstanding("hall") == 10
    assert sum(gate.available for gate in site.gates.values()) == 10


@pytest.mark.parametrize("revision", [0, 1])
def test_older_caps_are_ignored(revision: int) -> None:
    site = open_site(cap=10)
    change = site.keeper.on_caps(caps(revision, hall=4))
    assert (change.puts, change.grants) == ({}, {})


def test_rights_are_on_disk_before_anybody_hears_of_them() -> None:
    site = Site(*GATES)
    for name in GATES:
        site.publish(name)
    site.start_keeper()
    change = site.keeper.on_caps(caps(1, hall=10))
    assert set(change.grants) == {"north", "south"}
    site.perform(change, crash=True)  # never published
    assert granted(site) == {"north": 5, "south": 5}
    assert site.keeper.outstanding("hall") == 10


def test_a_gate_that_was_never_heard_gets_rights_for_whichever_journal_it_has() -> None:
    site = Site("north")
    site.publish("north")
    site.start_keeper()
    site.perform(site.keeper.on_caps(caps(1, hall=10)))
    assert site.grants["north"].journal == site.gates["north"].journal
    assert site.grants["south"].journal is None
    site.gates["north"].obey(site.grants["north"])
    site.gates["north"].entries += 5
    site.publish("north")
    site.perform(site.keeper.on_row("north", site.rows["north"]))
    site.gates["south"] = site.new_gate("south")
    site.publish("south")
    site.perform(site.keeper.on_row("south", site.rows["south"]))
    assert granted(site) == {"north": 5, "south": 5}
    site.settle()
    assert site.grants["south"].journal == site.gates["south"].journal
    assert site.gates["south"].available == 5
    assert site.keeper.outstanding("hall") == 10


def test_the_part_of_an_entrance_that_was_never_there_goes_to_whoever_asks_and_the_rest_to_it_when_it_comes() -> None:
    site = Site("north")
    site.publish("north")
    site.start_keeper()
    site.perform(site.keeper.on_caps(caps(1, hall=10)))
    assert granted(site) == {"north": 5, "south": 0}
    site.perform(site.keeper.on_request("north", {"hall": 2}), crash=True)
    site.perform(site.keeper.synced())
    assert granted(site) == {"north": 7, "south": 0}
    site.gates["south"] = site.new_gate("south")
    site.publish("south")
    site.perform(site.keeper.on_row("south", site.rows["south"]))
    assert granted(site) == {"north": 7, "south": 3}
    for name in GATES:
        assert site.keeper.on_request(name, {"hall": 1}).grants == {}  # all is given
    assert site.keeper.outstanding("hall") == 10


def test_who_was_never_there_or_lets_nobody_in_asks_in_vain() -> None:
    site = Site("north")
    site.publish("north")
    site.start_keeper()
    site.perform(site.keeper.on_caps(caps(1, hall=10)))
    for name in ("south", "west", "nobody"):
        assert site.keeper.on_request(name, {"hall": 1}).grants == {}
    assert site.keeper.on_request("north", {"attic": 1}).grants == {}
    assert site.keeper.outstanding("hall") == 5


def test_a_new_disk_starts_without_rights_and_a_person_frees_the_old_ones() -> None:
    site = open_site(cap=10)
    site.gates["north"].entries += 2
    site.settle()
    site.dead.append(site.gates["north"])
    site.gates["north"] = site.new_gate("north")
    site.settle()
    assert site.gates["north"].available == 0
    assert site.keeper.inside("hall") == 2  # the people it let in are still inside
    assert site.keeper.outstanding("hall") == 10
    site.perform(site.keeper.write_off("north"))
    site.settle()
    assert site.gates["north"].available == 3
    assert site.inside + sum(gate.available for gate in site.gates.values()) == 10
    site.keeper.on_status("north", status(site.gates["north"].journal))
    with pytest.raises(KeeperError, match="north is online"):
        site.keeper.write_off("north")


def test_rights_that_peers_gave_to_the_old_disk_are_not_counted_twice() -> None:
    site = open_site(cap=4)
    for _ in range(100):  # a day: in at the north, out at the west, rights flow back
        site.gates["north"].entries += 2
        site.gates["west"].exits += 2
        site.gates["west"].sent["north"] = site.gates["west"].sent.get("north", 0) + 2
        site.settle()
    site.dead.append(site.gates["north"])
    site.gates["north"] = site.new_gate("north")
    site.settle()
    site.perform(site.keeper.write_off("north"))
    site.settle()
    assert site.keeper.outstanding("hall") == 4
    assert sum(gate.available for gate in site.gates.values()) == 4


def test_a_gate_that_does_not_tell_what_it_received_frees_no_more_than_is_sure() -> None:
    keeper = Keeper(("north", "south"), {})
    keeper.synced()
    keeper.on_status("south", status("s1"))
    keeper.on_caps(caps(1, hall=4))

    keeper.on_row("west", hall("w", {"north": 50}, exits=50))
    keeper.on_row("north", hall("n1", granted=2, entries=51))
    assert keeper.available("north", "hall") == 1
    keeper.on_row("north", hall("n2"))
    keeper.write_off("north")
    assert keeper.outstanding("hall") == 4


def test_a_gate_that_burnt_down_is_written_off_and_taken_back_if_it_returns() -> None:
    site = open_site(cap=10)
    gate = site.gates["south"]
    gate.entries += 1
    site.settle()
    site.perform(site.keeper.on_status("south", status(gate.journal, "offline")))
    site.perform(site.keeper.write_off("south"))
    assert granted(site)["north"] == 9
    # somebody found it: the same disk, the same row, and its rights
    site.perform(site.keeper.on_status("south", status(gate.journal)))
    assert site.keeper.outstanding("hall") == 14
    site.settle()
    assert site.inside + sum(gate.available for gate in site.gates.values()) == 10


def test_a_gate_that_is_online_is_not_written_off() -> None:
    site = open_site()
    status = Status(state="online", boot=1, since=None, version="", journal=site.gates["south"].journal, clock="set")
    site.keeper.on_status("south", status)
    for device, said in (("south", "online"), ("east", "no journal")):
        with pytest.raises(KeeperError, match=said):
            site.keeper.write_off(device)


def replace_disk(site: Site, name: str) -> Occupancy:
    """A new disk in a gate; returns the last row of the old one."""
    old = site.rows[name]
    site.dead.append(site.gates[name])
    site.gates[name] = site.new_gate(name)
    site.settle()
    return old


def test_an_old_message_of_a_replaced_journal_does_not_bring_it_back() -> None:
    site = open_site()
    site.gates["north"].entries += 1
    site.settle()
    old = replace_disk(site, "north")
    late = old.model_copy(update={"zones": {"hall": old.zones["hall"].model_copy(update={"entries": 2})}})
    for message in (old, late):
        site.perform(site.keeper.on_row("north", message))
        assert site.grants["north"].journal == site.gates["north"].journal
    # what the late one tells is counted all the same
    assert site.keeper.inside("hall") == 2


def test_nor_does_it_where_the_gate_knows_nothing_of_its_old_journal() -> None:
    site = open_site()
    old = site.rows.pop("north")  # the broker lost it
    site.gates["north"] = site.new_gate("north")
    site.settle()
    site.perform(site.keeper.on_row("north", old))
    assert site.grants["north"].journal == site.gates["north"].journal


def test_rights_that_the_old_disk_passed_on_are_not_freed_with_it() -> None:
    site = open_site(cap=10)
    site.gates["north"].sent["south"] = 4
    site.settle()
    replace_disk(site, "north")
    site.perform(site.keeper.write_off("north"))
    site.settle()
    assert site.gates["south"].available == 9
    assert sum(gate.available for gate in site.gates.values()) == 10


def test_nothing_is_asked_for_twice_while_the_answer_is_on_its_way() -> None:
    site = open_site(cap=10)
    site.perform(site.keeper.on_caps(caps(2, hall=7)))
    wanted = {name: site.grants[name].zones["hall"].release_wanted for name in ENTRANCES}
    assert sum(wanted.values()) == 3
    for name in GATES:
        assert site.keeper.on_row(name, site.rows[name]).grants == {}


def test_a_keeper_with_an_empty_disk_asks_beyond_what_came_back_before() -> None:
    site = open_site(cap=10)
    site.perform(site.keeper.on_caps(caps(2, hall=6)))
    site.settle()
    site.start_keeper(disk=False)
    site.perform(site.keeper.on_caps(caps(3, hall=4)))
    assert sum(site.grants[name].zones["hall"].release_wanted for name in ENTRANCES) == 4 + 2
    site.settle()
    assert site.keeper.outstanding("hall") == 4


def test_a_zone_that_the_caps_name_no_more_gives_all_back() -> None:
    site = open_site(cap=10)
    site.perform(site.keeper.on_caps(caps(2, attic=3)))
    site.settle()
    assert site.keeper.outstanding("hall") == 0
    assert granted(site) == {"north": 5, "south": 5}


def test_a_restarted_keeper_remembers_what_it_gave_and_nobody_has_heard() -> None:
    """Else it would give the same places again, to the gate that is there."""
    site = open_site(cap=10)
    site.perform(site.keeper.on_caps(caps(2, hall=13)))  # to the north, which is cut off
    site.gates["south"].entries += 5
    site.publish("south")
    site.grants.clear()
    site.start_keeper()
    assert granted(site) == {"north": 8, "south": 5}
    assert site.keeper.outstanding("hall") == 13


def test_a_restarted_keeper_remembers_what_came_back_though_nobody_repeats_it() -> None:
    site = open_site(cap=10)
    site.perform(site.keeper.on_caps(caps(2, hall=6)))
    site.settle()
    site.rows.clear()
    site.start_keeper()
    assert site.keeper.outstanding("hall") == 6


def test_the_last_word_of_a_gate_that_went_away_outlives_the_keeper() -> None:
    site = open_site(cap=10)
    gate = site.gates["south"]
    gate.entries += 4
    site.settle()
    site.perform(site.keeper.on_status("south", status(gate.journal, "offline")))
    site.rows.clear()
    site.start_keeper()
    site.perform(site.keeper.write_off("south"))
    assert site.keeper.inside("hall") == 4
    assert granted(site)["north"] == 6


def test_a_keeper_with_an_empty_disk_learns_what_was_granted_and_takes_the_next_term() -> None:
    site = open_site(cap=10)
    site.perform(site.keeper.on_caps(caps(2, hall=13)))
    assert site.keeper.term == 1
    site.start_keeper(disk=False)
    site.perform(site.keeper.on_caps(caps(2, hall=13)))
    assert site.keeper.term == 2
    assert site.keeper.outstanding("hall") == 13
    assert site.disk["keeper/term"] == 2
    site.start_keeper()
    assert site.keeper.term == 2


def test_an_empty_disk_and_an_empty_broker_learn_from_the_gates_as_they_come() -> None:
    site = open_site(cap=10)
    site.gates["north"].entries += 4
    site.settle()
    for gate in site.gates.values():
        gate.term = 7
    site.rows.clear()
    site.grants.clear()
    site.start_keeper(disk=False)
    site.perform(site.keeper.on_caps(caps(1, hall=10)))
    site.settle()
    assert site.keeper.term == 8
    assert site.keeper.outstanding("hall") == 10
    assert site.inside + sum(gate.available for gate in site.gates.values()) == 10


def test_grants_that_nobody_has_heard_yet_are_learnt_from_the_broker() -> None:
    site = open_site(cap=10)
    site.perform(site.keeper.on_caps(caps(2, hall=13)))  # to the north, which is cut off
    site.start_keeper(disk=False)
    site.gates["south"].entries += 5
    site.publish("south")
    site.perform(site.keeper.on_row("south", site.rows["south"]))
    site.perform(site.keeper.on_caps(caps(2, hall=13)))
    assert granted(site) == {"north": 8, "south": 5}


def test_before_the_broker_has_told_all_nothing_is_decided() -> None:
    keeper = Keeper(ENTRANCES, {})
    assert keeper.on_caps(caps(1, hall=10)).grants == {}
    assert keeper.on_row("north", ModelGate("north", "n1", {}).row()).grants == {}
    assert set(keeper.synced().grants) == {"north", "south"}
    assert encode(keeper.grants("north"))


def test_a_gift_to_a_disk_that_is_gone_keeps_no_other_gate_from_giving_back() -> None:
    """The rights in it are nobody's; asked of the gate's new disk, they would never come."""
    site = Site(*GATES)
    site.publish("north")
    site.publish("south")
    site.start_keeper()
    site.perform(site.keeper.on_caps(caps(1, hall=1)))
    site.perform(site.keeper.on_caps(caps(2, hall=3)))
    site.settle()
    south = site.gates["south"]
    south.sent["west"] = south.available
    assert south.sent["west"] > site.gates["north"].available
    site.publish("south")
    site.gates["west"] = site.new_gate("west")
    site.publish("west")
    site.perform(site.keeper.on_caps(caps(3, hall=1)))
    site.settle()
    assert [gate.available for gate in site.gates.values()] == [0, 0, 0]
