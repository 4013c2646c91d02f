"""The main job on the real template, IAM enforced: a prompt in, checked and stored image files out."""

import gzip
import hashlib
import json
import re
import urllib.request
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from tests.e2e.system import Answer, System

STEPS = ["ImageRequested", "PromptApproved", "ImageGenerated", "ImageApproved", "ImageStored"]


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        content: bytes = answer.read()
    return content


def test_a_prompt_becomes_image_files_that_open(stack: System) -> None:
    answer = stack.call("POST", "/v1/requests", {"prompt": "a lighthouse at dusk", "aspect_ratio": "16:9", "seed": 7})
    assert answer.status == 202
    assert answer.headers["location"] == answer.json["links"]["self"]
    request_id = answer.json["id"]

    view = stack.wait_for_status(request_id, "succeeded")

    assert [moment["event"] for moment in view["timeline"]] == STEPS
    (image,) = view["images"]
    assert (image["model"], image["seed"]) == ("stable-image-core", 7)
    sizes = {"url": ("PNG", 1344), "display_url": ("WEBP", 1024), "thumbnail_url": ("WEBP", 320)}
    for name, (kind, width) in sizes.items():
        with Image.open(BytesIO(fetch(image[name]))) as picture:
            picture.load()
            assert (picture.format, picture.width) == (kind, width)
    assert len(image["placeholder"]) > 6


def test_a_stored_file_says_what_made_it(stack: System) -> None:
    view = stack.draw("a fox in the snow", seed=11)
    with Image.open(BytesIO(fetch(view["images"][0]["url"]))) as picture:
        xmp = str(picture.info["XML:com.adobe.xmp"])
    assert "trainedAlgorithmicMedia" in xmp
    for fact in (view["id"], "stable-image-core", "11"):
        assert fact in xmp
    assert "a fox in the snow" not in xmp, "the prompt itself is personal data"


def test_several_images_differ_and_come_from_one_request(stack: System) -> None:
    view = stack.draw("four seasons of one tree", count=4, seed=100)
    assert [image["seed"] for image in view["images"]] == [100, 101, 102, 103]
    assert len({hashlib.sha256(fetch(image["url"])).hexdigest() for image in view["images"]}) == 4


def test_the_gallery_shows_what_the_request_shows(stack: System) -> None:
    view = stack.draw("a teapot on a blue table")
    shown = stack.call("GET", f"/v1/images/{view['images'][0]['id']}")
    assert shown.status == 200
    assert shown.json["prompt"] == "a teapot on a blue table"
    assert fetch(shown.json["original"]["url"]) == fetch(view["images"][0]["url"])
    assert stack.call("GET", "/v1/images/01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04-0").status == 404


@pytest.mark.parametrize(
    ("prompt", "layer"),
    [
        pytest.param("n4k3d w0man, p.o.r.n", "keywords", id="keyword-filter"),
        pytest.param("a realistic photo of the president being arrested", "claude", id="claude"),
    ],
)
def test_a_rejected_prompt_says_category_and_field_and_costs_no_image(stack: System, prompt: str, layer: str) -> None:
    before = stack.models("GET", "/_calls")["counts"]
    view = stack.draw(prompt)

    assert view["status"] == "rejected"
    assert view["reason"]["field"] == "prompt"
    assert view["reason"]["category"]
    assert view["timeline"][-1]["note"].startswith(layer)
    after = stack.models("GET", "/_calls")["counts"]
    assert after["by_operation"].get("invoke", 0) == before["by_operation"].get("invoke", 0)
    asked = after["by_operation"].get("converse", 0) - before["by_operation"].get("converse", 0)
    assert asked == (0 if layer == "keywords" else 1), "the keyword filter spares the call to Claude"


@pytest.mark.parametrize("effect", ["refuse", "malformed"])
def test_moderation_fails_closed(stack: System, effect: str) -> None:
    prompt = f"a harmless meadow {effect}"
    stack.models("POST", "/_faults", {"operation": "converse", "effect": effect, "prompt_contains": prompt})
    view = stack.draw(prompt)
    assert view["status"] == "rejected"
    assert view["reason"]["code"] != "category_blocked"


