"""What is asked and answered: the account, the deployment, and findings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cli.stack import find_stack
from events.model_catalog import ModelCatalog

State = Literal["ok", "missing", "optional", "unknown"]
"""``optional``: missing, but the system works without it. ``unknown``: AWS did not say."""


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    subject: str
    state: State
    detail: str
    fix: str = ""
    """The command or console page that changes it."""


@dataclass(frozen=True)
class Deployment:
    """What is deployed, or will be with the defaults of the template."""

    exists: bool
    parameters: Mapping[str, str]
    topic: str = ""
    """ARN of the alarm topic, if the stack exists."""

    def get(self, name: str) -> str:
        """Return the value of a template parameter."""
        return self.parameters[name]


@dataclass(frozen=True)
class Account:
    """How to ask AWS."""

    client: Callable[[str, str], Any]
    """Takes a service and a region."""
    regions_of: Callable[[str], list[str]]
    """Takes a service and returns the regions that offer it."""
    region: str
    """The region of the stack."""


def defaults(catalog: ModelCatalog) -> dict[str, str]:
    """Return the template's defaults of the parameters that matter here; a test compares them with the template."""
    return {
        "ModerationModelId": f"us.{catalog.moderation}",
        "ImageCheck": "on",
        "GuardrailId": "",
        "GuardrailVersion": "",
        "Cdn": "on",
        "AlarmEmail": "",
        "MonthlyBudgetUsd": "0",
    }


def deployment(cloudformation: Any, stack: str, catalog: ModelCatalog) -> Deployment:
    """Return what is deployed as ``stack``, or the template's defaults if there is no such stack."""
    found = find_stack(cloudformation, stack)
    if found is None:
        return Deployment(exists=False, parameters=defaults(catalog))
    return Deployment(True, {**defaults(catalog), **found.parameters}, found.outputs.get("AlarmTopicArn", ""))
