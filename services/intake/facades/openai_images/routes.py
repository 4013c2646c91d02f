"""The routes of OpenAI's Images API."""

from dataclasses import replace
from typing import Final

from kit.http_api import Route
from kit.legacy_api import replaced_by
from services.intake.facades.openai_images.schemas import ImageGeneration, Images
from services.intake.facades.schemas import OpenAIError
from services.intake.schemas import IDEMPOTENCY_KEY

OPENAI_GENERATE_IMAGES: Final = Route(
    "POST",
    "/openai/v1/images/generations",
    "requests:write",
    "Generate images in one call, compatible with OpenAI's Images API",
    responses={200: Images},
    body=ImageGeneration,
    headers={"Idempotency-Key": IDEMPOTENCY_KEY},
    problems=(400, 404, 409, 410, 413, 429, 500, 504),
    response_headers={
        200: ("RateLimit-Policy",),
        409: ("x-should-retry",),
        429: ("RateLimit-Policy", "RateLimit", "Retry-After"),
        500: ("x-should-retry",),
        504: ("x-should-retry", "Location"),
    },
    error_body=OpenAIError,
    needs_consent=True,
)
GENERATE_IMAGES: Final = replace(
    OPENAI_GENERATE_IMAGES,
    path="/v1/images/generations",
    summary="The same as POST /openai/v1/images/generations, at its former address",
    deprecation=replaced_by(OPENAI_GENERATE_IMAGES.path),
)
