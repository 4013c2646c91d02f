"""Counts what moderation paid for checks that led to no image. Approved prompts are counted with their images."""

from datetime import UTC, date
from decimal import Decimal
from typing import Protocol

from events.catalog.prompt_checked import PromptChecked
from events.catalog.prompt_rejected import PromptRejected
from events.envelope import Event


class Spending(Protocol):
    """The daily budget, as far as it counts what was already paid."""

    def add(self, day: date, amount_usd: Decimal) -> None:
        """Add an amount that was paid, even if it exceeds the budget."""


def count_check(event: PromptRejected | PromptChecked, budget: Spending) -> list[Event]:
    """Add the price of a check to its UTC day. A duplicate counts twice, so the day is never undercounted."""
    if event.data.moderation_usd:
        budget.add(event.metadata.occurred_at.astimezone(UTC).date(), event.data.moderation_usd)
    return []
