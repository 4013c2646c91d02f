"""What an admin may ask of a key, and an owner may prefer. Unknown fields are refused, not ignored."""

from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kit.http_api import Scope
from kit.text import Text

OWNER: Final = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"
DAY: Final = 24 * 3600
USER_SCOPES: Final[tuple[Scope, ...]] = tuple(scope for scope in get_args(Scope) if scope != "admin")
"""What somebody needs who uses the system, as opposed to running it."""

Name = Annotated[Text, Field(max_length=100)]


class NewKey(BaseModel):
    """The body of `POST /v1/keys`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    owner: str = Field(pattern=OWNER, examples=["acme"])
    """Whose requests and images it sees."""
    name: Name = Field(examples=["Web shop, production"])
    """What it is for."""
    scopes: list[Scope] = Field(min_length=1, max_length=20)
    """What it may do. ``admin`` does not include the others."""
    limit: int = Field(100, ge=1, le=1_000_000)
    """Requests that it may make in ``window_seconds``."""
    window_seconds: int = Field(900, ge=1, le=DAY)
    expires_in_days: int | None = Field(None, ge=1, le=3650)
    """Never, where absent."""


class Rotation(BaseModel):
    """The body of `POST /v1/keys/{key_id}/rotate`; `{}` for an old text that stops at once."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    grace_seconds: int = Field(0, ge=0, le=7 * DAY)
    """How long the old text goes on working, for callers to move to the new one."""


class KeyQuery(BaseModel):
    """The query of `GET /v1/keys`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = Field(None, max_length=200)
    """``next_cursor`` of the page before."""


class Defaults(BaseModel):
    """What a client fills in where its user chose nothing. Whether a model can do it is told when it is asked to."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$", examples=["stable-image-core"])
    size: str | None = Field(None, pattern=r"^[1-9]\d{1,3}x[1-9]\d{1,3}$", examples=["1024x1024"])
    aspect_ratio: str | None = Field(None, pattern=r"^[1-9]\d?:[1-9]\d?$", examples=["16:9"])
    style: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,49}$", examples=["watercolor"])
    count: int | None = Field(None, ge=1, le=4)

    @model_validator(mode="after")
    def _one_shape(self) -> "Defaults":
        if self.size and self.aspect_ratio:
            raise ValueError("size and aspect_ratio exclude each other")
        return self


class Preferences(BaseModel):
    """An owner's preferences, all of them: what a `PUT` leaves out is as if it had never been set."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    defaults: Defaults = Defaults()
    theme: Literal["light", "dark", "system"] = "system"
    analytics_opt_out: bool = False
    """Do not count what this owner does."""
