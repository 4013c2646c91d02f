# ruff: noqa: RUF001 - look-alikes are what is tested
"""The keyword filter: every listed term is caught in every usual disguise, and innocent words are left alone."""

import random
import time
from pathlib import Path
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.moderation import policy
from services.moderation.folding import fold
from services.moderation.keywords import KeywordFilter

RULES: Final = policy.load()
FILTER: Final = KeywordFilter(RULES)
GRAVITY: Final = list(RULES.categories)
ANYWHERE: Final = [(term, name) for name, c in RULES.categories.items() for term in c.anywhere]
TERMS: Final = [*ANYWHERE, *((term, name) for name, c in RULES.categories.items() for term in c.prompt)]

CYRILLIC: Final = str.maketrans("aceopxysijh", "асеорхуѕіјһ")
GREEK: Final = str.maketrans("aokvup", "αοκνυρ")
FULL_WIDTH: Final = {code: code + 0xFEE0 for code in range(ord("a"), ord("z") + 1)}
BOLD_MATHS: Final = {code: code - ord("a") + 0x1D41A for code in range(ord("a"), ord("z") + 1)}
CIRCLED: Final = {code: code - ord("a") + 0x24D0 for code in range(ord("a"), ord("z") + 1)}
SQUARED: Final = {code: code - ord("a") + 0x1F170 for code in range(ord("a"), ord("z") + 1)}
SMALL_CAPITALS: Final = str.maketrans("abcdeghijkmnoprtuvwyz", "ᴀʙᴄᴅᴇɢʜɪᴊᴋᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢ")
ALPHABETS: Final = [CYRILLIC, GREEK, FULL_WIDTH, BOLD_MATHS, CIRCLED, SQUARED, SMALL_CAPITALS]
LEET: Final = str.maketrans("aeioslt", "4310517")
LEET_SYMBOLS: Final = str.maketrans("aes", "@€$")
INVISIBLE: Final = ["\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u0301", "\u0338", "\u3164"]
SEPARATORS: Final = [".", "-", "_", "*", "~", "·", "•", "…", "'", "="]

READ_AS_INNOCENT: Final = {fold(phrase) for phrase in RULES.innocent}
"""Words of their own that a repeated letter makes of a listed one, such as "rapped": nobody can tell them apart."""
INNOCENT: Final = Path(__file__).with_name("innocent_phrases.txt").read_text(encoding="utf-8").splitlines()


def found(text: str) -> str | None:
    finding = FILTER.find({"prompt": text})
    return finding.category if finding else None


def at_least_as_grave(category: str | None, expected: str) -> bool:
    """A longer, graver term may hold a shorter one, or come of it."""
    return category is not None and GRAVITY.index(category) <= GRAVITY.index(expected)


@pytest.mark.parametrize("phrase", INNOCENT)
def test_innocent_words_pass(phrase: str) -> None:
    assert found(phrase) is None
    assert found(phrase.upper()) is None
    assert found(f"a image of ({phrase}), at night!") is None


def test_every_term_is_caught_as_it_is_listed() -> None:
    missed = [term for term, category in TERMS if not at_least_as_grave(found(f"An old {term}."), category)]
    assert missed == []


@st.composite
def disguises(draw: st.DrawFn) -> tuple[str, str]:
    """A listed term in any combination of disguises; its category."""
    term, category = draw(st.sampled_from(TERMS))
    written = "".join(letter * draw(st.sampled_from([1, 1, 1, 2, 4])) if letter != " " else " " for letter in term)
    for table in draw(st.lists(st.sampled_from([LEET, LEET_SYMBOLS]), max_size=2)):
        written = "".join(c.translate(table) if draw(st.booleans()) else c for c in written)
    if draw(st.booleans()) and (separator := draw(st.sampled_from([*SEPARATORS, " "]))):
        gap = separator * 3 if separator == " " else " "
        written = gap.join(separator.join(word) for word in written.split(" "))
    alphabet = draw(st.sampled_from([{}, *ALPHABETS]))
    written = "".join(c.translate(alphabet) if draw(st.booleans()) else c for c in written)
    written = "".join(c.upper() if c.isascii() and draw(st.booleans()) else c for c in written)
    for mark in draw(st.lists(st.sampled_from(INVISIBLE), max_size=3)):
        place = draw(st.integers(1, len(written)))
        written = written[:place] + mark + written[place:]
    assume(fold(written) not in READ_AS_INNOCENT)
    before, after = draw(st.sampled_from([("", ""), ("painting of ", " in oil"), ("(", ")!"), ("sunny, ", ", 4k")]))
    return before + written + after, category


