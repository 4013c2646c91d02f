"""Request and response bodies of API keys and preferences."""

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from kit.callers import Priority, Scope
from kit.schemas import QueryParameters, RequestBody, Schema
from kit.text import AspectRatio, Size, Text, matching
from services.accounts.consent import Consent, Versions
from services.accounts.keys import PREFIX, Key, Status
from services.accounts.service import KeyPage

Owner = Annotated[
    str,
    *matching(
        r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}",
        "must be 1 to 64 letters, digits or . _ @ - and start with a letter or digit",
    ),
]
ModelKey = Annotated[str, *matching(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}", "must be the key of a model")]
StyleName = Annotated[str, *matching(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,49}", "must be the name of a style")]
Date = Annotated[str, *matching(r"\d{4}-\d{2}-\d{2}", "must be a date such as 2026-11-28")]
DAY: Final = 24 * 3600
USER_SCOPES: Final[tuple[Scope, ...]] = ("requests:write", "requests:read", "images:read", "images:write")
"""The scopes of a user: only what belongs to the key's owner. ``analytics:read`` shows the figures of all owners."""

Name = Annotated[Text, Field(max_length=100)]


class NewKey(RequestBody):
    """The body of `POST /v1/keys`."""

    owner: Owner
    """Name of the owner of its requests and images. Keys with the same name have the same owner."""
    name: Name
    """Purpose of the key."""
    scopes: list[Scope] = Field(min_length=1, max_length=20)
    """Permissions. ``analytics:read`` shows the figures of all owners. ``admin`` does not include the others, but can
    create keys of any owner with any scope."""
    limit: int = Field(100, ge=1, le=1_000_000)
    """Images per ``window_seconds``."""
    window_seconds: int = Field(900, ge=1, le=DAY)
    """Length of the window in which the images are counted."""
    expires_in_days: int | None = Field(None, ge=1, le=3650)
    """Default: the key does not expire."""
    priority: Priority = "normal"
    """While too many requests wait, new ones of keys of the lowest priority are refused first."""


class Rotation(RequestBody):
    """The body of `POST /v1/keys/{key_id}/rotate`. With `{}`, the old text becomes invalid immediately."""

    grace_seconds: int = Field(0, ge=0, le=7 * DAY)
    """Seconds for which the old text remains valid."""


class KeyQuery(QueryParameters):
    """The query of `GET /v1/keys`."""

    limit: int = Field(50, ge=1, le=100)
    """Maximum number of keys."""
    cursor: str | None = Field(None, max_length=200)
    """``next_cursor`` of the previous page."""


class Defaults(RequestBody):
    """Default settings for clients. Whether a model supports them is checked with each request."""

    model: ModelKey | None = None
    """Key of the model."""
    size: Size | None = None
    """``WIDTHxHEIGHT``. Excludes ``aspect_ratio``."""
    aspect_ratio: AspectRatio | None = None
    """Excludes ``size``."""
    style: StyleName | None = None
    """Name of a style."""
    count: int | None = Field(None, ge=1, le=4)
    """Number of images."""

    @model_validator(mode="after")
    def _one_shape(self) -> "Defaults":
        if self.size and self.aspect_ratio:
            raise ValueError("size and aspect_ratio exclude each other")
        return self


class NewConsent(RequestBody):
    """The body of `PUT /v1/consent`: the current versions, as `GET /v1/consent` returns them."""

    terms: Date
    """Version of the terms."""
    privacy_notice: Date
    """Version of the privacy notice."""


class Preferences(RequestBody):
    """All preferences of an owner. A `PUT` resets what it omits."""

    defaults: Defaults = Defaults()
    """Settings for new requests."""
    theme: Literal["light", "dark", "system"] = "system"
    """Colours of the web app. ``system``: as the device."""
    analytics_opt_out: bool = False
    """Keep the owner out of analytics: count new requests only in totals that name no owner, and archive their events
    without the owner."""


CONSENT_FIELDS: Final = ("terms", "privacy_notice", "given_at", "key_id", "withdrawn_at")
_POSITION: Final = re.compile(r"[0-9T:.+-]{20,40}#[a-z2-7]{12}")


class KeyView(Schema):
    """A key without its text, which is shown only once."""

    key_id: str
    """Id of the key."""
    prefix: str
    """Start of its text."""
    owner: str
    """Name of the owner of its requests and images. The id if the owner was erased."""
    owner_id: str
    """Id of the owner, which stands for the name in requests, events and logs."""
    name: str
    """Purpose of the key."""
    scopes: list[Scope]
    """Permissions."""
    limit: int
    """Images per ``window_seconds``."""
    window_seconds: int
    """Length of the window in which the images are counted."""
    priority: Priority
    """While too many requests wait, new ones of keys of the lowest priority are refused first."""
    status: Status
    """Only ``active`` keys are accepted."""
    created_at: datetime
    """When it was created."""
    expires_at: datetime | None
    """When it expires. Absent if it does not."""
    revoked_at: datetime | None
    """When it was revoked. Absent if it was not."""
    last_used_at: datetime | None
    """Up to an hour old."""
    previous_until: datetime | None
    """Until when the text before the last rotation is valid."""

    @classmethod
    def of(cls, key: Key, names: Mapping[str, str], now: datetime) -> "KeyView":
        """Return the view of ``key``, whose owner has a name in ``names`` unless it was erased."""
        return cls(**_values(key, names, now))


class KeyWithText(KeyView):
    """A key with its new text, which is shown only this once."""

    key: str
    """The text of the key, for the header ``x-api-key``. Store it safely."""

    @classmethod
    def with_text(cls, key: Key, text: str, names: Mapping[str, str], now: datetime) -> "KeyWithText":
        """Return the view of ``key`` with its text; see ``KeyView.of``."""
        return cls(**_values(key, names, now), key=text)


class KeyList(Schema):
    """A page of keys, newest first."""

    keys: list[KeyView]
    """The keys of this page."""
    next_cursor: str | None
    """The `cursor` of the next page. Absent on the last page."""

    @classmethod
    def of(cls, page: KeyPage, names: Mapping[str, str], now: datetime) -> "KeyList":
        """Return the view of ``page``."""
        cursor = base64.urlsafe_b64encode(page.last.encode()).decode() if page.last else None
        return cls(keys=[KeyView.of(key, names, now) for key in page.keys], next_cursor=cursor)


class Me(Schema):
    """The caller's API key."""

    owner: str
    """Name of the owner of its requests and images."""
    owner_id: str
    """Id of the owner, which stands for the name in requests, events and logs."""
    key_id: str
    """Id of the key."""
    scopes: list[Scope]
    """Permissions."""
    limit: int
    """Images per ``window_seconds``."""
    window_seconds: int
    """Length of the window in which the images are counted."""
    priority: Priority
    """While too many requests wait, new ones of keys of the lowest priority are refused first."""


class ConsentView(Schema):
    """The consent of the caller's owner."""

    required: bool
    """Whether this installation accepts requests only with a valid consent."""
    valid: bool
    """Whether the owner agrees to the current versions."""
    current_terms: str
    """Current version of the terms: the date on which it was published."""
    current_privacy_notice: str
    """Current version of the privacy notice."""
    terms: str | None
    """The version of the terms that the owner agreed to. Absent without a consent, like the following fields."""
    privacy_notice: str | None
    """The version of the privacy notice that the owner agreed to."""
    given_at: datetime | None
    """When the consent was given."""
    key_id: str | None
    """Id of the key with which it was given."""
    withdrawn_at: datetime | None
    """When it was withdrawn. Absent if it was not."""

    @classmethod
    def of(cls, consent: Consent | None, current: Versions, *, required: bool) -> "ConsentView":
        """Return the view of a consent."""
        given = consent.to_dict() if consent else dict.fromkeys(CONSENT_FIELDS)
        return cls.model_validate(
            {
                "required": required,
                "valid": consent is not None and consent.valid_versions == current,
                "current_terms": current.terms,
                "current_privacy_notice": current.privacy_notice,
                **given,
            }
        )


def position_of(cursor: str) -> str:
    """Return the position of a cursor. Raises ``ValueError`` for any other text."""
    try:
        position = base64.urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("invalid cursor") from error
    if not _POSITION.fullmatch(position):
        raise ValueError("invalid cursor")
    return position


def _values(key: Key, names: Mapping[str, str], now: datetime) -> dict[str, Any]:
    in_grace = key.previous_until is not None and now < key.previous_until
    return {
        "key_id": key.key_id,
        "prefix": f"{PREFIX}_{key.key_id}",
        "owner": names.get(key.owner, key.owner),
        "owner_id": key.owner,
        "name": key.name,
        "scopes": list(key.scopes),
        "limit": key.limit,
        "window_seconds": key.window,
        "priority": key.priority,
        "status": key.status(now),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
        "previous_until": key.previous_until if in_grace else None,
    }
