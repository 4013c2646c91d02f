"""Create a consumer from the function's environment, with clients that live as long as the function."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import boto3

from events.envelope import Event
from kit import startup, tracing
from kit.consumer.consumer import Consumer, EachMessage, WholeBatch
from kit.consumer.policy import RetryPolicy
from kit.publisher import Publisher
from kit.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

MAX_VISIBILITY_SECONDS: Final = 43_200
"""SQS's maximum for a visibility timeout:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html."""


class ConsumerSettings(Settings):
    """The environment variables of every consumer."""

    queue_url: str
    dead_letter_queue_url: str
    event_bus_name: str


class SqsQueue:
    """A source queue and its dead-letter queue on SQS."""

    def __init__(self, client: "SQSClient", url: str, dead_letter_url: str) -> None:
        self._client = client
        self._url = url
        self._dead_letter_url = dead_letter_url

    def change_visibility(self, receipt_handle: str, seconds: int) -> None:
        """Make the message visible again in ``seconds``."""
        self._client.change_message_visibility(
            QueueUrl=self._url,
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=min(seconds, MAX_VISIBILITY_SECONDS),
        )

    def dead_letter(self, body: str, attributes: dict[str, str], trace_header: str | None) -> None:
        """Copy a message to the dead-letter queue with ``attributes`` as message attributes, and its trace header."""
        self._client.send_message(
            QueueUrl=self._dead_letter_url,
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
            },
            MessageSystemAttributes=tracing.message_attributes(trace_header),
        )


def sqs_consumer(
    step: str,
    accepts: Sequence[type[Event]] | None,
    process: EachMessage | WholeBatch,
    *,
    policy: RetryPolicy | None = None,
) -> Consumer:
    """Return the Lambda handler for this function's queue. ``Consumer`` describes the arguments."""
    settings = ConsumerSettings.load()
    consumer = Consumer(
        step,
        accepts,
        process,
        queue=SqsQueue(boto3.client("sqs"), settings.queue_url, settings.dead_letter_queue_url),
        bus=Publisher(boto3.client("events"), settings.event_bus_name),
        policy=policy,
    )
    startup.finished()
    return consumer
