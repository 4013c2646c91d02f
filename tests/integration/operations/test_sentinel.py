"""The sentinel's table on moto, and Bedrock's control plane on the stand-in."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from local.bedrock.server import ModelServer
from services.operations.lifecycle.gateways import BedrockRegistry, SentinelMemory
from services.operations.lifecycle.sentinel import Remembered, Standing, Watched

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CORE = Watched("core", "stability.stable-image-core-v1:1", "us-west-2")


@pytest.fixture
def memory(aws_test_environment: None, service_template: Any) -> Iterator[SentinelMemory]:
    with mock_aws():
        properties = service_template("operations")["Resources"]["Operations"]["Properties"]
        client = boto3.client("dynamodb")
        names = ("BillingMode", "AttributeDefinitions", "KeySchema")
        client.create_table(TableName="operations", **{name: properties[name] for name in names})
        yield SentinelMemory(client, "operations")


def test_a_stored_lifecycle_is_read_unchanged(memory: SentinelMemory) -> None:
    ended = Remembered("core", Standing("ended", NOW), 2, NOW, published=True)
    plain = Remembered("ultra", Standing("active"), 1, NOW)
    memory.remember(ended)
    memory.remember(plain)

    assert memory.recall() == {"core": ended, "ultra": plain}


def test_an_older_change_does_not_replace_a_later_one(memory: SentinelMemory) -> None:
    later = Remembered("core", Standing("active"), 3, NOW)
    memory.remember(later)
    with pytest.raises(Exception, match="ConditionalCheckFailed"):
        memory.remember(replace(later, sequence=2))

    assert memory.recall() == {"core": later}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture
def registry(aws_test_environment: None, server: ModelServer) -> BedrockRegistry:
    once = Config(retries={"total_max_attempts": 1})
    return BedrockRegistry(
        lambda region: boto3.client("bedrock", region_name=region, endpoint_url=server.url, config=once)
    )


def test_the_lifecycle_comes_from_bedrock(registry: BedrockRegistry, server: ModelServer) -> None:
    assert registry.standing(CORE, NOW) == Standing("active")

    server.service.lifecycle.override({CORE.model_id: "2099-01-01"})
    assert registry.standing(CORE, NOW).ends_at == datetime(2099, 1, 1, tzinfo=UTC)

    server.service.lifecycle.override({CORE.model_id: "ENDED"})
    found = registry.standing(CORE, datetime.now(UTC))
    assert found.status == "ended"
    assert found.ends_at is not None


def test_a_model_unknown_to_bedrock_has_ended(registry: BedrockRegistry) -> None:
    assert registry.standing(replace(CORE, model_id="stability.never-heard-of-it"), NOW) == Standing("ended")
