"""Checking a prompt as the gateway calls it: counts on DynamoDB (moto), Claude on the wire (the model stand-in)."""

import importlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.bedrock import ModelServer
from services.moderation.adapters import CheckTable
from services.moderation.checks import CheckCounts
from tests.unit.moderation.fakes import InMemoryChecks

V1 = "/v1/moderations"
LEGACY = "/api/moderation/check"
BOTH = pytest.mark.parametrize("path", [V1, LEGACY])


@pytest.fixture
def table(aws_test_environment: None, service_template: Any) -> Iterator[str]:
    """Create the table exactly as the template declares it."""
    with mock_aws():
        properties = service_template("moderation")["Resources"]["Verdicts"]["Properties"]
        shape = {key: properties[key] for key in ("BillingMode", "AttributeDefinitions", "KeySchema")}
        boto3.client("dynamodb").create_table(TableName="verdicts", **shape)
        yield "verdicts"


@pytest.fixture(params=["fake", "dynamodb"])
def counts(request: pytest.FixtureRequest, table: str) -> CheckCounts:
    return InMemoryChecks() if request.param == "fake" else CheckTable(boto3.client("dynamodb"), table)


def test_checks_are_counted_up_to_the_limit_by_key_and_window(counts: CheckCounts) -> None:
    assert [counts.add("k-1", "900#0", 2, 99) for _ in range(4)] == [1, 2, None, None]
    assert counts.add("k-2", "900#0", 2, 99) == counts.add("k-1", "900#900", 2, 99) == 1


def test_a_check_that_was_taken_back_can_be_had_again(counts: CheckCounts) -> None:
    counts.add("k-1", "900#0", 1, 99)
    counts.take_back("k-1", "900#0")
    assert [counts.add("k-1", "900#0", 1, 99) for _ in range(2)] == [1, None]


def test_a_count_expires_and_its_key_is_one_that_the_role_may_write(table: str) -> None:
    CheckTable(boto3.client("dynamodb"), table).add("k-1", "900#0", 2, 1800)
    (item,) = boto3.client("dynamodb").scan(TableName=table)["Items"]
    assert item == {"pk": {"S": "checks#k-1#900#0"}, "checks": {"N": "1"}, "expires_at": {"N": "1800"}}


