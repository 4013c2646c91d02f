"""Amazon Titan Image Generator and Nova Canvas: one shape; only Nova knows styles, and the catalogue says which.

https://docs.aws.amazon.com/nova/latest/userguide/image-gen-req-resp-structure.html
"""

from collections.abc import Mapping
from typing import Any, Final

from events.drawing import Drawing, ModelPlan
from events.models import Model
from services.generation.families.answers import Drawn, Family, picture, within
from services.generation.model_errors import ModelCallError


def _body(drawing: Drawing, plan: ModelPlan, model: Model, seed: int) -> dict[str, Any]:
    params: dict[str, Any] = {"text": drawing.prompt}
    if drawing.negative_prompt:
        params["negativeText"] = drawing.negative_prompt
    if drawing.style in model.styles:
        params["style"] = drawing.style
    config: dict[str, Any] = {
        # These models would draw five at once; the price is by the picture, so asking one by one costs the same.
        "numberOfImages": 1,
        "quality": drawing.quality,
        "width": plan.width,
        "height": plan.height,
        "seed": seed,
    }
    if within(drawing.guidance, model.guidance):
        config["cfgScale"] = drawing.guidance
    return {"taskType": "TEXT_IMAGE", "textToImageParams": params, "imageGenerationConfig": config}


def _parse(answer: Mapping[str, Any]) -> Drawn:
    images = answer.get("images") or []
    if images:
        return picture(images[0])
    # A blocked picture is a 200 that says so in `error`.
    blocked = "content filter" in (answer.get("error") or "").casefold()
    raise ModelCallError("ContentFiltered" if blocked else "InferenceError")


TITAN: Final = Family(_body, _parse)
