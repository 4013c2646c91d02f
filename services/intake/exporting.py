"""Exports the requests and appeals of an owner, with their texts opened."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from events.catalog.image_requested import ImageRequested
from kit.exporting import Page, Record
from kit.sealing import SealedTextError, Sealer, Texts
from services.intake.models import Appeal, AppealReasons, RequestState

PAGE: Final = 200
"""Requests per page. Each is read with one query, so a page takes a few seconds."""
UNREADABLE: Final = "A text could not be opened. It was changed after it was stored."


class ExportStore(Protocol):
    """What the request table has of an owner."""

    def request_ids_after(self, owner: str, after: str | None, limit: int) -> tuple[Sequence[str], str | None]:
        """Return up to ``limit`` ids of an owner's requests, oldest first, and the last one if there may be more."""

    def read_all(self, request_id: str) -> tuple[ImageRequested, RequestState, Appeal | None]:
        """Return a request, its state and its appeal. Raise ``KeyError`` if the request was erased or has expired."""


@dataclass(frozen=True)
class RequestExport:
    """Reads the requests of an owner for an export."""

    store: ExportStore
    sealer: Sealer

    def read(self, owner: str, position: str | None) -> Page:
        """Return a page of requests, oldest first, as the API shows them but without URLs.

        Raise ``OwnerErasedError`` if the key of the owner was destroyed.
        """
        ids, after = self.store.request_ids_after(owner, position, PAGE)
        requests: list[Record] = []
        appeals: list[Record] = []
        for request_id in ids:
            try:
                request, state, appeal = self.store.read_all(request_id)
            except KeyError:
                continue
            requests.append(self._request(request, state))
            if appeal:
                appeals.append(self._appeal(appeal))
        return Page({"requests.jsonl": requests, "appeals.jsonl": appeals}, next_position=after)

    def _request(self, request: ImageRequested, state: RequestState) -> dict[str, Any]:
        from services.intake.request_views import request_view  # noqa: PLC0415 - an erasure needs no views

        try:
            texts, unreadable = self.sealer.open_texts(state.owner, request.data.parameters), {}
        except SealedTextError:
            texts, unreadable = Texts(""), {"unreadable": UNREADABLE}
        urls = {"url", "display_url", "thumbnail_url"}
        view = request_view(request, state, texts, lambda _key: "")
        excluded: Any = {"links": True, "images": {"__all__": urls}}
        return view.model_dump(mode="json", exclude_none=True, exclude=excluded) | unreadable

    def _appeal(self, appeal: Appeal) -> dict[str, Any]:
        from services.intake.appeals.views import appeal_view  # noqa: PLC0415 - an erasure needs no views

        decision = appeal.decision_reason
        try:
            opened = self.sealer.open(appeal.owner, appeal.reason)
            reasons = AppealReasons(opened, self.sealer.open(appeal.owner, decision) if decision else None)
            unreadable = {}
        except SealedTextError:
            reasons, unreadable = AppealReasons("", None), {"unreadable": UNREADABLE}
        return appeal_view(appeal, reasons).model_dump(mode="json", exclude_none=True) | unreadable
