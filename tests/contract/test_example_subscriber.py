"""The templates of the example subscriber: what the emulator does not enforce."""

from typing import Any

import pytest

from events.catalog import CATALOG, event_type
from tests.support import templates
from tests.support.templates import ROOT

FOLDER = ROOT / "docs/examples/subscriber"
EVERY_TEMPLATE = pytest.mark.parametrize("name", ["template.yaml", "forward.yaml"])


def resources(name: str, kind: str) -> dict[str, Any]:
    """Return the properties of the resources of a type by their logical id."""
    found = templates.load(FOLDER / name)["Resources"]
    return {key: body["Properties"] for key, body in found.items() if body["Type"] == kind}


@EVERY_TEMPLATE
def test_only_the_rule_of_the_example_may_send_to_its_queues(name: str) -> None:
    (policy,) = resources(name, "AWS::SQS::QueuePolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    queues = resources(name, "AWS::SQS::Queue").keys()

    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["Rule", "Arn"]}}}
    sent_to = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
    assert {templates.referenced(item) for item in sent_to} == queues
    assert {templates.referenced(item) for item in policy["Queues"]} == queues


@EVERY_TEMPLATE
def test_the_rule_of_the_example_matches_an_event_of_the_catalog(name: str) -> None:
    (rule,) = resources(name, "AWS::Events::Rule").values()
    published = {(kind.source, kind.detail_type) for key in CATALOG if (kind := event_type(*key))}

    (source,), (detail_type,) = rule["EventPattern"]["source"], rule["EventPattern"]["detail-type"]
    assert (source, detail_type) in published


@EVERY_TEMPLATE
def test_undelivered_and_unread_messages_are_kept_for_two_weeks(name: str) -> None:
    (rule,) = resources(name, "AWS::Events::Rule").values()
    queues = resources(name, "AWS::SQS::Queue")
    (target,) = rule["Targets"]

    assert templates.referenced(target["DeadLetterConfig"]["Arn"]) == "DeadLetters"
    assert queues["DeadLetters"]["MessageRetentionPeriod"] == 14 * 86400
    for queue in queues.keys() - {"DeadLetters"}:
        assert templates.referenced(queues[queue]["RedrivePolicy"]["deadLetterTargetArn"]) == "DeadLetters"


def test_a_message_stays_hidden_longer_than_the_function_runs() -> None:
    queue = resources("template.yaml", "AWS::SQS::Queue")["Queue"]
    (function,) = resources("template.yaml", "AWS::Serverless::Function").values()

    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
