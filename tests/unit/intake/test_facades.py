"""The facades: requests of other APIs as ours, and our results as theirs."""

import base64
import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from events.model_catalog import ModelCatalog
from events.parameters import GenerationParameters
from kit.http_api import json_response, problem_of
from kit.problems import ApiProblem, field_error
from kit.sealing import Texts
from kit.telemetry import begin_call
from services.intake.creation import seal_parameters
from services.intake.facades import legacy, openai_errors, openai_models, translation
from services.intake.facades.openai_images import calls
from services.intake.facades.openai_images.schemas import ImageGeneration
from services.intake.facades.schemas import LegacyRequest
from services.intake.model_fit import UnsupportedParametersError, resolve
from services.intake.request_views import accepted_view, request_view
from services.intake.schemas import Links, NewRequest, Reason, RequestView
from services.intake.tracking import add_event
from tests.support.events import sample
from tests.support.http import CALL_ID, http_event
from tests.support.sealing import sample_sealer
from tests.unit.intake.fakes import InMemoryRequests, accept

TODAY = date(2026, 11, 22)
CATALOG = ModelCatalog.load(
    '{"studio": {"arn": "arn:aws:bedrock:us-east-1:123456789012:custom-model/a/b", "family": "nova",'
    ' "price_usd": "0.05"}}'
)
CEILING = Decimal("0.08")
CALL = ImageGeneration(prompt="a fox")
GPT = ImageGeneration(prompt="a fox", model="gpt-image-2.5-flare")
REQUEST = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"
LAMBDA_MAX_BYTES = 6 * 1024 * 1024
"""Lambda's quota for a synchronous response: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


def resolved(**body: Any) -> GenerationParameters:
    """Return the parameters of a request of OpenAI's client. The model supports everything that is translated."""
    (request,) = calls.new_requests(ImageGeneration(prompt="a fox", **body), CATALOG, TODAY)
    return parameters_of(request)


def parameters_of(request: NewRequest) -> GenerationParameters:
    """Return the parameters of a request as they are published."""
    return seal_parameters(sample_sealer(), "demo", request, resolve(request, CATALOG, CEILING))


def opened(parameters: GenerationParameters) -> Texts:
    """Return the texts of a request."""
    return sample_sealer().open_texts("demo", parameters)


def finished(*detail_types: str) -> RequestView:
    """Return the view of a request after these sample events."""
    store = InMemoryRequests()
    (request,) = calls.new_requests(CALL, CATALOG, TODAY)
    created_at = min(sample(name).metadata.occurred_at for name in detail_types) - timedelta(seconds=4)
    accept(store, REQUEST, "demo", parameters_of(request), created_at)
    for name in detail_types:
        event = sample(name)
        metadata = event.metadata.model_copy(update={"request_id": REQUEST})
        add_event(store, event.model_copy(update={"metadata": metadata}))
    return request_view(*store.read(REQUEST), Texts("a fox"), lambda key: f"https://cdn/{key}")


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [None, "", "gpt-image-1", "gpt-image-2.5-flare", "chatgpt-image-latest", "dall-e-3"])
def test_openais_model_names_mean_the_default_model(name: str | None) -> None:
    assert resolved(model=name).models[0].model == CATALOG.default


@pytest.mark.parametrize(
    "name", ["stable-image-ultra", "stability.stable-image-ultra-v1:1", "stability.stable-image-ultra-v1"]
)
def test_a_model_is_found_by_its_key_and_by_its_bedrock_id(name: str) -> None:
    assert resolved(model=name).models[0].model == "stable-image-ultra"


def test_an_unknown_model_is_an_error_that_names_the_served_models() -> None:
    with pytest.raises(ApiProblem) as refused:
        resolved(model="stable-image-cor")
    assert (refused.value.status, refused.value.code) == (404, "model_not_found")
    assert refused.value.errors[0]["allowed"] == ["sd3.5-large", "stable-image-core", "stable-image-ultra", "studio"]


