"""The API of erasures on moto: scopes, the receipt, and what an unknown receipt looks like."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from kit.trail_table import TrailTable
from tests.support.functions import load_function, unload_functions
from tests.support.http import http_event

TABLE = "privacy"
TRAIL = "operations"


@pytest.fixture
def handler(aws_test_environment: None, service_template: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    settings = {"TABLE_NAME": TABLE, "EVENT_BUS_NAME": "bus", "POWERTOOLS_SERVICE_NAME": "privacy"}
    settings["EXPORTS_BUCKET_NAME"] = "exports"
    for name, value in {**settings, "AUDIT_TRAIL_TABLE": TRAIL, "TRAIL_RETENTION_DAYS": "365"}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        properties = service_template("privacy")["Resources"]["Erasures"]["Properties"]
        shape = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        boto3.client("dynamodb").create_table(TableName=TABLE, **{key: properties[key] for key in shape})
        trail = service_template("operations")["Resources"]["Operations"]["Properties"]
        boto3.client("dynamodb").create_table(TableName=TRAIL, **{key: trail[key] for key in shape if key in trail})
        boto3.client("events").create_event_bus(Name="bus")
        yield load_function("privacy", "api").handler
        unload_functions("privacy")


def erase(handler: Any, scopes: str = "images:write requests:write") -> Any:
    caller = {"owner": "ada", "key_id": "k", "scopes": scopes}
    return handler(http_event("DELETE", "/v1/me", caller=caller), None)


def show(handler: Any, erasure_id: str, token: str | None) -> Any:
    headers = {} if token is None else {"x-receipt-token": token}
    path = f"/v1/me/erasures/{erasure_id}"
    return handler(http_event("GET", path, route="/v1/me/erasures/{erasure_id}", headers=headers), None)


def test_the_receipt_is_read_with_its_token(handler: Any) -> None:
    answer = erase(handler)
    started = json.loads(answer["body"])

    assert answer["statusCode"] == 202
    assert answer["headers"]["Location"] == started["links"]["self"] == f"/v1/me/erasures/{started['id']}"
    shown = json.loads(show(handler, started["id"], started["receipt_token"])["body"])
    assert (shown["id"], shown["status"], shown["scope"]) == (started["id"], "running", "owner")
    assert "next_sweep_at" in shown


@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_without_its_token_a_receipt_is_unknown(handler: Any, token: str | None) -> None:
    erasure_id = json.loads(erase(handler)["body"])["id"]
    answer = show(handler, erasure_id, token)

    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["code"] == "erasure_not_found"
    assert json.loads(show(handler, "unknown", token)["body"])["code"] == "erasure_not_found"


@pytest.mark.parametrize("scopes", ["images:write", "requests:write", "admin", "images:read requests:read"])
def test_a_key_that_may_not_change_everything_erases_nothing(handler: Any, scopes: str) -> None:
    answer = erase(handler, scopes)

    assert answer["statusCode"] == 403
    assert json.loads(answer["body"])["code"] == "insufficient_scope"
    assert boto3.client("dynamodb").scan(TableName=TABLE)["Items"] == []


def test_a_second_call_is_the_same_erasure_with_a_token_of_its_own(handler: Any) -> None:
    first, second = (json.loads(erase(handler)["body"]) for _ in range(2))

    assert first["id"] == second["id"]
    assert first["receipt_token"] != second["receipt_token"]
    for started in (first, second):
        assert show(handler, started["id"], started["receipt_token"])["statusCode"] == 200


def test_an_erasure_is_in_the_audit_trail(handler: Any) -> None:
    erase(handler)
    erase(handler, "images:read")

    (action,) = TrailTable(boto3.client("dynamodb"), TRAIL).latest(10)
    assert (action.verb, action.operator, action.identity) == ("erase owner", "ada", "key k")
    assert action.outcome == {"started": 1}
