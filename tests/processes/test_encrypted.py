"""A gate that speaks to its broker encrypted, as the site's file says; and one that trusts another authority."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.authority import Authority
from tests.mosquitto import Mosquitto, free_port
from tests.processes.library import Library, granted


class TwoEars(Mosquitto):
    """Listens in the clear for the test, and encrypted."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory)
        self.encrypted_port = free_port()
        ear = f"\nlistener {self.encrypted_port} 127.0.0.1\n{self.authority.of_the_broker('localhost')}"
        super().__init__(directory, more=ear)


@pytest.fixture
def broker() -> type[Mosquitto]:
    return TwoEars


def encrypted(library: Library, ca_file: Path) -> tuple[str, ...]:
    assert isinstance(library.broker, TwoEars)
    address = f"localhost:{library.broker.encrypted_port}"
    return ("--set", f'broker.addresses=["{address}"]', "--set", f'broker.ca_file="{ca_file}"')


def test_a_reader_enters_at_a_gate_that_speaks_encrypted(library: Library) -> None:
    assert isinstance(library.broker, TwoEars)
    library.site()
    gate = library.gate(*encrypted(library, library.broker.authority.ca_file))
    library.open_for(range(3))
    library.hears("occupancy/north", lambda row: granted(row, 100))
    gate.ready().walk_in(1)
    library.takes("visit.passed")


def test_a_gate_that_trusts_another_authority_says_so_and_works_without_a_broker(
    library: Library, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    gate = library.gate(*encrypted(library, Authority(tmp_path / "other").ca_file)).ready()
    line = gate.errors.wait(lambda line: "certificate" in line, "the line")
    assert line.endswith("the broker's certificate is not trusted: self-signed certificate in certificate chain")
    gate.do("fire", active=True)
    gate.tells("output", name="lock", on=True)
