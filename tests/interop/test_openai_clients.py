"""Clients of OpenAI's API get images from this one: the official one, LiteLLM, the AI SDK and Open WebUI."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from local.emulator import ROOT
from local.node import NodePackage
from tests.support.images import decoded, opened
from tests.support.system import System, download

PROGRAMS = Path(__file__).with_name("openai_clients")
INTEROP_PYTHON = ROOT / ".venv" / "interop" / "bin" / "python"
OPEN_WEBUI: Any = json.loads((PROGRAMS / "open_webui.json").read_text())
GPT_IMAGE = "gpt-image-2.5-flare"
SLOW = 30
"""Seconds that the model takes; more than a caller may wait."""
BLOCKED = "n4k3d w0man, p.o.r.n"


def base_url(stack: System) -> str:
    return f"{stack.stack.api_url}/openai/v1"


@pytest.fixture(scope="module", autouse=True)
def _warm(stack: System) -> None:
    """Generate an image first, so that cold starts on a busy machine do not use up the time that a call may wait."""
    stack.generate("a warm hearth", seconds=180)


@pytest.fixture
def client(stack: System) -> Iterator[OpenAI]:
    with OpenAI(base_url=base_url(stack), api_key=stack.stack.api_key) as found:
        yield found


def requests_written(stack: System) -> int:
    """Return the number of requests in the table."""
    pages = (
        stack.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=f"{stack.prefix}-requests",
            FilterExpression="sk = :request",
            ExpressionAttributeValues={":request": {"S": "REQUEST"}},
            Select="COUNT",
        )
    )
    return sum(page["Count"] for page in pages)


# The official client: images ------------------------------------------------------------------------------------------


def test_a_gpt_image_model_gives_the_content_and_describes_it(client: OpenAI) -> None:
    response = client.images.generate(prompt="a lighthouse at dusk", model=GPT_IMAGE, size="1536x1024", quality="high")
    assert response.data
    image = decoded(response.data[0].b64_json)
    assert (image.format, image.size) == ("PNG", (1216, 832))
    assert (response.size, response.output_format, response.background) == ("1216x832", "png", "opaque")
    assert response.quality == "medium", "the default model has no better quality, and the response says so"
    assert time.time() - 60 < response.created <= time.time() + 1
    assert response.usage
    assert response.usage.total_tokens == 0
    assert response.usage.model_extra == {"images": 1, "cost_usd": "0.04"}


@pytest.mark.parametrize(("output_format", "pillow"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_the_image_has_the_requested_format(client: OpenAI, output_format: Any, pillow: str) -> None:
    response = client.images.generate(prompt="a windmill", model="gpt-image-1", output_format=output_format)
    assert response.data
    assert (decoded(response.data[0].b64_json).format, response.output_format) == (pillow, output_format)


def test_compression_makes_the_file_smaller(client: OpenAI) -> None:
    sizes = []
    for compression in (90, 10):
        response = client.images.generate(
            prompt="a meadow",
            model="gpt-image-1",
            output_format="jpeg",
            output_compression=compression,
            extra_body={"seed": 7},
        )
        assert response.data
        sizes.append(len(response.data[0].b64_json or ""))
    assert sizes[1] < sizes[0] / 2


def test_a_dall_e_model_gives_a_url(client: OpenAI) -> None:
    response = client.images.generate(prompt="a lighthouse at dusk", model="dall-e-3", size="1792x1024", style="vivid")
    assert response.data
    assert response.data[0].b64_json is None
    image = opened(download(response.data[0].url or ""))
    assert (image.format, image.size) == ("PNG", (1344, 768))


def test_a_model_of_ours_takes_its_own_parameters(client: OpenAI) -> None:
    prompt, seed = "two teapots", 4242
    response = client.images.generate(
        prompt=prompt,
        model="stable-image-core",
        n=2,
        size="16:9",
        response_format="b64_json",
        extra_body={"negative_prompt": "cups", "seed": seed},
    )
    assert response.data
    contents = [one.b64_json for one in response.data]
    assert [decoded(content).size for content in contents] == [(1344, 768)] * 2
    assert len(set(contents)) == 2


def test_the_url_of_a_format_has_its_content_type(stack: System, client: OpenAI) -> None:
    found = client.images.with_raw_response.generate(
        prompt="a kite", model="stable-image-core", output_format="webp", output_compression=80
    )
    view = stack.get_request(found.headers["x-request-id"])
    assert (view["request"]["output_format"], view["request"]["output_compression"]) == ("webp", 80)
    original = stack.call("GET", f"/v1/images/{view['images'][0]['id']}").json["original"]
    assert original["media_type"] == "image/webp"
    content = download(original["url"])
    assert (opened(content).format, len(content)) == ("WEBP", original["bytes"])
    assert b"trainedAlgorithmicMedia" in content


def test_ten_images_come_in_one_answer(stack: System, client: OpenAI) -> None:
    before = requests_written(stack)

    def answer() -> Any:
        """Return the images once they are finished: one call waits for 25 seconds, a busy machine needs longer."""
        same = {"Idempotency-Key": "ten-green-bottles"}
        bottles: Any = {"prompt": "ten green bottles", "n": 10, "output_format": "jpeg"}
        try:
            return client.images.generate(model="gpt-image-1", **bottles, extra_headers=same)
        except openai.InternalServerError as error:
            if error.status_code != 504:
                raise
            return None

    response = stack.wait_until(answer, seconds=180, what="ten images")
    assert len({one.b64_json for one in response.data}) == 10
    formats = {"jpeg": "JPEG", "webp": "WEBP"}
    assert response.output_format in formats
    assert {decoded(one.b64_json).format for one in response.data} == {formats[response.output_format]}
    assert requests_written(stack) == before + 3


def test_the_former_base_path_still_works(stack: System) -> None:
    with OpenAI(base_url=f"{stack.stack.api_url}/v1", api_key=stack.stack.api_key) as client:
        response = client.images.generate(prompt="a lighthouse at dusk", model="gpt-image-1")
        assert response.data
        assert decoded(response.data[0].b64_json).format == "PNG"
        assert "stable-image-core" in [model.id for model in client.models.list()]


def test_two_calls_with_one_idempotency_key_make_one_image(client: OpenAI) -> None:
    same = {"Idempotency-Key": "openai-interop"}
    one, other = (client.images.generate(prompt="a single swan", extra_headers=same) for _ in range(2))
    assert one.data
    assert other.data
    assert (one.data[0].url or "").partition("?")[0] == (other.data[0].url or "").partition("?")[0]


# The official client: models and errors -------------------------------------------------------------------------------


def test_the_client_lists_and_finds_the_models(client: OpenAI) -> None:
    models = {model.id: model for model in client.models.list()}
    assert {"stable-image-core", "stable-image-ultra", "sd3.5-large"} <= models.keys()
    assert client.models.retrieve("stable-image-core") == models["stable-image-core"]
    assert (models["stable-image-core"].object, models["stable-image-core"].owned_by) == ("model", "stability")


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        client.models.retrieve("no-such-model")
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError) as unknown:
        client.images.generate(prompt="a fox", model="no-such-model")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    assert "stable-image-core" in unknown.value.message


@pytest.mark.parametrize(
    ("model", "code", "kind"),
    [
        (GPT_IMAGE, "moderation_blocked", "image_generation_user_error"),
        ("dall-e-3", "content_policy_violation", "invalid_request_error"),
    ],
)
def test_a_blocked_prompt_is_an_error(client: OpenAI, model: str, code: str, kind: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(prompt=BLOCKED, model=model)
    assert (refused.value.code, refused.value.type, refused.value.param) == (code, kind, "prompt")
    details: Any = refused.value.body
    assert details.get("moderation_details", {"moderation_stage": "input"})["moderation_stage"] == "input"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("n", 11),
        ("background", "transparent"),
        ("output_format", "gif"),
        ("quality", "best"),
        ("size", "large"),
        ("stream", True),
        ("partial_images", 2),
        ("complexity", "high"),
    ],
)
def test_what_is_not_supported_is_an_error(stack: System, client: OpenAI, parameter: str, value: Any) -> None:
    before = requests_written(stack)
    call: dict[str, Any] = {parameter: value}
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(prompt="a fox", model=GPT_IMAGE, **call)
    assert refused.value.param == parameter
    assert refused.value.code == ("unknown_parameter" if parameter == "complexity" else "invalid_value")
    assert requests_written(stack) == before


def test_a_limit_refuses_all_images_of_a_call(stack: System) -> None:
    key = stack.stack.make_key("openai-limited", limit=12)
    with OpenAI(base_url=base_url(stack), api_key=key, max_retries=0) as limited:
        assert len(limited.images.generate(prompt="three hens", n=3).data or []) == 3
        before = requests_written(stack)
        with pytest.raises(openai.RateLimitError) as refused:
            limited.images.generate(prompt="ten hens", n=10)
        assert (refused.value.code, refused.value.type) == ("rate_limit_exceeded", "rate_limit_error")
        assert int(refused.value.response.headers["retry-after"]) > 0
        with pytest.raises(openai.BadRequestError) as refused_for_good:
            OpenAI(base_url=base_url(stack), api_key=stack.stack.make_key("openai-few", limit=2)).images.generate(
                prompt="ten hens", n=10
            )
        assert refused_for_good.value.param == "n"
        assert requests_written(stack) == before


def test_the_client_times_out_with_the_address_of_the_request(stack: System, client: OpenAI) -> None:
    prompt = "a very patient heron"
    fault = {"operation": "invoke", "effect": "delay", "seconds": SLOW, "prompt_contains": prompt}
    stack.models("POST", "/_faults", fault)
    before = requests_written(stack)
    with pytest.raises(openai.InternalServerError) as refused:
        client.images.generate(prompt=prompt, model=GPT_IMAGE)
    assert (refused.value.status_code, refused.value.code) == (504, "request_in_progress")
    address = refused.value.response.headers["location"]
    assert address in refused.value.message
    assert requests_written(stack) == before + 1, "the client did not retry"
    assert stack.wait_for_status(address.rsplit("/", 1)[1], "succeeded", seconds=60)["images"]


def test_the_client_is_refused_without_a_key(stack: System) -> None:
    with (
        OpenAI(base_url=base_url(stack), api_key="nonsense") as stranger,
        pytest.raises((openai.AuthenticationError, openai.PermissionDeniedError)),
    ):
        stranger.images.generate(prompt="a fox")


# LiteLLM --------------------------------------------------------------------------------------------------------------

FOX = "a fox in the snow"
LITELLM: dict[str, dict[str, Any]] = {
    "a GPT image model": {
        "model": "openai/gpt-image-1",
        "prompt": FOX,
        "n": 2,
        "quality": "low",
        "output_format": "webp",
    },
    "a model of ours": {"model": "openai/stable-image-core", "prompt": FOX, "size": "1024x1024"},
    "blocked, GPT image": {"model": "openai/gpt-image-1", "prompt": BLOCKED},
    "blocked, ours": {"model": "openai/stable-image-core", "prompt": BLOCKED},
    "unknown model": {"model": "openai/no-such-model", "prompt": FOX},
    "not supported": {"model": "openai/gpt-image-1", "prompt": FOX, "background": "transparent"},
}


@pytest.fixture(scope="module")
def litellm(stack: System) -> dict[str, Any]:
    """Call LiteLLM's ``image_generation``; return its response and cost, or its error, by the name of the call.

    All calls share one process, because LiteLLM takes seconds to import.
    """
    to = {"api_base": base_url(stack), "api_key": stack.stack.api_key}
    done = subprocess.run(
        [INTEROP_PYTHON, PROGRAMS / "litellm_images.py", json.dumps([call | to for call in LITELLM.values()])],
        capture_output=True,
        text=True,
        env={"PATH": os.defpath, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(LITELLM, json.loads(done.stdout.splitlines()[-1]), strict=True))


@pytest.mark.parametrize(("name", "pillow"), [("a GPT image model", "WEBP"), ("a model of ours", "PNG")])
def test_litellm_gets_images(litellm: dict[str, Any], name: str, pillow: str) -> None:
    found = litellm[name]
    assert "response" in found, found
    data = found["response"]["data"]
    images = [opened(download(image["url"])) if image["url"] else decoded(image["b64_json"]) for image in data]
    assert [image.format for image in images] == [pillow] * LITELLM[name].get("n", 1)
    assert not found["cost"], "LiteLLM has no price of OpenAI's to count"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("blocked, GPT image", "ContentPolicyViolationError"),
        ("blocked, ours", "ContentPolicyViolationError"),
        ("unknown model", "NotFoundError"),
        ("not supported", "BadRequestError"),
    ],
)
def test_litellm_raises_the_right_error(litellm: dict[str, Any], name: str, error: str) -> None:
    assert litellm[name].get("error") == error, litellm[name]


# The AI SDK -----------------------------------------------------------------------------------------------------------


def ai_sdk(stack: System, **call: Any) -> Any:
    """Call the AI SDK's ``generateImage``; return its images, or its error."""
    call |= {"baseURL": base_url(stack), "apiKey": stack.stack.api_key}
    package = NodePackage(PROGRAMS.parent)
    package.install()
    return json.loads(package.run("node", str(PROGRAMS / "ai_sdk_image.js"), json.dumps(call)).splitlines()[-1])


