"""The audit for bias on moto and the stand-ins: it finds the skew that the painter has, and no other."""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import takewhile
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from local.bedrock import rekognition
from local.bedrock.errors import ServiceError
from local.bedrock.server import ModelServer
from local.painter import Brief, paint
from services.operations.bias.auditing import Face, Result
from services.operations.bias.figures import figures, findings
from services.operations.bias.gateways import OWNER, IntakeFunction, RekognitionFaces
from services.operations.bias.plan import UNSTATED, AuditedModel, Sample, samples
from services.operations.bias.report import markdown
from services.operations.bias.repository import KEPT, BiasResults

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
CORE = AuditedModel("core", Decimal("0.04"))
ROUNDS = 40
SIDE = 96
SAMPLE = Sample("core", Decimal("0.04"), "company director", "age", "elderly", 7)


@pytest.fixture
def table(aws_test_environment: None, service_template: Any) -> Iterator[BiasResults]:
    with mock_aws():
        properties = service_template("operations")["Resources"]["Operations"]["Properties"]
        client = boto3.client("dynamodb")
        names = ("BillingMode", "AttributeDefinitions", "KeySchema")
        client.create_table(TableName="operations", **{name: properties[name] for name in names})
        yield BiasResults(client, "operations")


def test_a_stored_result_is_read_unchanged(table: BiasResults) -> None:
    open_one = Result(SAMPLE, "request-1")
    table.keep("2026-11", open_one, NOW)
    assert table.all("2026-11") == [open_one]
    finished = replace(open_one, outcome="stored", face=Face("unclear", 71))
    table.keep("2026-11", finished, NOW)
    assert table.all("2026-11") == [finished]
    assert table.all("2026-12") == []
    (item,) = boto3.client("dynamodb").scan(TableName="operations")["Items"]
    assert int(item["expires_at"]["N"]) == int((NOW + KEPT).timestamp())


# The stand-ins ----------------------------------------------------------------------------------------------------


class Gallery:
    """Images by key, as the stand-in for Rekognition reads them."""

    def __init__(self) -> None:
        self.images: dict[str, bytes] = {}

    def read(self, _bucket: str, key: str) -> bytes:
        if key not in self.images:
            raise ServiceError(400, "InvalidS3ObjectException", "Unable to get object metadata from S3.")
        return self.images[key]


@pytest.fixture
def gallery(monkeypatch: pytest.MonkeyPatch) -> Gallery:
    made = Gallery()
    monkeypatch.setattr("local.bedrock.server.s3_reader", lambda _: made.read)
    return made


@pytest.fixture
def faces(aws_test_environment: None, gallery: Gallery) -> Iterator[RekognitionFaces]:
    with ModelServer() as running:
        once = Config(retries={"total_max_attempts": 1})
        yield RekognitionFaces(boto3.client("rekognition", endpoint_url=running.url, config=once), "gallery")


def generated(faces: RekognitionFaces, gallery: Gallery, wanted: Iterable[Sample]) -> list[Result]:
    """Return what the painter and the classifier make of samples."""
    results = []
    for sample in wanted:
        gallery.images[sample.id] = paint(Brief(sample.prompt, width=SIDE, height=SIDE, seed=sample.seed))
        results.append(Result(sample, "request", "stored", faces.largest(sample.id)))
    return results


def test_a_planted_skew_is_found_and_a_fair_model_is_not(faces: RekognitionFaces, gallery: Gallery) -> None:
    wanted = [
        each
        for each in takewhile(lambda each: each.seed < ROUNDS, samples([CORE]))
        if each.attribute == UNSTATED or each.seed < 9  # few rounds are enough for the pairs
    ]
    results = generated(faces, gallery, wanted)
    assert all(each.face for each in results)
    found = findings(figures(results))
    assert {(each.measure, each.group) for each in found if each.measure == "women"} == {
        ("women", "nurse"),
        ("women", "cleaner"),
        ("women", "engineer"),
    }
    assert {each.group for each in found if each.measure in {"refused", "as_asked"}} == set()
    assert "**nurse**" in markdown("2026-11", results, [])

    fair = [each for each in results if each.sample.profession in {"teacher", "doctor", "company director"}]
    assert [each for each in findings(figures(fair)) if each.measure == "women"] == []


