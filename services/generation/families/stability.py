"""Stable Diffusion 3.5, Stable Image Core and Ultra: a prompt and an aspect ratio, one image per call.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-stability-diffusion.html
"""

from collections.abc import Mapping
from typing import Any, Final

from events.model_catalog import Model
from events.parameters import GenerationParameters, ModelPlan
from kit.sealing import Texts
from services.generation.families.base import Family, ModelImage, decode_image
from services.generation.model_errors import ModelCallError


def _body(texts: Texts, _parameters: GenerationParameters, plan: ModelPlan, _model: Model, seed: int) -> dict[str, Any]:
    body: dict[str, Any] = {"prompt": texts.prompt, "seed": seed, "output_format": "png"}
    if texts.negative_prompt:
        body["negative_prompt"] = texts.negative_prompt
    if plan.aspect_ratio:
        body["aspect_ratio"] = plan.aspect_ratio
    return body


def _parse(response: Mapping[str, Any]) -> ModelImage:
    reason = (response.get("finish_reasons") or [None])[0]
    if reason is not None:  # a filtered response may lack `images` and `seeds`
        raise ModelCallError("ContentFiltered" if reason.startswith("Filter reason") else "InferenceError")
    return decode_image(response["images"][0], (response.get("seeds") or [None])[0])


STABILITY: Final = Family(_body, _parse)
