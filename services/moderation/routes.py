"""The routes of the moderation API."""

from typing import Final

from kit.http_api import Route
from kit.legacy_api import Failure, replaced_by
from services.moderation.schemas import Check, LegacyCheck, LegacyCheckResponse, NewCheck, ShadowQuery, ShadowReport

_RATE_LIMIT: Final = ("RateLimit-Policy", "RateLimit")

CHECK_PROMPT: Final = Route(
    "POST",
    "/v1/moderations",
    "requests:write",
    "Check a prompt without generating an image",
    responses={200: Check},
    body=NewCheck,
    problems=(400, 413, 422, 429, 503),
    response_headers={200: _RATE_LIMIT, 429: (*_RATE_LIMIT, "Retry-After"), 503: ("Retry-After",)},
)
LEGACY_CHECK_PROMPT: Final = Route(
    "POST",
    "/api/moderation/check",
    "requests:write",
    "Check a prompt, compatible with the first version of this API",
    responses={200: LegacyCheckResponse},
    body=LegacyCheck,
    problems=(400, 413, 422, 429, 503),
    response_headers=CHECK_PROMPT.response_headers,
    error_body=Failure,
    deprecation=replaced_by(CHECK_PROMPT.path),
)
SHOW_SHADOW: Final = Route(
    "GET",
    "/v1/moderation/shadow",
    "admin",
    "Get what the shadow policy would change",
    responses={200: ShadowReport},
    query=ShadowQuery,
    problems=(422,),
)
