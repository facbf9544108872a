"""The site's file: what makes no sense is refused before anything moves, and said by its key."""

from __future__ import annotations

import ssl
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import BaseModel

from edge.runtime.config import ConfigError, load
from edge.settings import Building, Gate
from edge.settings.lane import SAFE_PINS
from tests.authority import Authority

DEMO = Path(__file__).parents[1] / "firmware_config" / "demo" / "site.toml"


def building(*overrides: str, path: Path = DEMO) -> Building:
    return load(path, Building, overrides)


def complaints(*overrides: str, path: Path = DEMO) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        building(*overrides, path=path)
    return tuple(line.removeprefix(f"{path}: ") for line in caught.value.lines)


# --- the demo site ----------------------------------------------------------------------------------------


def test_the_demo_site_is_what_the_contract_promises() -> None:
    demo = building()
    site, policy, screening = demo.site, demo.policy, demo.screening
    assert (site.name, site.secret(), site.time_zone) == ("demo", b"gatehouse-demo", "Asia/Shanghai")
    assert (policy.passage_s, policy.reopen_s, policy.early_entry_s) == (5, 60, 300)
    assert (policy.anti_passback, policy.thermometer_fault) == ("hard", "refuse")
    assert (screening.threshold_c, screening.recheck_s) == (37.3, 5)
    assert [(row.offset_c) for row in screening.offsets] == [2.0]
    assert list(demo.gates())[:3] == ["north", "south", "west"]


@pytest.mark.parametrize(("name", "entrance"), [("north", True), ("south", True), ("west", False)])
def test_the_demo_lanes_are_wired_whole(name: str, entrance: bool) -> None:
    gate = building().gates()[name]
    assert gate.entrance is entrance
    assert gate.exit_beam is not None
    assert any(reader.side == "exit" and reader.role == "card" for reader in gate.readers)
    if entrance:
        assert gate.lock is not None
        assert gate.lock.fail == "secure"


def test_the_demo_file_holds_no_key_that_only_repeats_a_mistake() -> None:
    """What the file says is what the models hold."""
    raw = tomllib.loads(DEMO.read_text(encoding="utf-8"))
    assert set(raw) <= set(Building.model_fields)
    assert building("site.name=another").site.name == "another"


# --- every key ------------------------------------------------------------------------------------------


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from models(inner)


def test_every_key_is_described() -> None:
    """The reference of the configuration is made from these lines."""
    for model in models(Building):
        if model is not Building:
            for key, field in model.model_fields.items():
                assert field.description, f"{model.__name__}.{key}"


@pytest.mark.parametrize(
    "override",
    ["tiem_zone=1", "site.tiem_zone=1", "policy.pasage_s=5", "devices.north.lok.pin=9", "devices.north.lock.pni=9"],
)
def test_an_unknown_key_is_named_with_its_file(override: str) -> None:
    with pytest.raises(ConfigError) as caught:
        building(override)
    key = override.partition("=")[0]
    known = key if key.count(".") < 3 or ".lock." in key else "devices.north.lok"
    assert f"{DEMO}: {known}: unknown key" in caught.value.lines


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("policy.passage_s=2.9", "policy.passage_s"),  # IEC 60839-11-1, grade 1: at least 3 s
        ("policy.rights_wait_s=0.5", "policy.rights_wait_s"),  # the reader would wait longer than the gate may take
        ("policy.unused_visits=1", "policy.unused_visits"),
        ("policy.anti_passback=harsh", "policy.anti_passback"),
        ("screening.threshold_c=35.9", "screening.threshold_c"),
        ("screening.recheck_s=4", "screening.recheck_s"),  # a second look needs a pause of 5 s
        ("screening.offsets=[]", "screening.offsets"),
        ("storage.retention_days=0", "storage.retention_days"),
        ("storage.acks=nobody", "storage.acks"),
        ('broker.addresses=["no port"]', "broker.addresses.0"),
        ("broker.addresses=[]", "broker.addresses"),
        ("broker.keepalive_s=1", "broker.keepalive_s"),
        ("site.name=Two Words", "site.name"),
        ("site.key=short", "site.key"),
        ("devices.north.thermometer.part=XYZ", "devices.north.thermometer.part"),
        ("devices.north.entry_beam.pin=28", "devices.north.entry_beam.pin"),
        ('devices.north.lock.pin="17"', "devices.north.lock.pin"),
        ("devices.north.lock.pin=17.0", "devices.north.lock.pin"),
        ("devices.north.lock.pin=true", "devices.north.lock.pin"),
        ("devices.north.lock.active_high=1", "devices.north.lock.active_high"),
        ("devices.north.entry_beam.pin=true", "devices.north.entry_beam.pin"),
        ('devices.north.thermometer.address="90"', "devices.north.thermometer.address"),
        ("devices.north.thermometer.address=true", "devices.north.thermometer.address"),
        ('devices.north.thermometer.address="0x5A"', "devices.north.thermometer.address"),
        ("devices.north.thermometer.bus=1.0", "devices.north.thermometer.bus"),
        ("devices.north.readers.0.uid_bytes=true", "devices.north.readers.0.uid_bytes"),
        ("policy.rights_low=2.0", "policy.rights_low"),
        ('policy.passage_s="5"', "policy.passage_s"),
        ("devices.north.kind=cabinet", "devices.north"),
        ("devices={}", "devices"),
    ],
)
def test_a_value_out_of_range_is_named(override: str, key: str) -> None:
    assert any(line.startswith(key) for line in complaints(override))


