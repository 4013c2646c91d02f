"""The gallery on the real template, IAM enforced: found, kept, shared, and deleted without a trace."""

import json
import urllib.error
import urllib.request
from email.message import Message
from typing import IO, Any

import pytest

from tests.support.system import Subscriber, System


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Follow nobody."""


def follow(system: System, path: str) -> tuple[int, Message]:
    """GET ``path`` without a key; return the status and headers of its very own answer."""
    try:
        with urllib.request.build_opener(_NoRedirect).open(system.stack.api_url + path, timeout=30) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers


def files_of(system: System, request_id: str) -> list[str]:
    """Return the keys of a request's files in the gallery bucket."""
    bucket = system.outputs["GalleryBucketName"]
    found = system.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"images/{request_id}/")
    return [item["Key"] for item in found.get("Contents", [])]


def listed(system: System, query: str = "") -> list[str]:
    answer = system.call("GET", f"/v1/images?{query}")
    assert answer.status == 200, answer.content
    return [image["id"] for image in answer.json["images"]]


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        content: bytes = answer.read()
    return content


@pytest.fixture(scope="module")
def drawn(stack: System, subscriber: Subscriber) -> Any:
    """Three images of one request, with words no other test uses; somebody listens from the beginning."""
    view = stack.generate("a quokka reading a newspaper", count=3, model="sd3.5-large", seed=5)
    assert view["status"] == "succeeded", view
    return view


def test_images_are_found_by_model_words_and_day_and_pages_follow_one_another(stack: System, drawn: Any) -> None:
    expected = sorted((image["id"] for image in drawn["images"]), reverse=True)
    day = drawn["timeline"][-1]["at"][:10]
    for query in ("q=quokka", "q=QUOKKA%20newspaper", f"day={day}&q=quokka", "model=sd3.5-large&q=quokka"):
        assert listed(stack, query) == expected, query
    first = stack.call("GET", "/v1/images?q=quokka&limit=2").json
    assert [image["id"] for image in first["images"]] == expected[:2]
    assert listed(stack, f"q=quokka&limit=2&cursor={first['next_cursor']}") == expected[2:]
    assert fetch(first["images"][0]["thumbnail_url"])[8:12] == b"WEBP"
    assert listed(stack, "model=sd3.5-large&limit=3") == expected, "nobody has drawn with it since"
    assert listed(stack, "q=quokka%20unicorn") == []


def test_a_favourite_is_one_on_the_real_thing(stack: System, drawn: Any) -> None:
    picture = drawn["images"][1]["id"]
    assert stack.call("PUT", f"/v1/images/{picture}/favourite").status == 204
    assert listed(stack, "favourite=true") == [picture]
    assert stack.call("GET", f"/v1/images/{picture}").json["favourite"] is True
    assert stack.call("DELETE", f"/v1/images/{picture}/favourite").status == 204
    assert listed(stack, "favourite=true") == []


def test_a_share_link_needs_no_key_and_stops_when_it_is_revoked(stack: System, drawn: Any) -> None:
    picture = drawn["images"][0]["id"]
    answer = stack.call("POST", f"/v1/images/{picture}/shares", {"expires_in_seconds": 600})
    assert answer.status == 201, answer.content
    status, headers = follow(stack, answer.json["url"])
    assert (status, headers["cache-control"]) == (302, "no-store")
    assert fetch(headers["location"]) == fetch(drawn["images"][0]["display_url"])
    assert stack.call("DELETE", answer.json["links"]["self"]).status == 204
    assert follow(stack, answer.json["url"])[0] == 404


def test_a_deleted_image_is_gone_with_its_files_and_links_and_the_world_is_told(
    stack: System, subscriber: Subscriber, drawn: Any
) -> None:
    picture, request_id = drawn["images"][2]["id"], drawn["id"]
    share = stack.call("POST", f"/v1/images/{picture}/shares", {}).json["url"]
    assert len(files_of(stack, request_id)) == 9
    for _ in range(2):
        assert stack.call("DELETE", f"/v1/images/{picture}").status == 204

    stack.wait_until(lambda: len(files_of(stack, request_id)) == 6, what="the files to be gone")
    [event] = stack.wait_until(lambda: subscriber.bodies(request_id, "ImageDeleted"), what="ImageDeleted")
    assert json.loads(event)["detail"]["data"] == {"image_id": picture, "reason": "owner"}
    assert stack.call("GET", f"/v1/images/{picture}").status == 404
    assert follow(stack, share)[0] == 404
    assert picture not in listed(stack, "q=quokka")

    # The approval comes once more, long after everybody had done with it.
    [approval] = subscriber.bodies(request_id, "ImageApproved")
    stack.send("storage-store", approval)
    stack.wait_until(lambda: stack.queue_depth("storage-store") == 0, what="the redelivery")
    assert stack.call("GET", f"/v1/images/{picture}").status == 404
    assert len(files_of(stack, request_id)) == 6
    assert stack.queue_depth("storage-remove-dlq") == 0
