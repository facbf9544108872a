"""The building's own process: keeper, recorder and watchman behind one station."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from edge.runtime.clock import VirtualClock
from edge.runtime.device import Device
from edge.runtime.journal import InlineJournal, Store
from edge.runtime.station import Identity
from edge.runtime.vocabulary import (
    Commit,
    LinkDown,
    LinkSynced,
    LinkUp,
    MeasureDisk,
    MessageReceived,
    Publish,
    ReadEvents,
    TrimEvents,
)
from edge.site.contract import (
    Ack,
    Caps,
    EventMessage,
    Grants,
    Occupancy,
    Payload,
    Status,
    ZoneGrant,
    ZoneRow,
    encode,
    parse,
)
from edge.site.controller import FORGET_S, Site
from edge.site.history import HistoryStore, performers, post_from_history
from edge.site.recorder import BuildingRecorder

START = datetime(2026, 3, 9, 8, tzinfo=UTC)
DISK_S = 0.01
CARD = "ob67hl6g2imqqt3z3wgp7egzkz"


class Bench:
    """The site's computer in virtual time; the broker is a list."""

    def __init__(self, *, acks: bool = True) -> None:
        self.clock = VirtualClock(START)
        self.disk = Store.in_memory(lambda: "site-journal")
        self.history_disk = HistoryStore.in_memory(lambda: "history-journal")
        self.acks = acks
        self.sent: list[Publish] = []
        self.boot()

    def boot(self, *, synced: bool = True) -> None:
        self.device = Device(self.clock)
        post = self.device.loop.post
        self.journal = self.open(self.disk, post)
        doers: dict[type, Any] = {
            Commit: self.journal.commit,
            ReadEvents: self.journal.read,
            TrimEvents: self.journal.trim,
            MeasureDisk: self.journal.measure,
            Publish: self.sent.append,
        }
        self.history = self.open(self.history_disk, post_from_history(post))
        doers.update(performers(self.history))
        site = Site(
            Identity.of("demo", "site", self.journal),
            entrances=("north", "south"),
            devices=("north", "south", "west"),
            retention=timedelta(days=30),
            low_mb=200,
            recorder=BuildingRecorder(self.history.state(), self.history.last_seq, acks=self.acks),
        )
        self.device.install(site, doers)
        self.device.loop.post(LinkUp(resumed=False))
        if synced:
            self.device.loop.post(LinkSynced())
        self.wait()

    def open(self, store: Store, post: Any) -> InlineJournal:
        return InlineJournal(store, post, clock=self.clock, call_at=self.device.loop.call_at, latency_s=lambda: DISK_S)

    def power_cut(self) -> None:
        self.journal.power_cut()
        self.history.power_cut()
        self.device.power_off()

    def wait(self, seconds: float = 1.0) -> None:
        until = self.clock.monotonic() + seconds
        while True:
            while self.device.loop.turn():
                pass
            due = self.device.loop.deadline()
            if due is None or due > until:
                break
            self.clock.advance_to(due)
        self.clock.advance_to(until)

    def hear(self, path: str, payload: Payload | bytes, *, retained: bool = False) -> None:
        body = payload if isinstance(payload, bytes) else encode(payload)
        self.device.loop.post(MessageReceived(f"gatehouse/demo/{path}", body, retained))

    def gates_come(self) -> None:
        """Both entrances are there."""
        for name, journal in (("north", "n1"), ("south", "s1")):
            self.hear(f"status/{name}", status("online", journal), retained=True)

    def said(self, path: str) -> list[Any]:
        """Payloads published on a topic; None where it was cleared."""
        return [parse(m.topic, m.payload).payload for m in self.sent if m.topic == f"gatehouse/demo/{path}"]

    def events(self, type_: str) -> list[Any]:
        return [event.data for event in self.disk.read(0, 10_000) if event.type == type_]

    def command(self, do: str, **keys: Any) -> Any:
        body = {"issued_at": START.isoformat(), "expires_at": "2027-01-01T00:00:00Z", "by": "guard", "do": do, **keys}
        self.hear("commands/site", json.dumps({"id": f"c{len(self.sent)}", **body}).encode())
        self.wait()
        return self.said("results/site")[-1]


def caps(revision: int = 1, **zones: int) -> Caps:
    return Caps(revision=revision, building=None, zones=zones, sessions=())


def row(journal: str, *, granted: int = 0, entries: int = 0, exits: int = 0) -> Occupancy:
    zone = ZoneRow(granted=granted, entries=entries, exits=exits, released=0)
    return Occupancy(journal=journal, term=1, zones={"hall": zone})


def status(state: Any, journal: str = "n1") -> Status:
    return Status(state=state, boot=1, since=START, version="0.1.0", journal=journal, clock="set")


