"""A reader's key is taken from a file that only we can read, or refused in one line without it."""

from __future__ import annotations

import pytest

from drivers.osdp_key import DEFAULT_KEY, BadKey, read_key

KEY = bytes(range(16))


def write(path, content, mode=0o600):
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b"  \n"])
@pytest.mark.parametrize("text", [KEY.hex(), KEY.hex().upper()])
def test_a_key_is_32_hex_digits(tmp_path, text, ending):
    assert read_key(write(tmp_path / "key", text.encode() + ending)) == KEY
    assert read_key(write(tmp_path / "read only", text.encode(), 0o400)) == KEY


@pytest.mark.parametrize(
    "content",
    [b"", KEY, KEY.hex()[:-1].encode(), KEY.hex().encode() + b"0", b"x" * 32, b"\xff" * 32, b"00 " * 16, b"0" * 9999],
)
def test_what_is_no_key_is_refused_without_repeating_it(tmp_path, content):
    path = write(tmp_path / "key", content)
    with pytest.raises(BadKey) as refused:
        read_key(path)
    assert str(refused.value) == f"expected 32 hex digits, found something else: {path}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o700, 0o601])
def test_a_file_that_others_may_read_is_refused(tmp_path, mode):
    path = write(tmp_path / "key", KEY.hex().encode(), mode)
    with pytest.raises(BadKey) as refused:
        read_key(path)
    assert str(refused.value) == f"expected mode 0600, found {mode:04o}: {path}"


def test_the_default_key_is_refused(tmp_path):
    assert DEFAULT_KEY == b"0123456789:;<=>?"
    path = write(tmp_path / "key", DEFAULT_KEY.hex().encode())
    with pytest.raises(BadKey) as refused:
        read_key(path)
    expected = f"expected a key of the site's own, found the default key that everybody knows: {path}"
    assert str(refused.value) == expected


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    missing, folder = tmp_path / "missing", tmp_path
    with pytest.raises(BadKey) as refused:
        read_key(missing)
    assert str(refused.value) == f"no such file: {missing}"
    with pytest.raises(BadKey) as refused:
        read_key(folder)
    assert str(refused.value) == f"cannot be read: Is a directory: {folder}"
