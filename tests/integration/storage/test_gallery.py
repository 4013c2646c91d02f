"""The gallery table and its indexes: one suite for the fake and for DynamoDB on moto."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Protocol

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from kit.errors import TransientError
from services.storage.gateways import CloudFront
from services.storage.listing import CHUNK, Chunk, Listing, read_page
from services.storage.models import MAX_SHARES, DeletionMarker, Entry, Share, Tombstone
from services.storage.repository.gallery import DynamoGallery
from services.storage.repository.index import DynamoGalleryIndex
from services.storage.schemas import ImagesQuery
from tests.support.storage_on_moto import create_gallery
from tests.unit.storage.fakes import NOON, REQUEST, FakeGallery, entry, summary_of

IMAGE = f"{REQUEST}-0"
OTHER_DAY = NOON - timedelta(days=1)


class GalleryTable(Protocol):
    """The gallery's table with its indexes."""

    def add(self, entries: list[Entry]) -> list[Entry | DeletionMarker] | Tombstone: ...
    def find(self, image: str) -> Entry | DeletionMarker | None: ...
    def mark_deleted(self, marker: DeletionMarker) -> bool: ...
    def set_favourite(self, image: str, owner: str, favourite: bool) -> bool: ...
    def add_share(self, entry: Entry, share: Share, expired: list[Share]) -> bool: ...
    def revoke_share(self, image: str, owner: str, share_id: str) -> bool: ...
    def read(self, listing: Listing, after: str | None, count: int) -> Chunk: ...


class DynamoGalleryTable(DynamoGallery, DynamoGalleryIndex):
    """Both adapters on one table."""


@pytest.fixture
def on_moto(aws_test_environment: None, service_template: Any) -> Iterator[DynamoGalleryTable]:
    with mock_aws():
        create_gallery(service_template("storage"))
        yield DynamoGalleryTable(boto3.client("dynamodb"), "gallery")


@pytest.fixture(params=["fake", "aws"])
def gallery(request: pytest.FixtureRequest) -> GalleryTable:
    if request.param == "fake":
        return FakeGallery()
    found: GalleryTable = request.getfixturevalue("on_moto")
    return found


def request_id(number: int) -> str:
    return f"01a0b9c4-7d2e-7c31-9f60-{number:012x}"


@pytest.fixture
def filled(gallery: GalleryTable) -> GalleryTable:
    """Ten images of ada, newer with each number, and one of another owner."""
    for number in range(10):
        gallery.add(
            [
                entry(
                    request_id=request_id(number),
                    created_at=(NOON if number >= 4 else OTHER_DAY) + timedelta(minutes=number),
                    model="nova-canvas" if number % 2 else "sd35",
                    style=("anime", "photo", None)[number % 3],
                    prompt=f"A LIGHTHOUSE number{number} at Straße, 夕暮れの灯台",
                )
            ]
        )
    for number in (2, 3, 7):
        assert gallery.set_favourite(f"{request_id(number)}-0", "ada", True)
    gallery.add([entry(request_id=request_id(50), owner="eve")])
    return gallery


def numbers(gallery: GalleryTable, limit: int, owner: str = "ada", **parameters: Any) -> list[list[int]]:
    """Return the images of each page, following the positions to the end."""
    found: list[list[int]] = []
    query = ImagesQuery.model_validate(parameters)
    at = None
    while True:
        one = read_page(gallery, query.listing(owner), at, limit)
        found.append([int(summary.image_id[-14:-2], 16) for summary in one.images])
        at = one.next_position
        if at is None:
            return found


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        ({"model": "nova-canvas"}, [9, 7, 5, 3, 1]),
        ({"style": "photo"}, [7, 4, 1]),
        ({"style": "photo", "model": "sd35"}, [4]),
        ({"favourite": "true"}, [7, 3, 2]),
        ({"favourite": "true", "style": "photo"}, [7]),
        ({"day": "2026-11-21"}, [3, 2, 1, 0]),
        ({"day": "2026-11-21", "model": "sd35"}, [2, 0]),
        ({"day": "2026-11-20"}, []),
        ({"q": "NUMBER4 lighthouse"}, [4]),
        ({"q": "strasse 灯台", "favourite": "true"}, [7, 3, 2]),
        ({"q": "unicorn"}, []),
    ],
    ids=str,
)
def test_a_list_has_each_image_once_newest_first(
    filled: GalleryTable, parameters: dict[str, str], expected: list[int]
) -> None:
    for limit in (1, 3, 10):
        found = numbers(filled, limit, **parameters)
        assert [number for one in found for number in one] == expected
        assert all(len(one) == limit for one in found[:-1])


