"""Bedrock's ApplyGuardrail, with one guardrail that blocks a little of each policy."""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator
from PIL import Image

from local.bedrock.errors import ServiceError, validation
from local.bedrock.faults import Rule
from local.bedrock.policy import fold, judge

GUARDRAIL_ID = "local0guardrail"
GUARDRAIL_VERSION = "1"

IMAGE_BYTES_MAX = 4 * 1024 * 1024
IMAGES_MAX = 20
SIDE_MAX = 8000
TEXT_UNIT = 1000

_LEVELS = ("NONE", "LOW", "MEDIUM", "HIGH")
_STRENGTHS = {
    "SEXUAL": "HIGH",
    "VIOLENCE": "HIGH",
    "HATE": "HIGH",
    "INSULTS": "LOW",
    "MISCONDUCT": "MEDIUM",
    "PROMPT_ATTACK": "HIGH",
}
"""The strengths of the content filters. A strong filter also blocks what it is less sure of."""
_FILTERS = {
    "child_safety": "SEXUAL",
    "sexual": "SEXUAL",
    "violence": "VIOLENCE",
    "hate": "HATE",
    "illegal": "MISCONDUCT",
    "self_harm": "MISCONDUCT",
    "injection": "PROMPT_ATTACK",
}
"""The content filter that finds each category of `policy.json`. None finds public figures."""
_INSULTS = re.compile(r"\b(?:idiots?|morons?|losers?)\b")
_STRONG = re.compile(r"\b(?:stupid|worthless|pathetic)\b")
_TOPICS = {"investment advice": re.compile(r"\b(?:which|best) (?:stocks?|shares|funds?) to buy\b")}
_WORDS = {"acmecorp": re.compile(r"\bacmecorp\b")}
_MESSAGE = "This content is not allowed."
_CREATED = "2026-11-29T00:00:00Z"
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")


@cache
def _request_shape() -> Shape:
    """Return botocore's model of the request."""
    model = botocore.session.get_session().get_service_model("bedrock-runtime")
    return model.operation_model("ApplyGuardrail").input_shape  # type: ignore[return-value]


