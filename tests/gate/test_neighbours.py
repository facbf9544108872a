"""When a gate tells who is inside, what it takes over of its own word from a lost journal, and who is there."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import count
from typing import Any, Literal

import pytest

import edge.assembly.gate as assembly
from edge.gate.controller import Gate
from edge.gate.neighbours import INSIDE
from edge.gate.screening import ScreeningPolicy
from edge.runtime.station import Identity
from edge.runtime.vocabulary import (
    Commit,
    Committed,
    Fact,
    LinkDown,
    LinkSynced,
    LinkUp,
    MessageReceived,
    Now,
    Publish,
    Started,
    TimerFired,
)
from edge.site import contract
from tests.gate.stories.story import building

ZONE = timezone(timedelta(hours=8))
NINE = datetime(2026, 3, 9, 9, 0, tzinfo=ZONE)
ANNA, BEN = "a" * 26, "b" * 26
TODAY = "2026-03-09"


class North:
    """A gate with a new journal; facts go in, what it publishes of who is inside comes out."""

    def __init__(self, saved: dict[str, Any] | None = None) -> None:
        self.saved = saved or {}
        ids = count()
        self.gate = Gate(
            Identity("demo", "north", "new", 1, 0, True, dict(self.saved)),
            key=b"key",
            zone=ZONE,
            policy=assembly.policy_of(building("policy.anti_passback=hard")),
            screening=ScreeningPolicy(),
            entrances=(),
            exit_beam=True,
            network_sizes=(),
            retention=timedelta(days=30),
            low_mb=200,
            new_id=lambda: f"id{next(ids)}",
        )
        self.told: list[contract.Inside] = []
        self.rejected: list[Any] = []
        self.takes(Started())

    def takes(self, *facts: Fact) -> None:
        """Every transaction is on disk at once."""
        waiting = list(facts)
        while waiting:
            for intent in self.gate.handle(waiting.pop(0), Now(0.0, NINE)):
                match intent:
                    case Commit():
                        self.saved.update(intent.puts)
                        self.rejected += [e.data["topic"] for e in intent.events if e.type == "message.rejected"]
                        waiting.append(Committed(intent.number))
                    case Publish(topic="gatehouse/demo/inside/north"):
                        payload = contract.parse(intent.topic, intent.payload).payload
                        assert isinstance(payload, contract.Inside)
                        self.told.append(payload)
                    case _:
                        pass

    def hears(self, journal: str, *cards: str, device: str = "north", retained: bool = True) -> None:
        """What the broker keeps, or has kept waiting, of somebody's word."""
        visits = {contract.BUILDING: {card: f"v-{card[0]}" for card in cards}}
        inside = contract.Inside(journal=journal, cards=cards, visits=visits, session=TODAY)
        self.takes(MessageReceived(f"gatehouse/demo/inside/{device}", contract.encode(inside), retained))

    def told_by(self, device: str, row: str, payload: contract.Payload | None) -> None:
        """A neighbour's message; None: an empty one."""
        data = b"" if payload is None else contract.encode(payload)
        self.takes(MessageReceived(f"gatehouse/demo/{row}/{device}", data, retained=row == "status"))

    def a_moment_later(self) -> None:
        self.takes(TimerFired(INSIDE))

    def knows(self, card: str) -> bool:
        return self.gate.state.visits.of_card(card) is not None


def test_nothing_is_told_before_the_broker_has_told_what_it_kept() -> None:
    """On a slow line the link is up long before; the old word would be replaced, unheard."""
    north = North()
    north.takes(LinkUp(resumed=True))
    north.a_moment_later()
    assert north.told == []
    north.hears("old", ANNA)
    north.takes(LinkSynced())
    north.a_moment_later()
    assert [set(inside.cards) for inside in north.told] == [{ANNA}]
    assert north.told[0].journal == "new"


def test_of_several_old_words_the_last_counts() -> None:
    """The broker kept some waiting for us; the newest of them comes last."""
    north = North()
    north.takes(LinkUp(resumed=True))
    north.hears("old", ANNA, BEN, retained=False)
    north.hears("old", BEN)
    north.takes(LinkSynced())
    assert not north.knows(ANNA)
    assert north.knows(BEN)


@pytest.mark.parametrize("journal", ["new", "old"])
def test_once_we_have_told_our_own_word_it_is_not_taken_over_any_more(journal: str) -> None:
    """Whatever comes back from the broker."""
    north = North()
    north.takes(LinkUp(resumed=True), LinkSynced())
    north.hears(journal, ANNA, retained=False)
    north.takes(LinkDown("cut"), LinkUp(resumed=True))
    north.hears(journal, ANNA)
    north.takes(LinkSynced())
    assert not north.knows(ANNA)


