"""Events as AWS documents them, where the emulator's have fewer fields or other types."""

import json
from typing import Any

import pytest
from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel

from kit.consumer.decode import Decoder, Message
from kit.http_api import HttpApi, Route, json_response
from kit.telemetry import measure
from services.accounts.admission import presented_key
from tests.support import templates
from tests.support.events import eventbridge_body, sample


class Seen(BaseModel):
    owner: str
    limit: int


SHOW = Route("GET", "/v1/things/{thing_id}", "images:read", "Show a thing", responses={200: Seen})


def http_request(authorizer: Any) -> dict[str, Any]:
    """Return a request of an HTTP API, payload format 2.0, with every field of AWS's documentation."""
    context: dict[str, Any] = {
        "accountId": "123456789012",
        "apiId": "api-id",
        "authentication": None,
        "domainName": "api-id.execute-api.us-west-2.amazonaws.com",
        "domainPrefix": "api-id",
        "http": {
            "method": "GET",
            "path": "/v1/things/t1",
            "protocol": "HTTP/1.1",
            "sourceIp": "192.0.2.1",
            "userAgent": "agent",
        },
        "requestId": "JKJaXmPLvHcESHA=",
        "routeKey": "GET /v1/things/{thing_id}",
        "stage": "$default",
        "time": "12/Mar/2026:19:03:58 +0000",
        "timeEpoch": 1773342238000,
    }
    if authorizer is not None:
        context["authorizer"] = authorizer
    return {
        "version": "2.0",
        "routeKey": "GET /v1/things/{thing_id}",
        "rawPath": "/v1/things/t1",
        "rawQueryString": "limit=5&tag=x&tag=y",
        "cookies": ["a=1"],
        "headers": {"x-api-key": "gik_x", "accept": "text/html,application/json", "content-length": "0"},
        "queryStringParameters": {"limit": "5", "tag": "x,y"},
        "pathParameters": {"thing_id": "t1"},
        "requestContext": context,
        "isBase64Encoded": False,
    }


def served(authorizer: Any) -> tuple[int, Any]:
    """Serve the request with an API of one route; return the status and the caller that it saw."""
    api = HttpApi()

    @api.serve(SHOW)
    def show(thing_id: str) -> Response[str]:
        return json_response(200, Seen(owner=api.caller.owner, limit=api.caller.limit))

    answer = api(http_request(authorizer), None)
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.parametrize("limit", [100, "100"], ids=["number", "text"])
def test_the_authorizers_context_is_read_in_either_type(limit: Any) -> None:
    context = {"owner": "acme", "key_id": "k1", "scopes": "images:read images:write", "limit": limit, "window": 900}

    assert served({"lambda": context}) == (200, {"owner": "acme", "limit": 100})


@pytest.mark.parametrize("authorizer", [None, {}, {"lambda": None}, {"lambda": {}}])
def test_a_request_without_the_authorizers_context_is_refused(authorizer: Any) -> None:
    assert served(authorizer)[0] == 401


def test_the_authorizer_finds_the_key_in_the_gateways_lower_case_headers() -> None:
    assert presented_key(http_request(None)["headers"]) == "gik_x"
    assert presented_key({"authorization": "Bearer gik_y"}) == "gik_y"


def test_a_queue_delivers_an_event_with_every_field() -> None:
    event = sample("ImageRequested")
    body = json.loads(eventbridge_body(event))
    body |= {"account": "123456789012", "region": "us-west-2", "resources": [], "replay-name": "yesterday"}
    record = {
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
        "body": json.dumps(body),
        "attributes": {
            "ApproximateReceiveCount": "2",
            "AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
            "SentTimestamp": "1545082649183",
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": "1545082649185",
        },
        "messageAttributes": {},
        "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-west-2:123456789012:queue",
        "awsRegion": "us-west-2",
    }
    message = Message(record)
    Decoder("moderation.prompt", None).decode(message)

    assert message.event == event
    assert message.attempts == 2


@pytest.mark.parametrize(
    "mapping",
    [found for found in templates.resources("AWS::Lambda::EventSourceMapping") if "FilterCriteria" in found.properties],
    ids=str,
)
def test_a_stream_consumer_gets_no_record_without_a_new_image(mapping: Any) -> None:
    """A removed item, also one that expired, has no ``NewImage``."""
    patterns = [json.loads(each["Pattern"]) for each in mapping.properties["FilterCriteria"]["Filters"]]

    assert patterns
    assert all(set(pattern["eventName"]) <= {"INSERT", "MODIFY"} for pattern in patterns)


def test_a_metric_is_one_line_of_json_in_the_embedded_format(capsys: pytest.CaptureFixture[str]) -> None:
    """Lambda's JSON log format leaves a printed line of JSON as it is, so CloudWatch finds the metrics in it."""
    measure("swept", {"sweeper_checked": 3}, note="one\ntwo")
    (line,) = capsys.readouterr().out.splitlines()
    written = json.loads(line)
    (directive,) = written["_aws"]["CloudWatchMetrics"]

    assert isinstance(written["_aws"]["Timestamp"], int)
    assert len(directive["Metrics"]) <= 100
    assert all(metric["Name"] in written for metric in directive["Metrics"])
    assert all(len(names) <= 30 and set(names) <= written.keys() for names in directive["Dimensions"])
    assert written["level"] == "INFO", "otherwise Lambda's log level may filter the line"
