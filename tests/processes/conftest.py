from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.mosquitto import Mosquitto
from tests.processes.library import Library


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Programs start as fast as installed ones, also where nothing may be written beside the sources."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("compiled")))
        environment.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        yield


@pytest.fixture
def speed() -> float:
    """Simulated seconds a second; a test that waits for a slow alert asks for more."""
    return 1.0


@pytest.fixture
def broker() -> type[Mosquitto]:
    """What the processes talk through."""
    return Mosquitto


@pytest.fixture
def library(broker: type[Mosquitto], tmp_path: Path, speed: float) -> Iterator[Library]:
    with ExitStack() as opened:
        yield Library(broker(tmp_path), tmp_path, opened, speed=speed)
