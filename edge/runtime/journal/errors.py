"""What a journal raises: one line each, for the engineer who reads the log."""

from __future__ import annotations


class JournalError(Exception):
    """Base of everything that a journal raises."""


class JournalOpenError(JournalError, OSError):
    """The file cannot be this device's journal; nothing on the disk was changed."""


class JournalInUseError(JournalOpenError):
    """Another process has the journal open."""


class JournalWriteError(JournalError, OSError):
    """The disk did not take what was queued before the journal was closed."""


class JournalOrderError(JournalError, ValueError):
    """A transaction repeats or goes back behind a sequence number that was already used."""
