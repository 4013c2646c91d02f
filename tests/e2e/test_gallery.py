"""The gallery of the deployed system: images are found, marked, shared and deleted."""

import json
from typing import Any

import pytest

from tests.support.system import Subscriber, System, download


def files_of(system: System, request_id: str) -> list[str]:
    """Return the keys of a request's files in the gallery bucket."""
    bucket = system.outputs["GalleryBucketName"]
    found = system.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"images/{request_id}/")
    return [item["Key"] for item in found.get("Contents", [])]


def listed(system: System, query: str = "") -> list[str]:
    response = system.call("GET", f"/v1/images?{query}")
    assert response.status == 200, response.content
    return [image["id"] for image in response.json["images"]]


@pytest.fixture(scope="module")
def generated(stack: System, subscriber: Subscriber) -> Any:
    """Generate three images whose prompt has words of its own, while the subscriber receives events."""
    view = stack.generate("a quokka reading a newspaper", count=3, model="sd3.5-large", seed=5)
    assert view["status"] == "succeeded", view
    return view


def test_images_are_found_by_model_words_and_day_in_pages(stack: System, generated: Any) -> None:
    expected = sorted((image["id"] for image in generated["images"]), reverse=True)
    day = generated["timeline"][-1]["at"][:10]
    for query in ("q=quokka", "q=QUOKKA%20newspaper", f"day={day}&q=quokka", "model=sd3.5-large&q=quokka"):
        assert listed(stack, query) == expected, query
    first = stack.call("GET", "/v1/images?q=quokka&limit=2").json
    assert [image["id"] for image in first["images"]] == expected[:2]
    assert listed(stack, f"q=quokka&limit=2&cursor={first['next_cursor']}") == expected[2:]
    assert download(first["images"][0]["thumbnail_url"])[8:12] == b"WEBP"
    assert listed(stack, "model=sd3.5-large&limit=3") == expected, "no other test uses this model before"
    assert listed(stack, "q=quokka%20unicorn") == []


def test_a_favourite_is_set_listed_and_removed(stack: System, generated: Any) -> None:
    image_id = generated["images"][1]["id"]
    assert stack.call("PUT", f"/v1/images/{image_id}/favourite").status == 204
    assert listed(stack, "favourite=true") == [image_id]
    assert stack.call("GET", f"/v1/images/{image_id}").json["favourite"] is True
    assert stack.call("DELETE", f"/v1/images/{image_id}/favourite").status == 204
    assert listed(stack, "favourite=true") == []


def test_a_share_link_needs_no_key_and_stops_when_it_is_revoked(stack: System, generated: Any) -> None:
    image_id = generated["images"][0]["id"]
    response = stack.call("POST", f"/v1/images/{image_id}/shares", {"expires_in_seconds": 600})
    assert response.status == 201, response.content
    status, headers = stack.follow(response.json["url"])
    assert (status, headers["cache-control"]) == (302, "no-store")
    assert download(headers["location"]) == download(generated["images"][0]["display_url"])
    assert stack.call("DELETE", response.json["links"]["self"]).status == 204
    assert stack.follow(response.json["url"])[0] == 404


def test_a_deleted_image_loses_its_files_and_links_and_is_announced(
    stack: System, subscriber: Subscriber, generated: Any
) -> None:
    image_id, request_id = generated["images"][2]["id"], generated["id"]
    share = stack.call("POST", f"/v1/images/{image_id}/shares", {}).json["url"]
    assert len(files_of(stack, request_id)) == 9
    for _ in range(2):
        assert stack.call("DELETE", f"/v1/images/{image_id}").status == 204

    stack.wait_until(lambda: len(files_of(stack, request_id)) == 6, what="the files to be gone")
    [event] = stack.wait_until(lambda: subscriber.bodies(request_id, "ImageDeleted"), what="ImageDeleted")
    assert json.loads(event)["detail"]["data"] == {"image_id": image_id, "reason": "owner"}
    assert stack.call("GET", f"/v1/images/{image_id}").status == 404
    assert stack.follow(share)[0] == 404
    assert image_id not in listed(stack, "q=quokka")

    # The approval is delivered again after the image was deleted.
    [approval] = subscriber.bodies(request_id, "ImageApproved")
    stack.send("storage-store", approval)
    stack.wait_until(lambda: stack.queue_depth("storage-store") == 0, what="the redelivery")
    assert stack.call("GET", f"/v1/images/{image_id}").status == 404
    assert len(files_of(stack, request_id)) == 6
    assert stack.queue_depth("storage-remove-dlq") == 0
