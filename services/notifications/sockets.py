"""WebSockets: single-use tickets, and the connections that they open.

A browser cannot send a key when it opens a WebSocket, and a URL with a key would appear in logs. So clients create a
ticket over HTTP with their key. The ticket opens one connection within a minute.
"""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from services.notifications.messages import Message, NotUnderstood, Pong

TICKET_LIFE: Final = timedelta(seconds=60)
CONNECTION_LIFE: Final = timedelta(hours=2)
"""After which API Gateway closes every WebSocket (https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html)."""
CONNECTIONS_MAX: Final = 20
"""Per owner at the same time."""
OPENING: Final = timedelta(seconds=10)
"""A new connection is stored before the gateway can reach it, so it must not be considered closed."""
MESSAGE_MAX: Final = 1024
"""Characters per message of a client."""


class RefusedError(Exception):
    """The connection is refused. ``reason`` is for the log."""

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
        """When the gateway closes it, at the latest."""
        return self.connected_at + CONNECTION_LIFE


class SocketStore(Protocol):
    """Tickets and connections."""

    def add_ticket(self, digest: str, owner: str, expires_at: datetime) -> None:
        """Store a ticket by its hash."""

    def connect(self, digest: str, connection_id: str, now: datetime) -> Connection:
        """Consume a ticket and store its connection in one transaction.

        Raises ``RefusedError`` if the ticket is unknown, used or expired, or if the owner has too many connections.
        """

    def disconnect(self, connection_id: str) -> None:
        """Delete a connection. Does nothing if it is unknown."""

    def connections(self, owner: str, now: datetime) -> Sequence[Connection]:
        """Return an owner's connections that may be open at ``now``, oldest first."""


def create_ticket(store: SocketStore, owner: str, now: datetime) -> tuple[str, datetime]:
    """Return the text of a new ticket, with 256 random bits, and its expiry. Only its hash is stored."""
    text, expires_at = secrets.token_urlsafe(32), now + TICKET_LIFE
    store.add_ticket(digest_of(text), owner, expires_at)
    return text, expires_at


def digest_of(ticket: str) -> str:
    """Return the hash of a ticket."""
    return hashlib.sha256(ticket.encode()).hexdigest()


def reply_to(text: str) -> Message:
    """Return the response to a client's message."""
    try:
        understood = len(text) <= MESSAGE_MAX and json.loads(text) == {"type": "ping"}
    except (ValueError, RecursionError):
        understood = False
    return Pong() if understood else NotUnderstood()
