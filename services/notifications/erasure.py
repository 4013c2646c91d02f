"""Erases what notifications has of an owner: connections, webhooks and deliveries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from events.catalog.erasure_started import ErasureStarted
from events.envelope import Event
from events.erasure import StoreReceipt
from kit.clock import Clock
from kit.erasure import answer
from kit.errors import InProgressError
from services.notifications.sockets import Connection
from services.notifications.webhooks import Webhook

STORE: Final = "notifications/notifications"
TIME: Final = timedelta(seconds=40)
"""After this time, the rest is left to the next delivery of the message: an owner may have very many deliveries."""


class SubscriberErasure(Protocol):
    """What the table has of an owner."""

    def of(self, owner: str) -> tuple[Sequence[Connection], Sequence[Webhook]]:
        """Return an owner's connections and webhooks, with consistent reads."""

    def disconnect(self, connection_id: str) -> None:
        """Delete a connection. Does nothing if it is unknown."""

    def disable(self, owner: str, webhook_id: str, at: datetime) -> None:
        """Stop calling a webhook. Does nothing if it is unknown."""

    def erase_deliveries(self, webhook_id: str, go_on: Callable[[], bool]) -> tuple[int, bool]:
        """Delete the deliveries of a webhook while ``go_on``. Return their number and whether all are deleted."""

    def erase_owner(self, owner: str) -> int:
        """Delete the other items of an owner. Return their number."""


class Sockets(Protocol):
    """The gateway of the WebSockets."""

    def close(self, connection_id: str) -> None:
        """Close a connection. Does nothing if it is closed."""


@dataclass(frozen=True)
class SubscriberEraser:
    """Erases an owner and answers for notifications."""

    subscribers: SubscriberErasure
    sockets: Sockets
    clock: Clock

    def erase(self, event: ErasureStarted) -> list[Event]:
        """Close the owner's WebSockets, and delete webhooks with their deliveries.

        The first sweep disables the webhooks and keeps them: an attempt that is in progress still writes its delivery,
        which later sweeps find by the webhook.
        """
        if event.data.scope != "owner":
            return []
        owner, until = event.metadata.owner, self.clock.now() + TIME
        connections, webhooks = self.subscribers.of(owner)
        for connection in connections:
            self.sockets.close(connection.connection_id)
            self.subscribers.disconnect(connection.connection_id)
        deliveries = 0
        for webhook in webhooks:
            self.subscribers.disable(owner, webhook.webhook_id, self.clock.now())
            deleted, complete = self.subscribers.erase_deliveries(webhook.webhook_id, lambda: self.clock.now() < until)
            deliveries += deleted
            if not complete:
                raise InProgressError(f"{deliveries} deliveries erased, more are left", 1)
        items = len(connections)
        if event.data.sweep > 1:
            items += self.subscribers.erase_owner(owner)
        return [answer(event, "notifications", [StoreReceipt(store=STORE, erased=deliveries + items)])]