@pytest.fixture
def stand_in(table: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
        yield server


@pytest.fixture
def api(table: str, stand_in: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("TABLE_NAME", table)
    monkeypatch.setenv("MODERATION_MODEL_ID", "us.anthropic.claude-haiku-5-5")
    sys.modules.pop("services.moderation.handlers.api", None)
    yield importlib.import_module("services.moderation.handlers.api").handler
    sys.modules.pop("services.moderation.handlers.api", None)


def post(api: Any, path: str, body: Any, *, scopes: str = "requests:write", **caller: Any) -> tuple[int, Any, Any]:
    """Return status, body and headers."""
    known = {"owner": "ada", "key_id": "k-1", "scopes": scopes, "limit": 3, "window": 900, **caller}
    context = {
        "http": {"method": "POST", "path": path},
        "stage": "$default",
        "requestId": "r",
        "authorizer": {"lambda": known},
    }
    event = {"version": "2.0", "rawPath": path, "headers": {}, "requestContext": context, "body": json.dumps(body)}
    answer = api(event, None)
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def fail(stand_in: ModelServer, **rule: Any) -> None:
    stand_in.service.faults.add({"operation": "converse", **rule})


def test_a_lighthouse_is_allowed_and_one_check_is_gone(api: Any) -> None:
    status, body, headers = post(api, V1, {"prompt": "A lighthouse at dusk", "negative_prompt": "fog, blood"})

    assert status == 200
    assert body == {"allowed": True, "layer": "claude", "policy_version": body["policy_version"]}
    assert headers["RateLimit-Policy"] == '"moderations";q=3;w=900'
    assert headers["RateLimit"].startswith('"moderations";r=2;t=')
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("prompt", "layer"),
    [("a b-e-h-e-a-d-i-n-g", "keywords"), ("a bloody pile of severed things after a massacre", "claude")],
)
def test_what_is_blocked_is_told_with_its_layer_and_category(api: Any, prompt: str, layer: str) -> None:
    status, body, _ = post(api, V1, {"prompt": prompt})

    assert status == 200
    told = {"allowed": False, "layer": layer, "category": "violence", "field": "prompt"}
    assert told.items() <= body.items()


def test_the_old_name_answers_in_the_old_envelope(api: Any) -> None:
    status, body, headers = post(api, LEGACY, {"prompt": "a b-e-h-e-a-d-i-n-g"})

    assert (status, body["success"], body["data"]["allowed"], body["data"]["category"]) == (
        200,
        True,
        False,
        "violence",
    )
    assert body["message"] == "The prompt may not be drawn: violence"
    assert "RateLimit" in headers
    assert post(api, LEGACY, {"prompt": "A lighthouse"})[1]["message"] == "The prompt may be drawn"


def problem(path: str, body: Any) -> tuple[str, list[str]]:
    """Return what is said and the fields that are named, whichever shape the route tells it in."""
    if path == LEGACY:
        assert body["success"] is False
        return body["message"], [error["field"] for error in body["errors"]]
    return body["title"], [error["field"] for error in body.get("errors", [])]


@BOTH
@pytest.mark.parametrize("body", [{}, {"prompt": " "}, {"prompt": 7}, {"prompt": "x" * 10_001}])
def test_a_prompt_that_is_none_is_named_and_not_counted(api: Any, path: str, body: Any) -> None:
    status, told, _ = post(api, path, body)
    assert (status, problem(path, told)[1]) == (422, ["prompt"])
    assert post(api, path, {"prompt": "A lighthouse"})[2]["RateLimit"].startswith('"moderations";r=2;')


@BOTH
def test_a_body_that_is_too_large_is_not_read(api: Any, path: str) -> None:
    assert post(api, path, {"prompt": "x" * 300_000})[0] == 413


@BOTH
def test_a_key_without_the_scope_is_refused(api: Any, stand_in: ModelServer, path: str) -> None:
    status, told, _ = post(api, path, {"prompt": "A lighthouse"}, scopes="requests:read admin")
    assert (status, problem(path, told)[0]) == (403, "This key lacks the scope requests:write")


@BOTH
def test_a_key_that_has_none_left_is_told_when_to_come_back(api: Any, path: str) -> None:
    for _ in range(3):
        assert post(api, path, {"prompt": "a lighthouse"})[0] == 200
    status, told, headers = post(api, path, {"prompt": "a lighthouse"})

    assert (status, problem(path, told)[0]) == (429, "This key has no checks left for now")
    assert 0 < int(headers["Retry-After"]) <= 900
    assert headers["RateLimit"] == f'"moderations";r=0;t={headers["Retry-After"]}'
    assert post(api, path, {"prompt": "a lighthouse"}, key_id="k-2")[0] == 200


@BOTH
@pytest.mark.parametrize("effect", ["throttle", "unavailable", "reset", "access_denied"])
def test_nothing_is_allowed_that_claude_could_not_see(api: Any, stand_in: ModelServer, path: str, effect: str) -> None:
    fail(stand_in, effect=effect)
    status, told, headers = post(api, path, {"prompt": "a lighthouse"})

    assert (status, problem(path, told)[0], headers["Retry-After"]) == (503, "The prompt could not be checked", "5")


@pytest.mark.parametrize("effect", ["refuse", "malformed"])
def test_a_refusal_and_an_unreadable_answer_block(api: Any, stand_in: ModelServer, effect: str) -> None:
    fail(stand_in, effect=effect)
    status, body, _ = post(api, V1, {"prompt": "a lighthouse"})
    assert (status, body["allowed"], body["category"]) == (200, False, "unclassified")


def test_the_prompt_is_never_written_down(
    api: Any, table: str, stand_in: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    post(api, V1, {"prompt": "a lighthouse named Xanthippe"})
    post(api, V1, {"prompt": "a beheading named Xanthippe", "surprise": "Xanthippe"})
    fail(stand_in, effect="throttle")
    post(api, V1, {"prompt": "a lighthouse named Xanthippe"})

    written = str([vars(record) for record in caplog.records]) + str(
        boto3.client("dynamodb").scan(TableName=table)["Items"]
    )
    assert "prompt checked" in written
    assert "prompt not checked" in written
    assert "Xanthippe" not in written
