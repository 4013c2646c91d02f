"""Each wire family against the bodies and answers that Amazon's and Stability's documents show."""

import base64
from typing import Any

import pytest

from events.images import GenerationParameters
from events.model_catalog import Family, model_catalog
from services.generation.families import FAMILIES
from services.generation.model_errors import ModelCallError
from tests.unit.generation.fakes import known, parameters, plan, png

IMAGE = base64.b64encode(png(1024, 1024)).decode()


def body(model: str, what: GenerationParameters, seed: int = 42, **shape: Any) -> dict[str, Any]:
    return FAMILIES[known(model).family].body(what, plan(model, **shape), known(model), seed)


def code_of(family: Family, answer: Any) -> str:
    with pytest.raises(ModelCallError) as caught:
        FAMILIES[family].read(answer)
    return caught.value.code


def test_every_model_of_the_catalog_has_a_family() -> None:
    assert {model.family for model in model_catalog()} == FAMILIES.keys()


def test_sdxl_is_asked_with_weighted_prompts() -> None:
    what = parameters(negative_prompt="fog", style="anime", steps=50, guidance=12.5)
    assert body("sdxl-v1", what, width=1344, height=768) == {
        "text_prompts": [{"text": "a red kite", "weight": 1}, {"text": "fog", "weight": -1}],
        "width": 1344,
        "height": 768,
        "seed": 42,
        "samples": 1,
        "steps": 50,
        "cfg_scale": 12.5,
        "style_preset": "anime",
    }


def test_titan_is_asked_for_one_image() -> None:
    what = parameters(negative_prompt="fog", quality="premium", guidance=9)
    assert body("titan-v2", what, width=1152, height=768) == {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": "a red kite", "negativeText": "fog"},
        "imageGenerationConfig": {
            "numberOfImages": 1,
            "quality": "premium",
            "width": 1152,
            "height": 768,
            "seed": 42,
            "cfgScale": 9,
        },
    }


def test_nova_takes_titans_shape_and_a_style() -> None:
    what = parameters(style="DESIGN_SKETCH")
    assert body("nova-canvas", what)["textToImageParams"] == {"text": "a red kite", "style": "DESIGN_SKETCH"}


@pytest.mark.parametrize("model", ["sd3.5-large", "stable-image-core", "stable-image-ultra"])
def test_stabilitys_newer_models_are_asked_for_a_ratio(model: str) -> None:
    what = parameters(negative_prompt="fog")
    assert body(model, what, width=1344, height=768, aspect_ratio="16:9") == {
        "prompt": "a red kite",
        "negative_prompt": "fog",
        "aspect_ratio": "16:9",
        "seed": 42,
        "output_format": "png",
    }


def test_a_successor_goes_without_what_it_does_not_know() -> None:
    what = parameters(style="anime", steps=50, guidance=30)
    assert "cfgScale" not in body("nova-canvas", what)["imageGenerationConfig"]
    assert "style" not in body("nova-canvas", what)["textToImageParams"]
    assert body("stable-image-core", what).keys() == {"prompt", "seed", "output_format"}


@pytest.mark.parametrize(
    ("family", "answer", "seed"),
    [
        ("sdxl", {"result": "success", "artifacts": [{"seed": 9, "base64": IMAGE, "finishReason": "SUCCESS"}]}, 9),
        ("titan", {"images": [IMAGE], "error": None}, None),
        ("nova", {"images": [IMAGE]}, None),
        ("stability", {"seeds": [9], "finish_reasons": [None], "images": [IMAGE]}, 9),
    ],
)
def test_a_image_is_taken_out_of_an_answer(family: Family, answer: Any, seed: int | None) -> None:
    drawn = FAMILIES[family].read(answer)
    assert (drawn.content, drawn.seed, drawn.header.width) == (png(1024, 1024), seed, 1024)


@pytest.mark.parametrize(
    ("family", "answer"),
    [
        ("sdxl", {"artifacts": [{"seed": 1, "base64": IMAGE, "finishReason": "CONTENT_FILTERED"}]}),
        ("titan", {"images": [], "error": "All of the generated images have been blocked by our content filters."}),
        ("nova", {"error": "All of the generated images have been blocked by our content filters."}),
        ("stability", {"finish_reasons": ["Filter reason: prompt"]}),
        ("stability", {"seeds": [1], "finish_reasons": ["Filter reason: output image"], "images": [IMAGE]}),
    ],
)
def test_a_blocked_image_is_told_apart(family: Family, answer: Any) -> None:
    assert code_of(family, answer) == "ContentFiltered"


@pytest.mark.parametrize(
    ("family", "answer"),
    [
        ("sdxl", {"artifacts": [{"seed": 1, "base64": "", "finishReason": "ERROR"}]}),
        ("titan", {"images": None, "error": "Something went wrong."}),
        ("nova", {}),
        ("stability", {"finish_reasons": ["Inference error"]}),
    ],
)
def test_a_failed_image_is_told_apart(family: Family, answer: Any) -> None:
    assert code_of(family, answer) == "InferenceError"


@pytest.mark.parametrize(
    ("family", "answer"),
    [
        ("sdxl", {"artifacts": []}),
        ("sdxl", {"artifacts": [{"finishReason": "SUCCESS"}]}),
        ("titan", ["images"]),
        ("titan", {"images": ["not base64!"]}),
        ("titan", {"images": [base64.b64encode(b"GIF89a").decode()]}),
        ("stability", {"finish_reasons": [None]}),
        ("stability", None),
    ],
)
def test_an_answer_in_no_known_shape_is_told_apart(family: Family, answer: Any) -> None:
    assert code_of(family, answer) == "MalformedAnswer"
