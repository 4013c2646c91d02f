"""URLs of images: of the CDN if there is one, otherwise presigned."""

from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config

from kit.cdn_signatures import public_key, signed
from kit.keyring import SecretVersion
from kit.signed_urls import EXPIRES_SECONDS, WIDTH, WIDTHS, CdnLinks, PresignedLinks, image_links
from local.cdn.signatures import refusal

KEY = "images/01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04/0-2aa435f5/display.webp"
NOW = 1_795_255_506.75
VERSION = SecretVersion(1, b"a secret", public_key_id="K2JCJMDEHXQW5F")
GROUP = {"K2JCJMDEHXQW5F": public_key(b"a secret")}


def cdn_url(key: str = KEY, **options: int) -> str:
    return CdnLinks("https://d1.cloudfront.net", lambda: VERSION, signed, lambda: NOW).url(key, **options)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return monkeypatch


def assert_valid_as_long_as_promised(url: str) -> None:
    expires = int(NOW) + EXPIRES_SECONDS
    assert refusal(url, GROUP, NOW) is None
    assert refusal(url, GROUP, expires - 1) is None
    assert refusal(url, GROUP, expires) == "expired"


def test_a_url_of_the_cdn_is_valid_for_as_long_as_promised() -> None:
    url = cdn_url()
    assert url.startswith(f"https://d1.cloudfront.net/{KEY}?")
    assert_valid_as_long_as_promised(url)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("display.webp", "original.png"), "wrong signature"),
        (("images/", "images//"), "wrong signature"),
        (("d1.cloudfront.net", "d2.cloudfront.net"), "wrong signature"),
        ((f"Expires={int(NOW) + EXPIRES_SECONDS}", "Expires=4102444800"), "wrong signature"),
        (("Key-Pair-Id=K2JCJMDEHXQW5F", "Key-Pair-Id=K1"), "unknown key"),
        (("Signature=M", "Signature=N"), "wrong signature"),
        (("&Hash-Algorithm=SHA256", ""), "missing or repeated parameters"),
        (("?", "?size=large&"), "wrong signature"),
    ],
    ids=["other file", "other path", "other distribution", "later", "other key", "other signature", "SHA-1", "query"],
)
def test_a_signature_is_for_one_file_and_one_time(change: tuple[str, str], reason: str) -> None:
    assert refusal(cdn_url().replace(*change, 1), GROUP, NOW) == reason


def sized_url(folder: str = KEY.rpartition("/")[0]) -> str:
    url = CdnLinks("https://d1.cloudfront.net", lambda: VERSION, signed, lambda: NOW).sized_url(folder)
    assert url is not None
    return url


@pytest.mark.parametrize("width", WIDTHS)
def test_a_sized_url_is_valid_for_every_width_and_as_long_as_promised(width: int) -> None:
    url = sized_url().replace(WIDTH, str(width))
    assert url.startswith(f"https://d1.cloudfront.net/{KEY.rpartition('/')[0]}?w={width}&Policy=")
    assert_valid_as_long_as_promised(url)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("0-2aa435f5?", "1-2aa435f5?"), "another resource"),
        (("0-2aa435f5?w=640", "0-2aa435f5/original.png?w=640"), "another resource"),
        (("0-2aa435f5?w=640&", "0-2aa435f5/original.png?"), "another resource"),
        (("0-2aa435f5?w=640&", "0-2aa435f5?"), "another resource"),
        (("images/", "derived/"), "another resource"),
        (("d1.cloudfront.net", "d2.cloudfront.net"), "another resource"),
        (("Policy=eyJ", "Policy=eyK"), "wrong signature"),
        (("Policy=", "Expires=4102444800&Policy="), "missing or repeated parameters"),
        (("Key-Pair-Id=K2JCJMDEHXQW5F", "Key-Pair-Id=K1"), "unknown key"),
    ],
    ids=[
        "other image", "file", "file without width", "no width", "other path", "other distribution", "other policy",
        "both policies", "other key",
    ],
)  # fmt: skip
def test_a_sized_url_is_valid_for_no_other_image_and_for_no_file(change: tuple[str, str], reason: str) -> None:
    assert refusal(sized_url().replace(WIDTH, "640").replace(*change, 1), GROUP, NOW) == reason


