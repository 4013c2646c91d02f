"""What was served, so that a test can prove an image was paid for once."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True)
class Call:
    """One call. The prompt is kept as a hash only; `images` counts images delivered; `paid` is what AWS bills."""

    operation: str
    model: str
    prompt_sha256: str
    seed: int | None
    images: int
    outcome: str
    paid: bool
    time: str
    seconds: float
    """It took so long: a client with less patience never saw the answer."""


def prompt_hash(prompt: str) -> str:
    """SHA-256 of the prompt's UTF-8, in hex."""
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
        """Note one call as it ends."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        call = Call(operation, model, prompt_hash(prompt), seed, images, outcome, paid, now, round(seconds, 3))
        with self._lock:
            self._calls.append(call)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._calls.clear()

    def report(self) -> dict[str, Any]:
        """Every call, oldest first, and the totals."""
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
