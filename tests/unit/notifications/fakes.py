"""Notifications in memory."""

from collections.abc import Sequence
from datetime import datetime

from services.notifications.sockets import MOST_CONNECTIONS, Connection, RefusedError


class InMemorySockets:
    """Tickets and connections in dictionaries. Implements ``SocketStore``."""

    def __init__(self) -> None:
        self.tickets: dict[str, tuple[str, datetime]] = {}
        self.open: dict[str, Connection] = {}

    def add_ticket(self, digest: str, owner: str, expires_at: datetime) -> None:
        self.tickets[digest] = (owner, expires_at)

    def connect(self, digest: str, connection_id: str, now: datetime) -> Connection:
        owner, expires_at = self.tickets.get(digest, ("", now))
        if not owner:
            raise RefusedError("no such ticket")
        if expires_at <= now:
            raise RefusedError("ticket expired")
        if len(self.connections(owner, now)) >= MOST_CONNECTIONS:
            raise RefusedError("too many connections")
        del self.tickets[digest]
        self.open[connection_id] = Connection(owner, connection_id, now.replace(microsecond=0))
        return self.open[connection_id]

    def disconnect(self, connection_id: str) -> None:
        self.open.pop(connection_id, None)

    def connections(self, owner: str, now: datetime) -> Sequence[Connection]:
        found = [each for each in self.open.values() if each.owner == owner and each.ends_at > now]
        return sorted(found, key=lambda each: each.connected_at)


class RecordingSockets:
    """A gateway that remembers what it sent. Implements ``Sockets``."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.gone: set[str] = set()
        self.busy: set[str] = set()

    def send(self, connection_id: str, text: str) -> bool:
        if connection_id in self.busy:
            raise ConnectionError(connection_id)
        if connection_id in self.gone:
            return False
        self.sent.append((connection_id, text))
        return True
