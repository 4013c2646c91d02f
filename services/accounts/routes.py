"""The HTTP routes of accounts."""

from typing import Final

from kit.http_api import Route
from services.accounts.schemas import (
    ConsentView,
    KeyList,
    KeyQuery,
    KeyWithText,
    Me,
    NewConsent,
    NewKey,
    Preferences,
    Rotation,
)

CREATE_KEY: Final = Route(
    "POST",
    "/v1/keys",
    "admin",
    "Create an API key; its text is shown only this once",
    responses={201: KeyWithText},
    body=NewKey,
)
LIST_KEYS: Final = Route(
    "GET",
    "/v1/keys",
    "admin",
    "List all API keys, newest first",
    responses={200: KeyList},
    query=KeyQuery,
    optional_headers={200: ("Link",)},
)
ROTATE_KEY: Final = Route(
    "POST",
    "/v1/keys/{key_id}/rotate",
    "admin",
    "Rotate the text of an API key; the old one becomes invalid within a minute or after the grace period",
    responses={200: KeyWithText},
    body=Rotation,
    problems=(404, 409),
)
REVOKE_KEY: Final = Route(
    "DELETE",
    "/v1/keys/{key_id}",
    "admin",
    "Revoke an API key permanently, within a minute",
    responses={204: None},
    problems=(404,),
)
SHOW_ME: Final = Route(
    "GET",
    "/v1/me",
    "any",
    "Get the owner, scopes and limits of your API key",
    responses={200: Me},
)
SHOW_CONSENT: Final = Route(
    "GET",
    "/v1/consent",
    "any",
    "Get the current versions of the terms and the privacy notice, and your consent",
    responses={200: ConsentView},
)
GIVE_CONSENT: Final = Route(
    "PUT",
    "/v1/consent",
    "requests:write",
    "Agree to the current terms and privacy notice",
    responses={200: ConsentView},
    body=NewConsent,
)
WITHDRAW_CONSENT: Final = Route(
    "DELETE",
    "/v1/consent",
    "requests:write",
    "Withdraw your consent, within 30 seconds",
    responses={204: None},
)
SHOW_PREFERENCES: Final = Route(
    "GET",
    "/v1/preferences",
    "requests:read",
    "Get your preferences",
    responses={200: Preferences, 304: None},
    headers={"If-None-Match": "The `ETag` of an earlier response. If it is still current, the response is 304."},
    response_headers={200: ("ETag",), 304: ("ETag",)},
)
SET_PREFERENCES: Final = Route(
    "PUT",
    "/v1/preferences",
    "requests:write",
    "Replace your preferences",
    responses={200: Preferences},
    response_headers={200: ("ETag",)},
    body=Preferences,
    headers={"If-Match": "The ETag of the preferences to replace. If they have changed, the response is 412."},
    problems=(412,),
)
