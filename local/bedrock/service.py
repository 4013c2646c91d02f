"""The stand-in's operations, free of HTTP: what is asked, what is answered, what is noted in the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from local.bedrock import converse, rekognition
from local.bedrock.calls import CallLog
from local.bedrock.errors import ServiceError
from local.bedrock.families import FAMILIES, Family, family_of_body
from local.bedrock.faults import FaultBook, Rule
from local.bedrock.lifecycle import Lifecycle, bare_id, describe
from local.bedrock.policy import judge
from local.painter import paint
from local.painter.brief import Brief

# What the image models themselves refuse to draw, whoever asks.
_NEVER_DRAWN = frozenset({"child_safety", "sexual", "violence"})

Answer = dict[str, Any]


class HangUp(Exception):
    """The connection is to be closed without an answer."""


@dataclass
class _Note:
    """What is known of a call while it runs, written to the log when it ends."""

    prompt: str = ""
    seed: int | None = None
    images: int = 0
    outcome: str = "ok"
    paid: bool = False


@dataclass
class Service:
    """Bedrock's runtime and control plane, and Rekognition, with the switches tests turn."""

    draw: Callable[[Brief], bytes] = paint
    fetch: rekognition.FetchObject = field(default_factory=lambda: rekognition.s3_reader(None))
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    latency_seconds: float = 0.0
    faults: FaultBook = field(default_factory=FaultBook)
    calls: CallLog = field(default_factory=CallLog)

    def invoke(self, model_id: str, body: Mapping[str, Any]) -> Answer:
        """InvokeModel: limits, lifecycle and filters first, then one image a brief. Seeds count upwards."""
        with self._noted("invoke", model_id) as note:
            note.prompt = _prompt_in(body)
            family = self._family(model_id, body)
            fault = self.faults.strike("invoke", model_id, note.prompt)
            briefs = family.read(body)
            note.prompt, note.seed = briefs[0].prompt, briefs[0].seed
            if _is(fault, "filter_input") or judge(briefs[0].prompt) in _NEVER_DRAWN:
                note.outcome = "filtered_input"
                return family.blocked_input(briefs)
            _hang_up_if(fault, "reset")
            kept = briefs[: fault.keep] if fault and fault.effect == "filter_output" else briefs
            pictures = [self.draw(brief) for brief in kept]
            time.sleep(self.latency_seconds)
            note.images, note.paid = len(pictures), bool(pictures)
            note.outcome = "ok" if len(kept) == len(briefs) else "filtered_output"
            _hang_up_if(fault, "lost_answer")
            return family.answer(briefs, pictures)

    def converse(self, model_id: str, body: Mapping[str, Any]) -> Answer:
        """Converse with Claude."""
        with self._noted("converse", model_id) as note:
            model = self.lifecycle.find(model_id)
            self.lifecycle.require_alive(model)
            converse.check(body, model)
            note.prompt, negative = converse.screened_text(body)
            fault = self.faults.strike("converse", model_id, f"{note.prompt}\n{negative}")
            _hang_up_if(fault, "reset")
            note.paid = True
            note.outcome = fault.effect if fault else "ok"
            _hang_up_if(fault, "lost_answer")
            return converse.answer(body, fault)

    def detect(self, body: Mapping[str, Any]) -> Answer:
        """Rekognition's DetectModerationLabels."""
        with self._noted("detect", "rekognition") as note:
            fault = self.faults.strike("detect", "rekognition", "")
            _hang_up_if(fault, "reset")
            answer = rekognition.detect(body, self.fetch, fault)
            note.images, note.paid = 1, True
            note.outcome = fault.effect if fault else "ok"
            _hang_up_if(fault, "lost_answer")
            return answer

    def foundation_model(self, model_id: str) -> Answer:
        """GetFoundationModel."""
        try:
            model = self.lifecycle.find(model_id)
        except ServiceError:
            raise ServiceError(404, "ResourceNotFoundException", f"Could not find model {model_id}.") from None
        return {"modelDetails": describe(self.lifecycle, model)}

    def foundation_models(self) -> Answer:
        """ListFoundationModels."""
        return {"modelSummaries": [describe(self.lifecycle, model) for model in self.lifecycle.models]}

    def _family(self, model_id: str, body: Mapping[str, Any]) -> Family:
        """By id for models in the catalog, which must be alive; by the body's shape for a custom model's ARN."""
        if bare_id(model_id).startswith("arn:"):
            return family_of_body(body)
        model = self.lifecycle.find(model_id)
        self.lifecycle.require_alive(model)
        if model.family not in FAMILIES:
            raise ServiceError(400, "ValidationException", "InvokeModel is served for image models only; use Converse.")
        return FAMILIES[model.family]

    @contextmanager
    def _noted(self, operation: str, model: str) -> Iterator[_Note]:
        note, started = _Note(), time.perf_counter()
        try:
            yield note
        except ServiceError as error:
            note.outcome = error.code if note.outcome == "ok" else note.outcome
            raise
        except HangUp:
            note.outcome = "lost_answer" if note.paid else "reset"
            raise
        finally:
            self.calls.add(
                operation,
                model,
                note.prompt,
                note.outcome,
                seed=note.seed,
                images=note.images,
                paid=note.paid,
                seconds=time.perf_counter() - started,
            )


def _is(fault: Rule | None, effect: str) -> bool:
    return fault is not None and fault.effect == effect


def _hang_up_if(fault: Rule | None, effect: str) -> None:
    if _is(fault, effect):
        raise HangUp


def _prompt_in(body: Mapping[str, Any]) -> str:
    """Any text of a body, before its shape was checked: enough for a fault rule to look at."""
    params = body.get("textToImageParams")
    prompts = body.get("text_prompts")
    texts = [body.get("prompt"), params.get("text") if isinstance(params, dict) else None]
    texts += [entry.get("text") for entry in prompts if isinstance(entry, dict)] if isinstance(prompts, list) else []
    return "\n".join(str(text) for text in texts if text)
