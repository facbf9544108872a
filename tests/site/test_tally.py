"""One law for gates and keeper: what a journal's row says that it may still let in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.gate.occupancy import Occupancy
from edge.site.books import Share
from edge.site.contract import ZoneRow
from edge.site.tally import Tally, tallies

COUNT = st.integers(0, 50)
ROWS = st.builds(
    ZoneRow,
    granted=COUNT,
    entries=COUNT,
    exits=COUNT,
    released=COUNT,
    received=st.just(0) | COUNT,
    sent=st.dictionaries(st.sampled_from(["south", "west"]), COUNT),
)


@given(row=ROWS)
def test_the_keeper_believes_of_a_gate_what_the_gate_knows_of_itself(row: ZoneRow) -> None:
    share = Share()
    share.merge(vars(row))
    gate = Occupancy("north", {"count/own/hall": vars(row)})
    spent = row.entries + row.released + sum(row.sent.values())
    assert share.available == gate.available("hall") == row.granted + row.exits + row.received - spent
    assert share.inside == gate.inside("hall") == row.entries - row.exits


@given(rows=st.lists(ROWS, max_size=4), data=st.data())
def test_rows_may_come_in_any_order_and_twice(rows: list[ZoneRow], data: st.DataObject) -> None:
    once, again = Tally(), Tally()
    for row in rows:
        once.merge(vars(row))
    for row in [*data.draw(st.permutations(rows)), *rows]:
        again.merge(vars(row))
    assert once == again
    assert not any(again.merge(vars(row)) for row in rows)


@given(row=ROWS)
def test_a_row_survives_the_disk(row: ZoneRow) -> None:
    told = Tally()
    told.merge(vars(row))
    assert tallies({"hall": told.row()}) == {"hall": told}


@given(row=ROWS)
def test_what_was_given_back_was_wanted(row: ZoneRow) -> None:
    share = Share(wanted=7)
    share.merge(vars(row))
    assert share.wanted == max(7, row.released)


@given(row=ROWS)
def test_rights_that_people_use_or_that_were_passed_on_are_not_lost_with_a_disk(row: ZoneRow) -> None:
    share = Share()
    share.merge(vars(row))
    used = row.entries - row.exits + sum(row.sent.values()) - row.received
    assert share.kept_by_people == (used if row.received else min(used, row.granted - row.released))
