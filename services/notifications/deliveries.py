"""Deliver webhooks: claim, call, record. Failed attempts are repeated with growing pauses, up to a limit."""

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Final, Protocol

from events.envelope import Event
from kit.errors import InProgressError
from kit.keyring import Keyring
from kit.telemetry import measure
from kit.token_buckets import TokenBuckets
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
"""Seconds after each failed attempt: nine attempts in eighteen hours."""
LEASE: Final = timedelta(seconds=60)
"""How long a function may work on an attempt. After a crash, the next attempt is due then."""
PAUSE_MAX: Final = 12 * 3600 - 600
"""SQS hides a message for at most twelve hours after it was received."""
GONE: Final = 410
CALL_TIME_SHARE: Final = 0.2
"""Seconds per second that calls of one owner's webhooks may take in one execution environment."""
CALL_TIME_BURST: Final = 60.0
"""Seconds that such calls may take at once: hundreds of calls of a server that answers quickly, four timeouts."""
OWNERS_MAX: Final = 1000
NO_TIME_LEFT: Final = "not sent: the servers of your webhooks answer too slowly"


@dataclass(frozen=True)
class Reply:
    """The result of a call."""

    status: int | None
    """None without a response; ``error`` is the reason."""
    duration_ms: int
    retry_after: str | None = None
    error: str | None = None


class Caller(Protocol):
    """Calls URLs. Every result is a ``Reply``."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """POST ``body`` once, without following redirects."""


@dataclass(frozen=True)
class Claimed:
    """The attempt may start."""

    delivery: Delivery


@dataclass(frozen=True)
class Finished:
    """Nothing is left to do: delivered, abandoned, or replaced by a later round."""


@dataclass(frozen=True)
class NotDue:
    """The next attempt is due in ``seconds``."""

    seconds: float
    reason: str


class CallTime:
    """The seconds that calls of each owner's webhooks may take in this execution environment.

    A token bucket in memory: slow servers of one owner take a fifth of the time of one environment, in which the
    deliveries of all owners are made.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = Lock()
        self._buckets = TokenBuckets(OWNERS_MAX, clock)

    def is_left(self, owner: str) -> bool:
        """Return whether the next call may start."""
        with self._lock:
            return self._buckets.left(owner, CALL_TIME_SHARE, CALL_TIME_BURST) > 0

    def spend(self, owner: str, seconds: float) -> None:
        """Subtract the time of a call."""
        with self._lock:
            self._buckets.take(owner, seconds, CALL_TIME_SHARE, CALL_TIME_BURST)


@dataclass(frozen=True)
class Deliver:
    """Makes one attempt of a delivery."""

    store: WebhookStore
    caller: Caller
    masters: Callable[[], Keyring]
    """Returns the versions of the secret from which the secrets of webhooks are derived."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    jitter: Callable[[], float] = lambda: random.uniform(0.9, 1.1)  # noqa: S311 - jitter, not a secret
    call_time: CallTime = field(default_factory=CallTime)

    def __call__(self, message: WebhookDue) -> Sequence[Event]:
        """Make one attempt. Raises ``InProgressError`` if another follows.

        An abandoned delivery is no dead letter: a server that does not answer is its owner's, who sees it in the list
        of deliveries and can resend it.
        """
        webhook = self.store.webhook(message.metadata.owner, message.data.webhook_id)
        if webhook is None or webhook.disabled_at is not None:
            return []
        result: Finished | NotDue
        match self._claim(message):
            case Claimed(delivery):
                result = Finished()
                with suppress(StaleError):  # a resend has replaced this round; its own attempts are recorded
                    result = self._record(webhook, delivery, self._call(webhook, delivery))
            case other:
                result = other
        if isinstance(result, NotDue):
            raise InProgressError(result.reason, result.seconds)
        return []

    def _claim(self, message: WebhookDue) -> Claimed | Finished | NotDue:
        """Take the lease of the next attempt, if one is due."""
        now, round_ = self.clock(), round_of(message)
        found = self.store.delivery(message.data.webhook_id, message.data.delivery_id) or opened(message)
        if round_ > found.round:
            found = replace(found, state="pending", round=round_, tries=0, due_at=now)
        if round_ < found.round or found.state != "pending":
            return Finished()
        if found.due_at > now:
            return NotDue(math.ceil((found.due_at - now).total_seconds()), "the next attempt is not due yet")
        if found.tries > len(PAUSES):  # the last attempt crashed before its result was recorded
            self.store.save(replace(found, state="failed"))
            measure("webhook", {"webhook_attempts": 1}, {"outcome": "abandoned"}, webhook_id=found.webhook_id)
            return Finished()
        try:
            return Claimed(self.store.save(replace(found, tries=found.tries + 1, due_at=now + LEASE)))
        except StaleError:
            return NotDue(LEASE.total_seconds(), "another function works on it")

    def _call(self, webhook: Webhook, delivery: Delivery) -> Reply:
        if not self.call_time.is_left(webhook.owner):
            return Reply(None, 0, error=NO_TIME_LEFT)
        body, now = delivery.body.encode(), self.clock()
        secrets = webhook.secrets(now)
        signed = signing.headers(self.masters(), webhook.webhook_id, secrets, delivery.delivery_id, body, now)
        reply = self.caller.post(webhook.url, body, {"content-type": "application/json", **signed})
        self.call_time.spend(webhook.owner, reply.duration_ms / 1000)
        return reply

    def _record(self, webhook: Webhook, delivery: Delivery, reply: Reply) -> Finished | NotDue:
        """Record an attempt and return what follows. Raises ``StaleError`` if a resend has replaced the round."""
        now = self.clock()
        accepted = reply.status is not None and 200 <= reply.status < 300
        error = None if accepted else reply.error or f"HTTP {reply.status}"
        attempt = Attempt(now, reply.duration_ms, reply.status, error)
        is_last = delivery.tries > len(PAUSES) or reply.status == GONE
        outcome = "accepted" if accepted else "abandoned" if is_last else "failed"
        measure("webhook", {"webhook_attempts": 1}, {"outcome": outcome}, webhook_id=webhook.webhook_id, error=error)
        if reply.status == GONE:
            self.store.disable(webhook.owner, webhook.webhook_id, now)
        if accepted or is_last:
            self.store.save(delivery.concluded(attempt, "delivered" if accepted else "failed", now))
            return Finished()
        pause = math.ceil(max(PAUSES[delivery.tries - 1] * self.jitter(), requested_pause(reply.retry_after, now)))
        self.store.save(delivery.concluded(attempt, "pending", now + timedelta(seconds=pause)))
        return NotDue(pause, f"{error}; the next attempt is due later")


def requested_pause(header: str | None, now: datetime) -> float:
    """Return the seconds of a ``Retry-After`` header in either form, at most ``PAUSE_MAX``."""
    if header is None:
        return 0
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), PAUSE_MAX)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(0.0, (at - now).total_seconds()), PAUSE_MAX)
