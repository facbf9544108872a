"""The building's history on disk: a journal like a device's, whose events are those of all devices.

Thread, group commit, fsync and a disk that refuses are the journal's; different is only what is deleted
after the retention time: what tells of persons. The record of a batch or an alert stays.

Each event lies there under a number of the history's own; under ``data`` stand its device, journal,
sequence number and id, and its own data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edge.runtime.journal import Store
from edge.runtime.ports import Journal, Post
from edge.runtime.vocabulary import Commit, Fact, Intent, TrimEvents

PERSONAL: Final = (
    "(type LIKE 'visit.%' OR json_extract(data, '$.data.card') IS NOT NULL"
    " OR json_extract(data, '$.data.visit') IS NOT NULL)"
)
"""What tells of a person: every event of a visit, and any that names a card or a visit."""


@dataclass(frozen=True, slots=True)
class Keep(Intent):
    """Write a transaction of the history; answered by `FromHistory`."""

    commit: Commit


@dataclass(frozen=True, slots=True)
class Forget(Intent):
    """Delete what tells of persons and is past its retention."""

    trim: TrimEvents


@dataclass(frozen=True, slots=True)
class FromHistory(Fact):
    """What the history's journal says; the device's own journal says it without this wrapping."""

    fact: Fact


class HistoryStore(Store):
    """The tables of the history; give ``HistoryStore.open`` to `SqliteJournal`."""

    expires = PERSONAL


def post_from_history(post: Post) -> Post:
    """Where the history's journal posts, so that its facts are not taken for the device's own journal's."""
    return lambda fact: post(FromHistory(fact))


def performers(history: Journal) -> Mapping[type[Intent], Callable[[Any], None]]:
    """Who performs the recorder's intents."""
    return {Keep: lambda keep: history.commit(keep.commit), Forget: lambda forget: history.trim(forget.trim)}
