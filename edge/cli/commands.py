"""What ``gatehouse`` can be told to do: the commands, their options, and what is said when one cannot go on."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO, Annotated

import typer

from edge.cli import FAILED, INTERRUPTED, USAGE
from edge.runtime.config import ConfigError, load
from edge.settings import Building

app = typer.Typer(
    name="gatehouse",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Config = Annotated[Path, typer.Option("--config", help="The site's TOML file.", show_default=False)]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key (dotted); may be repeated.")
]
Start = Annotated[str, typer.Option(metavar="ISO8601", help="Wall time at the beginning of the simulation.")]
LiveStart = Annotated[
    str | None, typer.Option("--start", metavar="ISO8601", help="Simulated wall time now, for rehearsals.")
]
LiveSpeed = Annotated[
    float, typer.Option("--speed", min=0.001, max=1e6, help="With --start: simulated seconds a second.")
]
Origin = Annotated[
    float | None,
    typer.Option("--origin", metavar="S", help="System time at which --start was, so that processes agree."),
]
LONGEST_S = 366 * 86_400.0
"""A run that ends by itself does so within a year, seconds."""
DEFAULT_START = "2026-03-09T08:00:00+08:00"


def _print_version(asked: bool) -> None:
    if asked:
        print(f"gatehouse {version('gatehouse')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Raspberry Pi edge controller for library entrances."""


