"""Each family against the request bodies and responses in Amazon's and Stability's documentation."""

import base64
from typing import Any

import pytest

from events.model_catalog import Family, model_catalog
from events.parameters import GenerationParameters
from services.generation.families import FAMILIES
from services.generation.model_errors import ModelCallError
from tests.unit.generation.fakes import known, opened, parameters, plan, png

IMAGE = base64.b64encode(png(1024, 1024)).decode()


def body(model: str, wanted: GenerationParameters, seed: int = 42, **shape: Any) -> dict[str, Any]:
    return FAMILIES[known(model).family].request(opened(wanted), wanted, plan(model, **shape), known(model), seed)


def code_of(family: Family, response: Any) -> str:
    with pytest.raises(ModelCallError) as caught:
        FAMILIES[family].read(response)
    return caught.value.code


def test_every_model_of_the_catalog_has_a_family() -> None:
    assert {model.family for model in model_catalog()} == FAMILIES.keys()


@pytest.mark.parametrize("model", ["sdxl-v1", "titan-v2", "sd3.5-large"])
def test_no_model_receives_a_character_that_moderation_did_not_see(model: str) -> None:
    tags = "".join(chr(0xE0000 + ord(letter)) for letter in " naked")
    wanted = parameters(prompt=f"a cat{tags}", negative_prompt=f"fog\u200b{tags}\ue000")
    shown = parameters(prompt="a cat", negative_prompt="fog")
    assert body(model, wanted) == body(model, shown)


def test_sdxl_receives_weighted_prompts() -> None:
    wanted = parameters(negative_prompt="fog", style="anime", steps=50, guidance=12.5)
    assert body("sdxl-v1", wanted, width=1344, height=768) == {
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
    wanted = parameters(negative_prompt="fog", quality="premium", guidance=9)
    assert body("titan-v2", wanted, width=1152, height=768) == {
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


def test_nova_receives_titans_format_and_a_style() -> None:
    wanted = parameters(style="DESIGN_SKETCH")
    assert body("nova-canvas", wanted)["textToImageParams"] == {"text": "a red kite", "style": "DESIGN_SKETCH"}


@pytest.mark.parametrize("model", ["sd3.5-large", "stable-image-core", "stable-image-ultra"])
def test_newer_stability_models_receive_an_aspect_ratio(model: str) -> None:
    wanted = parameters(negative_prompt="fog")
    assert body(model, wanted, width=1344, height=768, aspect_ratio="16:9") == {
        "prompt": "a red kite",
        "negative_prompt": "fog",
        "aspect_ratio": "16:9",
        "seed": 42,
        "output_format": "png",
    }


def test_parameters_unknown_to_a_successor_are_omitted() -> None:
    wanted = parameters(style="anime", steps=50, guidance=30)
    assert "cfgScale" not in body("nova-canvas", wanted)["imageGenerationConfig"]
    assert "style" not in body("nova-canvas", wanted)["textToImageParams"]
    assert body("stable-image-core", wanted).keys() == {"prompt", "seed", "output_format"}


@pytest.mark.parametrize(
    ("family", "response", "seed"),
    [
        ("sdxl", {"result": "success", "artifacts": [{"seed": 9, "base64": IMAGE, "finishReason": "SUCCESS"}]}, 9),
        ("titan", {"images": [IMAGE], "error": None}, None),
        ("nova", {"images": [IMAGE]}, None),
        ("stability", {"seeds": [9], "finish_reasons": [None], "images": [IMAGE]}, 9),
    ],
)
def test_the_image_of_a_response_is_decoded(family: Family, response: Any, seed: int | None) -> None:
    image = FAMILIES[family].read(response)
    assert (image.content, image.seed, image.header.width) == (png(1024, 1024), seed, 1024)


@pytest.mark.parametrize(
    ("family", "response"),
    [
        ("sdxl", {"artifacts": [{"seed": 1, "base64": IMAGE, "finishReason": "CONTENT_FILTERED"}]}),
        ("titan", {"images": [], "error": "All of the generated images have been blocked by our content filters."}),
        ("nova", {"error": "All of the generated images have been blocked by our content filters."}),
        ("stability", {"finish_reasons": ["Filter reason: prompt"]}),
        ("stability", {"seeds": [1], "finish_reasons": ["Filter reason: output image"], "images": [IMAGE]}),
    ],
)
def test_a_blocked_image_is_recognised(family: Family, response: Any) -> None:
    assert code_of(family, response) == "ContentFiltered"


@pytest.mark.parametrize(
    ("family", "response"),
    [
        ("sdxl", {"artifacts": [{"seed": 1, "base64": "", "finishReason": "ERROR"}]}),
        ("titan", {"images": None, "error": "Something went wrong."}),
        ("nova", {}),
        ("stability", {"finish_reasons": ["Inference error"]}),
    ],
)
def test_a_failed_image_is_recognised(family: Family, response: Any) -> None:
    assert code_of(family, response) == "InferenceError"


@pytest.mark.parametrize(
    ("family", "response"),
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
def test_a_malformed_response_is_recognised(family: Family, response: Any) -> None:
    assert code_of(family, response) == "MalformedResponse"
