"""Resources of generation on moto, and the Bedrock stand-in."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.bedrock import ModelServer
from tests.unit.generation.fakes import png


@pytest.fixture
def table(aws_test_environment: None, service_template: Any) -> Iterator[str]:
    """Create the table exactly as the template declares it."""
    with mock_aws():
        properties = service_template("generation")["Resources"]["Table"]["Properties"]
        shape = {key: properties[key] for key in ("BillingMode", "AttributeDefinitions", "KeySchema")}
        boto3.client("dynamodb").create_table(TableName="ledger", **shape)
        yield "ledger"


@pytest.fixture
def bucket(table: str) -> str:
    boto3.client("s3").create_bucket(Bucket="handoff")
    return "handoff"


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer(ignore_end_of_life=True) as running:
        # These tests cover the wire format, not the painter: a header and a seed suffice for an image.
        running.service.generate = lambda brief: png(brief.width, brief.height, brief.seed)
        yield running
