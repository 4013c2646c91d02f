"""Every function's role is what the function does: the permission recorder runs all functions on moto.

`python -m tools.permissions` prints the table of calls per role.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from tools.permissions.calls import Access
from tools.permissions.policy import Comparison, allows
from tools.permissions.report import DEPLOYMENTS, comparisons, missing, table, unused
from tools.permissions.stack import ACCOUNT, PREFIX, Role, Stack

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/one"


def statement(**more: Any) -> Mapping[str, Any]:
    return {"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:PutItem"], "Resource": TABLE, **more}


def access(action: str = "GetItem", **keys: set[str]) -> Access:
    named = {f"dynamodb:{name}": frozenset(values) for name, values in keys.items()}
    return Access(f"dynamodb:{action}", TABLE, named)


def test_no_function_makes_a_call_that_its_role_does_not_allow() -> None:
    assert missing() == []


def test_no_role_allows_what_its_function_does_not_do() -> None:
    assert unused() == []


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_every_function_with_calls_is_recorded(deployment: str) -> None:
    silent = [
        name
        for name, found in comparisons(deployment).items()
        if not any(each.origin == "code" for each in found.accesses)
    ]

    assert silent == []
    assert "intake.api" in table(deployment)


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_a_role_publishes_only_what_it_names(deployment: str) -> None:
    for name, found in comparisons(deployment).items():
        for each in found.role.statements:
            if "events:PutEvents" in each["Action"]:
                assert set(each["Condition"]["ForAllValues:StringEquals"]) == {"events:source", "events:detail-type"}, (
                    name
                )


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_no_role_changes_or_deletes_a_record_of_the_trail(deployment: str) -> None:
    """IAM cannot refuse to write one again: the code's condition does, and `trail verify` shows it."""
    region, parameters = DEPLOYMENTS[deployment]
    table = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/{PREFIX}-operations"
    record = {"dynamodb:LeadingKeys": frozenset({"ACTIONS#3"})}
    able = {
        (name, action)
        for name, function in Stack(region, parameters).functions.items()
        for action in ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLUpdate", "PartiQLDelete")
        if any(allows(each, Access(f"dynamodb:{action}", table, record)) for each in function.role.statements)
    }
    assert able == {(name, "PutItem") for name in ("accounts.api", "intake.appeals", "operations.api", "privacy.api")}


def test_a_call_without_permission_is_missing() -> None:
    found = Comparison(Role("f", [statement()]), [access("DeleteItem")])

    assert [each.action for each in found.missing()] == ["dynamodb:DeleteItem"]


def test_an_action_without_a_call_is_unused() -> None:
    found = Comparison(Role("f", [statement()]), [access()])

    assert found.unused() == [f"dynamodb:PutItem on {TABLE}"]


def test_a_value_of_a_condition_without_a_call_is_unused() -> None:
    condition = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["A#*", "B"]}}
    role = Role("f", [statement(Action="dynamodb:GetItem", Condition=condition)])

    assert Comparison(role, [access(LeadingKeys={"A#1"})]).unused() == ["dynamodb:GetItem with dynamodb:LeadingKeys B"]


def test_a_condition_refuses_other_keys() -> None:
    limited = statement(Condition={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["A#*"]}})

    assert allows(limited, access(LeadingKeys={"A#1"}))
    assert not allows(limited, access(LeadingKeys={"A#1", "B"}))


def test_a_read_of_all_attributes_is_refused_where_they_are_limited() -> None:
    limited = statement(
        Condition={
            "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "status"]},
            "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
        }
    )

    assert allows(limited, access(Attributes={"pk", "status"}, Select={"SPECIFIC_ATTRIBUTES"}))
    assert not allows(limited, access(Attributes={"pk"}, Select={"ALL_ATTRIBUTES"}))
    assert not allows(limited, access(Attributes={"pk", "prompt"}, Select={"SPECIFIC_ATTRIBUTES"}))
