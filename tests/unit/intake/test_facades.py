"""The facades: requests of other APIs as ours, and our results as theirs."""

import base64
import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from events.images import GenerationParameters
from events.model_catalog import ModelCatalog
from kit.http_api import json_response
from kit.problems import ApiProblem, field_error
from kit.telemetry import begin_call
from services.intake.facades import legacy, openai, translation
from services.intake.facades.schemas import ImageGeneration, LegacyRequest
from services.intake.model_fit import UnsupportedParametersError, resolve
from services.intake.request_views import accepted_view, request_view
from services.intake.schemas import Links, Reason, RequestView
from services.intake.tracking import add_event
from tests.support.events import sample
from tests.support.http import CALL_ID, http_event
from tests.unit.intake.fakes import InMemoryRequests, accept

TODAY = date(2026, 11, 22)
CATALOG = ModelCatalog.load(
    '{"studio": {"arn": "arn:aws:bedrock:us-east-1:123456789012:custom-model/a/b", "family": "nova",'
    ' "price_usd": "0.05"}}'
)
CEILING = Decimal("0.08")
REQUEST = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"
LAMBDA_MAX_BYTES = 6 * 1024 * 1024
"""Lambda's quota for a synchronous response: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


def resolved(**body: Any) -> GenerationParameters:
    """Return the parameters of a request of OpenAI's client. The model supports everything that is translated."""
    request = openai.new_request(ImageGeneration(prompt="a fox", **body), CATALOG, TODAY)
    return resolve(request, CATALOG, CEILING)


def finished(*detail_types: str) -> RequestView:
    """Return the view of a request after these sample events."""
    store = InMemoryRequests()
    request = openai.new_request(ImageGeneration(prompt="a fox"), CATALOG, TODAY)
    created_at = min(sample(name).metadata.occurred_at for name in detail_types) - timedelta(seconds=4)
    accept(store, REQUEST, "demo", resolve(request, CATALOG, CEILING), created_at)
    for name in detail_types:
        event = sample(name)
        metadata = event.metadata.model_copy(update={"request_id": REQUEST})
        add_event(store, event.model_copy(update={"metadata": metadata}))
    return request_view(*store.read(REQUEST), lambda key: f"https://cdn/{key}")


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [None, "gpt-image-1", "dall-e-3", "no such model", ""])
def test_openais_model_names_mean_the_default_model(name: str | None) -> None:
    assert resolved(model=name).models[0].model == CATALOG.default


@pytest.mark.parametrize(
    "name", ["stable-image-ultra", "stability.stable-image-ultra-v1:1", "stability.stable-image-ultra-v1"]
)
def test_a_model_is_found_by_its_key_and_by_its_bedrock_id(name: str) -> None:
    assert resolved(model=name).models[0].model == "stable-image-ultra"


def test_the_successor_replaces_a_model_at_its_end_of_life() -> None:
    found = translation.find_model("amazon.titan-image-generator-v1", CATALOG, TODAY)
    assert found is not None
    assert found.key == "stable-image-core"
    before = translation.find_model("amazon.titan-image-generator-v1", CATALOG, date(2025, 1, 1))
    assert before is not None
    assert before.key == "titan-v1"


@pytest.mark.parametrize(
    ("size", "ratio"),
    [
        (None, "1:1"),
        ("auto", "1:1"),
        ("1024x1024", "1:1"),
        ("256x256", "1:1"),
        ("1536x1024", "3:2"),
        ("1024x1536", "2:3"),
        ("1792x1024", "16:9"),
        ("1024x1792", "9:16"),
        ("4000x100", "21:9"),
        ("100x4000", "9:21"),
    ],
)
def test_a_size_is_the_nearest_ratio_for_a_model_that_takes_ratios(size: str | None, ratio: str) -> None:
    assert resolved(size=size).models[0].aspect_ratio == ratio


@pytest.mark.parametrize(
    ("model", "size", "expected"),
    [
        ("titan-v2", "1152x768", "1152x768"),
        ("titan-v2", "1536x1024", "1152x768"),
        ("titan-v2", "500x500", "512x512"),
        ("sdxl-v1", "1792x1024", "1344x768"),
        ("studio", "1792x1024", "1792x1024"),
        ("studio", "1000x1000", "1024x1024"),
    ],
)
def test_a_size_is_itself_or_the_nearest_for_a_model_that_takes_sizes(model: str, size: str, expected: str) -> None:
    found = CATALOG.get(model)
    assert found is not None
    assert translation.shape(found, size) == {"size": expected}


