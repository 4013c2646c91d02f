"""Privacy: erase everything of an owner, with a receipt, or export it."""

from typing import Final

from kit.http_api import Route
from services.privacy.schemas import ErasureView, ExportList, ExportSummary, ExportView, StartedErasure

ERASE_ME: Final = Route(
    "DELETE",
    "/v1/me",
    "images:write",
    "Erase everything that belongs to the owner of your API key, permanently; its keys stop working within a minute",
    responses={202: StartedErasure},
    problems=(403,),
    response_headers={202: ("Location",)},
)
SHOW_ERASURE: Final = Route(
    "GET",
    "/v1/me/erasures/{erasure_id}",
    None,
    "Get an erasure: what was erased in each store, what remains until when, and why",
    responses={200: ErasureView},
    headers={"x-receipt-token": "The `receipt_token` of the erasure. No API key is needed."},
    problems=(404,),
)
EXPORT_ME: Final = Route(
    "POST",
    "/v1/me/exports",
    "images:read",
    "Export everything that belongs to the owner of your API key, as ZIP files; returns the export that runs, if any",
    responses={202: ExportSummary},
    problems=(403, 409),
    response_headers={202: ("Location",)},
)
LIST_EXPORTS: Final = Route(
    "GET",
    "/v1/me/exports",
    "images:read",
    "List your exports, newest first",
    responses={200: ExportList},
    problems=(403,),
)
SHOW_EXPORT: Final = Route(
    "GET",
    "/v1/me/exports/{export_id}",
    "images:read",
    "Get an export: its progress, and links to its files once it is ready",
    responses={200: ExportView},
    problems=(403, 404),
)
