"""What the API shows of the gallery."""

from collections.abc import Callable
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from events.images import Quality, Variant
from services.storage.gallery import DISPLAY, THUMBNAIL, Card, Entry, Share
from services.storage.listing import Page, cursor
from services.storage.shares import LONGEST_SECONDS

Url = Callable[[str], str]
"""Turns the key of a file into its URL."""


class View(BaseModel):
    """Base of what is shown. Built when it is first needed: a cold start needs one of them, not all."""

    model_config = ConfigDict(defer_build=True)


class FileView(View):
    """One file, downloadable for a while."""

    url: str
    media_type: str
    width: int
    height: int
    bytes: int
    sha256: str

    @classmethod
    def of(cls, variant: Variant, url: Url) -> Self:
        """Return ``variant`` with its key turned into a URL."""
        return cls(url=url(variant.key), **variant.model_dump(exclude={"key"}))


class ImageLinks(View):
    """Addresses, relative to the API."""

    self: str
    request: str
    favourite: str
    shares: str


class ImageView(View):
    """One image, everything that made it, and its files."""

    id: str
    request_id: str
    index: int
    created_at: datetime
    prompt: str
    negative_prompt: str | None
    style: str | None
    model: str
    seed: int
    width: int
    height: int
    quality: Quality
    steps: int | None
    guidance: float | None
    cost_usd: str
    favourite: bool
    placeholder: str
    """BlurHash."""
    original: FileView
    display: FileView
    thumbnail: FileView
    links: ImageLinks

    @classmethod
    def of(cls, entry: Entry, url: Url) -> Self:
        """Return ``entry`` with ``url`` applied to the keys of its files."""
        here = f"/v1/images/{entry.image_id}"
        files = {"original", "display", "thumbnail"}
        return cls(
            id=entry.image_id,
            width=entry.original.width,
            height=entry.original.height,
            cost_usd=str(entry.cost_usd),
            original=FileView.of(entry.original, url),
            display=FileView.of(entry.display, url),
            thumbnail=FileView.of(entry.thumbnail, url),
            links=ImageLinks(
                self=here,
                request=f"/v1/requests/{entry.request_id}",
                favourite=f"{here}/favourite",
                shares=f"{here}/shares",
            ),
            **entry.model_dump(exclude={"image_id", "owner", "cost_usd", "shares", *files}),
        )


class SelfLink(View):
    """An address, relative to the API."""

    self: str


class ImageSummary(View):
    """A image as lists show it."""

    id: str
    created_at: datetime
    model: str
    style: str | None
    favourite: bool
    caption: str
    """The beginning of the prompt."""
    width: int
    height: int
    placeholder: str
    """BlurHash."""
    display_url: str
    thumbnail_url: str
    links: SelfLink

    @classmethod
    def of(cls, card: Card, url: Url) -> Self:
        """Return ``card`` with the URLs of its files."""
        return cls(
            id=card.image_id,
            display_url=url(card.key(DISPLAY)),
            thumbnail_url=url(card.key(THUMBNAIL)),
            links=SelfLink(self=f"/v1/images/{card.image_id}"),
            **card.model_dump(exclude={"image_id", "folder"}),
        )


class ImagePage(View):
    """Images, newest first."""

    images: list[ImageSummary]
    """A page of a search may hold fewer than asked for, even none, and still not be the last one."""
    next_cursor: str | None
    """The `cursor` of the next page. Where it is missing, this page was the last one."""

    @classmethod
    def of(cls, page: Page, url: Url) -> Self:
        """Return ``page`` with the URLs of its files."""
        return cls(
            images=[ImageSummary.of(card, url) for card in page.cards],
            next_cursor=None if page.position is None else cursor(page.position),
        )


class NewShare(BaseModel):
    """The body of `POST /v1/images/{image_id}/shares`."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    expires_in_seconds: int = Field(7 * 24 * 3600, ge=1, le=LONGEST_SECONDS, strict=True)


class ShareView(View):
    """A share link that is still good."""

    id: str
    created_at: datetime
    expires_at: datetime
    links: SelfLink

    @classmethod
    def of(cls, image: str, share: Share) -> Self:
        """Return what the image's owner may see of ``share``: not its token, which nobody knows any more."""
        return cls(
            id=share.share_id,
            created_at=share.created_at,
            expires_at=share.expires_at,
            links=SelfLink(self=f"/v1/images/{image}/shares/{share.share_id}"),
        )


class CreatedShare(ShareView):
    """A share link just made. Its address is told this once."""

    url: str
    """Relative to the API. Open to everybody who has it."""


class Shares(View):
    """A image's share links, the newest first."""

    shares: list[ShareView]
