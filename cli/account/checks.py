"""Check that an AWS account has what the system needs: model access, quotas, region support, confirmed alarms.

Every check is a function that yields findings. One that AWS does not answer is "unknown", and the others go on.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from cli.account.deployment import Account, Deployment, Finding, State
from events.model_catalog import Model, ModelCatalog
from kit.errors import error_code

CONCURRENCY: Final = 100
"""Concurrent executions that the system uses under load: those of all consumers, which a test adds up, and calls."""
TAG: Final = "project"
"""The tag by which the monthly budget filters costs."""
PERMISSIONS: Final = (
    "bedrock:GetFoundationModel",
    "bedrock:GetFoundationModelAvailability",
    "bedrock:GetGuardrail",
    "bedrock:GetInferenceProfile",
    "bedrock:GetUseCaseForModelAccess",
    "ce:ListCostAllocationTags",
    "cloudformation:DescribeStacks",
    "cloudfront:ListDistributions",
    "lambda:GetAccountSettings",
    "servicequotas:ListServiceQuotas",
    "sns:ListSubscriptionsByTopic",
)
"""What an operator needs for all checks."""
BILLING_REGION: Final = "us-east-1"
_PROFILE: Final = re.compile(r"^(us|us-gov|eu|apac|jp|au|global)\.")

Check = Callable[[Account, Deployment, ModelCatalog], Iterator[Finding]]


def check(account: Account, deployed: Deployment, catalog: ModelCatalog) -> list[Finding]:
    """Run all checks."""
    found: list[Finding] = []
    for subject, run in CHECKS.items():
        try:
            found += run(account, deployed, catalog)
        except ClientError as error:
            found.append(Finding(subject, "unknown", f"AWS refused {error.operation_name}: {error_code(error)}."))
        except BotoCoreError as error:
            found.append(Finding(subject, "unknown", str(error)))
    return found


def _moderation(account: Account, deployed: Deployment, catalog: ModelCatalog) -> Iterator[Finding]:
    """Check the profile of the moderation model: whether it can be called from the region of the stack."""
    profile = deployed.get("ModerationModelId")
    bedrock = account.client("bedrock", account.region)
    try:
        answer = bedrock.get_inference_profile(inferenceProfileIdentifier=profile)
    except ClientError as error:
        if error_code(error) not in {"ResourceNotFoundException", "ValidationException"}:
            raise
        yield Finding(
            f"{profile} in {account.region}",
            "missing",
            "The region has no such inference profile.",
            f"aws bedrock list-inference-profiles --region {account.region}, then set ModerationModelId and "
            "ModerationModelArns to one of them, or deploy to another region.",
        )
        return
    routes = sorted({model["modelArn"].split(":")[3] or "every region" for model in answer["models"]})
    yield Finding(f"{profile} in {account.region}", "ok", f"Prompts may be processed in {', '.join(routes)}.")
    yield _access(bedrock, account.region, _PROFILE.sub("", profile), required=True)


def _use_case(account: Account, deployed: Deployment, catalog: ModelCatalog) -> Iterator[Finding]:
    """Check Anthropic's use-case form, without which its models answer no account."""
    if ".anthropic." not in f".{deployed.get('ModerationModelId')}":
        return
    try:
        account.client("bedrock", account.region).get_use_case_for_model_access()
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        yield Finding(
            "Anthropic's use-case form",
            "missing",
            "It has not been submitted, so Claude refuses every prompt.",
            f"Open a Claude model in {_catalog_page(account.region)} and submit the form, once per account.",
        )
    else:
        yield Finding("Anthropic's use-case form", "ok", "Submitted.")


def _images(account: Account, deployed: Deployment, catalog: ModelCatalog) -> Iterator[Finding]:
    """Check access to every image model that Bedrock still offers. Only the default one is required."""
    today = datetime.now(UTC).date()
    for model in (each for each in catalog if not each.ended(today)):
        region = _region(model, account)
        bedrock = account.client("bedrock", region)
        yield _access(bedrock, region, model.model_id, required=model.key == catalog.default)


