"""Fakes for DynamoDB, S3 and Bedrock, and events for generation's tests."""

import base64
import struct
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from events.catalog.prompt_approved import PromptApproved, PromptApprovedData
from events.model_catalog import Model, model_catalog
from events.options import Billed
from events.parameters import GenerationParameters, ModelPlan
from kit.errors import InProgressError, UnprocessableError
from kit.sealing import Texts
from services.generation.model_errors import ModelCallError
from services.generation.models import (
    BudgetExhaustedError,
    BudgetRefusal,
    Lease,
    RecordedOutcome,
    Withdrawal,
    WithdrawnError,
)
from services.generation.service import ImageGenerator
from tests.support.clock import FakeClock
from tests.support.events import sample
from tests.support.sealing import sample_sealer, sealed

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class _Row:
    holder: str | None = None
    until: datetime | None = None
    calls: int = 0
    recorded: RecordedOutcome | None = None


class FakeLedger:
    """The ledger in memory."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], _Row] = {}
        self.tombstones: dict[str, Withdrawal | None] = {}
        self.reads = 0
        self.unreachable = False
        self._lock = threading.Lock()

    def claim(self, request_id: str, count: int, lease: Lease, calls_allowed: int) -> dict[int, RecordedOutcome]:
        with self._lock:
            if request_id in self.tombstones:
                raise WithdrawnError
            rows = [self.rows.setdefault((request_id, index), _Row()) for index in range(count)]
            missing = [row for row in rows if row.recorded is None]
            if any(row.holder == lease.holder for row in missing):
                return {index: row.recorded for index, row in enumerate(rows) if row.recorded is not None}
            held = [row.until for row in missing if row.until and row.until > lease.taken_at]
            if any(row.calls >= calls_allowed and not (row.until and row.until > lease.taken_at) for row in missing):
                raise UnprocessableError("too many model calls without an outcome")
            if held:
                raise InProgressError("another delivery is generating", (max(held) - lease.taken_at).total_seconds())
            for row in missing:
                row.holder, row.until, row.calls = lease.holder, lease.expires_at, row.calls + 1
            return {index: row.recorded for index, row in enumerate(rows) if row.recorded is not None}

    def record(self, request_id: str, recorded: RecordedOutcome) -> RecordedOutcome:
        if self.unreachable:
            raise ConnectionError("the table is unreachable")
        with self._lock:
            row = self.rows.setdefault((request_id, recorded.outcome.index), _Row())
            if row.recorded is None:
                row.recorded, row.holder, row.until = recorded, None, None
            return row.recorded

    def release(self, request_id: str, index: int, lease: Lease, *, billed: bool) -> None:
        if self.unreachable:
            raise ConnectionError("the table is unreachable")
        with self._lock:
            row = self.rows[request_id, index]
            if row.holder == lease.holder:
                row.holder, row.until, row.calls = None, None, row.calls - (not billed)

    def add_tombstone(self, request_id: str, at: datetime) -> None:
        self.tombstones.setdefault(request_id, None)

    def is_withdrawn(self, request_id: str) -> bool:
        self.reads += 1
        return request_id in self.tombstones

    def billed(self, request_id: str) -> Billed:
        rows = [row for (known, _), row in self.rows.items() if known == request_id]
        if any(row.recorded and row.recorded.outcome.status == "generated" for row in rows):
            return "true"
        return "unknown" if any(row.calls for row in rows) else "false"

    def record_withdrawal(self, request_id: str, withdrawal: Withdrawal) -> Withdrawal:
        recorded = self.tombstones[request_id] or withdrawal
        self.tombstones[request_id] = recorded
        return recorded


class FakeHandoff:
    """The hand-off bucket in memory. ``crash`` is raised after the object was stored."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.crash: BaseException | None = None

    def put(self, key: str, content: bytes, media_type: str, digest: str) -> None:
        self.objects[key] = content
        if self.crash:
            raise self.crash


class FakeModels:
    """Models that generate immediately, unless ``script`` (by model key, in order) or ``by_seed`` has another response.

    ``before`` runs inside every call, to simulate concurrent events.
    """

    def __init__(self) -> None:
        self.script: dict[str, list[ModelCallError | dict[str, Any] | None]] = {}
        self.by_seed: dict[int, ModelCallError] = {}
        self.before: Callable[[Mapping[str, Any]], None] = lambda body: None
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.paid = 0
        """How many images were generated."""
        self.concurrent = 0
        self.max_concurrent = 0
        self._lock = threading.Lock()

    def invoke(self, model: Model, body: Mapping[str, Any]) -> Any:
        with self._lock:
            self.calls.append((model.key, dict(body)))
            self.concurrent += 1
            self.max_concurrent = max(self.max_concurrent, self.concurrent)
            script = self.script.get(model.key, [])
            step = script.pop(0) if script else None
            step = step or self.by_seed.get(body.get("seed", -1))
        try:
            self.before(body)
            if isinstance(step, ModelCallError):
                raise step
            if step is not None:
                return step
            with self._lock:
                self.paid += 1
                content = png(seed=self.paid)  # two attempts differ, as with most real models
            return stability_response(content, body.get("seed", 0))
        finally:
            with self._lock:
                self.concurrent -= 1


