"""A key goes over a line to a reader in install mode, when somebody asks for it, and to nobody else."""

from __future__ import annotations

import os
from datetime import UTC
from functools import partial

import pytest

from drivers.osdp_install import InstallFailed, install_key
from drivers.osdp_wire import open_port
from edge.runtime.clock import WallClock
from simulators.wires.osdp import FakeOsdpLine, FakeOsdpReader
from tests.drivers.osdp_desk import CARD, KEY, OTHER, PATIENCE_S, Desk

KEYSET = 5


@pytest.fixture
def line(tmp_path):
    line = FakeOsdpLine(tmp_path / "line")
    yield line
    line.close()


def install(line, fake, *, address=3, timeout_s=PATIENCE_S):
    line.readers = [fake]
    opener = partial(open_port, str(line.path), 9600)
    return install_key(opener, 9600, address, KEY, clock=WallClock(UTC), timeout_s=timeout_s)


def told(fake):
    return [fake.commands.get() for _ in range(fake.commands.qsize())]


def test_a_reader_in_install_mode_takes_the_key_and_serves_with_it(tmp_path, line):
    fake = FakeOsdpReader(3, None)
    assert install(line, fake) is True
    assert told(fake) == [{"command": KEYSET, "type": 1, "data": KEY}]
    line.close()
    fake.key = KEY  # as it keeps it over a power cut
    fake.restart()
    desk = Desk(tmp_path, fake)
    assert desk.tap() == CARD
    desk.close()


def test_a_reader_that_has_the_key_is_told_nothing(line):
    fake = FakeOsdpReader(3, KEY)
    assert install(line, fake) is False
    assert told(fake) == []


@pytest.mark.parametrize(
    ("fake", "why"),
    [
        ({"key": OTHER}, "the reader is not in install mode, has another key, or knows no secure channel"),
        ({"key": KEY, "plain": True}, "the reader is not in install mode, has another key, or knows no secure channel"),
    ],
)
def test_any_other_reader_is_not_given_the_key(line, fake, why):
    fake = FakeOsdpReader(3, **fake)
    with pytest.raises(InstallFailed) as failed:
        install(line, fake)
    assert str(failed.value) == why
    assert told(fake) == []


def test_a_reader_that_does_not_take_the_key_is_said_to(line):
    fake = FakeOsdpReader(3, None, grudging=True)
    with pytest.raises(InstallFailed, match="did not take the key"):
        install(line, fake)
    assert len(told(fake)) == 1


def test_nobody_there_is_said_within_the_time_given(line):
    with pytest.raises(InstallFailed) as failed:
        install(line, FakeOsdpReader(3, None), address=4, timeout_s=0.5)
    assert str(failed.value) == "no reply from address 4: check power, A and B, address and baud"


def test_the_line_is_given_back(line):
    install(line, FakeOsdpReader(3, None))
    again = os.open(line.path, os.O_RDWR | os.O_NOCTTY)
    os.close(again)
    line.unplug()
    with pytest.raises(OSError, match="No such file"):
        install(line, FakeOsdpReader(3, None))
