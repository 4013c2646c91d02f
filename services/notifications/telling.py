"""A status moved: who is to be told, on the sockets at once, by webhook through a queue."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from events.catalog.request_status_changed import RequestStatusChanged
from events.envelope import Event
from services.notifications.messages import StatusChanged
from services.notifications.sockets import OPENING, Connection
from services.notifications.webhooks import Webhook, WebhookDue, due


class Audience(Protocol):
    """Who wants to hear."""

    def of(self, owner: str) -> tuple[Sequence[Connection], Sequence[Webhook]]:
        """Return an owner's connections and webhooks, read consistently."""

    def disconnect(self, connection_id: str) -> None:
        """Forget a connection by its id; one that nobody knows is fine."""


class Sockets(Protocol):
    """The gateway's side of the connections."""

    def send(self, connection_id: str, text: str) -> bool:
        """Send ``text``; return False where the connection is gone."""


class DueQueue(Protocol):
    """Where webhooks wait to be told."""

    def send(self, message: WebhookDue) -> None:
        """Queue one message."""


@dataclass(frozen=True)
class Push:
    """Tells the owner of a request that its status moved, on every connection and to every webhook they have."""

    audience: Audience
    sockets: Sockets
    queue: DueQueue
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def __call__(self, event: RequestStatusChanged) -> Sequence[Event]:
        """Queue for the webhooks first, then push to all connections; raise what stopped one, and all are told again.

        What is queued twice is one delivery: its id comes from the event.
        """
        connections, webhooks = self.audience.of(event.metadata.owner)
        for webhook in webhooks:
            if webhook.wants(event):
                self.queue.send(due(webhook, event))
        self._push(connections, StatusChanged.of(event).model_dump_json())
        return []

    def _push(self, connections: Sequence[Connection], text: str) -> None:
        now = self.clock()
        failures: list[Exception] = []
        for connection in connections:
            if connection.ends_at <= now:
                continue
            try:
                heard = self.sockets.send(connection.connection_id, text)
            except Exception as error:
                failures.append(error)
                continue
            if not heard and now - connection.connected_at > OPENING:
                self.audience.disconnect(connection.connection_id)
        if failures:
            raise failures[0]
