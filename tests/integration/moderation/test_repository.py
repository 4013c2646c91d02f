"""One suite for the fakes and for DynamoDB: verdicts and counts of checks."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from kit.errors import TransientError
from services.moderation.checks import CheckCounts
from services.moderation.models import (
    CheckRefusedError,
    Finding,
    Hit,
    ImageVerdict,
    PromptVerdict,
    ShadowVerdict,
    VerdictRepository,
)
from services.moderation.repository import FIND_ATTEMPTS, FIND_MAX, CheckCountTable, ShadowChanges, VerdictTable
from tests.unit.moderation.fakes import InMemoryCheckCounts, InMemoryVerdicts

NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
APPROVED = PromptVerdict(
    policy_version="v1",
    decided_at=NOON,
    layers=["keywords", "claude"],
    hit=Hit(category="violence", field="prompt", strength="review"),
)
REJECTED = PromptVerdict(
    policy_version="v2",
    decided_at=NOON,
    layers=["keywords"],
    finding=Finding(category="violence", field="negative_prompt", reason="category_blocked"),
)


@pytest.fixture(params=["fake", "dynamodb"])
def verdicts(request: pytest.FixtureRequest, table: str) -> VerdictRepository[PromptVerdict]:
    if request.param == "fake":
        return InMemoryVerdicts()
    return VerdictTable(boto3.client("dynamodb"), table, PromptVerdict)


def test_an_unknown_verdict_is_not_found(verdicts: VerdictRepository[PromptVerdict]) -> None:
    assert verdicts.find("e-1") is None


@pytest.mark.parametrize("verdict", [APPROVED, REJECTED])
def test_a_recorded_verdict_is_read_unchanged(
    verdicts: VerdictRepository[PromptVerdict], verdict: PromptVerdict
) -> None:
    assert verdicts.record("e-1", verdict) == verdict
    assert verdicts.find("e-1") == verdict
    assert verdicts.find("e-2") is None


def test_the_first_recorded_verdict_is_kept(verdicts: VerdictRepository[PromptVerdict]) -> None:
    verdicts.record("e-1", REJECTED)
    assert verdicts.record("e-1", APPROVED) == REJECTED
    assert verdicts.find("e-1") == REJECTED


def test_many_verdicts_are_read_by_the_ids_of_their_events(table: str) -> None:
    verdicts = VerdictTable(boto3.client("dynamodb"), table, PromptVerdict)
    for number in range(FIND_MAX):
        verdicts.record(f"e-{number}", REJECTED if number else APPROVED)
    found = verdicts.find_all([f"e-{number}" for number in range(FIND_MAX - 1)] + ["e-unknown"])
    assert found == {f"e-{number}": REJECTED if number else APPROVED for number in range(FIND_MAX - 1)}
    assert verdicts.find_all([]) == {}


def test_throttled_verdicts_are_read_again(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("dynamodb")
    verdicts = VerdictTable(client, table, PromptVerdict)
    verdicts.record("e-1", APPROVED)
    read, pauses = client.batch_get_item, list[float]()
    throttled = [True, True, False]
    monkeypatch.setattr("services.moderation.repository.time.sleep", pauses.append)

    def batch_get_item(**arguments: Any) -> Any:
        return (
            {"Responses": {}, "UnprocessedKeys": arguments["RequestItems"]} if throttled.pop(0) else read(**arguments)
        )

    monkeypatch.setattr(client, "batch_get_item", batch_get_item)
    assert verdicts.find_all(["e-1"]) == {"e-1": APPROVED}
    assert len(pauses) == 2
    throttled += [True] * FIND_ATTEMPTS
    with pytest.raises(TransientError, match="throttled"):
        verdicts.find_all(["e-1"])


def test_a_verdict_about_images_keeps_their_indices(table: str) -> None:
    images = VerdictTable(boto3.client("dynamodb"), table, ImageVerdict)
    verdict = ImageVerdict(
        policy_version="v1", decided_at=NOON, layers=["rekognition"], blocked={0: "sexual", 3: "hate"}
    )
    images.record("e-1", verdict)
    assert images.find("e-1") == verdict


def test_a_verdict_expires_with_its_retention(table: str) -> None:
    VerdictTable(boto3.client("dynamodb"), table, PromptVerdict, timedelta(days=77)).record("e-1", APPROVED)
    item = boto3.client("dynamodb").get_item(TableName=table, Key={"pk": {"S": "e-1"}})["Item"]
    assert int(item["expires_at"]["N"]) == int(NOON.timestamp()) + 77 * 24 * 3600


@pytest.fixture(params=["fake", "dynamodb"])
def counts(request: pytest.FixtureRequest, table: str) -> CheckCounts:
    return InMemoryCheckCounts() if request.param == "fake" else CheckCountTable(boto3.client("dynamodb"), table)


def test_checks_are_counted_up_to_the_limit_per_key_and_window(counts: CheckCounts) -> None:
    assert [counts.add("k-1", "900#0", 2, 5, 99) for _ in range(2)] == [1, 2]
    for _ in range(2):
        with pytest.raises(CheckRefusedError, match="rate_limited"):
            counts.add("k-1", "900#0", 2, 5, 99)
    assert counts.add("k-2", "900#0", 2, 5, 99) == counts.add("k-1", "900#900", 2, 5, 99) == 1


def test_checks_are_refused_after_too_many_blocked_ones(counts: CheckCounts) -> None:
    for _ in range(2):
        counts.add("k-1", "900#0", 9, 2, 99)
        counts.add_blocked("k-1", "900#0")
    with pytest.raises(CheckRefusedError, match="too_many_blocked"):
        counts.add("k-1", "900#0", 9, 2, 99)
    assert counts.add("k-2", "900#0", 9, 2, 99) == 1


def test_a_count_expires_and_has_a_key_that_the_role_may_write(table: str) -> None:
    CheckCountTable(boto3.client("dynamodb"), table).add("k-1", "900#0", 2, 5, 1800)
    (item,) = boto3.client("dynamodb").scan(TableName=table)["Items"]
    assert item == {"pk": {"S": "checks#k-1#900#0"}, "checks": {"N": "1"}, "expires_at": {"N": "1800"}}


def changed(day: int, request_id: str) -> PromptVerdict:
    shadow = ShadowVerdict(
        policy_version="candidate@1", change="newly_blocked", category="violence", request_id=request_id
    )
    return APPROVED.model_copy(update={"decided_at": NOON.replace(day=day), "shadow": shadow})


def test_changes_by_the_shadow_policy_are_found_by_day(table: str) -> None:
    client = boto3.client("dynamodb")
    prompts = VerdictTable(client, table, PromptVerdict)
    for day in (20, 21, 22):
        assert prompts.record(f"e-{day}", changed(day, f"r-{day}")) == changed(day, f"r-{day}")
    prompts.record("e-1", REJECTED)
    same = APPROVED.model_copy(update={"shadow": ShadowVerdict(policy_version="candidate@1")})
    prompts.record("e-2", same)
    image = ImageVerdict(
        policy_version="v1", decided_at=NOON, layers=["rekognition"], blocked={}, shadow=changed(22, "r-9").shadow
    )
    VerdictTable(client, table, ImageVerdict).record("e-3", image)
    changes = ShadowChanges(client, table)

    assert prompts.find("e-2") == same
    found = [(each.subject, each.policy_version, each.shadow.request_id) for each in changes.latest(NOON.date(), 2, 10)]
    assert sorted(found[:2]) == [("images", "v1", "r-9"), ("prompt", "v1", "r-22")]
    assert found[2:] == [("prompt", "v1", "r-21")]
    assert len(changes.latest(NOON.date(), 3, 2)) == 2
    assert changes.latest(NOON.date().replace(day=19), 2, 10) == []
