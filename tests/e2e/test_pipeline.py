"""The pipeline of the deployed system: from a prompt to checked and stored image files."""

import gzip
import hashlib
import json
import re
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from tests.support.system import Response, System, download

STEPS = ["ImageRequested", "PromptApproved", "ImageGenerated", "ImageApproved", "ImageStored"]


def test_a_prompt_becomes_image_files_that_open(stack: System) -> None:
    response = stack.call("POST", "/v1/requests", {"prompt": "a lighthouse at dusk", "aspect_ratio": "16:9", "seed": 7})
    assert response.status == 202
    assert response.headers["location"] == response.json["links"]["self"]
    request_id = response.json["id"]

    view = stack.wait_for_status(request_id, "succeeded")

    assert [moment["event"] for moment in view["timeline"]] == STEPS
    (image,) = view["images"]
    assert (image["model"], image["seed"]) == ("stable-image-core", 7)
    sizes = {"url": ("PNG", 1344), "display_url": ("WEBP", 1024), "thumbnail_url": ("WEBP", 320)}
    for name, (kind, width) in sizes.items():
        with Image.open(BytesIO(download(image[name]))) as image_file:
            image_file.load()
            assert (image_file.format, image_file.width) == (kind, width)
    assert len(image["placeholder"]) > 6


def test_a_stored_file_states_its_origin(stack: System) -> None:
    view = stack.generate("a fox in the snow", seed=11)
    with Image.open(BytesIO(download(view["images"][0]["url"]))) as image_file:
        xmp = str(image_file.info["XML:com.adobe.xmp"])
    assert "trainedAlgorithmicMedia" in xmp
    for text in (view["id"], "stable-image-core", "11"):
        assert text in xmp
    assert "a fox in the snow" not in xmp, "the prompt itself is personal data"


def test_several_images_differ_and_come_from_one_request(stack: System) -> None:
    view = stack.generate("four seasons of one tree", count=4, seed=100)
    assert [image["seed"] for image in view["images"]] == [100, 101, 102, 103]
    assert len({hashlib.sha256(download(image["url"])).hexdigest() for image in view["images"]}) == 4


def test_the_gallery_shows_what_the_request_shows(stack: System) -> None:
    view = stack.generate("a teapot on a blue table")
    shown = stack.call("GET", f"/v1/images/{view['images'][0]['id']}")
    assert shown.status == 200
    assert shown.json["prompt"] == "a teapot on a blue table"
    assert download(shown.json["original"]["url"]) == download(view["images"][0]["url"])
    assert stack.call("GET", "/v1/images/01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04-0").status == 404


@pytest.mark.parametrize(
    ("prompt", "layer"),
    [
        pytest.param("h3nt4i, p.0.r.n s.t.a.r", "keywords", id="keyword-filter"),
        pytest.param("a realistic photo of the president being arrested", "claude", id="claude"),
    ],
)
def test_a_rejected_prompt_has_category_and_field_and_costs_no_image(stack: System, prompt: str, layer: str) -> None:
    before = stack.models("GET", "/_calls")["counts"]
    view = stack.generate(prompt)

    assert view["status"] == "rejected"
    assert view["reason"]["field"] == "prompt"
    assert view["reason"]["category"]
    assert view["timeline"][-1]["note"].startswith(layer)
    after = stack.models("GET", "/_calls")["counts"]
    assert after["by_operation"].get("invoke", 0) == before["by_operation"].get("invoke", 0)
    calls = after["by_operation"].get("converse", 0) - before["by_operation"].get("converse", 0)
    assert calls == (0 if layer == "keywords" else 1), "the keyword filter saves the call to Claude"


@pytest.mark.parametrize("effect", ["refuse", "malformed"])
def test_moderation_fails_closed(stack: System, effect: str) -> None:
    prompt = f"a harmless meadow {effect}"
    stack.models("POST", "/_faults", {"operation": "converse", "effect": effect, "prompt_contains": prompt})
    view = stack.generate(prompt)
    assert view["status"] == "rejected"
    assert view["reason"]["code"] != "category_blocked"


def test_a_prompt_that_claude_does_not_accept_is_rejected(stack: System) -> None:
    prompt = "an endless story about a harmless meadow"
    stack.models("POST", "/_faults", {"operation": "converse", "effect": "too_long", "prompt_contains": prompt})
    view = stack.generate(prompt)
    assert (view["status"], view["reason"]["code"]) == ("rejected", "text_not_accepted")
    assert stack.call("POST", "/v1/moderations", {"prompt": prompt}).status == 422
    assert stack.call("POST", "/v1/moderations", {"prompt": "a harmless meadow"}).json["allowed"] is True


def test_a_body_of_60_kb_that_becomes_360_000_characters_is_refused(stack: System) -> None:
    before = stack.models("GET", "/_calls")["counts"]["by_operation"].get("converse", 0)
    body = {"prompt": "\ufdfa" * 10_000, "negative_prompt": "\ufdfa" * 10_000}
    assert len(json.dumps(body, ensure_ascii=False).encode()) > 60_000
    for path in ("/v1/requests", "/v1/moderations"):
        response = stack.call("POST", path, body)
        assert response.status == 422
        assert [error["field"] for error in response.json["errors"]] == ["prompt", "negative_prompt"]
    assert stack.models("GET", "/_calls")["counts"]["by_operation"].get("converse", 0) == before


