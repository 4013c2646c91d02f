"""Stable Diffusion XL: weighted text prompts in, artifacts with a finish reason out.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-diffusion-1-0-text-image.html
"""

from collections.abc import Mapping
from typing import Any, Final

from events.model_catalog import Model
from events.parameters import GenerationParameters, ModelPlan
from kit.sealing import Texts
from services.generation.families.base import Family, ModelImage, decode_image, is_within
from services.generation.model_errors import ModelCallError


def _body(texts: Texts, parameters: GenerationParameters, plan: ModelPlan, model: Model, seed: int) -> dict[str, Any]:
    prompts = [{"text": texts.prompt, "weight": 1}]
    if texts.negative_prompt:
        prompts.append({"text": texts.negative_prompt, "weight": -1})
    body: dict[str, Any] = {
        "text_prompts": prompts,
        "width": plan.width,
        "height": plan.height,
        "seed": seed,
        "samples": 1,
    }
    if is_within(parameters.steps, model.steps):
        body["steps"] = parameters.steps
    if is_within(parameters.guidance, model.guidance):
        body["cfg_scale"] = parameters.guidance
    if parameters.style in model.styles:
        body["style_preset"] = parameters.style
    return body


def _parse(response: Mapping[str, Any]) -> ModelImage:
    artifact = response["artifacts"][0]
    if artifact["finishReason"] == "CONTENT_FILTERED":  # the response contains a blurred image
        raise ModelCallError("ContentFiltered")
    if artifact["finishReason"] != "SUCCESS":
        raise ModelCallError("InferenceError")
    return decode_image(artifact["base64"], artifact.get("seed"))


SDXL: Final = Family(_body, _parse)
