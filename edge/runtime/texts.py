"""Every text that people read, in Chinese and English, from the gettext catalogues beside this package."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

LANGUAGES: Mapping[str, str] = {"zh": "zh_CN", "en": "en"}
"""Language on the wire → catalogue."""


@cache
def catalogue(language: str) -> Catalog:
    """The catalogue of a language of `LANGUAGES`."""
    source = files("edge") / "texts" / LANGUAGES[language] / "messages.po"
    with source.open("rb") as stream:
        return read_po(stream, locale=LANGUAGES[language])


@cache
def text(key: str, language: str) -> str:
    """One text.

    Raises:
        KeyError: the catalogue has no such text; a test keeps both complete.
    """
    message = catalogue(language).get(key)
    if message is None or not message.string:
        raise KeyError(f"no text {key} in {language}")
    return str(message.string)


@cache
def both(key: str) -> Mapping[str, str]:
    """One text in every language, as payloads carry it."""
    return {language: text(key, language) for language in LANGUAGES}
