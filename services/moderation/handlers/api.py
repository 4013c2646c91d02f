"""HTTP: a prompt is checked without being drawn."""

from collections.abc import Mapping
from typing import Final

import boto3
from aws_lambda_powertools.event_handler import Response
from botocore.config import Config

from kit.http_api import ApiProblem, HttpApi, json_response
from kit.legacy_api import tell_failure
from services.moderation import policy
from services.moderation.adapters import CheckTable, ClaudeLayer, VerdictTable
from services.moderation.checks import Allowance, PromptChecks, SpentError, UnscreenedError
from services.moderation.keywords import KeywordFilter
from services.moderation.routes import CHECK_PROMPT, LEGACY_CHECK_PROMPT
from services.moderation.screening import Screening
from services.moderation.service import PromptModeration, PromptVerdict
from services.moderation.settings import PromptSettings
from services.moderation.views import Check, LegacyAnswer, LegacyCheck, NewCheck

MAX_BODY: Final = 256 * 1024
"""Bytes. Two texts of the longest length, every character escaped, fit in."""
TRY_AGAIN_SECONDS: Final = "5"

settings = PromptSettings.load()
rules = policy.load()
bedrock = boto3.client(
    "bedrock-runtime",
    # Somebody waits: one more try, and both over before the gateway gives up at 30 seconds.
    config=Config(connect_timeout=2, read_timeout=11, retries={"mode": "standard", "total_max_attempts": 2}),
)
dynamodb = boto3.client("dynamodb")
checks = PromptChecks(
    PromptModeration(
        rules.version,
        [KeywordFilter(rules), ClaudeLayer(bedrock, Screening(rules, settings.moderation_model_id))],
        VerdictTable(dynamodb, settings.table_name, PromptVerdict),
    ),
    CheckTable(dynamodb, settings.table_name),
)
handler = HttpApi(max_body=MAX_BODY)


@handler.serve(CHECK_PROMPT)
def check() -> Response[str]:
    """Say whether a prompt may be drawn, and if not, what stands in its way."""
    wanted = handler.body(NewCheck)
    found, headers = _check(wanted.prompt, wanted.negative_prompt)
    return json_response(200, found, headers)


@handler.serve(LEGACY_CHECK_PROMPT, render=tell_failure)
def legacy_check() -> Response[str]:
    """Say the same under the old name."""
    found, headers = _check(handler.body(LegacyCheck).prompt, None)
    message = "The prompt may be drawn" if found.allowed else f"The prompt may not be drawn: {found.category}"
    return json_response(200, LegacyAnswer(data=found, message=message), headers)


def _check(prompt: str, negative_prompt: str | None) -> tuple[Check, Mapping[str, str]]:
    caller = handler.caller
    try:
        verdict, allowance = checks.check(caller.key_id, caller.limit, caller.window, prompt, negative_prompt)
    except SpentError as error:
        spent = error.allowance
        headers = {**_rate_limit(spent), "Retry-After": str(spent.resets_in)}
        raise ApiProblem(429, "rate_limited", "This key has no checks left for now", headers=headers) from error
    except UnscreenedError as error:
        headers = {"Retry-After": TRY_AGAIN_SECONDS}
        raise ApiProblem(503, "moderation_unavailable", "The prompt could not be checked", headers=headers) from error
    return Check.of(verdict), _rate_limit(allowance)


def _rate_limit(allowance: Allowance) -> dict[str, str]:
    return {
        "RateLimit-Policy": f'"moderations";q={allowance.limit};w={allowance.window}',
        "RateLimit": f'"moderations";r={allowance.left};t={allowance.resets_in}',
    }