# --- the site -------------------------------------------------------------------------------------------


def test_a_time_zone_nobody_knows_is_refused() -> None:
    (line,) = complaints("site.time_zone=Mars/Olympus")
    assert line == "site.time_zone: expected a time zone such as Asia/Shanghai, found 'Mars/Olympus'"
    assert complaints("site.time_zone=../../etc/passwd")


def test_the_secret_comes_from_one_place(tmp_path: Path) -> None:
    assert complaints("site.key_file=key.txt") == ("site: expected either key or key_file",)
    without = tmp_path / "site.toml"
    without.write_text(DEMO.read_text(encoding="utf-8").replace('key = "gatehouse-demo"', ""), encoding="utf-8")
    assert complaints(path=without) == ("site: expected either key or key_file",)
    assert complaints("site.key_file=key.txt", path=without) == (
        f"site: key_file: no such file: {tmp_path / 'key.txt'}",
    )


@pytest.mark.parametrize("key", [b"", b" \n ", b"short\n"])
def test_a_key_that_anybody_can_guess_is_refused(tmp_path: Path, key: bytes) -> None:
    (tmp_path / "key.txt").write_bytes(key)
    config = tmp_path / "site.toml"
    config.write_text(
        DEMO.read_text(encoding="utf-8").replace('key = "gatehouse-demo"', 'key_file = "key.txt"'), "utf-8"
    )
    found = f"site: key_file: expected at least 8 bytes, found {len(key.strip())}: {tmp_path / 'key.txt'}"
    assert complaints(path=config) == (found,)


def test_a_key_that_may_not_be_read_is_said_before_the_gate_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key.txt").write_bytes(b"a secret of the site")
    config = tmp_path / "site.toml"
    config.write_text(
        DEMO.read_text(encoding="utf-8").replace('key = "gatehouse-demo"', 'key_file = "key.txt"'), "utf-8"
    )

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    found = f"site: key_file: cannot be read: Permission denied: {tmp_path / 'key.txt'}"
    assert complaints(path=config) == (found,)


def test_a_complaint_does_not_repeat_a_secret() -> None:
    (line,) = complaints("site.key=hush")
    assert "hush" not in line


def test_a_key_file_lies_beside_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    text = DEMO.read_text(encoding="utf-8").replace('key = "gatehouse-demo"', 'key_file = "key.txt"')
    path.write_text(text, encoding="utf-8")
    (tmp_path / "key.txt").write_bytes(b"a secret of the site\n")
    assert building(path=path).site.secret() == b"a secret of the site"


