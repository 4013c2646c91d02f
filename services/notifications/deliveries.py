"""Delivering: claim, call, record; again with growing pauses, until it was accepted or all tries are used up."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

from events.envelope import Event
from kit.errors import InProgressError, UnprocessableError
from kit.telemetry import measure
from services.notifications import signing
from services.notifications.webhooks import (
    Attempt,
    Delivery,
    StaleError,
    Webhook,
    WebhookDue,
    WebhookStore,
    opened,
    round_of,
)

PAUSES: Final = (5, 30, 120, 600, 1800, 7200, 18_000, 36_000)
"""Seconds after each failed try: nine tries in eighteen hours."""
LEASE: Final = timedelta(seconds=60)
"""How long a delivery is in one function's hands, longer than it can take; after a crash the next try comes then."""
LONGEST_PAUSE: Final = 12 * 3600 - 600
"""SQS hides a message for twelve hours at most, counted from when it was received."""
GONE: Final = 410


@dataclass(frozen=True)
class Reply:
    """What calling an address came to."""

    status: int | None
    """None where nothing was answered; ``error`` says why."""
    duration_ms: int
    retry_after: str | None = None
    error: str | None = None


class Caller(Protocol):
    """Calls addresses. Whatever happens is a ``Reply``."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """POST ``body``, once, without following a redirect."""


@dataclass(frozen=True)
class Deliver:
    """Makes one delivery, or one try of it."""

    store: WebhookStore
    caller: Caller
    master: Callable[[], bytes]
    """Returns the secret that webhooks' secrets are derived from."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    jitter: Callable[[], float] = lambda: random.uniform(0.9, 1.1)  # noqa: S311 - jitter, not a secret

    def __call__(self, message: WebhookDue) -> Sequence[Event]:
        """Try once. Raises ``InProgressError`` for the next try, ``UnprocessableError`` after the last one."""
        webhook = self.store.webhook(message.metadata.owner, message.data.webhook_id)
        if webhook is None or webhook.disabled_at is not None:
            return []  # there is nobody to tell any more
        delivery = self._claim(message)
        if delivery is None:
            return []
        reply = self._call(webhook, delivery)
        with suppress(StaleError):  # a resend took it over meanwhile, and what becomes of it is recorded there
            self._record(webhook, delivery, reply)
        return []

    def _claim(self, message: WebhookDue) -> Delivery | None:
        """Take a delivery into our hands, or return None where there is nothing left to do."""
        now, round_ = self.clock(), round_of(message)
        found = self.store.delivery(message.data.webhook_id, message.data.delivery_id) or opened(message)
        if round_ > found.round:
            found = replace(found, state="pending", round=round_, tries=0, due_at=now)
        if round_ < found.round or found.state == "delivered":
            return None
        if found.state == "failed":  # recorded, and cut off before the message was dead-lettered
            raise UnprocessableError(f"{found.webhook_id}: given up after {found.tries} tries")
        if found.due_at > now:
            raise InProgressError("the next try is not due yet", math.ceil((found.due_at - now).total_seconds()))
        if found.tries > len(PAUSES):  # every try crashed: what came of the last one was never recorded
            self.store.save(replace(found, state="failed"))
            raise UnprocessableError(f"{found.webhook_id}: {found.tries} tries were cut off")
        try:
            return self.store.save(replace(found, tries=found.tries + 1, due_at=now + LEASE))
        except StaleError as error:
            raise InProgressError("somebody else is at it", LEASE.total_seconds()) from error

    def _call(self, webhook: Webhook, delivery: Delivery) -> Reply:
        body, now = delivery.body.encode(), self.clock()
        generations = webhook.generations(now)
        signed = signing.headers(self.master(), webhook.webhook_id, generations, delivery.delivery_id, body, now)
        return self.caller.post(webhook.url, body, {"content-type": "application/json", **signed})

    def _record(self, webhook: Webhook, delivery: Delivery, reply: Reply) -> None:
        now = self.clock()
        accepted = reply.status is not None and 200 <= reply.status < 300
        error = None if accepted else reply.error or f"HTTP {reply.status}"
        attempt = Attempt(now, reply.duration_ms, reply.status, error)
        is_last = delivery.tries > len(PAUSES) or reply.status == GONE
        outcome = "accepted" if accepted else "abandoned" if is_last else "failed"
        measure("webhook", {"webhook_attempts": 1}, {"outcome": outcome}, webhook_id=webhook.webhook_id)
        if reply.status == GONE:
            self.store.disable(webhook.owner, webhook.webhook_id, now)
        if accepted or is_last:
            self.store.save(delivery.concluded(attempt, "delivered" if accepted else "failed", now))
            if not accepted and reply.status != GONE:
                raise UnprocessableError(f"{webhook.webhook_id}: given up after {delivery.tries} tries: {error}")
            return
        pause = math.ceil(max(PAUSES[delivery.tries - 1] * self.jitter(), asked_pause(reply.retry_after, now)))
        self.store.save(delivery.concluded(attempt, "pending", now + timedelta(seconds=pause)))
        raise InProgressError(f"{error}, the next try is due later", pause)


def asked_pause(header: str | None, now: datetime) -> float:
    """Return the seconds that a ``Retry-After`` asks for, in either of its forms, at most what a queue can wait."""
    if header is None:
        return 0
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_PAUSE)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(0.0, (at - now).total_seconds()), LONGEST_PAUSE)
