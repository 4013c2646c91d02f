"""Checks a prompt on request. Nothing is recorded, and checks per API key are limited because Claude costs money."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from events.catalog.prompt_checked import PromptChecked, PromptCheckedData
from events.envelope import Event
from kit.callers import Caller
from kit.clock import Clock
from kit.errors import classify_error
from kit.quotas import blocked_limit
from kit.telemetry import logger
from services.moderation.models import CheckRefusedError, PromptVerdict
from services.moderation.prices import text_layers_usd
from services.moderation.service import PromptLayers


class CheckCounts(Protocol):
    """The number of checks, and of blocked ones, per API key and window."""

    def add(self, key_id: str, window: str, limit: int, max_blocked: int, expires_at: int) -> int:
        """Count a check and return the new count.

        Raise ``CheckRefusedError`` if there were ``limit`` checks or ``max_blocked`` blocked ones already.
        """

    def add_blocked(self, key_id: str, window: str) -> None:
        """Count a check that was counted before as blocked."""


@dataclass(frozen=True)
class CheckAllowance:
    """The checks that an API key has: ``limit`` prompts in each fixed ``window`` of seconds."""

    limit: int
    window: int
    left: int
    resets_in: int
    """Seconds until the next window."""


class NoChecksLeftError(Exception):
    """The API key has used all checks of this window, or all blocked ones."""

    def __init__(self, allowance: CheckAllowance, code: str) -> None:
        super().__init__(code)
        self.allowance, self.code = allowance, code


class ScreeningUnavailableError(Exception):
    """A layer did not respond. The prompt is not allowed."""


@dataclass(frozen=True)
class PromptChecks:
    """Checks prompts within the allowance of each API key.

    A check counts before a layer is called, whatever becomes of it, because a call of Claude may be paid for even if it
    fails. Blocked checks have a limit of their own, as blocked requests have: otherwise trial and error would show what
    the filter lets pass. Checks that run at the same time may exceed that limit by their number.
    """

    layers: PromptLayers
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
        try:
            count = self.counts.add(key_id, window_id, limit, blocked_limit(limit), window_start + 2 * window)
        except CheckRefusedError as refused:
            raise NoChecksLeftError(CheckAllowance(limit, window, 0, resets_in), refused.code) from refused
        try:
            verdict = self.layers.screen(prompt, negative_prompt)
        except Exception as error:
            if classify_error(error) == "final":  # a bug, not an outage
                raise
            logger.warning("prompt not checked", error=type(error).__name__)
            raise ScreeningUnavailableError from error
        if self.layers.counts_as_blocked(verdict):
            self.counts.add_blocked(key_id, window_id)
        if verdict.asked_claude:
            data = PromptCheckedData(moderation_usd=text_layers_usd(verdict.layers, prompt, negative_prompt))
            event = PromptChecked.first(
                str(uuid4()),
                caller.owner,
                data,
                occurred_at=verdict.decided_at,
                analytics_opt_out=caller.analytics_opt_out,
            )
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
