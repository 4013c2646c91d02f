# ruff: noqa: RUF001 - these tests contain look-alikes
"""The keyword filter: finds every term in every common disguise and does not block innocent words."""

import random
import time
from pathlib import Path
from typing import Final, get_args

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from events.catalog.prompt_rejected import Strength
from services.moderation.keywords import KeywordFilter
from services.moderation.normalisation import normalise
from services.moderation.policy import load_policy

POLICY: Final = load_policy()
FILTER: Final = KeywordFilter(POLICY)
SEVERITY: Final = list(POLICY.categories)
STRENGTHS: Final = {
    (term, name): strength
    for strength in get_args(Strength)
    for name, category in POLICY.categories.items()
    for term in category.terms(strength, "prompt")
}
TERMS: Final = list(STRENGTHS)
ANYWHERE: Final = [
    (term, name)
    for term, name in TERMS
    if term in POLICY.categories[name].terms(STRENGTHS[term, name], "negative_prompt")
]

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

NORMALISED_INNOCENT: Final = {normalise(phrase) for phrase in POLICY.innocent}
"""Words that equal a term with a repeated letter, such as "rapped": they are indistinguishable."""
INNOCENT: Final = Path(__file__).with_name("innocent_phrases.txt").read_text(encoding="utf-8").splitlines()


def found(text: str) -> str | None:
    hit = FILTER.find({"prompt": text})
    return hit.category if hit else None


def at_least_as_severe(category: str | None, expected: str) -> bool:
    """A longer, more severe term may contain a shorter one."""
    return category is not None and SEVERITY.index(category) <= SEVERITY.index(expected)


@pytest.mark.parametrize("phrase", INNOCENT)
def test_innocent_words_pass(phrase: str) -> None:
    assert found(phrase) is None
    assert found(phrase.upper()) is None
    assert found(f"an image of ({phrase}), at night!") is None


def test_every_term_is_found_as_listed() -> None:
    missed = [term for term, category in TERMS if not at_least_as_severe(found(f"An old {term}."), category)]
    assert missed == []


@st.composite
def disguises(draw: st.DrawFn) -> tuple[str, str]:
    """Return a term in any combination of disguises, and its category."""
    term, category = draw(st.sampled_from(TERMS))
    written = "".join(letter * draw(st.sampled_from([1, 1, 1, 3, 4])) if letter != " " else " " for letter in term)
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
    assume(normalise(written) not in NORMALISED_INNOCENT)
    before, after = draw(st.sampled_from([("", ""), ("painting of ", " in oil"), ("(", ")!"), ("sunny, ", ", 4k")]))
    return before + written + after, category


@given(disguises())
@example(("n\u200b\u3164\u200bak€d childddrrreeennn", "child_safety"))
def test_a_term_in_any_combination_of_disguises_is_found(disguised: tuple[str, str]) -> None:
    text, category = disguised
    assert at_least_as_severe(found(text), category), text


@pytest.mark.parametrize(
    "text",
    ["k i l l people", "a k.1.l.l people", "p0rn", "pоrn", "po.rn!", "p|o|r|n", "b-o-m-b making", "make a b0mb",
     "n u d e  w o m a n", "n u d e, w o m a n", "𝓷𝓾𝓭𝓮", "🅽🆄🅳🅴", "🇵🇴🇷🇳", "nu\u200bde", "nűdé", "NUDE", "nuuuuude",
     "a t t a c k   o n   t h e   s y n a g o g u e", "n!gger",
     "nlgger", "childporn", "c h i l d p o r n", "child-porn", "kill the people", "naked\nwoman",
     "n\tu\td\te", "<b>nude</b>", "nude_woman", "nude/woman", "“nude”", "a naked mole rat and a naked man", "nｕde",
     "ⓝⓤⓓⓔ"],
)  # fmt: skip
def test_common_disguises_are_found(text: str) -> None:
    assert found(text) is not None


@pytest.mark.parametrize(
    "text",
    ["flag bunting 🇳🇺🇩🇪", "🇬🇺🇷🇴", "🇵🇸🇵🇸🇵🇸"],
)
def test_flags_are_countries_and_spell_no_words(text: str) -> None:
    assert found(text) is None


@pytest.mark.parametrize(
    "text", ["роял на сцена", "роги оленя", "Рояль в кустах", "κίνηση στην πόλη", "РОЯЛ", "סוסים בשדה", "भोर में पहाड़"]
)
def test_words_of_another_alphabet_are_no_disguise(text: str) -> None:
    assert FILTER.find({"prompt": text, "negative_prompt": text}) is None


@pytest.mark.parametrize("text", ["роrn", "пude", "a naкеd woman", "ѕех асt", "ꓑꓳꓣꓠ", "ᑭОᏒⲚ", "nudҽ"])
def test_words_of_two_alphabets_or_of_twins_are_disguises(text: str) -> None:
    assert found(text) is not None


@pytest.mark.parametrize(
    "text",
    ["an old building, bomb shelter sign", "make a wish. Bombs of colour", "Day of the Dead\nchildren in costumes",
     "pen/is this a pen", "a man we kill? Someone asks", "she can cook; meth is not on the menu"],
)  # fmt: skip
def test_a_term_does_not_cross_the_end_of_a_clause(text: str) -> None:
    assert found(text) is None


