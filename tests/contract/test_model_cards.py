"""Every model has a card, whose facts have sources, and the documents agree with the code."""

import json
import re
from typing import Any, get_args

import pytest

from events.model_cards import DATA, model_card
from events.model_catalog import Model, model_catalog
from services.intake.model_schemas import SafetyLayer
from tests.support.templates import ROOT, root_template

CUSTOM = (
    '{"house": {"arn": "arn:aws:bedrock:us-east-1:123456789012:custom-model/x", "family": "titan", "price_usd": "1"}}'
)
CARDS: Any = json.loads(DATA.read_text())
PAGE = (ROOT / "docs" / "responsible-ai.md").read_text()


def test_the_cards_are_those_of_the_catalog() -> None:
    assert CARDS["models"].keys() == {model.key for model in model_catalog()}


@pytest.mark.parametrize("model", model_catalog(), ids=lambda model: model.key)
def test_a_card_names_the_provider_and_sources(model: Model) -> None:
    card = model_card(model)
    assert card.provider in {"Amazon", "Stability AI"}
    assert str(card.terms_url).startswith("https://")
    assert card.known_limits
    assert len(card.facts) >= 2, "one of the model, and those of all models"
    assert all(fact.text.endswith(".") and fact.source.startswith("https://") for fact in card.facts)
    assert f"| `{model.key}` | [{card.provider}]({card.terms_url}) |" in PAGE


def test_the_card_of_a_custom_model_has_no_terms() -> None:
    house = model_catalog(CUSTOM).get("house")
    assert house is not None
    card = model_card(house)
    assert (card.provider, card.terms_url) == ("Custom model", None)
    assert card.facts == model_card(next(iter(model_catalog()))).facts[-len(card.facts) :], "those of all models"


def test_the_layers_of_a_card_are_those_of_the_document() -> None:
    layers = re.findall(r"^(\d)\. \*\*(.+?)\*\*", (ROOT / "docs" / "safety.md").read_text(), re.MULTILINE)
    assert len(layers) == len(get_args(SafetyLayer))
    assert root_template()["Parameters"]["ImageCheck"]["Default"] == "on", "docs/responsible-ai.md says so"


def test_decisions_that_can_be_appealed_are_documented() -> None:
    rows = [line for line in PAGE.splitlines() if line.endswith("| appeal |")]
    assert [row.split("|")[1].strip() for row in rows] == ["A prompt is rejected", "An image is rejected"]
