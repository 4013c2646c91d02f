"""Bedrock and Rekognition without a network: the stand-in of the local stack, called in this process.

Calls through a socket could time out on a busy machine, and then another path is recorded.
"""

import io
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from botocore.exceptions import ClientError
from PIL import Image

from local.bedrock.errors import ServiceError
from local.bedrock.rekognition import FetchObject
from local.bedrock.service import Service
from local.painter.brief import Brief
from tools.permissions.recorder import Answer


def model_service(fetch: FetchObject) -> Service:
    """Return the models. Their images take no time to paint."""
    return Service(generate=_png, fetch=fetch)


def answers_of(service: Service) -> Mapping[tuple[str, str], Answer]:
    """Return the answers of ``service``, in the form of boto3's responses."""
    return {
        ("bedrock-runtime", "InvokeModel"): _answer(
            lambda sent: {"body": io.BytesIO(_json(service.invoke(sent["modelId"], json.loads(sent["body"]))))}
        ),
        ("bedrock-runtime", "Converse"): _answer(lambda sent: service.converse(sent["modelId"], sent)),
        ("bedrock-runtime", "ApplyGuardrail"): _answer(
            lambda sent: service.apply_guardrail(sent["guardrailIdentifier"], sent["guardrailVersion"], sent)
        ),
        ("rekognition", "DetectModerationLabels"): _answer(service.detect),
        ("rekognition", "DetectFaces"): _answer(service.detect_faces),
        ("bedrock", "GetFoundationModel"): _answer(
            lambda sent: _with_times(service.foundation_model(sent["modelIdentifier"]))
        ),
    }


def _answer(call: Callable[[Mapping[str, Any]], Any]) -> Answer:
    def answer(sent: Mapping[str, Any]) -> Any:
        try:
            return call(sent)
        except ServiceError as error:
            raise ClientError({"Error": {"Code": error.code, "Message": error.message}}, "call") from error

    return answer


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()


def _with_times(found: dict[str, Any]) -> dict[str, Any]:
    """Parse the times, as boto3 does."""
    lifecycle = found["modelDetails"].get("modelLifecycle", {})
    for name, value in lifecycle.items():
        if name.endswith("Time") and value:
            lifecycle[name] = datetime.fromisoformat(value)
    return found


def _png(brief: Brief) -> bytes:
    return _solid(brief.width, brief.height)


@cache
def _solid(width: int, height: int) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(content, "PNG")
    return content.getvalue()
