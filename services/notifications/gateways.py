"""The WebSocket gateway, the queue of webhooks, and calls to the URLs of webhooks."""

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from functools import cached_property
from threading import Timer
from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from kit.errors import TransientError, error_code
from kit.tracing import header_of, message_attributes
from services.notifications.addresses import RefusedTargetError, Resolver, Target, TargetPolicy, resolve_name
from services.notifications.deliveries import Reply
from services.notifications.webhooks import WebhookDue

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient
    from mypy_boto3_sqs.client import SQSClient

STEP_TIMEOUT: Final = 5.0
"""Seconds for connecting, for the handshake and for each read."""
CALL_TIMEOUT: Final = 15.0
"""Seconds for the whole call, also if the server responds one byte at a time."""
READ_MAX: Final = 1024
"""Bytes of a response body that are read. They are ignored."""
USER_AGENT: Final = "genai-images-webhooks/1"


CLIENT_CONFIG: Final = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
"""A slow connection must not delay the others for long."""


class WebSocketGateway:
    """API Gateway's management endpoint for open WebSockets. Implements ``Sockets``."""

    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _client(self) -> "ApiGatewayManagementApiClient":
        return boto3.client("apigatewaymanagementapi", endpoint_url=self._url, config=CLIENT_CONFIG)

    def send(self, connection_id: str, text: str) -> bool:
        """Send ``text``; return False if the connection is closed. Raises ``TransientError`` if throttled."""
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=text.encode())
        except self._client.exceptions.GoneException:
            return False
        except ClientError as error:
            if error_code(error) == "LimitExceededException":
                raise TransientError("the gateway throttles messages") from error
            raise
        return True

    def close(self, connection_id: str) -> None:
        """Close a connection. Does nothing if it is closed. Raises ``TransientError`` if throttled."""
        try:
            self._client.delete_connection(ConnectionId=connection_id)
        except self._client.exceptions.GoneException:
            return
        except ClientError as error:
            if error_code(error) == "LimitExceededException":
                raise TransientError("the gateway throttles messages") from error
            raise


class SqsDueQueue:
    """The queue of notifications.webhook. Implements ``DueQueue``."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, message: WebhookDue) -> None:
        """Send one message in the form in which EventBridge delivers events."""
        self._client.send_message(
            QueueUrl=self._url,
            MessageBody=message.as_delivered(),
            MessageSystemAttributes=message_attributes(header_of(message)),
        )


class _Pinned(http.client.HTTPConnection):
    """A connection to one checked address. SNI, certificate and ``Host`` header are those of the name."""

    def __init__(self, target: Target, address: str, context: ssl.SSLContext) -> None:
        super().__init__(target.host, target.port, timeout=STEP_TIMEOUT)
        self.default_port = 443 if target.scheme == "https" else 80  # the Host header names any other port
        self._address = address
        self._context = context if target.scheme == "https" else None

    def connect(self) -> None:
        """Connect to the address instead of the name."""
        self.sock = socket.create_connection((self._address, self.port), STEP_TIMEOUT)
        if self._context:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)

    def abort(self) -> None:
        """Abort the call from another thread."""
        if self.sock:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it has ended


class WebhookCaller:
    """Calls the URLs of webhooks, without proxy, cookies and redirects. Implements ``Caller``."""

    def __init__(
        self,
        policy: TargetPolicy,
        resolver: Resolver = resolve_name,
        context: ssl.SSLContext | None = None,
        limit: float = CALL_TIMEOUT,
    ) -> None:
        self._policy = policy
        self._resolver = resolver
        self._tls_context = context
        self._limit = limit

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return self._tls_context or ssl.create_default_context()

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """POST ``body`` once. A failure is described in the reply, for the webhook's owner."""
        started = time.monotonic()
        try:
            target = self._policy.parse(url)
            address = self._policy.resolve(target, self._resolver)
            status, retry_after = self._exchange(target, address, body, headers)
        except (OSError, http.client.HTTPException, RefusedTargetError, UnicodeError) as error:
            return Reply(None, _milliseconds(started), error=_description(error))
        return Reply(status, _milliseconds(started), retry_after)

    def _exchange(
        self, target: Target, address: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, str | None]:
        connection = _Pinned(target, address, self._context)
        watchdog = Timer(self._limit, connection.abort)
        watchdog.daemon = True
        watchdog.start()
        try:
            connection.request("POST", target.path, body, {"user-agent": USER_AGENT, "connection": "close", **headers})
            response = connection.getresponse()
            response.read(READ_MAX)
            return response.status, response.getheader("retry-after")
        finally:
            watchdog.cancel()
            connection.close()


def _milliseconds(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _description(error: Exception) -> str:
    """Return a short description of a failure. It never contains internal addresses."""
    match error:
        case RefusedTargetError():
            return f"the URL {error}"
        case ssl.SSLCertVerificationError():
            return f"TLS: {error.verify_message}"[:200]
        case ssl.SSLError():
            return f"TLS: {error.reason or 'failed'}"[:200]
        case socket.gaierror():
            return "the host name does not resolve"
        case TimeoutError():
            return "no response in time"
        case OSError():
            return (error.strerror or type(error).__name__)[:200]
        case _:
            return f"invalid HTTP response: {type(error).__name__}"
