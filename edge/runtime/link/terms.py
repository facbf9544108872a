"""Who we are to any broker, and how a connection to one ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from ssl import SSLContext

from edge.runtime.vocabulary import Publish


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are to any broker."""

    name: str
    username: str | None
    password: str | None
    subscriptions: Sequence[str]
    as_published: Sequence[str]
    sync_topic: str
    will: Publish
    farewell: Publish
    keepalive_s: int
    tls: SSLContext | None


class How(Enum):
    """How a connection ended."""

    FAILED = "the network failed, or we gave it up, or the broker said why"
    HUNG_UP = "the broker hung up without a word, or with one that makes no sense"
    TAKEN_OVER = "the broker says that another client took our name"
    VERSION_REFUSED = "the broker says that it does not speak this version"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended, also in words, and since when it had been up."""

    error: str
    up_since: float | None
    how: How