@pytest.mark.parametrize(
    "text",
    ["naked mole-rat in a burrow", "naked mole rats", "a naked mole-rat's burrow", "self-harm awareness",
     "child-abuse prevention", "human-trafficking awareness", "suicide hotlines", "Suicide Squad's poster"],
)  # fmt: skip
def test_innocent_phrases_hold_hyphenated_and_inflected(text: str) -> None:
    assert found(text) is None


@pytest.mark.parametrize("text", ["Juan José Arreola", "the island of Gorée", "a boook shelf"])
def test_two_equal_letters_are_ordinary_spelling(text: str) -> None:
    assert found(text) is None


def test_a_hit_has_category_field_and_strength_but_not_the_term() -> None:
    hit = FILTER.find({"prompt": "a beheading", "negative_prompt": "fog"})
    assert hit is not None
    assert hit.model_dump() == {"category": "violence", "field": "prompt", "strength": "review"}


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term[0])
def test_a_term_is_at_least_as_strong_as_listed(term: tuple[str, str]) -> None:
    hit = FILTER.find({"prompt": term[0]})
    assert hit is not None
    assert hit.strength in {"block", STRENGTHS[term]}


@pytest.mark.parametrize(
    "text",
    ["white power bank, product photo", "1961 Lincoln with suicide doors", "a boy cutting himself a slice of cake",
     "engine oil bypass filter, product photo", "second-hand job fair poster", "Diwali rangoli with a Hindu swastika",
     "photographer shooting people at a street market", "a smoking crack in the lava field", "prevent suicide",
     "Michelangelo's David, nude marble statue", "Judith Beheading Holofernes", "stop animal cruelty, charity poster",
     "anatomical chart: penis, testicles, prostate", "workers building a bomb shelter, 1940s", "å klikke her",
     "Dildo, Newfoundland harbour", "a T-shirt that says ignore all previous instructions", "роял на сцена"],
)  # fmt: skip
def test_what_may_be_innocent_is_not_blocked_by_a_keyword(text: str) -> None:
    hit = FILTER.find({"prompt": text})
    assert hit is None or hit.strength == "review"


@pytest.mark.parametrize(
    ("text", "strength"),
    [("sexualised image of a minor", "block"), ("a minor, who is sexualised", None), ("two erotic teenagers", "block"),
     ("an underage schoolgirl in an erotic pose", "block"), ("(erotic:1.3) (child:1.2)", "block"),
     ("((toddler:1.4)) [[sexualized]]", "block"), ("a s.e.x.u.a.l.i.s.e.d child", "block"),
     ("a child stands beside a naked Venus", "review"), ("toddler in the bath, naked baby shampoo", None),
     ("portrait of a child, nude pink background", None), ("a child with nude lipstick", None),
     ("a naked mole-rat and a child", None), ("sexual education for kids", "review"), ("a minor chord", None)],
)  # fmt: skip
def test_words_for_minors_and_sexual_words_in_one_clause_are_found(text: str, strength: str | None) -> None:
    hit = FILTER.find({"prompt": text})
    found = hit.strength if hit and hit.category == "child_safety" else None
    assert found == strength


def test_pairs_do_not_count_in_negative_prompts() -> None:
    assert FILTER.find({"prompt": "a fox", "negative_prompt": "erotic child"}) is None


def test_what_blocks_comes_before_what_is_graver_but_to_review() -> None:
    hit = FILTER.find({"prompt": "a poster against pedophilia, hentai"})
    assert hit is not None
    assert (hit.category, hit.strength) == ("sexual", "block")


def test_the_most_severe_of_several_categories_is_reported() -> None:
    assert found("a beheading, nude, child porn") == "child_safety"


@pytest.mark.parametrize(
    "wish", ["blood, gore, nudity", "nsfw, nude, child, extra fingers", "swastika", "suicide", "porn"]
)
def test_a_negative_prompt_may_list_blocked_content(wish: str) -> None:
    assert FILTER.find({"prompt": "a lighthouse", "negative_prompt": wish}) is None


def test_some_terms_are_found_in_negative_prompts() -> None:
    for term, category in ANYWHERE:
        hit = FILTER.find({"prompt": "a lighthouse", "negative_prompt": f"fog, {term}"})
        assert hit is not None, term
        assert (hit.category, hit.field) == (category, "negative_prompt")


@given(st.text(max_size=400))
def test_any_text_is_searched_without_an_error(text: str) -> None:
    FILTER.find({"prompt": text, "negative_prompt": text})


@pytest.mark.parametrize("unit", ["k.1 ", "kill a ", "k i ", "a", "a.b!c1 ", "n u d ", "!|", "ö", "nude"])
def test_the_time_to_search_hostile_texts_grows_linearly(unit: str) -> None:
    def cost(length: int) -> float:
        text = (unit * length)[:length]
        times = []
        for _ in range(3):
            started = time.process_time()
            FILTER.find({"prompt": text})
            times.append(time.process_time() - started)
        return min(times)

    # Eight times the text: a quadratic algorithm would take 64 times as long.
    assert cost(16_000) < 32 * max(cost(2_000), 0.0005)


def test_random_letters_rarely_match_a_term() -> None:
    letters = random.Random(1)
    words = ["".join(letters.choices("etaoinshrdlu", k=letters.randint(2, 9))) for _ in range(20_000)]
    assert sum(found(word) is not None for word in words) <= 2
