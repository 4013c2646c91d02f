"""Every error of InvokeModel, row by row, and none forgotten."""

import botocore.session
import pytest

from services.generation.model_errors import ANYTHING_ELSE, RULES, ModelCallError, Then, ruling

TABLE = [
    ("AccessDeniedException", "You don't have access to the model.", Then.RETRY, "access_denied", False),
    ("AccessDeniedException", "This Model is marked by provider as Legacy and …", Then.NEXT, "model_ended", False),
    (
        "ResourceNotFoundException",
        "This model version has reached the end of its life.",
        Then.NEXT,
        "model_ended",
        False,
    ),
    ("ResourceNotFoundException", "Could not resolve the foundation model.", Then.NEXT, "model_ended", False),
    ("AccessDeniedException", "has reached the end of its life", Then.NEXT, "model_ended", False),
    ("ModelTimeoutException", "took too long", Then.RETRY, "model_timeout", True),
    ("ModelErrorException", "", Then.RETRY, "model_error", True),
    ("ThrottlingException", "Too many requests", Then.WAIT, "throttled", False),
    ("ServiceQuotaExceededException", "exceeds the quota", Then.WAIT, "throttled", False),
    ("ModelNotReadyException", "", Then.SUBSTITUTE, "model_unavailable", False),
    ("ServiceUnavailableException", "", Then.SUBSTITUTE, "model_unavailable", False),
    ("InternalServerException", "", Then.RETRY, "model_error", True),
    ("ValidationException", "Malformed input request: #/seed", Then.REJECT, "invalid_request", False),
    ("ValidationException", "has been blocked by our Content Filters.", Then.REJECT, "content_filtered", False),
    ("ValidationException", "flagged by our content moderation system", Then.REJECT, "content_filtered", False),
    ("ValidationException", "has reached the end of its life", Then.NEXT, "model_ended", False),
    ("ValidationException", "The provided model identifier is invalid.", Then.NEXT, "model_ended", False),
    ("ReadTimeoutError", "", Then.RETRY, "answer_lost", True),
    ("ConnectionClosedError", "", Then.RETRY, "answer_lost", True),
    ("ConnectTimeoutError", "", Then.SUBSTITUTE, "model_unavailable", False),
    ("EndpointConnectionError", "", Then.SUBSTITUTE, "model_unavailable", False),
    ("ContentFiltered", "", Then.REJECT, "content_filtered", False),
    ("InferenceError", "", Then.RETRY, "model_error", True),
    ("MalformedAnswer", "", Then.RETRY, "model_error", True),
    ("SomethingAwsInventsTomorrow", "", Then.RETRY, "model_error", True),
]


@pytest.mark.parametrize(("code", "text", "then", "reason", "paid"), TABLE)
def test_an_error_means(code: str, text: str, then: Then, reason: str, paid: bool) -> None:
    rule = ruling(ModelCallError(code, text))
    assert (rule.then, rule.reason, rule.paid) == (then, reason, paid)


def test_every_error_invoke_model_documents_has_a_row() -> None:
    model = botocore.session.get_session().get_service_model("bedrock-runtime")
    documented = {shape.name for shape in model.operation_model("InvokeModel").error_shapes}
    assert documented <= {rule.code for rule in RULES}


def test_every_row_is_reached() -> None:
    reached = {id(ruling(ModelCallError(code, text))) for code, text, *_ in TABLE}
    assert [rule for rule in (*RULES, ANYTHING_ELSE) if id(rule) not in reached] == []


def test_what_may_have_been_paid_is_only_ever_tried_again_on_the_same_model() -> None:
    assert {rule.then for rule in RULES if rule.paid} == {Then.RETRY}
