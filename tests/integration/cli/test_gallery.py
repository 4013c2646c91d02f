"""The gallery's maintenance commands, on moto."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli.search_keys import Rebuilt, rebuild_search_keys
from services.storage.repository.gallery import DynamoGallery
from tests.support.storage_on_moto import create_gallery
from tests.unit.storage.fakes import NOON, entry


@pytest.fixture
def client(aws_test_environment: None, service_template: Any) -> Iterator[Any]:
    with mock_aws():
        create_gallery(service_template("storage"))
        yield boto3.client("dynamodb")


def search_key(client: Any, image_id: str) -> str:
    item = client.get_item(TableName="gallery", Key={"pk": {"S": f"image#{image_id}"}})["Item"]
    return str(item["searchable"]["S"])


def test_only_outdated_search_keys_are_written(client: Any) -> None:
    gallery = DynamoGallery(client, "gallery")
    first, second = entry(prompt="Kölner Dom"), entry(1, prompt="a fox")
    gallery.add([first, second])
    client.update_item(
        TableName="gallery",
        Key={"pk": {"S": f"image#{first.image_id}"}},
        UpdateExpression="SET searchable = :old",
        ExpressionAttributeValues={":old": {"S": "kölner dom"}},
    )

    assert rebuild_search_keys(client, "gallery", lambda _: None) == Rebuilt(examined=2, changed=1)
    assert search_key(client, first.image_id) == "kolner dom koelner"
    assert rebuild_search_keys(client, "gallery", lambda _: None) == Rebuilt(examined=2, changed=0)


def test_a_deleted_image_stays_deleted(client: Any) -> None:
    gallery = DynamoGallery(client, "gallery")
    gallery.add([entry(prompt="a fox")])
    gallery.mark_deleted(entry(prompt="a fox").deletion_marker(NOON, "owner"))

    assert rebuild_search_keys(client, "gallery", lambda _: None) == Rebuilt()
