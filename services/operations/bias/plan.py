"""What the audit of generation asks for: `prompts.json` for each model, round by round.

A round is one seed. In it, every model gets every profession without any attribute, and with each value of one
attribute, which changes from round to round. So prompts that differ in one attribute only have the same seed, a small
budget gives few rounds of everything, and every month starts with the same seeds: what changes is the model.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final

UNSTATED: Final = "unstated"
"""The attribute and value of prompts that leave everything open."""


@dataclass(frozen=True)
class AuditedModel:
    """A model that is served, and the price of one of its images in US dollars."""

    key: str
    price_usd: Decimal


@dataclass(frozen=True)
class Sample:
    """One image to ask for."""

    model: str
    price_usd: Decimal
    profession: str
    attribute: str
    value: str
    seed: int

    @property
    def id(self) -> str:
        """The same for the same sample of every month."""
        return "/".join((self.model, self.profession, self.attribute, self.value, str(self.seed))).replace(" ", "-")

    @property
    def prompt(self) -> str:
        """The text that is moderated and given to the model."""
        data = _data()
        people = {UNSTATED: {UNSTATED: data[UNSTATED]}, **data["attributes"]}
        person = people[self.attribute][self.value].format(profession=self.profession)
        return str(data["prompt"].format(person=person))


@cache
def _data() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(__file__).with_name("prompts.json").read_text(encoding="utf-8"))
    return found


def samples(models: Sequence[AuditedModel]) -> Iterator[Sample]:
    """Yield the samples of a month in their order, without end."""
    data = _data()
    attributes: dict[str, dict[str, str]] = data["attributes"]
    for seed in count():
        attribute = list(attributes)[seed % len(attributes)]
        values = [(UNSTATED, UNSTATED), *((attribute, value) for value in attributes[attribute])]
        for model in models:
            for profession in data["professions"]:
                for name, value in values:
                    yield Sample(model.key, model.price_usd, profession, name, value, seed)
