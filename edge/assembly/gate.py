"""One gate put together: configuration to parts, intents to drivers. The same on hardware and in simulation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias, TypedDict, cast

from drivers.lane_io import OUTPUTS, Input, LaneIO, LanePins, LockKind, Output, OutputName
from drivers.reader_hid import Role
from drivers.thermometer_adafruit import AdafruitMlx90614
from drivers.thermometer_mlx90614 import PARTS
from drivers.uid import CardForm, Size
from edge import settings
from edge.assembly.station import station_performers
from edge.gate.controller import Gate
from edge.gate.screening import ScreeningPolicy
from edge.gate.state import GatePolicy
from edge.gate.vocabulary import (
    FireChanged,
    Indicate,
    Lock,
    Measure,
    ReleasePressed,
    Side,
    TemperatureFailed,
    TemperatureTaken,
    Unlock,
)
from edge.runtime.config import ConfigError
from edge.runtime.device import Device, Performers
from edge.runtime.guard import PinGuard, Resting, TimedGuard
from edge.runtime.ports import Journal, Link
from edge.runtime.station import Identity
from edge.runtime.vocabulary import Fact
from edge.settings.lane import InputPin, OutputPin, Reader, Thermometer
from edge.site.contract import TOPICS

Reading: TypeAlias = Callable[[], TemperatureTaken | TemperatureFailed]
"""Takes one temperature."""


class ReaderOptions(TypedDict):
    """Options of `drivers.reader_hid.HidReader`."""

    side: Side
    role: Role
    form: CardForm
    frame_timeout_s: float


URGENT: tuple[type[Fact], ...] = (FireChanged, ReleasePressed)
"""What overtakes everything else in a gate's inbox."""


def policy_of(building: settings.Building) -> GatePolicy:
    """The site's policy as its gates take it."""
    return GatePolicy(threshold_c=building.screening.threshold_c, **building.policy.model_dump())


def screening_of(building: settings.Building, gate: settings.Gate) -> ScreeningPolicy | None:
    """How a gate judges temperatures; None where it has no thermometer."""
    if gate.thermometer is None:
        return None
    part = PARTS[gate.thermometer.part]
    chosen = building.screening
    return ScreeningPolicy(
        threshold_c=chosen.threshold_c,
        offsets=tuple((row.ambient_c, row.offset_c) for row in chosen.offsets),
        samples=part.samples,
        settle_s=part.settle_s,
        noise_c=part.noise_c,
        too_cold_c=chosen.too_cold_c,
        ambient_min_c=chosen.ambient_min_c,
        ambient_max_c=chosen.ambient_max_c,
        recheck_s=chosen.recheck_s,
    )


def wiring_of(gate: settings.Gate) -> LanePins:
    """The gate's pins as the driver takes them."""

    def output(pin: OutputPin | None) -> Output | None:
        return None if pin is None else Output(pin.pin, pin.active_high)

    def input_(pin: InputPin | None) -> Input | None:
        return None if pin is None else Input(pin.pin, pin.active_low, pin.pull)

    return LanePins(
        lock=output(gate.lock),
        lamp_green=output(gate.lamp_green),
        lamp_red=output(gate.lamp_red),
        buzzer=output(gate.buzzer),
        entry_beam=input_(gate.entry_beam),
        exit_beam=input_(gate.exit_beam),
        fire=input_(gate.fire),
        release_button=input_(gate.release_button),
        presence=input_(gate.presence),
        lock_kind=LockKind(f"fail_{gate.lock.fail}") if gate.lock is not None else LockKind.FAIL_SECURE,
    )


def adafruit_thermometer(chosen: Thermometer, open_bus: Callable[[], object]) -> AdafruitMlx90614:
    """The thermometer over CircuitPython's library; two readings of a noisy part differ more.

    Raises:
        ConfigError: the library is not installed.
    """
    try:
        return AdafruitMlx90614(open_bus(), address=chosen.address, agree_c=max(0.3, 6 * PARTS[chosen.part].noise_c))
    except ModuleNotFoundError as missing:
        raise ConfigError([f"thermometer.backend: adafruit needs the extra adafruit: {missing}"]) from None


