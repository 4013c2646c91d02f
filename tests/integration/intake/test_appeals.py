"""Appeals as Lambda and the command line see them, on moto: route, table, stream record, events."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws

from cli.__main__ import cli
from events.envelope import Event
from kit.publisher import Publisher
from kit.trail_table import TrailTable
from services.intake.repository.erasure import ErasureTable
from services.intake.repository.open_requests import OpenRequestTable
from services.intake.repository.requests import SHARDS, RequestTable
from services.intake.tracking import add_event
from tests.support.events import sample
from tests.support.functions import load_function
from tests.support.http import http_event
from tests.support.sealing import SAMPLE_TEXTS, create_owner_keys
from tests.unit.intake.fakes import accept

PREFIX = "genai-images-dev"
TABLE, TRAIL = f"{PREFIX}-requests", f"{PREFIX}-operations"
REQUESTED: Any = sample("ImageRequested")
REQUEST = REQUESTED.metadata.request_id
APPEAL = f"/v1/requests/{REQUEST}/appeal"
QUEUE = "/v1/operations/appeals"
REASON = {"reason": "It is a stage play."}


@pytest.fixture
def requests(aws_test_environment: None, service_template: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield the request table with a request that was rejected, as the templates declare the tables."""
    with mock_aws():
        client = boto3.client("dynamodb")
        for service, resource, name in (("intake", "Requests", TABLE), ("operations", "Operations", TRAIL)):
            properties = service_template(service)["Resources"][resource]["Properties"]
            kept = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
            client.create_table(TableName=name, **{each: properties[each] for each in kept if each in properties})
        create_owner_keys(client, f"{PREFIX}-owner-keys", "demo")
        for name, value in {
            "TABLE_NAME": TABLE,
            "OWNER_KEYS_TABLE_NAME": f"{PREFIX}-owner-keys",
            "AUDIT_TRAIL_TABLE": TRAIL,
            "EVENT_BUS_NAME": "bus",
            "RELAY_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/1/relay",
        }.items():
            monkeypatch.setenv(name, value)
        table = RequestTable(client, TABLE)
        accept(table, REQUEST, "demo", REQUESTED.data.parameters, datetime.now(UTC))
        add_event(table, sample("PromptRejected"))
        yield table


@pytest.fixture
def call(requests: Any) -> Any:
    handler = load_function("intake", "appeals").handler

    def _call(method: str, path: str, body: Any = None, *, owner: str = "demo", scopes: str = "") -> tuple[int, Any]:
        found = scopes or ("admin" if path.startswith(QUEUE) else "requests:read requests:write")
        caller = {"owner": owner, "key_id": "key-1", "scopes": found, "limit": 100, "window": 900}
        response = handler(http_event(method, path, body=body, caller=caller), None)
        return response["statusCode"], json.loads(response["body"] or "null")

    return _call


def items(part: str) -> list[dict[str, Any]]:
    """Return the items of the table with this sort key."""
    return [item for item in boto3.client("dynamodb").scan(TableName=TABLE)["Items"] if item["sk"]["S"] == part]


def published(monkeypatch: pytest.MonkeyPatch, *records: dict[str, Any]) -> list[Event]:
    """Return the events that the relay publishes for stream records."""
    events: list[Event] = []
    monkeypatch.setattr(Publisher, "publish", lambda _self, found: events.extend(found))
    load_function("intake", "relay").handler({"Records": [{"dynamodb": record} for record in records]}, None)
    return events


