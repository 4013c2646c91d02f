"""Checks a prompt on request. Nothing is recorded, and checks per API key are limited because Claude costs money."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from events.catalog.prompt_checked import PromptChecked, PromptCheckedData
from events.envelope import Event
from kit.clock import Clock
from kit.errors import classify_error
from kit.http_api import Caller
from kit.telemetry import logger
from services.moderation.models import PromptVerdict
from services.moderation.prices import prompt_check_usd
from services.moderation.service import PromptModeration


class CheckCounts(Protocol):
    """The number of checks per API key and window."""

    def add(self, key_id: str, window: str, limit: int, expires_at: int) -> int | None:
        """Count a check. Return the new count, or None if there were ``limit`` already."""

    def refund(self, key_id: str, window: str) -> None:
        """Subtract one check."""


@dataclass(frozen=True)
class CheckAllowance:
    """The checks that an API key has: ``limit`` prompts in each fixed ``window`` of seconds."""

    limit: int
    window: int
    left: int
    resets_in: int
    """Seconds until the next window."""


class NoChecksLeftError(Exception):
    """The API key has used all checks of this window."""

    def __init__(self, allowance: CheckAllowance) -> None:
        super().__init__("no checks left")
        self.allowance = allowance


class ScreeningUnavailableError(Exception):
    """A layer did not respond. The prompt is not allowed, and the check is not counted."""


@dataclass(frozen=True)
class PromptChecks:
    """Checks prompts within the allowance of each API key."""

    moderation: PromptModeration
    counts: CheckCounts
    publish: Callable[[Sequence[Event]], None]
    """Publishes all events or raises ``PublishError``."""
    clock: Clock

    def check(self, caller: Caller, prompt: str, negative_prompt: str | None) -> tuple[PromptVerdict, CheckAllowance]:
        """Return the verdict and the allowance that is left. A check by Claude is published for the daily budget.

        Raises ``NoChecksLeftError`` before any layer is called, ``ScreeningUnavailableError`` if a layer fails.
        """
        key_id, limit, window = caller.key_id, caller.limit, caller.window
        now = int(self.clock.now().timestamp())
        window_start = now - now % window
        resets_in = window_start + window - now
        window_id = f"{window}#{window_start}"
        count = self.counts.add(key_id, window_id, limit, expires_at=window_start + 2 * window)
        if count is None:
            raise NoChecksLeftError(CheckAllowance(limit, window, 0, resets_in))
        try:
            verdict = self.moderation.screen(prompt, negative_prompt)
        except Exception as error:
            self.counts.refund(key_id, window_id)
            if classify_error(error) == "final":  # a bug, not an outage
                raise
            logger.warning("prompt not checked", error=type(error).__name__)
            raise ScreeningUnavailableError from error
        if verdict.asked_claude:
            data = PromptCheckedData(moderation_usd=prompt_check_usd([prompt, negative_prompt]))
            event = PromptChecked.first(str(uuid4()), caller.owner, data, occurred_at=verdict.decided_at)
            self.publish([event])
        logger.info(
            "prompt checked",
            key_id=key_id,
            allowed=verdict.finding is None,
            policy_version=verdict.policy_version,
            layer=verdict.layers[-1],
            category=verdict.finding.category if verdict.finding else None,
            hit=verdict.hit.model_dump() if verdict.hit else None,
        )
        return verdict, CheckAllowance(limit, window, limit - count, resets_in)
