"""The operations of the stand-in, without HTTP."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from local.bedrock import converse, guardrail, rekognition
from local.bedrock.calls import CallLog
from local.bedrock.errors import ServiceError
from local.bedrock.families import FAMILIES, Family, family_of_body
from local.bedrock.faults import FaultBook, Rule
from local.bedrock.lifecycle import Lifecycle, Model, bare_id, describe
from local.bedrock.nsfw import Score, not_explicit
from local.bedrock.policy import judge
from local.painter import paint
from local.painter.brief import Brief

# Categories that the image models themselves block.
_BLOCKED_BY_MODELS = frozenset({"child_safety", "sexual", "violence"})

PROFILE_REGIONS = ("us-east-1", "us-east-2", "us-west-2")
"""Regions to which the inference profiles of the United States route."""

Response = dict[str, Any]


class ConnectionDropped(Exception):
    """The server must close the connection without a response."""


@dataclass
class _CallRecord:
    """What is known about a call while it runs. It is logged when the call ends."""

    prompt: str = ""
    seed: int | None = None
    images: int = 0
    outcome: str = "ok"
    paid: bool = False


@dataclass
class Service:
    """Bedrock's runtime and control plane, and Rekognition, with faults and overrides for tests."""

    generate: Callable[[Brief], bytes] = paint
    fetch: rekognition.FetchObject = field(default_factory=lambda: rekognition.s3_reader(None))
    score: Score = not_explicit
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    latency_seconds: float = 0.0
    faults: FaultBook = field(default_factory=FaultBook)
    calls: CallLog = field(default_factory=CallLog)

    def invoke(self, model_id: str, body: Mapping[str, Any]) -> Response:
        """InvokeModel: limits, lifecycle and filters first, then one image per brief. Seeds count up."""
        with self._recorded("invoke", model_id) as record:
            record.prompt = _prompt_in(body)
            family = self._family(model_id, body)
            fault = self.faults.match("invoke", model_id, record.prompt)
            briefs = family.read(body)
            record.prompt, record.seed = briefs[0].prompt, briefs[0].seed
            if _is(fault, "filter_input") or judge(briefs[0].prompt) in _BLOCKED_BY_MODELS:
                record.outcome = "filtered_input"
                return family.blocked_input(briefs)
            _drop_connection_if(fault, "reset")
            kept = briefs[: fault.keep] if fault and fault.effect == "filter_output" else briefs
            images = [self.generate(brief) for brief in kept]
            time.sleep(self.latency_seconds)
            record.images, record.paid = len(images), bool(images)
            record.outcome = "ok" if len(kept) == len(briefs) else "filtered_output"
            _drop_connection_if(fault, "lost_answer")
            return family.answer(briefs, images)

    def converse(self, model_id: str, body: Mapping[str, Any]) -> Response:
        """Converse with Claude."""
        with self._recorded("converse", model_id) as record:
            model = self.lifecycle.find(model_id)
            self.lifecycle.require_available(model)
            converse.check(body, model)
            record.prompt, negative = converse.screened_text(body)
            fault = self.faults.match("converse", model_id, f"{record.prompt}\n{negative}")
            _drop_connection_if(fault, "reset")
            record.paid = True
            record.outcome = fault.effect if fault else "ok"
            _drop_connection_if(fault, "lost_answer")
            return converse.answer(body, fault)

    def apply_guardrail(self, guardrail_id: str, version: str, body: Mapping[str, Any]) -> Response:
        """ApplyGuardrail. ``body``: as botocore takes it, so images are bytes."""
        operation = "guardrail_image" if guardrail.images_in(body) else "guardrail"
        with self._recorded(operation, f"{guardrail_id}:{version}") as record:
            guardrail.check(guardrail_id, version, body)
            record.prompt = guardrail.text_of(body)
            fault = self.faults.match(operation, guardrail_id, record.prompt)
            _drop_connection_if(fault, "reset")
            answer = guardrail.answer(body, fault)
            record.images, record.paid = guardrail.images_in(body), True
            record.outcome = fault.effect if fault else "ok"
            _drop_connection_if(fault, "lost_answer")
            return answer

    def detect(self, body: Mapping[str, Any]) -> Response:
        """Rekognition's DetectModerationLabels."""
        with self._recorded("detect", "rekognition") as record:
            fault = self.faults.match("detect", "rekognition", "")
            _drop_connection_if(fault, "reset")
            answer = rekognition.detect(body, self.fetch, self.score, fault)
            record.images, record.paid = 1, True
            record.outcome = fault.effect if fault else "ok"
            _drop_connection_if(fault, "lost_answer")
            return answer

    def detect_faces(self, body: Mapping[str, Any]) -> Response:
        """Rekognition's DetectFaces."""
        with self._recorded("detect_faces", "rekognition") as record:
            fault = self.faults.match("detect_faces", "rekognition", "")
            _drop_connection_if(fault, "reset")
            answer = rekognition.detect_faces(body, self.fetch)
            record.images, record.paid = 1, True
            _drop_connection_if(fault, "lost_answer")
            return answer

    def foundation_model(self, model_id: str) -> Response:
        """GetFoundationModel."""
        return {"modelDetails": describe(self.lifecycle, self._known(model_id))}

    def foundation_models(self) -> Response:
        """ListFoundationModels."""
        return {"modelSummaries": [describe(self.lifecycle, model) for model in self.lifecycle.models]}

    def availability(self, model_id: str) -> Response:
        """GetFoundationModelAvailability: access is granted, and no region offers an ended model."""
        model = self._known(model_id)
        offered = self.lifecycle.status(model) != "ENDED"
        return {
            "modelId": model.id,
            "agreementAvailability": {"status": "AVAILABLE"},
            "authorizationStatus": "AUTHORIZED",
            "entitlementAvailability": "AVAILABLE",
            "regionAvailability": "AVAILABLE" if offered else "NOT_AVAILABLE",
        }

    def inference_profile(self, profile: str) -> Response:
        """GetInferenceProfile: the profile of the United States for every model."""
        model = self._known(profile)
        if profile != f"us.{model.id}":
            raise ServiceError(404, "ResourceNotFoundException", f"Could not find inference profile {profile}.")
        arns = [f"arn:aws:bedrock:{region}::foundation-model/{model.id}" for region in PROFILE_REGIONS]
        return {
            "inferenceProfileName": f"US {model.name}",
            "inferenceProfileId": profile,
            "inferenceProfileArn": f"arn:aws:bedrock:us-east-1:000000000000:inference-profile/{profile}",
            "models": [{"modelArn": arn} for arn in arns],
            "status": "ACTIVE",
            "type": "SYSTEM_DEFINED",
        }

    def guardrail(self, guardrail_id: str, version: str) -> Response:
        """GetGuardrail."""
        return guardrail.describe(guardrail_id, version)

    def use_case(self) -> Response:
        """GetUseCaseForModelAccess: the form has been submitted."""
        return {"formData": b64encode(b'{"useCases": "the local stack"}').decode()}

    def _known(self, model_id: str) -> Model:
        try:
            return self.lifecycle.find(model_id)
        except ServiceError:
            raise ServiceError(404, "ResourceNotFoundException", f"Could not find model {model_id}.") from None

    def _family(self, model_id: str, body: Mapping[str, Any]) -> Family:
        """Return the family: by id for known models, by the shape of the body for the ARN of a custom model."""
        if bare_id(model_id).startswith("arn:"):
            return family_of_body(body)
        model = self.lifecycle.find(model_id)
        self.lifecycle.require_available(model)
        if model.family not in FAMILIES:
            raise ServiceError(400, "ValidationException", "InvokeModel is served for image models only; use Converse.")
        return FAMILIES[model.family]

    @contextmanager
    def _recorded(self, operation: str, model: str) -> Iterator[_CallRecord]:
        record, started = _CallRecord(), time.perf_counter()
        try:
            yield record
        except ServiceError as error:
            record.outcome = error.code if record.outcome == "ok" else record.outcome
            raise
        except ConnectionDropped:
            record.outcome = "lost_answer" if record.paid else "reset"
            raise
        finally:
            self.calls.add(
                operation,
                model,
                record.prompt,
                record.outcome,
                seed=record.seed,
                images=record.images,
                paid=record.paid,
                seconds=time.perf_counter() - started,
            )


def _is(fault: Rule | None, effect: str) -> bool:
    return fault is not None and fault.effect == effect


def _drop_connection_if(fault: Rule | None, effect: str) -> None:
    if _is(fault, effect):
        raise ConnectionDropped


def _prompt_in(body: Mapping[str, Any]) -> str:
    """Return all text of a body before validation, for the rules of faults."""
    params = body.get("textToImageParams")
    prompts = body.get("text_prompts")
    texts = [body.get("prompt"), params.get("text") if isinstance(params, dict) else None]
    texts += [entry.get("text") for entry in prompts if isinstance(entry, dict)] if isinstance(prompts, list) else []
    return "\n".join(str(text) for text in texts if text)