def with_bytes(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body of the HTTP API as botocore takes it: the bytes of images are Base64 in JSON."""

    def decoded(value: Any) -> Any:
        if isinstance(value, list):
            return [decoded(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {key: _decoded(each) if key == "bytes" else decoded(each) for key, each in value.items()}

    return dict(decoded(body))


def check(guardrail_id: str, version: str, body: Mapping[str, Any]) -> None:
    """Raise the error with which Bedrock refuses a request: its shape, limits and guardrail."""
    path = {"guardrailIdentifier": guardrail_id, "guardrailVersion": version}
    given = {**body, **{name: value for name, value in path.items() if name not in body}}
    shape = _request_shape()
    report = ParamValidator().validate(given, shape)
    problems = [report.generate_report()] if report.has_errors() else list(_constraints(given, shape, ""))
    if problems:
        raise validation("; ".join(problems))
    _require(guardrail_id, version)
    images = [block["image"] for block in body["content"] if "image" in block]
    if len(images) > IMAGES_MAX:
        raise validation(f"The request has {len(images)} images. At most {IMAGES_MAX} are allowed.")
    for image in images:
        _check_image(image["format"], image["source"]["bytes"])


def describe(guardrail_id: str, version: str) -> dict[str, Any]:
    """Return the guardrail, as far as its content filters."""
    _require(guardrail_id, version)
    modalities = {"inputModalities": ["TEXT", "IMAGE"], "outputModalities": ["TEXT", "IMAGE"]}
    filters = [
        {"type": name, "inputStrength": strength, "outputStrength": strength, **modalities}
        for name, strength in _STRENGTHS.items()
    ]
    return {
        "name": "local",
        "guardrailId": GUARDRAIL_ID,
        "guardrailArn": f"arn:aws:bedrock:us-east-1:000000000000:guardrail/{GUARDRAIL_ID}",
        "version": GUARDRAIL_VERSION,
        "status": "READY",
        "contentPolicy": {"filters": filters},
        "createdAt": _CREATED,
        "updatedAt": _CREATED,
        "blockedInputMessaging": _MESSAGE,
        "blockedOutputsMessaging": _MESSAGE,
    }


def text_of(body: Mapping[str, Any]) -> str:
    """Return all texts of a request."""
    return "\n".join(block["text"]["text"] for block in body["content"] if "text" in block)


def images_in(body: Mapping[str, Any]) -> int:
    """Return the number of images of a request, valid or not."""
    content = body.get("content")
    return sum(isinstance(each, dict) and "image" in each for each in content) if isinstance(content, list) else 0


def answer(body: Mapping[str, Any], fault: Rule | None) -> dict[str, Any]:
    """Return the response: an assessment of all content together."""
    text = text_of(body)
    images = images_in(body)
    assessment = _assessment(text)
    if fault is not None and fault.effect == "intervene":
        filters = [_filter(name, "HIGH") for name in fault.labels if name in _STRENGTHS]
        assessment = {"contentPolicy": {"filters": filters}} if filters else {}
        blocked = True
    else:
        blocked = any(entry["action"] != "NONE" for entry in _entries(assessment))
    units = -(-len(text) // TEXT_UNIT)
    screened = fault is None or fault.effect != "unscreened"
    coverage = {}
    if text:
        coverage["textCharacters"] = {"guarded": len(text) if screened else 0, "total": len(text)}
    if images:
        coverage["images"] = {"guarded": images if screened else 0, "total": images}
    return {
        "usage": {
            "topicPolicyUnits": units,
            "contentPolicyUnits": units,
            "wordPolicyUnits": units,
            "sensitiveInformationPolicyUnits": units,
            "sensitiveInformationPolicyFreeUnits": 0,
            "contextualGroundingPolicyUnits": 0,
            "contentPolicyImageUnits": images,
        },
        "action": "GUARDRAIL_INTERVENED" if blocked else "NONE",
        "outputs": [{"text": _MESSAGE}] if blocked else [],
        "assessments": [assessment] if assessment else [],
        "guardrailCoverage": coverage,
    }


def _require(guardrail_id: str, version: str) -> None:
    if (guardrail_id.rpartition("/")[2], version) != (GUARDRAIL_ID, GUARDRAIL_VERSION):
        raise ServiceError(
            404,
            "ResourceNotFoundException",
            "The guardrail identifier or version provided in the request does not exist.",
        )


def _assessment(text: str) -> dict[str, Any]:
    folded = fold(text)
    found: dict[str, Any] = {}
    filters = [_filter(_FILTERS[category], "HIGH") for category in [judge(text)] if category in _FILTERS]
    if _INSULTS.search(folded):
        filters.append(_filter("INSULTS", "HIGH" if _STRONG.search(folded) else "MEDIUM"))
    if filters:
        found["contentPolicy"] = {"filters": filters}
    topics = [name for name, pattern in _TOPICS.items() if pattern.search(folded)]
    if topics:
        found["topicPolicy"] = {"topics": [{"name": name, "type": "DENY", "action": "BLOCKED"} for name in topics]}
    words = [word for word, pattern in _WORDS.items() if pattern.search(folded)]
    if words:
        custom = [{"match": word, "action": "BLOCKED"} for word in words]
        found["wordPolicy"] = {"customWords": custom, "managedWordLists": []}
    addresses = _EMAIL.findall(text)
    if addresses:
        entities = [{"match": each, "type": "EMAIL", "action": "ANONYMIZED"} for each in addresses]
        found["sensitiveInformationPolicy"] = {"piiEntities": entities, "regexes": []}
    return found


def _filter(name: str, confidence: str) -> dict[str, Any]:
    """Return an entry of a content filter, which blocks if its strength covers the confidence."""
    strength = _STRENGTHS[name]
    blocks = _LEVELS.index(confidence) + _LEVELS.index(strength) >= len(_LEVELS)
    action = "BLOCKED" if blocks else "NONE"
    return {"type": name, "confidence": confidence, "filterStrength": strength, "action": action, "detected": True}


def _entries(assessment: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for policy in assessment.values():
        for entries in policy.values():
            yield from entries


def _decoded(value: Any) -> Any:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise ServiceError(400, "SerializationException", "bytes is not Base64") from None


def _constraints(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """Yield what botocore does not check before it sends: enumerations and patterns."""
    if isinstance(shape, StructureShape):
        for name, each in value.items():
            yield from _constraints(each, shape.members[name], f"{path}/{name}")
    elif isinstance(shape, ListShape):
        for index, each in enumerate(value):
            yield from _constraints(each, shape.member, f"{path}/{index}")
    elif isinstance(shape, StringShape):
        if shape.enum and value not in shape.enum:
            yield f"Value at '{path}' failed to satisfy constraint: Member must satisfy enum value set: {shape.enum}"
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(pattern, value):
            yield f"Value at '{path}' failed to satisfy constraint: Member must satisfy regular expression pattern"


def _check_image(form: str, content: bytes) -> None:
    if len(content) > IMAGE_BYTES_MAX:
        raise validation(f"The image has {len(content)} bytes. At most {IMAGE_BYTES_MAX} are allowed.")
    try:
        with Image.open(io.BytesIO(content), formats=(form.upper(),)) as image:
            image.load()
            sides = image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        raise validation(f"The image is not a valid {form} file.") from None
    if max(sides) > SIDE_MAX:
        raise validation(f"The image has {sides[0]} x {sides[1]} pixels. At most {SIDE_MAX} per side are allowed.")