def test_files_beside_it_are_found_wherever_the_program_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library for the pins changes the working directory while it loads."""
    text = DEMO.read_text(encoding="utf-8").replace('key = "gatehouse-demo"', 'key_file = "key.txt"')
    (tmp_path / "site.toml").write_text(text, encoding="utf-8")
    (tmp_path / "key.txt").write_bytes(b"a secret of the site")
    monkeypatch.chdir(tmp_path)
    loaded = building(path=Path("site.toml"))
    monkeypatch.chdir("/")
    assert loaded.site.secret() == b"a secret of the site"


@pytest.mark.parametrize("name", ["site", "server"])
def test_a_device_does_not_take_the_name_of_the_sites_own_process(name: str) -> None:
    override = f'devices.{name}={{kind="gate", exit_beam={{pin=25}}, readers=[{{path="/dev/x", side="exit"}}]}}'
    assert complaints(override) == (f"(file): devices.{name}: this name is taken by another account at the broker",)


@pytest.mark.parametrize("name", ["North", "no/rth", "", "x" * 33, "-north"])
def test_a_device_has_a_name_that_can_stand_in_a_topic(name: str) -> None:
    assert complaints(f'devices={{"{name}"={{kind="gate", exit_beam={{pin=25}}}}}}')


# --- one card form --------------------------------------------------------------------------------------


def test_two_forms_of_card_in_one_site_are_refused() -> None:
    """The same card would be two readers: once by its UID, once by the 24 bits of Wiegand."""
    (line,) = complaints("devices.south.readers.2.form=wiegand26")
    assert line.startswith(
        "(file): devices.south.readers.2.form: expected 'uid', the site's card_form, found 'wiegand26'"
    )
    assert len(complaints("site.card_form=wiegand26")) == 1


def test_two_sizes_of_card_in_one_site_are_refused() -> None:
    """No card could be read at both readers."""
    sizes = ("devices.north.readers.0.uid_bytes=4", "devices.south.readers.2.uid_bytes=7")
    found = "(file): readers: expected numbers of one size, found 4 and 7 bytes: one site, one card form"
    assert complaints(*sizes) == (found,)
    assert building(*sizes[:1])


def test_a_number_of_wiegand_26_has_three_bytes() -> None:
    (line,) = complaints('devices.north.readers=[{path="/dev/x", form="wiegand26", uid_bytes=4}]')
    assert line.endswith("uid_bytes: expected none, found 4: a number of wiegand26 has 3 bytes")


def test_a_site_may_know_its_cards_by_wiegand() -> None:
    gates = building().gates()
    forms = [f"devices.{n}.readers.{i}.form=wiegand26" for n, g in gates.items() for i, _ in enumerate(g.readers)]
    assert building("site.card_form=wiegand26", *forms).site.card_form == "wiegand26"


# --- passback -------------------------------------------------------------------------------------------


def test_hard_passback_needs_an_exit_reader_at_every_exit() -> None:
    """With exits seen only by a beam it would lock everybody out after lunch."""
    (line,) = complaints("devices.west.readers=[]")
    expected = "policy.anti_passback: hard needs an exit reader at every exit; devices.west has none"
    assert line == f"(file): {expected}"
    assert building("devices.west.readers=[]", "policy.anti_passback=soft")


def test_a_keypad_at_the_exit_reads_no_cards() -> None:
    (line,) = complaints("devices.west.readers.0.role=code")
    assert "devices.west has none" in line


# --- pins -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("devices.north.lamp_red.pin=22", "devices.north: lamp_red.pin: BCM 22 is already used by lamp_green"),
        ("devices.north.entry_beam.pin=17", "devices.north: entry_beam.pin: BCM 17 is already used by lock"),
        ("devices.north.fire.pin=2", "devices.north: fire.pin: BCM 2 is already used by thermometer.bus"),
        ("devices.north.exit_beam.pin=3", "devices.north: exit_beam.pin: BCM 3 is already used by thermometer.bus"),
        ("devices.north.presence.pin=6", "devices.north: presence.pin: BCM 6 is already used by release_button"),
    ],
)
def test_a_pin_used_twice_is_named_with_both_uses(override: str, line: str) -> None:
    assert complaints(override) == (line,)


def test_two_devices_are_two_computers() -> None:
    demo = building()
    assert demo.gates()["north"].lock == demo.gates()["south"].lock


@pytest.mark.parametrize("pin", [0, 2, 8, 14])
def test_an_output_never_sits_on_a_pin_that_is_high_at_boot(pin: int) -> None:
    (line,) = complaints(f"devices.north.lock.pin={pin}")
    assert line.startswith("devices.north.lock.pin: expected an output on BCM 9-27 but 14")


def test_the_safe_pins_are_those_a_pi_pulls_down() -> None:
    assert sorted(SAFE_PINS) == [9, 10, 11, 12, 13, 15, 16, *range(17, 28)]


# --- whole lanes ----------------------------------------------------------------------------------------


def without(gate: str, part: str, tmp_path: Path) -> Path:
    """The demo's file without one line of one device."""
    kept: list[str] = []
    section = ""
    for line in DEMO.read_text(encoding="utf-8").splitlines():
        section = line if line.startswith("[") else section
        if not (section == f"[devices.{gate}]" and line.startswith(f"{part} =")):
            kept.append(line)
    path = tmp_path / "site.toml"
    path.write_text("\n".join(kept), encoding="utf-8")
    return path


@pytest.mark.parametrize("part", ["entry_beam", "thermometer", "presence"])
def test_an_entrance_needs_its_parts(part: str, tmp_path: Path) -> None:
    (line,) = complaints(path=without("north", part, tmp_path))
    assert line == f"devices.north: {part}: missing; an entrance (it has a lock) needs one"


