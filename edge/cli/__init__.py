"""The command ``gatehouse``.

Exit codes: 0 done, 1 it failed, 2 wrong usage or configuration, 130 interrupted. An error is one
line on standard error; after a defect that line names where the traceback is. What a command needs is
imported when it runs, so that each starts fast; and nothing is imported before `main`, so that an
interrupt meets it whenever it comes.
"""

import os
import sys
from types import FrameType

FAILED, USAGE, INTERRUPTED = 1, 2, 130


def main() -> None:
    """Run the command line and exit; see the exit codes above."""
    try:
        import signal

        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else somebody wants it ignored
            signal.signal(signal.SIGINT, _interrupt)

        from edge.cli.commands import run

        code = run()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a defect, whatever it is
        from edge.cli.defects import report

        report(error)
        code = FAILED
    sys.exit(code)


def _interrupt(_: int, frame: FrameType | None) -> None:
    """Unwind what runs; but not an import, where the exception may be lost or leave a lock behind."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            os._exit(INTERRUPTED)
        frame = frame.f_back
    raise KeyboardInterrupt
