"""The cache (Valkey), which may be slow or down: a call succeeds within 50 ms, or the caller does without it. ADR 42.

Import it only if there is a cache: its client takes 50 ms at a cold start and is in another build of the shared layer.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any, Final, TypeVar

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.session import get_session
from valkey import Valkey
from valkey.backoff import NoBackoff
from valkey.credentials import CredentialProvider
from valkey.exceptions import ValkeyError
from valkey.retry import Retry

from kit.telemetry import measure

SECONDS: Final = 0.05
"""For which a caller waits, whatever the call does: resolve a name, connect, authenticate or wait for the response."""
PAUSE_SECONDS: Final = 5.0
"""For which the cache is not called after a call failed, so that a dead one does not cost every caller 50 ms."""
SOCKET_SECONDS: Final = 1.0
"""After which a command that no caller waits for any more ends. A new connection may take longer than a call."""
TOKEN_SECONDS: Final = 900
"""For which a connection can be opened with a token: the most that ElastiCache accepts."""

Value = TypeVar("Value")


class CacheUnavailableError(Exception):
    """The cache failed, was too slow, or is not called at the moment."""


class Cache:
    """Calls the cache in one thread, so that a caller can stop waiting."""

    def __init__(self, client: Any, *, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._seconds = seconds
        self._clock = clock
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="cache")
        self._late: Future[Any] | None = None
        """The command for which no caller waits any more."""
        self._paused_until = 0.0

    def warm_up(self) -> None:
        """Connect in the background, so that the first call finds a connection."""
        self._worker.submit(self._client.ping)

    def call(self, command: Callable[[Any], Value]) -> Value:
        """Return the result of ``command``. Raises ``CacheUnavailableError``.

        A command that was too slow may still be executed.
        """
        if self._clock() < self._paused_until or (self._late and not self._late.done()):
            raise CacheUnavailableError
        running = self._worker.submit(command, self._client)
        try:
            return running.result(self._seconds)
        except (ValkeyError, BotoCoreError, OSError) as error:  # TimeoutError is an OSError
            running.cancel()  # if it has not begun
            self._late, self._paused_until = running, self._clock() + PAUSE_SECONDS
            reason = type(error).__name__
            measure("cache unavailable", {"cache_failures": 1}, reason=reason, paused_seconds=PAUSE_SECONDS)
            raise CacheUnavailableError(reason) from error


class IamToken(CredentialProvider):
    """Signs in with the function's role. The user of ElastiCache has the name of the cache.

    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._session = get_session()

    def get_credentials(self) -> tuple[str, str]:
        """Return the user and a token. The client asks for every connection."""
        credentials: Any = self._session.get_credentials()
        query = f"Action=connect&ResourceType=ServerlessCache&User={self._name}"
        request = AWSRequest("GET", f"https://{self._name}/?{query}")
        region = os.environ["AWS_REGION"]
        SigV4QueryAuth(credentials.get_frozen_credentials(), "elasticache", region, TOKEN_SECONDS).add_auth(request)
        return self._name, str(request.url).removeprefix("https://")


def client(address: str, name: str) -> Any:
    """Return a ``Valkey`` of the server at ``address``, a host and a port. It connects when it is used.

    Any: the types of its methods are also those of its asynchronous variant.
    ``name`` is that of an ElastiCache, which requires TLS and a token; empty for a server on this machine.
    """
    host, _, port = address.rpartition(":")
    return Valkey(
        host=host,
        port=int(port),
        ssl=bool(name),
        credential_provider=IamToken(name) if name else None,
        socket_timeout=SOCKET_SECONDS,
        socket_connect_timeout=SOCKET_SECONDS,
        retry=Retry(NoBackoff(), 0),
        lib_name=None,  # one call less per connection
        lib_version=None,
        decode_responses=True,
    )


@cache
def connected(address: str, name: str) -> Cache:
    """Return the cache at ``address``, which it connects to in the background; see ``client``."""
    found = Cache(client(address, name))
    found.warm_up()
    return found
