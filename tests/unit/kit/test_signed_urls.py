"""URLs of images: of the CDN if there is one, otherwise presigned."""

from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config

from kit.signed_urls import ImageLinks, image_links

KEY = "images/01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04/0-2aa435f5/display.webp"


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return monkeypatch


def test_with_a_cdn_urls_are_the_cdns_and_unsigned() -> None:
    assert ImageLinks(None, "gallery", "d1.cloudfront.net").url(KEY) == f"https://d1.cloudfront.net/{KEY}"


def test_a_key_cannot_break_out_of_the_path() -> None:
    url = ImageLinks(None, "gallery", "d1.cloudfront.net").url("images/a b?c#d")
    assert urlsplit(url).path == "/images/a%20b%3Fc%23d"
    assert not urlsplit(url).query


@pytest.mark.parametrize("domain", [None, ""])
def test_without_a_cdn_urls_are_presigned_for_fifteen_minutes(
    credentials: pytest.MonkeyPatch, domain: str | None
) -> None:
    url = urlsplit(image_links("gallery", domain).url(KEY))
    query = parse_qs(url.query)
    assert (url.scheme, url.netloc) == ("https", "gallery.s3.eu-central-1.amazonaws.com")
    assert url.path == f"/{KEY}"
    assert query["X-Amz-Expires"] == ["900"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


def test_a_presigned_url_uses_the_configured_endpoint(credentials: pytest.MonkeyPatch) -> None:
    credentials.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    url = urlsplit(image_links("gallery", None).url(KEY))
    assert (url.scheme, url.netloc, url.path) == ("http", "127.0.0.1:4566", f"/gallery/{KEY}")


def test_a_url_can_expire_earlier() -> None:
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(signature_version="s3v4"),
    )
    query = parse_qs(urlsplit(ImageLinks(client, "gallery", None, 60).url(KEY)).query)
    assert query["X-Amz-Expires"] == ["60"]


def test_links_need_a_cdn_or_a_client() -> None:
    with pytest.raises(ValueError, match="CDN"):
        ImageLinks(None, "gallery", None)
