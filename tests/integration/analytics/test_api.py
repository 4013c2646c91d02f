"""`GET /v1/analytics/daily` as the gateway calls it, on moto."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws

from services.analytics.counters import Amounts
from services.analytics.repository.counters import SHARDS, CounterTable
from services.analytics.service import Addition, Generations
from tests.support.functions import load_function, unload_functions
from tests.support.http import http_event


@pytest.fixture
def api(aws_test_environment: None, service_template: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with mock_aws():
        properties = service_template("analytics")["Resources"]["Table"]["Properties"]
        shape = {key: properties[key] for key in ("BillingMode", "AttributeDefinitions", "KeySchema")}
        boto3.client("dynamodb").create_table(TableName="analytics", **shape)
        monkeypatch.setenv("TABLE_NAME", "analytics")
        yield load_function("analytics", "api").handler
        unload_functions("analytics")


@pytest.fixture
def table(api: Any) -> CounterTable:
    return CounterTable(boto3.client("dynamodb"), "analytics")


def get(api: Any, scopes: str = "analytics:read", **query: str) -> tuple[int, Any]:
    caller = {"owner": "ada", "key_id": "k-1", "scopes": scopes}
    parameters = {name.strip("_"): value for name, value in query.items()}
    response = api(http_event("GET", "/v1/analytics/daily", query=parameters, caller=caller), None)
    return response["statusCode"], json.loads(response["body"])


def count(table: CounterTable, generation: str, expected: Generations, day: str, accepted: int) -> None:
    amounts: Amounts = {"status#accepted": accepted, "cost_usd": Decimal("0.04")}
    table.commit([Addition(generation, {f"r-{day}": [f"e-{day}"]}, {day: amounts})], expected, 2_000_000_000)


def test_exactly_the_counted_days_are_returned(api: Any, table: CounterTable) -> None:
    generation = table.generations()
    for day, accepted in (("2026-11-19", 1), ("2026-11-20", 2), ("2026-11-22", 4), ("2026-11-23", 8)):
        count(table, generation.current, generation, day, accepted)
    status, body = get(api, from_="2026-11-20", to="2026-11-22")

    assert status == 200
    assert [(day["day"], day["requests"]["accepted"]) for day in body["days"]] == [
        ("2026-11-20", 2), ("2026-11-21", 0), ("2026-11-22", 4)
    ]  # fmt: skip
    assert (body["total"]["requests"]["accepted"], body["total"]["cost_usd"]) == (6, "0.08")


def test_after_a_rebuild_the_new_generation_is_returned(api: Any, table: CounterTable) -> None:
    first = table.generations()
    count(table, first.current, first, "2026-11-22", 1)
    rebuilt = Generations("rebuilt", None, first.revision + 1)
    table.move(first, rebuilt)
    count(table, "rebuilt", rebuilt, "2026-11-22", 5)

    assert get(api, from_="2026-11-22", to="2026-11-22")[1]["total"]["requests"]["accepted"] == 5


def test_any_number_of_days_is_one_query_per_shard(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def spy(self: Any, operation: str, arguments: Any) -> Any:
        called.append(operation)
        return real(self, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", spy)
    assert len(get(api, from_="2026-08-23", to="2026-11-22")[1]["days"]) == 92
    assert called == ["GetItem", *["Query"] * SHARDS]


def test_an_invalid_day_is_named_and_the_scope_is_required(api: Any) -> None:
    status, body = get(api, from_="soon")
    assert (status, [error["field"] for error in body["errors"]]) == (422, ["from"])
    assert get(api, scopes="admin requests:read")[0] == 403
