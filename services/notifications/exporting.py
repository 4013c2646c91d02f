"""Exports the webhooks of an owner, without their secrets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kit.clock import Clock
from kit.exporting import Page
from services.notifications.sockets import Connection
from services.notifications.webhooks import Webhook


class Subscribers(Protocol):
    """Connections and webhooks of owners."""

    def of(self, owner: str) -> tuple[Sequence[Connection], Sequence[Webhook]]:
        """Return an owner's connections and webhooks, with consistent reads."""


@dataclass(frozen=True)
class WebhookExport:
    """Reads an owner's webhooks for an export, in one page: an owner has at most ten."""

    subscribers: Subscribers
    clock: Clock

    def read(self, owner: str, _position: str | None) -> Page:
        """Return the webhooks, as the API shows them."""
        from services.notifications.schemas import WebhookView  # noqa: PLC0415 - an erasure needs no schemas

        _, webhooks = self.subscribers.of(owner)
        now = self.clock.now()
        views = [WebhookView.of(webhook, now).model_dump(mode="json", exclude_none=True) for webhook in webhooks]
        return Page({"webhooks.jsonl": views})
