"""What happens at a site, as anybody can hear it from the broker.

The story knows nothing that is not on a topic: who is inside comes from ``occupancy``, what people see
from ``lanes``, what guards do from the results of their commands.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge.site.contract import (
    BUILDING,
    TOPICS,
    Alert,
    Caps,
    Command,
    EventMessage,
    Hold,
    LaneStatus,
    Occupancy,
    ZoneRow,
)
from simulators.words import Around, Tone, in_words

KEPT = 500
"""Lines that are remembered."""


@dataclass(frozen=True, slots=True)
class StoryLine:
    """One thing that happened."""

    at: datetime | None
    device: str
    text: str
    tone: Tone

    @property
    def time(self) -> str:
        """The time as a clock shows it."""
        return "--:--" if self.at is None else f"{self.at:%H:%M}"

    def __str__(self) -> str:
        return f"{self.time}  {self.device:<5}  {self.text}"


class Story:
    """Listens to a site.

    Args:
        site: its name.

    Attributes:
        told: takes each line, when it happens.
        lines: what happened, the newest last.
        lanes: how each lane stands.
        alerts: those active, by device and id.
        caps: as the booking server says.
        counts: how often each type of event happened.
        at_lane: the same, by device and type.
    """

    def __init__(self, site: str) -> None:
        self.told: Callable[[StoryLine], None] = lambda _: None
        self.lines: deque[StoryLine] = deque(maxlen=KEPT)
        self.lanes: dict[str, LaneStatus] = {}
        self.alerts: dict[tuple[str, str], Alert] = {}
        self.caps: Caps | None = None
        self.counts: Counter[str] = Counter()
        self.at_lane: Counter[tuple[str, str]] = Counter()
        self._site = site
        self._rows: dict[tuple[str, str], Mapping[str, ZoneRow]] = {}
        self._held: set[str] = set()
        self._commands: dict[str, Command] = {}
        self._heard: dict[tuple[str, str], int] = {}

    def subscriptions(self) -> list[str]:
        """What the story listens to."""
        rows = ("caps", "events", "lanes", "alerts", "occupancy", "holds", "commands")
        return [TOPICS[row].filter(self._site) for row in rows]

    # --- what is known ------------------------------------------------------------------------------------

    def inside(self, zone: str = BUILDING) -> int:
        """How many are in a zone, by all rows."""
        return sum(rows[zone].entries - rows[zone].exits for rows in self._rows.values() if zone in rows)

    def zones(self) -> dict[str, tuple[int, int | None]]:
        """(people, cap) of the building and then of every room."""
        if self.caps is None:
            return {}
        caps = {BUILDING: self.caps.building, **self.caps.zones}
        return {zone: (self.inside(zone), cap) for zone, cap in caps.items()}

    def occupancy(self) -> str:
        """Who is where, in one line."""
        parts = [
            f"{'inside' if zone == BUILDING else zone} {people}{'' if cap is None else f'/{cap}'}"
            for zone, (people, cap) in self.zones().items()
        ]
        return ", ".join(parts)

    def summary(self) -> str:
        """The day in one line."""
        counts = self.counts
        return (
            f"{counts['visit.admitted']} admitted, {counts['visit.denied']} refused, "
            f"{counts['visit.exited']} left, {self.inside()} inside"
        )

    # --- what is heard ------------------------------------------------------------------------------------

    def hear(self, row: str, names: Mapping[str, str], payload: object) -> None:
        """A message of the contract's row; the payload is None where the topic was cleared."""
        match payload:
            case EventMessage():
                self._event(names["device"], payload)
            case LaneStatus():
                self.lanes[names["device"]] = payload
            case Occupancy():
                self._rows[names["device"], payload.journal] = payload.zones
                for journal, zones in payload.former.items():
                    self._rows[names["device"], journal] = zones
            case Caps():
                self.caps = payload
            case Alert():
                self.alerts[names["device"], names["alert"]] = payload
            case None if row == "alerts":
                self.alerts.pop((names["device"], names["alert"]), None)
            case Hold():
                self._held.add(names["card"])
            case None if row == "holds" and names["card"] in self._held:
                self._held.discard(names["card"])
            case Command():
                self._commands[payload.id] = payload
            case _:
                pass

    def say(self, at: datetime | None, device: str, text: str, tone: Tone = "note") -> None:
        """Tell a line."""
        line = StoryLine(at, device, text, tone)
        self.lines.append(line)
        self.told(line)

    def _event(self, device: str, event: EventMessage) -> None:
        history = device, event.journal
        if event.seq <= self._heard.get(history, 0):
            return  # sent again
        self._heard[history] = event.seq
        self.counts[event.type] += 1
        self.at_lane[device, event.type] += 1
        around = Around(
            self._display(device, event.data),
            self._commands.pop(str(event.data.get("id")), None),
            frozenset(self._held),
        )
        told = in_words(event.type, event.data, around)
        if told is not None:
            self.say(event.at, device, *told)

    def _display(self, device: str, data: Mapping[str, Any]) -> str | None:
        """What the lane's display says to somebody who was refused."""
        lane = self.lanes.get(device)
        if lane is None or lane.text is None or lane.reason is None or lane.reason != data.get("reason"):
            return None
        return lane.text.en
