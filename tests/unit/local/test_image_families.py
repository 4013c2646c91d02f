"""Every image family with boto3: formats, limits, filters and ends of life."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from PIL import Image

from local.bedrock import ModelServer
from local.painter import Brief, paint

SDXL = "stability.stable-diffusion-xl-v1"
TITAN = "amazon.titan-image-generator-v1"
TITAN2 = "amazon.titan-image-generator-v2:0"
NOVA = "amazon.nova-canvas-v1:0"
SD35 = "stability.sd3-5-large-v1:0"
CORE = "stability.stable-image-core-v1:1"
ULTRA = "stability.stable-image-ultra-v1:1"

Body = dict[str, Any]
Invoke = Callable[[str, Body], Body]


def sdxl(**fields: Any) -> Body:
    return {"text_prompts": [{"text": "an idea"}], "width": 1536, "height": 640} | fields


def titan(text: str = "an idea", *, negative: str | None = None, style: str | None = None, **config: Any) -> Body:
    params = {"text": text, "negativeText": negative, "style": style}
    return {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {key: value for key, value in params.items() if value is not None},
        "imageGenerationConfig": {"width": 512, "height": 512} | config,
    }


def stability(**fields: Any) -> Body:
    return {"prompt": "an idea", "aspect_ratio": "21:9"} | fields


def size_of(encoded: str) -> tuple[int, int]:
    image = Image.open(io.BytesIO(base64.b64decode(encoded, validate=True)))
    assert image.format == "PNG"
    return image.size


def error_of(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_sdxl_returns_an_artifact(invoke: Invoke) -> None:
    answer = invoke(SDXL, sdxl(seed=7, cfg_scale=35, steps=50, samples=1, style_preset="pixel-art"))
    artifact = answer["artifacts"][0]
    assert (answer["result"], artifact["seed"], artifact["finishReason"]) == ("success", 7, "SUCCESS")
    assert size_of(artifact["base64"]) == (1536, 640)


def test_the_painters_image_is_returned_unchanged(
    server: ModelServer, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.service, "generate", paint)
    encoded = invoke(TITAN, titan("a red fox", width=320, height=704, seed=11))["images"][0]
    assert base64.b64decode(encoded) == paint(Brief("a red fox", width=320, height=704, seed=11))


@pytest.mark.parametrize(("model", "size"), [(TITAN, (512, 512)), (TITAN2, (704, 320)), (NOVA, (320, 1280))])
def test_titan_and_nova_return_a_list_of_images(invoke: Invoke, model: str, size: tuple[int, int]) -> None:
    answer = invoke(model, titan(width=size[0], height=size[1], numberOfImages=2, cfgScale=10, quality="premium"))
    assert answer["error"] is None
    assert [size_of(image) for image in answer["images"]] == [size, size]
    assert answer["images"][0] != answer["images"][1]


@pytest.mark.parametrize("model", [SD35, CORE, ULTRA])
def test_stability_returns_one_image_with_its_seed(invoke: Invoke, model: str) -> None:
    answer = invoke(model, stability(seed=4_294_967_294))
    assert answer["seeds"] == [4_294_967_294]
    assert answer["finish_reasons"] == [None]
    assert size_of(answer["images"][0]) == (1536, 640)


def test_seed_zero_is_a_random_seed_in_the_response(invoke: Invoke) -> None:
    assert invoke(CORE, stability(seed=0))["seeds"] != [0]


def test_the_output_format_can_be_jpeg(invoke: Invoke) -> None:
    encoded = invoke(CORE, stability(output_format="jpeg"))["images"][0]
    assert Image.open(io.BytesIO(base64.b64decode(encoded))).format == "JPEG"


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (SDXL, sdxl(text_prompts=[])),
        (SDXL, sdxl(text_prompts=[{"text": "x" * 2001}])),
        (SDXL, sdxl(text_prompts=[{"text": "no", "weight": -1}])),
        (SDXL, sdxl(width=1024, height=512)),
        (SDXL, sdxl(cfg_scale=35.1)),
        (SDXL, sdxl(steps=9)),
        (SDXL, sdxl(steps=51)),
        (SDXL, sdxl(seed=4_294_967_296)),
        (SDXL, sdxl(samples=2)),
        (SDXL, sdxl(style_preset="cubist")),
        (TITAN2, titan("x" * 513)),
        (TITAN2, titan("")),
        (TITAN2, titan(negative="x" * 513)),
        (TITAN2, titan(width=500)),
        (TITAN2, titan(cfgScale=1.0)),
        (TITAN2, titan(cfgScale=10.1)),
        (TITAN2, titan(numberOfImages=6)),
        (TITAN2, titan(seed=2_147_483_647)),
        (TITAN2, titan(quality="best")),
        (TITAN2, titan(style="PHOTOREALISM")),
        (TITAN2, titan() | {"taskType": "INPAINTING"}),
        (NOVA, titan("x" * 1025)),
        (NOVA, titan(style="CUBIST")),
        (NOVA, titan(width=328)),
        (NOVA, titan(width=320, height=1296)),
        (NOVA, titan(width=2064, height=2048)),
        (SD35, stability(prompt="")),
        (SD35, stability(prompt="x" * 10_001)),
        (SD35, stability(aspect_ratio="4:3")),
        (SD35, stability(seed=4_294_967_295)),
        (SD35, stability(seed="1")),
        (SD35, stability(mode="image-to-image")),
        (CORE, stability(mode="text-to-image")),
        (CORE, stability(cfg_scale=7)),
        (CORE, stability(output_format="gif")),
        ("stability.unheard-of-v1", stability()),
    ],
)
def test_a_broken_limit_is_a_validation_error(invoke: Invoke, model: str, body: Body) -> None:
    assert error_of(lambda: invoke(model, body))[0] == "ValidationException"


def test_a_custom_model_is_recognised_by_its_body(invoke: Invoke) -> None:
    arn = "arn:aws:bedrock:us-east-1:111122223333:{}"
    assert "artifacts" in invoke(arn.format("custom-model/sdxl/abc"), sdxl())
    assert "error" in invoke(arn.format("provisioned-model/xyz"), titan())
    assert "finish_reasons" in invoke(arn.format("imported-model/q"), stability())


def test_a_foundation_models_arn_is_its_id(invoke: Invoke) -> None:
    arn = f"arn:aws:bedrock:us-west-2::foundation-model/{CORE}"
    assert invoke(arn, stability())["finish_reasons"] == [None]


def test_an_ended_model_is_not_found(server: ModelServer, invoke: Invoke) -> None:
    server.service.lifecycle.restore()
    code, message = error_of(lambda: invoke(SDXL, sdxl()))
    assert code == "ResourceNotFoundException"
    assert "reached the end of its life" in message


def test_filtered_input_has_the_format_of_its_family(server: ModelServer, invoke: Invoke) -> None:
    server.service.faults.add({"effect": "filter_input"})
    code, message = error_of(lambda: invoke(NOVA, titan()))
    assert code == "ValidationException"
    assert message.startswith("This request has been blocked by our content filters.")
    assert invoke(CORE, stability()) == {"finish_reasons": ["Filter reason: prompt"]}
    assert invoke(SDXL, sdxl())["artifacts"][0]["finishReason"] == "CONTENT_FILTERED"


def test_filtered_output_has_the_format_of_its_family(server: ModelServer, invoke: Invoke) -> None:
    server.service.faults.add({"effect": "filter_output"})
    blocked = invoke(NOVA, titan(numberOfImages=2))
    assert blocked == {
        "images": [],
        "error": "All of the generated images have been blocked by our content filters.",
    }
    assert invoke(CORE, stability()) == {"finish_reasons": ["Filter reason: output image"]}
    assert invoke(SDXL, sdxl())["artifacts"][0] == {"seed": 0, "base64": "", "finishReason": "CONTENT_FILTERED"}


def test_some_of_several_images_can_be_filtered(server: ModelServer, invoke: Invoke) -> None:
    server.service.faults.add({"effect": "filter_output", "keep": 1})
    answer = invoke(NOVA, titan(numberOfImages=3))
    assert len(answer["images"]) == 1
    assert answer["error"].startswith("Some of the generated images")


def test_the_image_models_refuse_blocked_categories(invoke: Invoke) -> None:
    assert invoke(CORE, stability(prompt="a bloody massacre"))["finish_reasons"] == ["Filter reason: prompt"]


def test_foundation_models_can_be_read_and_listed(server: ModelServer, client: Callable[[str], Any]) -> None:
    server.service.lifecycle.restore()
    bedrock = client("bedrock")
    nova = bedrock.get_foundation_model(modelIdentifier=NOVA)["modelDetails"]["modelLifecycle"]
    assert (nova["status"], nova["endOfLifeTime"].date().isoformat()) == ("LEGACY", "2026-09-30")
    assert bedrock.get_foundation_model(modelIdentifier=CORE)["modelDetails"]["modelLifecycle"]["status"] == "ACTIVE"
    assert {SDXL, NOVA, CORE} <= {model["modelId"] for model in bedrock.list_foundation_models()["modelSummaries"]}
    unknown = lambda: bedrock.get_foundation_model(modelIdentifier="no.such-model")  # noqa: E731
    assert error_of(unknown)[0] == "ResourceNotFoundException"