def test_an_owner_appeals_and_an_operator_grants(
    call: Any, requests: RequestTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("GET", APPEAL)[1]["code"] == "appeal_not_found"
    status, made = call("POST", APPEAL, REASON)
    assert (status, made["status"], made["reason"]) == (201, "pending", REASON["reason"])
    assert call("GET", APPEAL) == (200, made)
    (pending,) = items("APPEAL")

    (queued,) = call("GET", QUEUE)[1]["appeals"]
    assert (queued["request_id"], queued["owner"], queued["category"]) == (REQUEST, "demo", "violence")
    reviewed = call("GET", f"{QUEUE}/{REQUEST}")[1]
    assert (reviewed["prompt"], reviewed["negative_prompt"]) == (SAMPLE_TEXTS.prompt, SAMPLE_TEXTS.negative_prompt)

    status, decided = call("POST", f"{QUEUE}/{REQUEST}/decision", {"decision": "granted", "reason": "Allowed."})
    assert (status, decided["status"], decided["decision_reason"]) == (200, "granted", "Allowed.")
    assert call("GET", APPEAL) == (200, decided)
    assert call("GET", QUEUE)[1] == {"appeals": []}
    request, state = requests.read(decided["granted_request_id"])
    assert (state.owner, state.status) == ("demo", "accepted")
    assert [appeal.request_id for appeal in request.data.parameters.appeals or []] == [REQUEST]
    assert requests.read(REQUEST)[1].status == "rejected"

    (final,) = items("APPEAL")
    events = published(monkeypatch, {"NewImage": pending}, {"NewImage": final, "OldImage": pending})
    assert [event.detail_type for event in events] == ["RequestAppealed", "AppealDecided"]
    assert events[1].data.granted_request_id == decided["granted_request_id"]


def test_the_reasons_are_stored_sealed_and_expire_with_the_request(call: Any) -> None:
    call("POST", APPEAL, REASON)
    call("POST", f"{QUEUE}/{REQUEST}/decision", {"decision": "refused", "reason": "Forbidden on a stage too."})

    assert "stage" not in repr(boto3.client("dynamodb").scan(TableName=TABLE)["Items"])
    assert "stage" not in repr(boto3.client("dynamodb").scan(TableName=TRAIL)["Items"])
    (appeal,), request = items("APPEAL"), items("REQUEST")[0]
    assert appeal["expires_at"] == request["expires_at"]


def test_an_appeal_is_neither_listed_as_a_request_nor_swept(call: Any, requests: RequestTable) -> None:
    call("POST", APPEAL, REASON)
    page = requests.list_page("demo", limit=10, after=None, status=None)
    assert [request.request_id for request in page.requests] == [REQUEST]
    sweeper = OpenRequestTable(boto3.client("dynamodb"), TABLE)
    assert list(sweeper.due(datetime.now(UTC) + timedelta(days=1))) == []
    assert SHARDS == 4, "the shards of the sweeper are numbers"


def test_an_erasure_deletes_the_appeal_and_no_later_one_is_added(
    call: Any, requests: RequestTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    call("POST", APPEAL, REASON)
    assert len(items("APPEAL")) == 1
    before = requests.read(REQUEST)
    assert ErasureTable(boto3.client("dynamodb"), TABLE).erase(REQUEST, "demo", datetime.now(UTC))
    assert items("APPEAL") == []
    assert call("GET", QUEUE)[1] == {"appeals": []}

    monkeypatch.setattr(RequestTable, "read", lambda *_: before)  # it was erased after it was read
    assert call("POST", APPEAL, REASON)[1]["code"] == "request_not_found"
    assert items("APPEAL") == []


def test_problems_say_what_is_wrong(call: Any) -> None:
    decision = {"decision": "granted", "reason": "Allowed."}
    assert call("POST", f"{QUEUE}/{REQUEST}/decision", decision)[1]["code"] == "appeal_not_found"
    assert call("POST", APPEAL, {"reason": " "})[1]["errors"][0]["field"] == "reason"
    assert call("POST", APPEAL, {"reason": "x" * 2001})[0] == 422
    assert call("POST", APPEAL, REASON, owner="stranger")[1]["code"] == "request_not_found"
    assert call("POST", APPEAL, REASON)[0] == 201
    assert call("POST", APPEAL, REASON)[1]["code"] == "already_appealed"
    assert call("GET", APPEAL, owner="stranger")[1]["code"] == "appeal_not_found"
    wrong = call("POST", f"{QUEUE}/{REQUEST}/decision", {"decision": "maybe", "reason": "?"})[1]
    assert wrong["errors"][0]["field"] == "decision"
    assert call("POST", f"{QUEUE}/{REQUEST}/decision", decision)[0] == 200
    assert call("POST", f"{QUEUE}/{REQUEST}/decision", decision)[1]["code"] == "appeal_decided"


@pytest.mark.parametrize(("method", "path"), [("GET", QUEUE), ("GET", f"{QUEUE}/x"), ("POST", f"{QUEUE}/x/decision")])
def test_only_an_operator_reads_and_decides(call: Any, method: str, path: str) -> None:
    status, problem = call(method, path, {}, scopes="requests:read requests:write")
    assert (status, problem["code"]) == (403, "insufficient_scope")


def test_the_command_line_lists_shows_and_decides(call: Any, requests: RequestTable) -> None:
    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(cli, ["appeals", *arguments])
        assert result.exit_code == code, result.output
        return result.output

    assert "No appeal waits" in run()
    assert "No request with this id was appealed" in run("show", REQUEST, code=1)
    call("POST", APPEAL, REASON)
    (row,) = json.loads(run("list", "--output", "json"))["appeals"]
    assert row["request_id"] == REQUEST
    assert REQUEST in run()
    shown = run("show", REQUEST, "--operator", "ana")
    assert SAMPLE_TEXTS.prompt in shown
    assert REASON["reason"] in shown
    decide = ("decide", REQUEST, "granted", "--reason", "Allowed.", "--yes", "--operator", "ana")
    decided = json.loads(run(*decide, "--output", "json"))
    assert requests.read(decided["granted_request_id"])[1].owner == "demo"
    assert "granted already" in run(*decide, code=1)

    trail = TrailTable(boto3.client("dynamodb"), TRAIL).latest(10)
    assert {("ana", "decide appeal"), ("ana", "read appeal"), ("demo", "appeal")} <= {
        (action.operator, action.verb) for action in trail
    }
