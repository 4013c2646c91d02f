"""What `account check` finds in an account that lacks one thing."""

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.account.checks import CONCURRENCY, PERMISSIONS, check
from cli.account.deployment import Account, Deployment, Finding, defaults
from events.model_catalog import ModelCatalog, model_catalog
from tests.support import templates

CORE = "stability.stable-image-core-v1:1"
CLAUDE = "anthropic.claude-haiku-5-5"
TOPIC = "arn:aws:sns:us-west-2:123456789012:genai-images-prod-alarms"
GRANTED = {
    "agreementAvailability": {"status": "AVAILABLE"},
    "authorizationStatus": "AUTHORIZED",
    "entitlementAvailability": "AVAILABLE",
    "regionAvailability": "AVAILABLE",
}
QUOTAS = [
    {"QuotaName": "Cross-region model inference tokens per minute for Anthropic Claude Haiku 5.5", "Value": 50000.0},
    {"QuotaName": "On-demand model inference requests per minute for Stability.ai Stable Image Core", "Value": 90.0},
]
COMPLETE: Mapping[str, Any] = {
    "GetInferenceProfile": {"models": [{"modelArn": f"arn:aws:bedrock:us-east-2::foundation-model/{CLAUDE}"}]},
    "GetFoundationModelAvailability": GRANTED,
    "GetUseCaseForModelAccess": {"formData": b"{}"},
    "GetFoundationModel": {"modelDetails": {"modelName": "Claude Haiku 5.5"}},
    "GetAccountSettings": {"AccountLimit": {"ConcurrentExecutions": 1000}},
    "ListServiceQuotas": {"Quotas": QUOTAS},
    "ListDistributions": {"DistributionList": {"Items": [{"Id": "E1"}]}},
    "ListSubscriptionsByTopic": {
        "Subscriptions": [{"Endpoint": "ops@example.com", "SubscriptionArn": f"{TOPIC}:1", "Protocol": "email"}]
    },
    "ListCostAllocationTags": {"CostAllocationTags": [{"TagKey": "project", "Status": "Active"}]},
}
"""An account that has everything, by operation."""


def refused(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


class FakeClient:
    """Answers operations with prepared responses, or raises prepared errors."""

    def __init__(self, service: str, answers: Mapping[str, Any], called: set[str]) -> None:
        self._service = service
        self._answers = answers
        self._called = called

    def __getattr__(self, method: str) -> Any:
        operation = "".join(word.capitalize() for word in method.split("_"))

        def call(**arguments: Any) -> Any:
            self._called.add(f"{self._service.replace('-', '')}:{operation}")
            answer = self._answers[operation]
            answer = answer(**arguments) if callable(answer) else answer
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call

    def get_paginator(self, method: str) -> Any:
        client = self

        class Pages:
            def paginate(self, **arguments: Any) -> list[Any]:
                return [getattr(client, method)(**arguments)]

        return Pages()


def findings(
    catalog: ModelCatalog | None = None, *, parameters: Mapping[str, str] | None = None, **answers: Any
) -> dict[str, Finding]:
    """Check a deployed prod stack in us-west-2; ``answers`` replace those of the complete account."""
    catalog = catalog or model_catalog()
    prod = {"AlarmEmail": "ops@example.com", "MonthlyBudgetUsd": "100"}
    deployed = Deployment(True, {**defaults(catalog), **prod, **(parameters or {})}, TOPIC)
    called: set[str] = set()

    def client(service: str, region: str) -> Any:
        return FakeClient(service, {**COMPLETE, **answers}, called)

    account = Account(client, lambda service: ["us-west-2"], "us-west-2")
    found = check(account, deployed, catalog)
    assert called <= {*PERMISSIONS, "cloudformation:DescribeStacks"}, "document the permission"
    return {finding.subject: finding for finding in found}


def only_missing(found: Mapping[str, Finding]) -> Finding:
    """Return the only finding that is missing."""
    (finding,) = [each for each in found.values() if each.state == "missing"]
    assert finding.fix, "say how to get it"
    return finding


def test_a_complete_account_misses_nothing() -> None:
    found = findings()

    assert {finding.state for finding in found.values()} == {"ok"}
    assert not any(finding.fix for finding in found.values())


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"agreementAvailability": {"status": "NOT_AVAILABLE"}}, "has not accepted the model's agreement"),
        ({"entitlementAvailability": "NOT_AVAILABLE"}, "has not accepted the model's agreement"),
        ({"agreementAvailability": {"status": "PENDING"}}, "is being created"),
        ({"authorizationStatus": "NOT_AUTHORIZED"}, "not authorized"),
        ({"regionAvailability": "NOT_AVAILABLE"}, "does not offer it in this region"),
    ],
)
@pytest.mark.parametrize("model", [CORE, CLAUDE])
def test_the_default_models_need_access(model: str, change: Mapping[str, Any], detail: str) -> None:
    def availability(modelId: str) -> Any:
        return {**GRANTED, **change} if modelId == model else GRANTED

    finding = only_missing(findings(GetFoundationModelAvailability=availability))

    assert finding.subject == f"{model} in us-west-2"
    assert detail in finding.detail


def test_other_image_models_are_optional() -> None:
    def availability(modelId: str) -> Any:
        return GRANTED if modelId in {CORE, CLAUDE} else {**GRANTED, "entitlementAvailability": "NOT_AVAILABLE"}

    found = findings(GetFoundationModelAvailability=availability)

    assert found["stability.stable-image-ultra-v1:1 in us-west-2"].state == "optional"
    assert not [each for each in found.values() if each.state == "missing"]


