"""The packaged template refuses a wrong deployment before it creates anything."""

import pytest
from botocore.exceptions import ClientError

from local.deploy import BUCKET, CAPABILITIES
from tests.support.system import System

ON_EMULATOR = {"ArchiveDays": "0", "CompositeAlarms": "off"}
"""The emulator refuses a template with resources of unknown types before it looks at the rules."""


def refusal(stack: System, **parameters: str) -> str:
    """Ask for a change set of a new stack, and return why it is refused; empty if it is not."""
    cloudformation = stack.client("cloudformation")
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
    try:
        cloudformation.create_change_set(
            StackName="refused",
            ChangeSetName="refused",
            ChangeSetType="CREATE",
            TemplateURL=f"{stack.stack.emulator.url}/{BUCKET}/root.template",
            Capabilities=CAPABILITIES,
            Parameters=given,
        )
        done = stack.wait_until(
            lambda: (
                found
                if (found := cloudformation.describe_change_set(StackName="refused", ChangeSetName="refused"))["Status"]
                in {"FAILED", "CREATE_COMPLETE"}
                else None
            ),
            what="the change set",
        )
    except ClientError as error:
        return str(error)
    cloudformation.delete_stack(StackName="refused")
    return str(done.get("StatusReason", "")) if done["Status"] == "FAILED" else ""


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "AlarmEmail"),
        ({"AlarmEmail": "ops@example.com", "DailyBudgetUsd": "0"}, "DailyBudgetUsd"),
        ({"AlarmEmail": "ops@example.com", "DailyBudgetUsd": "5", "DataRetention": "Delete"}, "DataRetention"),
        ({"AlarmEmail": "ops@example.com", "DailyBudgetUsd": "5"}, "MonthlyBudgetUsd"),
    ],
)
def test_prod_needs_alarms_budgets_and_its_data(stack: System, given: dict[str, str], missing: str) -> None:
    assert f"Set {missing}" in refusal(stack, Environment="prod", **ON_EMULATOR, **given)


def test_an_environment_with_a_hyphen_is_refused(stack: System) -> None:
    assert "must have 2 to 12 lower-case letters or digits" in refusal(stack, Environment="prod-eu", **ON_EMULATOR)


def test_other_environments_need_nothing(stack: System) -> None:
    assert refusal(stack, Environment="staging", **ON_EMULATOR) == ""