def test_the_list_has_the_models_that_are_served() -> None:
    found = {model.id: model for model in openai_models.list_models(CATALOG, TODAY).data}
    assert found.keys() == {"sd3.5-large", "stable-image-core", "stable-image-ultra", "studio"}
    assert {model.owned_by for model in found.values()} == {"stability", "custom"}
    assert openai_models.find_model("studio", CATALOG, TODAY) == found["studio"]
    ending = openai_models.find_model("nova-canvas", CATALOG, date(2026, 9, 1))
    assert json.loads(ending.model_dump_json()) == {
        "id": "nova-canvas",
        "object": "model",
        "created": 0,
        "owned_by": "amazon",
        "shutdown_date": "2026-09-30",
    }
    for name in ("nova-canvas", "gpt-image-1", "nobody's"):
        with pytest.raises(ApiProblem) as refused:
            openai_models.find_model(name, CATALOG, TODAY)
        assert refused.value.status == 404


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
        ("", "1:1"),
        ("1:1", "1:1"),
        ("16:9", "16:9"),
        ("4:3", "5:4"),
        ("1024X1792", "9:16"),
        ("1792*1024", "16:9"),
        ("1792 \u00d7 1024", "16:9"),
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
        ("titan-v2", "1:1", "1024x1024"),
        ("titan-v2", "2:3", "768x1152"),
        ("studio", "16:9", "1280x720"),
    ],
)
def test_a_size_is_itself_or_the_nearest_for_a_model_that_takes_sizes(model: str, size: str, expected: str) -> None:
    found = CATALOG.get(model)
    assert found is not None
    assert translation.shape(found, size) == {"size": expected}


def test_the_best_quality_is_premium_if_the_model_supports_it() -> None:
    for best in ("hd", "high", "xhigh", "max"):
        assert resolved(model="studio", quality=best).quality == "premium"
    for other in ("auto", "low", "medium", "standard", "", None):
        assert resolved(model="studio", quality=other).quality == "standard"
    assert resolved(quality="high").quality == "standard"


def test_parameters_that_change_nothing_are_accepted() -> None:
    found = resolved(
        style="vivid", user="u-1", safety_identifier="u-2", background="opaque", moderation="low", n=None,
        response_format=None, stream=False, partial_images=0, output_compression=100,
    )  # fmt: skip
    assert (found.style, found.count, found.output_format, found.output_compression) == (None, 1, None, None)
    assert "u-" not in found.model_dump_json()


def test_an_empty_choice_is_absent() -> None:
    found = resolved(
        model="", size="", quality="", response_format="", output_format="", background="", moderation="", style=""
    )
    assert found == resolved().model_copy(update={"seed": found.seed, "prompt": found.prompt})
    properties = ImageGeneration.model_json_schema()["properties"]
    for name in ("quality", "response_format", "output_format", "background", "moderation"):
        assert "" in properties[name]["anyOf"][0]["enum"], "the schema says so"


def test_the_parameters_of_our_models_are_passed_on() -> None:
    found = resolved(model="studio", style="PHOTOREALISM", negative_prompt="fog", seed=7, output_format="webp",
                     output_compression=60)  # fmt: skip
    assert (found.style, opened(found).negative_prompt, found.seed) == ("PHOTOREALISM", "fog", 7)
    assert (found.output_format, found.output_compression) == ("webp", 60)
    with pytest.raises(UnsupportedParametersError, match="style"):
        resolved(style="PHOTOREALISM")
    with pytest.raises(ValidationError, match="output_compression"):
        resolved(output_compression=60)


@pytest.mark.parametrize(
    ("n", "counts", "seeds"), [(None, [1], [7]), (4, [4], [7]), (5, [4, 1], [7, 11]), (10, [4, 4, 2], [7, 11, 15])]
)
def test_many_images_are_several_requests(n: int | None, counts: list[int], seeds: list[int]) -> None:
    requests = calls.new_requests(ImageGeneration(prompt="a fox", n=n, seed=7), CATALOG, TODAY)
    assert [request.count for request in requests] == counts
    assert [request.seed for request in requests] == seeds
    assert {request.prompt for request in requests} == {"a fox"}