class Failure(Exception):
    """A command cannot go on; the message is for standard error."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def run() -> int:
    """Run the command line; the exit code.

    Raises:
        KeyboardInterrupt: SIGINT ended it.
        Exception: a defect did.
    """
    try:
        ended = app(prog_name="gatehouse", standalone_mode=False)
    except typer.Exit as asked:
        return asked.exit_code
    except typer.Abort:
        return INTERRUPTED
    except ConfigError as error:
        return _complain("\n".join(error.lines), USAGE)
    except Failure as failure:
        return _complain(str(failure), failure.code)
    except BrokenPipeError:
        sys.stderr.close()
        return FAILED
    except OSError as error:
        return _complain(f"gatehouse: {error}", FAILED)
    except Exception as error:
        usage = _usage(error)
        if usage is None:
            raise
        return _complain(usage, USAGE)
    return ended if isinstance(ended, int) else 0  # how typer tells of its own exits: --help, Ctrl-C


def _usage(error: Exception) -> str | None:
    """The one line of a wrong usage, or all of the help where nothing was asked; None for anything else."""
    message = getattr(error, "format_message", None)
    if message is None:
        return None
    text = message()
    return text if text.startswith("Usage: ") else f"gatehouse: {text}"


def _complain(message: str, code: int) -> int:
    print(message, file=sys.stderr)
    return code


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(f"--start {text}: expected ISO 8601 such as {DEFAULT_START}", USAGE) from None
    if moment.tzinfo is None:
        raise Failure(f"--start {text}: expected an offset such as +08:00", USAGE)
    return moment


@contextmanager
def _opened(path: str, mode: str) -> Generator[IO[str]]:
    """A file, or ``-`` for standard input or output."""
    if path == "-":
        yield sys.stdin if mode == "r" else sys.stdout
        return
    try:
        # what is not UTF-8 is for whoever reads the line to complain of: only there its number is known
        errors = "surrogateescape" if mode == "r" else None
        stream = open(path, mode, encoding="utf-8", errors=errors)  # noqa: SIM115 - closed below
    except OSError as error:
        raise Failure(f"{path}: {error.strerror}", USAGE) from None
    with stream:
        yield stream


@app.command("check-config")
def check_config(
    file: Annotated[Path, typer.Argument(help="The site's TOML file.", show_default=False)],
    set_: Overrides = None,
) -> None:
    """Check a configuration: one line for each error."""
    from edge.assembly.osdp_keys import faults

    building = load(file, Building, set_ or ())
    found = faults(building, building.devices)
    if found:
        raise ConfigError([f"{file}: {fault}" for fault in found])
    print(f"{file}: {building.site.name}: {', '.join(building.devices)}: good")


@app.command()
def provision(
    config: Config,
    directory: Annotated[Path, typer.Argument(help="For the files; made if need be.", show_default=False)],
    set_: Overrides = None,
    replace: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="An account that gets a new password all the same.")
    ] = None,
) -> None:
    """Make accounts for the broker: passwords, access list."""
    from edge.assembly.provision import ACL, PASSWORDS, ProvisionError
    from edge.assembly.provision import provision as make

    building = load(config, Building, set_ or ())
    try:
        made = make(building, directory, replace or ())
    except ProvisionError as error:
        raise Failure(f"gatehouse: {error}", USAGE) from None
    for name in made:
        print(f"{directory / name}.password: new")
    print(f"{directory / PASSWORDS}, {directory / ACL}: for the broker")


@app.command()
def simulate(
    config: Config,
    scenario: Annotated[str, typer.Option(metavar="FILE|-", help="JSON lines: what happens when.", show_default=False)],
    set_: Overrides = None,
    start: Start = DEFAULT_START,
    seed: Annotated[int, typer.Option(help="Of everything that chance decides.")] = 0,
    speed: Annotated[str, typer.Option(metavar="max|N", help="Simulated seconds a second.")] = "max",
    for_: Annotated[
        float | None,
        typer.Option("--for", min=0, max=LONGEST_S, metavar="S", help="Length; else 60 s after the last stimulus."),
    ] = None,
    transcript: Annotated[str, typer.Option(metavar="FILE|-", help="Where to write what happened.")] = "-",
    server_log: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the events that the booking server received.")
    ] = None,
) -> None:
    """Run a whole site in virtual or scaled time, without a network."""
    from edge.assembly.fakes import read_stimuli
    from edge.assembly.simulate import Run, Simulation
    from simulators.scenario import ScenarioError

    building = load(config, Building, set_ or ())
    how = Run(_moment(start), seed, _speed(speed), for_)
    with _opened(scenario, "r") as lines:
        try:
            stimuli = list(read_stimuli(lines, building))
        except (ScenarioError, UnicodeDecodeError) as error:
            raise Failure(f"{scenario}: {error}", USAGE) from None
    log = nullcontext(None) if server_log is None else _opened(server_log, "w")
    with _opened(transcript, "w") as out, log as received:
        Simulation(building, how, out, received).play(stimuli)
        out.flush()


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 1e6:
        raise Failure(f"--speed {text}: expected max or a number above 0", USAGE)
    return speed


@app.command()
def gate(
    config: Config,
    set_: Overrides = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="Which gate of the file.")] = None,
    simulated: Annotated[bool, typer.Option("--simulated", help="Real drivers over fake wires.")] = False,
    stimuli: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="What people do at the fake wires: scenario lines.")
    ] = None,
    transcript: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="Where to write what comes of it, as simulate does.")
    ] = None,
    start: LiveStart = None,
    speed: LiveSpeed = 1.0,
    origin: Origin = None,
) -> None:
    """Run the controller of one gate."""
    building = load(config, Building, set_ or ())
    name = _device(config, building, device)
    if not simulated:
        if (stimuli, transcript, start, speed) != (None, None, None, 1.0):
            raise Failure("--stimuli, --transcript, --start and --speed need --simulated", USAGE)
        from edge.assembly.live import run_gate

        run_gate(building, name)
        return

    from edge.assembly.live import Live
    from edge.assembly.people import Unusable
    from edge.assembly.rehearsal import rehearse_gate

    live = Live(None if start is None else _moment(start), speed, origin)
    lines = nullcontext(None) if stimuli is None else _opened(stimuli, "r")
    story = nullcontext(None) if transcript is None else _opened(transcript, "w")
    with lines as stream, story as out:
        try:
            rehearse_gate(building, name, stimuli=stream, transcript=out, live=live)
        except Unusable as error:
            raise Failure(f"{stimuli}: {error}", USAGE) from None


def _device(config: Path, building: Building, name: str | None) -> str:
    names = ", ".join(building.devices)
    if name is None:
        if len(building.devices) > 1:
            raise Failure(f"--device: {config} has several gates ({names}); which one?", USAGE)
        return next(iter(building.devices))
    if name not in building.devices:
        raise Failure(f"--device {name}: {config} has {names}", USAGE)
    return name


@app.command()
def site(
    config: Config,
    set_: Overrides = None,
    start: LiveStart = None,
    speed: LiveSpeed = 1.0,
    origin: Origin = None,
) -> None:
    """Run the building's own process: caps, history, watch."""
    from edge.assembly.live import Live
    from edge.assembly.site import run_site

    building = load(config, Building, set_ or ())
    run_site(building, live=Live(None if start is None else _moment(start), speed, origin))


@app.command()
def demo(
    speed: Annotated[
        float, typer.Option(min=1, max=100, help="Simulated seconds a second; computers pause too long for more.")
    ] = 75.0,
    _port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="For the browser; this version tells the story here only.")
    ] = 8080,
    _no_console: Annotated[
        bool, typer.Option("--no-console", help="Terminal only, as this version always is.")
    ] = False,
    duration: Annotated[
        float | None, typer.Option(min=0, max=LONGEST_S, metavar="S", help="End after so many seconds.")
    ] = None,
) -> None:
    """Show a whole simulated site, as a story, until Ctrl-C."""
    try:
        from edge.assembly.demo import DemoError, run_demo
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "amqtt":
            raise
        raise Failure("gatehouse: the demo needs what requirements-demo.lock names; make demo installs it") from None

    try:
        run_demo(speed=speed, duration_s=duration)
    except DemoError as error:
        raise Failure(f"gatehouse: {error}") from None
