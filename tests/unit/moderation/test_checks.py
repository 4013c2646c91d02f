"""Checking a prompt without drawing it: a key has so many checks, and what could not be screened is not allowed."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from kit.http_api import ApiProblem, field_error
from kit.legacy_api import tell_failure
from services.moderation.checks import Allowance, PromptChecks, SpentError, UnscreenedError
from services.moderation.routes import CHECK_PROMPT, LEGACY_CHECK_PROMPT
from services.moderation.service import Finding, PromptModeration, PromptVerdict
from services.moderation.views import Check
from tests.unit.moderation.fakes import InMemoryChecks, InMemoryVerdicts, ScriptedLayer

WINDOW = 900
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)  # a window of 15 minutes begins
VIOLENCE = Finding(category="violence", field="prompt", reason="category_blocked")
THROTTLED = ClientError({"Error": {"Code": "ThrottlingException"}}, "Converse")


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def checks(
    clock: Clock, *layers: ScriptedLayer, verdicts: InMemoryVerdicts[PromptVerdict] | None = None
) -> PromptChecks:
    moderation = PromptModeration("v7", layers, verdicts or InMemoryVerdicts(), clock)
    return PromptChecks(moderation, InMemoryChecks(), clock)


def check(checks: PromptChecks, key_id: str = "k-1", limit: int = 2) -> tuple[PromptVerdict, Allowance]:
    return checks.check(key_id, limit, WINDOW, "a lighthouse", "fog")


def test_a_harmless_prompt_is_allowed_by_the_last_layer_and_nothing_is_recorded(clock: Clock) -> None:
    verdicts: InMemoryVerdicts[PromptVerdict] = InMemoryVerdicts()
    keywords, claude = ScriptedLayer("keywords"), ScriptedLayer("claude")
    verdict, _ = check(checks(clock, keywords, claude, verdicts=verdicts))

    assert Check.of(verdict) == Check(allowed=True, layer="claude", policy_version="v7")
    assert claude.asked == [{"prompt": "a lighthouse", "negative_prompt": "fog"}]
    assert (verdicts.verdicts, verdicts.reads) == ({}, 0)


def test_a_blocked_prompt_is_told_with_layer_category_and_field_and_claude_is_not_asked(clock: Clock) -> None:
    claude = ScriptedLayer("claude")
    verdict, _ = check(checks(clock, ScriptedLayer("keywords", VIOLENCE), claude))

    told = Check(allowed=False, layer="keywords", category="violence", field="prompt", policy_version="v7")
    assert Check.of(verdict) == told
    assert claude.asked == []


def test_a_key_has_so_many_checks_in_a_window_and_another_key_its_own(clock: Clock) -> None:
    claude = ScriptedLayer("claude")
    sut = checks(clock, claude)
    clock.now = NOON.replace(minute=5)

    assert check(sut)[1] == Allowance(limit=2, window=WINDOW, left=1, resets_in=600)
    assert check(sut)[1].left == 0
    with pytest.raises(SpentError) as spent:
        check(sut)
    assert spent.value.allowance == Allowance(limit=2, window=WINDOW, left=0, resets_in=600)
    assert len(claude.asked) == 2
    assert check(sut, "k-2")[1].left == 1


def test_the_next_window_begins_with_all_of_it(clock: Clock) -> None:
    sut = checks(clock, ScriptedLayer("claude"))
    check(sut)
    check(sut)
    clock.now = NOON.replace(minute=15)
    assert check(sut)[1] == Allowance(limit=2, window=WINDOW, left=1, resets_in=WINDOW)


@pytest.mark.parametrize("error", [THROTTLED, ReadTimeoutError(endpoint_url="https://bedrock"), ConnectionError()])
def test_what_could_not_be_screened_is_not_allowed_and_not_counted(clock: Clock, error: Exception) -> None:
    sut = checks(clock, ScriptedLayer("claude", error, None))
    with pytest.raises(UnscreenedError):
        check(sut)
    assert check(sut)[1].left == 1


def test_a_bug_in_a_layer_is_no_outage_and_not_counted_either(clock: Clock) -> None:
    sut = checks(clock, ScriptedLayer("claude", KeyError("stopReason"), None))
    with pytest.raises(KeyError):
        check(sut)
    assert check(sut)[1].left == 1


def test_the_old_name_tells_failures_in_its_own_envelope_with_status_and_headers() -> None:
    problem = ApiProblem(
        422,
        "validation_failed",
        "No",
        errors=[field_error("prompt", "must not be blank")],
        headers={"Retry-After": "9"},
    )
    answer = tell_failure(problem)

    assert (answer.status_code, answer.headers["Retry-After"]) == (422, "9")
    assert answer.body == ('{"success":false,"message":"No","errors":[{"field":"prompt","rule":"must not be blank"}]}')


def test_both_names_need_the_scope_that_drawing_needs() -> None:
    assert CHECK_PROMPT.scope == LEGACY_CHECK_PROMPT.scope == "requests:write"
