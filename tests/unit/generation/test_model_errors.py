"""The error policy: every error of InvokeModel has a tested row."""

from typing import Any

import botocore.session
import pytest

from services.generation.model_errors import (
    POLICIES_BY_CODE,
    POLICIES_BY_TEXT,
    Action,
    ModelCallError,
    error_policy,
)

TABLE = [
    ("AccessDeniedException", "You don't have access to the model.", Action.RETRY, "access_denied", False),
    (
        "AccessDeniedException",
        "This Model is marked by provider as Legacy and …",
        Action.NEXT_MODEL,
        "model_end_of_life",
        False,
    ),
    (
        "ResourceNotFoundException",
        "This model version has reached the end of its life.",
        Action.NEXT_MODEL,
        "model_end_of_life",
        False,
    ),
    (
        "ResourceNotFoundException",
        "Could not resolve the foundation model.",
        Action.NEXT_MODEL,
        "model_end_of_life",
        False,
    ),
    ("AccessDeniedException", "has reached the end of its life", Action.NEXT_MODEL, "model_end_of_life", False),
    ("ModelTimeoutException", "took too long", Action.RETRY, "model_timeout", True),
    ("ModelErrorException", "", Action.RETRY, "model_error", True),
    ("ThrottlingException", "Too many requests", Action.WAIT, "throttled", False),
    ("ServiceQuotaExceededException", "exceeds the quota", Action.WAIT, "throttled", False),
    ("ModelNotReadyException", "", Action.FAIL_OVER, "model_unavailable", False),
    ("ServiceUnavailableException", "", Action.FAIL_OVER, "model_unavailable", False),
    ("InternalServerException", "", Action.RETRY, "model_error", True),
    ("ValidationException", "Malformed input request: #/seed", Action.FAIL, "invalid_request", False),
    ("ValidationException", "has been blocked by our Content Filters.", Action.FAIL, "content_filtered", False),
    ("ValidationException", "flagged by our content moderation system", Action.FAIL, "content_filtered", False),
    ("ValidationException", "has reached the end of its life", Action.NEXT_MODEL, "model_end_of_life", False),
    ("ValidationException", "The provided model identifier is invalid.", Action.NEXT_MODEL, "model_end_of_life", False),
    ("ReadTimeoutError", "", Action.RETRY, "response_lost", True),
    ("ConnectionClosedError", "", Action.RETRY, "response_lost", True),
    ("ConnectTimeoutError", "", Action.FAIL_OVER, "model_unavailable", False),
    ("EndpointConnectionError", "", Action.FAIL_OVER, "model_unavailable", False),
    ("ContentFiltered", "", Action.FAIL, "content_filtered", True),
    ("InferenceError", "", Action.RETRY, "model_error", True),
    ("MalformedResponse", "", Action.RETRY, "model_error", True),
    ("SomethingAwsInventsTomorrow", "", Action.RETRY, "model_error", True),
]


@pytest.mark.parametrize(("code", "text", "action", "reason", "billed"), TABLE)
def test_each_error_has_its_policy(code: str, text: str, action: Action, reason: str, billed: bool) -> None:
    policy = error_policy(ModelCallError(code, text))
    assert (policy.action, policy.reason, policy.billed) == (action, reason, billed)


def test_every_documented_error_of_invoke_model_has_a_policy() -> None:
    model = botocore.session.get_session().get_service_model("bedrock-runtime")
    documented = {shape.name for shape in model.operation_model("InvokeModel").error_shapes}
    assert documented <= POLICIES_BY_CODE.keys()


def test_every_policy_is_tested() -> None:
    def row(code: str, text: str) -> Any:
        by_text = ((c, words) for c, words, _ in POLICIES_BY_TEXT if c == code and words in text.casefold())
        return next(by_text, code)

    rows = {(code, words) for code, words, _ in POLICIES_BY_TEXT} | POLICIES_BY_CODE.keys()
    tested = {row(code, text) for code, text, *_ in TABLE}
    assert rows - tested == set()
    assert tested - rows == {"SomethingAwsInventsTomorrow"}


def test_a_billed_call_is_never_followed_by_another_model() -> None:
    policies = [*POLICIES_BY_CODE.values(), *(policy for _, _, policy in POLICIES_BY_TEXT)]
    assert {policy.action for policy in policies if policy.billed} == {Action.RETRY, Action.FAIL}