def test_an_image_without_a_face_counts_for_nothing(faces: RekognitionFaces, gallery: Gallery) -> None:
    gallery.images["landscape"] = paint(Brief("a lighthouse at dusk", width=SIDE, height=SIDE))
    assert faces.largest("landscape") is None


def test_an_image_that_was_deleted_does_not_end_the_run(faces: RekognitionFaces, gallery: Gallery) -> None:
    assert faces.largest("deleted") is None
    gallery.images["broken"] = b"no image"
    assert faces.largest("broken") is None


def test_an_outage_of_the_classifier_is_raised(
    faces: RekognitionFaces, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ServiceError(400, "ThrottlingException", "Slow down")

    monkeypatch.setattr(rekognition, "detect_faces", refuse)
    with pytest.raises(ClientError, match="ThrottlingException"):
        faces.largest("any")


def test_an_uncertain_gender_is_unclear(
    faces: RekognitionFaces, gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = {"Gender": {"Value": "Female", "Confidence": 71.0}, "AgeRange": {"Low": 30, "High": 41}}
    monkeypatch.setattr(rekognition, "detect_faces", lambda *_: {"FaceDetails": [face]})
    assert faces.largest("any") == Face("unclear", 35)


# Intake ----------------------------------------------------------------------------------------------------


class FakeLambda:
    """Returns one response of an HTTP API, or fails."""

    def __init__(self, status: int, body: object, *, fails: bool = False) -> None:
        self.events: list[Any] = []
        self._answer = {"statusCode": status, "body": json.dumps(body)}
        self._fails = fails

    def invoke(self, *, FunctionName: str, Payload: str) -> Any:
        self.events.append(json.loads(Payload))
        failed = {"FunctionError": "Unhandled"} if self._fails else {}
        return {"Payload": io.BytesIO(json.dumps(self._answer).encode()), **failed}


def test_a_sample_is_asked_for_as_the_audit_with_an_idempotency_key() -> None:
    intake = FakeLambda(202, {"id": "request-1"})
    for period in ("2026-11", "2026-11", "2026-12"):
        assert IntakeFunction(intake, "f").create(SAMPLE, period) == "request-1"  # type: ignore[arg-type]
    first, again, other = (event["headers"]["idempotency-key"] for event in intake.events)
    assert first == again != other
    assert intake.events[0]["requestContext"]["authorizer"]["lambda"]["owner"] == OWNER
    assert json.loads(intake.events[0]["body"]) == {
        "prompt": SAMPLE.prompt,
        "model": "core",
        "failover": False,
        "seed": 7,
    }


@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_for_a_while_is_no_error(status: int) -> None:
    intake = IntakeFunction(FakeLambda(status, {"code": "budget_exhausted"}), "f")  # type: ignore[arg-type]
    assert intake.create(SAMPLE, "2026-11") is None


@pytest.mark.parametrize("intake", [FakeLambda(422, {"code": "validation_failed"}), FakeLambda(200, {}, fails=True)])
def test_any_other_refusal_is_raised(intake: FakeLambda) -> None:
    with pytest.raises(RuntimeError, match="POST /v1/requests"):
        IntakeFunction(intake, "f").create(SAMPLE, "2026-11")  # type: ignore[arg-type]


def test_models_that_have_ended_are_not_audited() -> None:
    models = [
        {"key": "ultra", "lifecycle": "active", "price_usd": {"standard": "0.14"}},
        {"key": "core", "lifecycle": "legacy", "price_usd": {"standard": "0.04", "premium": "0.06"}},
        {"key": "old", "lifecycle": "end_of_life", "price_usd": {"standard": "0.01"}},
    ]
    found = IntakeFunction(FakeLambda(200, {"models": models}), "f").models()  # type: ignore[arg-type]
    assert found == [CORE, AuditedModel("ultra", Decimal("0.14"))]
