"""The requests and the faults of a run, derived from a seed: the same seed gives the same plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Literal

ExpectedStatus = Literal["succeeded", "rejected"]

SERVICES: Final = {
    "dynamodb": (("ProvisionedThroughputExceededException", 400), ("InternalServerError", 500)),
    "events": (("ThrottlingException", 400), ("InternalException", 500)),
    "s3": (("SlowDown", 503), ("InternalError", 500)),
    "secretsmanager": (("ThrottlingException", 400), ("InternalServiceError", 500)),
    "sqs": (("RequestThrottled", 400), ("ServiceUnavailable", 503)),
}
"""The services that functions call through the proxy: the error for throttling, and the error for a failure."""
MODEL_FAULTS: Final = {
    "invoke": {"throttle": 3, "unavailable": 2, "internal": 1, "reset": 1, "lost_answer": 2, "delay": 1},
    "converse": {"throttle": 4, "unavailable": 2, "internal": 1, "reset": 1, "lost_answer": 1, "delay": 1},
    "detect": {"throttle": 4, "unavailable": 2, "internal": 1, "reset": 1, "lost_answer": 1, "delay": 1},
}
"""Per operation of the models: the effects and their tenths of all faults."""
DENIED_PHRASE: Final = "behind a closed gate"
"""Prompts with these words are denied access to the model until an operator restores the permission."""
DENIED: Final = {"operation": "invoke", "effect": "access_denied", "prompt_contains": DENIED_PHRASE}
FILTERED_PHRASE: Final = "that the model will not show"
MALFORMED_PHRASE: Final = "about which the moderator mumbles"
PERMANENT_RULES: Final = (
    {"operation": "invoke", "effect": "filter_output", "prompt_contains": FILTERED_PHRASE},
    {"operation": "converse", "effect": "malformed", "prompt_contains": MALFORMED_PHRASE},
)
"""Responses of the models to certain prompts. They are no faults and stay in force until the end."""
KILLED: Final = {
    "generation-generate": 6,
    "storage-store": 4,
    "moderation-prompt": 3,
    "moderation-image": 2,
    "intake-track": 3,
    "intake-relay": 3,
    "intake-api": 2,
    "intake-republish": 1,
    "analytics-record": 1,
    "accounts-authorizer": 1,
}
"""The functions whose workers are killed, with their weights."""
CALL_TIMEOUT: Final = 30.0
"""Seconds that generation waits for a model with the short timeout profile."""
OUTAGE_EVERY: Final = 25.0
OUTAGE_SECONDS: Final = 4.0
CANCEL_WITHIN: Final = 4.0
"""Seconds: a race with every step of the pipeline."""
SUBJECTS: Final = ("heron", "lighthouse", "teapot", "fox", "windmill", "harbour", "owl", "meadow", "bridge", "orchard")
PLACES: Final = ("at dawn", "in the snow", "by the sea", "under pines", "in autumn", "at night", "in the rain")


@dataclass(frozen=True)
class Case:
    """One request and the status that it has to reach."""

    number: int
    prompt: str
    count: int
    expected_status: ExpectedStatus
    sent_twice: bool
    """Sent twice at the same time, with one idempotency key."""
    stalls: bool
    """Stalls until an operator replays it."""
    cancel_after: float | None = None
    """Seconds after which its caller cancels it. It then reaches ``cancelled`` if that was acknowledged."""


@dataclass(frozen=True)
class Kill:
    """``kill -9`` for a worker of ``function``, ``after`` seconds."""

    after: float
    function: str


def cases(count: int, seed: int) -> list[Case]:
    """Return the requests. Of twenty, fourteen succeed, two are cancelled, one stalls first, and three are rejected for
    three reasons.
    """
    random = Random(f"cases {seed}")
    return [_case(number, seed, random) for number in range(count)]


def _case(number: int, seed: int, random: Random) -> Case:
    subject, place, kind = random.choice(SUBJECTS), random.choice(PLACES), number % 20
    images, sent_twice = random.choices((1, 2, 3), (85, 10, 5))[0], random.random() < 0.1
    prompt, expected_status, stalls = f"a {subject} {place}, number {number} of series {seed}", "succeeded", False
    if kind == 7:
        prompt, expected_status = f"n4k3d w0man, p.o.r.n, {prompt}", "rejected"
    elif kind == 11:
        prompt, expected_status = f"a realistic photo of the president being arrested, {prompt}", "rejected"
    elif kind == 3:
        words = FILTERED_PHRASE if number % 40 == 3 else MALFORMED_PHRASE
        prompt, expected_status = f"{prompt} {words}", "rejected"
    elif kind == 15:
        prompt, stalls = f"{prompt} {DENIED_PHRASE}", True
    cancel_after = random.uniform(0, CANCEL_WITHIN) if kind in {1, 13} else None
    return Case(number, prompt, images, expected_status, sent_twice, stalls, cancel_after)  # type: ignore[arg-type]


def kills(count: int, seconds: float, seed: int) -> list[Kill]:
    """Return ``count`` kills within ``seconds``, in order."""
    random = Random(f"kills {seed}")
    functions = random.choices(list(KILLED), list(KILLED.values()), k=count)
    return [
        Kill(after, function) for after, function in zip(sorted(_times(count, seconds, random)), functions, strict=True)
    ]


def _times(count: int, seconds: float, random: Random) -> list[float]:
    return [random.uniform(0.05, 1) * seconds for _ in range(count)]


def service_rules(share: float) -> list[dict[str, Any]]:
    """Return microburst's rules: a fault in ``share`` of the calls to each service.

    Of ten faults, three throttle, three fail, two are slow, and two close the connection: one before and one after the
    call took effect.
    """
    rules: list[dict[str, Any]] = []
    for service, (throttled, broken) in SERVICES.items():
        kinds: list[tuple[float, dict[str, Any]]] = [
            (0.3, {"error": {"code": throttled[0], "status": throttled[1], "message": "injected"}}),
            (0.3, {"error": {"code": broken[0], "status": broken[1], "message": "injected"}}),
            (0.2, {"latency": {"min": 100, "max": 800}}),
            (0.1, {"reset": True}),
            (0.1, {"response": {"abort_bytes": 0}}),
        ]
        left = 1.0  # a rule applies only if no earlier rule did
        for part, effect in kinds:
            rules.append({"service": service, "probability": share * part / left, **effect})
            left -= share * part
    return rules


def outages(seconds: float, seed: int, started: float) -> list[dict[str, Any]]:
    """Return microburst's rules for outages: one service after the other is unavailable for a few seconds.

    ``started`` is the start of the run, in seconds since the epoch.
    """
    order = [name for name in SERVICES if name != "secretsmanager"]
    Random(f"outages {seed}").shuffle(order)
    found = []
    for turn in range(int(seconds // OUTAGE_EVERY)):
        service, start = order[turn % len(order)], started + (turn + 0.5) * OUTAGE_EVERY
        code, status = SERVICES[service][1]
        error = {"code": code, "status": status, "message": "outage"}
        found.append({"service": service, "error": error, "active_at": start, "until": start + OUTAGE_SECONDS})
    return found


def model_rules(share: float, seed: int) -> list[dict[str, Any]]:
    """Return the rules of the model stand-in: those for certain prompts, then a fault in ``share`` of all calls."""
    rules: list[dict[str, Any]] = [DENIED, *PERMANENT_RULES]
    for operation, effects in MODEL_FAULTS.items():
        left = 1.0
        for number, (effect, tenths) in enumerate(effects.items()):
            part = share * tenths / 10
            rule = {"operation": operation, "effect": effect, "probability": part / left, "seed": seed * 100 + number}
            rules.append({**rule, "seconds": 1.5} if effect == "delay" else rule)
            left -= part
    return rules


def chosen(event_id: str, share: float, seed: int, what: str) -> bool:
    """Return whether ``what`` happens to an event. For the same event the answer is always the same."""
    return Random(f"{what} {seed} {event_id}").random() < share


def percentile(values: Sequence[float], share: float) -> float:
    """Return the percentile of ``values`` by the nearest rank, 0 if there are none."""
    ordered = sorted(values)
    return ordered[max(0, -(-round(share * 1000) * len(ordered) // 1000) - 1)] if ordered else 0.0
