"""Tokens: the contract's formula, and nothing of the number in an error."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.site.tokens import card_token, code_token, is_random

KEY = b"gatehouse-demo"


def by_the_book(text: str) -> str:
    digest = hmac.new(KEY, text.encode(), hashlib.sha256).digest()
    return base64.b32encode(digest)[:26].decode().lower()


@given(st.binary(min_size=2, max_size=16).map(lambda uid: uid.hex().upper()))
def test_a_card_is_the_hmac_of_its_number(uid: str) -> None:
    assert card_token(KEY, uid) == by_the_book("card:" + uid)
    assert card_token(b"another key", uid) != card_token(KEY, uid)


@given(st.text(max_size=64))
def test_a_code_is_the_hmac_of_its_text(code: str) -> None:
    assert code_token(KEY, code) == by_the_book("code:" + code)


def test_the_demo_card() -> None:
    assert card_token(KEY, "04A1B2C3D4E580") == "ob67hl6g2imqqt3z3wgp7egzkz"


@pytest.mark.parametrize("uid", ["", "04a1b2c3", "04:A1:B2:C3", "04A1B2C3\n", "0" * 33, "123"])
def test_another_form_of_the_number_is_refused_and_not_repeated(uid: str) -> None:
    with pytest.raises(ValueError, match="upper-case hex") as caught:
        card_token(KEY, uid)
    assert not uid or uid not in str(caught.value)


def test_only_four_bytes_beginning_with_08_are_a_phones() -> None:
    assert is_random("08A1B2C3")
    assert not is_random("04A1B2C3")
    assert not is_random("08A1B2C3D4E5F6")
