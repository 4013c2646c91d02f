"""Decides about prompts and images. Each decision is made once, recorded, then published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

from events.catalog.image_approved import ImageApproved, ImageApprovedData
from events.catalog.image_generated import ImageGenerated
from events.catalog.image_rejected import ImageRejected, ImageRejectedData
from events.catalog.image_requested import ImageRequested
from events.catalog.prompt_approved import PromptApproved, PromptApprovedData
from events.catalog.prompt_rejected import PromptRejected, PromptRejectedData
from events.envelope import Event
from events.images import ImageOutcome, RawImage, RemovedImage
from kit.clock import Clock
from kit.errors import UnprocessableError
from kit.telemetry import measure
from kit.text import readable
from services.moderation.models import (
    TEXT_MAX,
    UNCLASSIFIED,
    Finding,
    Hit,
    ImageVerdict,
    PromptVerdict,
    TextField,
    VerdictT,
)
from services.moderation.policy import Policy
from services.moderation.prices import IMAGE_CHECK_USD, prompt_check_usd
from services.moderation.shadow import PromptShadow, TermSearch, compare_images

if TYPE_CHECKING:
    from kit.sealing import OpenTexts  # not in the functions that open none

NEW_FOR: Final = timedelta(minutes=1)
"""An event younger than this has no recorded verdict yet if its message is delivered for the first time: a retry is a
later delivery, and the sweeper publishes an event again later. That saves one read per event, also while messages wait.
If a duplicate arrives so early, both are screened, and both publish the verdict that was recorded first."""


class VerdictRepository(Protocol[VerdictT]):
    """The recorded verdicts, by the id of the event that they decide."""

    def find(self, event_id: str) -> VerdictT | None:
        """Return the recorded verdict, or None."""

    def record(self, event_id: str, verdict: VerdictT) -> VerdictT:
        """Record ``verdict`` unless the event has one. Return the recorded verdict."""


class Screen(Protocol):
    """Layer 2: Claude."""

    def screen(self, texts: Mapping[TextField, str], hit: Hit | None) -> Finding | None:
        """Return why the texts are blocked, or None. ``hit``: what the keyword filter found."""


class Detector(Protocol):
    """One way to screen images."""

    @property
    def name(self) -> str:
        """The name of the detector in events and logs."""

    def labels(self, images: Sequence[RawImage]) -> Sequence[Mapping[str, float]]:
        """Return the labels of each image with their confidence in percent."""


class RawImages(Protocol):
    """The raw images between services."""

    def delete(self, images: Sequence[RawImage]) -> None:
        """Delete images. Deleting one again changes nothing."""


def _is_new(event: Event, now: datetime, *, first_delivery: bool) -> bool:
    return first_delivery and now - event.metadata.occurred_at < NEW_FOR


@dataclass(frozen=True)
class PromptLayers:
    """Screens prompts: a term without an innocent use decides, Claude decides about everything else."""

    policy: Policy
    keywords: TermSearch
    claude: Screen
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
        hit = self.keywords.find(texts)
        if hit is not None and hit.strength == "block":
            finding = Finding(category=hit.category, field=hit.field, reason="category_blocked")
            return self._verdict(["keywords"], finding, hit)
        return self._verdict(["keywords", "claude"], self.claude.screen(texts, hit), hit)

    def _verdict(self, layers: list[str], finding: Finding | None, hit: Hit | None = None) -> PromptVerdict:
        return PromptVerdict(
            policy_version=self.policy.version, decided_at=self.clock.now(), layers=layers, finding=finding, hit=hit
        )

    def counts_as_blocked(self, verdict: PromptVerdict) -> bool:
        """Return whether Claude confirmed the block, or the keyword filter alone found a grave category."""
        finding = verdict.finding
        if finding is None or finding.reason == "screening_unreadable":
            return False
        category = self.policy.categories.get(finding.category)
        return verdict.layers[-1] == "claude" or (category is not None and category.grave)


@dataclass(frozen=True)
class PromptModeration:
    """Decides about the prompts of requests, once."""

    layers: PromptLayers
    verdicts: VerdictRepository[PromptVerdict]
    open_texts: "OpenTexts"
    clock: Clock
    shadow: PromptShadow | None = None

    def moderate(self, event: ImageRequested, *, first_delivery: bool = False) -> list[Event]:
        """Return PromptApproved or PromptRejected: the same event for every delivery of ``event``.

        Raises ``OwnerErasedError`` before a layer is called.
        """
        texts = self.open_texts(event.metadata.owner, event.data.parameters)
        event_id = event.metadata.event_id
        is_new = _is_new(event, self.clock.now(), first_delivery=first_delivery)
        verdict = None if is_new else self.verdicts.find(event_id)
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
        price = prompt_check_usd([texts.prompt, texts.negative_prompt]) if verdict.asked_claude else Decimal(0)
        if finding is None:
            return [_approved(event, verdict, price + event.data.parameters.count * IMAGE_CHECK_USD)]
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


@dataclass(frozen=True)
class ImageModeration:
    """Screens generated images."""

    policy: Policy
    detector: Detector | None
    """None: the image check is off, and every image is approved."""
    verdicts: VerdictRepository[ImageVerdict]
    raw_images: RawImages
    clock: Clock
    shadow: Policy | None = None

    def moderate(self, event: ImageGenerated, *, first_delivery: bool = False) -> list[Event]:
        """Return ImageApproved with the images that may be kept, or ImageRejected if none may.

        The blocked images are deleted. Raises ``UnprocessableError`` for an event without an image.
        """
        images = {o.index: o.image for o in event.data.outcomes if o.status == "generated" and o.image}
        if not images:
            raise UnprocessableError("outcomes: none of them has an image")
        verdict = self._decide(event, images, first_delivery=first_delivery)
        if verdict.blocked:
            self.raw_images.delete([images[index] for index in verdict.blocked])
        follow_up = _image_event(event, verdict)
        measure(
            "images moderated",
            {
                "images_kept": len(images) - len(verdict.blocked),
                "images_removed": len(verdict.blocked),
            },
            {},
            request_id=event.metadata.request_id,
            verdict=follow_up.detail_type,
            policy_version=verdict.policy_version,
            layer=verdict.layers[-1] if verdict.layers else None,
            categories={str(index): category for index, category in verdict.blocked.items()} or None,
            shadow=verdict.shadow.model_dump(exclude_none=True) if verdict.shadow else None,
        )
        return [follow_up]

    def _decide(self, event: ImageGenerated, images: Mapping[int, RawImage], *, first_delivery: bool) -> ImageVerdict:
        if self.detector is None:  # a second decision would be the same: nothing to record
            return ImageVerdict(policy_version=self.policy.version, decided_at=self.clock.now(), layers=[])
        event_id = event.metadata.event_id
        is_new = _is_new(event, self.clock.now(), first_delivery=first_delivery)
        recorded = None if is_new else self.verdicts.find(event_id)
        if recorded is not None:
            return recorded
        try:
            labels = dict(zip(images, self.detector.labels(list(images.values())), strict=True))
        except UnprocessableError:  # a duplicate may have decided in the meantime, and deleted an image
            if (recorded := self.verdicts.find(event_id)) is not None:
                return recorded
            raise
        allowed = event.data.parameters.appealed_categories("images", self.policy.version)
        categories = {index: self.policy.image_category(found, allowed) for index, found in labels.items()}
        blocked = {index: category for index, category in categories.items() if category}
        request_id = event.metadata.request_id
        verdict = ImageVerdict(
            policy_version=self.policy.version,
            decided_at=self.clock.now(),
            layers=[*(["appeal"] if allowed else []), self.detector.name],
            blocked=blocked,
            shadow=compare_images(self.shadow, labels, blocked, request_id) if self.shadow and not allowed else None,
        )
        return self.verdicts.record(event_id, verdict)


def _image_event(event: ImageGenerated, verdict: ImageVerdict) -> Event:
    kept: list[ImageOutcome] = []
    removed: list[RemovedImage] = []
    for outcome in event.data.outcomes:
        if outcome.status != "generated" or outcome.image is None:
            removed.append(RemovedImage(index=outcome.index, reason=outcome.reason or outcome.status))
        elif outcome.index in verdict.blocked:
            removed.append(RemovedImage(index=outcome.index, reason=verdict.blocked[outcome.index]))
        else:
            kept.append(outcome)
    if kept:
        return ImageApproved.follow(
            event,
            ImageApprovedData(
                policy_version=verdict.policy_version,
                layers=verdict.layers,
                images=kept,
                removed=removed,
                parameters=event.data.parameters,
            ),
            occurred_at=verdict.decided_at,
        )
    return ImageRejected.follow(
        event,
        ImageRejectedData(
            policy_version=verdict.policy_version,
            layer=verdict.layers[-1],
            category=next(r.reason for r in removed if r.index in verdict.blocked),
            removed=removed,
        ),
        occurred_at=verdict.decided_at,
    )
