"""What is said when the program itself is at fault: one line, and all the rest where an engineer finds it."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback


def report(error: Exception) -> None:
    """Say that a defect ended the command, and write the traceback into the log.

    The log is standard error where systemd's journal reads that, else a file of its own in the folder for
    temporary files.
    """
    details = "".join(traceback.format_exception(error))
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    print(f"gatehouse: a defect of the program ended it: {type(cause).__name__}; {_log(details)}", file=sys.stderr)


def _log(details: str) -> str:
    """Write the details down; says where they are."""
    if not _journal_reads_us():
        try:
            descriptor, path = tempfile.mkstemp(prefix="gatehouse-defect-", suffix=".txt")
            with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(details)
        except OSError:  # no folder, no room: better here than nowhere
            pass
        else:
            return f"details in {path}"
    sys.stderr.write(details)
    return "details above"


def _journal_reads_us() -> bool:
    """Whether standard error goes to systemd's journal (systemd.exec(5), ``JOURNAL_STREAM``)."""
    try:
        stream = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{stream.st_dev}:{stream.st_ino}"
