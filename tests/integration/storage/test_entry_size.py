"""The size of an entry of the gallery: each write of it costs a write unit per kilobyte, and each index one more."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from events.images import Variant
from services.storage.models import Entry, file_key, make_image_id
from services.storage.repository.gallery import DynamoGallery
from tests.support.storage_on_moto import create_gallery
from tests.unit.storage.fakes import REQUEST, entry
from tools.benchmarks.units import WRITE_BYTES, item_size

OWNER = "own_" + "a7" * 10
RAW = "eb104b5fe902a4f2895fbb5e797c3014d9f467c93c7371444669f014d340112f"


@pytest.fixture
def client(aws_test_environment: None, service_template: Any) -> Iterator[Any]:
    with mock_aws():
        create_gallery(service_template("storage"))
        yield boto3.client("dynamodb")


def realistic(prompt: str) -> Entry:
    """Return an entry with values as long as real ones."""

    def file(name: str, size: int) -> Variant:
        kind = name.rpartition(".")[2]
        key = file_key(REQUEST, 0, RAW, name)
        return Variant(key=key, sha256=RAW, bytes=size, media_type=f"image/{kind}", width=1344, height=768)

    return entry(
        owner=OWNER,
        prompt=prompt,
        model="stable-image-ultra",
        style="photographic",
        guidance=7.5,
        original=file("original.png", 2_123_456),
        display=file("display.webp", 123_456),
        thumbnail=file("thumbnail.webp", 12_345),
    )


def test_an_entry_with_a_prompt_of_130_characters_is_below_a_kilobyte(client: Any) -> None:
    DynamoGallery(client, "gallery").add([realistic("a lighthouse " * 10)])
    [item] = client.scan(TableName="gallery")["Items"]
    assert item_size(item) < WRITE_BYTES


@pytest.mark.parametrize("length", [1, 139, 140, 141, 2000])
def test_a_prompt_of_any_length_is_read_unchanged(client: Any, length: int) -> None:
    gallery, stored = DynamoGallery(client, "gallery"), realistic(("灯台 ü" * 500)[:length])
    gallery.add([stored])
    assert gallery.find(make_image_id(REQUEST, 0)) == stored
