"""An export can be downloaded."""

from typing import ClassVar

from pydantic import AwareDatetime

from ..envelope import Event, Id, Payload


class ExportReadyData(Payload):
    """The finished export."""

    export_id: Id
    """The export."""
    files: int
    """Number of its ZIP files."""
    bytes: int
    """Size of all of them."""
    expires_at: AwareDatetime
    """When they are deleted."""


class ExportReady(Event):
    """The files of an export are complete, and the owner can download them.

    The event belongs to no request: ``request_id`` is the export.
    """

    source: ClassVar[str] = "genai-images.privacy"
    detail_type: ClassVar[str] = "ExportReady"
    version: ClassVar[int] = 1

    data: ExportReadyData
