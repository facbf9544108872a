"""Where a demo's story is told: on a terminal as a screen, anywhere else line by line."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Protocol

from rich.console import Console
from rich.live import Live

from edge.runtime.clock import WallClock
from edge.site.contract import LaneStatus
from simulators.screen import Screen
from simulators.story import Story, StoryLine

TITLE = "Gatehouse, a simulated library"
OCCUPANCY = timedelta(minutes=10)
"""A log gets a line of who is inside so often, in simulated time."""


class Show(Protocol):
    """Tells a story."""

    def starting(self) -> AbstractContextManager[object]:
        """While the site starts."""
        ...

    def begin(self, opened: ExitStack) -> None:
        """The site is there; ``opened`` ends the show."""
        ...

    def told(self, line: StoryLine) -> None:
        """Something happened."""
        ...

    def lane(self, name: str, status: LaneStatus) -> None:
        """A lane changed."""
        ...

    def refresh(self, now: datetime | None) -> None:
        """Several times a second."""
        ...


class Terminal:
    """A live screen, whose last picture stays.

    Args:
        console: the terminal.
        story: what is told.
        lanes: the site's lanes.
        speed: simulated seconds a second.
    """

    def __init__(self, console: Console, story: Story, lanes: list[str], speed: float) -> None:
        self._console = console
        self._now: datetime | None = None
        self._live: Live | None = None
        self._screen = Screen(
            story, lanes, title=TITLE, speed=speed, now=lambda: self._now, real_s=WallClock(UTC).monotonic
        )

    def starting(self) -> AbstractContextManager[object]:
        """A sign of life."""
        return self._console.status("The site starts: broker, booking server, lanes …")

    def begin(self, opened: ExitStack) -> None:
        """Take the whole screen."""
        opened.callback(lambda: self._console.print(self._screen, height=self._console.height - 2))
        self._live = opened.enter_context(Live(self._screen, console=self._console, screen=True, auto_refresh=False))

    def told(self, line: StoryLine) -> None:
        """The next picture has it."""

    def lane(self, name: str, status: LaneStatus) -> None:
        """A lane changed."""
        self._screen.watch(name, status)

    def refresh(self, now: datetime | None) -> None:
        """Draw."""
        self._now = now
        if self._live is not None:
            self._live.refresh()


class Log:
    """Lines on standard output.

    Args:
        story: what is told.
        speed: simulated seconds a second.
    """

    def __init__(self, story: Story, speed: float) -> None:
        self._story = story
        self._speed = speed
        self._next: datetime | None = None
        self._told = ""

    def starting(self) -> AbstractContextManager[object]:
        """Say what this is."""
        _print(f"{TITLE}, {self._speed:g} times as fast as life. Ctrl-C ends it.")
        return nullcontext()

    def begin(self, opened: ExitStack) -> None:
        """Nothing to prepare."""

    def told(self, line: StoryLine) -> None:
        """Write the line."""
        _print(str(line))

    def lane(self, name: str, status: LaneStatus) -> None:
        """What a lane shows is in the story's lines where it matters."""

    def refresh(self, now: datetime | None) -> None:
        """Say now and then who is inside, if that has changed."""
        if now is None:
            return
        if self._next is None:
            self._next = now + OCCUPANCY
        elif now >= self._next:
            self._next = now + OCCUPANCY
            inside = self._story.occupancy()
            if inside != self._told:
                self._told = inside
                _print(f"{now:%H:%M}  {inside}")


def open_show(story: Story, lanes: list[str], speed: float) -> Show:
    """The screen where there is one."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")  # a terminal without Unicode is no reason to end
    console = Console(highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        return Terminal(console, story, lanes, speed)
    return Log(story, speed)


def _print(text: str) -> None:
    print(text, flush=True)