def test_a_list_has_complete_summaries_of_one_owner_only(filled: GalleryTable) -> None:
    [first] = read_page(filled, ImagesQuery(limit=1).listing("ada"), None, 1).images
    stored = filled.find(f"{request_id(9)}-0")
    assert isinstance(stored, Entry)
    assert first == summary_of(stored)
    assert (first.key("display.webp"), first.key("thumbnail.webp")) == (stored.display.key, stored.thumbnail.key)
    assert numbers(filled, 10, owner="eve") == [[50]]
    assert numbers(filled, 10, owner="mallory") == [[]]


def test_a_deleted_image_is_on_no_list_and_paging_continues(filled: GalleryTable) -> None:
    listing = ImagesQuery().listing("ada")
    first = read_page(filled, listing, None, 3)
    gone = filled.find(first.images[-1].image_id)
    assert isinstance(gone, Entry)
    filled.mark_deleted(gone.deletion_marker(NOON, "owner"))
    rest = read_page(filled, listing, first.next_position, 10)
    assert [int(summary.image_id[-14:-2], 16) for summary in rest.images] == [6, 5, 4, 3, 2, 1, 0]
    for parameters in ({}, {"favourite": "true"}, {"model": gone.model}, {"style": gone.style}):
        assert 7 not in [number for one in numbers(filled, 10, **parameters) for number in one]


def test_images_of_the_same_instant_are_paged_completely(gallery: GalleryTable) -> None:
    gallery.add([entry(index) for index in range(4)])
    first = read_page(gallery, ImagesQuery().listing("ada"), None, 2)
    second = read_page(gallery, ImagesQuery().listing("ada"), first.next_position, 2)
    assert [summary.image_id[-1] for summary in [*first.images, *second.images]] == ["3", "2", "1", "0"]


def test_setting_and_unsetting_a_favourite_is_idempotent(gallery: GalleryTable) -> None:
    gallery.add([entry()])
    for favourite in (True, True, False, False):
        assert gallery.set_favourite(IMAGE, "ada", favourite)
        stored = gallery.find(IMAGE)
        assert isinstance(stored, Entry)
        assert stored.favourite is favourite
        assert len(numbers(gallery, 5, favourite="true")[0]) == favourite


def share(number: int, minutes: int = 60) -> Share:
    return Share(
        share_id=f"{number:016x}",
        secret_sha256=f"{number:064x}",
        created_at=NOON,
        expires_at=NOON + timedelta(minutes=minutes),
    )


def test_shares_are_kept_until_revoked_or_expired(gallery: GalleryTable) -> None:
    gallery.add([entry()])
    assert gallery.add_share(entry(), share(1), [])
    assert gallery.add_share(entry(), share(2), [])
    assert gallery.add_share(entry(), share(3), [share(1)])
    stored = gallery.find(IMAGE)
    assert isinstance(stored, Entry)
    assert {one.share_id: one for one in stored.shares} == {share(n).share_id: share(n) for n in (2, 3)}
    for _ in range(2):
        assert gallery.revoke_share(IMAGE, "ada", share(2).share_id)
    stored = gallery.find(IMAGE)
    assert isinstance(stored, Entry)
    assert stored.shares == (share(3),)


def test_an_image_has_a_maximum_of_shares(gallery: GalleryTable) -> None:
    gallery.add([entry()])
    assert all(gallery.add_share(entry(), share(number), []) for number in range(MAX_SHARES))
    assert not gallery.add_share(entry(), share(99), [])
    assert gallery.add_share(entry(), share(99), [share(0), share(1)])


def test_only_the_owner_changes_an_image_and_not_once_deleted(gallery: GalleryTable) -> None:
    gallery.add([entry()])
    assert not gallery.set_favourite(IMAGE, "eve", True)
    assert not gallery.revoke_share(IMAGE, "eve", share(1).share_id)
    assert not gallery.set_favourite(f"{REQUEST}-7", "ada", True)
    marker = entry().deletion_marker(NOON, "owner")
    gallery.mark_deleted(marker)
    assert not gallery.set_favourite(IMAGE, "ada", True)
    assert not gallery.revoke_share(IMAGE, "ada", share(1).share_id)
    with pytest.raises(KeyError):
        gallery.add_share(entry(), share(1), [])
    assert gallery.find(IMAGE) == marker


