"""A call carries a key that CloudFront and the authorizer both know, or it bypassed CloudFront."""

from datetime import UTC, datetime

import pytest

from kit.keyring import Keyring
from services.accounts.edge import KEY_HEADER, VIEWER_HEADER, Edge, is_public

FIRST, SECOND, OTHER = "a" * 64, "b-_" * 21 + "b", "c" * 64
ONE = Keyring.parse(FIRST)
TWO = ONE.rotated(SECOND.encode(), datetime(2026, 11, 29, tzinfo=UTC))
SECOND_ONLY = TWO.without(1)


def viewer(known: Keyring, **headers: str) -> str | None:
    return Edge(lambda: known).viewer({name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("known", "sent"),
    [
        (ONE, FIRST),
        (ONE, TWO.to_text()),
        (TWO, FIRST),
        (TWO, TWO.to_text()),
        (TWO, SECOND_ONLY.to_text()),
        (SECOND_ONLY, TWO.to_text()),
    ],
)
def test_one_known_version_suffices(known: Keyring, sent: str) -> None:
    assert viewer(known, x_cdn_key=sent, x_cdn_viewer="2001:db8::1") == "2001:db8::1"


@pytest.mark.parametrize(
    "sent",
    [
        *("", OTHER, FIRST[:-1], FIRST.upper(), "1", "{}", "null", "\ud800", "é" * 64, "[" * 5000),
        *('{"1": {"key": ""}}', '{"1": {}}', '{"1": []}', '{"1": {"key": 1}}', f'{{"one": {{"key": "{FIRST}"}}}}'),
        f'{{"1": {{"key": "{FIRST}", "active_from": 1}}}}',
    ],
)
def test_anything_else_bypassed_it(sent: str) -> None:
    assert viewer(TWO, x_cdn_key=sent, x_cdn_viewer="192.0.2.1") is None


def test_an_address_alone_proves_nothing() -> None:
    assert viewer(ONE, x_cdn_viewer="192.0.2.1") is None


def test_the_header_names_are_those_that_cloudfront_may_set() -> None:
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/add-origin-custom-headers.html and
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-functions-restrictions.html
    for name in (KEY_HEADER, VIEWER_HEADER):
        assert name == name.lower(), "the gateway's events have names in lower case"
        assert not name.startswith(("x-edge-", "x-amz", "x-cache", "x-accel-", "x-perf-", "proxy-"))


@pytest.mark.parametrize(
    ("route", "public"),
    [("GET /health", True), ("HEAD /health", True), ("GET /health/ready", False), ("DELETE /v1/me", False)],
)
def test_a_head_is_as_public_as_its_get(route: str, public: bool) -> None:
    assert is_public(route) is public
