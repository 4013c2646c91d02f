"""The facades: what other APIs' requests mean here, and what our endings are called there."""

import base64
import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from events.images import GenerationParameters
from events.model_catalog import ModelCatalog
from kit.http_api import ApiProblem, field_error
from services.intake.facades import legacy, openai, translation
from services.intake.parameters import ParameterError, resolve
from services.intake.service import accept, track
from services.intake.views import Links, Reason, RequestView, promise, request_view
from tests.support.events import sample
from tests.unit.intake.fakes import InMemoryRequests

TODAY = date(2026, 11, 22)
CATALOG = ModelCatalog.load(
    '{"studio": {"arn": "arn:aws:bedrock:us-east-1:123456789012:custom-model/a/b", "family": "nova"}}'
)
CEILING = Decimal("0.08")
REQUEST = "01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04"


def drawn(**body: Any) -> GenerationParameters:
    """Return what OpenAI's client would get drawn: all that is translated is something the model can do."""
    wanted = openai.new_request(openai.ImageGeneration(prompt="a fox", **body), CATALOG, TODAY)
    return resolve(wanted, CATALOG, CEILING)


def ended(*detail_types: str) -> RequestView:
    """Return a request's view after these golden events."""
    store = InMemoryRequests()
    wanted = openai.new_request(openai.ImageGeneration(prompt="a fox"), CATALOG, TODAY)
    created_at = min(sample(name).metadata.occurred_at for name in detail_types) - timedelta(seconds=4)
    accept(store, REQUEST, "demo", resolve(wanted, CATALOG, CEILING), created_at)
    for name in detail_types:
        event = sample(name)
        metadata = event.metadata.model_copy(update={"request_id": REQUEST})
        track(store, event.model_copy(update={"metadata": metadata}))
    return request_view(*store.both(REQUEST), lambda key: f"https://cdn/{key}")


# Names ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [None, "gpt-image-1", "dall-e-3", "no such model", ""])
def test_openais_own_model_names_mean_our_default(name: str | None) -> None:
    assert drawn(model=name).models[0].model == CATALOG.default


@pytest.mark.parametrize(
    "name", ["stable-image-ultra", "stability.stable-image-ultra-v1:1", "stability.stable-image-ultra-v1"]
)
def test_a_model_is_known_by_our_name_and_by_bedrocks_with_or_without_its_revision(name: str) -> None:
    assert drawn(model=name).models[0].model == "stable-image-ultra"


def test_a_model_that_has_ended_is_stood_in_for_before_its_limits_count() -> None:
    found = translation.find_model("amazon.titan-image-generator-v1", CATALOG, TODAY)
    assert found is not None
    assert found.key == "stable-image-core"
    lived = translation.find_model("amazon.titan-image-generator-v1", CATALOG, date(2025, 1, 1))
    assert lived is not None
    assert lived.key == "titan-v1"


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
def test_a_size_is_the_nearest_ratio_where_the_model_takes_ratios(size: str | None, ratio: str) -> None:
    assert drawn(size=size).models[0].aspect_ratio == ratio


@pytest.mark.parametrize(
    ("model", "size", "drawn_as"),
    [
        ("titan-v2", "1152x768", "1152x768"),
        ("titan-v2", "1536x1024", "1152x768"),
        ("titan-v2", "500x500", "512x512"),
        ("sdxl-v1", "1792x1024", "1344x768"),
        ("studio", "1792x1024", "1792x1024"),
        ("studio", "1000x1000", "1024x1024"),
    ],
)
def test_a_size_is_itself_or_the_nearest_where_the_model_takes_sizes(model: str, size: str, drawn_as: str) -> None:
    found = CATALOG.get(model)
    assert found is not None
    assert translation.shape(found, size) == {"size": drawn_as}


def test_the_best_quality_is_premium_where_the_model_has_it() -> None:
    assert drawn(model="studio", quality="hd").quality == "premium"
    assert drawn(model="studio", quality="auto").quality == "standard"
    assert drawn(quality="high").quality == "standard"


