"""The story on a terminal: who is inside, what each lane shows, what alerts there are, and what happened last.

Colours are the terminal's own, so they can be read on dark and on light; 80 columns and 24 rows suffice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from edge.site.contract import BUILDING, LaneStatus, Mode, Severity
from simulators.story import Story, StoryLine
from simulators.words import Tone

STYLES: Mapping[Tone, str] = {
    "note": "bold",
    "in": "green",
    "out": "dim",
    "no": "red",
    "alert": "bold reverse red",
    "guard": "magenta",
}
LANES: Mapping[str, str] = {
    "open": "bold green",
    "released": "bold green",
    "held": "bold red",
    "lockdown": "bold red",
    "manual": "bold magenta",
    "idle": "dim",
}
"""Styles of a lane's states; those of a moment have none."""

NAME_W, STATE_W, COUNT_W = 16, 9, 8
ALERTS_W = 31
BAR_MAX = 40
SHOWN_S = (0.0, 0.6, 1.8)
"""Real seconds that a sign stays, by its weight: a fast clock is faster than eyes."""


@dataclass(slots=True)
class _Sign:
    """What the screen shows of one lane."""

    status: LaneStatus
    until_s: float

    @property
    def weight(self) -> int:
        """An alarm or a refusal outweighs an open lane, and that everything else."""
        if self.status.reason is not None or self.status.mode is not Mode.NORMAL:
            return 2
        return int(self.status.state == "open")


class Screen:
    """Draws a story.

    Args:
        story: what to draw.
        lanes: their names, in order.
        title: stands above all.
        speed: simulated seconds a second.
        now: the site's time.
        real_s: real seconds, from anywhere.
    """

    def __init__(
        self,
        story: Story,
        lanes: Sequence[str],
        *,
        title: str,
        speed: float,
        now: Callable[[], datetime | None],
        real_s: Callable[[], float],
    ) -> None:
        self._story = story
        self._lanes = lanes
        self._title = title
        self._speed = speed
        self._now = now
        self._real_s = real_s
        self._signs: dict[str, _Sign] = {}

    def watch(self, lane: str, status: LaneStatus) -> None:
        """A lane changed; what weighs less waits until it could be read."""
        now_s, shown, sign = self._real_s(), self._signs.get(lane), _Sign(status, 0.0)
        if shown is None or sign.weight >= shown.weight or now_s >= shown.until_s:
            sign.until_s = now_s + SHOWN_S[sign.weight]
            self._signs[lane] = sign

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, height = options.max_width, options.height or console.height
        top = [
            self._header(width),
            _rule(width, "Inside", "Alerts", at=width - ALERTS_W - 1),
            *self._inside_and_alerts(width),
            _rule(width, "Lanes"),
            *self._signs_of_lanes(width),
            _rule(width, "Story", "Ctrl-C ends it"),
        ]
        rows = max(1, height - len(top))
        lines = [*top, *(_told(line, width) for line in list(self._story.lines)[-rows:])]
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        yield Text("\n").join(lines)

    # --- parts ------------------------------------------------------------------------------------------

    def _header(self, width: int) -> Text:
        now = self._now()
        time = "" if now is None else f"{now:%a} {now.day} {now:%b %Y}  {now:%H:%M}"
        right = Text.assemble((time, "bold"), f"  {self._speed:g}× ")
        left = Text.assemble(" ", (self._title, "bold"))
        left.pad_right(max(1, width - len(left) - len(right)))
        return left + right

    def _inside_and_alerts(self, width: int) -> Iterator[Text]:
        left_w = width - ALERTS_W
        rooms, alerts = list(self._rooms(left_w)), list(self._alerts())
        for row in range(max(len(rooms), len(alerts))):
            left = rooms[row] if row < len(rooms) else Text()
            left.truncate(left_w - 1, pad=True)
            yield left + " " + (alerts[row] if row < len(alerts) else Text())

    def _rooms(self, width: int) -> Iterator[Text]:
        cells = min(BAR_MAX, width - NAME_W - COUNT_W - 3)
        for zone, (people, cap) in self._story.zones().items():
            name = "whole building" if zone == BUILDING else zone
            style = "bold red" if cap is not None and people >= cap else "green"
            count = f"{people}" if cap is None else f"{people}/{cap}"
            text = Text(f" {name:<{NAME_W}}")
            if cap:
                length = min(cap, cells)
                full = min(length, -(-people * length // cap))
                text.append("█" * full, style).append("░" * (length - full), "dim")
            yield text.append(f" {count}", style if people else "dim")

    def _alerts(self) -> Iterator[Text]:
        if not self._story.alerts:
            yield Text("none", "dim")
        ranks = list(Severity)
        for (device, _), alert in sorted(
            self._story.alerts.items(), key=lambda item: (ranks.index(item[1].severity), item[0])
        ):
            seen = alert.acknowledged_by is not None
            critical = alert.severity is Severity.CRITICAL
            text = Text(f"{alert.kind.replace('_', ' ')}, {device}", "bold red" if critical else "red")
            yield text.append(" (seen)" if seen else "", "not bold")

    def _signs_of_lanes(self, width: int) -> Iterator[Text]:
        now_s = self._real_s()
        for lane in self._lanes:
            status = self._story.lanes.get(lane)
            sign = self._signs.get(lane)
            if sign is not None and status is not None and now_s >= sign.until_s:
                sign.status = status
            if sign is None:
                yield Text(f" {lane}", "dim")
                continue
            shown = sign.status
            state = "refused" if shown.reason is not None and shown.mode is Mode.NORMAL else str(shown.state)
            style = "red" if state == "refused" else LANES.get(state, "")
            text = Text.assemble(f" {lane:<6} ", (f"{state:<{STATE_W}} ", style))
            if shown.text is not None:
                text.append(f"“{shown.text.en}”", "dim" if state == "idle" else "")
            yield text


def _rule(width: int, title: str, second: str = "", at: int | None = None) -> Text:
    """A line with one title, and a second one from column ``at`` on, or at its end."""
    at = width - len(second) - 4 if at is None else at
    first = f"─ {title} "
    text = f"{first:─<{at}}─ {second} " if second else first
    return Text(f"{text:─<{width}}", "dim")


def _told(line: StoryLine, width: int) -> Text:
    style = STYLES[line.tone]
    return Text.assemble((f" {line.time}  ", "dim"), f"{line.device:<6} ", (line.text, style))