def test_a_profile_of_another_region_is_missing() -> None:
    gone = refused("ResourceNotFoundException", "GetInferenceProfile")
    finding = only_missing(findings(GetInferenceProfile=gone))

    assert finding.subject == f"us.{CLAUDE} in us-west-2"
    assert "ModerationModelArns" in finding.fix


def test_claude_needs_the_use_case_form() -> None:
    none = refused("ResourceNotFoundException", "GetUseCaseForModelAccess")
    assert only_missing(findings(GetUseCaseForModelAccess=none)).subject == "Anthropic's use-case form"

    other = findings(GetUseCaseForModelAccess=none, parameters={"ModerationModelId": "us.amazon.nova-lite-v1:0"})
    assert "Anthropic's use-case form" not in other


def test_the_lambda_quota_of_a_new_account_is_too_low() -> None:
    finding = only_missing(findings(GetAccountSettings={"AccountLimit": {"ConcurrentExecutions": 10}}))

    assert finding.detail.startswith("10 concurrent executions")
    assert "L-B99A9384" in finding.fix


def test_the_needed_concurrency_covers_all_consumers() -> None:
    consumers = sum(
        mapping.properties["ScalingConfig"]["MaximumConcurrency"]
        for mapping in templates.resources("AWS::Lambda::EventSourceMapping")
        if "ScalingConfig" in mapping.properties
    )

    assert consumers < CONCURRENCY


def test_a_quota_of_zero_is_missing() -> None:
    zero = [QUOTAS[0], {**QUOTAS[1], "Value": 0.0}]
    assert (
        only_missing(findings(ListServiceQuotas={"Quotas": zero})).subject == "Quotas of Stable Image Core in us-west-2"
    )

    unlisted = findings(ListServiceQuotas={"Quotas": QUOTAS[:1]})
    assert unlisted["Quotas of Stable Image Core in us-west-2"].state == "unknown"


def test_the_image_check_needs_rekognition_in_the_region() -> None:
    catalog = model_catalog()
    for image_check, expected in (("on", ["missing"]), ("off", [])):
        deployed = Deployment(True, {**defaults(catalog), "ImageCheck": image_check}, TOPIC)
        account = Account(lambda s, r: FakeClient(s, COMPLETE, set()), lambda service: ["eu-west-1"], "us-west-2")
        found = check(account, deployed, catalog)

        assert [each.state for each in found if each.subject.startswith("Rekognition")] == expected


SCREENS_IMAGES: Mapping[str, Any] = {"contentPolicy": {"filters": [{"inputModalities": ["TEXT", "IMAGE"]}]}}


@pytest.mark.parametrize(
    ("answer", "state", "detail"),
    [
        (SCREENS_IMAGES, "ok", "texts and images"),
        ({"contentPolicy": {"filters": [{"inputModalities": ["TEXT"]}]}}, "missing", "None of its content filters"),
        ({}, "missing", "None of its content filters"),
        (
            {**SCREENS_IMAGES, "crossRegionDetails": {"guardrailProfileId": "us.guardrail.v1:0"}},
            "missing",
            "cross-Region",
        ),
        (refused("ResourceNotFoundException", "GetGuardrail"), "missing", "no such version"),
    ],
)
def test_a_guardrail_must_exist_and_screen_images(answer: Any, state: str, detail: str) -> None:
    found = findings(GetGuardrail=answer, parameters={"GuardrailId": "a1b2c3", "GuardrailVersion": "3"})
    finding = found["Guardrail a1b2c3:3 in us-west-2"]

    assert (finding.state, bool(finding.fix)) == (state, state == "missing")
    assert detail in finding.detail


def test_a_refused_look_at_the_guardrail_is_unknown() -> None:
    denied = refused("AccessDeniedException", "GetGuardrail")
    found = findings(GetGuardrail=denied, parameters={"GuardrailId": "a1b2c3", "GuardrailVersion": "3"})

    assert found["Guardrail"].state == "unknown"


def test_nobody_can_tell_whether_a_new_account_may_use_cloudfront() -> None:
    none: Any = {"DistributionList": {"Quantity": 0}}

    assert findings(ListDistributions=none)["CloudFront"].state == "unknown"
    assert "CloudFront" not in findings(ListDistributions=none, parameters={"Cdn": "off"})


def test_an_unconfirmed_subscription_is_missing() -> None:
    pending = {"Subscriptions": [{"Endpoint": "ops@example.com", "SubscriptionArn": "PendingConfirmation"}]}

    assert only_missing(findings(ListSubscriptionsByTopic=pending)).subject == "Alarm e-mail"
    assert findings(parameters={"AlarmEmail": ""})["Alarm e-mail"].state == "optional"


def test_a_monthly_budget_needs_the_cost_allocation_tag() -> None:
    inactive: Any = {"CostAllocationTags": [{"TagKey": "project", "Status": "Inactive"}]}

    assert only_missing(findings(ListCostAllocationTags=inactive)).subject == "Cost allocation tag"
    without = findings(ListCostAllocationTags=inactive, parameters={"MonthlyBudgetUsd": "0"})
    assert without["Cost allocation tag"].state == "optional"


def test_a_refused_call_is_unknown_and_the_other_checks_go_on() -> None:
    found = findings(GetAccountSettings=refused("AccessDeniedException", "GetAccountSettings"))

    assert found["Lambda concurrency"].state == "unknown"
    assert found["Lambda concurrency"].detail == "AWS refused GetAccountSettings: AccessDeniedException."
    assert found["Cost allocation tag"].state == "ok"


def test_the_assumed_parameters_are_the_templates_defaults() -> None:
    declared = templates.root_template()["Parameters"]

    for name, value in defaults(model_catalog()).items():
        assert str(declared[name]["Default"]) == value
