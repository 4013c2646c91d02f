"""Wiring shared by all consumers: clients made once, at import, from the function's environment."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import boto3

from events.envelope import Event
from kit import startup
from kit.consumer import BatchHandler, Consumer, Handler, RetryPolicy
from kit.publisher import Publisher
from kit.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class ConsumerSettings(Settings):
    """What every consumer's template sets."""

    queue_url: str
    dead_letter_queue_url: str
    event_bus_name: str


class SqsQueue:
    """A source queue and its dead-letter queue on SQS."""

    def __init__(self, client: "SQSClient", url: str, dead_letter_url: str) -> None:
        self._client = client
        self._url = url
        self._dead_letter_url = dead_letter_url

    def postpone(self, receipt_handle: str, seconds: int) -> None:
        """Make the message visible again in ``seconds`` (SQS allows up to twelve hours)."""
        self._client.change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=min(seconds, 43_200)
        )

    def dead_letter(self, body: str, attributes: dict[str, str]) -> None:
        """Copy a message to the dead-letter queue, with why as message attributes."""
        self._client.send_message(
            QueueUrl=self._dead_letter_url,
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
            },
        )

    def hold(self, receipt_handles: Sequence[str], seconds: int) -> None:
        """Make at most ten messages visible again in ``seconds``. One call; what SQS refuses stays as it is."""
        self._client.change_message_visibility_batch(
            QueueUrl=self._url,
            Entries=[
                {"Id": str(at), "ReceiptHandle": handle, "VisibilityTimeout": min(seconds, 43_200)}
                for at, handle in enumerate(receipt_handles)
            ],
        )


def consumer(
    *,
    step: str,
    accepts: Sequence[type[Event]] | None,
    handle: Handler | None = None,
    handle_batch: BatchHandler | None = None,
    policy: RetryPolicy | None = None,
    workers: int = 1,
    publishes: Sequence[type[Event]] = (),
    recovers: bool = False,
) -> Consumer:
    """Return the Lambda handler for this function's queue. See ``kit.consumer.Consumer`` for the arguments."""
    settings = ConsumerSettings.load()
    made = Consumer(
        step=step,
        accepts=accepts,
        queue=SqsQueue(boto3.client("sqs"), settings.queue_url, settings.dead_letter_queue_url),
        bus=Publisher(boto3.client("events"), settings.event_bus_name),
        handle=handle,
        handle_batch=handle_batch,
        policy=policy,
        workers=workers,
        publishes=publishes,
        recovers=recovers,
    )
    startup.finished()
    return made
