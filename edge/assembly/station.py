"""Who performs what every device of a site asks for: its journal and its link."""

from __future__ import annotations

from edge.runtime.device import Performers
from edge.runtime.ports import Journal, Link
from edge.runtime.vocabulary import Commit, MeasureDisk, Publish, ReadEvents, TrimEvents


def station_performers(journal: Journal, link: Link) -> Performers:
    """Who performs the intents of a `Station` and of whatever else writes and publishes."""
    return {
        Commit: journal.commit,
        ReadEvents: journal.read,
        TrimEvents: journal.trim,
        MeasureDisk: journal.measure,
        Publish: link.publish,
    }
