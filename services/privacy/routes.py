"""Privacy: erase everything of an owner, with a receipt."""

from typing import Final

from kit.http_api import Route
from services.privacy.schemas import ErasureView, StartedErasure

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
