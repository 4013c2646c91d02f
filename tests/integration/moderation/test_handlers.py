"""The moderation functions as deployed: verdicts, events and AWS calls."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import urlopen

import boto3
import pytest

from events.catalog.image_generated import ImageGenerated
from events.catalog.image_requested import ImageRequested
from kit.handoff import sha256
from local.bedrock import ModelServer
from local.bedrock.guardrail import GUARDRAIL_ID, GUARDRAIL_VERSION
from services.moderation.gateways import RekognitionDetector
from services.moderation.policy import PolicyError, load_policy
from tests.integration.moderation.conftest import png
from tests.support.events import RecordingBus, sample, sqs_record
from tests.support.functions import load_function, unload_functions
from tests.support.sealing import create_owner_keys, sealed
from tests.unit.moderation.fakes import raw_image

MODEL = "us.anthropic.claude-haiku-5-5"


def fault(stand_in: ModelServer, **rule: Any) -> None:
    stand_in.service.faults.add(rule)


Load = Callable[[str], Any]


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> RecordingBus:
    """Return the bus of every function that is loaded."""
    bus = RecordingBus()
    monkeypatch.setattr("kit.consumer.aws.Publisher", lambda *_: bus)
    return bus


@pytest.fixture
def load(
    table: str, detector: RekognitionDetector, bus: RecordingBus, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Load]:
    """Import a function as a cold start does, with a recording bus."""
    create_owner_keys(boto3.client("dynamodb"), "owner-keys", "demo")
    for name, value in {
        "TABLE_NAME": table,
        "POLICY": "default",
        "SHADOW_POLICY": "candidate",
        "OWNER_KEYS_TABLE_NAME": "owner-keys",
        "MODERATION_MODEL_ID": MODEL,
        "HANDOFF_BUCKET_NAME": "handoff",
        "IMAGE_CHECK": "on",
        "EVENT_BUS_NAME": "bus",
        "QUEUE_URL": boto3.client("sqs").create_queue(QueueName="queue")["QueueUrl"],
        "DEAD_LETTER_QUEUE_URL": boto3.client("sqs").create_queue(QueueName="dead")["QueueUrl"],
    }.items():
        monkeypatch.setenv(name, value)

    yield lambda name: load_function("moderation", name).handler
    unload_functions("moderation")


def requested(prompt: str) -> ImageRequested:
    example = sample("ImageRequested")
    assert isinstance(example, ImageRequested)
    parameters = example.data.parameters.model_copy(update={"prompt": sealed(prompt)})
    an_hour_ago = example.metadata.model_copy(update={"occurred_at": datetime.now(UTC) - timedelta(hours=1)})
    data = example.data.model_copy(update={"parameters": parameters})
    return example.model_copy(update={"data": data, "metadata": an_hour_ago})


def generated(key: str = "raw/r/0-abc", content: bytes = b"") -> ImageGenerated:
    example = sample("ImageGenerated")
    assert isinstance(example, ImageGenerated)
    image = raw_image(key).model_copy(update={"sha256": sha256(content), "bytes": len(content)})
    outcomes = [example.data.outcomes[0].model_copy(update={"image": image}), *example.data.outcomes[1:]]
    return example.model_copy(update={"data": example.data.model_copy(update={"outcomes": outcomes})})


def calls(stand_in: ModelServer) -> dict[str, int]:
    with urlopen(f"{stand_in.url}/_calls") as response:
        return dict(json.load(response)["counts"]["by_operation"])


def test_a_prompt_delivered_twice_is_screened_once(load: Load, bus: RecordingBus, stand_in: ModelServer) -> None:
    prompt = load("prompt")
    message = sqs_record(requested("A lighthouse at dusk"))
    assert prompt({"Records": [message]}) == prompt({"Records": [message]}) == {"batchItemFailures": []}
    first, second = bus.events
    assert first == second
    assert first.detail_type == "PromptApproved"
    assert calls(stand_in) == {"converse": 1}


def test_a_keyword_is_rejected_without_a_call(load: Load, bus: RecordingBus, stand_in: ModelServer) -> None:
    prompt = load("prompt")
    prompt({"Records": [sqs_record(requested("a g-a-n-g-b-a-n-g"))]})
    (rejected,) = bus.events
    assert (rejected.data.layer, rejected.data.category, rejected.data.field) == ("keywords", "sexual", "prompt")
    assert calls(stand_in) == {}


def test_a_harmless_image_is_approved(load: Load, bus: RecordingBus) -> None:
    image = load("image")
    image({"Records": [sqs_record(generated())]})
    (approved,) = bus.events
    assert (approved.detail_type, approved.data.layers) == ("ImageApproved", ["rekognition"])


def test_a_flagged_image_is_rejected_and_deleted(load: Load, bus: RecordingBus, stand_in: ModelServer) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="handoff")
    for key in ("raw/r/0-abc", "raw/r/1-def"):
        s3.put_object(Bucket="handoff", Key=key, Body=b"")
    fault(stand_in, operation="detect", effect="flag", labels=["Explicit Nudity"])
    image = load("image")
    image({"Records": [sqs_record(generated())]})
    (rejected,) = bus.events
    assert (rejected.detail_type, rejected.data.category) == ("ImageRejected", "sexual")
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="handoff")["Contents"]] == ["raw/r/1-def"]


@pytest.fixture
def guardrail(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the guardrail with which functions are loaded."""
    name = f"{GUARDRAIL_ID}:{GUARDRAIL_VERSION}"
    monkeypatch.setenv("GUARDRAIL", name)
    return name


