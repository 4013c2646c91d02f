"""The log of calls, with which a test can prove that an image was paid for once."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Call:
    """One call, with a hash of its prompt. `paid` says whether AWS would bill it."""

    operation: str
    model: str
    prompt_sha256: str
    seed: int | None
    images: int
    outcome: str
    paid: bool
    time: str
    seconds: float
    """Duration. A client with a shorter timeout never saw the response."""


def prompt_hash(prompt: str) -> str:
    """Return the SHA-256 of the prompt in UTF-8, in hexadecimal digits."""
    return hashlib.sha256(prompt.encode()).hexdigest()


class CallLog:
    """An append-only list of calls with counts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Call] = []

    def add(
        self,
        operation: str,
        model: str,
        prompt: str,
        outcome: str,
        *,
        seed: int | None = None,
        images: int = 0,
        paid: bool = False,
        seconds: float = 0.0,
    ) -> None:
        """Add a call when it ends."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        call = Call(operation, model, prompt_hash(prompt), seed, images, outcome, paid, now, round(seconds, 3))
        with self._lock:
            self._calls.append(call)

    def clear(self) -> None:
        """Delete all calls."""
        with self._lock:
            self._calls.clear()

    def report(self) -> dict[str, Any]:
        """Return all calls, oldest first, and the totals."""
        with self._lock:
            calls = list(self._calls)
        return {
            "calls": [asdict(call) for call in calls],
            "counts": {
                "total": len(calls),
                "paid": sum(call.paid for call in calls),
                "images": sum(call.images for call in calls),
                "by_operation": Counter(call.operation for call in calls),
                "paid_by_operation": Counter(call.operation for call in calls if call.paid),
                "by_outcome": Counter(call.outcome for call in calls),
            },
        }
