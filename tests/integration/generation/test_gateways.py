"""Calls of every model family to the Bedrock stand-in."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from events.model_catalog import Model
from events.parameters import GenerationParameters
from local.bedrock import ModelServer
from services.generation.families import FAMILIES
from services.generation.gateways import BedrockModels
from services.generation.model_errors import ModelCallError, error_policy
from tests.unit.generation.fakes import known, opened, parameters, plan, png


@pytest.fixture
def models(server: ModelServer, aws_test_environment: None) -> Iterator[BedrockModels]:
    yield BedrockModels("us-east-1", lambda region: client(server.url, region))
    server.service.faults.clear()
    server.service.calls.clear()
    server.service.lifecycle.restore()


def client(url: str, region: str) -> Any:
    config = Config(retries={"total_max_attempts": 1}, read_timeout=2, connect_timeout=2)
    return boto3.client("bedrock-runtime", region_name=region, endpoint_url=url, config=config)


MODELS: dict[str, dict[str, Any]] = {
    "sdxl-v1": {"width": 1344, "height": 768},
    "titan-v1": {"width": 768, "height": 768},
    "titan-v2": {"width": 512, "height": 512},
    "nova-canvas": {"width": 640, "height": 320},
    "sd3.5-large": {"width": 1344, "height": 768, "aspect_ratio": "16:9"},
    "stable-image-core": {"width": 1024, "height": 1024, "aspect_ratio": "1:1"},
    "stable-image-ultra": {"width": 768, "height": 1344, "aspect_ratio": "9:16"},
}


def call(models: BedrockModels, key: str, wanted: GenerationParameters, model: Model | None = None) -> Any:
    family = FAMILIES[known(key).family]
    body = family.body(opened(wanted), wanted, plan(key, **MODELS[key]), known(key), 42)
    return family.read(models.invoke(model or known(key), body))


@pytest.mark.parametrize("key", MODELS)
def test_every_model_of_the_catalog_generates_as_requested(models: BedrockModels, key: str) -> None:
    limits = known(key)
    wanted = parameters(
        negative_prompt="fog",
        style=limits.styles[0] if limits.styles else None,
        steps=20 if limits.steps else None,
        guidance=5 if limits.guidance else None,
    )
    image = call(models, key, wanted)
    assert image.header.media_type == "image/png"
    assert (image.header.width, image.header.height) == (MODELS[key]["width"], MODELS[key]["height"])
    assert image.seed in {42, None}


def test_a_custom_model_is_invoked_by_its_arn(models: BedrockModels, server: ModelServer) -> None:
    arn = "arn:aws:bedrock:us-west-2:123456789012:provisioned-model/abc"
    custom = known("sdxl-v1").model_copy(update={"key": "mine", "model_id": arn, "regions": ["us-west-2"]})
    assert call(models, "sdxl-v1", parameters(), custom).header.width == 1344
    assert server.service.calls.report()["calls"][-1]["model"] == arn


EFFECTS = {
    "throttle": "ThrottlingException",
    "unavailable": "ServiceUnavailableException",
    "not_ready": "ModelNotReadyException",
    "timeout_408": "ModelTimeoutException",
    "model_error": "ModelErrorException",
    "internal": "InternalServerException",
    "access_denied": "AccessDeniedException",
    "validation": "ValidationException",
    "quota": "ServiceQuotaExceededException",
    "ended": "ResourceNotFoundException",
    "reset": "ConnectionClosedError",
    "lost_answer": "ConnectionClosedError",
}


@pytest.mark.parametrize(("effect", "code"), EFFECTS.items())
def test_every_error_is_raised_by_name_after_one_attempt(
    models: BedrockModels, server: ModelServer, effect: str, code: str
) -> None:
    server.service.faults.add({"effect": effect})
    with pytest.raises(ModelCallError) as caught:
        call(models, "titan-v2", parameters())
    assert caught.value.code == code
    assert [rule["used"] for rule in server.service.faults.listed()] == [1]


def test_a_missing_response_times_out(models: BedrockModels, server: ModelServer) -> None:
    server.service.faults.add({"effect": "delay", "seconds": 4, "times": 1})
    with pytest.raises(ModelCallError) as caught:
        call(models, "titan-v2", parameters())
    assert caught.value.code == "ReadTimeoutError"


def test_an_unreachable_region_is_recognised(aws_test_environment: None) -> None:
    nowhere = BedrockModels("us-east-1", lambda region: client("http://127.0.0.1:9", region))
    with pytest.raises(ModelCallError) as caught:
        call(nowhere, "titan-v2", parameters())
    assert caught.value.code == "EndpointConnectionError"


@pytest.mark.parametrize("effect", ["filter_input", "filter_output"])
@pytest.mark.parametrize("key", ["sdxl-v1", "titan-v2", "nova-canvas", "stable-image-core"])
def test_a_blocked_image_is_classified_as_filtered(
    models: BedrockModels, server: ModelServer, key: str, effect: str
) -> None:
    server.service.faults.add({"effect": effect})
    with pytest.raises(ModelCallError) as caught:
        call(models, key, parameters())
    assert error_policy(caught.value).reason == "content_filtered"


@pytest.mark.parametrize(
    ("home", "key", "region"),
    [
        ("us-west-2", "titan-v2", "us-west-2"),
        ("eu-central-1", "titan-v2", "us-east-1"),
        ("us-east-1", "stable-image-core", "us-west-2"),
    ],
)
def test_a_model_is_called_in_the_home_region_if_it_is_available(
    aws_test_environment: None, server: ModelServer, home: str, key: str, region: str
) -> None:
    created: list[str] = []
    called: list[str] = []

    def create(name: str) -> Any:
        created.append(name)
        new = client(server.url, name)
        new.meta.events.register("before-call", lambda **_: called.append(name))
        return new

    models = BedrockModels(home, create)
    call(models, key, parameters())
    call(models, key, parameters())
    assert called == [region, region]
    assert created == list(dict.fromkeys([home, region]))


def test_a_prompt_in_any_script_reaches_the_model_unchanged(
    models: BedrockModels, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts: list[str] = []

    def record_prompt(brief: Any) -> bytes:
        prompts.append(brief.prompt)
        return png()

    monkeypatch.setattr(server.service, "generate", record_prompt)
    call(models, "stable-image-core", parameters(prompt="灯台 \U0001f5fc “quoted”\n"))
    assert prompts == ["灯台 \U0001f5fc “quoted”\n"]
