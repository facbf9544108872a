"""The line hands libosdp whole replies of the reader that was asked, and never an exception."""

from __future__ import annotations

import errno
import os
import pty
import select
import termios
import time
import tty
from binascii import crc_hqx
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.osdp_wire import BUSY, FAULTS, GAP_S, LONGEST, NAK, REPLY_S, Frames, OsdpWire, open_port

ACK, POLL = 0x40, 0x60


def message(address, code, *, sequence=1, data=b"", crc=True, block=b""):
    """One message as it stands on the line; a reply if the address has its highest bit."""
    control = sequence | (0x04 if crc else 0) | (0x08 if block else 0)
    body = block + bytes([code]) + data
    size = 5 + len(body) + (2 if crc else 1)
    head = bytes([0x53, address, size & 0xFF, size >> 8, control]) + body
    return head + (crc_hqx(head, 0x1D0F).to_bytes(2, "little") if crc else bytes([-sum(head) & 0xFF]))


def reply(address=5, code=ACK, **more):
    return message(address | 0x80, code, **more)


def framed(data) -> Any:
    frames = Frames()
    frames.feed(data)
    return frames.take()


messages = st.builds(
    message,
    st.integers(0, 255),
    st.integers(0, 255),
    sequence=st.integers(0, 3),
    data=st.binary(max_size=240),
    crc=st.booleans(),
)


class Ends:
    """A line on a pseudo terminal: the wire under test, and its far end."""

    def __init__(self):
        self.far, self.near = pty.openpty()
        tty.setraw(self.near)
        self.wire = OsdpWire(open_port(os.ttyname(self.near), 9600), 9600, time.monotonic)

    def ask(self, address=5, code=POLL, *, sequence=1):
        command = b"\xff" + message(address, code, sequence=sequence)
        assert self.wire.write(command) == len(command)
        assert os.read(self.far, 999) == command

    def say(self, data):
        os.write(self.far, data)

    def close(self):
        self.wire.close()
        for end in (self.far, self.near):
            if end >= 0:
                os.close(end)


@pytest.fixture
def ends():
    ends = Ends()
    yield ends
    ends.close()


# --- messages among bytes ------------------------------------------------------------------------


