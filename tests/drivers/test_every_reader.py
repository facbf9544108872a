"""What every kind of reader owes a gate, each as its real driver on fake wires.

Readers on the network have no driver: what a gate makes of their messages is in
`tests.gate.stories.test_network_reader_stories`.
"""

from __future__ import annotations

import pytest

from drivers.uid import CardForm
from edge.gate.vocabulary import CardRead, ReaderFound, ReaderLost, ReadingRejected
from simulators.wires.osdp import FakeOsdpReader
from tests.drivers.osdp_desk import KEY
from tests.drivers.osdp_desk import Desk as OsdpDesk
from tests.drivers.pn532_door import Door as Pn532Door
from tests.drivers.test_reader_hid import Desk as HidDesk
from tests.drivers.wiegand_door import Door as WiegandDoor

SIDE = "exit"
"""Not the one that a driver takes by itself."""

TEN, OTHER_TEN = "04A1B2C3D4E5F6071829", "04A1B2C3D4E5F607182A"


class Hid:
    """Unplugged and plugged in again."""

    cards = TEN, OTHER_TEN

    def __init__(self, _):
        self.desk = HidDesk(side=SIDE, form=CardForm())

    def tap(self, card):
        return self.desk.tap(card + "\n")

    def torn(self, card):
        return self.desk.tap(card[:9])

    def garbage(self):
        return self.desk.tap("04A1G2C3\n") + self.desk.tap("04A1\n") + self.desk.tap("?" * 100 + "\n")

    def vanish(self):
        self.desk.keyboard.absent = True
        return self.desk.tap(TEN + "\n")

    def back(self):
        self.desk.keyboard.absent = False
        return self.desk.heard()

    def close(self):
        self.desk.reader.close()


class Wiegand:
    """Its wires lie low, and rest again: unplugged it is as silent as one to which nobody comes."""

    cards = "A1B2C3", "A1B2C4"

    def __init__(self, _):
        self.door = WiegandDoor(side=SIDE)

    def tap(self, card):
        return self.door.tap(card)

    def torn(self, card):
        self.door.wires.short = True
        heard = self.tap(card)
        self.door.wires.short = False
        return heard

    def garbage(self):
        self.door.wires.corrupt = True
        heard = self.tap("A1B2C3")
        self.door.wires.corrupt = False
        self.door.wires.noise = True
        heard += self.door.wait(5.0)
        self.door.wires.noise = False
        return heard + self.door.wait(1.0)

    def vanish(self):
        self.door.wires.stuck = True
        return self.door.wait(30)

    def back(self):
        self.door.wires.stuck = False
        return self.door.wait(30)

    def close(self):
        self.door.reader.close()


class Osdp:
    """Its line is pulled and plugged in again. Real time; the entry's reader on the same line is not listened to."""

    cards = TEN, OTHER_TEN

    def __init__(self, folder):
        self.fake = FakeOsdpReader(4, KEY)
        self.desk = OsdpDesk(folder, FakeOsdpReader(3, KEY), self.fake)

    def tap(self, card):
        self.fake.present(bytes.fromhex(card))
        return self.until(lambda facts: facts)

    def torn(self, card):
        self.fake.present(bytes.fromhex(card[:10]))
        return self.until(lambda facts: facts)

    def garbage(self):
        self.desk.far.say(b"\x53\x84\x20\x00\x0e\x53\xff" * 20)
        self.fake.present(b"\xff" * 4, 26)
        return self.until(lambda facts: facts)

    def vanish(self):
        self.desk.far.unplug()
        return self.until(lambda facts: facts)

    def back(self):
        self.desk.far.plug()
        return self.until(lambda facts: facts)

    def until(self, enough):
        facts = []

        def holds():
            facts.extend(fact for fact in self.desk.heard() if fact.reader == SIDE)
            return enough(facts)

        self.desk.until(holds)
        if not isinstance(facts[0], ReaderLost):
            self.desk.asked(2)  # and what may come after it
            holds()
        return facts

    def close(self):
        self.desk.close()


class Pn532:
    """Its plug is pulled; cards lie before it and are taken away."""

    cards = TEN, OTHER_TEN

    def __init__(self, _):
        self.door = Pn532Door(side=SIDE)
        self.door.wait(1.0)

    def tap(self, card):
        return self.door.tap(card)

    def torn(self, card):
        return self.door.tap(card[:10])

    def garbage(self):
        heard = []
        for fault in ("corrupt", "garbage"):
            setattr(self.door.chip, fault, True)
            heard += self.door.tap(TEN, for_s=0.05, then_s=0.05)
            setattr(self.door.chip, fault, False)
            heard += self.door.wait(2.0)
        return heard

    def vanish(self):
        self.door.chip.absent = True
        return self.door.wait(30)

    def back(self):
        self.door.chip.absent = False
        return self.door.wait(2.0)

    def close(self):
        self.door.paced.close()


@pytest.fixture(scope="module", params=[Hid, Wiegand, Osdp, Pn532], ids=lambda kind: kind.__name__)
def reader(request, tmp_path_factory):
    """One reader for all tests of its kind: what one leaves behind, the next one meets, as users do."""
    here = request.param(tmp_path_factory.mktemp("wires"))
    yield here
    here.close()


def read(card):
    return [CardRead(card, SIDE)]


def test_a_card_is_read_once_with_its_side_and_its_whole_number(reader):
    assert [reader.tap(card) for card in reader.cards] == [read(card) for card in reader.cards]


def test_the_same_card_is_read_again_after_a_pause(reader):
    card = reader.cards[0]
    assert [reader.tap(card) for _ in range(2)] == [read(card)] * 2


def test_nothing_of_a_card_cut_short_is_in_the_next_one(reader):
    one, other = reader.cards
    assert not any(isinstance(fact, CardRead) for fact in reader.torn(one))
    assert reader.tap(other) == read(other)


def test_garbage_is_never_a_card_and_loses_nobody(reader):
    heard = reader.garbage()
    assert heard
    assert {type(fact) for fact in heard} == {ReadingRejected}
    assert {fact.reader for fact in heard} == {SIDE}
    assert reader.tap(reader.cards[0]) == read(reader.cards[0])


def test_who_vanishes_is_lost_once_and_found_once_and_the_next_card_is_read(reader):
    lost = reader.vanish()
    assert [(type(fact), fact.reader) for fact in lost] == [(ReaderLost, SIDE)]
    assert lost[0].error
    assert reader.back() == [ReaderFound(SIDE)]
    card = reader.cards[0]
    assert reader.tap(card) == read(card)
