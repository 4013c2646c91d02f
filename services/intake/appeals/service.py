"""Appeals: an owner says why a rejection was wrong, an operator decides. ADR 33.

A granted appeal creates a new request with the same parameters, which carries the decision to moderation.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol

from events.catalog.appeal_decided import AppealDecision
from events.catalog.image_requested import ImageRequested
from events.parameters import AppealSubject, GenerationParameters, GrantedAppeal, ModelPlan
from events.pipeline import Status
from kit.callers import Caller
from kit.clock import Clock
from kit.errors import OwnerErasedError
from kit.problems import ApiProblem
from kit.sealing import Sealer, Texts
from kit.trail import Action, Operator, Trail, recorded
from services.intake.creation import new_state
from services.intake.identifiers import uuid7
from services.intake.models import AlreadyAppealedError, AlreadyDecidedError, Appeal, AppealReasons, RequestState
from services.intake.quota import RateLimiter

NOT_JUDGED: Final = frozenset({"text_too_long", "text_not_accepted"})
"""Reasons of a rejection for which nobody judged the text."""


class AppealStore(Protocol):
    """The appeals in the request table."""

    def add(self, appeal: Appeal, created_at: datetime) -> None:
        """Add a pending appeal of a request of ``created_at``.

        Raise ``AlreadyAppealedError`` if it has one, and ``KeyError`` if the request was erased.
        """

    def find(self, request_id: str) -> Appeal:
        """Return the appeal of a request. Raise ``KeyError`` if there is none."""

    def pending(self, limit: int) -> list[Appeal]:
        """Return up to ``limit`` pending appeals, oldest first."""

    def decide(self, decided: Appeal, new: tuple[ImageRequested, RequestState] | None) -> None:
        """Write a decision and the new request, or nothing. Raise ``AlreadyDecidedError`` if it is not pending."""


class Requests(Protocol):
    """The requests in the request table."""

    def read(self, request_id: str) -> tuple[ImageRequested, RequestState]:
        """Return a request and its state. Raise ``KeyError`` if it is unknown."""


@dataclass(frozen=True)
class Rejection:
    """What a request was rejected for."""

    subject: AppealSubject
    category: str
    policy_version: str


@dataclass(frozen=True)
class Appeals:
    """Records and decides appeals. Each use is in the audit trail. Every error is raised as ``ApiProblem``."""

    store: AppealStore
    requests: Requests
    limiter: RateLimiter
    refuse_over_budget: Callable[[Sequence[ModelPlan]], None]
    sealer: Sealer
    trail: Trail
    clock: Clock

    def appeal(self, caller: Caller, actor: Operator, request_id: str, reason: str) -> Appeal:
        """Record the appeal of a rejected request of the caller, once."""
        state = self._owned(request_id, caller.owner)
        rejection = rejection_of(state)
        appeal = Appeal(
            request_id=request_id,
            owner=caller.owner,
            status="pending",
            subject=rejection.subject,
            category=rejection.category,
            policy_version=rejection.policy_version,
            reason=self.sealer.seal(caller.owner, reason),
            appealed_at=self.clock.now(),
            key_id=caller.key_id,
            limit=caller.limit,
            window=caller.window,
            webhook_id=state.webhook_id,
            analytics_opt_out=state.analytics_opt_out,
        )
        with recorded(self.trail, _action(actor, "appeal", appeal)) as outcomes:
            try:
                self.store.add(appeal, state.created_at)
            except AlreadyAppealedError as error:
                detail = "A request can be appealed once. GET the appeal to see its state."
                raise ApiProblem("already_appealed", detail) from error
            except KeyError as error:
                raise _unknown_request() from error
            outcomes["appealed"] += 1
        return appeal

    def find_own(self, owner: str, request_id: str) -> Appeal:
        """Return the appeal of an owner's request."""
        appeal = self._find(request_id)
        if appeal.owner != owner:
            raise _not_found()
        return appeal

    def pending(self, limit: int) -> list[Appeal]:
        """Return up to ``limit`` pending appeals, oldest first."""
        return self.store.pending(limit)

    def review(self, operator: Operator, request_id: str) -> tuple[Appeal, Texts]:
        """Return an appeal and the texts of its request, for an operator. That they were read is recorded."""
        appeal = self._find(request_id)
        try:
            request, _ = self.requests.read(request_id)
        except KeyError as error:  # it has expired since the appeal was read
            raise _not_found() from error
        with recorded(self.trail, _action(operator, "read appeal", appeal)) as outcomes, _erased_is_unknown():
            texts = self.sealer.open_texts(appeal.owner, request.data.parameters)
            outcomes["read"] += 1
        return appeal, texts

    def decide(self, operator: Operator, request_id: str, decision: AppealDecision, reason: str) -> Appeal:
        """Decide a pending appeal. If it is granted, create a new request, which counts like any other one."""
        appeal = self._find(request_id)
        if appeal.status != "pending":
            raise _already_decided(appeal)
        with _erased_is_unknown():
            sealed = self.sealer.seal(appeal.owner, reason)
        decided = replace(appeal, status=decision, decided_at=self.clock.now(), decision_reason=sealed)
        with recorded(self.trail, _action(operator, "decide appeal", appeal, decision=decision)) as outcomes:
            decided = self._grant(decided) if decision == "granted" else self._write(decided, None)
            outcomes[decision] += 1
        return decided

    def reasons(self, appeal: Appeal) -> AppealReasons:
        """Open what the owner and the operator wrote."""
        decision = appeal.decision_reason
        return AppealReasons(
            self.sealer.open(appeal.owner, appeal.reason),
            None if decision is None else self.sealer.open(appeal.owner, decision),
        )

    def _grant(self, decided: Appeal) -> Appeal:
        try:
            request, state = self.requests.read(decided.request_id)
        except KeyError as error:
            raise _not_found() from error
        parameters = granted(request.data.parameters, decided)
        self.refuse_over_budget(parameters.models)
        admitted = self.limiter.admit(decided.key_id, decided.limit, decided.window, parameters.count)
        if admitted.refusal:
            detail = "The owner's API key has reached its limit. Decide after the time in Retry-After."
            raise ApiProblem(admitted.refusal, detail, headers=admitted.headers)
        new_id = uuid7()
        new = new_state(
            new_id,
            decided.owner,
            parameters,
            self.clock.now(),
            quota_window=admitted.window,
            webhook_id=state.webhook_id,
            analytics_opt_out=state.analytics_opt_out,
        )
        try:
            return self._write(replace(decided, granted_request_id=new_id), new)
        except Exception:
            self.limiter.refund(admitted.window, new_id, parameters.count)
            raise

    def _write(self, decided: Appeal, new: tuple[ImageRequested, RequestState] | None) -> Appeal:
        try:
            self.store.decide(decided, new)
        except AlreadyDecidedError as error:
            raise _already_decided(self._find(decided.request_id)) from error
        return decided

    def _find(self, request_id: str) -> Appeal:
        try:
            return self.store.find(_id(request_id))
        except KeyError as error:
            raise _not_found() from error

    def _owned(self, request_id: str, owner: str) -> RequestState:
        try:
            _, state = self.requests.read(_id(request_id))
        except KeyError as error:
            raise _unknown_request() from error
        if state.owner != owner:
            raise _unknown_request()
        return state


