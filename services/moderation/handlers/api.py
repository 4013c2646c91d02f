"""The HTTP API: check a prompt without generating an image, and report on the shadow policy."""

from collections.abc import Mapping
from typing import Final

import boto3
from aws_lambda_powertools.event_handler import Response
from botocore.config import Config

from kit.clock import SystemClock
from kit.http_api import HttpApi, json_response
from kit.legacy_api import render_failure
from kit.problems import ApiProblem, field_error, invalid
from kit.publisher import Publisher
from kit.quotas import QUOTA_REFUSALS
from services.moderation.checks import CheckAllowance, NoChecksLeftError, PromptChecks, ScreeningUnavailableError
from services.moderation.gateways import ClaudeLayer
from services.moderation.keywords import KeywordFilter
from services.moderation.policy import load_policy
from services.moderation.repository import CheckCountTable, ShadowChanges
from services.moderation.routes import CHECK_PROMPT, LEGACY_CHECK_PROMPT, SHOW_SHADOW
from services.moderation.schemas import (
    Check,
    LegacyCheck,
    LegacyCheckResponse,
    NewCheck,
    ShadowQuery,
    ShadowReport,
)
from services.moderation.screening import Screening
from services.moderation.service import PromptLayers, TextLayer
from services.moderation.settings import ApiSettings

MAX_BODY: Final = 256 * 1024
"""Bytes: enough for two texts of the maximum length with every character escaped."""
RETRY_AFTER_SECONDS: Final = "5"
CHANGES_MAX: Final = 5000
"""Changes in a report: so many are read within seconds."""

settings = ApiSettings.load()
policy = load_policy(settings.policy).with_guardrail(settings.guardrail)
bedrock = boto3.client(
    "bedrock-runtime",
    # A client waits: one retry, and both attempts end before the gateway's timeout of 30 seconds.
    config=Config(connect_timeout=2, read_timeout=11, retries={"mode": "standard", "total_max_attempts": 2}),
)
dynamodb = boto3.client("dynamodb")
clock = SystemClock()
layers: list[TextLayer] = [
    KeywordFilter(policy),
    ClaudeLayer(bedrock, Screening(policy, settings.moderation_model_id)),
]
if settings.guardrail:
    from services.moderation.guardrail import Guardrail, GuardrailTextLayer, guardrail_client

    layers.append(GuardrailTextLayer(Guardrail(guardrail_client(read_timeout=2), settings.guardrail), policy))
checks = PromptChecks(
    PromptLayers(policy, layers, clock),
    CheckCountTable(dynamodb, settings.table_name),
    Publisher(boto3.client("events"), settings.event_bus_name).publish,
    clock,
)
shadow_changes = ShadowChanges(dynamodb, settings.table_name)
handler = HttpApi(max_body=MAX_BODY)


@handler.serve(CHECK_PROMPT)
def check() -> Response[str]:
    """Return whether images may be generated for a prompt, and if not, why."""
    body = handler.body(NewCheck)
    result, headers = _check(body.prompt, body.negative_prompt)
    return json_response(200, result, headers)


@handler.serve(LEGACY_CHECK_PROMPT, render=render_failure)
def legacy_check() -> Response[str]:
    """Return the same in the envelope of the first version."""
    result, headers = _check(handler.body(LegacyCheck).prompt, None)
    message = "The prompt is allowed." if result.allowed else f"The prompt is not allowed: {result.category}."
    return json_response(200, LegacyCheckResponse(data=result, message=message), headers)


@handler.serve(SHOW_SHADOW)
def show_shadow() -> Response[str]:
    """Return what the shadow policy would change, by category, with ids of requests as samples."""
    days, today = handler.query(ShadowQuery).days, clock.now().date()
    changes = shadow_changes.latest(today, days, CHANGES_MAX + 1)
    return json_response(200, ShadowReport.of(today, days, changes, CHANGES_MAX))


def _check(prompt: str, negative_prompt: str | None) -> tuple[Check, Mapping[str, str]]:
    try:
        verdict, allowance = checks.check(handler.caller, prompt, negative_prompt)
    except NoChecksLeftError as error:
        headers = {**_rate_limit(error.allowance), "Retry-After": str(error.allowance.resets_in)}
        raise ApiProblem(error.code, QUOTA_REFUSALS[error.code], headers=headers) from error
    except ScreeningUnavailableError as error:
        headers = {"Retry-After": RETRY_AFTER_SECONDS}
        detail = "The prompt could not be checked. Try again after the time in Retry-After."
        raise ApiProblem("moderation_unavailable", detail, headers=headers) from error
    if verdict.finding is not None and verdict.finding.reason == "text_not_accepted":
        raise invalid(field_error(verdict.finding.field, "could not be checked; shorten or reword it"))
    return Check.of(verdict), _rate_limit(allowance)


def _rate_limit(allowance: CheckAllowance) -> dict[str, str]:
    return {
        "RateLimit-Policy": f'"moderations";q={allowance.limit};w={allowance.window}',
        "RateLimit": f'"moderations";r={allowance.left};t={allowance.resets_in}',
    }
