"""Text from callers: what is blank, how sizes may be written, and errors in words."""

import re
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kit.schemas import RequestBody
from kit.text import AspectRatio, Size, SizeRatioOrAuto, Text, at_most, longest_form, readable


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


@pytest.mark.parametrize("text", ["a", "灯", "🦊", "1", "?", "👩\u200d🚀", "ก", "\u200bx"])
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
def test_text_is_limited_in_its_longest_form(text: str) -> None:
    rule = "must have at most 36 characters, also after Unicode normalisation (NFKC)"
    assert errors(Limited, text=text) == {"text": f"Value error, {rule}"}


@pytest.mark.parametrize("text", ["x" * 36, "\ufdfa" * 2, "\u2026" * 12, "e\u0301" * 18])
def test_text_up_to_the_limit_is_accepted(text: str) -> None:
    assert longest_form(text) <= 36
    assert Limited.model_validate({"text": text}).text == text


@given(st.text())
def test_readable_text_is_no_longer_than_the_longest_form(text: str) -> None:
    assert len(readable(text)) <= longest_form(text)


def test_readable_text_has_no_invisible_characters() -> None:
    assert readable("\uff41 c\u00ada\u200dt\U000e0061\ue000\u202e\n") == "a cat\n"
