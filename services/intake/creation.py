"""The use case of creating a request: resolve its parameters, count it, write it. All routes that create one use it."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple, Protocol

from events.catalog.image_requested import ImageRequested, ImageRequestedData
from events.model_catalog import ModelCatalog
from events.parameters import GenerationParameters, ModelPlan
from events.pipeline import Status
from kit.callers import Caller
from kit.clock import Clock
from kit.problems import ApiProblem, field_error, invalid
from kit.quotas import QUOTA_REFUSALS
from kit.sealing import Sealer
from kit.telemetry import measure
from services.intake.durations import Estimates
from services.intake.identifiers import uuid7
from services.intake.model_fit import ModelEndOfLifeError, Plan, UnsupportedParametersError, resolve
from services.intake.models import (
    IdempotencyKeyTakenError,
    IdempotencyRecord,
    RequestState,
    Window,
    entry_without_details,
)
from services.intake.quota import RateLimiter, policy_headers
from services.intake.refusals import refuse_over_budget, refuse_while_closed, refuse_while_shedding
from services.intake.request_views import accepted_view, dry_run_view
from services.intake.schemas import AcceptedView, DryRunView, NewRequest
from services.intake.signals import Signals

POLL_SECONDS: Final = "1"
IDEMPOTENCY_RETENTION: Final = timedelta(hours=24)


class CreationStore(Protocol):
    """The requests and the idempotency records in the request table."""

    def create(
        self, requests: Sequence[tuple[ImageRequested, RequestState]], record: IdempotencyRecord | None = None
    ) -> None:
        """Write requests, their states and the idempotency record in one transaction: all of them or none.

        Raise ``IdempotencyKeyTakenError`` if the idempotency key is taken, ``KeyError`` if the request id is.
        """

    def find_record(self, owner: str, key: str, now: datetime) -> IdempotencyRecord | None:
        """Return the record of an owner's idempotency key, or None if there is none."""


class Accepted(NamedTuple):
    """The 202 response to a new request."""

    body: AcceptedView
    headers: dict[str, str]


class AllAccepted(NamedTuple):
    """New requests that were accepted together, in their order."""

    bodies: list[AcceptedView]
    headers: dict[str, str]
    """The headers that state the key's limit."""


@dataclass(frozen=True)
class RequestCreation:
    """Creates requests. Every error of the caller is raised as ``ApiProblem``."""

    store: CreationStore
    limiter: RateLimiter
    estimates: Estimates
    catalog: Callable[[], ModelCatalog]
    signals: Callable[[], Signals]
    price_ceiling_usd: Decimal
    sealer: Sealer
    clock: Clock

    def create(self, caller: Caller, request: NewRequest, idempotency_key: str | None = None) -> Accepted:
        """Accept a request. From then on it is never lost.

        If the ``idempotency_key`` was used before, return the first response again and do not count the request.
        """
        (body,), headers = self.create_all(caller, [request], idempotency_key)
        return Accepted(body, _headers(body) | headers)

    def create_all(
        self, caller: Caller, requests: Sequence[NewRequest], idempotency_key: str | None = None
    ) -> AllAccepted:
        """Accept all ``requests`` of one call or none of them: they are counted and written as one."""
        if idempotency_key is not None and (repeated := self._repeated(caller, requests, idempotency_key)):
            return repeated
        refuse_while_closed(self.signals())
        refuse_while_shedding(self.signals(), caller, len(requests), self.clock.now())
        plans = [self._resolve(request) for request in requests]
        for plan in plans:
            refuse_over_budget(plan.models, self.signals().budget, self.catalog, self.clock.now())
        images = sum(request.count for request in requests)
        if images > caller.limit:
            raise _over_limit_problem(caller)
        decision = self.limiter.admit(caller.key_id, caller.limit, caller.window, images)
        if decision.refusal:
            # The same call, sent twice at once, may have used the last free place.
            if idempotency_key is not None and (repeated := self._repeated(caller, requests, idempotency_key)):
                return repeated
            raise ApiProblem(decision.refusal, QUOTA_REFUSALS[decision.refusal], headers=decision.headers)
        ids = [uuid7() for _ in requests]
        try:
            bodies = self._write(ids, caller, requests, plans, decision.window, idempotency_key)
        except IdempotencyKeyTakenError as taken:
            self.limiter.refund(decision.window, ids[0], images)
            return self._repeat(taken.record, requests, caller)
        except Exception:
            self.limiter.refund(decision.window, ids[0], images)
            raise
        for request_id in ids:
            measure("request accepted", {}, request_id=request_id, key_id=caller.key_id)
        return AllAccepted(bodies, decision.headers)

    def dry_run(self, request: NewRequest) -> DryRunView:
        """Return the models and the price of a request. Nothing is written or counted."""
        plan = self._resolve(request)
        return dry_run_view(request, plan.models, self._estimate(plan.models))

    def _repeated(self, caller: Caller, requests: Sequence[NewRequest], key: str) -> AllAccepted | None:
        _check_idempotency_key(key)
        record = self.store.find_record(caller.owner, key, self.clock.now())
        return self._repeat(record, requests, caller) if record else None

    def _repeat(self, record: IdempotencyRecord, requests: Sequence[NewRequest], caller: Caller) -> AllAccepted:
        """Return the first response again, if it was for the same requests."""
        if record.digest != self._digest(requests, caller):
            errors = [field_error("Idempotency-Key", "was used before for another request")]
            detail = "Send this request with a new idempotency key."
            raise ApiProblem("idempotency_key_reused", detail, errors=errors)
        response = json.loads(record.response)
        if isinstance(response, dict):  # as written by version 0.1.0
            response = [response]
        bodies = [AcceptedView.model_validate(body) for body in response]
        return AllAccepted(bodies, policy_headers(caller.limit, caller.window))

    def _digest(self, requests: Sequence[NewRequest], caller: Caller) -> str:
        """Return the keyed hash of the requests: with a plain one, a short prompt could be guessed.

        Absent parameters are left out, so that a new release keeps the digest.
        """
        whole = "\n".join(request.model_dump_json(exclude_none=True) for request in requests)
        return self.sealer.digest(caller.owner, whole)

    def _write(
        self,
        ids: Sequence[str],
        caller: Caller,
        requests: Sequence[NewRequest],
        plans: Sequence[Plan],
        quota_window: Window,
        idempotency_key: str | None,
    ) -> list[AcceptedView]:
        now = self.clock.now()
        new = [
            new_state(
                one,
                caller.owner,
                seal_parameters(self.sealer, caller.owner, request, plan),
                now,
                quota_window=quota_window,
                webhook_id=request.webhook_id,
                analytics_opt_out=caller.analytics_opt_out,
            )
            for one, request, plan in zip(ids, requests, plans, strict=True)
        ]
        estimate = self._estimate(plans[0].models)
        bodies = [accepted_view(request_id, estimate) for request_id in ids]
        record = None
        if idempotency_key is not None:
            response = [body.model_dump(mode="json") for body in bodies]
            record = IdempotencyRecord(
                caller.owner,
                idempotency_key,
                self._digest(requests, caller),
                json.dumps(response),
                now + IDEMPOTENCY_RETENTION,
            )
        self.store.create(new, record)
        return bodies

    def _resolve(self, request: NewRequest) -> Plan:
        try:
            return resolve(request, self.catalog(), self.price_ceiling_usd, self.signals().unavailable_models)
        except UnsupportedParametersError as error:
            detail = "The model does not support these parameters."
            raise ApiProblem("validation_failed", detail, errors=error.errors) from error
        except ModelEndOfLifeError as error:
            raise _end_of_life_problem(error) from error

    def _estimate(self, plans: Sequence[ModelPlan]) -> int | None:
        return self.estimates.seconds(served_models(self.catalog(), plans, self.clock.now().date()))


