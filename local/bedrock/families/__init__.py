"""The image model families: how each reads a request body and builds its response."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.bedrock.errors import malformed
from local.bedrock.families import sdxl, stability, titan
from local.bedrock.families.base import Family

FAMILIES: dict[str, Family] = {
    "sdxl": sdxl.SDXL,
    "titan": titan.TITAN,
    "nova": titan.NOVA,
    "titan-custom": titan.CUSTOM,
    "sd35": stability.SD35,
    "stability": stability.CORE_AND_ULTRA,
}


def family_of_body(body: Mapping[str, Any]) -> Family:
    """Return the family of a custom model from the format of the body, because its ARN does not name it."""
    if "text_prompts" in body:
        return FAMILIES["sdxl"]
    if "taskType" in body:
        return FAMILIES["titan-custom"]
    if "prompt" in body:
        return FAMILIES["sd35"]
    raise malformed("#: required key [prompt] not found")


__all__ = ["FAMILIES", "Family", "family_of_body"]
