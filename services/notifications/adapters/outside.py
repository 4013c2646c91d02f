"""What webhooks need of the world: their queue, the master of their secrets, and calls to addresses of strangers."""

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from functools import cached_property
from threading import Timer
from typing import TYPE_CHECKING, Final

from services.notifications.addresses import RefusedTargetError, Resolver, Target, TargetPolicy, resolve_name
from services.notifications.deliveries import Reply
from services.notifications.webhooks import WebhookDue

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

PATIENCE: Final = 5.0
"""Seconds that a single step may take: connecting, the handshake, each read."""
LIMIT: Final = 15.0
"""Seconds for all of it: a stranger who answers a byte at a time gets no more."""
MOST_READ: Final = 1024
"""Bytes of an answer's body; nothing is made of them."""
AGENT: Final = "genai-images-webhooks/1"


class SqsDueQueue:
    """The queue of notifications.webhook. Implements ``DueQueue``."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def send(self, message: WebhookDue) -> None:
        """Queue one message, in the shape in which EventBridge would have delivered it."""
        self._client.send_message(QueueUrl=self._url, MessageBody=message.as_delivered())


class _Pinned(http.client.HTTPConnection):
    """A connection to one address that was checked, for a host that has a name: SNI, certificate and Host are its."""

    def __init__(self, target: Target, address: str, context: ssl.SSLContext) -> None:
        super().__init__(target.host, target.port, timeout=PATIENCE)
        self.default_port = 443 if target.scheme == "https" else 80  # the Host header says any other
        self._address = address
        self._context = context if target.scheme == "https" else None

    def connect(self) -> None:
        """Connect to the address, not to the name."""
        self.sock = socket.create_connection((self._address, self.port), PATIENCE)
        if self._context:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)

    def abort(self) -> None:
        """End what is going on, from another thread."""
        if self.sock:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it ended by itself


class WebhookCaller:
    """Calls strangers. Implements ``Caller``. No proxy, no cookies, no redirects."""

    def __init__(
        self,
        policy: TargetPolicy,
        resolver: Resolver = resolve_name,
        context: ssl.SSLContext | None = None,
        limit: float = LIMIT,
    ) -> None:
        self._policy = policy
        self._resolver = resolver
        self._given = context
        self._limit = limit

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return self._given or ssl.create_default_context()

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """POST ``body``, once. Whatever goes wrong is told in the reply, in words for the webhook's owner."""
        started = time.monotonic()
        try:
            target = self._policy.parse(url)
            address = self._policy.resolve(target, self._resolver)
            status, retry_after = self._exchange(target, address, body, headers)
        except (OSError, http.client.HTTPException, RefusedTargetError, UnicodeError) as error:
            return Reply(None, _milliseconds(started), error=_words(error))
        return Reply(status, _milliseconds(started), retry_after)

    def _exchange(
        self, target: Target, address: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, str | None]:
        connection = _Pinned(target, address, self._context)
        watchdog = Timer(self._limit, connection.abort)
        watchdog.daemon = True
        watchdog.start()
        try:
            connection.request("POST", target.path, body, {"user-agent": AGENT, "connection": "close", **headers})
            answer = connection.getresponse()
            answer.read(MOST_READ)
            return answer.status, answer.getheader("retry-after")
        finally:
            watchdog.cancel()
            connection.close()


def _milliseconds(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _words(error: Exception) -> str:
    """Return what went wrong in a few words; addresses of ours are not among them."""
    match error:
        case RefusedTargetError():
            return f"the URL {error}"
        case ssl.SSLCertVerificationError():
            return f"TLS: {error.verify_message}"[:200]
        case ssl.SSLError():
            return f"TLS: {error.reason or 'failed'}"[:200]
        case socket.gaierror():
            return "the host's name does not resolve"
        case TimeoutError():
            return "no answer in time"
        case OSError():
            return (error.strerror or type(error).__name__)[:200]
        case _:
            return f"no valid HTTP answer: {type(error).__name__}"