def _access(bedrock: Any, region: str, model_id: str, *, required: bool) -> Finding:
    subject = f"{model_id} in {region}"
    lacking: State = "missing" if required else "optional"
    answer = bedrock.get_foundation_model_availability(modelId=model_id)
    if answer["regionAvailability"] != "AVAILABLE":
        return Finding(subject, lacking, "Bedrock does not offer it in this region.", "Use another model or region.")
    if answer["authorizationStatus"] != "AUTHORIZED":
        return Finding(
            subject,
            lacking,
            "The account is not authorized to use the model.",
            f"Request access in {_catalog_page(region)}; if it refuses, ask the administrator of your organization, "
            "whose policies may deny the model, or AWS Support.",
        )
    agreement = answer["agreementAvailability"]["status"]
    if agreement != "AVAILABLE" or answer["entitlementAvailability"] != "AVAILABLE":
        if agreement == "PENDING":
            return Finding(subject, lacking, "The subscription is being created.", "Check again in a few minutes.")
        return Finding(
            subject,
            lacking,
            "The account has not accepted the model's agreement.",
            "With permission for aws-marketplace:Subscribe: aws bedrock "
            f"list-foundation-model-agreement-offers --region {region} --model-id {model_id}, then aws bedrock "
            f"create-foundation-model-agreement --region {region} --model-id {model_id} --offer-token TOKEN",
        )
    return Finding(subject, "ok", "Access granted.")


def _concurrency(account: Account, deployed: Deployment, catalog: ModelCatalog) -> Iterator[Finding]:
    """Check the account's Lambda quota, which all functions share."""
    limits = account.client("lambda", account.region).get_account_settings()["AccountLimit"]
    quota = limits["ConcurrentExecutions"]
    if quota >= CONCURRENCY:
        yield Finding("Lambda concurrency", "ok", f"{quota} concurrent executions.")
        return
    yield Finding(
        "Lambda concurrency",
        "missing",
        f"{quota} concurrent executions; under load, the system uses {CONCURRENCY}.",
        "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 "
        f"--desired-value 1000 --region {account.region}",
    )


def _bedrock_quotas(account: Account, deployed: Deployment, catalog: ModelCatalog) -> Iterator[Finding]:
    """Check the quotas per minute of the moderation model and of the default image model."""
    image = next(model for model in catalog if model.key == catalog.default)
    profile = deployed.get("ModerationModelId")
    details = account.client("bedrock", account.region).get_foundation_model(modelIdentifier=_PROFILE.sub("", profile))
    for name, region in ((details["modelDetails"]["modelName"], account.region), (image.name, _region(image, account))):
        yield from _quotas(account.client("service-quotas", region), name, region)


def _quotas(quotas: Any, model: str, region: str) -> Iterator[Finding]:
    subject, words = f"Quotas of {model} in {region}", set(model.lower().split())
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="bedrock")
    found = {
        quota["QuotaName"]: quota["Value"]
        for page in pages
        for quota in page["Quotas"]
        if "per minute" in quota["QuotaName"] and words <= set(quota["QuotaName"].lower().split())
    }
    page = f"https://{region}.console.aws.amazon.com/servicequotas/home/services/bedrock/quotas"
    if not found:
        yield Finding(subject, "unknown", "Service Quotas lists none of this name.", f"Look for the model at {page}")
        return
    values = "; ".join(f"{name}: {value:g}" for name, value in sorted(found.items()))
    if any(found.values()):
        yield Finding(subject, "ok", values)
    else:
        yield Finding(subject, "missing", values, f"Request an increase at {page}; new accounts may start with 0.")


def _rekognition(account: Account, deployed: Deployment, catalog: ModelCatalog) -> Iterator[Finding]:
    """Check that the region offers the image check."""
    if deployed.get("ImageCheck") != "on":
        return
    if account.region in account.regions_of("rekognition"):
        yield Finding(f"Rekognition in {account.region}", "ok", "Offered.")
        return
    yield Finding(
        f"Rekognition in {account.region}",
        "missing",
        "The region does not offer it, so every image would stall.",
        "Deploy to another region, or with ImageCheck=off.",
    )


