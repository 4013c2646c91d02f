# ruff: noqa: RUF001 - these tests contain look-alikes
"""Search: a query finds a prompt although both are typed differently."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.storage.search import fold, search_text, search_words


def finds(query: str, prompt: str) -> bool:
    return all(any(word in search_text(prompt) for word in spellings) for spellings in search_words(query))


@pytest.mark.parametrize(
    ("query", "prompt"),
    [
        ("istanbul", "İstanbul skyline"),
        ("İSTANBUL", "istanbul skyline"),
        ("isparta", "Isparta’da güller"),
        ("ISPARTA", "ısparta'da güller"),
        ("cafe", "a café in Paris"),
        ("CAFÉ", "a cafe in Paris"),
        ("cafe", "a cafe\u0301 in Paris"),
        ("don't", "don’t look back"),
        ("don’t", "don't look back"),
        ("rock'n'roll", "Rock‘n’Roll"),
        ("art-deco", "an art‑deco lamp"),
        ("art–deco", "an art-deco lamp"),
        ("koln", "der Kölner Dom"),
        ("koeln", "der Kölner Dom"),
        ("köln", "der Koelner Dom"),
        ("köln", "der Kolner Dom"),
        ("STRASSE", "eine Straße im Regen"),
        ("straße", "eine Strasse im Regen"),
        ("muller", "Frau Müller"),
        ("mueller", "Frau Müller"),
        ("محمد", "مُحَمَّد"),
        ("مُحَمَّد", "محمد"),
        ("سلام", "ســلام"),
        ("احمد", "أحمد"),
        ("שלום", "שָׁלוֹם"),
        ("lodz", "Łódź o świcie"),
        ("gory", "Polskie góry"),
        ("oresund", "Øresund bridge"),
        ("ete", "l'été"),
        ("full", "ＦＵＬＬ width"),
        ("fish", "ﬁsh"),
        ("naive", "naïve"),
        ("ελλαδα", "Ελλάδα"),
        ("елка", "ёлка"),
        ("lighthouse", "light\u00adhouse"),
        ("灯台 cliff", "A cliff with a 灯台"),
    ],
)
def test_a_query_finds_the_other_spelling(query: str, prompt: str) -> None:
    assert finds(query, prompt)


@pytest.mark.parametrize(
    ("query", "prompt"),
    [("か", "が"), ("क", "ख"), ("มี", "มา"), ("cat", "dog"), ("cat dog", "a cat"), ("हिम", "हम"), ("koeln", "Koln")],
)
def test_other_letters_are_other_words(query: str, prompt: str) -> None:
    assert not finds(query, prompt)


def test_the_whole_prompt_is_searched() -> None:
    assert finds("kingfisher", "filler " * 1_400 + "kingfisher")


@settings(max_examples=500, deadline=None)
@given(st.text())
def test_folding_twice_changes_nothing_and_a_prompt_finds_itself(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert finds(text, text)
