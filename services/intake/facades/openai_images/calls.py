"""The facade of OpenAI's Images API: its calls as requests of ours, and our results as its responses."""

import base64
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from events.model_catalog import Model, ModelCatalog
from events.options import OutputFormat
from services.intake.facades import translation
from services.intake.facades.openai_errors import blocked, unknown_model
from services.intake.facades.openai_images.schemas import ImageData, ImageGeneration, Images, Usage
from services.intake.facades.results import missing_images, stored_at
from services.intake.schemas import MAX_COUNT, Image, NewRequest, RequestView

MAX_BASE64: Final = 5_900_000
"""Characters of all images together. Lambda's limit is 6 MiB (6,291,456 bytes) including envelope and headers."""
BEST_QUALITIES: Final = frozenset({"hd", "high", "xhigh", "max"})
GPT_IMAGE: Final = ("gpt-image-", "chatgpt-image-")
"""The beginnings of the names of OpenAI's models that always answer with content."""
OPENAI_NAMES: Final = (*GPT_IMAGE, "dall-e-")
OPENAI_STYLES: Final = frozenset({"vivid", "natural"})


def new_requests(body: ImageGeneration, catalog: ModelCatalog, today: date) -> list[NewRequest]:
    """Return the call as requests of ours, each for at most as many images as a request may have."""
    model = _model(body.model, catalog, today)
    parameters: dict[str, Any] = {
        "prompt": body.prompt,
        "negative_prompt": body.negative_prompt,
        "model": model.key,
        "quality": translation.quality(model, best=body.quality in BEST_QUALITIES),
        "style": None if body.style in OPENAI_STYLES else body.style,
        "output_format": body.output_format,
        "output_compression": _compression(body),
        **translation.shape(model, body.size),
    }
    images = body.n or 1
    return [
        NewRequest(
            count=min(MAX_COUNT, images - first), seed=None if body.seed is None else body.seed + first, **parameters
        )
        for first in range(0, images, MAX_COUNT)
    ]


def _model(name: str | None, catalog: ModelCatalog, today: date) -> Model:
    if not name:
        return translation.default_model(catalog, today)
    if found := translation.find_model(name, catalog, today):
        return found
    if name.startswith(OPENAI_NAMES):
        return translation.default_model(catalog, today)
    raise unknown_model(catalog, today)


def _compression(body: ImageGeneration) -> int | None:
    """Return the compression. OpenAI accepts 100 for PNG files too, where it changes nothing."""
    lossless = body.output_format in {None, "png"}
    return None if lossless and body.output_compression == 100 else body.output_compression


def returns_content(body: ImageGeneration) -> bool:
    """Return whether the response has the content of the images instead of their URLs."""
    return is_gpt_image(body) if body.response_format is None else body.response_format == "b64_json"


def is_gpt_image(body: ImageGeneration) -> bool:
    """Return whether the call names one of OpenAI's GPT image models."""
    return (body.model or "").startswith(GPT_IMAGE)


def image_response(
    body: ImageGeneration, views: Sequence[RequestView], read_file: Callable[[str], bytes] | None = None
) -> Images:
    """Return the response for the finished requests of a call: the images of all that have some.

    With ``read_file``, the URLs in ``views`` are keys of files and the response contains the images themselves. Raise
    ``ApiProblem`` if no request has images.
    """
    found = [image for view in views for image in view.images if image.url]
    if not found:
        raise blocked(missing_images(views[0]), gpt_image=is_gpt_image(body))
    output_format: OutputFormat = body.output_format or "png"
    sizes = {f"{image.width}x{image.height}" for image in found}
    if read_file is None:
        data = [ImageData(url=image.url) for image in found]
    elif (content := _content([str(image.url) for image in found], read_file)) is not None:
        data = [ImageData(b64_json=text) for text in content]
    else:
        data, output_format, sizes = _smaller(found, read_file), "webp", set()
    return Images(
        created=max(int(stored_at(view).timestamp()) for view in views if any(image.url for image in view.images)),
        data=data,
        output_format=output_format,
        quality="high" if views[0].request.quality == "premium" else "medium",
        size=sizes.pop() if len(sizes) == 1 else None,
        usage=Usage(images=len(found), cost_usd=str(sum(Decimal(image.cost_usd) for image in found))),
    )


def _smaller(images: Sequence[Image], read_file: Callable[[str], bytes]) -> list[ImageData]:
    """Return smaller files of all images, because the originals exceed one response.

    The images are paid for by now, so that they are too large must not be an error.
    """
    displays, thumbnails = zip(*((str(i.display_url), str(i.thumbnail_url)) for i in images), strict=True)
    content = _content(displays, read_file) or _content(thumbnails, read_file)
    assert content is not None  # noqa: S101 - thumbnails always fit
    return [ImageData(b64_json=text) for text in content]


def _content(keys: Sequence[str], read_file: Callable[[str], bytes]) -> list[str] | None:
    """Return the files in base64, or None if they exceed one response."""
    contents, left = [], MAX_BASE64
    for key in keys:
        contents.append(base64.b64encode(read_file(key)).decode())
        left -= len(contents[-1])
        if left < 0:
            return None
    return contents