def test_what_openais_clients_send_besides_is_ignored() -> None:
    found = drawn(style="vivid", user="u-1", background="transparent", n=None, response_format=None, stream=False)
    assert (found.style, found.count) == (None, 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [("prompt", " "), ("n", 0), ("n", 5), ("size", "big"), ("response_format", "gif"), ("stream", True)],
)
def test_what_we_can_not_do_is_refused_by_field(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        openai.ImageGeneration.model_validate({"prompt": "a fox", field: value})
    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


# Errors in OpenAI's shape --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "status", "kind", "repeat"),
    [
        (
            ApiProblem(422, "validation_failed", "No", errors=[field_error("n", "at most 4")]),
            400,
            "invalid_request_error",
            False,
        ),
        (ApiProblem(413, "body_too_large", "No"), 413, "invalid_request_error", False),
        (ApiProblem(403, "insufficient_scope", "No"), 403, "invalid_request_error", False),
        (ApiProblem(409, "request_cancelled", "No"), 409, "invalid_request_error", False),
        (ApiProblem(429, "rate_limited", "No", headers={"Retry-After": "7"}), 429, "rate_limit_error", True),
        (ApiProblem(500, "internal_error", "No"), 500, "server_error", False),
        (openai.unfinished(REQUEST), 504, "server_error", False),
    ],
)
def test_only_what_surely_cost_nothing_may_be_repeated_blindly(
    problem: ApiProblem, status: int, kind: str, repeat: bool
) -> None:
    answer = openai.tell(problem)
    assert answer.status_code == status
    assert json.loads(answer.body or "")["error"]["type"] == kind
    assert ("x-should-retry" in answer.headers) is not repeat
    assert problem.headers.items() <= answer.headers.items()


def test_an_error_names_the_parameter_and_the_rule() -> None:
    problem = ApiProblem(422, "validation_failed", "The request is not valid", errors=[field_error("n", "at most 4")])
    assert json.loads(openai.tell(problem).body or "") == {
        "error": {
            "message": "The request is not valid: n: at most 4",
            "type": "invalid_request_error",
            "param": "n",
            "code": "validation_failed",
        }
    }


def test_what_is_not_finished_in_time_names_the_request_to_look_at() -> None:
    answer = openai.tell(openai.unfinished(REQUEST))
    assert f"/v1/requests/{REQUEST}" in json.loads(answer.body or "")["error"]["message"]
    assert answer.headers["Location"] == f"/v1/requests/{REQUEST}"


# Endings -------------------------------------------------------------------------------------------------------------


def test_a_finished_request_is_urls_or_content() -> None:
    view = ended("ImageStored")
    (one,) = openai.images(view).data
    assert one.url == view.images[0].url
    assert one.b64_json is None

    answer = openai.images(view, lambda address: address.encode())
    assert base64.b64decode(answer.data[0].b64_json or "") == (view.images[0].url or "").encode()
    assert answer.data[0].url is None
    assert answer.created == int(view.timeline[-1].at.timestamp())


def test_content_that_one_answer_can_not_hold_is_refused_with_where_it_is() -> None:
    view = ended("ImageStored")
    most = openai.MAX_BASE64 // 4 * 3
    assert openai.images(view, lambda _: bytes(most))
    with pytest.raises(ApiProblem) as refused:
        openai.images(view, lambda _: bytes(most + 3))
    assert (refused.value.status, refused.value.errors[0]["field"]) == (400, "response_format")
    assert "url" in refused.value.errors[0]["rule"]
    assert REQUEST in refused.value.title


@pytest.mark.parametrize("blocked_by", ["PromptRejected", "ImageRejected", "GenerationFailed"])
def test_a_blocked_request_is_a_violation_of_the_content_policy(blocked_by: str) -> None:
    with pytest.raises(ApiProblem) as refused:
        openai.images(ended(blocked_by))
    error = json.loads(openai.tell(refused.value).body or "")["error"]
    assert (refused.value.status, error["code"]) == (400, "content_policy_violation")