def test_the_best_quality_is_premium_if_the_model_supports_it() -> None:
    assert resolved(model="studio", quality="hd").quality == "premium"
    assert resolved(model="studio", quality="auto").quality == "standard"
    assert resolved(quality="high").quality == "standard"


def test_unknown_fields_of_openais_clients_are_ignored() -> None:
    found = resolved(style="vivid", user="u-1", background="transparent", n=None, response_format=None, stream=False)
    assert (found.style, found.count) == (None, 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [("prompt", " "), ("n", 0), ("n", 5), ("size", "big"), ("response_format", "gif"), ("stream", True)],
)
def test_an_unsupported_value_is_refused_by_field(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        ImageGeneration.model_validate({"prompt": "a fox", field: value})
    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


# Errors of OpenAI's API --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "status", "kind", "retry"),
    [
        (
            ApiProblem("validation_failed", "No", errors=[field_error("n", "at most 4")]),
            400,
            "invalid_request_error",
            False,
        ),
        (ApiProblem("body_too_large", "No"), 413, "invalid_request_error", False),
        (ApiProblem("insufficient_scope", "No"), 403, "invalid_request_error", False),
        (ApiProblem("request_cancelled", "No"), 409, "invalid_request_error", False),
        (ApiProblem("rate_limited", "No", headers={"Retry-After": "7"}), 429, "rate_limit_error", True),
        (ApiProblem("internal_error", "No"), 500, "server_error", False),
        (openai.unfinished(REQUEST), 504, "server_error", False),
    ],
)
def test_clients_retry_only_if_nothing_was_accepted(problem: ApiProblem, status: int, kind: str, retry: bool) -> None:
    response = openai.render_problem(problem)
    assert response.status_code == status
    assert json.loads(response.body or "")["error"]["type"] == kind
    assert ("x-should-retry" in response.headers) is not retry
    assert problem.headers.items() <= response.headers.items()


def test_an_error_names_the_parameter_and_the_rule() -> None:
    problem = ApiProblem("validation_failed", "The request is not valid.", errors=[field_error("n", "at most 4")])
    begin_call(http_event("POST", "/v1/images/generations"))
    assert json.loads(openai.render_problem(problem).body or "") == {
        "error": {
            "message": "The request is not valid. n: at most 4",
            "type": "invalid_request_error",
            "param": "n",
            "code": "validation_failed",
            "call_id": CALL_ID,
        }
    }


def test_the_error_after_the_deadline_names_the_request() -> None:
    response = openai.render_problem(openai.unfinished(REQUEST))
    assert f"/v1/requests/{REQUEST}" in json.loads(response.body or "")["error"]["message"]
    assert response.headers["Location"] == f"/v1/requests/{REQUEST}"


# Results -------------------------------------------------------------------------------------------------------------


def test_a_finished_request_is_urls_or_content() -> None:
    view = finished("ImageStored")
    (one,) = openai.images(view).data
    assert one.url == view.images[0].url
    assert one.b64_json is None

    response = openai.images(view, lambda url: url.encode())
    assert base64.b64decode(response.data[0].b64_json or "") == (view.images[0].url or "").encode()
    assert response.data[0].url is None
    assert response.created == int(view.timeline[-1].at.timestamp())


MOST = openai.MAX_BASE64 // 4 * 3
"""Bytes of all images together that fit into one response."""


@pytest.mark.parametrize(
    ("sizes", "used"),
    [
        ({"original": MOST, "display": 3, "thumbnail": 3}, "original"),
        ({"original": MOST + 3, "display": MOST, "thumbnail": 3}, "display"),
        ({"original": MOST + 3, "display": MOST + 3, "thumbnail": 3}, "thumbnail"),
    ],
)
def test_the_content_is_that_of_the_best_files_that_fit(sizes: dict[str, int], used: str) -> None:
    names = {"url": "original", "display_url": "display", "thumbnail_url": "thumbnail"}
    (image,) = finished("ImageStored").images
    view = finished("ImageStored").model_copy(update={"images": [image.model_copy(update=names)]})
    (data,) = openai.images(view, lambda key: bytes(sizes[key])).data
    assert len(base64.b64decode(data.b64_json or "")) == sizes[used]


def test_the_largest_response_fits_into_lambdas_limit() -> None:
    response = json_response(200, openai.images(finished("ImageStored"), lambda _: bytes(MOST)))
    envelope = {"statusCode": 200, "headers": {f"x-header-{number}": "x" * 500 for number in range(40)}}
    assert len(json.dumps({**envelope, "body": response.body})) < LAMBDA_MAX_BYTES


