"""Queues, request states and the bus on AWS, for an operator's commands; and what tells the API whether all is well."""

import getpass
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from events.items import from_item, to_item
from events.publisher import Publisher
from services.operations.health import SIDE_BY_SIDE
from services.operations.letters import Message, QueuePair
from services.operations.ports import Counts
from services.operations.settings import HealthSettings, Target

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.client import CloudWatchClient
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

SUFFIX: Final = "-dlq"
READ_DEADLINE: Final = 60.0
"""Seconds after which reading one queue stops, whatever is left in it."""
POLL_SECONDS = 1
"""Of long polling, which asks every server: an empty answer means an empty queue."""
BATCH: Final = 10
"""Messages in one call, as many as SQS allows."""
SERVING: Final = frozenset({"ACTIVE", "UPDATING"})
"""States of a table that can be read and written."""
METRIC_PAST: Final = timedelta(minutes=5)
"""CloudWatch hears of a queue's age once a minute, and tells it a little later."""


class TakenError(Exception):
    """Messages that were received are somebody else's by now, or gone."""


class SqsQueues:
    """Every pair of queues whose names start with the prefix. Implements ``Queues``."""

    def __init__(self, client: "SQSClient", prefix: str) -> None:
        self._client = client
        self._prefix = f"{prefix}-"

    def pairs(self) -> list[QueuePair]:
        """Return every dead-letter queue with its source, by step."""
        pages = self._client.get_paginator("list_queues").paginate(
            QueueNamePrefix=self._prefix, PaginationConfig={"PageSize": 1000}
        )
        urls = {url.rsplit("/", 1)[-1]: url for page in pages for url in page.get("QueueUrls", [])}
        return [
            QueuePair(
                step=name.removeprefix(self._prefix).removesuffix(SUFFIX).replace("-", ".", 1),
                name=name,
                url=url,
                source_url=urls.get(name.removesuffix(SUFFIX)),
            )
            for name, url in sorted(urls.items())
            if name.endswith(SUFFIX)
        ]

    def counts(self, url: str) -> Counts:
        """Return how many messages a queue holds."""
        found = self._client.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )["Attributes"]
        return Counts(
            waiting=int(found["ApproximateNumberOfMessages"]) + int(found["ApproximateNumberOfMessagesDelayed"]),
            in_flight=int(found["ApproximateNumberOfMessagesNotVisible"]),
        )

    def read(self, queue: QueuePair, *, limit: int, hidden_seconds: int) -> list[Message]:
        """Receive up to ``limit`` dead letters, each once, hidden from others for a while."""
        found: dict[str, Message] = {}
        deadline = time.monotonic() + min(READ_DEADLINE, hidden_seconds / 2)
        while len(found) < limit and time.monotonic() < deadline:
            answer = self._client.receive_message(
                QueueUrl=queue.url,
                MaxNumberOfMessages=min(BATCH, limit - len(found)),
                VisibilityTimeout=hidden_seconds,
                WaitTimeSeconds=POLL_SECONDS,
                MessageSystemAttributeNames=["SentTimestamp"],
                MessageAttributeNames=["All"],
            )
            if not answer.get("Messages"):
                break
            found |= {received["MessageId"]: _message(received) for received in answer["Messages"]}
        return list(found.values())

    def hold(self, queue: QueuePair, messages: Sequence[Message], seconds: int) -> None:
        """Keep received messages hidden for ``seconds`` from now; 0 lets everybody see them.

        Raises ``TakenError`` where one is no longer ours to hold. Letting go of one that is not ours is no error.
        """
        for chunk in _chunks(messages):
            answer = self._client.change_message_visibility_batch(
                QueueUrl=queue.url,
                Entries=[
                    {"Id": str(at), "ReceiptHandle": message.receipt_handle, "VisibilityTimeout": seconds}
                    for at, message in enumerate(chunk)
                ],
            )
            if seconds:
                _insist(answer)

    def delete(self, queue: QueuePair, messages: Sequence[Message]) -> None:
        """Remove received messages from the dead-letter queue. Raises ``TakenError`` where one could not be."""
        for chunk in _chunks(messages):
            answer = self._client.delete_message_batch(
                QueueUrl=queue.url,
                Entries=[{"Id": str(at), "ReceiptHandle": message.receipt_handle} for at, message in enumerate(chunk)],
            )
            _insist(answer)

    def send(self, queue: QueuePair, body: str) -> None:
        """Send ``body`` to the source queue."""
        if queue.source_url is None:
            raise ValueError(f"{queue.name} has no source queue")
        self._client.send_message(QueueUrl=queue.source_url, MessageBody=body)