def _guardrail(account: Account, deployed: Deployment, catalog: ModelCatalog) -> Iterator[Finding]:
    """Check that the guardrail exists and screens texts and images: otherwise every request would stall."""
    guardrail, version = deployed.get("GuardrailId"), deployed.get("GuardrailVersion")
    if not guardrail:
        return
    subject = f"Guardrail {guardrail}:{version} in {account.region}"
    fix = "Publish a version of a guardrail in this region, and deploy with GuardrailId and GuardrailVersion."
    bedrock = account.client("bedrock", account.region)
    try:
        found = bedrock.get_guardrail(guardrailIdentifier=guardrail, guardrailVersion=version)
    except ClientError as error:
        if error_code(error) not in {"ResourceNotFoundException", "ValidationException"}:
            raise
        yield Finding(subject, "missing", "The region has no such version.", fix)
        return
    filters = found.get("contentPolicy", {}).get("filters", [])
    if not any("IMAGE" in each.get("inputModalities", ()) for each in filters):
        yield Finding(
            subject, "missing", "None of its content filters screens images, so every image would stall.", fix
        )
    elif "crossRegionDetails" in found:
        detail = "It uses cross-Region inference, for which the roles of moderation have no permission."
        yield Finding(subject, "missing", detail, fix)
    else:
        yield Finding(subject, "ok", "It screens texts and images.")


def _cloudfront(account: Account, deployed: Deployment, catalog: ModelCatalog) -> Iterator[Finding]:
    """Check whether the account may create distributions. AWS only says so when it creates one."""
    if deployed.get("Cdn") != "on":
        return
    listed = account.client("cloudfront", account.region).list_distributions(MaxItems="1")["DistributionList"]
    if listed.get("Items"):
        yield Finding("CloudFront", "ok", "The account has distributions.")
        return
    yield Finding(
        "CloudFront",
        "unknown",
        "The account has no distribution yet. AWS verifies new accounts before they may create one.",
        'If the deployment fails with "must be verified": ask AWS Support, and deploy with Cdn=off until then.',
    )


def _alarms(account: Account, deployed: Deployment, catalog: ModelCatalog) -> Iterator[Finding]:
    """Check that somebody receives the alarms."""
    address = deployed.get("AlarmEmail")
    if not address:
        yield Finding(
            "Alarm e-mail", "optional", "AlarmEmail is empty: alarms reach nobody.", "Deploy with AlarmEmail."
        )
        return
    pages = account.client("sns", account.region).get_paginator("list_subscriptions_by_topic")
    found = [each for page in pages.paginate(TopicArn=deployed.topic) for each in page["Subscriptions"]]
    if any(each["Endpoint"] == address and each["SubscriptionArn"].startswith("arn:") for each in found):
        yield Finding("Alarm e-mail", "ok", f"{address} is confirmed.")
        return
    yield Finding(
        "Alarm e-mail",
        "missing",
        f"{address} has not confirmed the subscription: alarms reach nobody.",
        "Open the link in the e-mail from AWS Notifications. To get another one: "
        f"aws sns subscribe --topic-arn {deployed.topic} --protocol email --notification-endpoint {address} "
        f"--region {account.region}",
    )


def _cost_tag(account: Account, deployed: Deployment, catalog: ModelCatalog) -> Iterator[Finding]:
    """Check that the tag by which the monthly budget filters is active."""
    client = account.client("ce", BILLING_REGION)
    found = client.list_cost_allocation_tags(TagKeys=[TAG])["CostAllocationTags"]
    if any(each["Status"] == "Active" for each in found):
        yield Finding("Cost allocation tag", "ok", f"{TAG} is active.")
        return
    has_budget = float(deployed.get("MonthlyBudgetUsd")) > 0
    yield Finding(
        "Cost allocation tag",
        "missing" if has_budget and deployed.exists else "optional",
        f"{TAG} is not active, so the monthly budget sees no costs.",
        f"A day after the first deployment, with the billing account: aws ce update-cost-allocation-tags-status "
        f"--cost-allocation-tags-status TagKey={TAG},Status=Active",
    )


def _region(model: Model, account: Account) -> str:
    return model.regions[0] if model.regions and account.region not in model.regions else account.region


def _catalog_page(region: str) -> str:
    return f"https://{region}.console.aws.amazon.com/bedrock/home?region={region}#/model-catalog"


CHECKS: Final[Mapping[str, Check]] = {
    "Moderation model": _moderation,
    "Anthropic's use-case form": _use_case,
    "Image models": _images,
    "Lambda concurrency": _concurrency,
    "Bedrock quotas": _bedrock_quotas,
    "Rekognition": _rekognition,
    "Guardrail": _guardrail,
    "CloudFront": _cloudfront,
    "Alarm e-mail": _alarms,
    "Cost allocation tag": _cost_tag,
}