def test_the_first_marker_is_kept_and_unknown_images_get_none(gallery: GalleryTable) -> None:
    gallery.add([entry()])
    assert gallery.mark_deleted(entry().deletion_marker(NOON, "owner"))
    assert not gallery.mark_deleted(entry().deletion_marker(NOON + timedelta(days=1), "erasure"))
    assert gallery.find(IMAGE) == entry().deletion_marker(NOON, "owner")
    assert not gallery.mark_deleted(entry(3).deletion_marker(NOON, "owner"))
    assert gallery.find(f"{REQUEST}-3") is None


def test_a_deleted_image_is_not_recorded_again(gallery: GalleryTable) -> None:
    gallery.add([entry(0), entry(1)])
    marker = entry(0).deletion_marker(NOON, "owner")
    gallery.mark_deleted(marker)
    assert gallery.add([entry(0), entry(1)]) == [marker, entry(1)]
    assert gallery.find(IMAGE) == marker


def test_a_marker_expires_and_contains_no_text_by_a_person(on_moto: DynamoGalleryTable) -> None:
    on_moto.add([entry()])
    on_moto.add_share(entry(), share(1), [])
    on_moto.mark_deleted(entry().deletion_marker(NOON, "owner"))
    [item] = boto3.client("dynamodb").scan(TableName="gallery")["Items"]
    assert int(item["expires_at"]["N"]) == int((NOON + timedelta(days=60)).timestamp())
    assert not {"prompt_rest", "searchable", "caption", "shares", "listing_key", "style"} & item.keys()
    assert "灯台" not in str(item)


def test_index_entries_are_small_and_reads_are_bounded(
    on_moto: DynamoGalleryTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_moto.add([entry(prompt="x" * 500)])
    parameters: list[Any] = []
    client = boto3.client("dynamodb")
    client.meta.events.register("provide-client-params.dynamodb.Query", lambda params, **_: parameters.append(params))
    index = DynamoGalleryIndex(client, "gallery")
    for query in ({}, {"q": "cat"}, {"favourite": "true"}, {"style": "a", "model": "b", "day": "2026-11-22"}):
        read_page(index, ImagesQuery.model_validate(query).listing("ada"), None, 24)
    assert [call["Limit"] for call in parameters] == [25, CHUNK, 25, CHUNK]
    assert all("IndexName" in call and "begins_with(#key" not in call["KeyConditionExpression"] for call in parameters)
    response = client.query(
        TableName="gallery",
        IndexName="by-owner",
        KeyConditionExpression="#o = :o",
        ExpressionAttributeNames={"#o": "owner"},
        ExpressionAttributeValues={":o": {"S": "ada"}},
    )
    assert len(str(response["Items"][0])) < 2000
    assert not {"prompt_rest", "files", "shares"} & response["Items"][0].keys()


def test_each_deletion_invalidates_the_cdn_once(aws_test_environment: None) -> None:
    with mock_aws():
        client = boto3.client("cloudfront")
        made = client.create_distribution(
            DistributionConfig={
                "CallerReference": "x",
                "Comment": "",
                "Enabled": True,
                "Origins": {
                    "Quantity": 1,
                    "Items": [
                        {"Id": "o", "DomainName": "b.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
                    ],
                },
                "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all"},
            }
        )["Distribution"]["Id"]
        keys = ["images/a/b 1/original.png", "images/a/b 1/display.webp", "derived/a/b 1/320.avif"]
        CloudFront(made).invalidate(keys, "event-1")
        [summary] = client.list_invalidations(DistributionId=made)["InvalidationList"]["Items"]
        batch = client.get_invalidation(DistributionId=made, Id=summary["Id"])["Invalidation"]["InvalidationBatch"]
        assert batch["CallerReference"] == "event-1"
        assert batch["Paths"]["Items"] == [
            "/derived/a/b%201/320.avif",
            "/images/a/b%201",
            "/images/a/b%201/display.webp",
            "/images/a/b%201/original.png",
        ]


def test_without_a_cdn_there_is_no_invalidation(aws_test_environment: None) -> None:
    for nowhere in (None, ""):
        CloudFront(nowhere).invalidate(["images/a"], "event-1")


def test_a_busy_cdn_is_retriable(aws_test_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    cdn = CloudFront("E1")

    def busy(**_: Any) -> None:
        response: Any = {"Error": {"Code": "TooManyInvalidationsInProgress", "Message": "busy"}}
        raise ClientError(response, "CreateInvalidation")

    monkeypatch.setattr(cdn._client, "create_invalidation", busy)
    with pytest.raises(TransientError):
        cdn.invalidate(["images/a"], "event-1")
