"""Queues and request states on AWS."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from events.items import from_item, to_item
from services.operations.dead_letters.letters import Message, QueuePair
from services.operations.dead_letters.ports import Counts

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_sqs.client import SQSClient

SUFFIX: Final = "-dlq"
READ_DEADLINE: Final = 60.0
"""Seconds after which reading one queue stops, whatever is left in it."""
POLL_SECONDS = 1
"""Of long polling, which asks every server: an empty answer means an empty queue."""
BATCH: Final = 10
"""Messages in one call, as many as SQS allows."""


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