def test_a_failed_request_is_an_error_that_is_not_repeated() -> None:
    reason = Reason(code="model_ended", detail="The model could not draw this request.")
    failed = ended("GenerationFailed").model_copy(update={"status": "failed", "reason": reason})
    with pytest.raises(ApiProblem) as refused:
        openai.images(failed)
    answer = openai.tell(refused.value)
    assert answer.status_code == 500
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["Location"] == f"/v1/requests/{REQUEST}"


# The first version ---------------------------------------------------------------------------------------------------


def old(**body: Any) -> GenerationParameters:
    wanted = legacy.new_request(legacy.LegacyRequest(prompt="a fox", **body), CATALOG, TODAY)
    return resolve(wanted, CATALOG, CEILING)


@pytest.mark.parametrize("model", [model.model_id for model in CATALOG] + [model.key for model in CATALOG])
def test_an_old_client_is_served_whatever_model_it_was_written_for(model: str) -> None:
    found = old(modelId=model, size="1024x1024", steps=30, cfgScale=7.0, style="photographic", negativePrompt="")
    assert found.negative_prompt is None
    serving = CATALOG.get(found.models[0].model)
    assert serving is not None
    assert not serving.ended(TODAY)


def test_what_the_model_takes_is_passed_on() -> None:
    found = old(modelId="studio", size="1280x720", cfgScale=7, style="PHOTOREALISM", negativePrompt="fog")
    assert (found.guidance, found.style, found.negative_prompt) == (7, "PHOTOREALISM", "fog")
    assert (found.models[0].width, found.models[0].height) == (1280, 720)


@pytest.mark.parametrize(
    ("body", "field"), [({"modelId": "nobody's"}, "modelId"), ({"modelId": "studio", "cfgScale": 99.0}, "cfgScale")]
)
def test_old_clients_are_told_of_their_own_fields(body: dict[str, Any], field: str) -> None:
    with pytest.raises(ParameterError) as refused:
        old(**body)
    problem = ApiProblem(422, "validation_failed", "No", errors=refused.value.errors)
    told = json.loads(legacy.tell(problem).body or "")
    assert (told["success"], told["message"]) == (False, "No")
    assert [error["field"] for error in told["errors"]] == [field]


def test_an_old_client_is_told_where_to_look() -> None:
    assert legacy.accepted(promise(REQUEST, None)).model_dump()["data"] == {
        "id": REQUEST,
        "status": "accepted",
        "statusUrl": Links(self=f"/v1/requests/{REQUEST}").self,
    }


def test_an_old_client_that_waited_gets_the_image_and_how_long_it_took() -> None:
    view = ended("ImageStored")
    data = legacy.finished(view).data
    assert (data.id, data.prompt, data.url, data.generationTime) == (REQUEST, "a fox", view.images[0].url, 4000)
    assert data.timestamp == view.timeline[-1].at
    assert data.timestamp.tzinfo is not None


def test_an_old_client_that_waited_for_nothing_is_told_why() -> None:
    with pytest.raises(ApiProblem) as refused:
        legacy.finished(ended("PromptRejected"))
    assert refused.value.status == 400
    assert refused.value.errors[0]["field"] == "prompt"


def test_images_that_were_deleted_since_are_gone() -> None:
    view = ended("ImageStored")
    gone = [image.model_copy(update={"url": None}) for image in view.images]
    with pytest.raises(ApiProblem) as refused:
        legacy.finished(view.model_copy(update={"images": gone}))
    assert refused.value.status == 410


def test_a_request_that_was_cancelled_meanwhile_is_not_drawn_by_a_repetition() -> None:
    with pytest.raises(ApiProblem) as refused:
        openai.images(ended("ImageStored").model_copy(update={"status": "cancelled", "images": []}))
    assert openai.tell(refused.value).status_code == 409
    assert openai.tell(refused.value).headers["x-should-retry"] == "false"
