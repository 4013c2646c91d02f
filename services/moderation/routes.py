"""The routes of moderation: what guards, describes and answers them."""

from typing import Final

from kit.http_api import Route
from kit.legacy_api import Failure
from services.moderation.views import Check, LegacyAnswer, LegacyCheck, NewCheck

_ALWAYS: Final = ("RateLimit-Policy", "RateLimit")

CHECK_PROMPT: Final = Route(
    "POST",
    "/v1/moderations",
    "requests:write",
    "Check a prompt without drawing it",
    responses={200: Check},
    body=NewCheck,
    problems=(400, 413, 422, 429, 503),
    response_headers={200: _ALWAYS, 429: (*_ALWAYS, "Retry-After"), 503: ("Retry-After",)},
)
LEGACY_CHECK_PROMPT: Final = Route(
    "POST",
    "/api/moderation/check",
    "requests:write",
    "Check a prompt, as the API's first version did",
    responses={200: LegacyAnswer},
    body=LegacyCheck,
    problems=(400, 413, 422, 429, 503),
    response_headers=CHECK_PROMPT.response_headers,
    error_body=Failure,
)
