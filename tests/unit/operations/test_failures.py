"""The kinds of failures."""

import pytest

from kit.errors import TRANSIENT_CODES
from services.operations.dead_letters.failures import ADVICE, Kind, Origin, classify
from services.operations.dead_letters.letters import read_letter
from tests.unit.operations.fakes import STORE, FakeQueues, approved


@pytest.mark.parametrize(
    ("kind", "origin", "error", "reason"),
    [
        *[("transient", "consumer", code, "PutItem: busy") for code in sorted(TRANSIENT_CODES)],
        ("transient", "consumer", "EndpointConnectionError", "Could not connect"),
        ("transient", "consumer", "PublishError", "1 events not accepted by the bus"),
        ("transient", "rule", "THROTTLING", ""),
        ("transient", "rule", "TIMEOUT", ""),
        ("permission", "rule", "NO_PERMISSIONS", "not authorized to perform sqs:SendMessage"),
        ("permission", "rule", "NO_RESOURCE", ""),
        ("permission", "consumer", "AccessDeniedException", "GetItem: not authorized"),
        ("permission", "consumer", "ResourceNotFoundException", "GetItem: Requested resource not found"),
        ("schema", "consumer", "ValidationError", "data.parameters.count: Input should be less than or equal to 4"),
        ("schema", "consumer", "UnprocessableError", "detail-type: storage.store does not know X version 99"),
        ("schema", "consumer", "UnprocessableError", "source: ImageApproved is published by … only"),
        ("schema", "rule", "INVALID_JSON", ""),
        ("poison", "consumer", "UnprocessableError", "the image is not in the hand-off bucket"),
        ("poison", "consumer", "KeyError", "at services/storage/service.py:12 in store"),
        ("poison", "consumer", "ValidationException", "InvokeModel: no such seed"),
        ("unknown", "redrive", "NotFinished", "every delivery crashed or timed out"),
        ("unknown", "rule", "UNKNOWN", ""),
    ],
)
def test_a_kind_of_failure_depends_on_stable_names(kind: Kind, origin: Origin, error: str, reason: str) -> None:
    assert classify(origin, error, reason) == kind
    assert ADVICE[kind]


def test_a_failed_delivery_names_rule_target_and_attempts() -> None:
    queues = FakeQueues(STORE)
    attributes = {
        "RULE_ARN": "arn:aws:events:us-east-1:1:rule/bus/dev-storage-store",
        "TARGET_ARN": "arn:aws:sqs:us-east-1:1:dev-storage-store",
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": "The rule may not send",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "RETRY_ATTEMPTS": "3",
    }
    letter = read_letter(STORE, queues.put(STORE, approved(), attributes))

    assert (letter.origin, letter.kind, letter.error) == ("rule", "permission", "NO_PERMISSIONS")
    assert letter.to_dict()["delivery"] == {
        "rule": attributes["RULE_ARN"],
        "target": attributes["TARGET_ARN"],
        "attempts": "3",
        "exhausted": "MaximumRetryAttempts",
    }
