"""A service exported a page of what it has of an owner."""

from typing import ClassVar

from ..envelope import Event, Id, Payload
from ..exporting import ExportedPart


class DataExportedData(Payload):
    """The answer of one service to one ``ExportStarted``, which is the cause of the event."""

    export_id: Id
    """The export."""
    service: str
    """The service that answers."""
    page: int
    """Number of the page, from 1."""
    parts: tuple[ExportedPart, ...] = ()
    """The data of the page: files in the exports bucket."""
    images: ExportedPart | None = None
    """A file whose lines are ``ExportedImage``: the images of the page. It is not in the export itself."""
    next_position: str | None = None
    """Where the next page begins. None on the last page."""


class DataExported(Event):
    """A service exported a page of what it has. Privacy collects these answers, and builds the export from the parts.

    Every service publishes it, with one source. The event belongs to no request: ``request_id`` is the export.
    """

    source: ClassVar[str] = "genai-images.privacy"
    detail_type: ClassVar[str] = "DataExported"
    version: ClassVar[int] = 1

    data: DataExportedData
