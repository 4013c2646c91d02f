"""Queues, request states and the quarantine on AWS."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from events.pipeline import TimelineEntry
from kit.dynamodb import from_item, to_item
from kit.timeline import read_timeline
from kit.tracing import SYSTEM_ATTRIBUTE, message_attributes
from services.operations.dead_letters.letters import DeadLetter, Message, QueuePair, read_letter
from services.operations.dead_letters.ports import Counts, Quarantined, RequestTimeline, TimelineLine

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_sqs.client import SQSClient

SUFFIX: Final = "-dlq"
READ_DEADLINE: Final = 60.0
"""Seconds after which reading a queue stops."""
POLL_SECONDS = 1
"""Long polling queries all servers, so an empty response means an empty queue."""
BATCH: Final = 10
"""Messages per call."""
QUARANTINE: Final = "QUARANTINE"
QUARANTINE_RETENTION: Final = timedelta(days=90)
"""How long a message stays in quarantine by default."""
SHOWN_DETAILS: Final = ("step", "error", "layer", "category")
"""Details of an event that are shown: codes and names, never free text."""


class ReservationLostError(Exception):
    """Messages are no longer reserved: another operator has received or deleted them."""


class SqsQueues:
    """All pairs of queues with the prefix. Implements ``Queues``."""

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
        """Return the numbers of messages in a queue."""
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
                MessageSystemAttributeNames=["SentTimestamp", SYSTEM_ATTRIBUTE],
                MessageAttributeNames=["All"],
            )
            if not answer.get("Messages"):
                break
            found |= {received["MessageId"]: _message(received) for received in answer["Messages"]}
        return list(found.values())

    def change_visibility(self, queue: QueuePair, messages: Sequence[Message], seconds: int) -> None:
        """Keep received messages hidden for ``seconds`` from now; 0 makes them visible.

        Raises ``ReservationLostError`` if a message is no longer reserved, unless ``seconds`` is 0.
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
                _raise_if_refused(answer)

    def delete(self, queue: QueuePair, messages: Sequence[Message]) -> None:
        """Delete received messages from their queue. Raises ``ReservationLostError`` if one was not deleted."""
        for chunk in _chunks(messages):
            answer = self._client.delete_message_batch(
                QueueUrl=queue.url,
                Entries=[{"Id": str(at), "ReceiptHandle": message.receipt_handle} for at, message in enumerate(chunk)],
            )
            _raise_if_refused(answer)

    def send(self, queue: QueuePair, body: str, trace_header: str | None) -> None:
        """Send ``body`` to the source queue, with X-Ray's trace header if the dead letter has one."""
        if queue.source_url is None:
            raise ValueError(f"{queue.name} has no source queue")
        self._client.send_message(
            QueueUrl=queue.source_url, MessageBody=body, MessageSystemAttributes=message_attributes(trace_header)
        )


class NamedQueues(SqsQueues):
    """The pairs of named queues, for functions that may not list queues."""

    def __init__(self, client: "SQSClient", prefix: str, names: Sequence[str]) -> None:
        super().__init__(client, prefix)
        self._names = names
        self._known: list[QueuePair] = []

    def pairs(self) -> list[QueuePair]:
        """Return every dead-letter queue with its source, by step. Cached."""
        if not self._known:
            self._known = sorted((self._pair(name) for name in self._names), key=lambda pair: pair.name)
        return self._known

    def _pair(self, name: str) -> QueuePair:
        return QueuePair(
            step=name.replace("-", ".", 1),
            name=f"{self._prefix}{name}{SUFFIX}",
            url=self._url(f"{name}{SUFFIX}"),
            source_url=self._url(name),
        )

    def _url(self, name: str) -> str:
        return self._client.get_queue_url(QueueName=f"{self._prefix}{name}")["QueueUrl"]