class RequestTable:
    """Intake's table of request states, only read. Implements ``RequestStates``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def status(self, request_id: str) -> str | None:
        """Return the status of a request, or None where there is no such request."""
        answer = self._client.get_item(
            TableName=self._name,
            Key=to_item({"pk": f"REQUEST#{request_id}", "sk": "STATE"}),
            ProjectionExpression="#status",
            ExpressionAttributeNames={"#status": "status"},
            ConsistentRead=True,
        )
        return str(from_item(answer["Item"])["status"]) if "Item" in answer else None


class Connection:
    """Clients for one installation, each made when it is first needed."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._session = boto3.Session(region_name=target.region)

    def _client(self, service: Any) -> Any:
        return self._session.client(service, endpoint_url=self._target.endpoint_url)

    def queues(self) -> SqsQueues:
        """Return the installation's queues."""
        return SqsQueues(self._client("sqs"), self._target.prefix)

    def states(self) -> RequestTable:
        """Return where requests stand."""
        return RequestTable(self._client("dynamodb"), self._target.requests_table)

    def bus(self) -> Publisher:
        """Return where replays are announced."""
        return Publisher(self._client("events"), self._target.bus_name)

    def caller(self) -> str:
        """Return who is at work: the ARN that AWS knows, or the login name where AWS does not say."""
        try:
            return str(self._client("sts").get_caller_identity()["Arn"])
        except (ClientError, BotoCoreError):
            return getpass.getuser()


class NotServingError(Exception):
    """It is there, and not ready."""


class AwsProbes:
    """Implements ``Probes`` with the function's own, narrow permissions."""

    def __init__(
        self,
        settings: HealthSettings,
        *,
        dynamodb: "DynamoDBClient",
        events: "EventBridgeClient",
        s3: "S3Client",
        sqs: "SQSClient",
        cloudwatch: "CloudWatchClient",
    ) -> None:
        self._settings = settings
        self._dynamodb = dynamodb
        self._events = events
        self._s3 = s3
        self._sqs = sqs
        self._cloudwatch = cloudwatch
        self._queues = SqsQueues(sqs, settings.prefix)
        self._urls: dict[str, str] = {}

    @classmethod
    def connect(cls, settings: HealthSettings) -> Self:
        """Return probes whose every call, its second try included, is over within the monitor's patience."""
        config = Config(
            connect_timeout=1,
            read_timeout=1.4,
            retries={"mode": "standard", "total_max_attempts": 2},
            max_pool_connections=SIDE_BY_SIDE,
        )
        return cls(
            settings,
            dynamodb=boto3.client("dynamodb", config=config),
            events=boto3.client("events", config=config),
            s3=boto3.client("s3", config=config),
            sqs=boto3.client("sqs", config=config),
            cloudwatch=boto3.client("cloudwatch", config=config),
        )

    def dependencies(self) -> Mapping[str, Callable[[], object]]:
        """Return, by name, what raises where the dependency cannot be reached."""
        return {
            "requests table": self._table,
            "event bus": lambda: self._events.describe_event_bus(Name=self._settings.event_bus_name),
            "hand-off bucket": lambda: self._s3.head_bucket(Bucket=self._settings.handoff_bucket_name),
        }

    def _table(self) -> None:
        answer = self._dynamodb.describe_table(TableName=self._settings.requests_table)
        if (status := answer["Table"]["TableStatus"]) not in SERVING:
            raise NotServingError(status)

    def counts(self, queue: str) -> Counts:
        """Return how many messages a queue holds, by its name without the prefix."""
        if queue not in self._urls:
            self._urls[queue] = self._sqs.get_queue_url(QueueName=self._name(queue))["QueueUrl"]
        return self._queues.counts(self._urls[queue])

    def ages(self, queues: Sequence[str]) -> Mapping[str, int]:
        """Return the age in seconds of the oldest message of each queue that CloudWatch knows to have one. One call.

        SQS itself does not tell, short of receiving the message.
        """
        now = datetime.now(UTC)
        answer = self._cloudwatch.get_metric_data(
            MetricDataQueries=[
                {
                    "Id": f"q{position}",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/SQS",
                            "MetricName": "ApproximateAgeOfOldestMessage",
                            "Dimensions": [{"Name": "QueueName", "Value": self._name(queue)}],
                        },
                        "Period": 60,
                        "Stat": "Maximum",
                    },
                }
                for position, queue in enumerate(queues)
            ],
            StartTime=now - METRIC_PAST,
            EndTime=now,
            ScanBy="TimestampDescending",
        )
        newest = {result["Id"]: result["Values"][0] for result in answer["MetricDataResults"] if result["Values"]}
        return {queue: int(newest[f"q{at}"]) for at, queue in enumerate(queues) if newest.get(f"q{at}")}

    def _name(self, queue: str) -> str:
        return f"{self._settings.prefix}-{queue}"


def _message(received: Any) -> Message:
    return Message(
        message_id=received["MessageId"],
        receipt_handle=received["ReceiptHandle"],
        body=received["Body"],
        sent_at=datetime.fromtimestamp(int(received["Attributes"]["SentTimestamp"]) / 1000, UTC),
        attributes={
            name: value["StringValue"]
            for name, value in received.get("MessageAttributes", {}).items()
            if "StringValue" in value
        },
    )


def _chunks(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    return (messages[start : start + BATCH] for start in range(0, len(messages), BATCH))


def _insist(answer: Any) -> None:
    """Raise ``TakenError`` where a batch call refused some of its entries."""
    if refused := answer.get("Failed"):
        codes = ", ".join(sorted({entry["Code"] for entry in refused}))
        raise TakenError(f"{len(refused)} messages are no longer held by this command ({codes}); run it again")
