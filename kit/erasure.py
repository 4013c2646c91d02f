"""Answers of the services to ``ErasureStarted``."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final, Literal

from events.catalog.data_erased import DataErased, DataErasedData
from events.catalog.erasure_started import ErasureStarted, ErasureStartedData
from events.erasure import StoreReceipt

PAGE: Final = 25
"""Requests or images per ``ErasureStarted``: a service erases them within the timeout of its function."""
PAGES_MAX: Final = 1000
"""Lists that one answer names, so that it stays far below the size of an event. Another sweep lists the rest."""


def listed(cause: ErasureStarted, scope: Literal["request", "image"], ids: Sequence[str]) -> ErasureStarted:
    """Return the event that has ``ids`` erased, as a part of the erasure of ``cause``."""
    about = cause.data
    data = ErasureStartedData(
        erasure_id=about.erasure_id,
        scope=scope,
        sweep=about.sweep,
        request_ids=tuple(ids) if scope == "request" else (),
        image_ids=tuple(ids) if scope == "image" else (),
    )
    return ErasureStarted.follow(cause, data, occurred_at=cause.metadata.occurred_at, qualifier=f"{scope}:{ids[0]}")


def list_parts(
    cause: ErasureStarted, scope: Literal["request", "image"], ids: Iterable[str]
) -> tuple[list[ErasureStarted], bool]:
    """Return the events that have ``ids`` erased, and whether there are more ids than they have room for."""
    remaining = iter(ids)
    parts: list[ErasureStarted] = []
    while len(parts) < PAGES_MAX and (page := list(islice(remaining, PAGE))):
        parts.append(listed(cause, scope, page))
    return parts, next(remaining, None) is not None


def answer(
    cause: ErasureStarted,
    service: str,
    stores: Iterable[StoreReceipt],
    *,
    parts: Sequence[ErasureStarted] = (),
    more: bool = False,
) -> DataErased:
    """Return the answer of ``service`` to ``cause``."""
    data = DataErasedData(
        erasure_id=cause.data.erasure_id,
        sweep=cause.data.sweep,
        service=service,
        stores=tuple(stores),
        parts=tuple(part.metadata.event_id for part in parts),
        more=more,
    )
    return DataErased.follow(cause, data, qualifier=service)
