"""An erasure of personal data started, or a part of one."""

from typing import ClassVar

from ..envelope import Event, Id, Payload
from ..erasure import ErasureScope


class ErasureStartedData(Payload):
    """What to erase. The owner is that of the metadata."""

    erasure_id: Id
    """The erasure, which may have several of these events."""
    scope: ErasureScope
    """``owner``: everything of the owner. ``request``: the requests in ``request_ids``, with their images.
    ``image``: the images in ``image_ids``."""
    sweep: int
    """Number of the sweep, from 1. Later ones erase what was still on its way during the ones before."""
    request_ids: tuple[Id, ...] = ()
    """The requests, if they are the scope."""
    image_ids: tuple[str, ...] = ()
    """The images, if they are the scope."""


class ErasureStarted(Event):
    """Personal data must be erased. Every service that has some erases it and answers with ``DataErased``.

    Privacy publishes that of an owner. The services that list the requests or images of the owner publish the lists as
    further events of the same erasure, with the same source.

    The event belongs to no request: ``request_id`` is the erasure.
    """

    source: ClassVar[str] = "genai-images.privacy"
    detail_type: ClassVar[str] = "ErasureStarted"
    version: ClassVar[int] = 1

    data: ErasureStartedData