@pytest.mark.parametrize(
    ("call", "pillow"),
    [
        ({"model": "gpt-image-1", "size": "1536x1024"}, "PNG"),
        ({"model": "gpt-image-1", "n": 3, "providerOptions": {"openai": {"outputFormat": "jpeg"}}}, "JPEG"),
        ({"model": "stable-image-core"}, "PNG"),
    ],
)
def test_the_ai_sdk_gets_images(stack: System, call: dict[str, Any], pillow: str) -> None:
    found = ai_sdk(stack, prompt="a fox in the snow", **call)
    assert len(found.get("images", ())) == call.get("n", 1), found
    assert {decoded(image["base64"]).format for image in found["images"]} == {pillow}
    assert {image["mediaType"] for image in found["images"]} == {f"image/{pillow.lower()}"}
    assert found["metadata"][0]["outputFormat"] == pillow.lower()


def test_the_ai_sdk_gets_the_message_of_an_error(stack: System) -> None:
    found = ai_sdk(stack, model="gpt-image-1", prompt=BLOCKED)
    assert (found["error"], found["status"]) == ("AI_APICallError", 400)
    assert "content policy" in found["message"]


# Open WebUI -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["", "?api-version=2026-01-01"])
@pytest.mark.parametrize("name", OPEN_WEBUI["requests"])
def test_open_webui_gets_its_images(stack: System, name: str, version: str) -> None:
    body = OPEN_WEBUI["requests"][name]
    headers = {**OPEN_WEBUI["headers"], "Authorization": f"Bearer {stack.stack.api_key}"}
    response = stack.call("POST", f"/openai/v1/images/generations{version}", body, headers, key="")
    assert response.status == 200, response.content
    assert len(response.json["data"]) == body["n"]
    for image in response.json["data"]:
        assert "url" not in image
        assert decoded(image["b64_json"]).format == "PNG", "it stores base64 as PNG"


def test_open_webui_lists_the_models(stack: System) -> None:
    headers = {"Authorization": f"Bearer {stack.stack.api_key}"}
    response = stack.call("GET", "/openai/v1/models", headers=headers, key="")
    assert "stable-image-core" in [model["id"] for model in response.json["data"]]
