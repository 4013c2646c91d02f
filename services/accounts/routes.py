"""Keys and their owners' preferences: what guards, describes and answers the routes."""

from typing import Final

from kit.http_api import Route
from services.accounts.parameters import KeyQuery, NewKey, Preferences, Rotation
from services.accounts.views import KeyList, KeyWithText

CREATE_KEY: Final = Route(
    "POST",
    "/v1/keys",
    "admin",
    "Make a key; its text is shown this once",
    responses={201: KeyWithText},
    body=NewKey,
)
LIST_KEYS: Final = Route(
    "GET",
    "/v1/keys",
    "admin",
    "List all keys, newest first",
    responses={200: KeyList},
    query=KeyQuery,
)
ROTATE_KEY: Final = Route(
    "POST",
    "/v1/keys/{key_id}/rotate",
    "admin",
    "Give a key a new text, shown this once; the old one stops within a minute or after the grace asked for",
    responses={200: KeyWithText},
    body=Rotation,
    problems=(404, 409),
)
REVOKE_KEY: Final = Route(
    "DELETE",
    "/v1/keys/{key_id}",
    "admin",
    "Revoke a key for good; it stops within a minute",
    responses={204: None},
    problems=(404,),
)
SHOW_PREFERENCES: Final = Route(
    "GET",
    "/v1/preferences",
    "requests:read",
    "Show your preferences",
    responses={200: Preferences},
    response_headers={200: ("ETag",)},
)
SET_PREFERENCES: Final = Route(
    "PUT",
    "/v1/preferences",
    "requests:write",
    "Replace your preferences",
    responses={200: Preferences},
    response_headers={200: ("ETag",)},
    body=Preferences,
    headers={"If-Match": "The ETag of what is to be replaced: 412 where it is no longer that."},
    problems=(412,),
)
