"""Generates the images of an approved prompt: each is paid once and recorded before it is published."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import uuid4

from events.catalog.budget_exhausted import BudgetExhausted, BudgetExhaustedData
from events.catalog.generation_failed import GenerationFailed, GenerationFailedData
from events.catalog.image_generated import ImageGenerated, ImageGeneratedData
from events.catalog.prompt_approved import PromptApproved
from events.envelope import Event
from events.images import GenerationParameters, ImageOutcome, ModelPlan, RawImage
from kit.errors import RetriableError, TransientError, disposition
from kit.handoff import handoff_key, sha256
from kit.telemetry import logger
from services.generation.measures import model_called
from services.generation.model_errors import ModelCallError, Rule, Then, ruling

if TYPE_CHECKING:
    from events.model_catalog import Model
    from services.generation.families import Drawn

CALLS_ALLOWED: Final = 5
"""Calls for one image that may have been paid without its outcome being known; an operator's replay allows one more.
A crash loop or a broken answer costs this much and not more, however often the message comes back."""
BUDGET_EXHAUSTED: Final = "budget_exhausted"
"""Why a image failed that no longer fitted into the day's budget."""
REFUSED_BEFORE: Final = timedelta(minutes=1)
"""Between a refusal and its record, at most: what is refused just before midnight must not close the new day."""
AFTER_CALL: Final = 15
"""Seconds for connecting, for the image's way to the bucket and for its record."""


class TakenBackError(Exception):
    """The request was cancelled, or has expired: nothing may be paid for it any more."""


class NotPaid:
    """Mixed into errors of which it is known that nothing was paid."""


class BudgetExhaustedError(Exception):
    """What may be paid in a day has been paid."""


class BusyError(NotPaid, TransientError):
    """No model can take the image right now."""


class RefusedError(NotPaid, RetriableError):
    """The model was not allowed to take it."""


@dataclass(frozen=True)
class Lease:
    """The right to pay for a request's images until a moment."""

    holder: str
    taken: datetime
    until: datetime


@dataclass(frozen=True)
class Recorded:
    """What became of a image, and when that was known."""

    outcome: ImageOutcome
    at: datetime


class Guard(Protocol):
    """Remembers every image: a lease before the paid call, the outcome after it."""

    def claim(self, request_id: str, count: int, lease: Lease, calls_allowed: int) -> dict[int, Recorded]:
        """Take the lease of every image that has no outcome, all or none, and return the outcomes there are.

        Raises ``TakenBackError``, ``InProgressError`` with what is left of another's lease, ``UnprocessableError``
        where a image had its ``calls_allowed``, ``TransientError`` where another claim was under way.
        """

    def record(self, request_id: str, recorded: Recorded) -> Recorded:
        """Record a image's outcome and return the one that stands: the first."""

    def release(self, request_id: str, index: int, lease: Lease, *, paid: bool) -> None:
        """Give a lease back, so that another delivery need not wait. Unpaid calls are not counted."""


class Models(Protocol):
    """Bedrock's image models."""

    def call(self, model: "Model", body: Mapping[str, Any]) -> Any:
        """Make one paid call, never repeated here, and return the answer. Raises ``ModelCallError``."""


class Budget(Protocol):
    """What may be paid for drawing in a UTC day."""

    def reserve(self, day: date, price_usd: Decimal) -> bool:
        """Set ``price_usd`` aside, before it is paid, and return whether there was that much left."""

    def give_back(self, day: date, price_usd: Decimal) -> None:
        """Return what was set aside and not paid."""


class Handoff(Protocol):
    """The hand-off bucket."""

    def put(self, key: str, content: bytes, media_type: str, digest: str) -> None:
        """Store a image; S3 verifies ``digest``, its SHA-256 in hexadecimal."""


@dataclass(frozen=True)
class _Image:
    request_id: str
    parameters: GenerationParameters
    index: int
    lease: Lease


