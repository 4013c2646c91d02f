"""Which parameters a model supports, and which models may serve a request."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from events.model_catalog import ModelCatalog
from services.intake.creation import seal_parameters
from services.intake.model_fit import FitResult, Plan, UnsupportedParametersError, fit, resolve
from services.intake.schemas import NewRequest
from tests.support.sealing import sample_sealer

CATALOG = ModelCatalog.load()
CEILING = Decimal("0.08")


def resolved(**fields: object) -> Plan:
    return resolve(NewRequest.model_validate({"prompt": "a lighthouse", **fields}), CATALOG, CEILING)


def refusal(**fields: object) -> list[dict[str, object]]:
    with pytest.raises(UnsupportedParametersError) as caught:
        resolved(**fields)
    return caught.value.errors


def test_a_bare_prompt_means_the_default_model_and_a_random_seed() -> None:
    parameters = resolved()
    assert parameters.models[0].model == "stable-image-core"
    assert (parameters.models[0].width, parameters.models[0].height) == (1024, 1024)
    assert parameters.seed > 0


def test_successors_may_serve_a_request_within_the_price_ceiling() -> None:
    assert [plan.model for plan in resolved(model="titan-v2").models] == [
        "titan-v2",
        "nova-canvas",
        "stable-image-core",
        "sd3.5-large",
    ]


def test_without_failover_there_is_no_successor() -> None:
    assert [plan.model for plan in resolved(model="titan-v2", failover=False).models] == ["titan-v2"]


def test_an_expensive_model_may_have_an_equally_expensive_successor() -> None:
    assert [plan.model for plan in resolved(model="stable-image-ultra").models] == [
        "stable-image-ultra",
        "sd3.5-large",
        "stable-image-core",
    ]


def test_a_successor_must_support_the_style() -> None:
    assert [plan.model for plan in resolved(model="sdxl-v1", style="anime").models] == ["sdxl-v1"]


def test_a_successor_that_takes_ratios_gets_the_ratio_of_the_size() -> None:
    plans = {plan.model: plan for plan in resolved(model="nova-canvas", size="1344x576").models}
    assert plans["stable-image-core"].aspect_ratio == "21:9"


def test_a_size_that_no_successor_supports_has_no_successor() -> None:
    assert [plan.model for plan in resolved(model="nova-canvas", size="1600x400").models] == ["nova-canvas"]


@pytest.mark.parametrize(
    ("fields", "field", "detail"),
    [
        ({"model": "dall-e"}, "model", "allowed"),
        ({"model": "sdxl-v1", "size": "1000x1000"}, "size", "allowed"),
        ({"model": "nova-canvas", "size": "1000x1000"}, "size", "suggested"),
        ({"model": "nova-canvas", "size": "320x4096"}, "size", "suggested"),
        ({"model": "nova-canvas", "size": "4096x4096"}, "size", "suggested"),
        ({"size": "1024x1024"}, "size", "allowed_aspect_ratios"),
        ({"aspect_ratio": "7:3"}, "aspect_ratio", "allowed"),
        ({"model": "sdxl-v1", "aspect_ratio": "10:1"}, "aspect_ratio", "allowed_sizes"),
        ({"style": "anime"}, "style", "allowed"),
        ({"model": "sdxl-v1", "style": "cubist"}, "style", "allowed"),
        ({"quality": "premium"}, "quality", "allowed"),
        ({"steps": 30}, "steps", "allowed"),
        ({"model": "sdxl-v1", "steps": 9}, "steps", "minimum"),
        ({"model": "titan-v2", "guidance": 11}, "guidance", "maximum"),
        ({"model": "titan-v2", "seed": 2147483647}, "seed", "maximum"),
        ({"model": "titan-v2", "prompt": "x" * 513}, "prompt", "max_length"),
        ({"prompt": "x" * 20_000}, "prompt", "max_length"),
        ({"prompt": "\ufdfa" * 10_000}, "prompt", "max_length"),
        ({"negative_prompt": "\ufdfa" * 600}, "negative_prompt", "max_length"),
    ],
)
def test_unsupported_parameters_are_refused_by_field(fields: dict[str, object], field: str, detail: str) -> None:
    errors = refusal(**fields)
    assert [error["field"] for error in errors] == [field]
    assert errors[0][detail] is not None
    assert errors[0]["rule"]


def test_the_format_of_the_original_is_part_of_the_request() -> None:
    request = NewRequest(prompt="a fox", output_format="jpeg", output_compression=0)
    found = seal_parameters(sample_sealer(), "demo", request, resolve(request, CATALOG, CEILING))
    assert (found.output_format, found.output_compression) == ("jpeg", 0)


def test_all_errors_are_reported_at_once() -> None:
    errors = refusal(style="anime", steps=3)
    assert [error["field"] for error in errors] == ["style", "steps"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": " \n"}, "prompt"),
        ({"prompt": "a\x00b"}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": "\ud800"}, "prompt"),
        ({"prompt": "caf\ufffd"}, "prompt"),
        ({"negative_prompt": " "}, "negative_prompt"),
        ({"count": 0}, "count"),
        ({"count": 5}, "count"),
        ({"count": "2"}, "count"),
        ({"count": True}, "count"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"guidance": float("nan")}, "guidance"),
        ({"output_format": "gif"}, "output_format"),
        ({"output_compression": 50}, "output_compression"),
        ({"output_format": "png", "output_compression": 50}, "output_compression"),
        ({"output_format": "webp", "output_compression": 101}, "output_compression"),
        ({"size": "big"}, "size"),
        ({"aspect_ratio": "16/9"}, "aspect_ratio"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_an_invalid_field_is_named(fields: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        NewRequest.model_validate({"prompt": "a lighthouse", **fields})
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


def test_size_and_aspect_ratio_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="exclude each other"):
        NewRequest(prompt="a", size="1024x1024", aspect_ratio="1:1")


@given(st.sampled_from([model.key for model in CATALOG]), st.data())
def test_a_model_supports_every_size_and_quality_that_it_lists(key: str, data: st.DataObject) -> None:
    model = CATALOG.get(key)
    assert model is not None
    if model.aspect_ratios:
        shape = {"aspect_ratio": data.draw(st.sampled_from(list(model.aspect_ratios)))}
    else:
        shape = {"size": data.draw(st.sampled_from(model.sizes))}
    parameters = resolved(model=key, quality=data.draw(st.sampled_from(list(model.price_usd))), **shape)
    assert parameters.models[0].model == key


def test_a_custom_model_has_the_limits_of_its_family() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc123"
    own = ModelCatalog.load(f'{{"house-style": {{"arn": "{arn}", "family": "titan", "price_usd": "0.02"}}}}')
    parameters = resolve(NewRequest(prompt="a", model="house-style", size="512x512"), own, CEILING)
    assert [plan.model for plan in parameters.models] == ["house-style"]


def test_a_fit_is_either_a_plan_or_errors() -> None:
    model = CATALOG.get("titan-v2")
    assert model is not None
    fits = fit(NewRequest(prompt="a", size="1024x1024"), model)
    assert fits.plan is not None
    assert (fits.plan.model, fits.errors) == ("titan-v2", [])
    fits_not = fit(NewRequest(prompt="a", size="1024x1024", steps=30), model)
    assert fits_not == FitResult(None, fits_not.errors)
    assert [error["field"] for error in fits_not.errors] == ["steps"]


def test_a_successor_ignores_steps_and_guidance() -> None:
    request = NewRequest(prompt="a", model="sdxl-v1", steps=30)
    requested, successor = CATALOG.get("sdxl-v1"), CATALOG.get("stable-image-core")
    assert requested is not None
    assert successor is not None
    plan = fit(request, requested).plan
    assert plan is not None
    assert fit(request, successor).plan is None
    assert fit(request, successor, instead_of=plan).plan is not None
