"""Claim checks: stored bytes are fetched unchanged."""

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError

from events.images import RawImage
from kit.errors import UnprocessableError, classify_error
from kit.handoff import HandoffReader, handoff_key, sha256

IMAGE = b"an image"
REQUEST = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"


class FakeBucket:
    """GetObject on a dictionary; with ``error``, it fails with that code."""

    def __init__(self, objects: dict[str, bytes], error: str | None = None) -> None:
        self.objects, self.error = objects, error

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        assert Bucket == "handoff"
        if self.error or Key not in self.objects:
            raise ClientError({"Error": {"Code": self.error or "NoSuchKey", "Message": "no"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}


def image(content: bytes = IMAGE) -> RawImage:
    digest = sha256(content)
    return RawImage.model_validate(
        {
            "key": handoff_key(REQUEST, 0, digest),
            "sha256": digest,
            "bytes": len(content),
            "media_type": "image/png",
            "width": 1,
            "height": 1,
            "model": "stable-image-core",
            "seed": 1,
            "cost_usd": "0.04",
        }
    )


def reader(objects: dict[str, bytes], error: str | None = None) -> HandoffReader:
    return HandoffReader(FakeBucket(objects, error), "handoff")  # type: ignore[arg-type]


def test_a_stored_image_is_fetched() -> None:
    assert reader({image().key: IMAGE}).read(image()) == IMAGE


def test_two_attempts_have_different_keys() -> None:
    assert handoff_key(REQUEST, 0, sha256(b"one")) != handoff_key(REQUEST, 0, sha256(b"two"))
    assert handoff_key(REQUEST, 0, sha256(b"one")) == handoff_key(REQUEST, 0, sha256(b"one"))


def test_a_missing_object_is_final_and_named() -> None:
    with pytest.raises(UnprocessableError, match="not in the hand-off bucket") as raised:
        reader({}).read(image())
    assert image().key in str(raised.value)


def test_a_wrong_hash_is_final() -> None:
    with pytest.raises(UnprocessableError, match="another hash"):
        reader({image().key: b"another image"}).read(image())


@pytest.mark.parametrize(("code", "fate"), [("SlowDown", "transient"), ("AccessDenied", "retriable")])
def test_an_unavailable_bucket_is_retried(code: str, fate: str) -> None:
    with pytest.raises(ClientError) as raised:
        reader({image().key: IMAGE}, code).read(image())
    assert classify_error(raised.value) == fate
