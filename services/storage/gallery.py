"""The gallery catalogue's shapes."""

from pydantic import AwareDatetime, BaseModel, ConfigDict

from events.drawing import Quality, StoredImage


class Entry(StoredImage):
    """All that is known of one picture: its files, and everything that made it."""

    request_id: str
    owner: str
    created_at: AwareDatetime
    prompt: str
    negative_prompt: str | None = None
    style: str | None = None
    quality: Quality
    steps: int | None = None
    guidance: float | None = None

    def stored(self) -> StoredImage:
        """Return what is published of it."""
        return StoredImage.model_validate(self.model_dump())


class Tombstone(BaseModel):
    """A request that was taken back: nothing of it may enter the gallery any more."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    written_at: AwareDatetime
    """When the caller took it back or its deadline passed."""


def image_id(request_id: str, index: int) -> str:
    """Return the id of a request's ``index``-th picture."""
    return f"{request_id}-{index}"


def file_key(request_id: str, index: int, raw_sha256: str, name: str) -> str:
    """Return where a file of a picture lies in the gallery bucket.

    With the hash of the raw picture: what two attempts drew differently never shares a key.
    """
    return f"images/{request_id}/{index}-{raw_sha256}/{name}"
