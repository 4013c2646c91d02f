"""Costs of generation, from the counters that analytics writes."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli.costs.report import PRICES, costs
from services.analytics.repository.counters import CounterTable
from services.analytics.service import Generations, count
from tests.support.events import sample


@pytest.fixture
def client(aws_test_environment: None, service_template: Any) -> Iterator[Any]:
    with mock_aws():
        properties = service_template("analytics")["Resources"]["Table"]["Properties"]
        names = ("BillingMode", "AttributeDefinitions", "KeySchema")
        found = boto3.client("dynamodb")
        found.create_table(TableName="analytics", **{name: properties[name] for name in names})
        yield found


def test_costs_include_generation_and_estimates(client: Any) -> None:
    events = [sample("PromptApproved"), sample("ImageGenerated")]
    for _ in range(2):  # published twice, paid once
        count(events, CounterTable(client, "analytics"), Generations(), now=datetime.now(UTC).timestamp())
    day = events[0].metadata.occurred_at.date()
    found = costs(CounterTable(client, "analytics").days("g1", str(day), str(day)))

    assert (found.total.images, found.total.models_usd) == (1, Decimal("0.04"))
    assert found.total.checks_usd == PRICES["prompt_check"] + PRICES["image_check"]
    assert list(found.days) == [day.isoformat()]
    assert {name: cost.models_usd for name, cost in found.models.items()} == {"stable-image-core": Decimal("0.04")}
    assert found.models["stable-image-core"].total_usd == Decimal("0.04") + PRICES["aws_per_image"]


def test_only_the_requested_days_are_reported(client: Any) -> None:
    event = sample("ImageGenerated")
    count([event], CounterTable(client, "analytics"), Generations(), now=datetime.now(UTC).timestamp())
    after: date = event.metadata.occurred_at.date() + timedelta(days=1)
    assert costs(CounterTable(client, "analytics").days("g1", str(after), str(after))).total.total_usd == 0