def form_of(reader: Reader) -> CardForm:
    """How a reader writes card numbers."""
    size = cast(Size | None, reader.number_bytes)
    return CardForm(text=reader.sends, order="reversed" if reader.reversed_bytes else "normal", size=size)


def reader_options(reader: Reader) -> ReaderOptions:
    """What the reader's driver is to know; people at a keypad pause longer than a card reader does."""
    return {
        "side": reader.side,
        "role": reader.role,
        "form": form_of(reader),
        "frame_timeout_s": 5.0 if reader.role == "code" else 1.0,
    }


def subscriptions(building: settings.Building, device: str) -> list[str]:
    """What a gate listens to."""
    site = building.site.name
    told = ("inside", "occupancy")  # also what we told ourselves, before our disk was lost
    own = ("readers", "acks", "commands", "grants", "alerts", *told)
    all_ = ("caps", "bookings", "passes", "holds", "zones")
    peers = [name for name in building.devices if name != device]  # a broker sends our own requests back, too
    return [
        *(TOPICS[row].filter(site, device=device) for row in own),
        *(TOPICS[row].filter(site) for row in all_),
        *(TOPICS[row].filter(site, device=peer) for row in (*told, "requests", "status") for peer in peers),
    ]


def controller(building: settings.Building, name: str, journal: Journal, new_id: Callable[[], str]) -> Gate:
    """The gate's controller, with what its journal remembers."""
    gate = building.devices[name]
    on_network = any(reader.kind == "mqtt" for reader in gate.readers)
    return Gate(
        Identity.of(building.site.name, name, journal),
        key=building.site.secret(),
        zone=building.site.zone(),
        policy=policy_of(building),
        screening=screening_of(building, gate),
        entrances=tuple(other for other, device in building.devices.items() if device.entrance and other != name),
        exit_beam=gate.exit_beam is not None,
        network_sizes=building.card_bytes() if on_network else (),
        retention=timedelta(days=building.storage.retention_days),
        low_mb=building.storage.low_mb,
        new_id=new_id,
    )


def performers(
    device: Device,
    *,
    journal: Journal,
    link: Link,
    lane: LaneIO,
    measure: Callable[[Callable[[], Fact | None]], bool],
    thermometer: Reading | None,
    show: Callable[[Indicate], None] | None = None,
) -> Performers:
    """Who performs a gate's intents. Outputs go through the pin guard: each is a lease.

    Args:
        device: whose loop drives the guard.
        journal: takes transactions.
        link: takes messages.
        lane: the contacts.
        measure: has a reading taken where readings are taken (a worker's ``submit``).
        thermometer: takes one reading.
        show: shows people the same elsewhere as lamps and buzzer do: at readers with lamps of their own.
    """

    def write(name: str, on: bool) -> None:
        lane.write(cast(OutputName, name), on)

    guard = TimedGuard(
        PinGuard(write, {name: Resting(False) for name in OUTPUTS}, device.clock),
        device.clock,
        device.loop.call_at,
    )

    def lease(name: str, for_s: float) -> None:
        if for_s > 0:
            guard.lease(name, True, for_s)
        else:
            guard.drop(name)

    def take_reading(_: Measure) -> None:
        if thermometer is not None:
            measure(thermometer)

    def unlock(intent: Unlock) -> None:
        lease("lock", intent.lease_s)

    def lock(_: Lock) -> None:
        lease("lock", 0)

    def indicate(intent: Indicate) -> None:
        lease(intent.signal, intent.for_s)
        if show is not None:
            show(intent)

    return {
        **station_performers(journal, link),
        Unlock: unlock,
        Lock: lock,
        Indicate: indicate,
        Measure: take_reading,
    }
