"""Who listens: single-use tickets, the connections they open, and what is pushed to them.

A browser cannot send a key when it opens a WebSocket, and an address with a key in it would end up in logs. So the key
buys a ticket over HTTP, and the ticket, which works once and within a minute, opens the connection.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from events.catalog.request_status_changed import RequestStatusChanged
from events.envelope import Event
from services.notifications.messages import Message, NotUnderstood, Pong, StatusChanged

TICKET_LIFE: Final = timedelta(seconds=60)
CONNECTION_LIFE: Final = timedelta(hours=2)
"""API Gateway closes every WebSocket then (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html)."""
MOST_CONNECTIONS: Final = 20
"""Of one owner at a time."""
OPENING: Final = timedelta(seconds=10)
"""A connection that is being opened is known to us before the gateway can reach it, and must not be taken for gone."""
LONGEST_WORDS: Final = 1024
"""Characters of what a client says; nothing it may say is longer."""


class RefusedError(Exception):
    """Nobody is let in: ``reason`` is for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Connection:
    """One open WebSocket of one owner."""

    owner: str
    connection_id: str
    connected_at: datetime

    @property
    def ends_at(self) -> datetime:
        """When the gateway closes it at the latest."""
        return self.connected_at + CONNECTION_LIFE


class SocketStore(Protocol):
    """Tickets and connections."""

    def add_ticket(self, digest: str, owner: str, expires_at: datetime) -> None:
        """Keep a ticket by its hash."""

    def connect(self, digest: str, connection_id: str, now: datetime) -> Connection:
        """Spend a ticket for a connection, both or neither.

        Raises ``RefusedError`` for a ticket that is unknown, spent or expired, and for one connection too many.
        """

    def disconnect(self, connection_id: str) -> None:
        """Forget a connection by its id; one that nobody knows is fine."""

    def connections(self, owner: str, now: datetime) -> Sequence[Connection]:
        """Return an owner's connections that may be open at ``now``."""


class Sockets(Protocol):
    """The gateway's side of the connections."""

    def send(self, connection_id: str, text: str) -> bool:
        """Send ``text``; return False where the connection is gone."""


def buy_ticket(store: SocketStore, owner: str, now: datetime) -> tuple[str, datetime]:
    """Return a new ticket's text, of 256 random bits, and when it expires. Only its hash is kept."""
    text, expires_at = secrets.token_urlsafe(32), now + TICKET_LIFE
    store.add_ticket(digest_of(text), owner, expires_at)
    return text, expires_at


def digest_of(ticket: str) -> str:
    """Return the hash that is kept of a ticket."""
    return hashlib.sha256(ticket.encode()).hexdigest()


def reply_to(said: str) -> Message:
    """Return the answer to what a client said."""
    try:
        understood = len(said) <= LONGEST_WORDS and json.loads(said) == {"type": "ping"}
    except (ValueError, RecursionError):
        understood = False
    return Pong() if understood else NotUnderstood()


@dataclass(frozen=True)
class Push:
    """Tells the owner of a request that its status moved, on every connection they have."""

    store: SocketStore
    sockets: Sockets
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __call__(self, event: RequestStatusChanged) -> Sequence[Event]:
        """Push to all connections; then raise what stopped one of them, and all are told again."""
        now = self.clock()
        text = StatusChanged.of(event).model_dump_json()
        failures: list[Exception] = []
        for connection in self.store.connections(event.metadata.owner, now):
            try:
                heard = self.sockets.send(connection.connection_id, text)
            except Exception as error:
                failures.append(error)
                continue
            if not heard and now - connection.connected_at > OPENING:
                self.store.disconnect(connection.connection_id)
        if failures:
            raise failures[0]
        return []
