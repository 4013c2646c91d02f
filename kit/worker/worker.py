"""The worker of one queue."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Condition, Event, Thread
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field

from kit.consumer.policy import describe_error
from kit.settings import Settings
from kit.telemetry import logger
from kit.tracing import SYSTEM_ATTRIBUTE

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

MAX_MESSAGES: Final = 10
"""SQS's maximum per receive call:
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html."""
PAUSE_SECONDS: Final = 1.0
"""After a receive call that failed."""
LOOK_SECONDS: Final = 0.2
"""How often the receiver looks whether it has to stop while every slot is taken."""
RECEIVE_SECONDS: Final = 100
"""Longer than a receive call with its retry and its timeouts. A receiver that is silent for longer hangs."""


class WorkerSettings(Settings):
    """The environment variables of a worker, beside those of its handler. Times are in seconds."""

    queue_url: str
    worker_concurrency: int = Field(5, ge=1)
    """Messages that are handled at a time."""
    worker_poll: int = Field(20, ge=0, le=20)
    """How long a receive call waits for messages."""
    worker_visibility: int = Field(60, ge=3)
    """How long a message of a worker that was killed stays hidden. It is extended while a message is handled."""
    worker_limit: int = 390
    """How long a message may be handled, as a function's timeout. After that, the worker is unhealthy."""
    worker_stop: int = 100
    """From SIGTERM until messages that are still handled are returned. ECS on Fargate kills after at most 120."""
    health_host: str = "127.0.0.1"
    health_port: int = 8080


class Handler(Protocol):
    """A ``Consumer``, which is also the handler of a Lambda function."""

    def build(self) -> None:
        """Prepare for several calls at a time."""

    def __call__(self, batch: dict[str, Any], context: Any = None, /) -> dict[str, Any]:
        """Handle a batch and return its failures."""


@dataclass
class _Delivery:
    """A message that this worker holds."""

    receipt_handle: str
    since: float = field(default_factory=time.monotonic)
    hidden_since: float = field(default_factory=time.monotonic)


class Worker:
    """Receives messages and has ``handler`` handle them, several at a time, each as a batch of its own."""

    def __init__(self, handler: Handler, client: "SQSClient", settings: WorkerSettings, stopping: Event) -> None:
        """``stopping`` is set from outside: the worker then receives nothing more."""
        self._handler = handler
        self._client = client
        self._settings = settings
        self._stopping = stopping
        self._pool = ThreadPoolExecutor(settings.worker_concurrency, thread_name_prefix="message")
        self._deliveries: dict[str, _Delivery] = {}
        self._changed = Condition()
        self._receiving_since = time.monotonic()

    def run(self) -> None:
        """Work until ``stopping`` is set, then finish the messages or return them."""
        self._handler.build()
        ended = Event()
        Thread(target=self._keep_hidden, args=(ended,), daemon=True, name="visibility").start()
        logger.info("worker started", concurrency=self._settings.worker_concurrency)
        while not self._stopping.is_set():
            self._receiving_since = time.monotonic()
            if free := self._free_slots():
                self._receive(min(free, MAX_MESSAGES))
        held = len(self._deliveries)
        logger.info("worker stops", messages=held)
        self._finish(self._receiving_since + self._settings.worker_stop)  # the last receive call took some of the time
        ended.set()
        late = list(self._deliveries.values())
        for each in late:
            self._return(each.receipt_handle)
        logger.info("worker stopped", finished=held - len(late), returned=len(late))

    def state(self) -> dict[str, Any]:
        """Return the answer to a health check: the ``status``, and how many ``messages`` are held.

        ``stuck``: a message takes longer than it may, or the receiver hangs. A new process helps then, and not if a
        service is unavailable.
        """
        now, held = time.monotonic(), list(self._deliveries.values())
        if self._stopping.is_set():
            status = "stopping"
        elif any(now - each.since > self._settings.worker_limit for each in held):
            status = "stuck"
        else:
            status = "ok" if now - self._receiving_since < RECEIVE_SECONDS else "stuck"
        return {"status": status, "messages": len(held)}

    def _free_slots(self) -> int:
        with self._changed:
            if len(self._deliveries) >= self._settings.worker_concurrency:
                self._changed.wait(LOOK_SECONDS)
            return self._settings.worker_concurrency - len(self._deliveries)

    def _receive(self, count: int) -> None:
        try:
            answer = self._client.receive_message(
                QueueUrl=self._settings.queue_url,
                MaxNumberOfMessages=count,
                WaitTimeSeconds=self._settings.worker_poll,
                VisibilityTimeout=self._settings.worker_visibility,
                MessageSystemAttributeNames=[
                    "ApproximateReceiveCount",
                    "ApproximateFirstReceiveTimestamp",
                    "SentTimestamp",
                    SYSTEM_ATTRIBUTE,
                ],
            )
        except (ClientError, BotoCoreError) as error:
            _warn("queue not read", error)
            self._stopping.wait(PAUSE_SECONDS)
            return
        for message in answer.get("Messages", []):
            if self._stopping.is_set():
                self._return(message["ReceiptHandle"])
                continue
            with self._changed:
                self._deliveries[message["MessageId"]] = _Delivery(message["ReceiptHandle"])
            self._pool.submit(self._handle, message)

    def _handle(self, message: "MessageTypeDef") -> None:
        try:
            failures = self._handler({"Records": [_record(message)]})["batchItemFailures"]
            if not failures:
                self._client.delete_message(QueueUrl=self._settings.queue_url, ReceiptHandle=message["ReceiptHandle"])
        except Exception as error:  # the message returns after its visibility timeout, as after a function's crash
            about: dict[str, Any] = {"message_id": message["MessageId"], **describe_error(error)}
            logger.error("message not handled", **about)
        finally:
            with self._changed:
                self._deliveries.pop(message["MessageId"], None)
                self._changed.notify_all()

    def _keep_hidden(self, ended: Event) -> None:
        """Extend the visibility timeouts of messages that take long. Most are done before the first extension."""
        third = self._settings.worker_visibility / 3
        while not ended.wait(third / 3):
            now = time.monotonic()
            for each in list(self._deliveries.values()):
                if now - each.hidden_since > third and now - each.since <= self._settings.worker_limit:
                    each.hidden_since = now
                    self._change_visibility(each.receipt_handle, self._settings.worker_visibility)

    def _finish(self, deadline: float) -> None:
        """Wait until every message is handled, or until the deadline."""
        with self._changed:
            self._changed.wait_for(lambda: not self._deliveries, max(0.0, deadline - time.monotonic()))

    def _return(self, receipt_handle: str) -> None:
        """Make a message visible at once, for another worker."""
        self._change_visibility(receipt_handle, 0)

    def _change_visibility(self, receipt_handle: str, seconds: int) -> None:
        try:
            self._client.change_message_visibility(
                QueueUrl=self._settings.queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )
        except (ClientError, BotoCoreError) as error:  # it becomes visible after its timeout
            _warn("visibility not changed", error)


def _record(message: "MessageTypeDef") -> Mapping[str, Any]:
    """Return a message as Lambda delivers it to a function."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
    }


def _warn(text: str, error: Exception) -> None:
    about: dict[str, Any] = {**describe_error(error)}
    logger.warning(text, **about)