@pytest.mark.parametrize(
    ("field", "value", "code", "rule"),
    [
        ("prompt", " ", "invalid_value", "must not be blank"),
        ("n", 0, "invalid_value", "greater than or equal to 1"),
        ("n", 11, "invalid_value", "less than or equal to 10"),
        ("size", "big", "invalid_value", "must be WIDTHxHEIGHT in pixels, such as 1024x1024, a ratio"),
        ("quality", "ultra", "invalid_value", "'auto', 'low', 'medium', 'high'"),
        ("response_format", "gif", "invalid_value", "'url' or 'b64_json'"),
        ("output_format", "svg", "invalid_value", "'png', 'jpeg' or 'webp'"),
        ("output_compression", 101, "invalid_value", "less than or equal to 100"),
        ("background", "transparent", "invalid_value", "must be auto or opaque"),
        ("moderation", "none", "invalid_value", "'auto' or 'low'"),
        ("stream", True, "invalid_value", "this API cannot stream"),
        ("partial_images", 2, "invalid_value", "this API cannot stream"),
        ("complexity", "high", "unknown_parameter", "complexity: is not a parameter of this API"),
        ("steps", 30, "unknown_parameter", "steps: is not a parameter of this API"),
    ],
)  # fmt: skip
def test_an_unsupported_value_is_refused_by_parameter(field: str, value: Any, code: str, rule: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ImageGeneration.model_validate({"prompt": "a fox", field: value})
    response = openai_errors.render_problem(problem_of(refused.value, "POST /openai/v1/images/generations"))
    error = json.loads(response.body or "")["error"]
    assert (response.status_code, error["param"], error["code"]) == (400, field, code)
    assert rule in error["message"]
    assert "^" not in error["message"], "no regular expression"


def test_a_missing_prompt_is_an_error_of_its_own() -> None:
    with pytest.raises(ValidationError) as refused:
        ImageGeneration.model_validate({})
    response = openai_errors.render_problem(problem_of(refused.value, "POST /openai/v1/images/generations"))
    assert json.loads(response.body or "")["error"]["code"] == "missing_required_parameter"


@pytest.mark.parametrize(
    ("model", "response_format", "content"),
    [
        (None, None, False),
        ("dall-e-3", None, False),
        ("stable-image-core", None, False),
        ("gpt-image-1", None, True),
        ("gpt-image-2.5-flare", None, True),
        ("chatgpt-image-latest", None, True),
        ("stable-image-core", "b64_json", True),
        ("dall-e-3", "b64_json", True),
        ("gpt-image-1", "b64_json", True),
        ("gpt-image-1", "url", False),
        ("gpt-image-1", "", True),
    ],
)
def test_the_name_of_the_model_decides_between_content_and_url(
    model: str | None, response_format: str | None, content: bool
) -> None:
    body = ImageGeneration.model_validate({"prompt": "a fox", "model": model, "response_format": response_format})
    assert calls.returns_content(body) is content


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
        (ApiProblem("unauthorized", "No"), 401, "authentication_error", False),
        (ApiProblem("model_not_found", "No"), 404, "invalid_request_error", False),
        (ApiProblem("budget_exhausted", "No", headers={"Retry-After": "9"}), 429, "insufficient_quota", False),
        (ApiProblem("unavailable", "No"), 503, "server_error", False),
        (ApiProblem("body_too_large", "No"), 413, "invalid_request_error", False),
        (ApiProblem("insufficient_scope", "No"), 403, "invalid_request_error", False),
        (ApiProblem("request_cancelled", "No"), 409, "invalid_request_error", False),
        (ApiProblem("rate_limited", "No", headers={"Retry-After": "7"}), 429, "rate_limit_error", True),
        (ApiProblem("internal_error", "No"), 500, "server_error", False),
        (openai_errors.unfinished([REQUEST]), 504, "server_error", False),
        (openai_errors.too_many_waits(), 429, "rate_limit_error", True),
        (ApiProblem("overloaded", "No", headers={"Retry-After": "40"}), 503, "server_error", True),
    ],
)
def test_clients_retry_only_if_nothing_was_accepted(problem: ApiProblem, status: int, kind: str, retry: bool) -> None:
    response = openai_errors.render_problem(problem)
    assert response.status_code == status
    assert json.loads(response.body or "")["error"]["type"] == kind
    assert ("x-should-retry" in response.headers) is not retry
    assert problem.headers.items() <= response.headers.items()


