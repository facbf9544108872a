"""The booking book: the newest revision is what counts, in any order, and over restarts."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.site import bookings as module
from edge.site.bookings import BookingBook
from edge.site.contract import Booking, Bookings, ContractError, Pass, Passes, encode, parse

MONDAY, TUESDAY = date(2026, 3, 9), date(2026, 3, 10)
CARDS = ["a" * 26, "b" * 26, "c" * 26]


def booked(revision: int, *cards: str, zone: str = "stacks-3") -> Bookings:
    rows = tuple(Booking(booking=f"B-{card[0]}", card=card, zone=zone) for card in cards)
    return Bookings(revision=revision, bookings=rows)


def at(hour: int) -> datetime:
    return datetime(2026, 3, 9, hour, tzinfo=UTC)


def test_a_card_finds_its_bookings_of_a_date() -> None:
    book = BookingBook()
    book.put(MONDAY, "am", booked(1, CARDS[0], CARDS[1]), MONDAY)
    book.put(MONDAY, "pm", booked(1, CARDS[0], zone="student"), MONDAY)
    book.put(TUESDAY, "am", booked(1, CARDS[2]), MONDAY)
    found = book.for_card(CARDS[0], MONDAY)
    assert {session: row.zone for session, row in found.items()} == {"am": "stacks-3", "pm": "student"}
    assert book.for_card(CARDS[0], TUESDAY) == {}
    assert list(book.for_card(CARDS[2], TUESDAY)) == ["am"]


@pytest.mark.parametrize("revision", [0, 4, 5])
def test_a_lower_or_equal_revision_changes_nothing(revision: int) -> None:
    book = BookingBook()
    assert book.put(MONDAY, "am", booked(5, CARDS[0]), MONDAY)
    assert book.put(MONDAY, "am", booked(revision, CARDS[1]), MONDAY) == {}
    assert book.for_card(CARDS[1], MONDAY) == {}
    assert book.revision(MONDAY, "am") == 5


def test_a_cancelled_booking_is_gone_with_the_next_revision() -> None:
    book = BookingBook()
    book.put(MONDAY, "am", booked(1, CARDS[0]), MONDAY)
    book.put(MONDAY, "am", booked(2), MONDAY)
    assert book.for_card(CARDS[0], MONDAY) == {}


lists = st.tuples(
    st.sampled_from([MONDAY, TUESDAY]),
    st.sampled_from(["am", "pm"]),
    st.integers(0, 5),
).map(lambda key: (*key, booked(key[2], *CARDS[: 1 + (key[2] + len(key[1])) % 3])))


@given(st.lists(lists, max_size=12), st.randoms())
def test_order_loss_of_repetitions_and_restarts_do_not_matter(messages, random) -> None:
    newest: dict = {}
    for day, session, revision, message in messages:
        if revision > newest.get((day, session), (-1, None))[0]:
            newest[day, session] = (revision, message)
    journal: dict = {}
    book = BookingBook(journal)
    shuffled = [*messages, *messages]
    random.shuffle(shuffled)
    for day, session, _, message in shuffled:
        if random.random() < 0.3:
            book = BookingBook(journal)
        journal.update(book.put(day, session, message, MONDAY))
    for known in (book, BookingBook(journal)):
        for card in CARDS:
            for day in (MONDAY, TUESDAY):
                expected = {
                    session: row
                    for (d, session), (_, message) in newest.items()
                    for row in message.bookings
                    if d == day and row.card == card
                }
                assert known.for_card(card, day) == expected


def test_what_is_past_is_neither_taken_nor_kept() -> None:
    book = BookingBook()
    puts = {
        **book.put(MONDAY, "am", booked(1, CARDS[0]), MONDAY),
        **book.put(TUESDAY, "am", booked(1, CARDS[0]), MONDAY),
    }
    assert list(puts) == ["bookings/2026-03-09/am", "bookings/2026-03-10/am"]
    assert book.forget_before(MONDAY) == {}
    assert book.forget_before(TUESDAY) == {"bookings/2026-03-09/am": None}
    assert book.put(MONDAY, "am", booked(2, CARDS[0]), TUESDAY) == {}
    assert book.for_card(CARDS[0], MONDAY) == {}
    assert book.for_card(CARDS[0], TUESDAY)


def test_a_new_list_sweeps_out_the_past_ones() -> None:
    book = BookingBook()
    book.put(MONDAY, "am", booked(1, CARDS[0]), MONDAY)
    puts = book.put(TUESDAY, "am", booked(1, CARDS[0]), TUESDAY)
    assert list(puts) == ["bookings/2026-03-09/am", "bookings/2026-03-10/am"]
    assert puts["bookings/2026-03-09/am"] is None


def test_while_the_clock_is_unset_nothing_is_past() -> None:
    assert BookingBook().put(date(2001, 1, 1), "am", booked(1), None)


def test_a_flood_of_half_days_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LISTS_LIMIT", 2)
    book = BookingBook()
    for session in ("a", "b"):
        book.put(MONDAY, session, booked(1), MONDAY)
    with pytest.raises(ContractError, match="at most 2 half-days"):
        book.put(MONDAY, "c", booked(1, CARDS[0]), MONDAY)
    assert book.put(MONDAY, "a", booked(2, CARDS[0]), MONDAY)
    assert book.for_card(CARDS[0], MONDAY).keys() == {"a"}


def test_who_stays_and_fetches_books_has_the_place() -> None:
    both = (
        Booking(booking="B-1", card=CARDS[0], zone="student", purpose="pickup"),
        Booking(booking="B-2", card=CARDS[0], zone="stacks-3"),
    )
    for rows in (both, both[::-1]):
        book = BookingBook()
        book.put(MONDAY, "am", Bookings(revision=1, bookings=rows), MONDAY)
        assert book.for_card(CARDS[0], MONDAY)["am"].booking == "B-2"


def test_a_pass_holds_from_and_until() -> None:
    visitor = Pass(card=CARDS[0], role="visitor", from_=at(9), until=at(17))
    staff = Pass(card=CARDS[0], role="staff", from_=at(10), until=at(12), zones=("stacks-3",))
    book = BookingBook()
    journal = book.put_passes(Passes(revision=1, passes=(visitor, staff)))
    for known in (book, BookingBook(journal)):
        found = {hour: known.pass_for(CARDS[0], at(hour)) for hour in (8, 9, 11, 17, 18)}
        assert found == {8: None, 9: visitor, 11: staff, 17: visitor, 18: None}
        assert known.pass_for(CARDS[1], at(11)) is None
    assert book.put_passes(Passes(revision=1, passes=())) == {}
    assert book.put_passes(Passes(revision=2, passes=()))
    assert book.pass_for(CARDS[0], at(11)) is None


def test_four_mebibytes_are_taken_and_remembered() -> None:
    rows = tuple(
        Booking(booking=f"B-{i}", card=f"{i:026b}".replace("0", "a").replace("1", "b"), zone="stacks-3", code="c" * 26)
        for i in range(26_000)
    )
    payload = encode(Bookings(revision=1, bookings=rows))
    assert 3_900_000 < len(payload) <= 4 * 1024 * 1024
    message = parse("gatehouse/demo/bookings/2026-03-09/am", payload).payload
    assert isinstance(message, Bookings)
    book = BookingBook()
    journal = book.put(MONDAY, "am", message, MONDAY)
    for known in (book, BookingBook(journal)):
        assert known.for_card(rows[-1].card, MONDAY)["am"].booking == "B-25999"