def png(width: int = 64, height: int = 48, seed: int = 0) -> bytes:
    """Return the start of a PNG: signature, header, and content that depends on the seed."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII5s", 13, b"IHDR", width, height, b"\x08\x02\0\0\0") + b"%d" % seed


def stability_response(content: bytes, seed: int) -> dict[str, Any]:
    """Return a response of the Stability family with an image."""
    return {"seeds": [seed], "finish_reasons": [None], "images": [base64.b64encode(content).decode()]}


def approved(
    count: int = 1,
    models: tuple[str, ...] = ("stable-image-core",),
    price: str = "0.04",
    moderation_usd: str = "0",
    **changes: Any,
) -> PromptApproved:
    """Return the approval of a new request. Texts in ``changes`` are plain; they are sealed here."""
    changes |= {name: sealed(changes[name]) for name in ("prompt", "negative_prompt") if name in changes}
    event = sample("PromptApproved")
    assert isinstance(event, PromptApproved)
    planned = event.data.parameters.models[0]
    plans = [planned.model_copy(update={"model": key, "price_usd": Decimal(price)}) for key in models]
    parameters = event.data.parameters.model_copy(update={"count": count, "models": plans, **changes})
    metadata = event.metadata.model_copy(update={"request_id": str(uuid4()), "event_id": str(uuid4())})
    return PromptApproved(
        metadata=metadata,
        data=PromptApprovedData(
            policy_version="1", layers=["keywords"], parameters=parameters, moderation_usd=Decimal(moderation_usd)
        ),
    )


def plan(model: str, width: int = 1024, height: int = 1024, aspect_ratio: str | None = None) -> ModelPlan:
    """Return a plan for one model."""
    price = known(model).price_usd["standard"]
    return ModelPlan(model=model, width=width, height=height, aspect_ratio=aspect_ratio, price_usd=price)


def known(key: str) -> Model:
    """Return a model of the catalog."""
    model = model_catalog().get(key)
    assert model is not None
    return model


def parameters(**values: Any) -> GenerationParameters:
    """Return parameters with a prompt and one plan. Texts in ``values`` are plain; they are sealed here."""
    given = {name: values.pop(name) for name in ("prompt", "negative_prompt") if name in values}
    texts = {"prompt": "a red kite"} | given
    return GenerationParameters(
        **{name: sealed(text) for name, text in texts.items()},
        **{"count": 1, "seed": 42, "models": [plan("stable-image-core")], **values},
    )


def opened(wanted: GenerationParameters) -> Texts:
    """Return the texts of ``parameters``."""
    return sample_sealer().open_texts("demo", wanted)


class Harness:
    """An image generator with fakes for all its ports."""

    def __init__(self, parallel: int = 5, budget: "FakeBudget | None" = None) -> None:
        self.clock = FakeClock(START)
        self.ledger = FakeLedger()
        self.models = FakeModels()
        self.handoff = FakeHandoff()
        self.generator = ImageGenerator(
            ledger=self.ledger,
            models=self.models,
            handoff=self.handoff,
            open_texts=sample_sealer().open_texts,
            find_model=model_catalog().get,
            pool=ThreadPoolExecutor(parallel),
            call_timeout=300,
            lease_seconds=360,
            clock=self.clock,
            budget=budget,
        )
        self.generate = self.generator.generate


class FakeBudget:
    """The budget of one day in memory. Implements ``Budget``."""

    def __init__(self, limit: str) -> None:
        self.limit = Decimal(limit)
        self.spent: dict[date, Decimal] = {}
        self._lock = threading.Lock()

    def reserve(self, day: date, amount_usd: Decimal) -> None:
        with self._lock:
            spent = self.spent.get(day, Decimal(0))
            if not self.limit or spent + amount_usd > self.limit:
                raise BudgetExhaustedError(BudgetRefusal(self.limit, max(Decimal(0), self.limit - spent)))
            self.spent[day] = spent + amount_usd

    def add(self, day: date, amount_usd: Decimal) -> None:
        with self._lock:
            self.spent[day] = self.spent.get(day, Decimal(0)) + amount_usd

    def refund(self, day: date, amount_usd: Decimal) -> None:
        with self._lock:
            self.spent[day] -= amount_usd