def test_a_guardrail_blocks_what_claude_allows(
    load: Load, bus: RecordingBus, stand_in: ModelServer, guardrail: str, table: str
) -> None:
    prompt = load("prompt")
    message = sqs_record(requested("A birthday card for ada@example.com"))
    assert prompt({"Records": [message]}) == prompt({"Records": [message]}) == {"batchItemFailures": []}
    rejected, again = bus.events
    (item,) = boto3.client("dynamodb").scan(TableName=table)["Items"]

    assert rejected == again
    assert (rejected.data.layer, rejected.data.category, rejected.data.reason, rejected.data.counts_as_blocked) == (
        "guardrail",
        "unclassified",
        "guardrail_intervened",
        False,
    )
    assert rejected.data.policy_version == f"{load_policy('default').version}+{guardrail}"
    assert item["policy_version"]["S"] == rejected.data.policy_version
    assert "ada@example.com" not in f"{item}{rejected}"
    assert calls(stand_in) == {"converse": 1, "guardrail": 1}


def test_what_claude_blocks_takes_no_call_of_the_guardrail(
    load: Load, bus: RecordingBus, stand_in: ModelServer, guardrail: str
) -> None:
    load("prompt")({"Records": [sqs_record(requested("a bloody pile of severed things after a massacre"))]})
    assert bus.events[0].data.layer == "claude"
    assert calls(stand_in) == {"converse": 1}


@pytest.mark.parametrize("rule", [{"effect": "throttle"}, {"effect": "access_denied"}, {"effect": "unscreened"}])
def test_a_guardrail_that_cannot_be_asked_lets_nothing_pass(
    load: Load, bus: RecordingBus, stand_in: ModelServer, guardrail: str, rule: dict[str, str]
) -> None:
    fault(stand_in, operation="guardrail", times=1, **rule)
    prompt, message = load("prompt"), sqs_record(requested("A lighthouse at dusk"))
    assert len(prompt({"Records": [message]})["batchItemFailures"]) == 1
    assert bus.events == []
    prompt({"Records": [message]})
    assert bus.events[0].data.layers == ["keywords", "claude", "guardrail"]


