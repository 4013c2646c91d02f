"""Generates images on a real model server with AUTOMATIC1111's API instead of the painter."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Callable

from local.bedrock.errors import ServiceError
from local.painter.brief import Brief

TIMEOUT_SECONDS = 600


def forwarder(url: str) -> Callable[[Brief], bytes]:
    """Return a function with the signature of the painter that calls the server at `url` for each image."""
    address = url.rstrip("/") + "/sdapi/v1/txt2img"

    def generate(brief: Brief) -> bytes:
        style = f", {brief.style.replace('_', ' ').lower()}" if brief.style else ""
        parameters = {
            "prompt": brief.prompt + style,
            "negative_prompt": brief.negative,
            "width": brief.width,
            "height": brief.height,
            "seed": brief.seed,
        }
        request = urllib.request.Request(address, json.dumps(parameters).encode(), {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                return base64.b64decode(json.load(response)["images"][0])
        except (OSError, ValueError, LookupError) as error:
            raise ServiceError(424, "ModelErrorException", f"The model server failed: {error}") from error

    return generate
