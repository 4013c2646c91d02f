"""The model catalog: complete, consistent, and extensible by custom models."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from events.model_catalog import Model, ModelCatalog, invoke_arns, model_catalog
from kit.settings import Settings
from services.generation.settings import GenerateSettings
from services.intake.settings import CreationSettings

ARN = "arn:aws:bedrock:eu-west-1:123456789012:provisioned-model/abc123"
EVERY_MODEL = pytest.mark.parametrize("model", list(model_catalog()), ids=lambda model: model.key)


def get(key: str) -> Model:
    model = model_catalog().get(key)
    assert model is not None
    return model


def test_the_catalog_has_every_required_model() -> None:
    assert set(model_catalog().keys()) == {
        "sdxl-v1",
        "titan-v1",
        "titan-v2",
        "nova-canvas",
        "sd3.5-large",
        "stable-image-core",
        "stable-image-ultra",
    }


@EVERY_MODEL
def test_every_model_has_sizes_or_aspect_ratios(model: Model) -> None:
    assert bool(model.sizes) != bool(model.aspect_ratios)
    assert model.prompt_max >= 512
    assert model.seed_max >= 2**29
    assert "standard" in model.price_usd
    assert all(price > 0 for price in model.price_usd.values())


@EVERY_MODEL
def test_every_size_has_pixels_and_fits_the_models_rule(model: Model) -> None:
    for size in [*model.sizes, *model.aspect_ratios.values()]:
        width, height = (int(side) for side in size.split("x"))
        rule = model.size_rule
        if rule is None:
            assert min(width, height) >= 256
            continue
        assert rule.side_min <= min(width, height) <= max(width, height) <= rule.side_max
        assert width % rule.multiple_of == height % rule.multiple_of == 0
        assert max(width / height, height / width) <= rule.ratio_max
        assert width * height <= rule.pixels_max


@EVERY_MODEL
def test_the_size_of_an_image_has_nearly_the_requested_ratio(model: Model) -> None:
    for ratio, size in model.aspect_ratios.items():
        across, down = (int(side) for side in ratio.split(":"))
        width, height = (int(side) for side in size.split("x"))
        assert width / height == pytest.approx(across / down, rel=0.03)


@EVERY_MODEL
def test_defaults_lie_within_their_bounds(model: Model) -> None:
    for bounds in (model.steps, model.guidance):
        if bounds is not None:
            assert bounds.min <= bounds.default <= bounds.max


@EVERY_MODEL
def test_a_model_with_an_end_of_life_has_an_active_successor(model: Model) -> None:
    last_day_known = max(m.end_of_life for m in model_catalog() if m.end_of_life) + timedelta(days=1)

    assert model.successor is None or model_catalog().get(model.successor) is not None
    if model.end_of_life:
        assert any(not follower.ended(last_day_known) for follower in model_catalog().successors(model))


def test_the_default_model_is_active() -> None:
    assert not get(model_catalog().default).ended(date(2100, 1, 1))


def test_a_model_is_active_until_its_end_of_life() -> None:
    model = get("titan-v1")
    assert model.end_of_life is not None

    assert not model.ended(model.end_of_life - timedelta(days=1))
    assert model.ended(model.end_of_life)
    assert not get("stable-image-core").ended(date.max)


def test_successors_are_nearest_first_and_cycles_are_cut() -> None:
    names = [model.key for model in model_catalog().successors(get("titan-v1"))]

    assert names[:3] == ["titan-v2", "nova-canvas", "stable-image-core"]
    assert len(names) == len(set(names))
    assert "titan-v1" not in names


def test_a_custom_model_has_its_familys_limits() -> None:
    models = ModelCatalog.load(f'{{"brand": {{"arn": "{ARN}", "family": "titan", "price_usd": "0.02"}}}}')
    own, kin = models.get("brand"), models.get("titan-v1")
    assert own is not None
    assert kin is not None

    assert (own.model_id, own.regions, own.family) == (ARN, ["eu-west-1"], "titan")
    assert (own.sizes, own.prompt_max) == (kin.sizes, kin.prompt_max)
    assert set(own.price_usd.values()) == {Decimal("0.02")}
    assert (own.end_of_life, own.successor) == (None, None)
    assert "brand" in models.keys()  # noqa: SIM118 - a method, not a dictionary's
    assert model_catalog().get("brand") is None


@pytest.mark.parametrize(
    "custom",
    [
        "not json",
        "[]",
        '{"brand": {}}',
        '{"brand": {"arn": "nowhere", "family": "titan", "price_usd": "0.02"}}',
        f'{{"brand": {{"arn": "{ARN}", "family": "watercolour", "price_usd": "0.02"}}}}',
        f'{{"brand": {{"arn": "{ARN}", "family": "titan", "price_usd": "0.02", "colour": 1}}}}',
        f'{{"titan-v1": {{"arn": "{ARN}", "family": "titan", "price_usd": "0.02"}}}}',
        f'{{"brand": {{"arn": "{ARN}", "family": "titan", "price_usd": "0.02", "successor": "nobody"}}}}',
    ],
)
def test_a_malformed_custom_model_is_an_error(custom: str) -> None:
    with pytest.raises(ValueError, match=r"^CustomModels: .+\.$"):
        ModelCatalog.load(custom)


@pytest.mark.parametrize("price", ["", ', "price_usd": "0"', ', "price_usd": "-1"', ', "price_usd": "NaN"'])
def test_a_custom_model_without_a_price_says_what_to_add(price: str) -> None:
    with pytest.raises(ValueError, match=r'^CustomModels: brand\.price_usd \(.*such as "price_usd": "0\.04"'):
        ModelCatalog.load(f'{{"brand": {{"arn": "{ARN}", "family": "titan"{price}}}}}')


@pytest.mark.parametrize("settings", [GenerateSettings, CreationSettings])
def test_a_function_does_not_start_with_an_invalid_custom_model(
    settings: type[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "TABLE_NAME", "HANDOFF_BUCKET_NAME", "GALLERY_BUCKET_NAME", "OWNER_KEYS_TABLE_NAME"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("CUSTOM_MODELS", f'{{"brand": {{"arn": "{ARN}", "family": "titan"}}}}')
    with pytest.raises(ValidationError, match=r"CustomModels: brand\.price_usd"):
        settings.load()
    monkeypatch.setenv("CUSTOM_MODELS", f'{{"brand": {{"arn": "{ARN}", "family": "titan", "price_usd": "0.02"}}}}')
    settings.load()


@pytest.mark.parametrize("custom", ["", "  ", "{}"])
def test_without_custom_models_the_catalog_is_unchanged(custom: str) -> None:
    assert ModelCatalog.load(custom).keys() == model_catalog().keys()


def test_an_unknown_model_is_none() -> None:
    assert model_catalog().get("dall-e") is None


def test_an_unknown_field_in_the_data_is_an_error() -> None:
    with pytest.raises(ValidationError):
        Model.model_validate({**get("titan-v1").model_dump(), "prompt_maximum": 1})


@EVERY_MODEL
def test_the_permission_names_the_model_in_its_regions(model: Model) -> None:
    assert invoke_arns(model, "aws-cn") == [
        f"arn:aws-cn:bedrock:{region}::foundation-model/{model.model_id}" for region in model.regions
    ]
    assert invoke_arns(model)


def test_the_permission_for_a_custom_model_is_its_arn() -> None:
    own = ModelCatalog.load(f'{{"brand": {{"arn": "{ARN}", "family": "titan", "price_usd": "0.02"}}}}').get("brand")
    assert own is not None

    assert invoke_arns(own) == [ARN]
