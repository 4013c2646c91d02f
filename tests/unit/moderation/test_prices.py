"""The price of a check is never estimated too low for the texts that are sent."""

import json
from decimal import Decimal

import pytest

from services.moderation.policy import load_policy
from services.moderation.prices import INSTRUCTIONS_TOKENS, prompt_check_usd
from services.moderation.screening import Screening

CHARACTERS_PER_TOKEN = 2.5
"""Of English instructions and JSON, rounded down: about four are usual."""


def test_the_instructions_have_at_most_the_tokens_that_are_counted() -> None:
    request = Screening(load_policy(), "model").request({"prompt": "", "negative_prompt": ""})
    assert len(json.dumps(request)) / CHARACTERS_PER_TOKEN <= INSTRUCTIONS_TOKENS


@pytest.mark.parametrize(
    ("texts", "usd"),
    [
        (["", None], "0.0003"),
        (["a" * 100, None], "0.00031"),
        (["a" * 10_000, "b" * 10_000], "0.0023"),
    ],
)
def test_a_check_costs_its_instructions_its_texts_and_its_answer(texts: list[str | None], usd: str) -> None:
    assert prompt_check_usd(texts) == Decimal(usd)
