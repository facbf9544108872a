"""OSDP readers in the site's file: what makes no sense is one line, from the settings or from check-config."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.assembly import osdp_keys
from edge.assembly.osdp_keys import faults
from edge.cli import main
from tests.test_settings import DEMO, building, complaints

LINE = "/dev/gatehouse/rs485"
SIDES = ("entry", "exit")


def readers(*wrong: str, count: int = 2) -> str:
    """Two readers on one line; what is wrong with each is written behind."""
    rows = [
        f'{{kind="osdp", path="{LINE}", side="{SIDES[at]}", address={at}, key_file="{at}.key"{extra}}}'
        for at, extra in enumerate((*wrong, *[""] * (count - len(wrong))))
    ]
    return f"devices.north.readers=[{', '.join(rows)}]"


def test_readers_share_a_line() -> None:
    entry, exit_ = building(readers()).devices["north"].readers
    assert (entry.path, entry.baud, entry.address, entry.side) == (LINE, 9600, 0, "entry")
    assert (exit_.path, exit_.baud, exit_.address, exit_.side) == (LINE, 9600, 1, "exit")
    assert (entry.key_file, exit_.key_file) == (DEMO.parent / "0.key", DEMO.parent / "1.key")


@pytest.mark.parametrize("baud", [9600, 19200, 38400, 57600, 115200, 230400])
def test_a_line_has_one_of_the_speeds_of_osdp(baud: int) -> None:
    (reader, _) = building(readers(f", baud={baud}", f", baud={baud}")).devices["north"].readers
    assert reader.baud == baud


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (", baud=115200", f"readers: {LINE}: expected one baud, found 115200 and 9600"),
        (", baud=4800", "readers.0.baud: input should be 9600, 19200, 38400, 57600, 115200 or 230400, found 4800"),
        (', role="code"', "readers.0: kind osdp: expected role card"),
    ],
)
def test_a_line_that_cannot_work_is_refused(wrong: str, fault: str) -> None:
    (line,) = complaints(readers(wrong))
    assert line == f"devices.north{'.' if fault.startswith('readers.') else ': '}{fault}"


@pytest.mark.parametrize(("address", "fits"), [(0, True), (126, True), (127, False), (-1, False)])
def test_an_address_has_7_bits_and_127_is_for_all(address: int, fits: bool) -> None:
    override = f'devices.north.readers=[{{kind="osdp", path="{LINE}", key_file="k", address={address}}}]'
    if fits:
        assert building(override, "policy.anti_passback=soft")
    else:
        assert complaints(override)[0].startswith("devices.north.readers.0.address: input should be")


def test_an_address_is_used_once_on_a_line() -> None:
    rows = ", ".join(f'{{kind="osdp", path="{path}", key_file="k"}}' for path in (LINE, "/dev/other", LINE))
    assert complaints(f"devices.north.readers=[{rows}]") == (
        f"devices.north: readers: {LINE}: address 0 is used twice",
    )


def test_a_line_is_for_osdp_readers_only() -> None:
    for other in (f'{{path="{LINE}"}}, ', ""):
        rows = f'{other}{{kind="osdp", path="{LINE}", key_file="k"}}, {{path="{LINE}"}}'
        assert complaints(f"devices.north.readers=[{rows}]") == ("devices.north: readers: one path is used twice",)


def test_a_key_is_needed() -> None:
    (line,) = complaints(f'devices.north.readers=[{{kind="osdp", path="{LINE}"}}]')
    assert line == "devices.north.readers.0: key_file: missing; a reader of kind osdp needs one"


@pytest.mark.parametrize("key", ['key_file="k"', "address=1", "baud=9600"])
def test_what_only_osdp_readers_have_is_refused_elsewhere(key: str) -> None:
    (line,) = complaints(f'devices.north.readers=[{{path="/dev/x", {key}}}]')
    assert line == f"devices.north.readers.0: {key.partition('=')[0]}: expected with kind osdp only"


# --- check-config --------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The demo site's file, in a folder of its own."""
    file = tmp_path / "site.toml"
    file.write_text(DEMO.read_text(encoding="utf-8"), encoding="utf-8")
    return file


def write(path: Path, text: str, mode: int = 0o600) -> None:
    path.write_text(text, encoding="ascii")
    path.chmod(mode)


def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], site: Path) -> tuple[object, list[str]]:
    monkeypatch.setattr("sys.argv", ["gatehouse", "check-config", str(site), "--set", readers()])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return ended.value.code, (said.out + said.err).replace(f"{site.parent}/", "").splitlines()


def test_check_config_says_what_is_wrong_with_each_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], site: Path
) -> None:
    assert check(monkeypatch, capsys, site) == (
        2,
        [
            "site.toml: devices.north.readers.0.key_file: no such file: 0.key",
            "site.toml: devices.north.readers.1.key_file: no such file: 1.key",
        ],
    )
    write(site.parent / "0.key", "00" * 16, 0o640)
    write(site.parent / "1.key", "00")
    assert check(monkeypatch, capsys, site) == (
        2,
        [
            "site.toml: devices.north.readers.0.key_file: expected mode 0600, found 0640: 0.key",
            "site.toml: devices.north.readers.1.key_file: expected 32 hex digits, found something else: 1.key",
        ],
    )
    for name in ("0.key", "1.key"):
        write(site.parent / name, "0F" * 16)
    assert check(monkeypatch, capsys, site) == (0, ["site.toml: demo: north, south, west: good"])


def test_check_config_says_in_one_line_that_the_extra_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], site: Path
) -> None:
    for name in ("0.key", "1.key"):
        write(site.parent / name, "0F" * 16)
    monkeypatch.setattr(osdp_keys, "find_spec", lambda module: None if module == "osdp" else module)
    assert check(monkeypatch, capsys, site) == (
        2,
        ["site.toml: devices.north.readers.0.kind: osdp needs the extra osdp: no module osdp"],
    )


def test_a_site_without_osdp_readers_needs_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(osdp_keys, "find_spec", lambda _: None)
    demo = building()
    assert faults(demo, demo.devices) == []
