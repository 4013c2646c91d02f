"""The gallery's files and table: one suite for the fakes and for S3 and DynamoDB on moto."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from events.images import RawImage
from kit.errors import TransientError, UnprocessableError
from kit.handoff import HandoffReader, sha256
from kit.signed_urls import EXPIRES_SECONDS
from services.storage.content_credentials import leave_unsigned
from services.storage.models import Tombstone
from services.storage.repository.files import S3GalleryFiles
from services.storage.repository.gallery import DynamoGallery
from services.storage.service import Handoff, ImageStorage
from tests.support.clock import FakeClock
from tests.support.sealing import sample_sealer
from tests.support.storage_on_moto import create_gallery
from tests.unit.storage.fakes import (
    KEY,
    NOON,
    REQUEST,
    FakeFiles,
    FakeGallery,
    FakeHandoff,
    approved,
    encode,
    entry,
    gradient,
    raw_image,
    variant,
)

TOMBSTONE = Tombstone(image_id=f"{REQUEST}-0", withdrawn_at=NOON)


@dataclass
class Adapters:
    files: S3GalleryFiles | FakeFiles
    gallery: DynamoGallery | FakeGallery
    handoff: Handoff

    def put(self, content: bytes) -> RawImage:
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
        S3GalleryFiles(s3, "gallery"),
        DynamoGallery(boto3.client("dynamodb"), "gallery"),
        HandoffReader(s3, "handoff"),
    )


@pytest.fixture(params=["fake", "aws"])
def adapters(request: pytest.FixtureRequest) -> Adapters:
    if request.param == "fake":
        return Adapters(FakeFiles(), FakeGallery(), FakeHandoff())
    found: Adapters = request.getfixturevalue("aws")
    return found


def test_recorded_images_are_found_unchanged(adapters: Adapters) -> None:
    assert adapters.gallery.add([entry(0), entry(1)]) == [entry(0), entry(1)]
    assert adapters.gallery.find(f"{REQUEST}-1") == entry(1)


def test_an_unknown_image_is_not_found(adapters: Adapters) -> None:
    assert adapters.gallery.find(f"{REQUEST}-7") is None


def test_the_first_record_of_an_image_is_kept(adapters: Adapters) -> None:
    adapters.gallery.add([entry(0), entry(1)])
    later = [entry(index, created_at=NOON + timedelta(hours=1)) for index in (0, 1)]
    assert adapters.gallery.add(later) == [entry(0), entry(1)]
    assert adapters.gallery.find(f"{REQUEST}-0") == entry(0)


@pytest.mark.parametrize("indexes", [(0,), (0, 1), (1, 0)])
def test_an_image_with_a_tombstone_keeps_its_request_out(adapters: Adapters, indexes: tuple[int, ...]) -> None:
    assert adapters.gallery.add_tombstone(TOMBSTONE) is None
    assert adapters.gallery.add([entry(index) for index in indexes]) == TOMBSTONE
    assert [adapters.gallery.find(f"{REQUEST}-{index}") for index in (0, 1)] == [None, None]


def test_the_first_tombstone_of_an_image_is_kept(adapters: Adapters) -> None:
    for hours in (0, 1):
        later = Tombstone(image_id=f"{REQUEST}-0", withdrawn_at=NOON + timedelta(hours=hours))
        assert adapters.gallery.add_tombstone(later) is None
    assert adapters.gallery.add([entry()]) == TOMBSTONE


def test_a_tombstone_leaves_a_recorded_image_unchanged_and_returns_it(adapters: Adapters) -> None:
    adapters.gallery.add([entry()])
    assert adapters.gallery.add_tombstone(TOMBSTONE) == entry()
    assert adapters.gallery.add([entry()]) == [entry()]
    assert adapters.gallery.find(f"{REQUEST}-0") == entry()


def test_a_tombstone_does_not_replace_a_deletion_marker(adapters: Adapters) -> None:
    marker = entry().deletion_marker(NOON, "owner")
    adapters.gallery.add([entry()])
    adapters.gallery.mark_deleted(marker)
    assert adapters.gallery.add_tombstone(TOMBSTONE) is None
    assert adapters.gallery.find(f"{REQUEST}-0") == marker


def test_an_image_with_a_tombstone_cannot_be_changed(adapters: Adapters) -> None:
    adapters.gallery.add_tombstone(TOMBSTONE)
    assert not adapters.gallery.set_favourite(f"{REQUEST}-0", "ada", True)
    adapters.gallery.mark_deleted(entry().deletion_marker(NOON, "owner"))
    assert adapters.gallery.find(f"{REQUEST}-0") is None


def test_the_images_of_a_request_are_recorded_together(adapters: Adapters) -> None:
    adapters.gallery.add([entry(0)])
    with pytest.raises(UnprocessableError, match="other images"):
        adapters.gallery.add([entry(0), entry(1)])
    assert adapters.gallery.find(f"{REQUEST}-1") is None


def test_a_key_is_written_once_and_the_stored_file_is_returned(adapters: Adapters) -> None:
    first = [(variant("a", b"first"), b"first"), (variant("b", b"first"), b"first")]
    assert adapters.files.write(first) == [v for v, _ in first]
    second = [(variant("a", b"second!"), b"second!"), (variant("c", b"second!"), b"second!")]
    assert adapters.files.write(second) == [variant("a", b"first"), variant("c", b"second!")]


def test_deletion_is_idempotent_and_frees_the_key(adapters: Adapters) -> None:
    adapters.files.write([(variant("a", b"first"), b"first")])
    adapters.files.delete([variant("a").key])
    adapters.files.delete([variant("a").key])
    assert adapters.files.write([(variant("a", b"second"), b"second")]) == [variant("a", b"second")]


def test_a_missing_object_or_a_wrong_hash_is_refused(adapters: Adapters) -> None:
    image = adapters.put(b"content")
    assert adapters.handoff.read(image) == b"content"
    with pytest.raises(UnprocessableError, match=r"image\.key"):
        adapters.handoff.read(image.model_copy(update={"key": "raw/elsewhere"}))
    with pytest.raises(UnprocessableError, match=r"image\.sha256"):
        adapters.handoff.read(image.model_copy(update={"sha256": sha256(b"other")}))


def test_files_on_s3_are_private_and_have_a_content_type(aws: Adapters) -> None:
    aws.files.write([(variant("a", b"first"), b"first")])
    head = boto3.client("s3").head_object(Bucket="gallery", Key=variant("a").key)
    assert (head["ContentType"], head["ContentLength"]) == ("image/webp", 5)
    assert head["CacheControl"] == f"private, max-age={EXPIRES_SECONDS}", "no longer than a link"


def versions(kind: str) -> list[str]:
    found: dict[str, Any] = {**boto3.client("s3").list_object_versions(Bucket="gallery")}
    return [each["Key"] for each in found.get(kind, [])]


def test_a_deletion_leaves_no_version_but_a_marker_for_the_replica(aws: Adapters) -> None:
    """S3 replicates delete markers, and never the deletion of a version."""
    aws.files.write([(variant(name, name.encode()), name.encode()) for name in ("a", "b", "kept")])

    assert aws.files.delete([variant("a").key, variant("b").key, variant("missing").key]) == 0
    assert versions("Versions") == [variant("kept").key]
    assert versions("DeleteMarkers") == [variant("a").key, variant("b").key]


def test_a_repeated_deletion_adds_no_marker(aws: Adapters) -> None:
    aws.files.write([(variant("a", b"first"), b"first")])
    for _ in range(2):
        aws.files.delete([variant("a").key])

    assert versions("DeleteMarkers") == [variant("a").key]


def test_a_deletion_finds_what_somebody_else_deleted_before(aws: Adapters) -> None:
    """For example an operator with `aws s3 rm`, or an attempt that crashed after the marker."""
    s3 = boto3.client("s3")
    aws.files.write([(variant("a", b"first"), b"first")])
    s3.delete_object(Bucket="gallery", Key=variant("a").key)
    assert versions("Versions") == [variant("a").key]

    assert aws.files.delete([variant("a").key]) == 1
    assert versions("Versions") == []


def test_the_files_of_a_request_include_deleted_ones_with_a_version(aws: Adapters) -> None:
    assert isinstance(aws.files, S3GalleryFiles)
    aws.files.write([(variant("a", b"first"), b"first"), (variant("b", b"first"), b"first")])
    boto3.client("s3").delete_object(Bucket="gallery", Key=variant("a").key)

    assert aws.files.of_request(REQUEST) == [variant("a").key, variant("b").key]
    aws.files.delete([variant("b").key])
    assert aws.files.of_request(REQUEST) == [variant("a").key]


def test_derived_files_belong_to_their_image(aws: Adapters) -> None:
    """Also what has expired: a former version is still personal data."""
    assert isinstance(aws.files, S3GalleryFiles)
    stored = [f"images/{REQUEST}/{index}-{'a' * 64}/display.webp" for index in range(2)]
    derived = [
        f"derived/{REQUEST}/{index}-{'a' * 64}/320.{format}" for index in range(2) for format in ("avif", "webp")
    ]
    aws.files.write([(variant("a").model_copy(update={"key": key}), b"content") for key in stored])
    for key in derived:
        aws.files.write_derived(key, b"derived", "image/avif")
    boto3.client("s3").delete_object(Bucket="gallery", Key=derived[0])

    assert aws.files.with_derived(stored[:1]) == sorted([*derived[:2], stored[0]])
    assert aws.files.of_request(REQUEST) == sorted([*derived, *stored])
    assert aws.files.delete(aws.files.with_derived(stored[:1])) == 1
    assert aws.files.of_request(REQUEST) == sorted([*derived[2:], stored[1]])


def test_a_derived_file_is_private_and_has_a_content_type(aws: Adapters) -> None:
    aws.files.write_derived("derived/a", b"derived", "image/avif")
    head = boto3.client("s3").head_object(Bucket="gallery", Key="derived/a")
    assert (head["ContentType"], head["CacheControl"]) == ("image/avif", f"private, max-age={EXPIRES_SECONDS}")


def test_a_file_is_read_or_missing(adapters: Adapters) -> None:
    adapters.files.write([(variant("a", b"first"), b"first")])
    assert adapters.files.read(variant("a").key) == b"first"
    assert adapters.files.read(variant("b").key) is None


def test_tombstones_expire_with_their_retention(aws: Adapters) -> None:
    DynamoGallery(boto3.client("dynamodb"), "gallery", timedelta(days=77)).add_tombstone(TOMBSTONE)
    [item] = boto3.client("dynamodb").scan(TableName="gallery")["Items"]
    assert int(item["expires_at"]["N"]) == int((NOON + timedelta(days=77)).timestamp())


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError"])
def test_a_conflicting_transaction_is_retriable(aws: Adapters, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    client = boto3.client("dynamodb")
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
        "CancellationReasons": [{"Code": "None"}, {"Code": code}],
    }

    def cancelled(**_: Any) -> None:
        raise ClientError(response, "TransactWriteItems")

    monkeypatch.setattr(client, "transact_write_items", cancelled)
    with pytest.raises(TransientError, match=code):
        DynamoGallery(client, "gallery").add([entry(0), entry(1)])


def test_storing_one_image_takes_five_calls(aws: Adapters, monkeypatch: pytest.MonkeyPatch) -> None:
    image = aws.put(encode(gradient()))
    calls: list[str] = []
    s3, dynamodb = boto3.client("s3"), boto3.client("dynamodb")
    for client in (s3, dynamodb):
        client.meta.events.register("before-call", lambda model, **_: calls.append(model.name))
    storage = ImageStorage(
        handoff=HandoffReader(s3, "handoff"),
        files=S3GalleryFiles(s3, "gallery"),
        gallery=DynamoGallery(dynamodb, "gallery"),
        open_texts=sample_sealer().open_texts,
        hash_key=lambda: KEY,
        sign=leave_unsigned,
        clock=FakeClock(NOON),
    )
    first = storage.store(approved(image))
    assert sorted(calls) == ["GetObject", "PutItem", "PutObject", "PutObject", "PutObject"]
    assert storage.store(approved(image)) == first
