"""Faults on demand: rules that make the stand-in throttle, delay, filter, fail or drop the connection."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

from local.bedrock.errors import ServiceError, ended

OPERATIONS = ("invoke", "converse", "guardrail", "guardrail_image", "detect", "detect_faces")
"""``guardrail`` and ``guardrail_image``: ApplyGuardrail for texts, and for images."""

ERRORS: dict[str, tuple[int, str, str]] = {
    "throttle": (429, "ThrottlingException", "Too many requests, please wait before trying again."),
    "unavailable": (
        503,
        "ServiceUnavailableException",
        "The service is temporarily unavailable. Please try again.",
    ),
    "not_ready": (429, "ModelNotReadyException", "The model is not ready for inference. Please try again."),
    "timeout_408": (408, "ModelTimeoutException", "The model took too long to process the request."),
    "model_error": (
        424,
        "ModelErrorException",
        "The model encountered an error while processing the request.",
    ),
    "internal": (500, "InternalServerException", "An internal server error occurred. Please try again."),
    "access_denied": (
        403,
        "AccessDeniedException",
        "You don't have access to the model with the specified model ID.",
    ),
    "validation": (400, "ValidationException", "The request failed validation."),
    "too_long": (400, "ValidationException", "Input is too long for requested model."),
    "quota": (
        400,
        "ServiceQuotaExceededException",
        "The request exceeds the service quota for your account.",
    ),
}

# Effects that are not plain errors, with the operations that they belong to.
_OTHERS: dict[str, tuple[str, ...]] = {
    "delay": OPERATIONS,
    "ended": OPERATIONS,
    "reset": OPERATIONS,
    "lost_answer": OPERATIONS,
    "filter_input": ("invoke",),
    "filter_output": ("invoke",),
    "refuse": ("converse",),
    "malformed": ("converse",),
    "flag": ("detect",),
    "intervene": ("guardrail", "guardrail_image"),
    "unscreened": ("guardrail", "guardrail_image"),
}


@dataclass(frozen=True)
class Rule:
    """One fault: the calls that it matches (absent means any), how often (None means always), and its effect."""

    id: int
    effect: str
    operation: str | None = None
    model: str | None = None
    prompt_contains: str | None = None
    times: int | None = None
    probability: float = 1.0
    """The share of matching calls that get the fault."""
    seed: int = 0
    """Seed of the random choice: the same seed selects the same calls, counted from the first."""
    seconds: float = 0.0
    keep: int = 0
    labels: tuple[str, ...] = ("Explicit Nudity",)
    stop_reason: str = "refusal"
    message: str | None = None

    def matches(self, operation: str, model: str, prompt: str) -> bool:
        """Return whether the rule matches a call. `model` is a substring; the case of the prompt is ignored."""
        return (
            self.operation in (None, operation)
            and (self.model is None or self.model in model)
            and (self.prompt_contains is None or self.prompt_contains.casefold() in prompt.casefold())
        )

    def error(self) -> ServiceError | None:
        """Return the AWS error of this rule, if it is an error."""
        if self.effect == "ended":
            return ended()
        if self.effect not in ERRORS:
            return None
        status, code, message = ERRORS[self.effect]
        return ServiceError(status, code, self.message or message)


class FaultBook:
    """The rules in force. Each call takes every matching delay and the first other matching rule."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._used: dict[int, int] = {}
        self._randoms: dict[int, random.Random] = {}
        self._ids = count(1)

    def add(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """Validate and add a rule. Return it as listed."""
        rule = _read(raw, next(self._ids))
        with self._lock:
            self._rules.append(rule)
            self._randoms[rule.id] = random.Random(rule.seed)
        return self._listed(rule)

    def replace(self, raws: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Replace all rules at once. Return them as listed."""
        rules = [_read(raw, next(self._ids)) for raw in raws]
        with self._lock:
            self._rules, self._used = rules, {}
            self._randoms = {rule.id: random.Random(rule.seed) for rule in rules}
        return self.listed()

    def clear(self) -> None:
        """Delete all rules."""
        with self._lock:
            self._rules.clear()
            self._used.clear()
            self._randoms.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Return all rules with their number of matches, including exhausted rules."""
        with self._lock:
            return [self._listed(rule) for rule in self._rules]

    def match(self, operation: str, model: str, prompt: str) -> Rule | None:
        """Wait for the delays, then raise the error that is due, or return the rule that the handler must apply."""
        with self._lock:
            delays, rule = self._due(operation, model, prompt)
        for delay in delays:
            time.sleep(delay.seconds)
        error = rule.error() if rule else None
        if error:
            raise error
        return rule

    def _due(self, operation: str, model: str, prompt: str) -> tuple[list[Rule], Rule | None]:
        delays: list[Rule] = []
        for rule in self._rules:
            spent = rule.times is not None and self._used.get(rule.id, 0) >= rule.times
            if spent or not rule.matches(operation, model, prompt):
                continue
            if rule.probability < 1 and self._randoms[rule.id].random() >= rule.probability:
                continue
            self._used[rule.id] = self._used.get(rule.id, 0) + 1
            if rule.effect != "delay":
                return delays, rule
            delays.append(rule)
        return delays, None

    def _listed(self, rule: Rule) -> dict[str, Any]:
        return {**asdict(rule), "used": self._used.get(rule.id, 0)}


def _read(raw: Mapping[str, Any], number: int) -> Rule:
    known = set(Rule.__dataclass_fields__) - {"id"}
    effect, operation = raw.get("effect"), raw.get("operation")
    if unknown := set(raw) - known:
        raise _bad(f"unknown fields: {', '.join(sorted(unknown))}")
    if effect not in ERRORS and effect not in _OTHERS:
        raise _bad(f"effect must be one of {', '.join([*ERRORS, *_OTHERS])}")
    if operation is not None and operation not in OPERATIONS:
        raise _bad(f"operation must be one of {', '.join(OPERATIONS)}")
    possible = _OTHERS.get(str(effect), OPERATIONS)
    if operation not in (None, *possible):
        raise _bad(f"{effect} is for {' and '.join(possible)} calls only")
    if operation is None and len(possible) < len(OPERATIONS):
        if len(possible) > 1:
            raise _bad(f"{effect} needs an operation: {' or '.join(possible)}")
        (operation,) = possible
    times = raw.get("times")
    if times is not None and (not isinstance(times, int) or times < 1):
        raise _bad("times must be a positive integer, or null for always")
    probability = raw.get("probability", 1.0)
    if not isinstance(probability, int | float) or not 0 < probability <= 1:
        raise _bad("probability is a number above 0, at most 1")
    fields = json.loads(json.dumps(dict(raw)))
    if "labels" in fields:
        fields["labels"] = tuple(map(str, fields["labels"]))
    return Rule(**{**fields, "id": number, "operation": operation})


def _bad(message: str) -> ServiceError:
    return ServiceError(400, "BadRequest", message)
