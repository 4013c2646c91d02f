"""Who listens on a WebSocket: single-use tickets, and the connections they open.

A browser cannot send a key when it opens a WebSocket, and an address with a key in it would end up in logs. So the key
buys a ticket over HTTP, and the ticket, which works once and within a minute, opens the connection.
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
        """Return an owner's connections that may be open at ``now``, the oldest first."""


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
