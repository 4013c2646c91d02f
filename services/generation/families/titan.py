"""Amazon Titan Image Generator and Nova Canvas: one shape; only Nova knows styles, and the catalog says which.

https://docs.aws.amazon.com/nova/latest/userguide/image-gen-req-resp-structure.html
"""

from collections.abc import Mapping
from typing import Any, Final

from events.images import GenerationParameters, ModelPlan
from events.model_catalog import Model
from services.generation.families.answers import Drawn, Family, image, within
from services.generation.model_errors import ModelCallError


def _body(parameters: GenerationParameters, plan: ModelPlan, model: Model, seed: int) -> dict[str, Any]:
    params: dict[str, Any] = {"text": parameters.prompt}
    if parameters.negative_prompt:
        params["negativeText"] = parameters.negative_prompt
    if parameters.style in model.styles:
        params["style"] = parameters.style
    config: dict[str, Any] = {
        # These models would draw five at once; the price is by the image, so asking one by one costs the same.
        "numberOfImages": 1,
        "quality": parameters.quality,
        "width": plan.width,
        "height": plan.height,
        "seed": seed,
    }
    if within(parameters.guidance, model.guidance):
        config["cfgScale"] = parameters.guidance
    return {"taskType": "TEXT_IMAGE", "textToImageParams": params, "imageGenerationConfig": config}


def _parse(answer: Mapping[str, Any]) -> Drawn:
    images = answer.get("images") or []
    if images:
        return image(images[0])
    # A blocked image is a 200 that says so in `error`.
    blocked = "content filter" in (answer.get("error") or "").casefold()
    raise ModelCallError("ContentFiltered" if blocked else "InferenceError")


TITAN: Final = Family(_body, _parse)
