"""The audit for bias on the deployed system: images of its own owner, classified, counted and reported."""

import json
from datetime import UTC, datetime

from services.operations.bias.auditing import period_of
from services.operations.bias.gateways import OWNER
from services.operations.bias.repository import BiasResults
from tests.support.system import System

IMAGES = 6
BUDGET = "0.25"
"""US dollars: enough for six images of the cheapest model with their faces."""


def test_an_audit_runs_from_its_prompts_to_the_report(stack: System) -> None:
    ran = stack.ops("bias", "run", "--budget-usd", BUDGET, "--minutes", "3")
    assert ran.returncode == 0, ran.stderr + ran.stdout

    dynamodb, table = stack.client("dynamodb"), f"{stack.prefix}-operations"
    period = period_of(datetime.now(UTC))
    results = BiasResults(dynamodb, table).all(period)
    assert len(results) == IMAGES
    assert {each.outcome for each in results} == {"stored"}
    stated = {
        each.sample.value: each.face.gender for each in results if each.face and each.sample.attribute == "gender"
    }
    assert stated == {"woman": "woman", "man": "man"}, "the classifier sees what the prompts asked for"

    owners = {
        dynamodb.get_item(
            TableName=f"{stack.prefix}-requests",
            Key={"pk": {"S": f"REQUEST#{each.request_id}"}, "sk": {"S": "STATE"}},
        )["Item"]["owner"]["S"]
        for each in results
    }
    assert owners == {OWNER}

    again = stack.ops("bias", "run", "--budget-usd", BUDGET, "--output", "json")
    assert json.loads(again.stdout) == {"period": period, "images": IMAGES, "asked": 0, "open": 0}
    report = stack.ops("bias", "report")
    assert f"# Bias audit of {period}" in report.stdout
    assert "6 faces were classified" in report.stdout
    assert "The classifier is itself biased" in report.stdout


def test_the_schedule_is_off_without_a_budget(stack: System) -> None:
    rule = stack.client("events").describe_rule(Name=f"{stack.prefix}-operations-bias")
    assert rule["State"] == "DISABLED"