def seal_parameters(sealer: Sealer, owner: str, request: NewRequest, plan: Plan) -> GenerationParameters:
    """Return the parameters that are stored and published: the texts are sealed before anything else has them."""
    negative = request.negative_prompt
    return GenerationParameters(
        prompt=sealer.seal(owner, request.prompt),
        negative_prompt=None if negative is None else sealer.seal(owner, negative),
        style=request.style,
        quality=request.quality,
        count=request.count,
        seed=plan.seed,
        steps=request.steps,
        guidance=request.guidance,
        output_format=request.output_format,
        output_compression=request.output_compression,
        models=plan.models,
    )


def new_state(
    request_id: str,
    owner: str,
    parameters: GenerationParameters,
    now: datetime,
    *,
    quota_window: Window | None = None,
    webhook_id: str | None = None,
    analytics_opt_out: bool = False,
) -> tuple[ImageRequested, RequestState]:
    """Return the event of a new request and its first state."""
    data = ImageRequestedData(parameters=parameters)
    event = ImageRequested.first(request_id, owner, data, occurred_at=now, analytics_opt_out=analytics_opt_out)
    entry = entry_without_details(event)
    timeline = {entry.event_id: entry}
    return event, RequestState(
        request_id=request_id,
        owner=owner,
        created_at=now,
        status=Status.ACCEPTED,
        status_sequence=0,
        revision=1,
        timeline=timeline,
        quota_window=quota_window,
        quota_images=parameters.count if quota_window else 0,
        webhook_id=webhook_id,
        analytics_opt_out=analytics_opt_out,
    )


def served_models(catalog: ModelCatalog, plans: Sequence[ModelPlan], today: date) -> list[str]:
    """Return the keys of the planned models that are still served."""
    models = [(plan.model, catalog.get(plan.model)) for plan in plans]
    return [key for key, model in models if model is not None and not model.ended(today)]


def _end_of_life_problem(error: ModelEndOfLifeError) -> ApiProblem:
    rule, detail = "has reached its end of life", f"{error.model} has reached its end of life."
    entry = field_error("model", rule)
    if error.successor:
        entry = field_error("model", f"{rule}; its successor is {error.successor}", successor=error.successor)
        detail += f" Request {error.successor} instead, or allow failover."
    return ApiProblem("model_end_of_life", detail, errors=[entry])


def _over_limit_problem(caller: Caller) -> ApiProblem:
    rule = f"must be at most {caller.limit}, the images that this API key may request per {caller.window} seconds"
    return invalid(field_error("count", rule, maximum=caller.limit))


def _check_idempotency_key(key: str) -> None:
    if not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        raise invalid(field_error("Idempotency-Key", "must be 1 to 255 visible ASCII characters"))


def _headers(body: AcceptedView) -> dict[str, str]:
    return {"Location": body.links.self, "Retry-After": POLL_SECONDS}
