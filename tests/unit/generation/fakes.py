"""What stands in for DynamoDB, S3 and Bedrock where generation's logic is tested, and the events it is tested with."""

import base64
import struct
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from events.catalog.prompt_approved import PromptApproved, PromptApprovedData
from events.images import GenerationParameters, ModelPlan
from events.model_catalog import Model, model_catalog
from kit.errors import InProgressError, UnprocessableError
from services.generation.model_errors import ModelCallError
from services.generation.service import ImageGenerator, Lease, Recorded, TakenBackError
from tests.support.events import sample

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.time += timedelta(seconds=seconds)


@dataclass
class _Row:
    holder: str | None = None
    until: datetime | None = None
    calls: int = 0
    recorded: Recorded | None = None


class FakeGuard:
    """The guard in memory."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], _Row] = {}
        self.tombstones: set[str] = set()
        self.unreachable = False
        self._lock = threading.Lock()

    def claim(self, request_id: str, count: int, lease: Lease, calls_allowed: int) -> dict[int, Recorded]:
        with self._lock:
            if request_id in self.tombstones:
                raise TakenBackError
            rows = [self.rows.setdefault((request_id, index), _Row()) for index in range(count)]
            missing = [row for row in rows if row.recorded is None]
            held = [row.until for row in missing if row.until and row.until > lease.taken]
            if any(row.calls >= calls_allowed and not (row.until and row.until > lease.taken) for row in missing):
                raise UnprocessableError("too many model calls without an outcome")
            if held:
                raise InProgressError("another delivery is drawing", (max(held) - lease.taken).total_seconds())
            for row in missing:
                row.holder, row.until, row.calls = lease.holder, lease.until, row.calls + 1
            return {index: row.recorded for index, row in enumerate(rows) if row.recorded is not None}

    def record(self, request_id: str, recorded: Recorded) -> Recorded:
        if self.unreachable:
            raise ConnectionError("the table is unreachable")
        with self._lock:
            row = self.rows.setdefault((request_id, recorded.outcome.index), _Row())
            if row.recorded is None:
                row.recorded, row.holder, row.until = recorded, None, None
            return row.recorded

    def release(self, request_id: str, index: int, lease: Lease, *, paid: bool) -> None:
        if self.unreachable:
            raise ConnectionError("the table is unreachable")
        with self._lock:
            row = self.rows[request_id, index]
            if row.holder == lease.holder:
                row.holder, row.until, row.calls = None, None, row.calls - (not paid)

    def bury(self, request_id: str, at: datetime) -> None:
        self.tombstones.add(request_id)


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
    """Models that draw at once, or do what ``script`` (by model key, used up in order) and ``by_seed`` say.

    ``before`` runs inside every call, for what happens meanwhile.
    """

    def __init__(self) -> None:
        self.script: dict[str, list[ModelCallError | dict[str, Any] | None]] = {}
        self.by_seed: dict[int, ModelCallError] = {}
        self.before: Callable[[Mapping[str, Any]], None] = lambda body: None
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.paid = 0
        """How many images were drawn."""
        self.under_way = 0
        self.most_under_way = 0
        self._lock = threading.Lock()

    def call(self, model: Model, body: Mapping[str, Any]) -> Any:
        with self._lock:
            self.calls.append((model.key, dict(body)))
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
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
                content = png(seed=self.paid)  # two attempts at one image differ, as with most real models
            return stability_answer(content, body.get("seed", 0))
        finally:
            with self._lock:
                self.under_way -= 1


def png(width: int = 64, height: int = 48, seed: int = 0) -> bytes:
    """Return enough of a PNG to be one: signature, header, and something that differs by seed."""
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII5s", 13, b"IHDR", width, height, b"\x08\x02\0\0\0") + b"%d" % seed


def stability_answer(content: bytes, seed: int) -> dict[str, Any]:
    """Return what the Stability family answers for a image."""
    return {"seeds": [seed], "finish_reasons": [None], "images": [base64.b64encode(content).decode()]}


def approved(count: int = 1, models: tuple[str, ...] = ("stable-image-core",), **changes: Any) -> PromptApproved:
    """Return an approval of a request of its own."""
    event = sample("PromptApproved")
    assert isinstance(event, PromptApproved)
    plans = [event.data.parameters.models[0].model_copy(update={"model": key}) for key in models]
    parameters = event.data.parameters.model_copy(update={"count": count, "models": plans, **changes})
    metadata = event.metadata.model_copy(update={"request_id": str(uuid4()), "event_id": str(uuid4())})
    return PromptApproved(
        metadata=metadata,
        data=PromptApprovedData(policy_version="1", layers=["keywords"], parameters=parameters),
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
    """Return a drawing with a prompt and a plan of its own."""
    return GenerationParameters(
        **{"prompt": "a red kite", "count": 1, "seed": 42, "models": [plan("stable-image-core")], **values}
    )


class Studio:
    """The logic with a fake of everything around it."""

    def __init__(self, parallel: int = 5, budget: "FakeBudget | None" = None) -> None:
        self.clock = Clock()
        self.guard = FakeGuard()
        self.models = FakeModels()
        self.handoff = FakeHandoff()
        self.generator = ImageGenerator(
            guard=self.guard,
            models=self.models,
            handoff=self.handoff,
            find=model_catalog().get,
            pool=ThreadPoolExecutor(parallel),
            call_timeout=300,
            lease=360,
            now=self.clock,
            budget=budget,
        )
        self.generate = self.generator.generate


class FakeBudget:
    """The budget of one day in memory. Implements ``Budget``."""

    def __init__(self, limit: str) -> None:
        self.limit = Decimal(limit)
        self.spent: dict[date, Decimal] = {}
        self._lock = threading.Lock()

    def reserve(self, day: date, price_usd: Decimal) -> bool:
        with self._lock:
            spent = self.spent.get(day, Decimal(0)) + price_usd
            if spent > self.limit:
                return False
            self.spent[day] = spent
            return True

    def give_back(self, day: date, price_usd: Decimal) -> None:
        with self._lock:
            self.spent[day] -= price_usd