def test_it_is_not_taken_over_again_after_a_restart() -> None:
    north = North()
    north.takes(LinkUp(resumed=True))
    north.hears("old", ANNA)
    north.takes(LinkSynced())
    north.gate.state.visits.leave(ANNA, NINE)
    north.takes(TimerFired(INSIDE))
    again = North({key: value for key, value in north.saved.items() if value is not None})
    again.takes(LinkUp(resumed=True))
    again.hears("old", ANNA)
    again.takes(LinkSynced())
    assert not again.knows(ANNA)


def test_our_own_word_of_this_journal_is_no_news() -> None:
    north = North()
    north.takes(LinkUp(resumed=True))
    north.hears("new", ANNA)
    north.takes(LinkSynced())
    assert not north.knows(ANNA)


def test_what_has_not_changed_is_told_once_a_connection() -> None:
    north = North()
    for _ in range(2):
        north.takes(LinkUp(resumed=True), LinkSynced())
        north.a_moment_later()
        north.hears("new")
        north.a_moment_later()
        north.takes(LinkDown("cut"))
    assert len(north.told) == 2


# --- debts ----------------------------------------------------------------------------------------------


def test_what_is_owed_is_paid_before_anybody_who_waits_is_looked_at() -> None:
    """South passed a right on, and then somebody followed its last reader in; both come in one message."""
    north = North()
    north.takes(LinkUp(resumed=True), LinkSynced())
    occupancy = north.gate.state.occupancy
    seen: list[int] = []
    north.gate.neighbours.rights_came = lambda _: seen.append(occupancy.available("z"))
    row = contract.ZoneRow(granted=2, entries=2, exits=0, released=0, sent={"north": 1})
    north.told_by("south", "occupancy", contract.Occupancy(journal="j", term=1, zones={"z": row}))
    assert (seen, occupancy.own("z").sent) == ([0], {"south": 1})


# --- who is there ---------------------------------------------------------------------------------------


def status(state: Literal["online", "offline"]) -> contract.Status:
    return contract.Status(state=state, boot=1, since=None, version="1", journal="j", clock="set")


def test_who_is_there_is_what_the_gates_and_their_last_wills_say() -> None:
    north = North()
    there = north.gate.state.exchange.online
    assert there == set(), "nobody is known to be there before anybody has said so"
    north.takes(LinkUp(resumed=True))
    north.told_by("south", "status", status("online"))
    north.told_by("west", "status", status("offline"))
    assert there == {"south"}
    north.told_by("south", "status", status("offline"))
    assert there == set()
    north.told_by("south", "status", status("online"))
    north.told_by("south", "status", None)
    assert there == set()


def test_who_asks_is_there_and_who_asked_long_ago_is_not_answered() -> None:
    """A question that waited at the broker while we were cut off comes before the broker has told all."""
    north = North()
    state = north.gate.state
    state.occupancy.leave(["z"], 8)
    request = contract.Request(id="r", zones={"z": 1}, urgent=True)
    north.takes(LinkUp(resumed=True))
    north.told_by("south", "requests", request)
    assert (state.occupancy.own("z").sent, state.exchange.online) == ({}, set())
    north.takes(LinkSynced())
    north.told_by("south", "requests", request)
    assert (state.occupancy.own("z").sent, state.exchange.online) == ({"south": 4}, {"south"})


def test_a_gate_listens_to_the_others_and_not_to_itself() -> None:
    heard = assembly.subscriptions(building(), "west")
    assert {"gatehouse/demo/status/north", "gatehouse/demo/status/south"} <= set(heard)
    assert "gatehouse/demo/status/west" not in heard
    assert {"gatehouse/demo/occupancy/west", "gatehouse/demo/occupancy/north"} <= set(heard)
    assert not [topic for topic in heard if "/occupancy/+" in topic], "rows of strangers are not heard"


def test_rows_beyond_all_limits_are_rejected_and_the_gate_goes_on() -> None:
    north = North()
    north.takes(LinkUp(resumed=True), LinkSynced())
    for number in range(3):
        row = contract.ZoneRow(granted=0, entries=0, exits=0, released=0)
        zones = {f"{number}-{each}": row for each in range(250)}
        north.told_by("south", "occupancy", contract.Occupancy(journal="j", term=1, zones=zones))
    assert len(north.gate.state.occupancy.zones() - {"*"}) == 500
    assert north.rejected == ["gatehouse/demo/occupancy/south"]