class RequestTable:
    """Reads intake's table of requests. Implements ``RequestStates``."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def status(self, request_id: str) -> str | None:
        """Return the status of a request, or None if it is unknown."""
        found = self._read(request_id, "#status", {"#status": "status"})
        return str(found["status"]) if found else None

    def timeline(self, request_id: str) -> RequestTimeline | None:
        """Return a request's status and timeline, or None if it is unknown."""
        found = self._read(request_id, "#status, timeline", {"#status": "status"})
        if not found:
            return None
        lines = map(_line, read_timeline(found.get("timeline", {}), request_id).values())
        return RequestTimeline(str(found["status"]), sorted(lines, key=lambda line: line.at))

    def _read(self, request_id: str, fields: str, names: dict[str, str]) -> dict[str, Any]:
        answer = self._client.get_item(
            TableName=self._name,
            Key=to_item({"pk": f"REQUEST#{request_id}", "sk": "STATE"}),
            ProjectionExpression=fields,
            ExpressionAttributeNames=names,
            ConsistentRead=True,
        )
        return from_item(answer.get("Item", {}))


def _line(entry: TimelineEntry) -> TimelineLine:
    about = entry.details
    known = [str(about[name]) for name in SHOWN_DETAILS if about.get(name) is not None]
    if entry.detail_type == "MessageReplayed":
        known.append(f"replay {about.get('replays')}")
    return TimelineLine(entry.at, entry.detail_type, entry.event_id, ", ".join(known))


class QuarantineTable:
    """Messages in quarantine, in operations' table: complete and encrypted, until their retention ends.

    pk QUARANTINE  sk <dead-letter queue>#<event id, or message id if it is not an event>

    Implements ``Quarantine``.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        name: str,
        pairs: Callable[[], Sequence[QueuePair]],
        retention: timedelta = QUARANTINE_RETENTION,
    ) -> None:
        self._client = client
        self._name = name
        self._pairs = pairs
        self._retention = retention

    def put(self, item: Quarantined) -> None:
        """Store ``item``, replacing the same letter."""
        message = item.letter.messages[0]
        values = {
            **_quarantine_key(item.letter),
            "queue": item.letter.queue.name,
            "step": item.letter.queue.step,
            "message_id": message.message_id,
            "body": message.body,
            "attributes": {
                **message.attributes,
                "first_seen": str(int(item.letter.first_seen.timestamp() * 1000)),
            },
            "sent_at": message.sent_at.isoformat(),
            "since": item.since.isoformat(),
            "by": item.by,
            "expires_at": int((item.since + self._retention).timestamp()),
        }
        self._client.put_item(TableName=self._name, Item=to_item(values))

    def items(self) -> list[Quarantined]:
        """Return all items, by step."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=to_item({":pk": QUARANTINE}),
            ConsistentRead=True,
        )
        found = [from_item(item) for page in pages for item in page["Items"]]
        pairs = {pair.name: pair for pair in self._pairs()} if found else {}
        return [_quarantined(values, pairs) for values in found]

    def remove(self, letter: DeadLetter) -> None:
        """Delete ``letter``."""
        self._client.delete_item(TableName=self._name, Key=to_item(_quarantine_key(letter)))


def _quarantine_key(letter: DeadLetter) -> dict[str, str]:
    return {"pk": QUARANTINE, "sk": "#".join(letter.key)}


def _quarantined(values: dict[str, Any], pairs: Mapping[str, QueuePair]) -> Quarantined:
    gone = QueuePair(values["step"], values["queue"], url="", source_url=None)
    message = Message(
        message_id=values["message_id"],
        receipt_handle="",
        body=values["body"],
        sent_at=datetime.fromisoformat(values["sent_at"]),
        attributes=values["attributes"],
    )
    letter = read_letter(pairs.get(values["queue"], gone), message)
    return Quarantined(letter, datetime.fromisoformat(values["since"]), values["by"])


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
        }
        | {name: value for name, value in received["Attributes"].items() if name == SYSTEM_ATTRIBUTE},
    )


def _chunks(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    return (messages[start : start + BATCH] for start in range(0, len(messages), BATCH))


def _raise_if_refused(answer: Any) -> None:
    """Raise ``ReservationLostError`` if a batch call refused some of its entries."""
    if refused := answer.get("Failed"):
        codes = ", ".join(sorted({entry["Code"] for entry in refused}))
        raise ReservationLostError(
            f"{len(refused)} messages are no longer reserved by this command ({codes}); run it again"
        )
