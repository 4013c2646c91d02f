"""`moderation replay`: planted prompts in the archive, of which one policy blocks some and the other does not."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli.__main__ import main
from cli.options import FAILED, OK
from events.catalog.image_requested import ImageRequested, ImageRequestedData
from kit.sealing import OwnerKeyTable, Sealer
from kit.trail_table import TrailTable
from services.analytics.repository.lake import EventLake
from services.moderation.keywords import KeywordFilter
from services.moderation.models import Finding, PromptVerdict
from services.moderation.policy import load_policy
from services.moderation.repository import VerdictTable
from tests.support.events import sample
from tests.support.sealing import create_owner_keys

PREFIX = "genai-images-test"
LIVE, CANDIDATE = load_policy("default"), load_policy("candidate")
NOW = datetime.now(UTC)
MEADOW, STREET, SLOGAN = "a meadow at dawn", "a stall where they sell fentanyl", "graffiti: hitler was right"


class Installation:
    """What a replay reads: the archive, the verdicts, the keys of owners."""

    def __init__(self, template: Any) -> None:
        self.dynamodb: Any = boto3.client("dynamodb")
        self.bucket = f"{PREFIX}-analytics-123456789012-us-east-1"
        boto3.client("s3").create_bucket(Bucket=self.bucket)
        for name, service, resource in (
            ("moderation-verdicts", "moderation", "Verdicts"),
            ("operations", "operations", "Operations"),
        ):
            properties = template(service)["Resources"][resource]["Properties"]
            kept = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
            shape = {each: properties[each] for each in kept if each in properties}
            self.dynamodb.create_table(TableName=f"{PREFIX}-{name}", **shape)
        create_owner_keys(self.dynamodb, f"{PREFIX}-owner-keys")
        self.sealer = Sealer(OwnerKeyTable(self.dynamodb, f"{PREFIX}-owner-keys"))
        self.verdicts = VerdictTable(self.dynamodb, f"{PREFIX}-moderation-verdicts", PromptVerdict)
        self.events: list[ImageRequested] = []
        self.trail = TrailTable(self.dynamodb, f"{PREFIX}-operations")

    def request(self, prompt: str, *, owner: str = "o-1", ago: timedelta = timedelta(), opted_out: bool = False) -> str:
        """Archive a request and record its verdict, as the deployed policy decides. Return the request's id."""
        number = len(self.dynamodb.scan(TableName=f"{PREFIX}-moderation-verdicts")["Items"])
        request_id = f"00000000-0000-7000-8000-{number:012}"
        parameters = {"prompt": self.sealer.seal(owner, prompt), "negative_prompt": None}
        event = ImageRequested.first(
            request_id,
            owner,
            ImageRequestedData(parameters=sample_parameters().model_copy(update=parameters)),
            occurred_at=NOW - ago,
            analytics_opt_out=opted_out,
        )
        self.events.append(event)
        EventLake(boto3.client("s3"), self.bucket).append(self.events[-2:])  # batches may overlap
        hit = KeywordFilter(LIVE).find({"prompt": prompt})
        blocks = hit is not None and hit.strength == "block"
        finding = Finding(category=hit.category, field="prompt", reason="category_blocked") if hit and blocks else None
        layers = ["keywords"] if blocks else ["keywords", "claude"]
        self.verdicts.record(
            event.metadata.event_id,
            PromptVerdict(policy_version=LIVE.version, decided_at=NOW - ago, layers=layers, finding=finding, hit=hit),
        )
        return request_id


def sample_parameters() -> Any:
    event: Any = sample("ImageRequested")
    return event.data.parameters


@pytest.fixture
def installation(aws_test_environment: None, service_template: Any) -> Iterator[Installation]:
    with mock_aws():
        yield Installation(service_template)


def replay(*arguments: str) -> int:
    return main(["moderation", "replay", "--prefix", PREFIX, "--policy", *(arguments or ("candidate",))])


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert replay("candidate", *arguments, "--output", "json") == OK
    return json.loads(capsys.readouterr().out)


def test_the_report_has_what_the_candidate_blocks_and_asks(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.request(MEADOW)
    sold = [installation.request(STREET, ago=timedelta(hours=hours)) for hours in (30, 3, 60)]
    slogan = installation.request(SLOGAN, owner="o-2")
    installation.request(STREET, ago=timedelta(days=9))

    found = report(capsys)
    rows = [(row["change"], row["category"], row["count"], row["samples"]) for row in found["changes"]]
    assert rows == [
        ("newly_asked", "hate", 1, [slogan]),
        ("newly_blocked", "illegal", 3, [sold[1], sold[0], sold[2]]),
    ]
    versions = {(row["policy_version"], row["shadow_version"]) for row in found["changes"]}
    assert versions == {(LIVE.version, CANDIDATE.version)}
    assert found["requests"] == {"evaluated": 5}
    assert (found["complete"], found["other_version"], found["samples"]) == (True, 0, [])
    assert report(capsys, "--days", "11")["requests"] == {"evaluated": 6}


def test_prompts_of_erased_and_opted_out_owners_are_only_counted(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.request(STREET, owner="o-erased")
    installation.request(STREET, owner="o-out", opted_out=True)
    installation.sealer.destroy("o-erased", NOW)
    found = report(capsys, "--samples", "3")
    assert (found["requests"], found["changes"], found["samples"]) == ({"unreadable": 1, "opted_out": 1}, [], [])


def test_prompts_are_shown_only_on_request_and_the_trail_says_whose(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    street, _ = installation.request(STREET), installation.request(MEADOW)
    assert replay() == OK
    shown = capsys.readouterr().out
    assert STREET not in shown
    assert all(text in shown for text in ("newly blocked", "illegal", street, "2  evaluated", "Claude was not asked"))
    (action,) = installation.trail.latest(9)
    assert (action.verb, action.outcome) == ("replay policy", {"evaluated": 2})
    assert action.about["policy"] == CANDIDATE.version

    assert replay("candidate", "--samples", "1", "--operator", "ada") == OK
    shown = capsys.readouterr().out
    assert f"prompt: {STREET}" in shown
    assert MEADOW not in shown
    reading = installation.trail.latest(9)[0]
    assert (reading.verb, reading.operator, reading.request_ids) == ("read prompts", "ada", [street])
    assert STREET not in json.dumps([each.to_dict() for each in installation.trail.latest(9)])


def test_no_prompt_is_read_if_the_trail_cannot_be_written(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    installation.request(STREET)
    installation.dynamodb.delete_table(TableName=f"{PREFIX}-operations")
    assert replay("candidate", "--samples", "1") == FAILED
    assert STREET not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nonsense",), "there is no policies/nonsense.json; use one of: candidate, default"),
        (("default",), f"--policy default has the content of {LIVE.version}, which decides now"),
        (("candidate", "--days", "2"), "The archive of events has no request from"),
    ],
)
def test_an_error_says_what_is_wrong(
    installation: Installation, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    installation.request(STREET, ago=timedelta(days=5))
    assert replay(*arguments) == FAILED
    assert message in capsys.readouterr().err


def test_an_empty_difference_is_said(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    installation.request(MEADOW)
    assert replay() == OK
    assert f"{CANDIDATE.version} would change nothing." in capsys.readouterr().out
