"""A prompt is checked for whoever asks: nothing is recorded, and a key has only so many, because Claude is paid for."""

from dataclasses import dataclass
from typing import Protocol

from kit.errors import disposition
from kit.telemetry import logger
from services.moderation.service import Clock, PromptModeration, PromptVerdict, utc_now


class CheckCounts(Protocol):
    """How many checks a key has had in a window."""

    def add(self, key_id: str, window: str, limit: int, expires_at: int) -> int | None:
        """Count one more and return how many it makes; None, and nothing counted, where there were ``limit``."""

    def take_back(self, key_id: str, window: str) -> None:
        """Uncount one."""


@dataclass(frozen=True)
class Allowance:
    """What a key may check: ``limit`` prompts in each ``window`` of seconds on the clock."""

    limit: int
    window: int
    left: int
    resets_in: int
    """Seconds until all of it is there again."""


class SpentError(Exception):
    """The key has no checks left."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__("no checks left")
        self.allowance = allowance


class UnscreenedError(Exception):
    """A layer could not be asked. Nothing passes unscreened, and nothing is counted."""


class PromptChecks:
    """Checks prompts, each key within its allowance."""

    def __init__(self, moderation: PromptModeration, counts: CheckCounts, clock: Clock = utc_now) -> None:
        self._moderation = moderation
        self._counts = counts
        self._clock = clock

    def check(
        self, key_id: str, limit: int, window: int, prompt: str, negative_prompt: str | None
    ) -> tuple[PromptVerdict, Allowance]:
        """Return the verdict and what the key has left.

        Raises ``SpentError`` without asking anybody, ``UnscreenedError`` where a layer did not answer.
        """
        now = int(self._clock().timestamp())
        began = now - now % window
        resets_in = began + window - now
        name = f"{window}#{began}"
        count = self._counts.add(key_id, name, limit, expires_at=began + 2 * window)
        if count is None:
            raise SpentError(Allowance(limit, window, 0, resets_in))
        try:
            verdict = self._moderation.judge(prompt, negative_prompt)
        except Exception as error:
            self._counts.take_back(key_id, name)
            if disposition(error) == "final":  # a bug, not the world
                raise
            logger.warning("prompt not checked", error=type(error).__name__)
            raise UnscreenedError from error
        logger.info(
            "prompt checked",
            key_id=key_id,
            allowed=verdict.finding is None,
            policy_version=verdict.policy_version,
            layer=verdict.layers[-1],
            category=verdict.finding.category if verdict.finding else None,
        )
        return verdict, Allowance(limit, window, limit - count, resets_in)