def happened(seq: int, type_: str = "lane.mode", **data: Any) -> EventMessage:
    return EventMessage(journal="n1", seq=seq, id=f"n1-{seq}", at=START, boot=1, mono_s=0.0, type=type_, data=data)


def test_grants_are_on_disk_before_they_are_said() -> None:
    bench = Bench()
    bench.gates_come()
    bench.hear("caps", caps(hall=10))
    bench.wait(DISK_S / 2)
    assert bench.said("grants/north") == []
    bench.wait(DISK_S)
    (grants,) = bench.said("grants/north")
    assert isinstance(grants, Grants)
    assert grants.zones["hall"].granted == 5
    assert all(message.retain for message in bench.sent if "/grants/" in message.topic)


def test_a_power_cut_between_disk_and_broker_costs_nothing() -> None:
    bench = Bench()
    bench.gates_come()
    bench.hear("caps", caps(hall=10))
    bench.wait(DISK_S)  # on disk at this moment
    bench.power_cut()
    bench.sent.clear()
    bench.boot()
    assert [grants.zones["hall"].granted for grants in bench.said("grants/north")] == [5]
    assert [grants.term for grants in bench.said("grants/south")] == [1]


def test_a_power_cut_before_the_disk_forgets_caps_that_come_again() -> None:
    bench = Bench()
    bench.gates_come()
    bench.hear("caps", caps(hall=10))
    bench.wait(DISK_S / 2)
    bench.power_cut()
    bench.boot()
    assert bench.said("grants/north") == []
    bench.gates_come()
    bench.hear("caps", caps(hall=10), retained=True)
    bench.wait()
    assert [grants.zones["hall"].granted for grants in bench.said("grants/north")] == [5]


def test_a_device_that_is_gone_is_an_alert_until_it_is_back() -> None:
    bench = Bench()
    bench.hear("status/north", status("offline"))
    bench.wait(9)
    assert bench.events("alert.raised") == []
    bench.wait(2)
    (raised,) = bench.events("alert.raised")
    assert (raised["kind"], raised["device"]) == ("device_offline", "north")
    assert bench.said("alerts/site/device_offline-north")[-1].acknowledged_by is None
    bench.hear("status/north", status("online"))
    bench.wait()
    assert len(bench.events("alert.cleared")) == 1
    assert bench.said("alerts/site/device_offline-north")[-1] is None


def test_a_short_absence_and_unknown_devices_are_no_alert() -> None:
    bench = Bench()
    bench.hear("status/north", status("offline"))
    bench.hear("status/laptop", status("offline"))
    bench.wait(5)
    bench.hear("status/north", status("online"))
    bench.wait(60)
    assert bench.events("alert.raised") == []


def test_more_people_than_the_cap_allows_is_an_alert() -> None:
    bench = Bench()
    bench.hear("caps", caps(hall=10))
    bench.hear("occupancy/north", row("n1", granted=5, entries=11))
    bench.wait(6)
    (raised,) = bench.events("alert.raised")
    assert raised["kind"] == "cap_exceeded"
    assert raised["zones"] == {"hall": {"people": 11, "cap": 10}}
    bench.hear("caps", caps(2, hall=12))
    bench.wait()
    assert len(bench.events("alert.cleared")) == 1


def test_more_who_left_than_came_make_the_guard_count_until_the_count_is_right() -> None:
    bench = Bench()
    bench.hear("occupancy/west", row("w1", exits=2))
    bench.wait(4)
    bench.hear("occupancy/north", row("n1", entries=2))  # the rows came apart
    bench.wait(60)
    assert bench.events("alert.raised") == []
    bench.hear("occupancy/west", row("w1", exits=3))
    bench.wait(4)
    assert bench.events("alert.raised") == []
    bench.wait(2)
    (raised,) = bench.events("alert.raised")
    assert (raised["alert"], raised["zones"]) == ("count_doubt-below", {"hall": {"people": -1}})
    assert bench.command("ack_alert", alert="count_doubt-below").ok
    bench.hear("occupancy/west", row("w1", exits=4))
    bench.wait(61)
    assert len(bench.events("alert.raised")) == 2, "seen, and not counted"
    bench.hear("occupancy/north", row("n1", entries=4))
    bench.wait()
    assert len(bench.events("alert.cleared")) == 2


