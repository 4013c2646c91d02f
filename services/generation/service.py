"""Generates the images of an approved prompt. Each image is paid for once and recorded before it is published."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from decimal import ROUND_UP, Decimal
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import uuid4

from events.catalog.budget_exhausted import BudgetExhausted, BudgetExhaustedData
from events.catalog.generation_failed import GenerationFailed, GenerationFailedData
from events.catalog.image_generated import ImageGenerated, ImageGeneratedData
from events.catalog.prompt_approved import PromptApproved
from events.envelope import Event
from events.images import ImageOutcome, RawImage
from events.options import Billed
from events.parameters import GenerationParameters, ModelPlan
from kit.clock import Clock
from kit.errors import RetriableError, TransientError, classify_error
from kit.handoff import handoff_key, sha256
from kit.sealing import OpenTexts, Texts
from kit.stopping import StoppingError
from kit.telemetry import logger
from services.generation.metrics import record_model_call
from services.generation.model_errors import DENIED, Action, ErrorPolicy, ModelCallError, error_policy
from services.generation.models import (
    BudgetExhaustedError,
    BudgetRefusal,
    Lease,
    RecordedOutcome,
    Withdrawal,
    WithdrawnError,
)
from services.generation.withdrawal import withdrawn_event

if TYPE_CHECKING:
    from events.model_catalog import Model
    from services.generation.families import ModelImage

CALLS_ALLOWED: Final = 5
"""The most calls per image that may be billed without a recorded outcome. An operator's replay allows one more.
This bounds the cost of a crash loop or of malformed responses, however often the message is delivered."""
BUDGET_EXHAUSTED: Final = "budget_exhausted"
"""Failure reason of an image that the daily budget no longer covers."""
RECORDED_WITHIN: Final = timedelta(minutes=1)
"""The longest time between an exhausted budget and its record: shortly before midnight they fall on different days."""
CLAIM_IS_CURRENT: Final = timedelta(seconds=1)
"""The claim checks for a tombstone. A call that starts later than this after it checks again."""
OVERHEAD_SECONDS: Final = 15
"""Time for everything in an invocation except the model call: connecting, storing the image, recording the outcome."""


class ModelBusyError(TransientError):
    """No model can generate the image now. Nothing was billed."""


class ModelRefusedError(RetriableError):
    """The model refused the call. Nothing was billed."""


class ModelAccessDeniedError(ModelRefusedError):
    """The account or the function may not call the model. Its name tells operations that a permission is missing."""


class Ledger(Protocol):
    """Keeps one item per image: a lease before the paid call, the outcome after it."""

    def claim(self, request_id: str, count: int, lease: Lease, calls_allowed: int) -> dict[int, RecordedOutcome]:
        """Take the leases of all images without an outcome, all or none, and return the recorded outcomes.

        Raises ``WithdrawnError``; ``InProgressError`` with the seconds left if another delivery holds a lease;
        ``UnprocessableError`` after ``calls_allowed`` calls for an image; ``TransientError`` if a claim is concurrent.
        """

    def record(self, request_id: str, recorded: RecordedOutcome) -> RecordedOutcome:
        """Record an image's outcome unless it has one. Return the recorded outcome."""

    def is_withdrawn(self, request_id: str) -> bool:
        """Return whether the request has a tombstone, with a consistent read."""

    def billed(self, request_id: str) -> Billed:
        """Return whether images of a request were paid for, with a consistent read."""

    def release(self, request_id: str, index: int, lease: Lease, *, billed: bool) -> None:
        """Release a lease, so that the next delivery need not wait. A call that was not billed is not counted."""


class ImageModels(Protocol):
    """The image models on Bedrock."""

    def invoke(self, model: "Model", body: Mapping[str, Any]) -> Any:
        """Make one paid call without retries and return the response. Raises ``ModelCallError``."""


class Budget(Protocol):
    """The most that generation and moderation may cost per UTC day."""

    def reserve(self, day: date, amount_usd: Decimal) -> None:
        """Reserve an amount before it is paid. Raises ``BudgetExhaustedError`` if the budget does not cover it."""

    def refund(self, day: date, amount_usd: Decimal) -> None:
        """Release a reservation that was not paid."""


class Handoff(Protocol):
    """The hand-off bucket."""

    def put(self, key: str, content: bytes, media_type: str, digest: str) -> None:
        """Store an image; S3 verifies ``digest``, its SHA-256 in hexadecimal."""


@dataclass(frozen=True)
class _Task:
    """One image to generate."""

    request_id: str
    parameters: GenerationParameters
    texts: Texts
    index: int
    lease: Lease
    moderation_usd: Decimal
    """The image's share of the price of moderating its request."""