@pytest.mark.parametrize("image_check", ["on", "off"])
def test_an_image_that_the_guardrail_blocks_is_rejected_and_deleted(
    load: Load,
    bus: RecordingBus,
    stand_in: ModelServer,
    guardrail: str,
    image_check: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IMAGE_CHECK", image_check)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="handoff")
    s3.put_object(Bucket="handoff", Key="raw/r/0-abc", Body=png())
    fault(stand_in, operation="guardrail_image", effect="intervene", labels=["HATE"], times=1)
    image, message = load("image"), sqs_record(generated(content=png()))
    assert image({"Records": [message]}) == image({"Records": [message]}) == {"batchItemFailures": []}
    rejected, again = bus.events

    assert rejected == again
    assert (rejected.detail_type, rejected.data.layer, rejected.data.category) == ("ImageRejected", "guardrail", "hate")
    assert rejected.data.policy_version.endswith(f"+{guardrail}")
    assert s3.list_objects_v2(Bucket="handoff")["KeyCount"] == 0
    assert calls(stand_in) == {"guardrail_image": 1, **({"detect": 1} if image_check == "on" else {})}


def test_an_image_that_the_guardrail_passes_is_kept(
    load: Load, bus: RecordingBus, stand_in: ModelServer, guardrail: str
) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="handoff")
    s3.put_object(Bucket="handoff", Key="raw/r/0-abc", Body=png())
    load("image")({"Records": [sqs_record(generated(content=png()))]})
    assert bus.events[0].data.layers == ["rekognition", "guardrail"]
    assert s3.list_objects_v2(Bucket="handoff")["KeyCount"] == 1


def test_a_missing_image_is_dead_lettered_with_its_reason(load: Load, bus: RecordingBus) -> None:
    image = load("image")
    assert image({"Records": [sqs_record(generated("raw/r/9-missing"))]}) == {"batchItemFailures": []}
    (stalled,) = bus.events
    assert (stalled.detail_type, stalled.data.error) == ("ProcessingStalled", "UnprocessableError")
    assert "raw/r/9-missing" in stalled.data.reason


def test_with_the_check_off_rekognition_is_not_called(
    load: Load, bus: RecordingBus, stand_in: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE_CHECK", "off")
    image = load("image")
    image({"Records": [sqs_record(generated("raw/r/9-missing"))]})
    (approved,) = bus.events
    assert (approved.detail_type, approved.data.layers) == ("ImageApproved", [])
    assert calls(stand_in) == {}


def test_a_candidate_is_evaluated_and_then_promoted(
    load: Load, bus: RecordingBus, stand_in: ModelServer, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = sqs_record(requested("A pharmacist who would b-u-y f3ntanyl patches"))
    load("prompt")({"Records": [message]})
    (item,) = boto3.client("dynamodb").scan(TableName=table)["Items"]
    shadow = item["shadow"]["M"]

    assert bus.events[0].data.policy_version == load_policy("default").version
    assert calls(stand_in) == {"converse": 1}
    assert shadow["policy_version"]["S"] == load_policy("candidate").version
    assert (shadow["change"]["S"], shadow["category"]["S"]) == ("newly_blocked", "illegal")
    assert shadow["request_id"]["S"] == bus.events[0].metadata.request_id

    unload_functions("moderation")
    monkeypatch.setenv("POLICY", "candidate")
    monkeypatch.setenv("SHADOW_POLICY", "")
    again = requested("A pharmacist who would buy fentanyl patches")
    metadata = again.metadata.model_copy(update={"event_id": "0a5d8a3c-52c4-5f5b-8d1f-0d6a2f0b7c11"})
    load("prompt")({"Records": [sqs_record(again.model_copy(update={"metadata": metadata}))]})
    (_, rejected) = bus.events

    assert (rejected.detail_type, rejected.data.layer, rejected.data.category) == (
        "PromptRejected",
        "keywords",
        "illegal",
    )
    assert rejected.data.policy_version == load_policy("candidate").version
    assert calls(stand_in) == {"converse": 1}


def test_rekognition_is_asked_with_the_lower_confidence(load: Load, stand_in: ModelServer) -> None:
    load("image")
    detector = sys.modules["services.moderation.handlers.image"].layers[0]
    confidences = [load_policy(name).image.min_confidence for name in ("default", "candidate")]
    asked: list[int] = []
    detector._client.meta.events.register(
        "provide-client-params.rekognition", lambda params, **_: asked.append(params["MinConfidence"])
    )
    detector.labels([raw_image()])

    assert asked == [min(confidences)] != [confidences[0]]


def test_a_policy_that_does_not_exist_stops_the_start(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLICY", "strict")
    with pytest.raises(PolicyError, match=r"use one of: candidate, default"):
        load("prompt")
