"""For all tests: the verdict of a run is that of its tests."""

from __future__ import annotations

import os
import sys

import pytest

_STATUS = pytest.StashKey[int]()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Note the verdict."""
    session.config.stash[_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave with the verdict at once.

    A hundred wires, brokers and threads of C libraries were opened and closed in this one process, as no
    gate ever does; one of them has been seen to crash the interpreter while it shuts down, after all
    tests had passed.
    """
    if _STATUS in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[_STATUS])