@dataclass(frozen=True)
class ImageGenerator:
    """Generates the images of a request in parallel."""

    ledger: Ledger
    models: ImageModels
    handoff: Handoff
    open_texts: OpenTexts
    find_model: "Callable[[str], Model | None]"
    """Returns the model of a catalog key."""
    pool: Executor
    """Shared by all requests; bounds the concurrent model calls."""
    call_timeout: float
    """Seconds."""
    lease_seconds: float
    clock: Clock
    budget: Budget | None = None
    """None: no limit."""
    is_stopping: Callable[[], bool] = lambda: False
    """Whether the process stops: then no further model call starts, because its response could be lost."""

    def generate(self, event: PromptApproved) -> list[Event]:
        """Return the event with the outcome of every image, or nothing if the request was withdrawn before.

        If the daily budget did not cover an image, ``BudgetExhausted`` follows.

        Raises ``OwnerErasedError`` before anything is paid. Raises if an image has no outcome yet: the others are
        recorded, and the next delivery generates only the missing.
        """
        parameters, metadata = event.data.parameters, event.metadata
        texts = self.open_texts(metadata.owner, parameters)
        now = self.clock.now()
        lease = Lease(uuid4().hex, now, now + timedelta(seconds=self.lease_seconds))
        try:
            recorded = self.ledger.claim(metadata.request_id, parameters.count, lease, CALLS_ALLOWED + metadata.replays)
        except WithdrawnError:
            logger.info("request withdrawn", request_id=metadata.request_id)
            return []
        share = _share(event.data.moderation_usd, parameters.count)
        futures = {
            index: self.pool.submit(
                self._generate_and_record, _Task(metadata.request_id, parameters, texts, index, lease, share)
            )
            for index in range(parameters.count)
            if index not in recorded
        }
        wait(futures.values())
        errors = [error for future in futures.values() if (error := future.exception())]
        if any(isinstance(error, WithdrawnError) for error in errors):
            return [withdrawn_event(event, Withdrawal(self.ledger.billed(metadata.request_id), self.clock.now()))]
        if errors:
            raise max(errors, key=_severity)
        recorded |= {index: future.result() for index, future in futures.items()}
        outcomes = [recorded[index] for index in range(parameters.count)]
        return [_outcome_event(event, outcomes), *_budget_events(event, outcomes)]

    def _generate_and_record(self, task: _Task) -> RecordedOutcome:
        """Record the image's outcome, or release its lease and raise."""
        try:
            outcome, refusal = self._try_models(task)
            return self.ledger.record(task.request_id, RecordedOutcome(outcome, self.clock.now(), refusal))
        except Exception as error:
            billed = not isinstance(error, ModelBusyError | ModelRefusedError | WithdrawnError | StoppingError)
            self.ledger.release(task.request_id, task.index, task.lease, billed=billed)
            raise

    def _try_models(self, task: _Task) -> tuple[ImageOutcome, BudgetRefusal | None]:
        """Try the models in order. After a call that may be billed, no other model is called."""
        reason, unavailable = "model_unknown", ""
        refusal: BudgetRefusal | None = None
        for plan in task.parameters.models:
            model = self.find_model(plan.model)
            if model is None:  # a custom model that is no longer configured
                continue
            if refusal and plan.price_usd > refusal.left_usd:
                continue
            try:
                return self._generate_with(task, plan, model), None
            except BudgetExhaustedError as error:
                covered = max(Decimal(0), error.refusal.left_usd - task.moderation_usd)
                refusal = BudgetRefusal(error.refusal.limit_usd, covered)
                logger.warning("budget exhausted", request_id=task.request_id, index=task.index, model=plan.model)
            except ModelCallError as error:
                policy = error_policy(error)
                logger.warning(
                    "model call failed",
                    request_id=task.request_id,
                    index=task.index,
                    model=plan.model,
                    error=error.code,
                    reason=policy.reason,
                    action=policy.action.value,
                )
                match policy.action:
                    case Action.FAIL:
                        status = "filtered" if policy.reason == "content_filtered" else "failed"
                        return ImageOutcome(index=task.index, status=status, reason=policy.reason), None
                    case Action.WAIT | Action.RETRY:
                        raise _retry_error(error, policy, model) from error
                    case Action.FAIL_OVER:
                        unavailable = unavailable or error.code
                reason = policy.reason
        if unavailable:
            raise ModelBusyError(f"{unavailable}: no model of the request's list is available")
        return ImageOutcome(index=task.index, status="failed", reason=BUDGET_EXHAUSTED if refusal else reason), refusal

    def _generate_with(self, task: _Task, plan: ModelPlan, model: "Model") -> ImageOutcome:
        seed = (task.parameters.seed + task.index) % (model.seed_max + 1)
        image = self._paid_call(task, plan, model, seed)
        digest = sha256(image.content)
        key = handoff_key(task.request_id, task.index, digest)
        self.handoff.put(key, image.content, image.header.media_type, digest)
        return ImageOutcome(
            index=task.index,
            status="generated",
            image=RawImage(
                key=key,
                sha256=digest,
                bytes=len(image.content),
                media_type=image.header.media_type,
                width=image.header.width,
                height=image.header.height,
                model=plan.model,
                seed=seed if image.seed is None else image.seed,
                cost_usd=plan.price_usd,
            ),
        )

    def _paid_call(self, task: _Task, plan: ModelPlan, model: "Model", seed: int) -> "ModelImage":
        from services.generation.families import FAMILIES  # noqa: PLC0415 - with the catalog, not at cold start

        if self.is_stopping():
            raise StoppingError
        if (task.lease.expires_at - self.clock.now()).total_seconds() < self.call_timeout + OVERHEAD_SECONDS:
            # Earlier calls took long. A call that outlives its lease could be paid for twice.
            raise ModelBusyError("no time left for another model call in this invocation")
        if self.clock.now() - task.lease.taken_at > CLAIM_IS_CURRENT and self.ledger.is_withdrawn(task.request_id):
            raise WithdrawnError
        family = FAMILIES[model.family]
        day = self.clock.now().astimezone(UTC).date()
        amount = plan.price_usd + task.moderation_usd
        if self.budget:
            self.budget.reserve(day, amount)
        outcome, started = "generated", self.clock.monotonic()
        try:
            body = family.request(task.texts, task.parameters, plan, model, seed)
            return family.read(self.models.invoke(model, body))
        except ModelCallError as error:
            policy = error_policy(error)
            outcome = policy.reason
            if self.budget and not policy.billed:  # after a crash the reservation stays: the call may be billed
                self.budget.refund(day, amount)
            raise
        finally:
            seconds = self.clock.monotonic() - started
            record_model_call(task.request_id, task.index, plan.model, outcome, seconds)