def rejection_of(state: RequestState) -> Rejection:
    """Return what a request was rejected for. Raise ``ApiProblem`` if it cannot be appealed."""
    if state.status != Status.REJECTED:
        detail = f"The request is {state.status}. Only a rejected request can be appealed."
        raise ApiProblem("not_appealable", detail)
    details = {entry.detail_type: entry.details for entry in state.timeline.values()}
    if images := details.get("ImageRejected"):
        return _rejection("images", images)
    prompt = details.get("PromptRejected")
    if prompt is None:
        detail = "The filter of the model rejected the request, which an operator cannot change. Reword the prompt."
        raise ApiProblem("not_appealable", detail)
    if prompt.get("reason") in NOT_JUDGED:
        detail = "The text was not judged, because it could not be checked. Shorten or reword it."
        raise ApiProblem("not_appealable", detail)
    return _rejection("prompt", prompt)


def granted(parameters: GenerationParameters, appeal: Appeal) -> GenerationParameters:
    """Return the parameters of the new request: the same ones, with the decision for exactly their texts."""
    decision = GrantedAppeal(
        request_id=appeal.request_id,
        subject=appeal.subject,
        category=appeal.category,
        policy_version=appeal.policy_version,
        texts_digest=parameters.texts_digest,
    )
    return parameters.model_copy(update={"appeals": [*(parameters.appeals or []), decision]})


def _rejection(subject: AppealSubject, details: Mapping[str, Any]) -> Rejection:
    # A rejection of version 0.1.0 has no policy version in the timeline: a decision about it would not hold.
    if "policy_version" not in details:
        raise ApiProblem("not_appealable", "The request was rejected by an earlier release. Send it again.")
    return Rejection(subject, details["category"], details["policy_version"])


def _action(actor: Operator, verb: str, appeal: Appeal, **about: str) -> Action:
    about |= {"owner": appeal.owner, "subject": appeal.subject, "category": appeal.category}
    return Action.begin(actor, verb, about=about, count=1, request_ids=[appeal.request_id])


def _id(request_id: str) -> str:
    if not re.fullmatch(r"[0-9a-f-]{36}", request_id):
        raise KeyError(request_id)
    return request_id


def _unknown_request() -> ApiProblem:
    return ApiProblem("request_not_found", "No request of yours has this id.")


def _not_found() -> ApiProblem:
    return ApiProblem("appeal_not_found", "No request with this id was appealed.")


@contextmanager
def _erased_is_unknown() -> Iterator[None]:
    """Turn the erasure of the owner into the problem that an operator gets for an unknown appeal."""
    try:
        yield
    except OwnerErasedError as error:
        raise _not_found() from error


def _already_decided(appeal: Appeal) -> ApiProblem:
    return ApiProblem("appeal_decided", f"The appeal was {appeal.status} already. A decision cannot be changed.")