@given(data=st.data(), sent=st.lists(messages, max_size=5))
def test_messages_are_found_however_the_bytes_come(data, sent):
    stream, frames, found = b"".join(b"\xff" + each for each in sent), Frames(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        frames.feed(stream[:size])
        stream = stream[size:]
        while (frame := frames.take()) is not None:
            found.append(frame.data)
    assert found == sent


@given(noise=st.binary(max_size=300), sent=messages)
def test_a_message_after_any_noise_is_found_at_the_latest_after_silence(noise, sent):
    frames = Frames()
    frames.feed(noise + sent)
    found = []
    while frames.begun:
        while (frame := frames.take()) is not None:
            found.append(frame.data)
        frames.skip()
    assert sent in found or any(sent in each or each in noise + sent for each in found)


@given(messages, st.data())
def test_a_turned_bit_is_no_message(sent, data):
    at, bit = data.draw(st.integers(0, len(sent) - 1)), data.draw(st.integers(0, 7))
    frame = framed(sent[:at] + bytes([sent[at] ^ 1 << bit]) + sent[at + 1 :])
    assert frame is None or frame.data != sent


def test_a_message_says_what_it_is():
    said = [
        (frame.address, frame.is_reply, frame.code, frame.sequence, frame.in_session)
        for frame in (
            framed(message(0x85, 0x53, sequence=2, block=b"\x02\x16", data=b"mac!")),
            framed(message(0x05, POLL, crc=False)),
            framed(message(0x85, 0x76, block=b"\x03\x12\x01")),
        )
    ]
    assert said == [(5, True, 0x53, 2, True), (5, False, POLL, 1, False), (5, True, 0x76, 1, False)]


# --- replies -------------------------------------------------------------------------------------


def test_a_reply_is_handed_over_whole(ends):
    ends.ask()
    ends.say(reply(data=b"x" * 30))
    assert ends.wire.read(64) == reply(data=b"x" * 30)
    assert ends.wire.read(64) == b""


def test_a_long_reply_is_handed_over_in_parts_without_a_pause(ends):
    long = reply(data=b"x" * (LONGEST - 8))
    ends.ask()
    ends.say(long)
    parts = [ends.wire.read(64) for _ in range(4)]
    assert b"".join(parts) == long
    assert [len(part) for part in parts] == [64, 64, 64, LONGEST - 192]


@pytest.mark.parametrize("cut", [1, 4, 20])
def test_a_reply_in_pieces_is_waited_for(ends, monkeypatch, cut):
    whole = reply(data=b"x" * 30)
    ends.ask()
    pieces = [whole[at : at + cut] for at in range(0, len(whole), cut)]
    waits = []

    def comes(within_s):
        waits.append(within_s)
        if pieces:
            ends.say(pieces.pop(0))
        return bool(select.select([ends.near], [], [], 10)[0])

    monkeypatch.setattr(ends.wire, "_comes", comes)
    assert ends.wire.read(64) == whole
    assert set(waits[1:]) <= {GAP_S}
    assert 0 < waits[0] <= REPLY_S


def test_silence_is_nothing_and_a_reply_that_stops_is_none(ends):
    ends.ask()
    assert ends.wire.read(64) == b""
    ends.ask()
    ends.say(reply()[:-1])
    assert ends.wire.read(64) == b""


def test_a_reply_that_waited_for_a_busy_machine_is_taken(ends):
    ends.ask()
    ends.say(reply())
    ends.wire._written_s -= 3600.0  # nobody looked for an hour
    assert ends.wire.read(64) == reply()


def test_noise_without_an_end_ends_the_wait(ends, monkeypatch):
    now_s = 0.0

    def later(_):
        nonlocal now_s
        now_s += 0.01
        return True

    monkeypatch.setattr(ends.wire, "_monotonic", lambda: now_s)
    monkeypatch.setattr(ends.wire, "_comes", later)
    monkeypatch.setattr(ends.wire, "_take", lambda: ends.wire._frames.feed(b"\x53\x85\xff\x00\x04" * 9))
    ends.wire._written_s = 0.0
    assert ends.wire.read(64) == b""
    assert now_s < 2.0


@pytest.mark.parametrize(
    "stray",
    [
        pytest.param(reply(6), id="the late reply of another reader"),
        pytest.param(reply(5, sequence=3), id="the late reply to an earlier command"),
        pytest.param(message(5, POLL), id="our own command"),
        pytest.param(b"\x00\x53\x53\xff\x53\x85\x09", id="noise"),
        pytest.param(reply()[:-1] + b"\x00", id="a reply with a bad check"),
    ],
)
def test_what_is_no_reply_to_the_question_is_not_handed_over(ends, stray):
    ends.ask(5, sequence=1)
    ends.say(stray + reply(5, sequence=1, data=b"right"))
    assert ends.wire.read(64) == reply(5, sequence=1, data=b"right")
    assert ends.wire.last.keys() == {5}


@pytest.mark.parametrize("code", [NAK, BUSY])
def test_a_reader_that_has_lost_count_may_say_so(ends, code):
    ends.ask(5, sequence=2)
    ends.say(reply(5, code, sequence=0))
    assert ends.wire.read(64) == reply(5, code, sequence=0)


def test_what_came_before_a_command_is_forgotten(ends):
    ends.ask()
    ends.say(reply(data=b"late"))
    assert select.select([ends.near], [], [], 10)[0]
    ends.wire.flush()
    ends.ask()
    ends.say(reply(data=b"new"))
    assert ends.wire.read(64) == reply(data=b"new")


def test_replies_in_a_session_are_counted(ends):
    for block, count in ((b"", 0), (b"\x03\x12\x01", 0), (b"\x02\x16", 1), (b"\x02\x18", 2)):
        ends.ask()
        ends.say(reply(block=block))
        assert ends.wire.read(64) == reply(block=block)
        assert ends.wire.sessions[5] == count


# --- a line that is gone -------------------------------------------------------------------------


def test_a_line_that_is_gone_is_kept_in_words(ends):
    os.close(ends.far)
    ends.far = -1
    assert ends.wire.write(message(5, POLL)) == len(message(5, POLL))
    assert ends.wire.read(64) == b""
    ends.wire.flush()
    assert ends.wire.broken.startswith("the line is gone: ")
    assert ends.wire.broken.endswith("Input/output error")


class Port:
    """A port of which one thing fails."""

    def __init__(self, fails, fault):
        self.fails, self.fault = fails, fault
        self.end, self.other = os.pipe()
        os.write(self.other, b"x")

    def __getattr__(self, name):
        def do(*_):
            if name == self.fails:
                raise self.fault
            return {"fileno": self.end, "read": b"", "write": 0}.get(name)

        return do


@pytest.mark.parametrize("fails", ["fileno", "read", "write", "flush", "reset_input_buffer"])
@pytest.mark.parametrize("fault", [OSError(errno.EIO, "gone"), termios.error(errno.EIO, "gone")])
def test_nothing_is_raised_into_libosdp(fails, fault):
    port: Any = Port(fails, fault)
    wire = OsdpWire(port, 9600, time.monotonic)
    wire.flush()
    assert wire.write(message(5, POLL)) == len(message(5, POLL))
    assert wire.read(64) == b""
    assert wire.broken == "the line is gone: gone"
    os.close(port.end)
    os.close(port.other)


def test_a_line_in_use_cannot_be_opened_twice(ends):
    with pytest.raises(FAULTS):
        open_port(os.ttyname(ends.near), 9600)