@pytest.mark.parametrize("blocked_by", ["PromptRejected", "ImageRejected", "GenerationFailed"])
def test_a_blocked_request_is_a_violation_of_the_content_policy(blocked_by: str) -> None:
    with pytest.raises(ApiProblem) as refused:
        openai.images(finished(blocked_by))
    error = json.loads(openai.render_problem(refused.value).body or "")["error"]
    assert (refused.value.status, error["code"]) == (400, "content_policy_violation")


def test_a_failed_request_is_an_error_that_is_not_retried() -> None:
    reason = Reason(code="model_end_of_life", detail="The model could not generate the images.")
    failed = finished("GenerationFailed").model_copy(update={"status": "failed", "reason": reason})
    with pytest.raises(ApiProblem) as refused:
        openai.images(failed)
    response = openai.render_problem(refused.value)
    assert (response.status_code, refused.value.code) == (500, "request_failed")
    assert refused.value.detail == reason.detail
    assert response.headers["x-should-retry"] == "false"
    assert response.headers["Location"] == f"/v1/requests/{REQUEST}"


# The first version ---------------------------------------------------------------------------------------------------


def legacy_resolved(**body: Any) -> GenerationParameters:
    request = legacy.new_request(LegacyRequest(prompt="a fox", **body), CATALOG, TODAY)
    return resolve(request, CATALOG, CEILING)


@pytest.mark.parametrize("model", [model.model_id for model in CATALOG] + [model.key for model in CATALOG])
def test_a_legacy_client_is_served_with_every_model(model: str) -> None:
    found = legacy_resolved(
        modelId=model, size="1024x1024", steps=30, cfgScale=7.0, style="photographic", negativePrompt=""
    )
    assert found.negative_prompt is None
    serving = CATALOG.get(found.models[0].model)
    assert serving is not None
    assert not serving.ended(TODAY)


def test_supported_parameters_are_passed_on() -> None:
    found = legacy_resolved(modelId="studio", size="1280x720", cfgScale=7, style="PHOTOREALISM", negativePrompt="fog")
    assert (found.guidance, found.style, found.negative_prompt) == (7, "PHOTOREALISM", "fog")
    assert (found.models[0].width, found.models[0].height) == (1280, 720)


@pytest.mark.parametrize(
    ("body", "field"), [({"modelId": "nobody's"}, "modelId"), ({"modelId": "studio", "cfgScale": 99.0}, "cfgScale")]
)
def test_legacy_errors_use_the_legacy_names_of_fields(body: dict[str, Any], field: str) -> None:
    with pytest.raises(UnsupportedParametersError) as refused:
        legacy_resolved(**body)
    problem = ApiProblem("validation_failed", "No", errors=refused.value.errors)
    response = json.loads(legacy.render_problem(problem).body or "")
    assert (response["success"], response["message"]) == (False, "No")
    assert [error["field"] for error in response["errors"]] == [field]


def test_a_legacy_client_gets_the_path_of_the_request() -> None:
    assert legacy.accepted(accepted_view(REQUEST, None)).model_dump()["data"] == {
        "id": REQUEST,
        "status": "accepted",
        "statusUrl": Links(self=f"/v1/requests/{REQUEST}").self,
    }


def test_a_legacy_client_that_waited_gets_the_image() -> None:
    view = finished("ImageStored")
    data = legacy.finished(view).data
    assert (data.id, data.prompt, data.url, data.generationTime) == (REQUEST, "a fox", view.images[0].url, 4000)
    assert data.timestamp == view.timeline[-1].at
    assert data.timestamp.tzinfo is not None


def test_a_legacy_client_that_waited_gets_the_reason_of_a_rejection() -> None:
    with pytest.raises(ApiProblem) as refused:
        legacy.finished(finished("PromptRejected"))
    assert refused.value.status == 400
    assert refused.value.errors[0]["field"] == "prompt"


def test_deleted_images_are_gone() -> None:
    view = finished("ImageStored")
    gone = [image.model_copy(update={"url": None}) for image in view.images]
    with pytest.raises(ApiProblem) as refused:
        legacy.finished(view.model_copy(update={"images": gone}))
    assert refused.value.status == 410


def test_a_cancelled_request_is_an_error_that_is_not_retried() -> None:
    with pytest.raises(ApiProblem) as refused:
        openai.images(finished("ImageStored").model_copy(update={"status": "cancelled", "images": []}))
    assert openai.render_problem(refused.value).status_code == 409
    assert openai.render_problem(refused.value).headers["x-should-retry"] == "false"
