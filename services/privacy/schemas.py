"""The bodies of the API."""

from datetime import datetime
from typing import Literal, Self

from events.erasure import ErasureScope, StoreReceipt
from kit.schemas import Schema
from services.privacy.models import Erasure


class ErasedStore(Schema):
    """The result of an erasure in one store."""

    store: str
    """The service, and its table, bucket or queue."""
    erased: int
    """Items, objects or messages that were erased so far."""
    remains: str | None = None
    """What is kept; absent if nothing is."""
    reason: str | None = None
    """Why it is kept."""
    until: datetime | None = None
    """When the last of it is deleted."""

    @classmethod
    def of(cls, receipt: StoreReceipt) -> Self:
        """Return the view of one store."""
        return cls(**receipt.model_dump())


class ErasureLinks(Schema):
    """Related resources."""

    self: str
    """The path of the erasure and its receipt."""


class StartedErasure(Schema):
    """An erasure that has started. Only this response contains the token of its receipt."""

    id: str
    """Id of the erasure."""
    status: Literal["running", "completed"]
    """The status when the response was sent."""
    receipt_token: str
    """Reads the receipt, in the header `x-receipt-token`: your API keys stop working within a minute. Keep it."""
    links: ErasureLinks
    """Related resources."""

    @classmethod
    def of(cls, erasure: Erasure, token: str) -> Self:
        """Return the view of a new erasure."""
        links = ErasureLinks(self=f"/v1/me/erasures/{erasure.erasure_id}")
        return cls(id=erasure.erasure_id, status=_status(erasure), receipt_token=token, links=links)


class ErasureView(Schema):
    """An erasure with its receipt."""

    id: str
    """Id of the erasure."""
    status: Literal["running", "completed"]
    """`completed` after the last sweep, which follows data that was still being processed."""
    scope: ErasureScope
    """What is erased: everything of an owner, or some requests or images."""
    requested_at: datetime
    """When the erasure was requested."""
    completed_at: datetime | None = None
    """When the last sweep was completed; absent before."""
    next_sweep_at: datetime | None = None
    """When the erasure is repeated for data that was still being processed; absent if it is not."""
    stores: list[ErasedStore]
    """Every store that has answered so far."""

    @classmethod
    def of(cls, erasure: Erasure) -> Self:
        """Return the view of an erasure."""
        return cls(
            id=erasure.erasure_id,
            status=_status(erasure),
            scope=erasure.scope,
            requested_at=erasure.requested_at,
            completed_at=erasure.completed_at,
            next_sweep_at=None if erasure.completed_at else erasure.next_sweep_at,
            stores=[ErasedStore.of(store) for store in erasure.stores],
        )


def _status(erasure: Erasure) -> Literal["running", "completed"]:
    return "completed" if erasure.completed_at else "running"
