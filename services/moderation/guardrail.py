"""Amazon Bedrock Guardrails: a layer for prompts and one for images. Only an installation with a guardrail imports it.

The guardrail decides with its own strengths: an entry that it did not block is ignored.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config

from events.images import RawImage
from kit.errors import RetriableError, UnprocessableError
from services.moderation.models import UNCLASSIFIED, Finding, Hit, TextField
from services.moderation.policy import GUARDRAIL_LABEL, Policy

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime.client import BedrockRuntimeClient
    from mypy_boto3_bedrock_runtime.type_defs import ApplyGuardrailResponseTypeDef, GuardrailContentBlockTypeDef

IMAGE_BYTES_MAX: Final = 4_000_000
"""The limit of AWS is 4 MB, for images of at most 8,000 by 8,000 pixels, which no model generates."""
IMAGES_AT_ONCE: Final = 3
"""Concurrent calls with an image. Each has its file in memory, also as Base64 and as JSON."""
TEXTS_AT_ONCE: Final = 10
WORDS: Final = "WORDS"
PERSONAL_DATA: Final = "PERSONAL_DATA"
"""Names of word lists and of sensitive information, beside the types of content filters, for the policy."""
ANYTHING: Final = ""
"""An intervention without an entry that says why."""

ReadImage = Callable[[RawImage], bytes]
"""Returns the content of an image. Raises ``UnprocessableError`` if it is missing."""


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


class GuardrailImageLayer:
    """The layer for images. Their labels are what the guardrail blocked."""

    name: Final = "guardrail"

    def __init__(self, guardrail: Guardrail, read: ReadImage) -> None:
        self._guardrail = guardrail
        self._read = read
        self._pool = ThreadPoolExecutor(IMAGES_AT_ONCE)

    def labels(self, images: Sequence[RawImage]) -> list[dict[str, float]]:
        """Return what the guardrail blocked in each image, with one call per image: an answer is about all of a call.

        Raises ``UnprocessableError`` for an image that is missing or that a guardrail does not accept.
        """
        return list(self._pool.map(self._labels, images))

    def _labels(self, image: RawImage) -> dict[str, float]:
        kind: Any = image.media_type.removeprefix("image/")
        if kind not in ("png", "jpeg"):
            raise UnprocessableError(f"image.media_type: {image.media_type}; a guardrail accepts image/png, image/jpeg")
        if image.bytes > IMAGE_BYTES_MAX:
            raise UnprocessableError(f"image.bytes: {image.bytes}; a guardrail accepts {IMAGE_BYTES_MAX}")
        found = self._guardrail.interventions({"image": {"format": kind, "source": {"bytes": self._read(image)}}})
        return {GUARDRAIL_LABEL + each: 100.0 for each in found}


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
