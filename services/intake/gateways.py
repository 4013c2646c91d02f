"""Gateways: the relay's queue, and the function that waits."""

import json
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from events.envelope import Event
from kit.errors import error_code
from kit.telemetry import logger
from kit.tracing import header_of, message_attributes

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_sqs.client import SQSClient


class RelayQueue:
    """The queue for events that the bus did not accept. They are published with retries and a dead-letter queue."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, event: Event) -> None:
        """Queue an event as EventBridge would deliver it."""
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=event.as_delivered(),
            MessageSystemAttributes=message_attributes(header_of(event)),
        )


class WaitFunction:
    """The function that waits for a request. Its concurrency may be limited."""

    def __init__(self, client: "LambdaClient", name: str) -> None:
        self._client = client
        self._name = name

    def wait(self, request_id: str, until: float) -> str | None:
        """Wait until a request is finished or stalled, or until ``until`` (seconds since the epoch).

        Return its last status, or None if the function is busy or fails: the caller polls then.
        """
        payload = json.dumps({"request_id": request_id, "until": until})
        try:
            response = self._client.invoke(FunctionName=self._name, Payload=payload)
        except (ClientError, BotoCoreError) as error:
            reason = error_code(error) if isinstance(error, ClientError) else type(error).__name__
            logger.warning("wait function not available", request_id=request_id, reason=reason)
            return None
        if "FunctionError" in response:
            logger.warning("wait function failed", request_id=request_id, reason=response["FunctionError"])
            return None
        return str(json.loads(response["Payload"].read())["status"])