def test_an_entrance_needs_a_card_reader() -> None:
    readers = '[{side="exit", path="/dev/x"}, {path="/dev/y", role="code"}]'
    assert complaints(f"devices.north.readers={readers}") == (
        "devices.north: readers: expected a card reader at the entry",
    )


def test_a_lane_is_an_entrance_or_an_exit(tmp_path: Path) -> None:
    (line,) = complaints(path=without("west", "exit_beam", tmp_path))
    assert line == "devices.west: expected a lock (entrance) or an exit_beam (exit)"


@pytest.mark.parametrize(
    ("reader", "fault"),
    [
        ('{kind="hid"}', "expected path with kind hid or osdp, and only there"),
        ('{kind="mqtt", path="/dev/x"}', "expected path with kind hid or osdp, and only there"),
    ],
)
def test_a_reader_is_on_a_wire_or_on_the_network(reader: str, fault: str) -> None:
    assert complaints(f"devices.north.readers=[{reader}]") == (f"devices.north.readers.0: {fault}",)


@pytest.mark.parametrize("key", ["sends=decimal", "sends=hex", "reversed_bytes=true", "uid_bytes=7"])
def test_a_number_travels_the_network_in_one_way_only(key: str) -> None:
    (line,) = complaints(f"devices.north.readers.3.{key}")
    assert line.startswith(f"devices.north.readers.3: {key.partition('=')[0]}: expected with kind hid")


def test_two_readers_are_two_files() -> None:
    assert complaints("devices.north.readers.2.path=/dev/gatehouse/entry") == (
        "devices.north: readers: one path is used twice",
    )


# --- screening ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ambients", [(22, 16), (16, 16), (16, 22, 20)])
def test_the_offset_table_rises(ambients: tuple[int, ...]) -> None:
    assert not all(low < high for low, high in pairwise(ambients))
    rows = ", ".join(f"{{ambient_c={ambient_c}, offset_c=2.0}}" for ambient_c in ambients)
    assert complaints(f"screening.offsets=[{rows}]") == (
        "screening: offsets: expected rows in rising order of ambient_c",
    )


def test_defaults_are_the_cautious_ones() -> None:
    """Unknown never means pass, unless a site says so."""
    bare: dict[str, Any] = {
        "site": {"name": "x", "key": "a long enough key"},
        "devices": {"west": {"kind": "gate", "exit_beam": {"pin": 25}}},
    }
    defaults = Building.model_validate(bare)
    policy = defaults.policy
    assert {policy.clock_unset, policy.caps_unknown, policy.thermometer_fault} == {"refuse"}
    assert policy.refuse_health == {"missing", "blocked"}
    assert defaults.screening.threshold_c == 37.3
    assert defaults.storage.retention_days == 30
    assert isinstance(defaults.devices["west"], Gate)


# --- the broker -----------------------------------------------------------------------------------------


def test_all_addresses_of_the_broker_are_there_to_be_tried_in_turn() -> None:
    assert building('broker.addresses=["one:1883", "two:1884"]').broker.hosts() == [("one", 1883), ("two", 1884)]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_without_an_authority_nothing_is_encrypted() -> None:
    assert building().broker.tls() is None


def test_only_the_sites_own_authority_is_trusted(authority: Authority) -> None:
    context = building(f'broker.ca_file="{authority.ca_file}"').broker.tls()
    assert context is not None
    assert len(context.get_ca_certs()) == 1
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_files_that_are_no_certificates_are_said_by_their_key(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.of_the_device("north")
    _, another_key = authority.of_the_device("south")
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        load_pem_private_key(key.read_bytes(), None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        )
    )
    text = tmp_path / "text"
    text.write_text("no certificate\n")
    ca = f'broker.ca_file="{authority.ca_file}"'
    device = f'broker.certificate_file="{certificate}"'
    assert complaints('broker.ca_file="/nowhere"') == ("broker.ca_file: no such file: /nowhere",)
    assert complaints(f'broker.ca_file="{text}"') == (f"broker: ca_file: not a certificate that can be read: {text}",)
    assert complaints(ca, device) == ("broker: expected certificate_file and certificate_key_file, or neither",)
    assert complaints(device, f'broker.certificate_key_file="{key}"') == (
        "broker: certificate_file: expected ca_file as well",
    )
    for wrong in (another_key, locked, text):
        assert complaints(ca, device, f'broker.certificate_key_file="{wrong}"') == (
            f"broker: certificate_file: not a certificate with its key: {certificate}, {wrong}",
        )
