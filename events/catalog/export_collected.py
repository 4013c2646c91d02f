"""All services have exported what they have of an owner."""

from typing import ClassVar

from ..envelope import Event, Id, Payload


class ExportCollectedData(Payload):
    """The export, whose files can be built now."""

    export_id: Id
    """The export."""


class ExportCollected(Event):
    """Every service has answered, so the files of the export can be built.

    The event belongs to no request: ``request_id`` is the export.
    """

    source: ClassVar[str] = "genai-images.privacy"
    detail_type: ClassVar[str] = "ExportCollected"
    version: ClassVar[int] = 1

    data: ExportCollectedData
