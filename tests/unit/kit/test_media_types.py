"""Media types: lenient with whatever is missing or unclear, strict with what excludes JSON."""

import pytest

from kit.media_types import accepts_json, is_json


@pytest.mark.parametrize(
    "content_type",
    [
        *(None, "", " ", "application/json", "application/json; charset=utf-8", "APPLICATION/JSON;charset=UTF-8"),
        *("application/merge-patch+json", "application/vnd.api+json; version=1"),
    ],
)
def test_a_body_is_json_if_its_type_is_or_is_not_stated(content_type: str | None) -> None:
    assert is_json(content_type)


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "text/plain", "text/json", "application/xml", "image/svg+json", "json"],
)
def test_a_body_of_another_type_is_not_json(content_type: str) -> None:
    assert not is_json(content_type)


@pytest.mark.parametrize(
    "accept",
    [
        *(None, "", "*/*", "application/*", "application/json", "application/problem+json", "Application/JSON"),
        *("text/html, application/json;q=0.1", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html, */*; q=0.01"),
        *("application/json;q=1.0;version=1", "nonsense", "application/json;q=", "text/html,,application/json"),
    ],
)
def test_a_caller_accepts_json_unless_its_header_excludes_it(accept: str | None) -> None:
    assert accepts_json(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "image/*",
        "application/xml",
        "application/json;q=0",
        "text/html, application/json; q=0.000",
        "*/*;q=0",
    ],
)
def test_a_caller_that_accepts_only_other_types_does_not_accept_json(accept: str) -> None:
    assert not accepts_json(accept)