def test_without_a_cdn_there_are_no_sized_urls(credentials: pytest.MonkeyPatch) -> None:
    assert image_links("gallery", None, None).sized_url("images/x") is None


def test_a_url_without_a_signature_is_refused() -> None:
    assert refusal(cdn_url().partition("?")[0], GROUP, NOW) is not None


def test_a_signature_of_another_key_is_refused() -> None:
    assert refusal(cdn_url(), {"K2JCJMDEHXQW5F": public_key(b"another secret")}, NOW) == "wrong signature"


def test_during_a_rotation_urls_of_both_keys_are_valid() -> None:
    new = SecretVersion(2, b"a new secret", public_key_id="K3NEW")
    group = {**GROUP, "K3NEW": public_key(b"a new secret")}
    for version in (VERSION, new):
        url = CdnLinks("https://d1.cloudfront.net", lambda: version, signed, lambda: NOW).url(KEY)  # noqa: B023
        assert f"Key-Pair-Id={version.public_key_id}" in url
        assert refusal(url, group, NOW) is None


def test_a_version_that_cloudfront_does_not_know_signs_nothing() -> None:
    with pytest.raises(ValueError, match="version 1 of the secret has no public key"):
        signed("https://d1.cloudfront.net/a", 1, SecretVersion(1, b"a secret"))


def test_the_same_secret_always_gives_the_same_key() -> None:
    assert public_key(b"a secret") == public_key(b"a secret") != public_key(b"a secret ")
    assert public_key(b"a secret").startswith("-----BEGIN PUBLIC KEY-----\n")


def test_a_key_cannot_break_out_of_the_path() -> None:
    url = cdn_url('images/a b?c#d"e')
    assert urlsplit(url).path == "/images/a%20b%3Fc%23d%22e"
    assert refusal(url, GROUP, NOW) is None


@pytest.mark.parametrize(("wanted", "seconds"), [(60, 60), (EXPIRES_SECONDS + 1, EXPIRES_SECONDS)])
def test_a_url_can_expire_earlier_but_not_later(credentials: pytest.MonkeyPatch, wanted: int, seconds: int) -> None:
    client = boto3.client("s3", config=Config(signature_version="s3v4"))
    presigned = PresignedLinks(client, "gallery").url(KEY, at_most_seconds=wanted)
    assert parse_qs(urlsplit(presigned).query)["X-Amz-Expires"] == [str(seconds)]
    assert f"Expires={int(NOW) + seconds}&" in cdn_url(at_most_seconds=wanted)


@pytest.mark.parametrize("cdn_url", [None, ""])
def test_without_a_cdn_urls_are_presigned_for_as_long_as_promised(
    credentials: pytest.MonkeyPatch, cdn_url: str | None
) -> None:
    url = urlsplit(image_links("gallery", cdn_url, cdn_url).url(KEY))
    query = parse_qs(url.query)
    assert (url.scheme, url.netloc) == ("https", "gallery.s3.eu-central-1.amazonaws.com")
    assert url.path == f"/{KEY}"
    assert query["X-Amz-Expires"] == [str(EXPIRES_SECONDS)]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


def test_links_of_a_cdn_are_never_unsigned() -> None:
    with pytest.raises(ValueError, match="IMAGE_LINK_KEY_ID"):
        image_links("gallery", "https://d1.cloudfront.net", "")


def test_a_presigned_url_uses_the_configured_endpoint(credentials: pytest.MonkeyPatch) -> None:
    credentials.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    url = urlsplit(image_links("gallery", None, None).url(KEY))
    assert (url.scheme, url.netloc, url.path) == ("http", "127.0.0.1:4566", f"/gallery/{KEY}")
