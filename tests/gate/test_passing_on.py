"""A way out keeps no right that somebody could use: it looks only when its numbers moved, and misses nothing by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.gate.exchange import Exchange
from edge.gate.occupancy import Occupancy
from edge.runtime.station import Identity
from edge.site import contract
from edge.site.contract import BUILDING
from edge.site.tally import Tally

CAPS = contract.Caps(revision=1, building=100, zones={"z": 100}, sessions=())
NO_BUILDING_CAP = contract.Caps(revision=1, building=None, zones={"z": 100}, sessions=())
ENTRANCES = ("north", "south")
ZONES = ("z", BUILDING)


def row(**numbers: Any) -> dict[str, Any]:
    return {**Tally().row(), **numbers}


class WayOut:
    """The gate west, through which people leave only."""

    def __init__(self, caps: contract.Caps | None = None) -> None:
        self.saved: dict[str, Any] = {}
        self.caps = caps
        self.start()
        self.occupancy.know_predecessors()

    def start(self) -> None:
        """Also after a power cut: it knows what is on its disk."""
        self.occupancy = Occupancy("west", self.saved)
        identity = Identity("demo", "west", "journal-of-west", 1, 0, True, self.saved)
        self.exchange = Exchange(identity, self.occupancy, entrances=ENTRANCES, entrance=False, rights_low=2)
        if self.caps is not None:
            self.exchange.use_caps(self.caps)
        self.there("north")

    def limit(self, caps: contract.Caps) -> None:
        self.caps = caps
        self.exchange.use_caps(caps)

    def there(self, *gates: str) -> None:
        self.exchange.online = set(gates)

    def hears(self, device: str, zone: str, *, former: bool = False, **numbers: Any) -> None:
        self.occupancy.merge(device, f"journal-of-{device}{' before' * former}", {zone: row(**numbers)}, former=former)

    def turn(self, *, up: bool = True) -> None:
        """The end of each step: what is free is passed on, and what changed is saved."""
        self.exchange.pass_on(up=up)
        self.saved.update(json.loads(json.dumps(self.occupancy.changes())))


Deed = Callable[[WayOut, str, int], None]
DEEDS: dict[str, Deed] = {
    "somebody leaves": lambda west, zone, number: west.occupancy.leave([zone], number),
    "a guard counts more": lambda west, zone, number: west.occupancy.enter([zone], number),
    "the keeper grants": lambda west, zone, number: west.occupancy.grant(zone, number, 0),
    "a neighbour sends": lambda west, zone, number: west.hears("south", zone, granted=9, sent={"west": number}),
    "a neighbour owes": lambda west, zone, number: west.hears("south", zone, granted=9, entries=9 + number),
    "it hears of its lost disk": lambda west, zone, number: west.hears("west", zone, former=True, entries=number),
    "the building has a cap": lambda west, _, __: west.limit(CAPS),
    "the building has no cap": lambda west, _, __: west.limit(NO_BUILDING_CAP),
    "the power fails": lambda west, _, __: west.start(),
    "nobody is there": lambda west, _, __: west.there(),
    "the entrances are there": lambda west, _, __: west.there(*ENTRANCES),
}  # fmt: skip
deeds = st.tuples(st.sampled_from(list(DEEDS)), st.sampled_from(ZONES), st.integers(1, 5), st.booleans())


@settings(max_examples=300)
@given(st.sampled_from((None, CAPS, NO_BUILDING_CAP)), st.lists(deeds, max_size=30))
def test_whatever_happened_an_exit_that_can_pass_on_its_rights_holds_none(
    caps: contract.Caps | None, story: list[tuple[str, str, int, bool]]
) -> None:
    west = WayOut(caps)
    for name, zone, number, up in story:
        DEEDS[name](west, zone, number)
        west.turn(up=up)
        if up and west.exchange.online:
            assert west.occupancy.free() == {}, name


@pytest.mark.parametrize("again", [lambda west: None, lambda west: west.hears("north", "z", entries=1)])
def test_while_its_own_numbers_stand_nobody_looks_who_could_use_a_right(
    again: Callable[[WayOut], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each message of each neighbour would cost a look at every zone."""
    west, looked = WayOut(), list[str]()
    west.occupancy.leave(["z"])
    west.turn()
    west.turn()
    free = west.occupancy.free
    monkeypatch.setattr(west.occupancy, "free", lambda: looked.append("free") or free())
    for _ in range(3):
        again(west)
        west.turn()
    assert looked == []
    west.occupancy.leave(["z"])
    west.turn()
    assert looked == ["free"]


def test_what_was_free_before_a_power_cut_is_passed_on_after_it() -> None:
    west = WayOut()
    west.there()
    west.occupancy.leave(["z"])
    west.turn()
    assert west.occupancy.free() == {"z": 1}
    west.start()
    west.turn()
    assert west.occupancy.free() == {}


def test_what_nobody_needed_is_passed_on_when_the_building_gets_a_cap() -> None:
    west = WayOut(NO_BUILDING_CAP)
    west.occupancy.leave([BUILDING])
    west.turn()
    assert west.occupancy.available(BUILDING) == 1
    west.limit(CAPS)
    west.turn()
    assert west.occupancy.available(BUILDING) == 0


def test_what_a_lost_journal_turns_out_not_to_owe_is_passed_on() -> None:
    exit_ = WayOut()
    exit_.hears("west", "z", former=True, entries=3)  # an older word of it: it let three in without a right
    exit_.occupancy.leave(["z"], 3)
    exit_.turn()
    assert exit_.occupancy.free() == {}
    exit_.hears("west", "z", former=True, entries=3, exits=3)
    exit_.turn()
    assert exit_.occupancy.free() == {}
    assert exit_.occupancy.own("z").sent == {"north": 3}
