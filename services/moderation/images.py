"""Decides about generated images. Each decision is made once, recorded, then published."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from events.catalog.image_approved import ImageApproved, ImageApprovedData
from events.catalog.image_generated import ImageGenerated
from events.catalog.image_rejected import ImageRejected, ImageRejectedData
from events.envelope import Event
from events.images import ImageOutcome, RawImage, RemovedImage
from kit.clock import Clock
from kit.errors import UnprocessableError
from kit.telemetry import measure
from services.moderation.models import ImageVerdict, VerdictRepository, is_new
from services.moderation.policy import Policy
from services.moderation.shadow import compare_images


class ImageLayer(Protocol):
    """One layer of the pipeline for images."""

    @property
    def name(self) -> str:
        """The name of the layer in events and logs."""

    def labels(self, images: Sequence[RawImage]) -> Sequence[Mapping[str, float]]:
        """Return the labels of each image with their confidence in percent. The policy has their categories.

        An error never lets an image pass: it is raised.
        """


class RawImages(Protocol):
    """The raw images between services."""

    def delete(self, images: Sequence[RawImage]) -> None:
        """Delete images. Deleting one again changes nothing."""


@dataclass(frozen=True)
class ImageModeration:
    """Screens generated images."""

    policy: Policy
    layers: Sequence[ImageLayer]
    """In order. Each screens the images that no layer before it blocked. None: every image is approved."""
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
        if not self.layers:  # a second decision would be the same: nothing to record
            return ImageVerdict(policy_version=self.policy.version, decided_at=self.clock.now(), layers=[])
        event_id = event.metadata.event_id
        new = is_new(event, self.clock.now(), first_delivery=first_delivery)
        recorded = None if new else self.verdicts.find(event_id)
        if recorded is not None:
            return recorded
        allowed = event.data.parameters.appealed_categories("images", self.policy.version)
        try:
            names, labels, blocked = self._screen(images, allowed)
        except UnprocessableError:  # a duplicate may have decided in the meantime, and deleted an image
            if (recorded := self.verdicts.find(event_id)) is not None:
                return recorded
            raise
        request_id = event.metadata.request_id
        verdict = ImageVerdict(
            policy_version=self.policy.version,
            decided_at=self.clock.now(),
            layers=[*(["appeal"] if allowed else []), *names],
            blocked=blocked,
            shadow=compare_images(self.shadow, labels, blocked, request_id) if self.shadow and not allowed else None,
        )
        return self.verdicts.record(event_id, verdict)

    def _screen(
        self, images: Mapping[int, RawImage], allowed: Collection[str]
    ) -> tuple[list[str], dict[int, dict[str, float]], dict[int, str]]:
        """Return the layers that screened images; by index, their labels, and the categories of blocked ones."""
        names: list[str] = []
        labels: dict[int, dict[str, float]] = {index: {} for index in images}
        blocked: dict[int, str] = {}
        for layer in self.layers:
            left = {index: image for index, image in images.items() if index not in blocked}
            if not left:
                break
            names.append(layer.name)
            for index, found in zip(left, layer.labels(list(left.values())), strict=True):
                labels[index].update(found)
                if category := self.policy.image_category(found, allowed):
                    blocked[index] = category
        return names, labels, dict(sorted(blocked.items()))


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
