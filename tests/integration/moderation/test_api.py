"""The API as the gateway calls it, with DynamoDB on moto and the stand-in for Claude."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from local.bedrock import ModelServer
from local.bedrock.guardrail import GUARDRAIL_ID, GUARDRAIL_VERSION
from services.moderation.models import PromptVerdict, ShadowVerdict
from services.moderation.repository import VerdictTable
from tests.support.functions import load_function, unload_functions
from tests.support.http import http_event

V1 = "/v1/moderations"
LEGACY = "/api/moderation/check"
BOTH = pytest.mark.parametrize("path", [V1, LEGACY])


@pytest.fixture
def api(table: str, stand_in: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("TABLE_NAME", table)
    monkeypatch.setenv("POLICY", "default")
    monkeypatch.setenv("MODERATION_MODEL_ID", "us.anthropic.claude-haiku-5-5")
    monkeypatch.setenv("EVENT_BUS_NAME", "bus")
    boto3.client("events").create_event_bus(Name="bus")
    yield load_function("moderation", "api").handler
    unload_functions("moderation")


def post(api: Any, path: str, body: Any, *, scopes: str = "requests:write", **caller: Any) -> tuple[int, Any, Any]:
    """Return status, body and headers."""
    known = {"owner": "ada", "key_id": "k-1", "scopes": scopes, "limit": 3, "window": 900, **caller}
    response = api(http_event("POST", path, body=body, caller=known), None)
    return response["statusCode"], json.loads(response["body"]), response["headers"]


def shadow(api: Any, scopes: str, **query: str) -> tuple[int, Any, Any]:
    """Get the report on the shadow policy."""
    caller = {"owner": "ana", "key_id": "k-2", "scopes": scopes, "limit": 3, "window": 900}
    response = api(http_event("GET", "/v1/moderation/shadow", query=query, caller=caller), None)
    return response["statusCode"], json.loads(response["body"]), response["headers"]


def fail(stand_in: ModelServer, **rule: Any) -> None:
    stand_in.service.faults.add({"operation": "converse", **rule})


def test_a_lighthouse_is_allowed_and_counted(api: Any) -> None:
    status, body, headers = post(api, V1, {"prompt": "A lighthouse at dusk", "negative_prompt": "fog, blood"})

    assert status == 200
    assert body == {"allowed": True, "layer": "claude", "policy_version": body["policy_version"]}
    assert headers["RateLimit-Policy"] == '"moderations";q=3;w=900'
    assert headers["RateLimit"].startswith('"moderations";r=2;t=')
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("prompt", "layer", "category", "strength"),
    [
        ("a g-a-n-g-b-a-n-g", "keywords", "sexual", "block"),
        ("a b-e-h-e-a-d-i-n-g", "claude", "violence", "review"),
        ("a bloody pile of severed things after a massacre", "claude", "violence", None),
    ],
)
def test_a_blocked_prompt_is_returned_with_layer_and_category(
    api: Any, prompt: str, layer: str, category: str, strength: str | None
) -> None:
    status, body, _ = post(api, V1, {"prompt": prompt})

    assert status == 200
    expected = {"allowed": False, "layer": layer, "category": category, "field": "prompt"}
    assert expected.items() <= body.items()
    assert body.get("hit", {}).get("strength") == strength


def test_an_innocent_use_of_a_term_is_allowed_by_claude(api: Any) -> None:
    _, body, _ = post(api, V1, {"prompt": "Dildo, Newfoundland harbour"})
    assert (body["allowed"], body["layer"], body["hit"]) == (
        True,
        "claude",
        {"category": "sexual", "field": "prompt", "strength": "review"},
    )


def test_the_legacy_route_responds_in_the_legacy_envelope(api: Any) -> None:
    status, body, headers = post(api, LEGACY, {"prompt": "a b-e-h-e-a-d-i-n-g"})

    assert (status, body["success"], body["data"]["allowed"], body["data"]["category"]) == (
        200,
        True,
        False,
        "violence",
    )
    assert body["message"] == "The prompt is not allowed: violence."
    assert "RateLimit" in headers
    assert post(api, LEGACY, {"prompt": "A lighthouse"})[1]["message"] == "The prompt is allowed."


def problem(path: str, body: Any) -> tuple[str, list[str]]:
    """Return the detail and the fields of an error, in either format."""
    if path == LEGACY:
        assert body["success"] is False
        return body["message"], [error["field"] for error in body["errors"]]
    return body["detail"], [error["field"] for error in body.get("errors", [])]


@BOTH
@pytest.mark.parametrize("body", [{}, {"prompt": " "}, {"prompt": 7}, {"prompt": "x" * 10_001}])
def test_an_invalid_prompt_is_reported_and_not_counted(api: Any, path: str, body: Any) -> None:
    status, body, _ = post(api, path, body)
    assert (status, problem(path, body)[1]) == (422, ["prompt"])
    assert post(api, path, {"prompt": "A lighthouse"})[2]["RateLimit"].startswith('"moderations";r=2;')


@BOTH
def test_the_prompt_of_60_kb_that_becomes_360_000_characters_is_refused(
    api: Any, stand_in: ModelServer, path: str
) -> None:
    body = {"prompt": "\ufdfa" * 10_000} | ({"negative_prompt": "\ufdfa" * 10_000} if path == V1 else {})
    status, answer, _ = post(api, path, body)
    assert (status, problem(path, answer)[1]) == (422, list(body))
    assert "10000 characters, counted after Unicode normalisation (NFKC)" in answer["errors"][0]["rule"]
    assert stand_in.service.calls.report()["counts"]["total"] == 0


@BOTH
def test_a_text_that_claude_does_not_accept_is_refused_and_counted(api: Any, stand_in: ModelServer, path: str) -> None:
    fail(stand_in, effect="too_long", prompt_contains="an endless story")
    status, body, _ = post(api, path, {"prompt": "an endless story"})
    assert (status, problem(path, body)[1]) == (422, ["prompt"])
    assert post(api, path, {"prompt": "A lighthouse"})[2]["RateLimit"].startswith('"moderations";r=1;')


def test_a_check_uses_the_guardrail_and_counts_its_blocks(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    guardrail = f"{GUARDRAIL_ID}:{GUARDRAIL_VERSION}"
    monkeypatch.setenv("GUARDRAIL", guardrail)
    unload_functions("moderation")
    guarded = load_function("moderation", "api").handler
    for _ in range(6):
        status, body, _ = post(guarded, V1, {"prompt": "which stocks to buy, a postcard"}, limit=20)
        assert (status, body["layer"], body["category"]) == (200, "guardrail", "unclassified")
        assert body["policy_version"].endswith(f"+{guardrail}")
    for _ in range(5):
        status, body, _ = post(guarded, V1, {"prompt": "a stupid idiot"}, limit=20)
        assert (status, body["layer"], body["category"]) == (200, "guardrail", "hate")
    assert post(guarded, V1, {"prompt": "A lighthouse"}, limit=20)[1]["code"] == "too_many_blocked"


def test_too_many_blocked_checks_are_refused(api: Any) -> None:
    for _ in range(5):
        assert post(api, V1, {"prompt": "a b-e-h-e-a-d-i-n-g"}, limit=10)[0] == 200
    status, body, headers = post(api, V1, {"prompt": "A lighthouse"}, limit=10)
    assert (status, body["code"]) == (429, "too_many_blocked")
    assert 0 < int(headers["Retry-After"]) <= 900


@BOTH
def test_a_body_that_is_too_large_is_rejected(api: Any, path: str) -> None:
    assert post(api, path, {"prompt": "x" * 300_000})[0] == 413


@BOTH
def test_a_key_without_the_scope_is_refused(api: Any, stand_in: ModelServer, path: str) -> None:
    status, body, _ = post(api, path, {"prompt": "A lighthouse"}, scopes="requests:read admin")
    assert (status, problem(path, body)[0]) == (403, "The API key lacks the scope requests:write.")


@BOTH
def test_a_key_without_checks_left_learns_when_to_try_again(api: Any, path: str) -> None:
    for _ in range(3):
        assert post(api, path, {"prompt": "a lighthouse"})[0] == 200
    status, body, headers = post(api, path, {"prompt": "a lighthouse"})

    assert (status, problem(path, body)[0]) == (429, "Rate limit exceeded. Try again after the time in Retry-After.")
    assert 0 < int(headers["Retry-After"]) <= 900
    assert headers["RateLimit"] == f'"moderations";r=0;t={headers["Retry-After"]}'
    assert post(api, path, {"prompt": "a lighthouse"}, key_id="k-2")[0] == 200


@BOTH
@pytest.mark.parametrize("effect", ["throttle", "unavailable", "reset", "access_denied"])
def test_no_prompt_is_allowed_if_claude_is_unavailable(api: Any, stand_in: ModelServer, path: str, effect: str) -> None:
    fail(stand_in, effect=effect)
    status, body, headers = post(api, path, {"prompt": "a lighthouse"})

    assert (status, problem(path, body)[0], headers["Retry-After"]) == (
        503,
        "The prompt could not be checked. Try again after the time in Retry-After.",
        "5",
    )


@pytest.mark.parametrize("effect", ["refuse", "malformed"])
def test_a_refusal_and_an_unreadable_response_block(api: Any, stand_in: ModelServer, effect: str) -> None:
    fail(stand_in, effect=effect)
    status, body, _ = post(api, V1, {"prompt": "a lighthouse"})
    assert (status, body["allowed"], body["category"]) == (200, False, "unclassified")


def test_the_prompt_is_neither_logged_nor_stored(
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


def test_operators_read_what_the_shadow_policy_would_change(api: Any, table: str) -> None:
    now = datetime.now(UTC)
    change = ShadowVerdict(policy_version="candidate@1", change="newly_blocked", category="sexual", request_id="r-1")
    verdict = PromptVerdict(policy_version="default@1", decided_at=now, layers=["keywords", "claude"], shadow=change)
    verdicts = VerdictTable(boto3.client("dynamodb"), table, PromptVerdict)
    verdicts.record("e-1", verdict)
    verdicts.record("e-2", verdict.model_copy(update={"decided_at": now - timedelta(days=9)}))

    status, report, _ = shadow(api, "admin")

    assert status == 200
    assert report == {
        "first_day": (now.date() - timedelta(days=6)).isoformat(),
        "last_day": now.date().isoformat(),
        "complete": True,
        "changes": [
            {
                "subject": "prompt",
                "policy_version": "default@1",
                "shadow_version": "candidate@1",
                "change": "newly_blocked",
                "category": "sexual",
                "count": 1,
                "samples": ["r-1"],
            }
        ],
    }
    assert shadow(api, "admin", days="10")[1]["changes"][0]["count"] == 2


def test_a_report_that_is_not_complete_says_so(api: Any, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.moderation.handlers.api.CHANGES_MAX", 1)
    change = ShadowVerdict(policy_version="candidate@1", change="newly_asked", category="hate", request_id="r-1")
    verdict = PromptVerdict(
        policy_version="default@1", decided_at=datetime.now(UTC), layers=["keywords"], shadow=change
    )
    for event in ("e-1", "e-2"):
        VerdictTable(boto3.client("dynamodb"), table, PromptVerdict).record(event, verdict)

    _, report, _ = shadow(api, "admin")

    assert report["complete"] is False
    assert [row["count"] for row in report["changes"]] == [1]


@pytest.mark.parametrize("scope", ["requests:write", "analytics:read"])
def test_only_operators_read_the_report(api: Any, scope: str) -> None:
    assert shadow(api, scope)[0] == 403


@pytest.mark.parametrize("days", ["0", "61", "many"])
def test_a_period_that_is_not_kept_is_refused(api: Any, days: str) -> None:
    status, problem, _ = shadow(api, "admin", days=days)
    assert (status, problem["errors"][0]["field"]) == (422, "days")
