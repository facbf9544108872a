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
    "let_through": "bold green",
    "released": "bold green",
    "refused": "red",
    "held": "bold red",
    "lockdown": "bold red",
    "manual": "bold magenta",
    "exit": "bold green",
    "idle": "dim",
}
"""Styles of a lane's states; those of a moment have none."""
DONE: Mapping[str, str] = {"visit.passed": "in", "visit.denied": "refused", "visit.exited": "out"}
"""What a lane's line counts."""

STATES: Mapping[str, str] = {"idle": "ready", "exit": "way out", "let_through": "by guard"}
"""States in plainer words."""

NAME_W, STATE_W, COUNT_W = 16, 9, 8
ALERTS_W = 31
BAR_MAX = 40
SHOWN_S = (0.0, 1.2, 1.8)
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
        return int(self.status.state in ("open", "let_through"))


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
        self._exits: dict[str, tuple[int, float]] = {}

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
            state = self._state(lane, sign)
            text = Text.assemble(f" {lane:<6} ", (f"{STATES.get(state, state):<{STATE_W}} ", LANES.get(state, "")))
            if sign.status.text is not None:
                text.append(f"“{sign.status.text.en}”", "dim" if state in ("idle", "exit") else "")
            counts = ((self._story.at_lane[lane, type_], word) for type_, word in DONE.items())
            done = "  ".join(f"{count} {word}" for count, word in counts if count)
            text.truncate(max(0, width - len(done) - 2), overflow="ellipsis", pad=True)
            yield text.append(f" {done} ", "bold")

    def _state(self, lane: str, sign: _Sign) -> str:
        """What a lane does, in a word; an exit has no sign of its own, but its event."""
        now_s, left = self._real_s(), self._story.at_lane[lane, "visit.exited"]
        before, until_s = self._exits.get(lane, (0, 0.0))
        if left > before:
            until_s = now_s + SHOWN_S[1]
            self._exits[lane] = left, until_s
        status = sign.status
        if status.reason is not None and status.mode is Mode.NORMAL:
            return "refused"
        return "exit" if sign.weight == 0 and now_s < until_s else str(status.state)


def _rule(width: int, title: str, second: str = "", at: int | None = None) -> Text:
    """A line with one title, and a second one from column ``at`` on, or at its end."""
    at = width - len(second) - 4 if at is None else at
    first = f"─ {title} "
    text = f"{first:─<{at}}─ {second} " if second else first
    return Text(f"{text:─<{width}}", "dim")


def _told(line: StoryLine, width: int) -> Text:
    text = line.text
    if len(text) > width - 15:
        text = text.partition(" – ")[0]  # what the display says stands beside the lane as well
    return Text.assemble((f" {line.time}  ", "dim"), f"{line.device:<6} ", (text, STYLES[line.tone]))
