"""A finished request and its images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import PrivateAttr

from genai_images._async.transport import AsyncTransport
from genai_images._protocol import SUFFIXES, segment
from genai_images.errors import AuthenticationError
from genai_images.models import Image, ImageView, RemovedImageView, RequestView


class AsyncFiles:
    """Downloads the files of images."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def read(self, image_id: str, url: str | None = None) -> tuple[bytes, str]:
        """Return the original of an image and its file name.

        Addresses are valid for some minutes. If ``url`` is not valid any more, a new one is requested.
        """
        if url:
            try:
                response = await self._transport.download(url)
            except AuthenticationError:
                return await self.read(image_id)
        else:
            view = await self._transport.get(f"/v1/images/{segment(image_id)}", ImageView)
            response = await self._transport.download(view.original.url)
        suffix = SUFFIXES.get(response.headers.get("content-type", ""), "bin")
        return response.content, f"{image_id}.{suffix}"

    async def save(self, path: str | Path, image_id: str, url: str | None = None) -> Path:
        """Write the original to a file. In a folder that exists, its name is the id of the image."""
        content, name = await self.read(image_id, url)
        target = Path(path) / name if Path(path).is_dir() else Path(path)
        target.write_bytes(content)
        return target


class AsyncGeneratedImage(Image):
    """An image of a finished request."""

    _files: AsyncFiles = PrivateAttr()

    @classmethod
    def of(cls, image: Image, transport: AsyncTransport) -> "AsyncGeneratedImage":
        """Return ``image`` with the ability to download it."""
        made = cls.model_construct(image.model_fields_set, **dict(image))
        made._files = AsyncFiles(transport)
        return made

    async def download(self) -> bytes:
        """Return the original file."""
        return (await self._files.read(self.id, self.url))[0]

    async def save(self, path: str | Path) -> Path:
        """Write the original to a file. In a folder that exists, its name is the id of the image."""
        return await self._files.save(path, self.id, self.url)


@dataclass(frozen=True)
class AsyncGeneration:
    """A request that succeeded."""

    request: RequestView
    """Everything that the API says of it: parameters, timeline, links."""
    images: tuple[AsyncGeneratedImage, ...]
    """At least one."""

    @classmethod
    def of(cls, request: RequestView, transport: AsyncTransport) -> Self:
        """Return a finished request with images that can be downloaded."""
        return cls(request, tuple(AsyncGeneratedImage.of(image, transport) for image in request.images))

    @property
    def id(self) -> str:
        """The id of the request."""
        return self.request.id

    @property
    def removed(self) -> list[RemovedImageView]:
        """The images that were requested but are missing, each with the reason."""
        return self.request.removed
