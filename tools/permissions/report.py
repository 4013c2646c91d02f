"""Run the scenarios and compare every role with what its function did."""

from collections.abc import Mapping
from functools import cache
from typing import Final

from local.bedrock.guardrail import GUARDRAIL_ID, GUARDRAIL_VERSION
from tools.permissions.calls import Access, accesses_by_lambda
from tools.permissions.encryption import with_encryption
from tools.permissions.policy import Comparison
from tools.permissions.scenarios import SCENARIOS
from tools.permissions.world import World

CUSTOM_MODEL: Final = "arn:aws:bedrock:us-west-2:123456789012:provisioned-model/abcdefgh"
DEPLOYMENTS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "default": (
        "us-east-1",
        {"DailyBudgetUsd": "1000", "WebhookLoopback": "true", "Encryption": "customer"},
    ),
    "other choices": (
        "us-west-2",
        {
            "DailyBudgetUsd": "1000",
            "WebhookLoopback": "true",
            "Cdn": "off",
            "Edge": "on",  # the template's rules refuse it without the CDN, but no role depends on both
            "ImageCheck": "off",
            "GuardrailId": GUARDRAIL_ID,
            "GuardrailVersion": GUARDRAIL_VERSION,
            "CustomModels": f'{{"ours": {{"arn": "{CUSTOM_MODEL}", "family": "sdxl", "price_usd": 0.01}}}}',
            "CustomModelArns": CUSTOM_MODEL,
            "Encryption": "customer",
        },
    ),
}
"""Region and parameters. Together they take both sides of every condition in the roles."""


@cache
def comparisons(deployment: str) -> Mapping[str, Comparison]:
    """Return each function's role compared with its calls."""
    region, parameters = DEPLOYMENTS[deployment]
    with World(region, parameters) as world:
        for scenario in SCENARIOS:
            scenario(world)
        accesses = {
            name: [*world.recorder.accesses.get(name, ()), *accesses_by_lambda(function)]
            for name, function in world.stack.functions.items()
        }
        return {
            name: Comparison(function.role, _distinct(with_encryption(world.stack, accesses[name])))
            for name, function in world.stack.functions.items()
        }


SAME: Final = ("::foundation-model/", "events:", "kms:ViaService")
"""Parts of what is the same in every deployment."""


def missing() -> list[str]:
    """Return what a function does in some deployment and its role does not allow."""
    return sorted(
        f"{deployment}: {name} needs {access.action} on {access.resource} with {_shown(access)}"
        for deployment in DEPLOYMENTS
        for name, comparison in comparisons(deployment).items()
        for access in comparison.missing()
    )


def unused() -> list[str]:
    """Return what a role allows and its function does not do, in each deployment.

    The ARNs of Bedrock's models, the names of events and the services of the encryption key are the same in every
    deployment: one that some deployment uses is used.
    """
    found = {
        deployment: {
            (name, text) for name, comparison in comparisons(deployment).items() for text in comparison.unused()
        }
        for deployment in DEPLOYMENTS
    }
    everywhere = set.intersection(*found.values())
    return sorted(
        f"{deployment}: {name} does not need {text}"
        for deployment, pairs in found.items()
        for name, text in pairs
        if (name, text) in everywhere or not any(part in text for part in SAME)
    )


def table(deployment: str) -> str:
    """Return each function's actions, the resources as its role names them, the events it publishes, and who calls."""
    lines = []
    for name, comparison in comparisons(deployment).items():
        lines.append(name)
        rows: dict[tuple[str, str, str], set[str]] = {}
        for access in comparison.accesses:
            row = (access.action, _short(comparison.granted(access)), access.origin)
            rows.setdefault(row, set()).update(access.keys.get("events:detail-type", ()))
        for (action, resource, origin), events in sorted(rows.items()):
            notes = [", ".join(sorted(events)), "" if origin == "code" else f"by {origin}"]
            lines.append(f"  {action:32} {'  '.join([resource, *filter(None, notes)])}")
    return "\n".join(lines)


def _short(pattern: str) -> str:
    """Return a resource without region and account."""
    return pattern.split(":", 5)[-1] if pattern.startswith("arn:") else pattern


def _shown(access: Access) -> str:
    return ", ".join(f"{key} {sorted(values)}" for key, values in access.keys.items()) or "no conditions"


def _distinct(accesses: list[Access]) -> list[Access]:
    found: list[Access] = []
    for access in accesses:
        if access not in found:
            found.append(access)
    return found