def test_an_error_names_the_parameter_and_the_rule() -> None:
    problem = ApiProblem("validation_failed", "The request is not valid.", errors=[field_error("count", "at most 4")])
    begin_call(http_event("POST", "/v1/images/generations"))
    assert json.loads(openai_errors.render_problem(problem).body or "") == {
        "error": {
            "message": "The request is not valid. n: at most 4",
            "type": "invalid_request_error",
            "param": "n",
            "code": "invalid_value",
            "call_id": CALL_ID,
        }
    }


def test_the_error_after_the_deadline_names_the_requests() -> None:
    response = openai_errors.render_problem(openai_errors.unfinished([REQUEST, "other"]))
    assert f"GET /v1/requests/{REQUEST} and /v1/requests/other." in json.loads(response.body or "")["error"]["message"]
    assert response.headers["Location"] == f"/v1/requests/{REQUEST}"


# Results -------------------------------------------------------------------------------------------------------------


def test_a_finished_request_is_urls_or_content() -> None:
    view = finished("ImageStored")
    (one,) = calls.image_response(CALL, [view]).data
    assert one.url == view.images[0].url
    assert one.b64_json is None

    response = calls.image_response(CALL, [view], lambda url: url.encode())
    assert base64.b64decode(response.data[0].b64_json or "") == (view.images[0].url or "").encode()
    assert response.data[0].url is None
    assert response.created == int(view.timeline[-1].at.timestamp())


def test_the_response_says_what_was_generated_and_what_it_cost() -> None:
    view = finished("ImageStored")
    premium = view.model_copy(update={"request": view.request.model_copy(update={"quality": "premium"})})
    body = ImageGeneration(prompt="a fox", model="gpt-image-1", quality="low", output_format="jpeg")
    response = calls.image_response(body, [premium, view], lambda url: url.encode())
    (image,) = view.images
    assert (response.background, response.output_format, response.quality) == ("opaque", "jpeg", "high")
    assert response.size == f"{image.width}x{image.height}"
    assert response.usage.model_dump() == {
        **dict.fromkeys(("total_tokens", "input_tokens", "output_tokens"), 0),
        **{name: {"text_tokens": 0, "image_tokens": 0} for name in ("input_tokens_details", "output_tokens_details")},
        "images": 2,
        "cost_usd": str(2 * Decimal(image.cost_usd)),
    }
    assert calls.image_response(CALL, [view]).quality == "medium"
    assert calls.image_response(CALL, [view]).output_format == "png"


def test_requests_without_images_leave_the_images_of_the_others() -> None:
    response = calls.image_response(
        CALL, [finished("PromptRejected"), finished("ImageStored"), finished("GenerationFailed")]
    )
    assert len(response.data) == response.usage.images == 1


MOST = calls.MAX_BASE64 // 4 * 3
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
    response = calls.image_response(GPT, [view], lambda key: bytes(sizes[key]))
    (data,) = response.data
    assert len(base64.b64decode(data.b64_json or "")) == sizes[used]
    assert response.output_format == ("png" if used == "original" else "webp")
    assert (response.size is None) == (used != "original")


def test_the_largest_response_fits_into_lambdas_limit() -> None:
    response = json_response(200, calls.image_response(CALL, [finished("ImageStored")], lambda _: bytes(MOST)))
    envelope = {"statusCode": 200, "headers": {f"x-header-{number}": "x" * 500 for number in range(40)}}
    assert len(json.dumps({**envelope, "body": response.body})) < LAMBDA_MAX_BYTES


