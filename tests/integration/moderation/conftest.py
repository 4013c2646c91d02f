"""Resources of moderation on moto, and the stand-in for Bedrock and Rekognition."""

import io
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws
from PIL import Image

from local.bedrock import ModelServer
from services.moderation.gateways import RekognitionDetector

SHAPE = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
NO_RETRIES = Config(retries={"total_max_attempts": 1}, read_timeout=5)


@pytest.fixture
def table(aws_test_environment: None, service_template: Any) -> Iterator[str]:
    """Create the table exactly as the template declares it."""
    with mock_aws():
        properties = service_template("moderation")["Resources"]["Verdicts"]["Properties"]
        shape = {key: properties[key] for key in SHAPE}
        boto3.client("dynamodb").create_table(TableName="verdicts", **shape)
        yield "verdicts"


@pytest.fixture
def stand_in(aws_test_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", server.url)
        yield server


def png() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def detector(stand_in: ModelServer) -> RekognitionDetector:
    objects = {("handoff", "raw/r/0-abc"): png(), ("handoff", "raw/r/1-def"): png(), ("handoff", "raw/r/2-bad"): b"GIF"}
    fetch_default = stand_in.service.fetch

    def fetch(bucket: str, key: str) -> bytes:
        return objects[bucket, key] if (bucket, key) in objects else fetch_default(bucket, key)

    stand_in.service.fetch = fetch
    return RekognitionDetector(boto3.client("rekognition", config=NO_RETRIES), "handoff", 60)