def _utcnow() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class ImageGenerator:
    """Draws the images of a request side by side. ``pool`` is shared by all requests and bounds the calls."""

    guard: Guard
    models: Models
    handoff: Handoff
    find: "Callable[[str], Model | None]"
    """The catalog: key → model."""
    pool: Executor
    call_timeout: float
    """Seconds."""
    lease: float
    """Seconds."""
    now: Callable[[], datetime] = _utcnow
    budget: Budget | None = None
    """None: nothing bounds what is paid."""

    def generate(self, event: PromptApproved) -> list[Event]:
        """Return the event that tells what became of the images, or none where the request was taken back.

        A second one tells where the day's budget was in the way.

        Raises where a image has no outcome yet. Those that have one are recorded, and the next delivery draws
        only the others.
        """
        parameters, metadata = event.data.parameters, event.metadata
        taken = self.now()
        lease = Lease(uuid4().hex, taken, taken + timedelta(seconds=self.lease))
        try:
            finished = self.guard.claim(metadata.request_id, parameters.count, lease, CALLS_ALLOWED + metadata.replays)
        except TakenBackError:
            logger.info("taken back", request_id=metadata.request_id)
            return []
        missing = [index for index in range(parameters.count) if index not in finished]
        drawn = {
            index: self.pool.submit(self._finish, _Image(metadata.request_id, parameters, index, lease))
            for index in missing
        }
        wait(drawn.values())
        errors = [error for future in drawn.values() if (error := future.exception())]
        if errors:
            raise max(errors, key=_gravity)
        finished |= {index: future.result() for index, future in drawn.items()}
        records = [finished[index] for index in range(parameters.count)]
        return [_told(event, records), *_unaffordable(event, records)]

    def _finish(self, picture: _Image) -> Recorded:
        """Record the image's outcome, or give its lease back."""
        try:
            outcome = self._outcome(picture)
            return self.guard.record(picture.request_id, Recorded(outcome, self.now()))
        except Exception as error:
            paid = not isinstance(error, NotPaid)
            self.guard.release(picture.request_id, picture.index, picture.lease, paid=paid)
            raise

    def _outcome(self, picture: _Image) -> ImageOutcome:
        """Try the models in their order. One that may have been paid is never followed by another."""
        reason, away = "model_unknown", ""
        for plan in picture.parameters.models:
            model = self.find(plan.model)
            if model is None:  # a custom model that is no longer configured
                continue
            try:
                return self._generated(picture, plan, model)
            except BudgetExhaustedError:
                return ImageOutcome(index=picture.index, status="failed", reason=BUDGET_EXHAUSTED)
            except ModelCallError as error:
                rule = ruling(error)
                logger.warning(
                    "no image",
                    request_id=picture.request_id,
                    index=picture.index,
                    model=plan.model,
                    error=error.code,
                    reason=rule.reason,
                    then=rule.then.value,
                )
                if rule.then is Then.REJECT:
                    status = "filtered" if rule.reason == "content_filtered" else "failed"
                    return ImageOutcome(index=picture.index, status=status, reason=rule.reason)
                if rule.then in {Then.WAIT, Then.RETRY}:
                    raise _later(error, rule, model) from error
                reason = rule.reason
                away = away or (error.code if rule.then is Then.SUBSTITUTE else "")
        if away:
            raise BusyError(f"{away}: no model of the request's list is available")
        return ImageOutcome(index=picture.index, status="failed", reason=reason)

    def _generated(self, picture: _Image, plan: ModelPlan, model: "Model") -> ImageOutcome:
        seed = (picture.parameters.seed + picture.index) % (model.seed_max + 1)
        drawn = self._paid_call(picture, plan, model, seed)
        digest = sha256(drawn.content)
        key = handoff_key(picture.request_id, picture.index, digest)
        self.handoff.put(key, drawn.content, drawn.header.media_type, digest)
        return ImageOutcome(
            index=picture.index,
            status="generated",
            image=RawImage(
                key=key,
                sha256=digest,
                bytes=len(drawn.content),
                media_type=drawn.header.media_type,
                width=drawn.header.width,
                height=drawn.header.height,
                model=plan.model,
                seed=seed if drawn.seed is None else drawn.seed,
                cost_usd=plan.price_usd,
            ),
        )

    def _paid_call(self, picture: _Image, plan: ModelPlan, model: "Model", seed: int) -> "Drawn":
        from services.generation.families import FAMILIES  # noqa: PLC0415 - with the catalog, not at the cold start

        if (picture.lease.until - self.now()).total_seconds() < self.call_timeout + AFTER_CALL:
            # The calls before this one took long. A call that outlived its lease could be paid for twice.
            raise BusyError("no time left for another model call in this invocation")
        family = FAMILIES[model.family]
        day = self.now().astimezone(UTC).date()
        if self.budget and not self.budget.reserve(day, plan.price_usd):
            logger.warning("budget exhausted", request_id=picture.request_id, index=picture.index, model=plan.model)
            raise BudgetExhaustedError
        outcome, started = "generated", time.perf_counter()
        try:
            return family.read(self.models.call(model, family.body(picture.parameters, plan, model, seed)))
        except ModelCallError as error:
            rule = ruling(error)
            outcome = rule.reason
            # A image that was drawn and held back may be billed. A crash keeps its reservation too: it may have paid.
            if self.budget and not rule.paid and error.code != "ContentFiltered":
                self.budget.give_back(day, plan.price_usd)
            raise
        finally:
            seconds = time.perf_counter() - started
            model_called(picture.request_id, picture.index, plan.model, outcome, seconds)


def _later(error: ModelCallError, rule: Rule, model: "Model") -> Exception:
    """Return what is raised to have the message retried. Its text is for operators and never quotes AWS's."""
    text = f"{error.code} from {model.model_id} ({rule.reason})"
    if rule.then is Then.WAIT:
        return BusyError(text)
    return RetriableError(text) if rule.paid else RefusedError(text)


def _gravity(error: BaseException) -> int:
    """Order errors of one request: a bug shows at once, and a busy model does not use up anybody's attempts."""
    return ["retriable", "transient", "final"].index(disposition(error))


def _told(cause: PromptApproved, finished: list[Recorded]) -> Event:
    """Build the event from the records alone: a redelivery repeats it to the microsecond."""
    outcomes = [recorded.outcome for recorded in finished]
    at = max(recorded.at for recorded in finished)
    if any(outcome.status == "generated" for outcome in outcomes):
        data = ImageGeneratedData(outcomes=outcomes, parameters=cause.data.parameters)
        return ImageGenerated.follow(cause, data, occurred_at=at)
    failed = GenerationFailedData(reason=outcomes[0].reason or "unknown", outcomes=outcomes)
    return GenerationFailed.follow(cause, failed, occurred_at=at)


def _unaffordable(cause: PromptApproved, finished: list[Recorded]) -> list[Event]:
    """Tell that the day's budget is spent where a image did not fit in. From the records, as above."""
    refused = [recorded.at for recorded in finished if recorded.outcome.reason == BUDGET_EXHAUSTED]
    if not refused:
        return []
    at = max(refused)
    day = (at - REFUSED_BEFORE).astimezone(UTC).date()
    return [BudgetExhausted.follow(cause, BudgetExhaustedData(day=day), occurred_at=at)]
