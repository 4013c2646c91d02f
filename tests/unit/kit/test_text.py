"""Text from callers: what is blank, how sizes may be written, and errors in words."""

import re
import sys
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kit.schemas import RequestBody
from kit.text import AspectRatio, Size, SizeRatioOrAuto, Text, at_most, readable
from tests.support.texts import NASTY


class Body(RequestBody):
    text: Text = "a default"
    size: Size | None = None
    size_or_auto: SizeRatioOrAuto | None = None
    aspect_ratio: AspectRatio | None = None
    required: str = ""


class Limited(RequestBody):
    text: Annotated[Text, *at_most(36)]


class Required(RequestBody):
    text: Text


def errors(model: type[RequestBody], **values: object) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(values)
    return {str(error["loc"][0]): error["msg"] for error in caught.value.errors()}


@pytest.mark.parametrize(
    "text",
    [
        " \t\n",
        "\u200b",
        "\u3164",
        "\u115f\u1160",
        "\uffa0",
        "\u2800",
        "\u00ad",
        "\ufeff",
        "\u2060\u180e",
        "\u0301\u034f",
    ],
)
def test_text_without_a_visible_character_is_blank(text: str) -> None:
    assert errors(Required, text=text) == {"text": "Value error, must not be blank"}


@pytest.mark.parametrize("text", ["a", "灯", "🦊", "1", "?", "👩\u200d🚀", "ก"])
def test_text_with_a_visible_character_is_not_blank(text: str) -> None:
    assert Required.model_validate({"text": text}).text == text


@pytest.mark.parametrize("size", ["1024x768", "1024X768", "1024*768", "1024\u00d7768", "1024 x 768", "1024 \u00d7 768"])
def test_a_size_may_be_written_in_several_ways(size: str) -> None:
    body = Body.model_validate({"size": size, "size_or_auto": size})
    assert (body.size, body.size_or_auto) == ("1024x768", "1024x768")


@pytest.mark.parametrize("field", ["size", "size_or_auto", "aspect_ratio"])
@pytest.mark.parametrize("value", ["large", "1024", "x", "1:1:1", "0x0", "1024xx1024", "１024x1024"])  # noqa: RUF001
def test_an_error_states_the_rule_in_words(field: str, value: str) -> None:
    (message,) = errors(Body, **{field: value}).values()
    assert "such as" in message
    assert not {"^", "[", "{", "\\"} & set(message)


def test_an_empty_optional_text_is_absent() -> None:
    assert Body.model_validate({"text": "", "size": "", "aspect_ratio": ""}) == Body()


def test_the_schema_accepts_an_empty_optional_text() -> None:
    properties = Body.model_json_schema()["properties"]
    (size,) = [part for part in properties["size"]["anyOf"] if "pattern" in part]
    assert re.fullmatch(size["pattern"], "")
    assert re.fullmatch(size["pattern"], "1024x768")
    assert not re.fullmatch(size["pattern"], "large")


def test_an_empty_required_text_is_an_error() -> None:
    assert errors(Required, text="") == {"text": "Value error, must not be blank"}


@pytest.mark.parametrize("text", ["x" * 37, "\ufdfa" * 3, "\u2026" * 13])
def test_text_is_limited_after_normalisation(text: str) -> None:
    rule = "must have at most 36 characters, counted after Unicode normalisation (NFKC)"
    assert errors(Limited, text=text) == {"text": f"Value error, {rule}"}


@pytest.mark.parametrize("text", ["x" * 36, "\ufdfa" * 2, "\u2026" * 12, "e\u0301" * 36])
def test_text_up_to_the_limit_is_accepted(text: str) -> None:
    assert Limited.model_validate({"text": text}).text == readable(text)


@pytest.mark.parametrize(
    ("character", "kind"),
    [
        ("\U000e0061", "U+E0061, an invisible format character"),
        ("\U000e0001", "U+E0001, an invisible format character"),
        ("\u00ad", "U+00AD, an invisible format character"),
        ("\u202e", "U+202E, an invisible format character"),
        ("\u2066", "U+2066, an invisible format character"),
        ("\u2060", "U+2060, an invisible format character"),
        ("\ufeff", "U+FEFF, an invisible format character"),
        ("\ue000", "U+E000, a private-use character"),
        ("\U0010fffd", "U+10FFFD, a private-use character"),
        ("\u0378", "U+0378, an unassigned code point"),
        ("\uffff", "U+FFFF, an unassigned code point"),
    ],
)
def test_a_character_that_hides_text_is_refused_and_named(character: str, kind: str) -> None:
    expected = {"text": f"Value error, must not contain {kind}: remove it"}
    assert errors(Required, text=f"a cat{character}") == expected


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\x85", "\x9f"])
def test_control_characters_are_refused(character: str) -> None:
    assert errors(Required, text=f"a{character}cat") == {"text": "Value error, must not contain control characters"}


@pytest.mark.parametrize(
    "text",
    [
        "a \U0001f469\u200d\U0001f680",  # a woman, a joiner, a rocket: an astronaut
        "\u2764\ufe0f\u200d\U0001f525",  # a heart on fire
        "\U0001f44d\U0001f3fd 1\ufe0f\u20e3 \U0001f1eb\U0001f1f7",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a joiner inside a word
        "\u0d28\u0d4d\u200d",  # Malayalam
        "\u1780\u200b\u1781",  # Khmer, with a zero-width space between words
        "\u05d0\u200f\u05d1",
        "\u0601\u0661\u0662",  # an Arabic sign of a year
        "\u845b\U000e0100",  # an ideograph in one of its forms
        "\u1820\u180b",
        "first\n\tsecond",
    ],
)
def test_what_scripts_and_emoji_need_is_kept(text: str) -> None:
    assert Required.model_validate({"text": text}).text == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("na\u200bk\u200de\u200cd", "naked"),
        ("\u200bx", "x"),
        ("a\ufe01 c\ufe02at\U000e0161", "a cat"),
        ("\U0001f431\ufe0f\ufe01\ufe02\U000e0161", "\U0001f431\ufe0f"),
        ("e\u200d\u0301", "\u00e9"),
        ("\u2122\ufe0f", "TM"),
        ("\uff41\u3000\u2026", "a ..."),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
    ],
)
def test_accepted_text_is_in_its_readable_form(text: str, shown: str) -> None:
    assert Required.model_validate({"text": text}).text == shown


def test_no_character_becomes_one_that_is_refused() -> None:
    every = (chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    accepted = [character for character in every if readable(character)]

    assert len(accepted) > 100_000
    assert [character for character in accepted if readable(readable(character)) != readable(character)] == []


@given(st.text(NASTY))
def test_the_readable_form_of_a_readable_text_is_the_same(text: str) -> None:
    assert readable(readable(text)) == readable(text)


@given(st.text(NASTY, min_size=1))
def test_accepted_text_is_accepted_again_unchanged(text: str) -> None:
    try:
        accepted = Required.model_validate({"text": text}).text
    except ValidationError:
        return
    assert Required.model_validate({"text": accepted}).text == accepted == readable(text)


def test_readable_text_has_no_invisible_characters() -> None:
    assert readable("\uff41 c\u00ada\u200dt\U000e0061\ue000\u202e\n") == "a cat\n"