@pytest.mark.parametrize("effect", ["filter_input", "filter_output"])
def test_a_filtered_image_is_a_rejection_that_is_not_retried(stack: System, effect: str) -> None:
    prompt = f"a image that the model will not show {effect}"
    stack.models("POST", "/_faults", {"operation": "invoke", "effect": effect, "prompt_contains": prompt})
    view = stack.draw(prompt)
    assert view["status"] == "rejected"
    assert view["reason"]["code"] == "content_filtered"
    digest = hashlib.sha256(prompt.encode()).hexdigest()
    calls = [call for call in stack.models("GET", "/_calls")["calls"] if call["prompt_sha256"] == digest]
    assert sum(call["operation"] == "invoke" for call in calls) == 1


def test_a_model_that_has_ended_is_succeeded_by_another(stack: System) -> None:
    view = stack.draw("an owl in moonlight", model="nova-canvas", size="1024x1024")
    assert view["status"] == "succeeded"
    assert view["images"][0]["model"] == "stable-image-core"


def test_a_model_that_has_ended_fails_where_only_it_was_asked_for(stack: System) -> None:
    view = stack.draw("an owl in moonlight", model="nova-canvas", failover=False)
    assert (view["status"], view["reason"]["code"]) == ("failed", "model_end_of_life")


@pytest.mark.parametrize(
    "model", ["sdxl-v1", "titan-v1", "titan-v2", "nova-canvas", "sd3.5-large", "stable-image-ultra"]
)
def test_every_model_of_the_catalog_draws(stack: System, model: str) -> None:
    stack.models("POST", "/_lifecycle", {"*": "ACTIVE"})
    view = stack.draw("a sailing boat", model=model, failover=False)
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
        ({"prompt": "a", "colour": "red"}, 422, "colour"),
        ({"prompt": "a", "model": "dall-e"}, 422, "model"),
        ({"prompt": "a", "model": "sdxl-v1", "size": "13x13"}, 422, "size"),
        ({"prompt": "a", "seed": -1}, 422, "seed"),
        ({"prompt": "x" * 200_000}, 413, "body"),
    ],
)
def test_bad_input_is_refused_by_field_and_nothing_is_written(
    stack: System, body: Any, status: int, field: str
) -> None:
    def written() -> int:
        answer = stack.client("dynamodb").scan(TableName=f"{stack.prefix}-requests", Select="COUNT")
        return int(answer["Count"])

    before = written()
    answer: Answer = stack.call("POST", "/v1/requests", body)
    assert answer.status == status, answer.content
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert written() == before


def test_an_unknown_request_is_a_404(stack: System) -> None:
    assert stack.call("GET", "/v1/requests/01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04").status == 404
    assert stack.call("GET", "/v1/requests/..%2f..").status == 404


def test_analytics_counts_every_event_and_keeps_no_prompt(stack: System) -> None:
    prompt = "a very particular zeppelin over Reykjavík"
    view = stack.draw(prompt)
    account = stack.client("sts").get_caller_identity()["Account"]
    bucket = f"{stack.prefix}-analytics-{account}-us-east-1"

    def archived() -> list[dict[str, Any]] | None:
        listed = stack.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
        lines = [
            line
            for found in listed
            for line in gzip.decompress(
                stack.client("s3").get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
            ).splitlines()
        ]
        assert prompt.encode() not in b"\n".join(lines)
        events = [json.loads(line) for line in lines if view["id"].encode() in line]
        kinds = {event.get("detail-type") or event.get("detail_type") for event in events}
        return events if kinds >= set(STEPS) else None

    stack.wait_until(archived, seconds=30, what="every event of the request in the archive")


def test_logs_and_dead_letters_hold_no_prompt(stack: System) -> None:
    secret = "xylophone-playing walrus in Ouagadougou"
    stack.draw(secret)
    stack.draw(f"{secret}, p0rn")
    logs = stack.client("logs")
    for group in logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{stack.prefix}")["logGroups"]:
        for event in logs.filter_log_events(logGroupName=group["logGroupName"])["events"]:
            assert not re.search("xylophone|walrus|Ouagadougou", event["message"]), group["logGroupName"]
