"""The errors of the facade of OpenAI's Images API, with the types and codes by which its clients decide."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response

from events.model_catalog import ModelCatalog
from kit.http_api import json_response
from kit.problems import ApiProblem, field_error
from kit.telemetry import current_call_id
from services.intake.facades.schemas import ModerationDetails, OpenAIError, OpenAIFailure
from services.intake.waiting import MAX_WAITS

RETRY_SECONDS: Final = "5"
"""About as long as an image takes."""
PARAMETERS: Final = {"count": "n", "aspect_ratio": "size"}
"""Our names of parameters → OpenAI's."""
INVALID: Final = {"extra_forbidden": "unknown_parameter", "missing": "missing_required_parameter"}
"""Codes of invalid fields → OpenAI's. Every other one is ``invalid_value``."""
QUOTA_EXHAUSTED: Final = "insufficient_quota"
"""OpenAI's code for a budget without a rest. Its clients know it as an error that no retry solves."""

NOTHING_ACCEPTED: Final = frozenset({"writes_stopped", "overloaded"})
"""Codes of a 503 after which a retry cannot pay twice."""


def too_many_waits() -> ApiProblem:
    """Return the problem that as many calls of the owner wait as are allowed. Nothing was accepted."""
    detail = f"At most {MAX_WAITS} of your calls may wait for images at the same time. Nothing was accepted."
    return ApiProblem("too_many_waits", detail, headers={"Retry-After": RETRY_SECONDS})


def unfinished(request_ids: Sequence[str]) -> ApiProblem:
    """Return the problem that the requests of a call did not finish in time."""
    paths = [f"/v1/requests/{request_id}" for request_id in request_ids]
    return ApiProblem(
        "request_in_progress",
        f"The images are not finished yet. Do not send the request again; poll GET {' and '.join(paths)}.",
        headers={"Location": paths[0]},
        instance=paths[0],
    )


def unknown_model(catalog: ModelCatalog, today: date) -> ApiProblem:
    """Return the problem that there is no model with this name."""
    served = [model.key for model in catalog if not model.ended(today)]
    error = field_error(
        "model", f"must be one of {', '.join(served)}, or the name of a model of OpenAI", allowed=served
    )
    return ApiProblem("model_not_found", "The model does not exist.", errors=[error])


def blocked(problem: ApiProblem, *, gpt_image: bool) -> ApiProblem:
    """Return a violation of the content policy as OpenAI words it, by which LiteLLM recognises it.

    GPT image models have a code of their own. Other problems are unchanged.
    """
    if problem.code != "content_policy_violation":
        return problem
    code = "moderation_blocked" if gpt_image else problem.code
    detail = f"Your request was rejected as a result of the safety system. {problem.detail}"
    return ApiProblem(code, detail, errors=problem.errors, headers=problem.headers, instance=problem.instance)


def render_problem(problem: ApiProblem) -> Response[str]:
    """Return a problem as OpenAI renders errors.

    OpenAI's client retries 409, 429 and 5xx. Only a 429 and the codes of ``NOTHING_ACCEPTED`` guarantee that nothing
    was accepted, so every other error asks the client not to retry: a retry could pay for an image twice.
    """
    status, code = _status(problem), _code(problem)
    first = problem.errors[0] if problem.errors else {}
    field = str(first.get("field", "body"))
    failure = OpenAIFailure(
        message=_message(problem),
        type=_type(status, code),
        param=None if field in {"body", "image"} else PARAMETERS.get(field, field),
        code=code,
        moderation_details=_moderation_details(problem) if code == "moderation_blocked" else None,
        call_id=current_call_id(),
    )
    may_retry = (status == 429 and code != QUOTA_EXHAUSTED) or code in NOTHING_ACCEPTED
    no_retry = {} if may_retry else {"x-should-retry": "false"}
    return json_response(status, OpenAIError(error=failure), {**problem.headers, **no_retry})


def _status(problem: ApiProblem) -> int:
    if problem.code == "budget_exhausted":
        return 429
    return 400 if problem.status == 422 else problem.status


def _code(problem: ApiProblem) -> str:
    match problem.code:
        case "validation_failed":
            return INVALID.get(str(problem.errors[0].get("code")), "invalid_value")
        case "budget_exhausted":
            return QUOTA_EXHAUSTED
        case "unauthorized":
            return "invalid_api_key"
        case code:
            return "rate_limit_exceeded" if problem.status == 429 else code


def _type(status: int, code: str) -> str:
    """Return the type of an error, by which LiteLLM and others decide besides its code."""
    match code:
        case "insufficient_quota":
            return "insufficient_quota"
        case "moderation_blocked":
            return "image_generation_user_error"
        case "invalid_api_key":
            return "authentication_error"
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"


def _message(problem: ApiProblem) -> str:
    rules = [f"{PARAMETERS.get(error['field'], error['field'])}: {_rule(error)}" for error in problem.errors]
    return f"{problem.detail} {'; '.join(rules)}" if rules else problem.detail


def _rule(error: Mapping[str, Any]) -> str:
    return "is not a parameter of this API" if error.get("code") == "extra_forbidden" else str(error["rule"])


def _moderation_details(problem: ApiProblem) -> ModerationDetails:
    error = problem.errors[0]
    category = error.get("category")
    return ModerationDetails(
        moderation_stage="output" if error["field"] == "image" else "input", categories=[category] if category else []
    )
