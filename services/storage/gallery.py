"""The use cases of the gallery API. Images of other owners look the same as unknown images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kit.clock import Clock
from kit.problems import ApiProblem
from services.storage.models import MAX_SHARES, DeletionMarker, Entry, Share, is_image_id
from services.storage.shares import create_share, find_share, is_share_id, read_token, valid_shares


class ImageRepository(Protocol):
    """The records of the gallery."""

    def find(self, image_id: str) -> Entry | DeletionMarker | None:
        """Return an entry, or the deletion marker that replaced it."""

    def mark_deleted(self, marker: DeletionMarker) -> bool:
        """Replace an entry with ``marker``. Return whether there was one."""

    def set_favourite(self, image_id: str, owner: str, favourite: bool) -> bool:
        """Set or remove the favourite mark. Return whether ``owner`` has such an image."""

    def add_share(self, entry: Entry, share: Share, expired: Sequence[Share]) -> bool:
        """Add ``share`` and remove the ``expired`` ones. Return False if the image has the maximum already.

        Raises ``KeyError`` if the image was deleted.
        """

    def revoke_share(self, image_id: str, owner: str, share_id: str) -> bool:
        """Remove a share, if it exists. Return whether ``owner`` has such an image."""


def image_not_found() -> ApiProblem:
    """Return the problem for an image that is unknown, deleted, or another owner's."""
    return ApiProblem("image_not_found", "No image of yours has this id. It may have been deleted.")


def share_not_found() -> ApiProblem:
    """Return the problem for a share link that is unknown, revoked or expired."""
    return ApiProblem("share_not_found", "No valid share link is at this address. It may have expired.")


@dataclass(frozen=True)
class Gallery:
    """Reads and changes the images of an owner. Every error of the caller is raised as ``ApiProblem``."""

    repository: ImageRepository
    clock: Clock

    def get(self, image_id: str, owner: str) -> Entry:
        """Return an image."""
        record = self.repository.find(image_id) if is_image_id(image_id) else None
        if not isinstance(record, Entry) or record.owner != owner:
            raise image_not_found()
        return record

    def delete(self, image_id: str, owner: str) -> None:
        """Delete an image. Deleting it again has no effect."""
        record = self.repository.find(image_id) if is_image_id(image_id) else None
        if record is None or record.owner != owner:
            raise image_not_found()
        if isinstance(record, Entry):
            self.repository.mark_deleted(record.deletion_marker(self.clock.now(), "owner"))

    def set_favourite(self, image_id: str, owner: str, favourite: bool) -> None:
        """Set or remove the favourite mark of an image."""
        if not (is_image_id(image_id) and self.repository.set_favourite(image_id, owner, favourite)):
            raise image_not_found()

    def create_share(self, image_id: str, owner: str, expires_in_seconds: int) -> tuple[Share, str]:
        """Create a share link of an image. Return it with its token, which is not stored."""
        entry, now = self.get(image_id, owner), self.clock.now()
        share, token = create_share(image_id, expires_in_seconds, now)
        expired = set(entry.shares) - set(valid_shares(entry.shares, now))
        try:
            added = self.repository.add_share(entry, share, sorted(expired, key=lambda old: old.share_id))
        except KeyError:
            raise image_not_found() from None
        if not added:
            detail = f"An image has at most {MAX_SHARES} share links. Revoke one first."
            raise ApiProblem("too_many_shares", detail)
        return share, token

    def list_shares(self, image_id: str, owner: str) -> list[Share]:
        """Return the valid share links of an image, newest first."""
        return valid_shares(self.get(image_id, owner).shares, self.clock.now())

    def revoke_share(self, image_id: str, owner: str, share_id: str) -> None:
        """Revoke a share link. Revoking it again has no effect."""
        if not is_share_id(share_id):
            raise share_not_found()
        if not (is_image_id(image_id) and self.repository.revoke_share(image_id, owner, share_id)):
            raise image_not_found()

    def open_share(self, token: str) -> tuple[Entry, int]:
        """Return the image of a share link, and the whole seconds until the link expires, at least one."""
        now = self.clock.now()
        if (target := read_token(token)) is not None:
            image_id, secret_sha256 = target
            entry = self.repository.find(image_id)
            if isinstance(entry, Entry) and (share := find_share(entry, secret_sha256, now)):
                return entry, max(1, int((share.expires_at - now).total_seconds()))
        raise share_not_found()
