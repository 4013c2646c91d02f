"""The catalog as the gallery uses it: one suite for the fake and for DynamoDB as moto speaks it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Protocol

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from kit.errors import TransientError
from services.storage.adapters.catalog import GalleryCatalog, GalleryIndex
from services.storage.adapters.files import CloudFront
from services.storage.gallery import Entry, Marker, Share, Tombstone
from services.storage.listing import CHUNK, Chunk, ImagesQuery, Listing, page
from services.storage.shares import LIVE_AT_ONCE
from tests.support.storage_on_moto import create_gallery
from tests.unit.storage.fakes import NOON, REQUEST, FakeCatalogue, card_of, entry

IMAGE = f"{REQUEST}-0"
OTHER_DAY = NOON - timedelta(days=1)


class ModelCatalog(Protocol):
    """All of it."""

    def add(self, entries: list[Entry]) -> list[Entry | Marker] | Tombstone: ...
    def find(self, image: str) -> Entry | Marker | None: ...
    def mark(self, marker: Marker) -> None: ...
    def set_favourite(self, image: str, owner: str, favourite: bool) -> bool: ...
    def add_share(self, entry: Entry, share: Share, expired: list[Share]) -> bool: ...
    def revoke_share(self, image: str, owner: str, share_id: str) -> bool: ...
    def read(self, listing: Listing, after: str | None, count: int) -> Chunk: ...


class OnDynamoDB(GalleryCatalog, GalleryIndex):
    """Both adapters, on one table."""


@pytest.fixture
def on_moto(aws_test_environment: None, service_template: Any) -> Iterator[OnDynamoDB]:
    with mock_aws():
        create_gallery(service_template("storage"))
        yield OnDynamoDB(boto3.client("dynamodb"), "gallery")


@pytest.fixture(params=["fake", "aws"])
def catalog(request: pytest.FixtureRequest) -> ModelCatalog:
    if request.param == "fake":
        return FakeCatalogue()
    found: ModelCatalog = request.getfixturevalue("on_moto")
    return found


def request_id(number: int) -> str:
    return f"01a0b9c4-7d2e-7c31-9f60-{number:012x}"


@pytest.fixture
def filled(catalog: ModelCatalog) -> ModelCatalog:
    """Ten images of ada's, the higher its number the newer, and one of somebody else's."""
    for number in range(10):
        catalog.add(
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
        assert catalog.set_favourite(f"{request_id(number)}-0", "ada", True)
    catalog.add([entry(request_id=request_id(50), owner="eve")])
    return catalog


def numbers(catalog: ModelCatalog, limit: int, owner: str = "ada", **asked: Any) -> list[list[int]]:
    """Return the images of each page, following the positions to the end."""
    found: list[list[int]] = []
    query = ImagesQuery.model_validate(asked)
    at = None
    while True:
        one = page(catalog, query.listing(owner), at, limit)
        found.append([int(card.image_id[-14:-2], 16) for card in one.cards])
        at = one.position
        if at is None:
            return found


@pytest.mark.parametrize(
    ("asked", "expected"),
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
def test_a_list_shows_each_image_once_newest_first(
    filled: ModelCatalog, asked: dict[str, str], expected: list[int]
) -> None:
    for limit in (1, 3, 10):
        found = numbers(filled, limit, **asked)
        assert [number for one in found for number in one] == expected
        assert all(len(one) == limit for one in found[:-1])


def test_a_list_shows_what_is_needed_to_draw_it_and_nobody_elses(filled: ModelCatalog) -> None:
    [first] = page(filled, ImagesQuery(limit=1).listing("ada"), None, 1).cards
    stands = filled.find(f"{request_id(9)}-0")
    assert isinstance(stands, Entry)
    assert first == card_of(stands)
    assert (first.key("display.webp"), first.key("thumbnail.webp")) == (stands.display.key, stands.thumbnail.key)
    assert numbers(filled, 10, owner="eve") == [[50]]
    assert numbers(filled, 10, owner="mallory") == [[]]


def test_a_deleted_image_is_on_no_list_and_paging_goes_on_past_it(filled: ModelCatalog) -> None:
    listing = ImagesQuery().listing("ada")
    first = page(filled, listing, None, 3)
    gone = filled.find(first.cards[-1].image_id)
    assert isinstance(gone, Entry)
    filled.mark(gone.marker(NOON, "owner"))
    rest = page(filled, listing, first.position, 10)
    assert [int(card.image_id[-14:-2], 16) for card in rest.cards] == [6, 5, 4, 3, 2, 1, 0]
    for asked in ({}, {"favourite": "true"}, {"model": gone.model}, {"style": gone.style}):
        assert 7 not in [number for one in numbers(filled, 10, **asked) for number in one]


def test_the_same_images_of_the_same_moment_are_paged_through(catalog: ModelCatalog) -> None:
    catalog.add([entry(index) for index in range(4)])
    first = page(catalog, ImagesQuery().listing("ada"), None, 2)
    second = page(catalog, ImagesQuery().listing("ada"), first.position, 2)
    assert [card.image_id[-1] for card in [*first.cards, *second.cards]] == ["3", "2", "1", "0"]


def test_a_favourite_is_one_until_it_is_not_and_both_may_be_said_twice(catalog: ModelCatalog) -> None:
    catalog.add([entry()])
    for favourite in (True, True, False, False):
        assert catalog.set_favourite(IMAGE, "ada", favourite)
        stands = catalog.find(IMAGE)
        assert isinstance(stands, Entry)
        assert stands.favourite is favourite
        assert len(numbers(catalog, 5, favourite="true")[0]) == favourite


def share(number: int, minutes: int = 60) -> Share:
    return Share(
        share_id=f"{number:016x}",
        secret_sha256=f"{number:064x}",
        created_at=NOON,
        expires_at=NOON + timedelta(minutes=minutes),
    )


def test_shares_are_kept_with_their_image_until_revoked_or_cleared_out(catalog: ModelCatalog) -> None:
    catalog.add([entry()])
    assert catalog.add_share(entry(), share(1), [])
    assert catalog.add_share(entry(), share(2), [])
    assert catalog.add_share(entry(), share(3), [share(1)])
    stands = catalog.find(IMAGE)
    assert isinstance(stands, Entry)
    assert {one.share_id: one for one in stands.shares} == {share(n).share_id: share(n) for n in (2, 3)}
    for _ in range(2):
        assert catalog.revoke_share(IMAGE, "ada", share(2).share_id)
    stands = catalog.find(IMAGE)
    assert isinstance(stands, Entry)
    assert stands.shares == (share(3),)


def test_a_image_has_room_for_so_many_shares(catalog: ModelCatalog) -> None:
    catalog.add([entry()])
    assert all(catalog.add_share(entry(), share(number), []) for number in range(LIVE_AT_ONCE))
    assert not catalog.add_share(entry(), share(99), [])
    assert catalog.add_share(entry(), share(99), [share(0), share(1)])


def test_only_the_owner_changes_a_image_and_nobody_a_deleted_one(catalog: ModelCatalog) -> None:
    catalog.add([entry()])
    assert not catalog.set_favourite(IMAGE, "eve", True)
    assert not catalog.revoke_share(IMAGE, "eve", share(1).share_id)
    assert not catalog.set_favourite(f"{REQUEST}-7", "ada", True)
    marker = entry().marker(NOON, "owner")
    catalog.mark(marker)
    assert not catalog.set_favourite(IMAGE, "ada", True)
    assert not catalog.revoke_share(IMAGE, "ada", share(1).share_id)
    with pytest.raises(KeyError):
        catalog.add_share(entry(), share(1), [])
    assert catalog.find(IMAGE) == marker


def test_the_first_marker_stays_and_what_never_was_gets_none(catalog: ModelCatalog) -> None:
    catalog.add([entry()])
    catalog.mark(entry().marker(NOON, "owner"))
    catalog.mark(entry().marker(NOON + timedelta(days=1), "erasure"))
    assert catalog.find(IMAGE) == entry().marker(NOON, "owner")
    catalog.mark(entry(3).marker(NOON, "owner"))
    assert catalog.find(f"{REQUEST}-3") is None


def test_what_was_deleted_is_not_recorded_again(catalog: ModelCatalog) -> None:
    catalog.add([entry(0), entry(1)])
    marker = entry(0).marker(NOON, "owner")
    catalog.mark(marker)
    assert catalog.add([entry(0), entry(1)]) == [marker, entry(1)]
    assert catalog.find(IMAGE) == marker


def test_a_marker_expires_and_holds_nothing_that_somebody_wrote(on_moto: OnDynamoDB) -> None:
    on_moto.add([entry()])
    on_moto.add_share(entry(), share(1), [])
    on_moto.mark(entry().marker(NOON, "owner"))
    [item] = boto3.client("dynamodb").scan(TableName="gallery")["Items"]
    assert int(item["expires_at"]["N"]) == int((NOON + timedelta(days=60)).timestamp())
    assert not {"prompt", "searchable", "caption", "shares", "listing_key", "style"} & item.keys()
    assert "灯台" not in str(item)


def test_an_entry_on_an_index_is_thin_and_no_read_is_unbounded(
    on_moto: OnDynamoDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_moto.add([entry(prompt="x" * 5000)])
    asked: list[Any] = []
    client = boto3.client("dynamodb")
    client.meta.events.register("provide-client-params.dynamodb.Query", lambda params, **_: asked.append(params))
    index = GalleryIndex(client, "gallery")
    for query in ({}, {"q": "cat"}, {"favourite": "true"}, {"style": "a", "model": "b", "day": "2026-11-22"}):
        page(index, ImagesQuery.model_validate(query).listing("ada"), None, 24)
    assert [call["Limit"] for call in asked] == [25, CHUNK, 25, CHUNK]
    assert all("IndexName" in call and "begins_with(#key" not in call["KeyConditionExpression"] for call in asked)
    answer = client.query(
        TableName="gallery",
        IndexName="by-owner",
        KeyConditionExpression="#o = :o",
        ExpressionAttributeNames={"#o": "owner"},
        ExpressionAttributeValues={":o": {"S": "ada"}},
    )
    assert len(str(answer["Items"][0])) < 3500
    assert not {"prompt", "original", "display", "shares"} & answer["Items"][0].keys()


def test_the_cdn_is_asked_once_for_each_deletion(aws_test_environment: None) -> None:
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
        CloudFront(made).forget(["images/a/b 1/original.png", "images/a/b 1/display.webp"], "event-1")
        [summary] = client.list_invalidations(DistributionId=made)["InvalidationList"]["Items"]
        batch = client.get_invalidation(DistributionId=made, Id=summary["Id"])["Invalidation"]["InvalidationBatch"]
        assert batch["CallerReference"] == "event-1"
        assert batch["Paths"]["Items"] == ["/images/a/b%201/display.webp", "/images/a/b%201/original.png"]


def test_without_a_cdn_nothing_is_asked(aws_test_environment: None) -> None:
    for nowhere in (None, ""):
        CloudFront(nowhere).forget(["images/a"], "event-1")


def test_a_busy_cdn_is_tried_again(aws_test_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    cdn = CloudFront("E1")

    def busy(**_: Any) -> None:
        answer: Any = {"Error": {"Code": "TooManyInvalidationsInProgress", "Message": "busy"}}
        raise ClientError(answer, "CreateInvalidation")

    monkeypatch.setattr(cdn._client, "create_invalidation", busy)
    with pytest.raises(TransientError):
        cdn.forget(["images/a"], "event-1")
