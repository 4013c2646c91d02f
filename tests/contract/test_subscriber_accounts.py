"""Other accounts may create rules on the bus only if they are named, and only for events without prompts.

The emulator does not enforce the policy of a bus, so the tests evaluate it with the emulator's evaluator for IAM.
"""

import json
import re
from typing import Any, Final

import pytest
from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy

from events.catalog import CATALOG, event_type
from local.parameters import problems
from tests.support import templates
from tests.support.templates import ROOT

SUBSCRIBER: Final = "111111111111"
OTHER: Final = "222222222222"
RULE: Final = "arn:aws:events:us-west-2:000000000000:rule/genai-images-dev-bus/theirs"
WITH_PROMPT: Final = {"ImageRequested", "PromptApproved", "ImageGenerated", "ImageApproved"}
STORED: Final = {"source": ["genai-images.storage"], "detail-type": ["ImageStored"]}


def policy(caller: str) -> Any:
    """Return the policy of the bus for a caller, with the accounts and the variable that AWS inserts."""
    inserted = {"${aws:PrincipalAccount}": caller, "${EventBus}": "genai-images-dev-bus"}
    inserted |= {"${AWS::Partition}": "aws", "${AWS::Region}": "us-west-2", "${AWS::AccountId}": "000000000000"}
    statements = [
        body["Properties"]["Statement"]
        for body in templates.root_template()["Resources"].values()
        if body["Type"] == "AWS::Events::EventBusPolicy"
    ]
    text = json.dumps({"Statement": statements})
    for name, value in inserted.items():
        text = text.replace(name, value)
    found = json.loads(text)
    for statement in found["Statement"]:
        assert statement["Principal"] == {"AWS": {"Ref": "SubscriberAccounts"}}
        statement["Principal"] = {"AWS": [SUBSCRIBER, OTHER]}
        statement["Resource"] = statement["Resource"]["Fn::Sub"]
    return found


def allows(
    action: str,
    pattern: dict[str, list[str]] | None = None,
    *,
    caller: str = SUBSCRIBER,
    creator: str = "",
    resource: str = RULE,
) -> bool:
    """Return whether ``caller`` may do something with a rule that ``creator`` created. "" means that it is new."""
    keys: dict[str, Any] = {f"events:{key}": values for key, values in (pattern or {}).items()}
    if creator:
        keys["events:creatoraccount"] = creator
    arn = f"arn:aws:iam::{caller}:root"
    context = EvalContext(arn, "Root", caller, f"events:{action}", resource, "us-west-2", service_context=keys)
    return bool(evaluate_resource_policy(policy(caller), context).decision == "Allow")


def test_a_named_account_may_create_a_rule_for_events_without_prompts() -> None:
    assert allows("PutRule", STORED)
    assert allows("PutTargets", creator=SUBSCRIBER)
    assert allows("PutRule", STORED, creator=SUBSCRIBER), "to change it"
    assert not allows("PutRule", STORED, caller="333333333333")


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"source": ["genai-images.storage"]},
        {"detail-type": ["ImageStored"]},
        {"source": ["genai-images.intake"], "detail-type": ["ImageRequested"]},
        {"source": ["genai-images.intake"], "detail-type": ["RequestExpired", "ImageRequested"]},
        {"source": ["com.example"], "detail-type": ["ImageStored"]},
    ],
    ids=str,
)
def test_a_rule_must_name_sources_and_events_without_prompts(pattern: dict[str, list[str]]) -> None:
    assert not allows("PutRule", pattern)


@pytest.mark.parametrize("action", ["PutTargets", "DeleteRule", "DisableRule", "RemoveTargets", "DescribeRule"])
@pytest.mark.parametrize("creator", ["000000000000", OTHER])
def test_an_account_may_not_touch_the_rules_of_another(action: str, creator: str) -> None:
    assert allows(action, creator=SUBSCRIBER)
    assert not allows(action, creator=creator)
    assert not allows("PutRule", STORED, creator=creator)


@pytest.mark.parametrize("action", ["PutEvents", "PutPermission", "DeleteEventBus", "CreateArchive", "StartReplay"])
def test_an_account_may_do_nothing_else_on_the_bus(action: str) -> None:
    assert not allows(action, resource=RULE.replace("rule/", "event-bus/").removesuffix("/theirs"))
    assert not allows(action, creator=SUBSCRIBER)


@pytest.mark.parametrize(("name", "version"), CATALOG, ids=str)
def test_an_account_can_subscribe_to_every_event_without_a_prompt(name: str, version: int) -> None:
    kind = event_type(name, version)
    assert kind is not None
    pattern = {"source": [kind.source], "detail-type": [name]}

    assert allows("PutRule", pattern) == (name not in WITH_PROMPT)


@pytest.mark.parametrize(("name", "version"), CATALOG, ids=str)
def test_only_the_events_kept_from_other_accounts_have_a_prompt(name: str, version: int) -> None:
    for path in (f"events/schemas/{name}.v{version}.json", f"events/samples/{name}.v{version}.json"):
        assert ('"prompt":' in (ROOT / path).read_text()) == (name in WITH_PROMPT)


def test_the_how_to_names_the_events_that_carry_prompts() -> None:
    (sentence,) = re.findall(r"not among\s+them: ([^.]*)\.", (ROOT / "docs/how-to/subscribe-to-events.md").read_text())

    assert set(re.findall(r"`(\w+)`", sentence)) == WITH_PROMPT


def test_no_account_may_subscribe_by_default() -> None:
    root = templates.root_template()

    assert root["Parameters"]["SubscriberAccounts"]["Default"] == ""
    for body in root["Resources"].values():
        if body["Type"] == "AWS::Events::EventBusPolicy":
            assert body["Condition"] == "HasSubscriberAccounts"


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        ("", True),
        (SUBSCRIBER, True),
        (f"{SUBSCRIBER},{OTHER}", True),
        ("*", False),
        (f"{SUBSCRIBER},*", False),
        ("12", False),
    ],
)
def test_subscriber_accounts_are_account_ids(value: str, valid: bool) -> None:
    found = problems(templates.root_template(), {"SubscriberAccounts": value}, "us-west-2")

    assert (found == []) == valid, found