def test_a_gate_is_written_off_on_record() -> None:
    bench = Bench()
    bench.hear("caps", caps(hall=10))
    bench.hear("status/north", status("online", "n1"))
    bench.hear("occupancy/south", row("s1", granted=5, entries=2))
    bench.wait()
    assert bench.command("write_off", device="south").ok
    assert bench.events("device.written_off") == [{"device": "south", "by": "guard"}]
    assert bench.said("grants/north")[-1].zones["hall"].granted == 8
    refused = bench.command("write_off", device="east")
    assert (refused.ok, refused.error) == (False, "east has no journal that could be written off")
    assert len(bench.events("device.written_off")) == 1


def test_a_gate_that_is_online_is_not_written_off() -> None:
    bench = Bench()
    bench.hear("occupancy/south", row("s1", granted=5))
    bench.hear("status/south", status("online", "s1"))
    bench.wait()
    assert bench.command("write_off", device="south").error == "south is online with its only journal"


def test_a_new_disk_learns_from_the_broker_what_the_old_one_gave() -> None:
    bench = Bench()
    bench.device.loop.post(LinkDown("gone"))
    bench.power_cut()
    bench.disk = Store.in_memory(lambda: "another-journal")
    bench.sent.clear()
    bench.boot(synced=False)
    given = Grants(term=3, journal="n1", zones={"hall": ZoneGrant(granted=8, release_wanted=0)})
    bench.hear("grants/north", given, retained=True)
    bench.hear("caps", caps(hall=10), retained=True)
    bench.hear("status/south", status("online", "s1"), retained=True)
    bench.device.loop.post(LinkSynced())
    bench.wait()
    assert bench.said("grants/south")[-1].zones["hall"].granted == 2
    assert bench.said("grants/south")[-1].term == 4


def test_an_event_of_any_device_is_acknowledged_when_it_is_in_the_history() -> None:
    bench = Bench()
    for seq in (1, 2):
        bench.hear("events/north", happened(seq))
    bench.wait(DISK_S / 2)
    assert bench.said("acks/north") == []
    bench.wait()
    assert bench.said("acks/north")[-1] == Ack(journal="n1", acked_seq=2)
    bench.power_cut()
    bench.sent.clear()
    bench.boot()
    assert bench.said("acks/north") == [Ack(journal="n1", acked_seq=2)]


def test_where_a_booking_server_acknowledges_its_word_closes_the_recorders_gaps() -> None:
    bench = Bench(acks=False)
    for seq in (1, 4):
        bench.hear("events/north", happened(seq))
    bench.hear("acks/north", Ack(journal="n1", acked_seq=4))
    bench.wait()
    assert bench.said("acks/north") == []
    assert bench.history.state() == {}  # the state as it was at opening
    bench.power_cut()
    bench.boot()
    assert bench.history.state()["have/north/n1"] == {"acked_seq": 4, "ahead": [], "lost": 2, "newest": True}


def test_a_history_that_cannot_be_written_is_an_alert() -> None:
    bench = Bench()
    bench.history.failing = True
    bench.hear("events/north", happened(1))
    bench.wait()
    (raised,) = bench.events("alert.raised")
    assert (raised["kind"], raised["alert"]) == ("storage_fault", "storage_fault-history")
    bench.history.failing = False
    bench.wait()
    assert len(bench.events("alert.cleared")) == 1
    assert bench.said("acks/north") == [Ack(journal="n1", acked_seq=1)]


def test_visits_are_forgotten_by_the_hour() -> None:
    bench = Bench()
    bench.hear("events/north", happened(1, "visit.admitted", card=CARD, visit="v1"))
    bench.hear("events/north", happened(2, "batch.finished", batch="b1"))
    bench.wait(FORGET_S)
    assert len(bench.history_disk.read(0, 10)) == 2
    bench.clock.step(31 * 86_400)
    bench.wait(FORGET_S)
    assert [event.type for event in bench.history_disk.read(0, 10)] == ["batch.finished"]


def test_a_message_that_breaks_the_contract_changes_nothing() -> None:
    bench = Bench()
    bench.hear("caps", b'{"revision": "seven"}')
    bench.hear("acks/north", b"{")
    bench.wait()
    assert bench.said("grants/north") == []
    assert [event["topic"] for event in bench.events("message.rejected")] == [
        "gatehouse/demo/caps",
        "gatehouse/demo/acks/north",
    ]


def test_when_the_broker_comes_back_it_hears_everything_again() -> None:
    bench = Bench()
    bench.hear("caps", caps(hall=10))
    bench.hear("events/north", happened(1))
    bench.wait()
    bench.sent.clear()
    bench.device.loop.post(LinkDown("gone"))
    bench.device.loop.post(LinkUp(resumed=False))
    bench.device.loop.post(LinkSynced())
    bench.wait()
    assert len(bench.said("grants/north")) == len(bench.said("grants/south")) == 1
    assert bench.said("acks/north") == [Ack(journal="n1", acked_seq=1)]
