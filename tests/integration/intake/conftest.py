"""The request table on moto."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws


@pytest.fixture
def client(aws_test_environment: None, service_template: Any) -> Iterator[Any]:
    """Yield a client of DynamoDB with the table ``requests``."""
    with mock_aws():
        properties = service_template("intake")["Resources"]["Requests"]["Properties"]
        names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        found = boto3.client("dynamodb")
        found.create_table(TableName="requests", **{name: properties[name] for name in names})
        yield found
