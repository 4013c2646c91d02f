"""An export of an owner's data started, or has to be continued."""

from typing import ClassVar

from ..envelope import Event, Id, Payload


class ExportStartedData(Payload):
    """What to export. The owner is that of the metadata."""

    export_id: Id
    """The export."""
    page: int = 1
    """Number of the page, from 1."""
    service: str | None = None
    """The service that exports this page. None for the first page of every service."""
    position: str | None = None
    """Where the page begins, as the service said in ``DataExported``."""


class ExportStarted(Event):
    """The data of an owner must be exported. Every service that has some writes a part and answers ``DataExported``.

    If an answer says that there is more, privacy publishes the event again for the next page of that service.

    The event belongs to no request: ``request_id`` is the export.
    """

    source: ClassVar[str] = "genai-images.privacy"
    detail_type: ClassVar[str] = "ExportStarted"
    version: ClassVar[int] = 1

    data: ExportStartedData