@given(disguises())
def test_any_combination_of_disguises_of_a_term_is_caught(disguised: tuple[str, str]) -> None:
    text, category = disguised
    assert at_least_as_grave(found(text), category), text


@pytest.mark.parametrize(
    "text",
    ["k i l l people", "a k.1.l.l people", "p0rn", "pоrn", "po.rn!", "p|o|r|n", "b-o-m-b making", "make a b0mb",
     "n u d e  w o m a n", "n u d e, w o m a n", "𝓷𝓾𝓭𝓮", "🅽🆄🅳🅴", "🇳🇺🇩🇪", "nu\u200bde", "nűdé", "NUDE", "nuuuuude",
     "a t t a c k   o n   t h e   s y n a g o g u e", "n!gger",
     "nlgger", "childporn", "c h i l d p o r n", "child-porn", "kill the people", "naked\nwoman",
     "n\tu\td\te", "<b>nude</b>", "nude_woman", "nude/woman", "“nude”", "a naked mole rat and a naked man", "nｕde",
     "ⓝⓤⓓⓔ"],
)  # fmt: skip
def test_what_people_actually_try_is_caught(text: str) -> None:
    assert found(text) is not None


def test_the_finding_names_category_and_field_and_never_the_term() -> None:
    finding = FILTER.find({"prompt": "a beheading", "negative_prompt": "fog"})
    assert finding is not None
    assert finding.model_dump() == {"category": "violence", "field": "prompt", "reason": "category_blocked"}


def test_the_gravest_of_several_categories_is_named() -> None:
    assert found("a beheading, nude, child porn") == "child_safety"


@pytest.mark.parametrize(
    "wish", ["blood, gore, nudity", "nsfw, nude, child, extra fingers", "swastika", "suicide", "porn"]
)
def test_a_negative_prompt_may_name_what_is_not_wanted(wish: str) -> None:
    assert FILTER.find({"prompt": "a lighthouse", "negative_prompt": wish}) is None


def test_terms_with_no_innocent_use_are_blocked_in_the_negative_prompt_too() -> None:
    for term, category in ANYWHERE:
        finding = FILTER.find({"prompt": "a lighthouse", "negative_prompt": f"fog, {term}"})
        assert finding is not None, term
        assert (finding.category, finding.field) == (category, "negative_prompt")


@given(st.text(max_size=400))
def test_any_text_is_read_without_an_error(text: str) -> None:
    FILTER.find({"prompt": text, "negative_prompt": text})


@pytest.mark.parametrize("unit", ["k.1 ", "kill a ", "k i ", "a", "a.b!c1 ", "n u d ", "!|", "ö", "nude"])
def test_hostile_texts_of_any_length_cost_no_more_than_their_length(unit: str) -> None:
    def cost(length: int) -> float:
        text = (unit * length)[:length]
        times = []
        for _ in range(3):
            started = time.process_time()
            FILTER.find({"prompt": text})
            times.append(time.process_time() - started)
        return min(times)

    # Eight times the text: a quadratic reader would need 64 times as long.
    assert cost(16_000) < 32 * max(cost(2_000), 0.0005)


def test_random_letters_are_rarely_taken_for_terms() -> None:
    letters = random.Random(1)
    words = ["".join(letters.choices("etaoinshrdlu", k=letters.randint(2, 9))) for _ in range(20_000)]
    assert sum(found(word) is not None for word in words) <= 2
