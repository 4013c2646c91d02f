"""What is known about each model besides its limits and prices. The data is in `model_cards.json`."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from .model_catalog import Model

DATA: Final = Path(__file__).with_name("model_cards.json")


class Fact(NamedTuple):
    """A statement about a model, and the address of the document that says so."""

    text: str
    source: str


class Card(NamedTuple):
    """Provider, terms, known limits and facts of a model."""

    provider: str
    terms_url: str | None
    """None for a custom model, whose terms the catalog does not know."""
    known_limits: list[str]
    facts: list[Fact]


def provider_of(model: Model) -> str:
    """Return the provider in a model's id at Bedrock, or ``custom`` for an ARN."""
    return "custom" if model.model_id.startswith("arn:") else model.model_id.partition(".")[0]


def model_card(model: Model) -> Card:
    """Return the card of a model of the catalog or of a custom model."""
    data = _data()
    provider = data["providers"].get(provider_of(model), {"name": "Custom model", "terms_url": None})
    facts = [*data["models"].get(model.key, {"facts": []})["facts"], *data["facts"]]
    return Card(
        provider["name"], provider["terms_url"], list(data["known_limits"]), [Fact(**values) for values in facts]
    )


@cache
def _data() -> Any:
    return json.loads(DATA.read_text(encoding="utf-8"))
