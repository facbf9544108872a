"""The pin guard: every energised output is a lease, and falls back to rest when the lease ends.

The guard knows no reasons. Whoever wants an output held says so again and again; when that stops,
for whatever cause, the output goes to its safe state. What crosses this interface is small (a name,
a value, a duration), so that the guard can be a process of its own: a duration means the same there,
a moment would not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge.runtime.ports import Clock

LONGEST_LEASE_S = 60.0
"""A passage takes seconds; whatever is held for longer is renewed meanwhile."""

RETRY_S = 0.1
"""When an output that could not be written is written again."""


class GuardError(Exception):
    """Base of everything that the guard raises."""


class UnknownOutputError(GuardError, KeyError):
    """No output of that name is guarded."""

    def __str__(self) -> str:
        return str(self.args[0])


class LeaseError(GuardError, ValueError):
    """A lease must last longer than no time."""


class OutputError(GuardError, OSError):
    """The wire refused an output that had to go to rest. It is tried again; all others went to rest."""


@dataclass(frozen=True, slots=True)
class Resting:
    """The safe state of an output: what it falls back to.

    Args:
        value: its logical value at rest; True for a lock that opens without power.
        longest_s: no lease lasts longer, whatever is asked.
    """

    value: bool = False
    longest_s: float = LONGEST_LEASE_S


class PinGuard:
    """Holds outputs away from rest for as long as they are leased. All are at rest when it begins.

    Args:
        write: sets an output to a logical value; an `OSError` says that the wire refused.
        outputs: the safe state of each.
        clock: time of the guard.

    Raises:
        OutputError: an output cannot be brought to rest.
    """

    def __init__(self, write: Callable[[str, bool], None], outputs: Mapping[str, Resting], clock: Clock) -> None:
        self._write = write
        self._outputs = dict(outputs)
        self._clock = clock
        self._values = {name: resting.value for name, resting in outputs.items()}
        self._ends: dict[str, float] = {}
        self.make_safe()

    def value(self, name: str) -> bool:
        """The logical value that the output has now."""
        self._resting(name)
        return self._values[name]

    def lease(self, name: str, on: bool, lease_s: float) -> None:
        """Hold the output at ``on`` for so many seconds from now; a lease that runs is replaced.

        An output that already has the value is not written again. Leasing the resting value is `drop`.

        Raises:
            UnknownOutputError, LeaseError: nothing was changed.
            OSError: the wire refused; a running lease runs on.
        """
        resting = self._resting(name)
        if not lease_s > 0:  # not a number is not a lease either
            raise LeaseError(f"output {name}: a lease of {lease_s} s")
        if on == resting.value:
            self.drop(name)
            return
        if self._values[name] != on:
            self._write(name, on)
            self._values[name] = on
        self._ends[name] = self._clock.monotonic() + min(lease_s, resting.longest_s)

    def drop(self, name: str) -> None:
        """Bring the output to rest now.

        Raises:
            UnknownOutputError: nothing was changed.
            OutputError: the wire refused; `tick` tries again.
        """
        resting = self._resting(name)
        if name in self._ends or self._values[name] != resting.value:
            self._rest([name], self._clock.monotonic())

    def tick(self, now: float) -> list[str]:
        """Bring every output to rest whose lease has ended; returns their names.

        Raises:
            OutputError: the wire refused some of them; the others are at rest.
        """
        ended = [name for name, end in self._ends.items() if end <= now]
        if ended:
            self._rest(ended, now)
        return ended

    def deadline(self) -> float | None:
        """When `tick` is needed next, in monotonic seconds; None while nothing is leased."""
        return min(self._ends.values(), default=None)

    def make_safe(self) -> None:
        """Write the resting value of every output, whatever is believed about it.

        Raises:
            OutputError: the wire refused some of them; the others are at rest.
        """
        self._rest(list(self._outputs), self._clock.monotonic())

    def _resting(self, name: str) -> Resting:
        if name not in self._outputs:
            raise UnknownOutputError(f"output {name}: not one of {', '.join(self._outputs)}")
        return self._outputs[name]

    def _rest(self, names: list[str], now: float) -> None:
        """Try them all, then complain: one bad wire must not keep another output energised."""
        refused: list[str] = []
        for name in names:
            try:
                self._write(name, self._outputs[name].value)
            except OSError as error:
                refused.append(f"{name} ({error})")
                self._ends[name] = now + RETRY_S
            else:
                self._values[name] = self._outputs[name].value
                self._ends.pop(name, None)
        if refused:
            raise OutputError(f"outputs that could not be brought to rest: {', '.join(refused)}")


class TimedGuard:
    """Lets a loop's timers drive a guard: one timer at a time, however often leases are renewed.

    Args:
        guard: whose `PinGuard.tick` is called in time.
        clock: the loop's time.
        call_at: sets a timer on the loop.
    """

    def __init__(self, guard: PinGuard, clock: Clock, call_at: Callable[[float, Callable[[], None]], None]) -> None:
        self._guard = guard
        self._clock = clock
        self._call_at = call_at
        self._armed: float | None = None

    def lease(self, name: str, on: bool, lease_s: float) -> None:
        """Lease an output and see to it that its end is noticed."""
        self._guard.lease(name, on, lease_s)
        self._arm()

    def drop(self, name: str) -> None:
        """Bring an output to rest now."""
        try:
            self._guard.drop(name)
        finally:
            self._arm()

    def _arm(self) -> None:
        deadline = self._guard.deadline()
        if deadline is not None and (self._armed is None or deadline < self._armed):
            self._armed = deadline
            self._call_at(deadline, lambda: self._due(deadline))

    def _due(self, armed: float) -> None:
        if armed != self._armed:
            return  # an earlier end was armed since, and will arm the next
        self._armed = None
        try:
            self._guard.tick(self._clock.monotonic())
        finally:
            self._arm()
