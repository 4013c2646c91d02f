"""Decides about prompts. Each decision is made once, recorded, then published. `images` decides about images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from events.catalog.image_requested import ImageRequested
from events.catalog.prompt_approved import PromptApproved, PromptApprovedData
from events.catalog.prompt_rejected import PromptRejected, PromptRejectedData
from events.envelope import Event
from kit.clock import Clock
from kit.telemetry import measure
from kit.text import readable
from services.moderation.models import (
    TEXT_MAX,
    UNCLASSIFIED,
    Finding,
    Hit,
    PromptVerdict,
    TextField,
    VerdictRepository,
    is_new,
)
from services.moderation.policy import Policy
from services.moderation.prices import IMAGE_CHECK_USD, text_layers_usd
from services.moderation.shadow import PromptShadow

if TYPE_CHECKING:
    from kit.sealing import OpenTexts  # not in the functions that open none


class TextLayer(Protocol):
    """One layer of the pipeline for texts."""

    @property
    def name(self) -> str:
        """The name of the layer in events and logs."""

    def screen(self, texts: Mapping[TextField, str], hit: Hit | None, /) -> Finding | Hit | None:
        """Return why the texts are blocked, a hit for the layers after this one, or None.

        ``hit``: what a layer before this one found. An error never lets a text pass: it is raised.
        """


@dataclass(frozen=True)
class PromptLayers:
    """Screens prompts with the layers of the pipeline, in order. The first one with a finding decides."""

    policy: Policy
    layers: Sequence[TextLayer]
    clock: Clock

    def screen(self, prompt: str, negative_prompt: str | None) -> PromptVerdict:
        """Return a verdict without recording or publishing it."""
        return self.screen_texts(readable_texts(prompt, negative_prompt))

    def screen_texts(self, texts: Mapping[TextField, str], *, appealed: bool = False) -> PromptVerdict:
        """Return a verdict about texts in the form in which generation sends them to the model.

        ``appealed``: an operator granted an appeal about these texts, which replaces the layers that judge them.
        """
        too_long = next((field for field, text in texts.items() if len(text) > TEXT_MAX), None)
        if too_long is not None:  # intake refuses such a text; Claude is paid by its length
            return self._verdict(["limits"], Finding(category=UNCLASSIFIED, field=too_long, reason="text_too_long"))
        if appealed:
            return self._verdict(["appeal"], None)
        hit: Hit | None = None
        names: list[str] = []
        for layer in self.layers:
            names.append(layer.name)
            found = layer.screen(texts, hit)
            if isinstance(found, Hit):
                hit, found = found, found.finding
            if found is not None:
                return self._verdict(names, found, hit)
        return self._verdict(names, None, hit)

    def _verdict(self, layers: list[str], finding: Finding | None, hit: Hit | None = None) -> PromptVerdict:
        return PromptVerdict(
            policy_version=self.policy.version, decided_at=self.clock.now(), layers=layers, finding=finding, hit=hit
        )

    def counts_as_blocked(self, verdict: PromptVerdict) -> bool:
        """Return whether a block counts against the API key's limit.

        It does if Claude decided, or a guardrail because of a category of the policy, or the keyword filter because of
        a grave one.
        """
        finding = verdict.finding
        if finding is None or finding.reason == "screening_unreadable":
            return False
        category = self.policy.categories.get(finding.category)
        match verdict.layers[-1]:
            case "claude":
                return True
            case "guardrail":
                return category is not None
            case _:
                return category is not None and category.grave


@dataclass(frozen=True)
class PromptModeration:
    """Decides about the prompts of requests, once."""

    layers: PromptLayers
    verdicts: VerdictRepository[PromptVerdict]
    open_texts: "OpenTexts"
    clock: Clock
    shadow: PromptShadow | None = None
    image_check_usd: Decimal = IMAGE_CHECK_USD
    """Price of the layers that will screen one image."""

    def moderate(self, event: ImageRequested, *, first_delivery: bool = False) -> list[Event]:
        """Return PromptApproved or PromptRejected: the same event for every delivery of ``event``.

        Raises ``OwnerErasedError`` before a layer is called.
        """
        texts = self.open_texts(event.metadata.owner, event.data.parameters)
        event_id = event.metadata.event_id
        new = is_new(event, self.clock.now(), first_delivery=first_delivery)
        verdict = None if new else self.verdicts.find(event_id)
        if verdict is None:
            its_texts = readable_texts(texts.prompt, texts.negative_prompt)
            appealed = bool(event.data.parameters.appealed_categories("prompt", self.layers.policy.version))
            verdict = self.layers.screen_texts(its_texts, appealed=appealed)
            if self.shadow is not None and not appealed:
                compared = self.shadow.compare(its_texts, verdict, event.metadata.request_id)
                verdict = verdict.model_copy(update={"shadow": compared})
            verdict = self.verdicts.record(event_id, verdict)
        finding = verdict.finding
        measure(
            "prompt moderated",
            {"prompts_moderated": 1},
            {"verdict": "rejected" if finding else "approved", "layer": verdict.layers[-1]},
            request_id=event.metadata.request_id,
            policy_version=verdict.policy_version,
            category=finding.category if finding else None,
            field=finding.field if finding else None,
            reason=finding.reason if finding else None,
            hit=verdict.hit.model_dump() if verdict.hit else None,
            shadow=verdict.shadow.model_dump(exclude_none=True) if verdict.shadow else None,
        )
        price = text_layers_usd(verdict.layers, texts.prompt, texts.negative_prompt)
        if finding is None:
            return [_approved(event, verdict, price + event.data.parameters.count * self.image_check_usd)]
        return [_rejected(event, verdict, finding, price, counts_as_blocked=self.layers.counts_as_blocked(verdict))]


def readable_texts(prompt: str, negative_prompt: str | None) -> dict[TextField, str]:
    """Return the texts as generation sends them to the model."""
    texts: dict[TextField, str] = {"prompt": readable(prompt)}
    if negative_prompt:
        texts["negative_prompt"] = readable(negative_prompt)
    return texts


def _approved(event: ImageRequested, verdict: PromptVerdict, moderation_usd: Decimal) -> Event:
    return PromptApproved.follow(
        event,
        PromptApprovedData(
            policy_version=verdict.policy_version,
            layers=verdict.layers,
            parameters=event.data.parameters,
            moderation_usd=moderation_usd,
        ),
        occurred_at=verdict.decided_at,
    )


def _rejected(
    event: ImageRequested, verdict: PromptVerdict, finding: Finding, moderation_usd: Decimal, *, counts_as_blocked: bool
) -> Event:
    return PromptRejected.follow(
        event,
        PromptRejectedData(
            policy_version=verdict.policy_version,
            layer=verdict.layers[-1],
            category=finding.category,
            field=finding.field,
            reason=finding.reason,
            strength=verdict.hit.strength if verdict.hit else None,
            counts_as_blocked=counts_as_blocked,
            moderation_usd=moderation_usd,
        ),
        occurred_at=verdict.decided_at,
    )