@pytest.mark.parametrize("effect", ["filter_input", "filter_output"])
def test_an_image_filtered_by_the_model_is_rejected_without_a_retry(stack: System, effect: str) -> None:
    prompt = f"an image that the model will not show {effect}"
    stack.models("POST", "/_faults", {"operation": "invoke", "effect": effect, "prompt_contains": prompt})
    view = stack.generate(prompt)
    assert view["status"] == "rejected"
    assert view["reason"]["code"] == "content_filtered"
    digest = hashlib.sha256(prompt.encode()).hexdigest()
    calls = [call for call in stack.models("GET", "/_calls")["calls"] if call["prompt_sha256"] == digest]
    assert sum(call["operation"] == "invoke" for call in calls) == 1


def test_a_raw_image_that_moderation_rejects_is_deleted(stack: System) -> None:
    rule = {"operation": "detect", "effect": "flag", "labels": ["Explicit Nudity"], "times": 1}
    stack.models("POST", "/_faults", rule)
    rejected, kept = (stack.generate(prompt) for prompt in ("a marble statue", "a marble floor"))

    assert (rejected["status"], rejected["reason"]["category"], kept["status"]) == ("rejected", "sexual", "succeeded")
    for view, count in ((rejected, 0), (kept, 1)):
        bucket = stack.outputs["HandoffBucketName"]
        listed = stack.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"raw/{view['id']}/")
        assert listed["KeyCount"] == count


def test_another_model_replaces_one_at_its_end_of_life(stack: System) -> None:
    view = stack.generate("an owl in moonlight", model="nova-canvas", size="1024x1024")
    assert view["status"] == "succeeded"
    assert view["images"][0]["model"] == "stable-image-core"


def test_a_model_at_its_end_of_life_fails_without_failover(stack: System) -> None:
    view = stack.generate("an owl in moonlight", model="nova-canvas", failover=False)
    assert (view["status"], view["reason"]["code"]) == ("failed", "model_end_of_life")


@pytest.mark.parametrize(
    "model", ["sdxl-v1", "titan-v1", "titan-v2", "nova-canvas", "sd3.5-large", "stable-image-ultra"]
)
def test_every_model_of_the_catalog_generates(stack: System, model: str) -> None:
    stack.models("POST", "/_lifecycle", {"*": "ACTIVE"})
    view = stack.generate("a sailing boat", model=model, failover=False)
    assert view["images"][0]["model"] == model


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 400, "body"),
        (b'{"prompt": "\xff\xfe"}', 422, "prompt"),
        (b"[]", 422, "body"),
        ({"prompt": 7}, 422, "prompt"),
        ({"prompt": ""}, 422, "prompt"),
        ({"prompt": "x" * 20_000}, 422, "prompt"),
        ({"prompt": "a fox", "negative_prompt": "\ufdfa" * 10_000}, 422, "negative_prompt"),
        ({"prompt": "a", "colour": "red"}, 422, "colour"),
        ({"prompt": "a", "model": "dall-e"}, 422, "model"),
        ({"prompt": "a", "model": "sdxl-v1", "size": "13x13"}, 422, "size"),
        ({"prompt": "a", "seed": -1}, 422, "seed"),
        ({"prompt": "x" * 300_000}, 413, "body"),
    ],
)
def test_invalid_input_is_refused_by_field_and_writes_nothing(
    stack: System, body: Any, status: int, field: str
) -> None:
    def written() -> int:
        response = stack.client("dynamodb").scan(TableName=f"{stack.prefix}-requests", Select="COUNT")
        return int(response["Count"])

    before = written()
    response: Response = stack.call("POST", "/v1/requests", body)
    assert response.status == status, response.content
    assert response.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in response.json["errors"]] == [field]
    assert written() == before


def test_an_unknown_request_is_a_404(stack: System) -> None:
    assert stack.call("GET", "/v1/requests/01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04").status == 404
    assert stack.call("GET", "/v1/requests/..%2f..").status == 404


def test_analytics_archives_every_event_without_the_prompt(stack: System) -> None:
    archive = Archive(stack)
    archive.read_new()  # objects of other tests: written once and never changed, so they cannot hold this prompt
    prompt = "a very particular zeppelin over Reykjavík"
    view = stack.generate(prompt)
    events: list[dict[str, Any]] = []

    def complete() -> bool:
        for line in archive.read_new():
            assert prompt not in line
            if view["id"] in line:
                events.append(json.loads(line))
        return {event["detail-type"] for event in events} >= set(STEPS)

    stack.wait_until(complete, what="every event of the request in the archive")


class Archive:
    """The archive of analytics, of which every object is read once."""

    def __init__(self, stack: System) -> None:
        self._s3 = stack.client("s3")
        account = stack.client("sts").get_caller_identity()["Account"]
        self._bucket = f"{stack.prefix}-analytics-{account}-us-east-1"
        self._read: set[str] = set()

    def read_new(self) -> list[str]:
        """Return the lines of the objects that were added since the last call."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix="events/day=")
        keys = {found["Key"] for page in pages for found in page.get("Contents", [])} - self._read
        self._read |= keys
        contents = [self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read() for key in keys]
        return [line for content in contents for line in gzip.decompress(content).decode().splitlines()]


def test_logs_and_dead_letters_hold_no_prompt(stack: System) -> None:
    secret = "xylophone-playing walrus in Ouagadougou"
    stack.generate(secret)
    stack.generate(f"{secret}, p0rn")
    logs = stack.client("logs")
    for group in logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{stack.prefix}")["logGroups"]:
        for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]:
            assert not re.search("xylophone|walrus|Ouagadougou", event["message"]), group["logGroupName"]
