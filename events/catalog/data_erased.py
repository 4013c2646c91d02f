"""A service erased what it had."""

from typing import ClassVar

from ..envelope import Event, Id, Payload
from ..erasure import StoreReceipt


class DataErasedData(Payload):
    """The answer of one service to one ``ErasureStarted``, which is the cause of the event."""

    erasure_id: Id
    """The erasure."""
    sweep: int
    """Number of the sweep."""
    service: str
    """The service that answers."""
    stores: tuple[StoreReceipt, ...] = ()
    """What was erased in each of its stores, and what remains."""
    parts: tuple[Id, ...] = ()
    """Ids of the ``ErasureStarted`` that list requests or images of the owner, if the service publishes such lists. The
    erasure is complete once they are answered, too."""
    more: bool = False
    """Whether there are more requests or images than the lists have room for. Another sweep follows then."""


class DataErased(Event):
    """A service erased what it had. Privacy collects these answers in the receipt of the erasure.

    Every service publishes it, with one source. The event belongs to no request: ``request_id`` is the erasure.
    """

    source: ClassVar[str] = "genai-images.privacy"
    detail_type: ClassVar[str] = "DataErased"
    version: ClassVar[int] = 1

    data: DataErasedData
