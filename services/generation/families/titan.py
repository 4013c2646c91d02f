"""Amazon Titan Image Generator and Nova Canvas: one wire format. Only Nova has styles; the catalog lists them.

https://docs.aws.amazon.com/nova/latest/userguide/image-gen-req-resp-structure.html
"""

from collections.abc import Mapping
from typing import Any, Final

from events.model_catalog import Model
from events.parameters import GenerationParameters, ModelPlan
from kit.sealing import Texts
from services.generation.families.base import Family, ModelImage, decode_image, is_within
from services.generation.model_errors import ModelCallError


def _body(texts: Texts, parameters: GenerationParameters, plan: ModelPlan, model: Model, seed: int) -> dict[str, Any]:
    params: dict[str, Any] = {"text": texts.prompt}
    if texts.negative_prompt:
        params["negativeText"] = texts.negative_prompt
    if parameters.style in model.styles:
        params["style"] = parameters.style
    config: dict[str, Any] = {
        # These models generate up to five per call. The price is per image, so single calls cost the same.
        "numberOfImages": 1,
        "quality": parameters.quality,
        "width": plan.width,
        "height": plan.height,
        "seed": seed,
    }
    if is_within(parameters.guidance, model.guidance):
        config["cfgScale"] = parameters.guidance
    return {"taskType": "TEXT_IMAGE", "textToImageParams": params, "imageGenerationConfig": config}


def _parse(response: Mapping[str, Any]) -> ModelImage:
    images = response.get("images") or []
    if images:
        return decode_image(images[0])
    # A blocked image is a response with status 200 and a text in `error`.
    blocked = "content filter" in (response.get("error") or "").casefold()
    raise ModelCallError("ContentFiltered" if blocked else "InferenceError")


TITAN: Final = Family(_body, _parse)
