"""Query parameters, request and response bodies of the gallery API."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field

from events.images import Variant
from events.options import Quality
from kit.cursors import Cursor, encode_cursor
from kit.schemas import QueryParameters, RequestBody, Schema
from kit.text import Text, matching
from services.storage.listing import Listing, Page, is_position
from services.storage.models import DISPLAY, THUMBNAIL, Entry, EntrySummary, Share, partition_key
from services.storage.search import search_words

VerificationStatus = Literal["signed_by_us", "signed_by_another", "altered", "expired", "unsigned"]

MAX_WORDS: Final = 8
MAX_SHARE_SECONDS: Final = 30 * 24 * 3600

CreateUrl = Callable[[str], str]
"""Returns the URL of a file's key."""
CreateSizedUrl = Callable[[str], str | None]
"""Returns the URL of an image in every width, from the folder of its files; see ``kit.signed_urls.ImageLinks``."""


def _validate_position(position: str) -> str:
    if not is_position(position):
        raise ValueError("must be the next_cursor of an earlier page")
    return position


def _validate_words(query: str) -> str:
    if len(search_words(query)) > MAX_WORDS:
        raise ValueError(f"must have at most {MAX_WORDS} words")
    return query


_DAY_RULE: Final = "must be a date, such as 2026-11-22"


def _validate_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(_DAY_RULE) from error
    return text