def _retry_error(error: ModelCallError, policy: ErrorPolicy, model: "Model") -> Exception:
    """Return the exception that has the message retried. Operators read its text, so it never quotes the model."""
    text = f"{error.code} from {model.model_id} ({policy.reason})"
    if policy is DENIED:
        return ModelAccessDeniedError(f"{text}: `account check` says whether the account has access to the model")
    if policy.action is Action.WAIT:
        return ModelBusyError(text)
    return RetriableError(text) if policy.billed else ModelRefusedError(text)


def _severity(error: BaseException) -> int:
    """Rank the errors of a request: a bug is reported first, and a busy model does not use up an attempt."""
    return ["retriable", "transient", "final"].index(classify_error(error))


def _outcome_event(cause: PromptApproved, recorded: list[RecordedOutcome]) -> Event:
    """Build the event from the records alone, so that a redelivery publishes the same event."""
    outcomes = [each.outcome for each in recorded]
    at = max(each.at for each in recorded)
    if any(outcome.status == "generated" for outcome in outcomes):
        data = ImageGeneratedData(outcomes=outcomes, parameters=cause.data.parameters)
        return ImageGenerated.follow(cause, data, occurred_at=at)
    failed = GenerationFailedData(reason=outcomes[0].reason or "unknown", outcomes=outcomes)
    return GenerationFailed.follow(cause, failed, occurred_at=at)


def _budget_events(cause: PromptApproved, recorded: list[RecordedOutcome]) -> list[Event]:
    """Return ``BudgetExhausted`` if the budget did not cover an image. Built from the records alone, too."""
    refusals = [(each.at, each.refusal) for each in recorded if each.refusal]
    if not refusals:
        return []
    at, latest = max(refusals, key=lambda each: each[0])
    data = BudgetExhaustedData(
        day=(at - RECORDED_WITHIN).astimezone(UTC).date(),
        limit_usd=latest.limit_usd,
        left_usd=min(refusal.left_usd for _, refusal in refusals),
    )
    return [BudgetExhausted.follow(cause, data, occurred_at=at)]


def _share(amount_usd: Decimal, count: int) -> Decimal:
    """Return an image's share of an amount, rounded up to millionths of a US dollar."""
    return (amount_usd / count).quantize(Decimal("0.000001"), ROUND_UP)
