"""A guard who sees the alerts and does what their procedures say, in a guard's time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulators.cast import CHECKED_C
from simulators.crowd import Act
from simulators.scripts import Happening, Pause, Script, See, Stage

Say = Callable[[str, Mapping[str, Any]], None]
"""Sends a command to a device."""

LOOK_S = 30.0
"""Until a critical alert is seen."""
WALK_S = 120.0
"""Until somebody is there."""
ROUND_S = 120.0
"""Through all rooms."""
CONTACT_S = 200.0
"""From the lane to a contact thermometer's value."""


class Guard:
    """Answers every alert.

    Args:
        stage: plays what the guard does.
        act: asks people to do something at a lane.
        say: sends commands, as the guard's screen does.
    """

    def __init__(self, stage: Stage, act: Act, say: Say) -> None:
        self._stage = stage
        self._act = act
        self._say = say

    def see(self, seen: Happening) -> None:
        """An event of a device."""
        if seen.type != "alert.raised":
            return
        match seen.data["kind"]:
            case "fever":
                self._stage.play(self._fever(seen))
            case "tailgating":
                self._stage.play(self._tailgating(seen))
            case _:
                self._stage.play(self._anything(seen))

    def _fever(self, seen: Happening) -> Script:
        yield Pause(LOOK_S)
        self._acknowledge(seen)
        yield Pause(WALK_S)
        self._command(seen.device, "led_aside")
        yield Pause(CONTACT_S)
        self._command(seen.device, "record_check", card=seen.data["card"], contact_c=CHECKED_C)

    def _tailgating(self, seen: Happening) -> Script:
        yield Pause(WALK_S)
        self._act(seen.device, "exit")  # whoever followed goes out again
        yield Pause(LOOK_S)
        self._acknowledge(seen)

    def _anything(self, seen: Happening) -> Script:
        yield Pause(WALK_S + LOOK_S)
        self._acknowledge(seen)

    def close(self, device: str) -> None:
        """The last one has left: go through all rooms."""
        self._stage.play(self._round(device))

    def _round(self, device: str) -> Script:
        yield Pause(ROUND_S)
        self._command(device, "patrol_done")
        yield See(lambda seen: seen.type == "command.done" and seen.data["do"] == "patrol_done", ROUND_S)

    def _acknowledge(self, seen: Happening) -> None:
        self._command(seen.device, "ack_alert", alert=seen.data["alert"])

    def _command(self, device: str, do: str, **keys: Any) -> None:
        self._say(device, {"do": do, "by": "guard", **keys})
