"""Checking a prompt without generating an image: limits per key, and errors of a layer."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from events.catalog.prompt_checked import PromptChecked
from events.envelope import Event
from kit.callers import Caller
from kit.legacy_api import render_failure
from kit.problems import ApiProblem, field_error
from kit.telemetry import begin_call
from services.moderation.checks import CheckAllowance, NoChecksLeftError, PromptChecks, ScreeningUnavailableError
from services.moderation.models import Finding, Hit, PromptVerdict
from services.moderation.policy import load_policy
from services.moderation.prices import prompt_check_usd
from services.moderation.routes import CHECK_PROMPT, LEGACY_CHECK_PROMPT
from services.moderation.schemas import Check, KeywordHit
from services.moderation.service import PromptLayers
from tests.support.clock import FakeClock
from tests.support.http import CALL_ID, http_event
from tests.unit.moderation.fakes import InMemoryCheckCounts, InMemoryVerdicts, ScriptedClaude, ScriptedKeywords

WINDOW = 900
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)  # the start of a window of 15 minutes
GROWING = "\ufdfa" * 10_000  # 30 kB of UTF-8, 180,000 characters after normalisation
THROTTLED = ClientError({"Error": {"Code": "ThrottlingException"}}, "Converse")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


def checks(
    clock: FakeClock,
    claude: ScriptedClaude,
    hit: Hit | None = None,
    verdicts: InMemoryVerdicts[PromptVerdict] | None = None,
    published: list[Event] | None = None,
) -> PromptChecks:
    policy = load_policy().model_copy(update={"version": "v7"})
    layers = PromptLayers(policy, [ScriptedKeywords(hit), claude], clock)
    sink = [] if published is None else published
    return PromptChecks(layers, InMemoryCheckCounts(), sink.extend, clock)


def check(checks: PromptChecks, key_id: str = "k-1", limit: int = 2) -> tuple[PromptVerdict, CheckAllowance]:
    return checks.check(Caller("ada", key_id, frozenset(), limit, WINDOW), "a lighthouse", "fog")


def test_a_check_by_claude_is_published_with_its_price(clock: FakeClock) -> None:
    published: list[Event] = []
    asked = checks(clock, ScriptedClaude(), published=published)
    check(asked)
    check(asked)
    first, second = published
    assert isinstance(first, PromptChecked)
    assert (first.metadata.owner, first.data.moderation_usd) == ("ada", prompt_check_usd(["a lighthouse", "fog"]))
    assert first.metadata.event_id != second.metadata.event_id

    check(checks(clock, ScriptedClaude(), Hit(category="violence", field="prompt", strength="block"), None, published))
    assert len(published) == 2, "a keyword costs nothing"


def test_a_harmless_prompt_is_allowed_and_not_recorded(clock: FakeClock) -> None:
    verdicts: InMemoryVerdicts[PromptVerdict] = InMemoryVerdicts()
    claude = ScriptedClaude()
    verdict, _ = check(checks(clock, claude, verdicts=verdicts))

    assert Check.of(verdict) == Check(allowed=True, layer="claude", policy_version="v7")
    assert claude.calls == [{"prompt": "a lighthouse", "negative_prompt": "fog"}]
    assert (verdicts.verdicts, verdicts.reads) == ({}, 0)


def test_a_prompt_blocked_by_a_keyword_is_not_sent_to_claude(clock: FakeClock) -> None:
    claude = ScriptedClaude()
    hit = Hit(category="violence", field="prompt", strength="block")
    verdict, _ = check(checks(clock, claude, hit))

    expected = Check(
        allowed=False,
        layer="keywords",
        category="violence",
        field="prompt",
        hit=KeywordHit(category="violence", field="prompt", strength="block"),
        policy_version="v7",
    )
    assert Check.of(verdict) == expected
    assert claude.calls == []


def test_each_key_has_its_own_number_of_checks_per_window(clock: FakeClock) -> None:
    claude = ScriptedClaude()
    service = checks(clock, claude)
    clock.time = NOON.replace(minute=5)

    assert check(service)[1] == CheckAllowance(limit=2, window=WINDOW, left=1, resets_in=600)
    assert check(service)[1].left == 0
    with pytest.raises(NoChecksLeftError) as caught:
        check(service)
    assert caught.value.allowance == CheckAllowance(limit=2, window=WINDOW, left=0, resets_in=600)
    assert len(claude.calls) == 2
    assert check(service, "k-2")[1].left == 1


def test_the_next_window_starts_with_the_full_allowance(clock: FakeClock) -> None:
    service = checks(clock, ScriptedClaude())
    check(service)
    check(service)
    clock.time = NOON.replace(minute=15)
    assert check(service)[1] == CheckAllowance(limit=2, window=WINDOW, left=1, resets_in=WINDOW)


@pytest.mark.parametrize("error", [THROTTLED, ReadTimeoutError(endpoint_url="https://bedrock"), ConnectionError()])
def test_an_unavailable_layer_does_not_allow_a_prompt(clock: FakeClock, error: Exception) -> None:
    with pytest.raises(ScreeningUnavailableError):
        check(checks(clock, ScriptedClaude(error)))


@pytest.mark.parametrize("error", [THROTTLED, KeyError("stopReason")])
def test_a_failed_check_counts_because_it_may_have_been_paid_for(clock: FakeClock, error: Exception) -> None:
    service = checks(clock, ScriptedClaude(error, None))
    with pytest.raises((ScreeningUnavailableError, KeyError)):
        check(service)
    assert check(service)[1].left == 0


@pytest.mark.parametrize("reason", ["category_blocked", "screening_refused", "text_not_accepted"])
def test_a_fifth_of_the_checks_may_be_blocked(clock: FakeClock, reason: Any) -> None:
    claude = ScriptedClaude(Finding(category="violence", field="prompt", reason=reason))
    service = checks(clock, claude)
    for _ in range(20):
        check(service, limit=100)
    with pytest.raises(NoChecksLeftError) as caught:
        check(service, limit=100)
    assert caught.value.code == "too_many_blocked"
    assert len(claude.calls) == 20
    assert check(service, "k-2", limit=100)

    clock.time = NOON.replace(minute=15)
    assert check(service, limit=100)[1].left == 99


def test_a_check_that_a_word_alone_blocks_does_not_count_as_blocked(clock: FakeClock) -> None:
    service = checks(clock, ScriptedClaude(), Hit(category="violence", field="prompt", strength="block"))
    for left in reversed(range(30)):
        assert check(service, limit=30)[1].left == left


def test_a_text_that_grows_when_it_is_normalised_reaches_no_layer(clock: FakeClock) -> None:
    claude = ScriptedClaude()
    service = checks(clock, claude)
    verdict, _ = service.check(Caller("ada", "k-1", frozenset(), 9, WINDOW), "a fox", GROWING)
    assert verdict.layers == ["limits"]
    assert verdict.finding == Finding(category="unclassified", field="negative_prompt", reason="text_too_long")
    assert claude.calls == []


def test_the_legacy_route_returns_errors_in_its_own_envelope() -> None:
    problem = ApiProblem(
        "validation_failed",
        "No",
        errors=[field_error("prompt", "must not be blank")],
        headers={"Retry-After": "9"},
    )
    begin_call(http_event("POST", "/api/moderation/check"))
    response = render_failure(problem)

    assert (response.status_code, response.headers["Retry-After"]) == (422, "9")
    assert response.body == (
        '{"success":false,"message":"No","errors":[{"field":"prompt","rule":"must not be blank"}],'
        f'"call_id":"{CALL_ID}"}}'
    )


def test_both_routes_need_the_scope_of_creating_requests() -> None:
    assert CHECK_PROMPT.scope == LEGACY_CHECK_PROMPT.scope == "requests:write"
