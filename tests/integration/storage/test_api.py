"""The gallery's routes on moto: lists, favourites, shares, deletion and access by owner."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from moto import mock_aws

from kit.http_api import Route
from services.storage import routes
from services.storage.repository.gallery import DynamoGallery
from services.storage.shares import create_share
from tests.support.events import sqs_record
from tests.support.functions import load_function, unload_functions
from tests.support.http import http_event
from tests.support.storage_on_moto import create_gallery, receive_all, set_environment
from tests.unit.storage.fakes import NOON, REQUEST, approved, encode, entry, gradient, raw_image

IMAGE = f"{REQUEST}-0"
EVERYTHING = "images:read images:write"
ROUTES = [value for value in vars(routes).values() if isinstance(value, Route)]
GUARDED = [route for route in ROUTES if route.scope]
OF_AN_IMAGE = [route for route in GUARDED if "{image_id}" in route.path]


@pytest.fixture
def aws(aws_test_environment: None, service_template: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        create_gallery(service_template("storage"))
        set_environment(monkeypatch)
        yield
    unload_functions("storage")


@pytest.fixture
def gallery(aws: None) -> DynamoGallery:
    return DynamoGallery(boto3.client("dynamodb"), "gallery")


class Caller:
    """A caller with an API key, or without one."""

    def __init__(self, handler: Any, owner: str | None = "ada", scopes: str = EVERYTHING) -> None:
        self._handler = handler
        self._caller = {"owner": owner, "scopes": scopes} if owner else None

    def __call__(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, dict[str, str], Any]:
        """Call a route; return status, headers and the parsed body."""
        event = http_event(method, path, body=body, query=query, caller=self._caller)
        response = self._handler(event, None)
        return response["statusCode"], response["headers"], json.loads(response["body"] or "null")

    def on(self, route: Route, image: str = IMAGE, share: str = "0" * 16) -> tuple[int, dict[str, str], Any]:
        """Call ``route`` for an image."""
        return self(
            route.method, route.path.format(image_id=image, share_id=share), {} if route.method == "POST" else None
        )


@pytest.fixture
def handler(aws: None) -> Any:
    return load_function("storage", "api").handler


@pytest.fixture
def ada(handler: Any) -> Caller:
    return Caller(handler)


def names(response: tuple[int, dict[str, str], Any]) -> list[str]:
    return [image["id"] for image in response[2]["images"]]


def test_a_list_is_paged_with_its_cursor(ada: Caller, gallery: DynamoGallery) -> None:
    gallery.add([entry(index, prompt="x" * 300) for index in range(3)])
    status, headers, first = ada("GET", "/v1/images", limit="2")
    assert (status, headers["Link"]) == (200, f'</v1/images?limit=2&cursor={first["next_cursor"]}>; rel="next"')
    assert [image["id"] for image in first["images"]] == [f"{REQUEST}-2", f"{REQUEST}-1"]
    second = ada("GET", "/v1/images", limit="2", cursor=first["next_cursor"])
    assert names(second) == [IMAGE]
    assert "next_cursor" not in second[2]
    image = first["images"][0]
    assert image["links"]["self"] == f"/v1/images/{REQUEST}-2"
    assert (image["favourite"], image["caption"], image["style"]) == (False, "x" * 140, "anime")
    assert "/display.webp?" in image["display_url"]
    assert "/thumbnail.webp?" in image["thumbnail_url"]
    assert {"placeholder", "width", "height", "created_at", "model"} <= image.keys()


def test_a_bad_list_query_names_every_wrong_field(ada: Caller) -> None:
    status, _, problem = ada("GET", "/v1/images", limit="0", day="yesterday", cursor="x")
    assert (status, problem["code"]) == (422, "validation_failed")
    assert {error["field"] for error in problem["errors"]} == {"limit", "day", "cursor"}


def test_a_favourite_appears_in_the_image_and_in_the_list(ada: Caller, gallery: DynamoGallery) -> None:
    gallery.add([entry(0), entry(1)])
    for _ in range(2):
        assert ada("PUT", f"/v1/images/{IMAGE}/favourite")[0] == 204
    assert ada("GET", f"/v1/images/{IMAGE}")[2]["favourite"] is True
    assert names(ada("GET", "/v1/images", favourite="true")) == [IMAGE]
    for _ in range(2):
        assert ada("DELETE", f"/v1/images/{IMAGE}/favourite")[0] == 204
    assert names(ada("GET", "/v1/images", favourite="true")) == []


def test_an_image_links_to_its_request(ada: Caller, gallery: DynamoGallery) -> None:
    gallery.add([entry()])
    shown = ada("GET", f"/v1/images/{IMAGE}")[2]
    assert shown["links"] == {
        "self": f"/v1/images/{IMAGE}",
        "request": f"/v1/requests/{REQUEST}",
        "favourite": f"/v1/images/{IMAGE}/favourite",
        "shares": f"/v1/images/{IMAGE}/shares",
    }
    assert not {"shares", "owner"} & shown.keys()


def test_a_share_link_works_for_everyone_until_it_is_revoked(ada: Caller, handler: Any, gallery: DynamoGallery) -> None:
    gallery.add([entry()])
    status, headers, made = ada("POST", f"/v1/images/{IMAGE}/shares", {"expires_in_seconds": 60})
    assert (status, headers["Location"]) == (201, made["links"]["self"])
    lifetime = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert lifetime == timedelta(seconds=60)
    [listed] = ada("GET", f"/v1/images/{IMAGE}/shares")[2]["shares"]
    assert listed == {key: value for key, value in made.items() if key != "url"}

    anybody = Caller(handler, owner=None)
    status, headers, _ = anybody("GET", made["url"])
    assert (status, headers["Cache-Control"]) == (302, "no-store")
    location = urlsplit(headers["Location"])
    assert location.path.endswith("/display.webp")
    assert int(parse_qs(location.query)["X-Amz-Expires"][0]) <= 60, "the URL must not outlive the link"

    for _ in range(2):
        assert ada("DELETE", made["links"]["self"])[0] == 204
    assert anybody("GET", made["url"])[0] == 404
    assert ada("GET", f"/v1/images/{IMAGE}/shares")[2] == {"shares": []}


def test_the_token_is_not_stored(ada: Caller, gallery: DynamoGallery) -> None:
    gallery.add([entry()])
    url = ada("POST", f"/v1/images/{IMAGE}/shares", {})[2]["url"]
    [item] = boto3.client("dynamodb").scan(TableName="gallery")["Items"]
    assert url.rsplit("/", 1)[1][-20:] not in json.dumps(item)


def test_an_expired_link_is_not_found_although_still_stored(ada: Caller, handler: Any, gallery: DynamoGallery) -> None:
    gallery.add([entry()])
    share, token = create_share(IMAGE, 60, datetime.now(UTC) - timedelta(seconds=61))
    assert gallery.add_share(entry(), share, [])
    assert Caller(handler, owner=None)("GET", f"/v1/shares/{token}")[0] == 404
    assert ada("GET", f"/v1/images/{IMAGE}/shares")[2] == {"shares": []}
    ada("POST", f"/v1/images/{IMAGE}/shares", {})
    [item] = boto3.client("dynamodb").scan(TableName="gallery")["Items"]
    assert share.share_id not in item["shares"]["M"], "cleared out with the next one"


def test_a_malformed_token_looks_like_an_expired_one(handler: Any, ada: Caller, gallery: DynamoGallery) -> None:
    gallery.add([entry()])
    anybody = Caller(handler, owner=None)
    _, stranger = create_share(IMAGE, 60, NOON)
    responses = [
        anybody("GET", f"/v1/shares/{token}") for token in (stranger, "x", "A" * 55, "A" * 3000, "%F0%9F%90%88")
    ]
    assert all(response == responses[0] for response in responses)
    assert (responses[0][0], responses[0][2]["code"]) == (404, "share_not_found")


@pytest.mark.parametrize(
    "body", [{"expires_in_seconds": 2592001}, {"expires_in_seconds": 0}, {"expires_in_seconds": "60"}, {"until": 1}]
)
def test_a_share_expires_within_thirty_days(ada: Caller, gallery: DynamoGallery, body: dict[str, Any]) -> None:
    gallery.add([entry()])
    assert ada("POST", f"/v1/images/{IMAGE}/shares", body)[0] == 422
    assert ada("POST", f"/v1/images/{IMAGE}/shares", {"expires_in_seconds": 2592000})[0] == 201


def test_an_image_has_at_most_twenty_links(ada: Caller, gallery: DynamoGallery) -> None:
    gallery.add([entry()])
    statuses = [ada("POST", f"/v1/images/{IMAGE}/shares", {})[0] for _ in range(21)]
    assert statuses == [201] * 20 + [409]


def test_a_deleted_image_is_not_found_and_deletion_is_idempotent(
    ada: Caller, handler: Any, gallery: DynamoGallery
) -> None:
    gallery.add([entry()])
    url = ada("POST", f"/v1/images/{IMAGE}/shares", {})[2]["url"]
    for _ in range(2):
        assert ada("DELETE", f"/v1/images/{IMAGE}")[0] == 204
    for route in OF_AN_IMAGE:
        assert ada.on(route)[0] == (204 if route is routes.DELETE_IMAGE else 404), route.route_key
    assert names(ada("GET", "/v1/images")) == []
    assert Caller(handler, owner=None)("GET", url)[0] == 404


@pytest.mark.parametrize("route", OF_AN_IMAGE, ids=lambda route: route.route_key)
def test_other_owners_cannot_see_or_change_an_image(handler: Any, gallery: DynamoGallery, route: Route) -> None:
    gallery.add([entry()])
    share, _ = create_share(IMAGE, 60, datetime.now(UTC))
    gallery.add_share(entry(), share, [])
    before = boto3.client("dynamodb").scan(TableName="gallery")["Items"]
    eve = Caller(handler, owner="eve")
    hidden, unknown = eve.on(route, share=share.share_id), eve.on(route, image=f"{REQUEST}-9", share=share.share_id)
    assert hidden == unknown
    assert (hidden[0], hidden[2]["code"]) == (404, "image_not_found")
    assert boto3.client("dynamodb").scan(TableName="gallery")["Items"] == before


def test_lists_contain_only_the_owners_images(handler: Any, gallery: DynamoGallery) -> None:
    gallery.add([entry(favourite=False)])
    gallery.set_favourite(IMAGE, "ada", True)
    cursor = Caller(handler)("GET", "/v1/images", limit="1")
    eve = Caller(handler, owner="eve")
    for query in ({}, {"favourite": "true"}, {"model": "stable-image-core"}, {"style": "anime"}, {"q": "lighthouse"}):
        assert names(eve("GET", "/v1/images", **query)) == [], query
        assert names(Caller(handler)("GET", "/v1/images", **query)) == names(cursor), query


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: route.route_key)
def test_a_key_without_the_scope_is_refused(handler: Any, gallery: DynamoGallery, route: Route) -> None:
    gallery.add([entry()])
    others = " ".join({"requests:write", "requests:read", "admin", *EVERYTHING.split()} - {str(route.scope)})
    status, _, problem = Caller(handler, scopes=others).on(route)
    assert (status, problem["code"]) == (403, "insufficient_scope")
    assert Caller(handler, owner=None).on(route)[0] == 401
    assert Caller(handler).on(route)[0] < 300


@pytest.mark.parametrize("route", OF_AN_IMAGE, ids=lambda route: route.route_key)
def test_a_malformed_image_id_is_not_found(ada: Caller, route: Route) -> None:
    for image in ("x", f"tombstone%23{REQUEST}", REQUEST, "0" * 3000, "%F0%9F%90%88", f"{IMAGE}%0A"):
        assert ada.on(route, image=image)[0] == 404, image


def without_edge(value: Any) -> Any:
    """Return a property of a template by default. Behind the edge, public routes have the authorizer, too."""
    return value["Fn::If"][2] if isinstance(value, dict) else value


def test_routes_of_code_and_template_are_the_same(service_template: Any) -> None:
    declared = {
        body["Properties"]["RouteKey"]: without_edge(body["Properties"]["AuthorizationType"])
        for body in service_template("storage")["Resources"].values()
        if body["Type"] == "AWS::ApiGatewayV2::Route"
    }
    served = {route.route_key: "CUSTOM" if route.scope else "NONE" for route in ROUTES}
    assert declared == served | {key.replace("GET ", "HEAD "): kind for key, kind in served.items()}


# From the table's stream to the event ------------------------------------------------------------------------------


def stream_record(gallery: DynamoGallery) -> dict[str, Any]:
    [item] = boto3.client("dynamodb").scan(TableName="gallery")["Items"]
    return {"eventID": "1", "eventName": "MODIFY", "dynamodb": {"Keys": {"pk": item["pk"]}, "NewImage": item}}


def test_a_deletion_removes_files_that_a_late_approval_cannot_restore(ada: Caller, gallery: DynamoGallery) -> None:
    content = encode(gradient())
    s3 = boto3.client("s3")
    s3.put_object(Bucket="handoff", Key=raw_image(content).key, Body=content)
    store = load_function("storage", "store").handler
    event = approved(raw_image(content))
    store({"Records": [sqs_record(event)]})
    assert s3.list_objects_v2(Bucket="gallery")["KeyCount"] == 3

    assert ada("DELETE", f"/v1/images/{IMAGE}")[0] == 204
    record = stream_record(gallery)
    load_function("storage", "relay").handler({"Records": [record, record]}, None)
    bodies = [message["Body"] for message in receive_all("queue")]
    assert len(bodies) == 2
    assert json.loads(bodies[0]) == json.loads(bodies[1]), "the same event, however often the stream is read"
    assert load_function("storage", "remove").handler({"Records": [sqs_record(body) for body in bodies]}) == {
        "batchItemFailures": []
    }
    assert s3.list_objects_v2(Bucket="gallery")["KeyCount"] == 0

    assert store({"Records": [sqs_record(event)]}) == {"batchItemFailures": []}
    assert s3.list_objects_v2(Bucket="gallery")["KeyCount"] == 0
    assert ada("GET", f"/v1/images/{IMAGE}")[0] == 404
    assert receive_all("dead") == []


def test_an_unreadable_record_does_not_block_the_others(ada: Caller, gallery: DynamoGallery) -> None:
    gallery.add([entry()])
    ada("DELETE", f"/v1/images/{IMAGE}")
    good = stream_record(gallery)
    strange = {"pk": {"S": "image#1"}, "deleted_at": {"S": "never"}, "prompt": {"S": "secret wish"}}
    bad = {"eventID": "2", "eventName": "MODIFY", "dynamodb": {"Keys": {"pk": strange["pk"]}, "NewImage": strange}}
    load_function("storage", "relay").handler({"Records": [bad, good]}, None)
    [message] = receive_all("queue")
    assert json.loads(message["Body"])["detail"]["data"] == {"image_id": IMAGE, "reason": "owner"}
    [letter] = receive_all("dead")
    assert letter["MessageAttributes"]["step"]["StringValue"] == "storage.relay"
    assert "secret wish" not in str(letter)
