"""An installation on moto, and the operators' command line for it."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import boto3
import pytest
from moto import mock_aws

from cli.__main__ import main
from services.operations.dead_letters import repository
from tests.support.sealing import create_owner_keys
from tests.unit.operations.fakes import approved

PREFIX = "genai-images-test"
REGION = "us-east-1"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An AWS account in memory, with fake credentials."""
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "GENAI_IMAGES_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(repository, "POLL_SECONDS", 0)  # moto knows at once that a queue is empty
    with mock_aws():
        yield


class Installation:
    """The queues, the table and the bus of one installation, as in the templates."""

    def __init__(self) -> None:
        self.sqs = boto3.client("sqs", region_name=REGION)
        self.dynamodb = boto3.client("dynamodb", region_name=REGION)
        self.events = boto3.client("events", region_name=REGION)
        for name in ("storage-store", "storage-store-dlq", "analytics-record", "analytics-record-dlq"):
            self.sqs.create_queue(QueueName=f"{PREFIX}-{name}")
        self.sqs.create_queue(QueueName=f"{PREFIX}-intake-relay-dlq")
        self.sqs.create_queue(QueueName=f"{PREFIX}2-storage-store-dlq")  # of another installation
        for table in ("requests", "operations"):
            self._create_table(f"{PREFIX}-{table}")
        create_owner_keys(self.dynamodb, f"{PREFIX}-owner-keys", "demo")
        self.events.create_event_bus(Name=f"{PREFIX}-bus")

    def _create_table(self, name: str) -> None:
        self.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )

    def url(self, name: str) -> str:
        return self.sqs.get_queue_url(QueueName=f"{PREFIX}-{name}")["QueueUrl"]

    def dead_letter(self, name: str, body: str, attributes: dict[str, str] | None = None) -> None:
        self.sqs.send_message(
            QueueUrl=self.url(f"{name}-dlq"),
            MessageBody=body,
            MessageAttributes={
                key: {"DataType": "String", "StringValue": value} for key, value in (attributes or {}).items()
            },
        )

    def bodies(self, name: str) -> list[dict[str, Any]]:
        """Return the visible messages of a queue without deleting them."""
        answer = self.sqs.receive_message(QueueUrl=self.url(name), MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def visible(self, name: str) -> int:
        found = self.sqs.get_queue_attributes(QueueUrl=self.url(name), AttributeNames=["ApproximateNumberOfMessages"])[
            "Attributes"
        ]
        return int(found["ApproximateNumberOfMessages"])

    def request(self, number: int, status: str) -> None:
        request_id = approved(number).metadata.request_id
        self.dynamodb.put_item(
            TableName=f"{PREFIX}-requests",
            Item={"pk": {"S": f"REQUEST#{request_id}"}, "sk": {"S": "STATE"}, "status": {"S": status}},
        )


@pytest.fixture
def installation(aws: None) -> Installation:
    return Installation()


@dataclass(frozen=True)
class Result:
    """The exit code and the output of a command."""

    exit_code: int
    stdout: str
    stderr: str


class Run(Protocol):
    """Runs the command line with ``typed`` as standard input."""

    def __call__(self, *arguments: str, typed: str = "") -> Result: ...


@pytest.fixture
def run(installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str, typed: str = "") -> Result:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = main([*arguments, "--prefix", PREFIX] if arguments else [])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return command


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]