@pytest.mark.parametrize("blocked_by", ["PromptRejected", "ImageRejected", "GenerationFailed"])
def test_a_blocked_request_is_a_violation_of_the_content_policy(blocked_by: str) -> None:
    with pytest.raises(ApiProblem) as refused:
        calls.image_response(CALL, [finished(blocked_by)])
    error = json.loads(openai_errors.render_problem(refused.value).body or "")["error"]
    assert (refused.value.status, error["code"]) == (400, "content_policy_violation")
    assert error["type"] == "invalid_request_error"
    assert "request was rejected as a result of the safety system" in error["message"], "LiteLLM reads the message"


@pytest.mark.parametrize(
    ("blocked_by", "stage", "param", "categories"),
    [
        ("PromptRejected", "input", "prompt", ["violence"]),
        ("ImageRejected", "output", None, ["violence"]),
        ("GenerationFailed", "input", "prompt", []),
    ],
)
def test_a_gpt_image_model_is_blocked_as_openai_blocks_it(
    blocked_by: str, stage: str, param: str | None, categories: list[str]
) -> None:
    with pytest.raises(ApiProblem) as refused:
        calls.image_response(GPT, [finished(blocked_by)])
    response = openai_errors.render_problem(refused.value)
    error = json.loads(response.body or "")["error"]
    assert (response.status_code, error["code"]) == (400, "moderation_blocked")
    assert (error["type"], error.get("param")) == ("image_generation_user_error", param)
    assert error["moderation_details"] == {"moderation_stage": stage, "categories": categories}


def test_a_failed_request_is_an_error_that_is_not_retried() -> None:
    reason = Reason(code="model_end_of_life", detail="The model could not generate the images.")
    failed = finished("GenerationFailed").model_copy(update={"status": "failed", "reason": reason})
    with pytest.raises(ApiProblem) as refused:
        calls.image_response(GPT, [failed])
    response = openai_errors.render_problem(refused.value)
    assert (response.status_code, refused.value.code) == (500, "request_failed")
    assert refused.value.detail == reason.detail
    assert response.headers["x-should-retry"] == "false"
    assert response.headers["Location"] == f"/v1/requests/{REQUEST}"


# The first version ---------------------------------------------------------------------------------------------------


def legacy_resolved(**body: Any) -> GenerationParameters:
    request = legacy.new_request(LegacyRequest(prompt="a fox", **body), CATALOG, TODAY)
    return parameters_of(request)


@pytest.mark.parametrize("model", [model.model_id for model in CATALOG] + [model.key for model in CATALOG])
def test_a_legacy_client_is_served_with_every_model(model: str) -> None:
    found = legacy_resolved(
        modelId=model, size="1024x1024", steps=30, cfgScale=7.0, style="photographic", negativePrompt=""
    )
    assert found.negative_prompt is None
    serving = CATALOG.get(found.models[0].model)
    assert serving is not None
    assert not serving.ended(TODAY)


@pytest.mark.parametrize("size", ["1024x1024", "1024X1024", "1024*1024", "1:1", "auto", "", None])
def test_a_legacy_client_may_spell_a_size_in_many_ways(size: str | None) -> None:
    plan = legacy_resolved(size=size).models[0]
    assert (plan.width, plan.height) == (1024, 1024)


def test_supported_parameters_are_passed_on() -> None:
    found = legacy_resolved(modelId="studio", size="1280x720", cfgScale=7, style="PHOTOREALISM", negativePrompt="fog")
    assert (found.guidance, found.style, opened(found).negative_prompt) == (7, "PHOTOREALISM", "fog")
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
        calls.image_response(CALL, [finished("ImageStored").model_copy(update={"status": "cancelled", "images": []})])
    assert openai_errors.render_problem(refused.value).status_code == 409
    assert openai_errors.render_problem(refused.value).headers["x-should-retry"] == "false"
