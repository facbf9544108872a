"""The computers of a simulated site that are no gates: the booking server, and the site's own process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from edge.assembly import site as assembly
from edge.assembly.simulation import Bench, SimulatedDevice
from edge.runtime.journal import InlineJournal
from edge.runtime.loop import Loop
from edge.runtime.vocabulary import Commit
from edge.site.contract import EventMessage
from edge.site.history import HistoryStore, post_from_history
from simulators.booking_server import BookingServer
from simulators.wires.bus import VirtualLink


class SimulatedServer:
    """The booking server, on a computer without faults.

    Args:
        bench: the site.
        log: takes a line for each event received, in order, once each.
    """

    def __init__(self, bench: Bench, log: IO[str] | None) -> None:
        self._bench = bench
        self._log = log
        self.server = BookingServer(bench.building.site.name, later=bench.later, received=self._received)
        self.loop = Loop(bench.clock, self.server.handle, wake=bench.world.wake)
        self.server.link = bench.broker.link("server", self.loop.post, self.server.subscriptions())

    def act(self, do: str, keys: Mapping[str, Any]) -> None:
        """Say what a stimulus says."""
        wall = self._bench.clock.wall()
        if wall is None:
            raise RuntimeError("the server's clock is never unset")
        self.server.say(do, keys, wall)

    def _received(self, device: str, event: EventMessage) -> None:
        if self._log is not None:
            line = {"device": device, **event.model_dump(mode="json")}
            self._log.write(json.dumps(line, ensure_ascii=False) + "\n")


class SimulatedSite(SimulatedDevice):
    """The computer of the site's own process."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench, assembly.NAME)
        self._history_disk = HistoryStore.in_memory(self.ids)
        self._history: InlineJournal | None = None

    def power_cut(self, for_s: float) -> None:
        """The history loses what is not on disk, too."""
        super().power_cut(for_s)
        if self._history is not None:
            self._history.power_cut()

    def close(self) -> None:
        """The history's disk as well."""
        self._history_disk.close()
        super().close()

    def install(self, journal: InlineJournal) -> VirtualLink:
        """Start keeper and recorder."""
        self._history = self.open_journal(self._history_disk, post_from_history(self.device.loop.post))
        controller = assembly.controller(self.bench.building, journal, self._history)
        identity = controller.station.identity
        link = self.bench.broker.link(
            self.name,
            self.device.loop.post,
            assembly.subscriptions(identity.site),
            will=controller.station.last_word(self.clock.wall()),
            as_published=[identity.topic("commands")],
        )
        doers = assembly.performers(journal, link, self._history)
        self.device.install(controller, {**doers, Commit: self.commit})
        return link
