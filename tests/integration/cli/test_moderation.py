"""`moderation shadow`: what the shadow policy would change, from the verdicts."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from moto import mock_aws

from cli.__main__ import cli
from services.moderation.models import PromptVerdict, ShadowVerdict
from services.moderation.repository import VerdictTable


@pytest.fixture
def verdicts(aws_test_environment: None, service_template: Any) -> Iterator[VerdictTable[PromptVerdict]]:
    """Return moderation's table, without verdicts."""
    with mock_aws():
        properties = service_template("moderation")["Resources"]["Verdicts"]["Properties"]
        names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        client = boto3.client("dynamodb")
        name = "genai-images-dev-moderation-verdicts"
        client.create_table(TableName=name, **{each: properties[each] for each in names})
        yield VerdictTable(client, name, PromptVerdict)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["moderation", "shadow", *arguments], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.output


def test_the_report_has_changes_and_samples_without_prompts(verdicts: VerdictTable[PromptVerdict]) -> None:
    for number in range(3):
        shadow = ShadowVerdict(
            policy_version="candidate@1", change="newly_blocked", category="sexual", request_id=f"r-{number}"
        )
        verdict = PromptVerdict(
            policy_version="default@1", decided_at=datetime.now(UTC), layers=["keywords", "claude"], shadow=shadow
        )
        verdicts.record(f"e-{number}", verdict)

    (row,) = json.loads(run("--output", "json"))["changes"]
    assert (row["change"], row["category"], row["count"]) == ("newly_blocked", "sexual", 3)
    assert sorted(row["samples"]) == ["r-0", "r-1", "r-2"]
    table = run("--days", "2")
    assert all(text in table for text in ("newly blocked", "sexual", "r-2"))


def test_without_changes_the_report_says_so(verdicts: VerdictTable[PromptVerdict]) -> None:
    assert "nothing would change" in run()
