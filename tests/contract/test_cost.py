"""What one key can spend: the figures of docs/cost.md follow from the limits, the prices and the code."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from events.model_catalog import model_catalog
from events.options import IMAGES_MAX
from kit.quotas import blocked_limit
from services.accounts.schemas import DAY, NewKey
from services.intake.quota import RateLimiter
from services.moderation.models import TEXT_MAX
from services.moderation.prices import (
    GUARDRAIL_IMAGE_USD,
    GUARDRAIL_TEXT_UNIT_USD,
    IMAGE_CHECK_USD,
    guardrail_text_usd,
    prompt_check_usd,
)
from tests.support import templates
from tests.support.clock import FakeClock
from tests.support.templates import ROOT
from tests.unit.intake.fakes import InMemoryRates

LIMIT = NewKey.model_fields["limit"].default
WINDOW = NewKey.model_fields["window_seconds"].default
WINDOWS = DAY // WINDOW
IMAGES = LIMIT * WINDOWS
MODELS = list(model_catalog())
DEAREST = max(price for model in MODELS for price in model.price_usd.values())
LONGEST_CHECK = prompt_check_usd(["p" * TEXT_MAX, "n" * TEXT_MAX])
REJECTED = (LIMIT + blocked_limit(LIMIT)) * WINDOWS
"""All that are in process when the first rejection arrives, and those until the limit of blocked requests."""
DOCUMENT = (ROOT / "docs/cost.md").read_text()


def row(label: str) -> list[Decimal]:
    """Return the numbers in a row of the first table."""
    line = next(line for line in DOCUMENT.splitlines() if label in line)
    return [Decimal(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", line.split("|", 2)[2])]


def cents(amount: Decimal) -> Decimal:
    """Return an amount in the precision of the document."""
    return amount.quantize(Decimal("0.01"))


def test_the_document_states_the_worst_case_of_a_default_key() -> None:
    rows = {
        "images of the dearest model": (IMAGES, DEAREST),
        "their prompt checks": (IMAGES, LONGEST_CHECK),
        "their image checks": (IMAGES, IMAGE_CHECK_USD),
        "prompts that are rejected": (REJECTED, LONGEST_CHECK),
        "checks with `POST /v1/moderations`": (IMAGES, LONGEST_CHECK),
    }
    for label, (number, price) in rows.items():
        assert row(label) == [number, price, cents(number * price)], label
    assert row("**total**") == [sum(cents(number * price) for number, price in rows.values())]


def test_the_document_states_what_a_guardrail_adds() -> None:
    prompt, image = guardrail_text_usd("p" * TEXT_MAX), GUARDRAIL_IMAGE_USD
    total = (IMAGES + REJECTED + IMAGES) * prompt + IMAGES * image
    text = " ".join(DOCUMENT.split())
    assert (
        f"at most USD {prompt.normalize()} per checked prompt ({GUARDRAIL_TEXT_UNIT_USD} per 1,000 characters" in text
    )
    assert f"USD {image} per image, so at most USD {cents(total)} to the total" in text


def test_the_document_states_an_ordinary_day() -> None:
    default = model_catalog().get(model_catalog().default)
    assert default is not None
    image = default.price_usd["standard"] + prompt_check_usd(["p" * 100]) + IMAGE_CHECK_USD
    assert f"the images cost USD {cents(IMAGES * image)} with their checks" in DOCUMENT


def test_the_longest_texts_of_a_request_are_those_of_a_check() -> None:
    assert max(model.prompt_max for model in MODELS) == max(model.negative_prompt_max for model in MODELS) == TEXT_MAX


def test_a_key_gets_at_most_the_stated_images_in_a_day() -> None:
    start = datetime(2026, 11, 22, tzinfo=UTC)
    clock = FakeClock(start)
    limiter, admitted = RateLimiter(InMemoryRates(), clock), 0
    while (clock.now() - start).total_seconds() < DAY:
        while limiter.admit("key", LIMIT, WINDOW, IMAGES_MAX).refusal is None:
            admitted += IMAGES_MAX
        clock.advance(60)
    assert 0.9 * IMAGES < admitted <= IMAGES


def test_the_template_has_the_stated_budget() -> None:
    budget = templates.root_template()["Parameters"]["DailyBudgetUsd"]
    assert f"`DailyBudgetUsd` ({budget['Default']} by default)" in DOCUMENT
    assert budget["MinValue"] == 0
    assert "set 0" in budget["ConstraintDescription"]


@pytest.mark.parametrize(
    ("models", "accepted"),
    [
        ("", True),
        ("{}", True),
        ('{"a": {"arn": "x", "family": "sdxl", "price_usd": "0.04"}}', True),
        ('{"a": {"price_usd": 0.04}, "b": {"arn": "y", "price_usd": "0.1"}}', True),
        ('{"a": {"arn": "x", "family": "sdxl"}}', False),
        ('{"a": {"price_usd": "0.04"}, "b": {"arn": "y"}}', False),
    ],
)
def test_the_template_refuses_a_custom_model_without_a_price(models: str, accepted: bool) -> None:
    parameter = templates.root_template()["Parameters"]["CustomModels"]
    assert bool(re.fullmatch(parameter["AllowedPattern"], models)) == accepted
    assert 'Add "price_usd" to each model' in parameter["ConstraintDescription"]
