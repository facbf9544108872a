"""The gate's disk is replaced: a new journal begins, and the people whom the old one let in stay counted."""

from __future__ import annotations

import signal

from tests.processes.library import STRANGER, Gate, Library, card, granted

CAP = 3


def fill(library: Library) -> Gate:
    """Three readers come in, the first of them leaves: one place is free."""
    gate = library.open(cap=CAP)
    for reader in (1, 2, 3):
        gate.walk_in(reader)
    gate.walk_out(1)
    gone = library.takes("visit.exited")
    library.hears("acks/north", lambda ack: ack["acked_seq"] == gone.seq)
    library.hears("inside/north", lambda inside: set(inside["cards"]) == {card(2), card(3)})
    return gate


def lose_disk(library: Library, gate: Gate) -> None:
    gate.end(signal.SIGKILL)
    for path in library.journals.glob("north.db*"):
        path.unlink()


def journals(library: Library) -> dict[str, list[int]]:
    """What the server took from each journal of the gate, in order."""
    taken: dict[str, list[int]] = {}
    for device, event in library.received.all:
        if device == "north":
            taken.setdefault(event.journal, []).append(event.seq)
    return taken


def is_full_for(gate: Gate, reader: int) -> None:
    since = len(gate.lines)
    gate.come(reader)
    gate.tells("visit.denied", since, card=card(reader), reason="zone_full")
    gate.do("leave")


def people(library: Library) -> int:
    """Who is in the zone by all rows that the broker keeps, those of lost journals too."""
    row = library.retained()["occupancy/north"]
    rows = [zones["stacks"] for zones in (row["zones"], *row["former"].values()) if "stacks" in zones]
    return sum(zone["entries"] - zone["exits"] for zone in rows)


def test_a_lost_disk_forgets_nobody_and_doubles_no_right(library: Library) -> None:
    gate = fill(library)
    lose_disk(library, gate)
    since = len(library.messages)
    gate = library.gate().ready()
    old = library.on_topic("status/north")[0]["journal"]
    new = library.hears("status/north", lambda status: status["state"] == "online", since)["journal"]
    library.hears("grants/north", lambda grants: grants["journal"] == new, since)
    library.hears("occupancy/north", lambda row: row["journal"] == new and old in row["former"], since)
    assert old != new
    assert people(library) == 2

    # the place that was free went with the disk, until a person says that it will not come back
    is_full_for(gate, 4)
    library.command("write_off", to="site", id="gone", device="north", by="guard")
    library.hears("results/site", lambda result: result["id"] == "gone" and result["ok"])
    library.hears("occupancy/north", lambda row: granted(row, 1), since)
    gate.walk_in(5)
    is_full_for(gate, 6)

    # somebody whom the lost journal let in makes room by leaving
    gate.walk_out(2)
    gate.walk_in(7)
    is_full_for(gate, 8)
    denied = gate.told_last("visit.denied")
    library.hears("acks/north", lambda ack: ack == {"journal": new, "acked_seq": denied["seq"]})
    assert people(library) == CAP

    # new events were not taken for old ones
    taken = journals(library)
    assert list(taken) == [old, new]
    assert taken[new] == list(range(1, denied["seq"] + 1))
    assert [event.data["reason"] for event in library.journal() if event.type == "device.started"] == ["boot"]
    assert not [topic for topic in library.retained() if "cap_exceeded" in topic]


def test_a_disk_that_is_lost_while_the_broker_forgets_everything(library: Library) -> None:
    gate = fill(library)
    ((old, seqs),) = journals(library).items()
    library.server_goes()
    library.broker.stop()
    lose_disk(library, gate)
    gate = library.gate().ready()
    while gate.told()[-1:] == [] or gate.told()[-1].get("seq", 0) <= seqs[-1]:
        since = len(gate.lines)
        gate.come(STRANGER + since)
        gate.tells("visit.denied", since, reason="caps_unknown")
    denied = gate.told_last("visit.denied")["seq"]

    # the broker takes its events for nobody; then the server comes back, and says again what it has of the old journal
    library.broker.start()
    new = library.hears("occupancy/north", lambda row: row["journal"] != old)["journal"]
    library.server_comes()
    library.hears("acks/north", lambda ack: ack == {"journal": new, "acked_seq": denied})
    assert journals(library)[new][:denied] == list(range(1, denied + 1))

    # nobody but the keeper remembers how full the room is
    library.hears("grants/north", lambda grants: grants["journal"] == new and "stacks" in grants["zones"])
    library.in_step()
    is_full_for(gate, 4)
    library.command("write_off", to="site", id="gone", device="north", by="guard")
    library.hears("occupancy/north", lambda row: row["journal"] == new and granted(row, 1))
    gate.walk_in(5)
    is_full_for(gate, 6)
