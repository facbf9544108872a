"""A paced driver is polled as often as it asks for, and never waits for the bus twice."""

from __future__ import annotations

from drivers.paced import REFUSED_S, Paced


class Bus:
    """A worker and a timer, turned by hand."""

    def __init__(self):
        self.jobs, self.timers, self.polls = [], [], 0
        self.refuses = False

    def submit(self, job):
        if not self.refuses:
            self.jobs.append(job)
        return not self.refuses

    def later(self, after_s, call):
        self.timers.append((after_s, call))

    def poll(self):
        self.polls += 1
        return 0.25

    def pass_time(self):
        """What was to be called later is called; it returns after how long."""
        (after_s, call), self.timers = self.timers[0], self.timers[1:]
        call()
        return after_s


def test_one_poll_at_a_time_as_often_as_the_driver_asks_for():
    bus = Bus()
    Paced(bus.poll, bus.submit, bus.later)
    for polls in range(1, 4):
        assert (len(bus.jobs), bus.timers) == (1, [])
        bus.jobs.pop()()
        assert (bus.polls, bus.jobs, len(bus.timers)) == (polls, [], 1)
        assert bus.pass_time() == 0.25


def test_a_refused_poll_is_tried_again():
    bus = Bus()
    bus.refuses = True
    Paced(bus.poll, bus.submit, bus.later)
    assert bus.pass_time() == REFUSED_S
    bus.refuses = False
    assert bus.pass_time() == REFUSED_S
    bus.jobs.pop()()
    assert bus.polls == 1


def test_a_closed_one_polls_no_more():
    bus = Bus()
    paced = Paced(bus.poll, bus.submit, bus.later)
    paced.close()
    bus.jobs.pop()()
    assert (bus.polls, bus.timers) == (0, [])
    paced = Paced(bus.poll, bus.submit, bus.later)
    bus.jobs.pop()()
    paced.close()
    bus.pass_time()
    assert (bus.polls, bus.jobs, bus.timers) == (1, [], [])
