"""The words of the contract: reasons, kinds of alerts, modes, commands."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

MAX_BYTES: Final = 256 * 1024
MAX_LIST_BYTES: Final = 4 * 1024 * 1024
"""For ``bookings``, ``passes`` and ``inside``: some 30,000 rows."""
BUILDING: Final = "*"
"""The zone that is the whole building."""


class ContractError(ValueError):
    """A message or a topic breaks the contract; the text is one line: where, what, what was expected."""


class Reason(StrEnum):
    """Why a card was refused, in the order in which it is checked."""

    BUSY = "busy"
    LOCKDOWN = "lockdown"
    HELD = "held"
    CLOCK_UNSET = "clock_unset"
    CAPS_UNKNOWN = "caps_unknown"
    UNKNOWN_CARD = "unknown_card"
    CLOSED = "closed"
    WRONG_SESSION = "wrong_session"
    ZONE_CLOSED = "zone_closed"
    HEALTH = "health"
    WRONG_CODE = "wrong_code"
    ALREADY_INSIDE = "already_inside"
    ZONE_FULL = "zone_full"
    BUILDING_FULL = "building_full"
    TEMPERATURE_INVALID = "temperature_invalid"
    FEVER = "fever"
    NO_MASK = "no_mask"


class AlertKind(StrEnum):
    """What an alert is about."""

    FEVER = "fever"
    FORCED_ENTRY = "forced_entry"
    TAILGATING = "tailgating"
    HELD_OPEN = "held_open"
    FIRE = "fire"
    ANTI_PASSBACK = "anti_passback"
    COUNT_DOUBT = "count_doubt"
    THERMOMETER_FAULT = "thermometer_fault"
    READER_FAULT = "reader_fault"
    LANE_FAULT = "lane_fault"
    CLOCK_UNSET = "clock_unset"
    LINK_DOWN = "link_down"
    DISK_LOW = "disk_low"
    STORAGE_FAULT = "storage_fault"
    CAP_EXCEEDED = "cap_exceeded"
    OZONE_LEAK = "ozone_leak"
    CABINET_DOOR = "cabinet_door"
    ESTOP = "estop"
    LAMP_FAULT = "lamp_fault"
    GENERATOR_FAULT = "generator_fault"
    FAN_FAULT = "fan_fault"
    OZONE_SENSOR_FAULT = "ozone_sensor_fault"
    INTERLOCK_FAULT = "interlock_fault"
    BATCH_FAILED = "batch_failed"
    HYGIENE_MISSED = "hygiene_missed"
    TAMPER = "tamper"
    SENSOR_FAULT = "sensor_fault"
    DEVICE_OFFLINE = "device_offline"
    INVARIANT_BROKEN = "invariant_broken"


class Severity(StrEnum):
    """How much an alert presses; a critical one asks for somebody at once."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


CRITICAL: Final = frozenset(
    {
        AlertKind.FEVER,
        AlertKind.FIRE,
        AlertKind.FORCED_ENTRY,
        AlertKind.OZONE_LEAK,
        AlertKind.INTERLOCK_FAULT,
        AlertKind.INVARIANT_BROKEN,
    }
)
"""The kinds that are critical, whatever a site thinks of them."""


class Mode(StrEnum):
    """Why a lane rests where it rests, the strongest first. Fire holds a lane as ``released``."""

    RELEASED = "released"
    LOCKDOWN = "lockdown"
    HELD = "held"
    MANUAL = "manual"
    NORMAL = "normal"


class CommandName(StrEnum):
    """What a device can be told to do."""

    OPEN_ONCE = "open_once"
    ADMIT = "admit"
    LOCKDOWN = "lockdown"
    RELEASE = "release"
    NORMAL = "normal"
    ACK_ALERT = "ack_alert"
    RECORD_CHECK = "record_check"
    LED_ASIDE = "led_aside"
    CLEAR_HOLD = "clear_hold"
    CLOSE_ZONE = "close_zone"
    REOPEN_ZONE = "reopen_zone"
    ALL_OUT = "all_out"
    SET_COUNT = "set_count"
    HYGIENE_DONE = "hygiene_done"
    PATROL_DONE = "patrol_done"
    REPORT_SYMPTOMS = "report_symptoms"
    SUPERVISOR_RELEASE = "supervisor_release"
    WRITE_OFF = "write_off"
