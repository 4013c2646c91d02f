"""Amazon Bedrock Guardrails, and its layer for prompts. Only an installation with a guardrail imports it.

The guardrail decides with its own strengths: an entry that it did not block is ignored.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

from kit.errors import RetriableError
from services.moderation.models import UNCLASSIFIED, Finding, Hit, TextField
from services.moderation.policy import Policy

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime.client import BedrockRuntimeClient
    from mypy_boto3_bedrock_runtime.type_defs import ApplyGuardrailResponseTypeDef, GuardrailContentBlockTypeDef

TEXTS_AT_ONCE: Final = 10
WORDS: Final = "WORDS"
PERSONAL_DATA: Final = "PERSONAL_DATA"
"""Names of word lists and of sensitive information, beside the types of content filters, for the policy."""
ANYTHING: Final = ""
"""An intervention without an entry that says why."""


def guardrail_client(read_timeout: float) -> "BedrockRuntimeClient":
    """Return a client whose calls end soon: they follow the calls of another layer, within one run of the function."""
    return boto3.client(
        "bedrock-runtime",
        config=Config(
            connect_timeout=1,
            read_timeout=read_timeout,
            retries={"total_max_attempts": 1},
            max_pool_connections=TEXTS_AT_ONCE,
        ),
    )


class Guardrail:
    """One version of a guardrail. An error of a call never lets anything pass: it is raised."""

    def __init__(self, client: "BedrockRuntimeClient", name: str) -> None:
        """``name``: id and version, such as ``a1b2c3d4e5f6:3``."""
        self._client = client
        self._name = name
        self._id, _, self._version = name.partition(":")

    def interventions(self, content: "GuardrailContentBlockTypeDef") -> list[str]:
        """Return what the guardrail blocked in ``content``, which is empty if it may pass.

        Each is the type of a content filter, the name of a denied topic, ``WORDS``, ``PERSONAL_DATA`` or ``ANYTHING``.
        Raises ``RetriableError`` if the guardrail did not screen the whole content.
        """
        response = self._client.apply_guardrail(
            guardrailIdentifier=self._id, guardrailVersion=self._version, source="INPUT", content=[content]
        )
        if response["action"] != "NONE":
            return [name for name, action in _entries(response) if action != "NONE"] or [ANYTHING]
        self._require_coverage(response)
        return []

    def _require_coverage(self, response: "ApplyGuardrailResponseTypeDef") -> None:
        """A guardrail whose filters are for text only lets every image pass, and says so here only."""
        for kind, covered in response.get("guardrailCoverage", {}).items():
            counts: Any = covered
            if counts["guarded"] < counts["total"]:
                raise RetriableError(
                    f"guardrail {self._name}: {counts['guarded']} of {counts['total']} {kind} were screened; select"
                    " text and image in its content filters, and deploy the new version"
                )


class GuardrailTextLayer:
    """The layer for texts. It reads the prompt only: it cannot know that a negative prompt excludes what it names."""

    name: Final = "guardrail"

    def __init__(self, guardrail: Guardrail, policy: Policy) -> None:
        self._guardrail = guardrail
        self._policy = policy

    def screen(self, texts: Mapping[TextField, str], _hit: Hit | None = None) -> Finding | None:
        """Return why the prompt is blocked, or None. One call."""
        category = self._policy.guardrail_category(self._guardrail.interventions({"text": {"text": texts["prompt"]}}))
        if category is None:
            return None
        reason: Any = "guardrail_intervened" if category == UNCLASSIFIED else "category_blocked"
        return Finding(category=category, field="prompt", reason=reason)


def _entries(response: "ApplyGuardrailResponseTypeDef") -> Iterator[tuple[str, str]]:
    """Yield what the guardrail detected, with the action that it took."""
    for assessment in response["assessments"]:
        policies: Mapping[str, Mapping[str, Iterable[Any]]] = assessment  # type: ignore[assignment]
        for each in policies.get("contentPolicy", {}).get("filters", ()):
            yield each["type"], each["action"]
        for each in policies.get("topicPolicy", {}).get("topics", ()):
            yield each["name"], each["action"]
        for policy, name in (("wordPolicy", WORDS), ("sensitiveInformationPolicy", PERSONAL_DATA)):
            for entries in policies.get(policy, {}).values():
                for each in entries:
                    yield name, each["action"]
