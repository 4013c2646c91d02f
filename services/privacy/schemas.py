"""The bodies of the API."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal, Self

from events.erasure import ErasureScope, StoreReceipt
from events.exporting import EXPORTERS
from kit.schemas import Schema
from services.privacy.exports import Export, ExportFile, Progress, Status
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


class ExportLinks(Schema):
    """Related resources."""

    self: str
    """The path of the export."""


class ExportSummary(Schema):
    """An export of everything that belongs to an owner."""

    id: str
    """Id of the export."""
    status: Status
    """`ready` once its files can be downloaded. `failed` if it was abandoned; `reason` says why."""
    requested_at: datetime
    """When it was requested."""
    completed_at: datetime | None = None
    """When it became ready or failed. Absent before."""
    expires_at: datetime | None = None
    """When it is deleted with its files. Absent while it runs."""
    reason: str | None = None
    """Why it failed. Absent otherwise."""
    links: ExportLinks
    """Related resources."""

    @classmethod
    def of(cls, export: Export) -> Self:
        """Return the view of an export without its files."""
        return cls(**_export_values(export))


class ExportList(Schema):
    """The exports of an owner that have not expired, newest first."""

    exports: list[ExportSummary]
    """The exports."""

    @classmethod
    def of(cls, exports: Sequence[Export]) -> Self:
        """Return the view of exports."""
        return cls(exports=[ExportSummary.of(export) for export in exports])


class ExportProgress(Schema):
    """How far an export is."""

    services_done: int
    """Services that have exported everything."""
    services_total: int
    """Services that have data of owners."""
    images_done: int
    """Images in the files that are complete."""
    images_total: int
    """Images that were found so far."""

    @classmethod
    def of(cls, progress: Progress, files: Sequence[ExportFile]) -> Self:
        """Return the view of a progress."""
        return cls(
            services_done=progress.services_done,
            services_total=len(EXPORTERS),
            images_done=files[-1].end if files else 0,
            images_total=progress.images,
        )


class ExportFileView(Schema):
    """A ZIP file of an export: `manifest.json`, JSON Lines per kind of data in the first file, and images."""

    name: str
    """Name under which a browser saves it."""
    bytes: int
    """Size of the file."""
    sha256: str
    """SHA-256 of the file in hexadecimal digits."""
    url: str
    """URL of the file. Valid for 15 minutes; read the export again for another one."""


class ExportView(ExportSummary):
    """An export with its progress and its files."""

    progress: ExportProgress
    """How far it is."""
    files: list[ExportFileView]
    """The files, once the export is ready. Each has at most about 1 GiB, so an owner with many images has several."""

    @classmethod
    def with_files(
        cls, export: Export, progress: Progress, files: Sequence[ExportFile], url: Callable[[str, str], str]
    ) -> Self:
        """Return the view of an export; ``url`` returns the URL of a key for a name."""
        shown = files if export.status == "ready" else ()
        return cls(
            **_export_values(export),
            progress=ExportProgress.of(progress, files),
            files=[_file_view(export, file, url) for file in shown],
        )


def _export_values(export: Export) -> dict[str, Any]:
    return {
        "id": export.export_id,
        "status": export.status,
        "requested_at": export.requested_at,
        "completed_at": export.completed_at,
        "expires_at": export.expires_at,
        "reason": export.reason,
        "links": ExportLinks(self=f"/v1/me/exports/{export.export_id}"),
    }


def _file_view(export: Export, file: ExportFile, url: Callable[[str, str], str]) -> ExportFileView:
    name = f"genai-images-export-{export.requested_at:%Y-%m-%d}-{file.number}.zip"
    return ExportFileView(name=name, bytes=file.bytes, sha256=file.sha256, url=url(file.key, name))
