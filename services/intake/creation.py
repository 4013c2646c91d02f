"""From what a caller asks for to an accepted request: resolve, count, write. Every route that creates one is here."""

import hashlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final, Protocol

from events.images import GenerationParameters
from events.model_catalog import ModelCatalog
from kit.http_api import ApiProblem, Caller, field_error
from kit.telemetry import logger
from services.intake.figures import Estimates
from services.intake.identifiers import uuid7
from services.intake.parameters import ModelEndedError, NewRequest, ParameterError, resolve
from services.intake.quota import RateLimiter, Verdict, policy_headers
from services.intake.service import IdempotencyRecord, KeyTakenError, RequestStore, accept
from services.intake.signals import Signals
from services.intake.views import Accepted, DryRun, dry_run_view, promise

POLL_SECONDS: Final = "1"
RECORD_KEPT: Final = timedelta(hours=24)

REFUSALS: Final = {
    "rate_limited": "This key has made all the requests it may make for now",
    "too_many_blocked": "Too many prompts of this key were blocked; no more are taken for now",
}


class CreationStore(RequestStore, Protocol):
    """The request-state table and the idempotency records in it."""

    def recorded(self, owner: str, key: str, now: datetime) -> IdempotencyRecord | None:
        """Return what an owner's idempotency key already stands for."""


Answer = tuple[int, Accepted, dict[str, str]]
"""Status, body and headers."""


@dataclass(frozen=True)
class Creation:
    """Creates requests. Everything a caller can do wrong is raised as ``ApiProblem``."""

    store: CreationStore
    limiter: RateLimiter
    estimates: Estimates
    catalog: Callable[[], ModelCatalog]
    price_ceiling_usd: Decimal
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    signals: Callable[[], Signals] = Signals
    """What other services told; nothing, unless said otherwise."""

    def create(self, caller: Caller, wanted: NewRequest, idempotency_key: str | None = None) -> Answer:
        """Accept a request: (202, body, headers).

        A repeated ``idempotency_key`` answers what it did the first time, and is not counted again.
        """
        now = self.clock()
        digest = _digest(wanted)
        if idempotency_key is not None:
            _check(idempotency_key)
            if found := self.store.recorded(caller.owner, idempotency_key, now):
                return _again(found, digest, caller)
        parameters = self._resolve(wanted)
        self._refuse_while_spent(now)
        verdict = self.limiter.take(caller.key_id, caller.limit, caller.window)
        if verdict.refusal:
            # The last one that was free may just have gone to this very request, sent twice at once.
            if idempotency_key and (found := self.store.recorded(caller.owner, idempotency_key, now)):
                return _again(found, digest, caller)
            raise ApiProblem(429, verdict.refusal, REFUSALS[verdict.refusal], headers=verdict.headers)
        return self._accept(caller, parameters, verdict, now, (idempotency_key, digest), wanted.webhook_id)

    def dry_run(self, wanted: NewRequest) -> DryRun:
        """Return what would be drawn, by whom, and for how much. Nothing is written, nothing is counted."""
        parameters = self._resolve(wanted)
        return dry_run_view(parameters, chosen_seed=wanted.seed, estimated_seconds=self._estimate(parameters))

    def _accept(
        self,
        caller: Caller,
        parameters: GenerationParameters,
        verdict: Verdict,
        now: datetime,
        repeatable: tuple[str | None, str],
        webhook_id: str | None,
    ) -> Answer:
        key, digest = repeatable
        request_id = uuid7()
        try:
            body = promise(request_id, self._estimate(parameters))
            record = None
            if key is not None:
                record = IdempotencyRecord(caller.owner, key, digest, body.model_dump_json(), now + RECORD_KEPT)
            accept(
                self.store,
                request_id,
                caller.owner,
                parameters,
                now,
                charged_to=verdict.window,
                record=record,
                webhook_id=webhook_id,
            )
        except KeyTakenError as taken:
            self.limiter.give_back(verdict.window, request_id, blocked=False)
            return _again(taken.record, digest, caller)
        except Exception:
            self.limiter.give_back(verdict.window, request_id, blocked=False)
            raise
        logger.info("request accepted", request_id=request_id, key_id=caller.key_id)
        return 202, body, _headers(body) | verdict.headers

    def _resolve(self, wanted: NewRequest) -> GenerationParameters:
        try:
            return resolve(wanted, self.catalog(), self.price_ceiling_usd, self.signals().ended)
        except ParameterError as error:
            raise ApiProblem(422, "validation_failed", "The model cannot do that", errors=error.errors) from error
        except ModelEndedError as error:
            raise _ended(error) from error

    def _refuse_while_spent(self, now: datetime) -> None:
        until = self.signals().spent_until
        if until and now < until:
            seconds = math.ceil((until - now).total_seconds())
            title = "What may be spent on drawing today is spent; requests are taken again at midnight UTC"
            raise ApiProblem(503, "budget_exhausted", title, headers={"Retry-After": str(seconds)})

    def _estimate(self, parameters: GenerationParameters) -> int | None:
        return self.estimates.seconds(still_served(self.catalog(), parameters, self.clock().date()))


def still_served(catalog: ModelCatalog, parameters: GenerationParameters, today: date) -> list[str]:
    """Return those of a drawing's models that can still draw it."""
    found = [(plan.model, catalog.get(plan.model)) for plan in parameters.models]
    return [key for key, model in found if model is not None and not model.ended(today)]


def _ended(error: ModelEndedError) -> ApiProblem:
    successor = error.successor
    rule = "has ended" + (f"; {successor} follows on it" if successor else "")
    entry = field_error("model", rule) | ({"successor": successor} if successor else {})
    advice = f": ask for {successor}, or allow failover" if successor else ""
    return ApiProblem(422, "model_ended", f"{error.model} is no longer served{advice}", errors=[entry])


def _check(key: str) -> None:
    if not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        rule = "must be 1 to 255 visible ASCII characters"
        errors = [field_error("Idempotency-Key", rule)]
        raise ApiProblem(422, "validation_failed", "The request is not valid", errors=errors)


def _digest(wanted: NewRequest) -> str:
    return hashlib.sha256(wanted.model_dump_json().encode()).hexdigest()


def _again(record: IdempotencyRecord, digest: str, caller: Caller) -> Answer:
    """Return the first answer once more, where it was asked for the same."""
    if record.digest != digest:
        errors = [field_error("Idempotency-Key", "was used before, for another request")]
        raise ApiProblem(422, "idempotency_key_reused", "This key stands for another request", errors=errors)
    body = Accepted.model_validate_json(record.answer)
    return 202, body, _headers(body) | policy_headers(caller.limit, caller.window)


def _headers(body: Accepted) -> dict[str, str]:
    return {"Location": body.links.self, "Retry-After": POLL_SECONDS}
