"""An owner's requests, page by page: what a page is, and the cursor that leads to the next one."""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

Status = Literal[
    "accepted",
    "generating",
    "checking",
    "storing",
    "stalled",
    "succeeded",
    "rejected",
    "failed",
    "cancelled",
    "expired",
]


@dataclass(frozen=True)
class Row:
    """One request, as the index of an owner's requests knows it."""

    request_id: str
    status: str
    created_at: datetime


@dataclass(frozen=True)
class Page:
    """Some requests, newest first."""

    rows: list[Row]
    after: str | None
    """Id of the last request looked at, where there may be more."""


class ListStore(Protocol):
    """The index of an owner's requests."""

    def page(self, owner: str, *, limit: int, after: str | None, status: str | None) -> Page:
        """Return an owner's requests from the one after ``after``, in one bounded query."""


class ListQuery(BaseModel):
    """The query of `GET /v1/requests`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Status | None = None
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, description="`next_cursor` of the page before")

    @field_validator("cursor")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and _request_id(value) is None:
            raise ValueError("is not a cursor of this list")
        return value

    @property
    def after(self) -> str | None:
        """The request id that the cursor stands for."""
        return None if self.cursor is None else _request_id(self.cursor)


def cursor_of(request_id: str) -> str:
    """Return the cursor that leads on after a request."""
    return base64.urlsafe_b64encode(f"1:{request_id}".encode()).decode().rstrip("=")


def _request_id(cursor: str) -> str | None:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return None
    found = re.fullmatch(r"1:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", text)
    return found[1] if found else None
