"""The files in other widths and formats that are derived from an image's original: their keys."""

import re
from dataclasses import dataclass
from typing import Final, Literal, Self, get_args

from kit.signed_urls import WIDTHS
from services.storage.models import DERIVED, FILES, derived_folder, make_image_id

DerivedFormat = Literal["avif", "webp", "jpeg"]
_KEY: Final = re.compile(
    rf"{DERIVED}([0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})/(\d{{1,2}})-[0-9a-f]{{64}}/(\d{{3,4}})\.([a-z]{{4}})",
    re.ASCII,
)


@dataclass(frozen=True)
class DerivedFile:
    """An image in one width and format. It is made when it is first viewed."""

    image_id: str
    folder: str
    """The folder of the image's files."""
    width: int
    format: DerivedFormat

    @classmethod
    def parse(cls, key: str) -> Self | None:
        """Return the file with ``key``, or None if no derived file can have it."""
        found = _KEY.fullmatch(key)
        if found is None or int(found[3]) not in WIDTHS or found[4] not in get_args(DerivedFormat):
            return None
        folder = key.rpartition("/")[0].replace(DERIVED, FILES, 1)
        return cls(make_image_id(found[1], int(found[2])), folder, int(found[3]), found[4])  # type: ignore[arg-type]

    @property
    def key(self) -> str:
        """The key of the file in the gallery bucket."""
        return f"{derived_folder(self.folder)}/{self.width}.{self.format}"

    @property
    def media_type(self) -> str:
        """The media type of the file."""
        return f"image/{self.format}"
