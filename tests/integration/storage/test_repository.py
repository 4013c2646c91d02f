"""The gallery's files and catalog: one suite for the fakes and for S3 and DynamoDB as moto speaks them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from services.storage.adapters.catalog import GalleryCatalog
from services.storage.adapters.files import GalleryFiles

from events.images import RawImage
from kit.errors import TransientError, UnprocessableError
from kit.handoff import HandoffReader, sha256
from services.storage.gallery import Tombstone
from services.storage.service import Files, Handoff, Store
from tests.support.storage_on_moto import create_gallery
from tests.unit.storage.fakes import (
    KEY,
    NOON,
    REQUEST,
    FakeCatalogue,
    FakeFiles,
    FakeHandoff,
    approved,
    encode,
    entry,
    painting,
    raw_image,
    variant,
)

TOMBSTONE = Tombstone(request_id=REQUEST, written_at=NOON)


@dataclass
class Adapters:
    files: Files
    catalog: GalleryCatalog | FakeCatalogue
    handoff: Handoff

    def lay_down(self, content: bytes) -> RawImage:
        image = raw_image(content)
        if isinstance(self.handoff, FakeHandoff):
            self.handoff.objects[image.key] = content
        else:
            boto3.client("s3").put_object(Bucket="handoff", Key=image.key, Body=content)
        return image


@pytest.fixture
def gallery_on_moto(aws_test_environment: None, service_template: Any) -> Iterator[None]:
    """Create the table exactly as storage's template declares it, and two buckets."""
    with mock_aws():
        create_gallery(service_template("storage"))
        yield


@pytest.fixture
def aws(gallery_on_moto: None) -> Adapters:
    s3 = boto3.client("s3")
    return Adapters(
        GalleryFiles(s3, "gallery"),
        GalleryCatalog(boto3.client("dynamodb"), "gallery"),
        HandoffReader(s3, "handoff"),
    )


@pytest.fixture(params=["fake", "aws"])
def adapters(request: pytest.FixtureRequest) -> Adapters:
    if request.param == "fake":
        return Adapters(FakeFiles(), FakeCatalogue(), FakeHandoff())
    found: Adapters = request.getfixturevalue("aws")
    return found


def test_what_was_recorded_is_found_as_it_was(adapters: Adapters) -> None:
    assert adapters.catalog.add([entry(0), entry(1)]) == [entry(0), entry(1)]
    assert adapters.catalog.find(f"{REQUEST}-1") == entry(1)


def test_an_unknown_image_is_not_found(adapters: Adapters) -> None:
    assert adapters.catalog.find(f"{REQUEST}-7") is None


def test_what_is_recorded_first_stands(adapters: Adapters) -> None:
    adapters.catalog.add([entry(0), entry(1)])
    later = [entry(index, created_at=NOON + timedelta(hours=1)) for index in (0, 1)]
    assert adapters.catalog.add(later) == [entry(0), entry(1)]
    assert adapters.catalog.find(f"{REQUEST}-0") == entry(0)


def test_after_a_tombstone_nothing_is_recorded(adapters: Adapters) -> None:
    adapters.catalog.bury(TOMBSTONE)
    assert adapters.catalog.add([entry(0), entry(1)]) == TOMBSTONE
    assert adapters.catalog.find(f"{REQUEST}-0") is None


def test_the_first_tombstone_of_a_request_stays(adapters: Adapters) -> None:
    adapters.catalog.bury(TOMBSTONE)
    adapters.catalog.bury(Tombstone(request_id=REQUEST, written_at=NOON + timedelta(hours=1)))
    assert adapters.catalog.add([entry()]) == TOMBSTONE


def test_a_tombstone_does_not_touch_what_is_recorded(adapters: Adapters) -> None:
    adapters.catalog.add([entry()])
    adapters.catalog.bury(TOMBSTONE)
    assert adapters.catalog.add([entry()]) == [entry()]
    assert adapters.catalog.find(f"{REQUEST}-0") == entry()


def test_a_request_is_recorded_as_one(adapters: Adapters) -> None:
    adapters.catalog.add([entry(0)])
    with pytest.raises(UnprocessableError, match="other images"):
        adapters.catalog.add([entry(0), entry(1)])
    assert adapters.catalog.find(f"{REQUEST}-1") is None


def test_a_key_is_written_once_and_what_stands_is_told(adapters: Adapters) -> None:
    first = [(variant("a", b"first"), b"first"), (variant("b", b"first"), b"first")]
    assert adapters.files.write(first) == [v for v, _ in first]
    second = [(variant("a", b"second!"), b"second!"), (variant("c", b"second!"), b"second!")]
    assert adapters.files.write(second) == [variant("a", b"first"), variant("c", b"second!")]


def test_deleting_frees_the_key_and_may_be_repeated(adapters: Adapters) -> None:
    adapters.files.write([(variant("a", b"first"), b"first")])
    adapters.files.delete([variant("a").key])
    adapters.files.delete([variant("a").key])
    assert adapters.files.write([(variant("a", b"second"), b"second")]) == [variant("a", b"second")]


def test_a_missing_object_and_one_with_another_hash_are_refused(adapters: Adapters) -> None:
    image = adapters.lay_down(b"content")
    assert adapters.handoff.read(image) == b"content"
    with pytest.raises(UnprocessableError, match=r"image\.key"):
        adapters.handoff.read(image.model_copy(update={"key": "raw/elsewhere"}))
    with pytest.raises(UnprocessableError, match=r"image\.sha256"):
        adapters.handoff.read(image.model_copy(update={"sha256": sha256(b"other")}))


def test_files_on_s3_are_cached_for_good_and_say_what_they_are(aws: Adapters) -> None:
    aws.files.write([(variant("a", b"first"), b"first")])
    head = boto3.client("s3").head_object(Bucket="gallery", Key=variant("a").key)
    assert (head["ContentType"], head["ContentLength"]) == ("image/webp", 5)
    assert "immutable" in head["CacheControl"]


def test_tombstones_expire_long_after_the_raw_image(aws: Adapters) -> None:
    aws.catalog.bury(TOMBSTONE)
    [item] = boto3.client("dynamodb").scan(TableName="gallery")["Items"]
    assert int(item["expires_at"]["N"]) == int((NOON + timedelta(days=60)).timestamp())


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError"])
def test_a_transaction_that_met_another_is_tried_again(
    aws: Adapters, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    client = boto3.client("dynamodb")
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
        "CancellationReasons": [{"Code": "None"}, {"Code": code}],
    }

    def cancelled(**_: Any) -> None:
        raise ClientError(answer, "TransactWriteItems")

    monkeypatch.setattr(client, "transact_write_items", cancelled)
    with pytest.raises(TransientError, match=code):
        GalleryCatalog(client, "gallery").add([entry()])


def test_one_image_costs_five_calls(aws: Adapters, monkeypatch: pytest.MonkeyPatch) -> None:
    image = aws.lay_down(encode(painting()))
    calls: list[str] = []
    s3, dynamodb = boto3.client("s3"), boto3.client("dynamodb")
    for client in (s3, dynamodb):
        client.meta.events.register("before-call", lambda model, **_: calls.append(model.name))
    store = Store(
        handoff=HandoffReader(s3, "handoff"),
        files=GalleryFiles(s3, "gallery"),
        catalog=GalleryCatalog(dynamodb, "gallery"),
        hash_key=lambda: KEY,
        clock=lambda: NOON,
    )
    first = store(approved(image))
    assert sorted(calls) == ["GetObject", "PutObject", "PutObject", "PutObject", "TransactWriteItems"]
    assert store(approved(image)) == first
