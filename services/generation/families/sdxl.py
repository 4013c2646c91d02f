"""Stable Diffusion XL: weighted text prompts in, artifacts with a finish reason out.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-diffusion-1-0-text-image.html
"""

from collections.abc import Mapping
from typing import Any, Final

from events.drawing import Drawing, ModelPlan
from events.models import Model
from services.generation.families.answers import Drawn, Family, picture, within
from services.generation.model_errors import ModelCallError


def _body(drawing: Drawing, plan: ModelPlan, model: Model, seed: int) -> dict[str, Any]:
    prompts = [{"text": drawing.prompt, "weight": 1}]
    if drawing.negative_prompt:
        prompts.append({"text": drawing.negative_prompt, "weight": -1})
    body: dict[str, Any] = {
        "text_prompts": prompts,
        "width": plan.width,
        "height": plan.height,
        "seed": seed,
        "samples": 1,
    }
    if within(drawing.steps, model.steps):
        body["steps"] = drawing.steps
    if within(drawing.guidance, model.guidance):
        body["cfg_scale"] = drawing.guidance
    if drawing.style in model.styles:
        body["style_preset"] = drawing.style
    return body


def _parse(answer: Mapping[str, Any]) -> Drawn:
    artifact = answer["artifacts"][0]
    if artifact["finishReason"] == "CONTENT_FILTERED":  # comes with a blurred picture that nobody asked for
        raise ModelCallError("ContentFiltered")
    if artifact["finishReason"] != "SUCCESS":
        raise ModelCallError("InferenceError")
    return picture(artifact["base64"], artifact.get("seed"))


SDXL: Final = Family(_body, _parse)