Day = Annotated[str, *matching(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", _DAY_RULE), AfterValidator(_validate_day)]


class ImagesQuery(QueryParameters):
    """The query parameters of `GET /v1/images`."""

    limit: int = Field(24, ge=1, le=100)
    """Maximum number of images."""
    cursor: Annotated[Cursor, AfterValidator(_validate_position)] | None = None
    """`next_cursor` of the previous page."""
    model: Annotated[Text, Field(max_length=100)] | None = None
    """Only images of the model with this key."""
    style: Annotated[Text, Field(max_length=100)] | None = None
    """Only images with this style."""
    day: Day | None = None
    """The UTC date on which the image was stored."""
    favourite: Literal["true"] | None = None
    """Only favourites."""
    q: Annotated[Text, Field(max_length=200), AfterValidator(_validate_words)] | None = None
    """Up to eight words that the prompt must contain, in any order, case and spelling, also inside longer words."""

    def listing(self, owner: str) -> Listing:
        """Return the selection of ``owner``'s images."""
        equals = {name: value for name, value in (("model", self.model), ("style", self.style)) if value is not None}
        index, attribute, value = "by-owner", "owner", owner
        if self.favourite:
            index, attribute = "favourites", "favourite_of"
        elif self.style is not None:
            index, attribute, value = "by-style", "style_of", partition_key(owner, equals.pop("style"))
        elif self.model is not None:
            index, attribute, value = "by-model", "model_of", partition_key(owner, equals.pop("model"))
        return Listing(index, attribute, value, self.day, equals, search_words(self.q or ""))


class FileView(Schema):
    """A file, with a URL that expires."""

    url: str
    """URL of the file. Valid for 15 minutes, and for this file only."""
    media_type: str
    """Media type of the file."""
    width: int
    """Width in pixels."""
    height: int
    """Height in pixels."""
    bytes: int
    """Size of the file."""
    sha256: str
    """SHA-256 of the file in hexadecimal digits."""

    @classmethod
    def of(cls, variant: Variant, create_url: CreateUrl) -> Self:
        """Return the view of a file."""
        return cls(url=create_url(variant.key), **variant.model_dump(exclude={"key"}))


class ImageLinks(Schema):
    """URLs relative to the API."""

    self: str
    """The image."""
    request: str
    """Its request."""
    favourite: str
    """PUT marks it as a favourite, DELETE removes the mark."""
    shares: str
    """Its share links."""


class ImageView(Schema):
    """An image: its parameters and its files."""

    id: str
    """Id of the image."""
    request_id: str
    """Id of its request."""
    index: int
    """Number of the image within its request, from 0."""
    created_at: datetime
    """When it was stored."""
    prompt: str
    """The prompt of its request."""
    negative_prompt: str | None
    """The negative prompt of its request. Absent if there was none."""
    style: str | None
    """The style of its request. Absent if there was none."""
    model: str
    """Key of the model that generated it."""
    seed: int
    """Seed that it was generated with."""
    width: int
    """Width of the original in pixels."""
    height: int
    """Height of the original in pixels."""
    quality: Quality
    """The quality of its request."""
    steps: int | None
    """Diffusion steps. Absent if the request had none."""
    guidance: float | None
    """How closely it follows the prompt. Absent if the request did not say."""
    cost_usd: str
    """Price of the image in US dollars."""
    favourite: bool
    """Whether it is marked as a favourite."""
    placeholder: str
    """BlurHash."""
    original: FileView
    """The file in full size, in the format that the request names."""
    display: FileView
    """A smaller file for screens."""
    thumbnail: FileView
    """The smallest file."""
    sized_url: str | None
    """URL of the image in a width of your choice: replace `{width}` with 320, 640, 960, 1280 or 1920. AVIF, WebP or
    JPEG, as `Accept` says. Valid for 15 minutes, and for this image only. Absent if the installation has no CDN."""
    links: ImageLinks
    """Related resources."""

    @classmethod
    def of(cls, entry: Entry, create_url: CreateUrl, create_sized_url: CreateSizedUrl) -> Self:
        """Return the view of an image."""
        path = f"/v1/images/{entry.image_id}"
        files = {"original", "display", "thumbnail"}
        return cls(
            id=entry.image_id,
            width=entry.original.width,
            height=entry.original.height,
            cost_usd=str(entry.cost_usd),
            original=FileView.of(entry.original, create_url),
            display=FileView.of(entry.display, create_url),
            thumbnail=FileView.of(entry.thumbnail, create_url),
            sized_url=create_sized_url(entry.folder),
            links=ImageLinks(
                self=path,
                request=f"/v1/requests/{entry.request_id}",
                favourite=f"{path}/favourite",
                shares=f"{path}/shares",
            ),
            **entry.model_dump(exclude={"image_id", "owner", "analytics_opt_out", "cost_usd", "shares", *files}),
        )


class SelfLink(Schema):
    """A URL relative to the API."""

    self: str
    """The resource."""


class ImageSummary(Schema):
    """An image in a list."""

    id: str
    """Id of the image."""
    created_at: datetime
    """When it was stored."""
    model: str
    """Key of the model that generated it."""
    style: str | None
    """The style of its request. Absent if there was none."""
    favourite: bool
    """Whether it is marked as a favourite."""
    caption: str
    """The beginning of the prompt."""
    width: int
    """Width of the original in pixels."""
    height: int
    """Height of the original in pixels."""
    placeholder: str
    """BlurHash."""
    display_url: str
    """URL of a smaller file for screens. Valid for 15 minutes."""
    thumbnail_url: str
    """URL of the smallest file. Valid for 15 minutes."""
    sized_url: str | None
    """URL of the image in a width of your choice: replace `{width}` with 320, 640, 960, 1280 or 1920. AVIF, WebP or
    JPEG, as `Accept` says. Valid for 15 minutes, and for this image only. Absent if the installation has no CDN."""
    links: SelfLink
    """Related resources."""

    @classmethod
    def of(cls, summary: EntrySummary, create_url: CreateUrl, create_sized_url: CreateSizedUrl) -> Self:
        """Return the view of an image in a list."""
        return cls(
            id=summary.image_id,
            display_url=create_url(summary.key(DISPLAY)),
            thumbnail_url=create_url(summary.key(THUMBNAIL)),
            sized_url=create_sized_url(summary.folder),
            links=SelfLink(self=f"/v1/images/{summary.image_id}"),
            **summary.model_dump(exclude={"image_id", "folder"}),
        )


class ImagePage(Schema):
    """A page of images, newest first."""

    images: list[ImageSummary]
    """A page of a search may have fewer images than `limit`, or none, and still not be the last page."""
    next_cursor: str | None
    """The `cursor` of the next page. Absent on the last page."""

    @classmethod
    def of(cls, page: Page, create_url: CreateUrl, create_sized_url: CreateSizedUrl) -> Self:
        """Return the view of a page."""
        return cls(
            images=[ImageSummary.of(summary, create_url, create_sized_url) for summary in page.images],
            next_cursor=None if page.next_position is None else encode_cursor(page.next_position),
        )


class NewShare(RequestBody):
    """The body of `POST /v1/images/{image_id}/shares`."""

    expires_in_seconds: int = Field(7 * 24 * 3600, ge=1, le=MAX_SHARE_SECONDS)
    """Seconds until the link expires. Default: seven days."""


class ShareView(Schema):
    """A valid share link."""

    id: str
    """Id of the share link. It is not its token."""
    created_at: datetime
    """When it was created."""
    expires_at: datetime
    """When it expires."""
    links: SelfLink
    """The share link as a resource. It does not contain the token."""

    @classmethod
    def of(cls, image_id: str, share: Share) -> Self:
        """Return the view of a share link. It has no token, because tokens are not stored."""
        return cls(
            id=share.share_id,
            created_at=share.created_at,
            expires_at=share.expires_at,
            links=SelfLink(self=f"/v1/images/{image_id}/shares/{share.share_id}"),
        )


class CreatedShare(ShareView):
    """A new share link. Only this response contains its URL."""

    url: str
    """Relative to the API. Everyone with this URL can see the image."""


class ShareList(Schema):
    """The valid share links of an image, newest first."""

    shares: list[ShareView]
    """The share links."""


class VerificationView(Schema):
    """What the Content Credentials (C2PA) of a file say. The file is not stored."""

    status: VerificationStatus
    """`signed_by_us`: unchanged since this installation signed it. `signed_by_another`: unchanged since another signer
    signed it, whose identity was not checked. `altered`: changed after it was signed, or forged. `expired`: unchanged,
    but the signer's certificate has expired. `unsigned`: it has no credentials, or they were removed."""
    signer: str | None
    """The organization in the certificate of a valid signature. A forger can choose any name: trust it only if the
    status is `signed_by_us`."""
    ai_generated: bool | None
    """Whether the signer states that a model generated it. Absent without a valid signature."""
    model: str | None
    """Key of the model that generated it. Only if the status is `signed_by_us`."""
    generated_at: datetime | None
    """When it was generated. Only if the status is `signed_by_us`."""
