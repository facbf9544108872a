"""What people read: complete in both languages, kind in public, short enough for its screen."""

from __future__ import annotations

import re

import pytest

from edge.gate.face import Prompt
from edge.runtime.alerts import TABLE
from edge.runtime.texts import LANGUAGES, both, catalogue, text
from edge.site.contract import Reason

LATER = {Reason.NO_MASK}
"""Reasons that nothing gives yet."""
DETAILS = {"phone", "too_cold", "card_held", "code_pause"}
"""What narrows a reason on the display (`edge.gate.face`)."""
STEPS = {f"step.{prompt}" for prompt in Prompt}
DENIALS = {f"deny.{why}" for why in {*Reason} - LATER} | {f"deny.{detail}" for detail in DETAILS}
TITLES = {f"alert.{kind}.title" for kind in TABLE}
PROCEDURES = {f"alert.{kind}.step{n}" for kind, row in TABLE.items() for n in range(1, row.steps + 1)}
PUBLIC = STEPS | DENIALS
ILLNESS = re.compile(
    r"fever|febrile|\bill\b|sick|infect|epidemic|发热|发烧|高烧|体温过高|体温异常|感染|疫|病", re.IGNORECASE
)
SENTENCE = {"en": re.compile(r"[^.!?]+[.!?]\s*"), "zh": re.compile(r"[^。！？]+[。！？]")}
HAN = re.compile(r"[\u4e00-\u9fff]")

languages = pytest.mark.parametrize("language", LANGUAGES)


def keys(language: str) -> list[str]:
    return [str(message.id) for message in catalogue(language) if message.id]


@languages
def test_a_catalogue_holds_every_key_that_is_asked_for_and_no_other(language: str) -> None:
    assert sorted(keys(language)) == sorted(PUBLIC | TITLES | PROCEDURES)


@languages
def test_no_text_is_empty_doubtful_or_only_its_key(language: str) -> None:
    for message in catalogue(language):
        if message.id:
            said = text(str(message.id), language)
            assert said == said.strip()
            assert said != message.id
            assert not message.fuzzy


@languages
def test_every_text_is_in_its_own_language(language: str) -> None:
    for key in keys(language):
        assert bool(HAN.search(text(key, language))) == (language == "zh"), key


@languages
def test_a_public_display_never_speaks_of_illness(language: str) -> None:
    for key in PUBLIC:
        assert not ILLNESS.search(text(key, language)), key


@languages
def test_a_public_text_is_one_or_two_short_sentences(language: str) -> None:
    """A 7-inch display, read from two metres: 60 Latin or 24 Chinese characters a line."""
    for key in PUBLIC:
        said = text(key, language)
        sentences = SENTENCE[language].findall(said)
        assert "".join(sentences) == said, key
        assert 1 <= len(sentences) <= 2, key
        assert all(len(sentence.strip()) <= {"en": 60, "zh": 24}[language] for sentence in sentences), key


@languages
def test_a_refusal_says_what_to_do_next(language: str) -> None:
    asks = {"en": "Please", "zh": "请"}[language]
    assert all(asks in text(key, language) for key in DENIALS)


@languages
def test_a_guard_reads_short_titles_and_steps(language: str) -> None:
    longest_title, longest_step = {"en": (40, 110), "zh": (16, 44)}[language]
    assert all(len(text(key, language)) <= longest_title for key in TITLES)
    assert all(len(text(key, language)) <= longest_step for key in PROCEDURES)


@languages
def test_no_two_refusals_read_the_same(language: str) -> None:
    said = [text(key, language) for key in DENIALS]
    assert len(said) == len(set(said))


def test_the_second_look_is_asked_for_in_the_words_of_the_house() -> None:
    assert both("deny.fever") == {"zh": "请到旁边复测。", "en": "Please step aside for a second check."}


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("step1", {"en": "outdoors", "zh": "室外"}),
        ("step2", {"en": "report", "zh": "报告"}),
        ("step3", {"en": "contact thermometer", "zh": "接触式体温计"}),
        ("step4", {"en": "disinfected and aired", "zh": "消毒和通风"}),
        ("step5", {"en": "hold", "zh": "解除"}),
    ],
)
def test_the_procedure_at_a_fever_is_that_of_the_report(step: str, words: dict[str, str]) -> None:
    """Zhejiang report 3.4.1, in its order: outdoors, report, check again, disinfect and air, clear."""
    for language, word in words.items():
        assert word in text(f"alert.fever.{step}", language).lower()


def test_an_unknown_text_is_an_error_and_not_a_blank_display() -> None:
    with pytest.raises(KeyError, match=r"no text deny\.nothing in en"):
        text("deny.nothing", "en")
