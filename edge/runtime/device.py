"""A controller at work: its facts come from a loop, its intents go to whoever performs them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from edge.runtime.loop import Loop, Timer
from edge.runtime.ports import Clock, Controller
from edge.runtime.vocabulary import (
    CancelTimer,
    Delivered,
    Fact,
    Intent,
    LinkDown,
    LinkSynced,
    LinkUp,
    MessageReceived,
    Now,
    SetTimer,
    Started,
    TimerFired,
)

Performers = Mapping[type[Intent], Callable[[Any], None]]
"""Who performs which intent: the one table between deciding and doing."""

FROM_LINK: tuple[type[Fact], ...] = (MessageReceived, LinkUp, LinkSynced, LinkDown, Delivered)
"""What the broker sends must delay no wire, however much it is; and `LinkSynced` must not overtake a message."""


class Device:
    """Runs one controller on one loop.

    Args:
        clock: the device's time.
        urgent: kinds of facts that overtake all others.
        wake: shared by devices that share a thread.
    """

    def __init__(
        self, clock: Clock, *, urgent: tuple[type[Fact], ...] = (), wake: threading.Event | None = None
    ) -> None:
        self.clock = clock
        self.loop = Loop(clock, self.handle, urgent=urgent, background=FROM_LINK, wake=wake)
        self._controller: Controller | None = None
        self._performers: dict[type[Intent], Callable[[Any], None]] = {}
        self._timers: dict[str, Timer] = {}

    def install(self, controller: Controller, performers: Performers) -> None:
        """Join the controller to what performs its intents, and tell it that it has started.

        Timers are performed here. What drivers posted meanwhile is handled after `Started`, however urgent.
        """
        self._controller = controller
        self._performers = {SetTimer: self._set_timer, CancelTimer: self._cancel_timer, **performers}
        self.handle(Started())

    def power_off(self) -> None:
        """Forget everything that was not on disk."""
        self.loop.clear()
        self._timers.clear()
        self._controller = None

    def handle(self, fact: Fact) -> None:
        """Let the controller think about one fact and perform what it wants, in order.

        Raises:
            RuntimeError: no controller is installed.
            KeyError: nobody performs an intent.
        """
        if self._controller is None:
            raise RuntimeError("a fact arrived before the controller was installed")
        now = Now(self.clock.monotonic(), self.clock.wall())
        for intent in self._controller.handle(fact, now):
            self._performers[type(intent)](intent)

    def _set_timer(self, intent: SetTimer) -> None:
        name = intent.name
        self._cancel_timer(intent)

        def due() -> None:
            del self._timers[name]
            self.handle(TimerFired(name))

        self._timers[name] = self.loop.timer(self.clock.monotonic() + intent.after_s, due)

    def _cancel_timer(self, intent: SetTimer | CancelTimer) -> None:
        timer = self._timers.pop(intent.name, None)
        if timer is not None:
            timer.cancel()
