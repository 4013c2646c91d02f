"""Notify owners of changed requests, decided appeals and exports: by WebSocket at once, by webhook through a queue."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from events.envelope import Event
from services.notifications.sockets import OPENING, Connection
from services.notifications.webhooks import Announced, Webhook, WebhookDue, due, message_of


class Subscribers(Protocol):
    """Connections and webhooks of owners."""

    def of(self, owner: str) -> tuple[Sequence[Connection], Sequence[Webhook]]:
        """Return an owner's connections and webhooks, with consistent reads."""

    def disconnect(self, connection_id: str) -> None:
        """Delete a connection. Does nothing if it is unknown."""


class Sockets(Protocol):
    """The gateway of the WebSockets."""

    def send(self, connection_id: str, text: str) -> bool:
        """Send ``text``; return False if the connection is closed."""


class DueQueue(Protocol):
    """The queue of due webhooks."""

    def send(self, message: WebhookDue) -> None:
        """Send one message."""


@dataclass(frozen=True)
class Push:
    """Notifies an owner on all their connections and webhooks.

    Reads the subscribers of an owner once per batch. That is late enough: a connection that was not open yet when they
    were read belongs to a client that reads its requests after connecting, and every change of this batch is older.
    Nothing is remembered beyond the batch, because changes of a later batch may be newer than that client's read.
    """

    subscribers: Subscribers
    sockets: Sockets
    queue: DueQueue
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _found: dict[str, tuple[Sequence[Connection], Sequence[Webhook]]] = field(default_factory=dict, init=False)

    def begin_batch(self) -> None:
        """Forget the subscribers of the last batch."""
        self._found.clear()

    def __call__(self, event: Announced) -> Sequence[Event]:
        """Queue the webhooks, then send to all connections. If one fails, raise its error, so that all are repeated.

        A webhook that is queued twice is one delivery, because its id is derived from the event.
        """
        owner = event.metadata.owner
        if owner not in self._found:
            self._found[owner] = self.subscribers.of(owner)
        connections, webhooks = self._found[owner]
        for webhook in webhooks:
            if webhook.wants(event):
                self.queue.send(due(webhook, event))
        self._push(owner, connections, message_of(event).model_dump_json())
        return []

    def _push(self, owner: str, connections: Sequence[Connection], text: str) -> None:
        now = self.clock()
        failures: list[Exception] = []
        for connection in connections:
            if connection.ends_at <= now:
                continue
            try:
                delivered = self.sockets.send(connection.connection_id, text)
            except Exception as error:
                failures.append(error)
                continue
            if not delivered and now - connection.connected_at > OPENING:
                self.subscribers.disconnect(connection.connection_id)
                self._found.pop(owner, None)
        if failures:
            raise failures[0]
