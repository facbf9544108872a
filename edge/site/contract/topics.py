"""The table of topics: who says what where, retained or not, and how large."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Literal

from pydantic import (
    TypeAdapter,
)

from edge.site.contract.commands import AnyCommand, Result
from edge.site.contract.complaints import shown
from edge.site.contract.devices import (
    Alert,
    ClosedZone,
    EventMessage,
    Grants,
    Hold,
    Inside,
    LaneStatus,
    Occupancy,
    Request,
    Status,
    Sync,
)
from edge.site.contract.parts import SEGMENT
from edge.site.contract.server import Ack, Bookings, Caps, Passes, Reading, Returns
from edge.site.contract.words import MAX_BYTES, MAX_LIST_BYTES, ContractError

_SEGMENT: Final = re.compile(SEGMENT[:-1] + r"\Z")


def check_segment(where: str, value: str) -> None:
    """See that a value can stand between two slashes of a topic.

    Raises:
        ContractError: it cannot.
    """
    if len(value) > 64 or not _SEGMENT.match(value):
        raise ContractError(f"{where}: {shown(value)}: expected 1 to 64 characters without / + # and control codes")


@lru_cache(maxsize=4096)
def build_topic(pattern: str, parameters: tuple[tuple[str, str], ...]) -> str:
    """A topic from its pattern; asked for again and again, so remembered."""
    for _, value in parameters:
        check_segment(pattern, value)
    return pattern.format(**dict(parameters))


Party = Literal["booking server", "library system", "network reader", "console", "device", "gate", "keeper", "recorder"]
OUTSIDE: Final[frozenset[Party]] = frozenset({"booking server", "library system", "network reader"})
"""Not written by us: their JSON is looked at twice."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One row: a family of topics and their messages.

    Attributes:
        path: what follows ``gatehouse/{site}/``.
        doc: what it is for, in one sentence.
        retained: the broker keeps the newest; an empty payload clears it.
        echoes: keys of the payload that repeat a part of the topic, and must agree with it.
    """

    name: str
    path: str
    type: Any
    doc: str
    publishers: tuple[Party, ...]
    subscribers: tuple[Party, ...]
    retained: bool = False
    max_bytes: int = MAX_BYTES
    echoes: tuple[str, ...] = ()
    adapter: TypeAdapter[Any] = field(init=False, repr=False, compare=False)
    parameters: tuple[str, ...] = field(init=False, repr=False, compare=False)
    """Names of the parameters, the site first."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "adapter", TypeAdapter[Any](self.type))
        object.__setattr__(self, "parameters", tuple(re.findall(r"\{(\w+)\}", self.pattern)))

    @property
    def pattern(self) -> str:
        """The whole topic with its parameters in braces."""
        return f"gatehouse/{{site}}/{self.path}"

    @property
    def from_device(self) -> bool:
        """Whether the device in the topic is the one that speaks; else it is the one spoken to."""
        return not {"gate", "device"}.isdisjoint(self.publishers)

    @property
    def from_outside(self) -> bool:
        """Whether somebody else's program writes it."""
        return not OUTSIDE.isdisjoint(self.publishers)

    def build(self, site: str, **parameters: str) -> str:
        """The topic for these parameters.

        Raises:
            ContractError: a parameter cannot stand in a topic.
            KeyError: a parameter is missing.
        """
        return build_topic(self.pattern, tuple({"site": site, **parameters}.items()))

    def filter(self, site: str, **parameters: str) -> str:
        """The subscription for these parameters; those not given match anything."""
        free = dict.fromkeys(self.parameters, "+")
        given = {"site": site, **parameters}
        for value in given.values():
            check_segment(self.pattern, value)
        return self.pattern.format(**{**free, **given})


TOPICS: Final[Mapping[str, Topic]] = {
    row.name: row
    for row in (
        Topic(
            "caps", "caps", Caps, "How many may be inside, and the sessions; a lower or equal revision is ignored.",
            ("booking server",), ("gate", "keeper", "console"), retained=True,
        ),
        Topic(
            "bookings", "bookings/{date}/{session}", Bookings, "Who is booked for one session of one date.",
            ("booking server",), ("gate", "console"), retained=True, max_bytes=MAX_LIST_BYTES,
        ),
        Topic(
            "passes", "passes", Passes, "Staff and visitors.",
            ("booking server",), ("gate", "console"), retained=True, max_bytes=MAX_LIST_BYTES,
        ),
        Topic(
            "readers", "readers/{device}", Reading,
            "A card read by a reader on the network. Holds a card number: only on an account nobody else may read.",
            ("network reader",), ("gate",),
        ),
        Topic(
            "acks", "acks/{device}", Ack, "What of a device's history is safe; cumulative for the journal named.",
            ("booking server", "recorder"), ("device", "recorder"), retained=True,
        ),
        Topic("returns", "returns", Returns, "Books that will be brought.", ("library system",), ("device",)),
        Topic(
            "commands", "commands/{device}", AnyCommand,
            "Works once and in time. Never retained: a command the broker kept is ignored.",
            ("console", "booking server"), ("device",),
        ),
        Topic(
            "results", "results/{device}", Result, "What became of a command, one each.",
            ("device",), ("console", "booking server"),
        ),
        Topic(
            "holds", "holds/{card}", Hold, "A card that is refused at every gate; empty when cleared.",
            ("gate",), ("gate", "console"), retained=True, echoes=("card",),
        ),
        Topic(
            "status", "status/{device}", Status, "Whether a device is there, and its last will.",
            ("device",), ("gate", "keeper", "console"), retained=True,
        ),
        Topic(
            "events", "events/{device}", EventMessage, "A device's history, sent again until it is acknowledged.",
            ("device",), ("booking server", "recorder", "console"),
        ),
        Topic(
            "lanes", "lanes/{device}", LaneStatus, "A lane at this moment, for screens.",
            ("gate",), ("console",), retained=True,
        ),
        Topic(
            "occupancy", "occupancy/{device}", Occupancy, "A gate's part of the bounded counter, cumulative.",
            ("gate",), ("gate", "keeper", "console"), retained=True,
        ),
        Topic(
            "inside", "inside/{device}", Inside, "Who was admitted here and not seen leaving: for anti-passback.",
            ("gate",), ("gate",), retained=True, max_bytes=MAX_LIST_BYTES,
        ),
        Topic(
            "grants", "grants/{device}", Grants, "Rights given to a gate, and how many are wanted back.",
            ("keeper",), ("gate", "keeper"), retained=True,
        ),
        Topic("requests", "requests/{device}", Request, "A gate asks for rights.", ("gate",), ("gate", "keeper")),
        Topic(
            "zones", "zones/{zone}", ClosedZone, "A closed zone; empty when it is reopened.",
            ("gate",), ("gate", "console"), retained=True, echoes=("zone",),
        ),
        Topic(
            "sync", "sync/{device}", Sync, "A device's marker to itself after subscribing; others ignore it.",
            ("device",), ("device",),
        ),
        Topic(
            "alerts", "alerts/{device}/{alert}", Alert, "An alert while it is active; empty when cleared.",
            ("device",), ("device", "console"), retained=True, echoes=("alert",),
        ),
    )
}  # fmt: skip
