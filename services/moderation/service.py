"""What may be drawn and what may be kept: each decision made once, recorded, then told."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from events.catalog.image_approved import ImageApproved, ImageApprovedData
from events.catalog.image_generated import ImageGenerated
from events.catalog.image_rejected import ImageRejected, ImageRejectedData
from events.catalog.image_requested import ImageRequested
from events.catalog.prompt_approved import PromptApproved, PromptApprovedData
from events.catalog.prompt_rejected import PromptRejected, PromptRejectedData
from events.envelope import Event
from events.images import ImageOutcome, RawImage, RemovedImage
from kit.errors import UnprocessableError
from kit.telemetry import measure

Field = Literal["prompt", "negative_prompt"]

FRESH: Final = timedelta(seconds=2)
"""An event younger than this is taken to be new, which saves looking for its verdict: the consumer waits longer than
this before any retry. Should a duplicate arrive in that time all the same, it pays for a second opinion, and the first
one recorded is the one both publish."""

Clock = Callable[[], datetime]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class Finding(_Record):
    """Why a text is blocked."""

    category: str
    """Of the policy, or ``unclassified`` where a layer would not say."""
    field: Field
    reason: Literal["category_blocked", "screening_refused", "screening_unreadable"]


class PromptVerdict(_Record):
    """The decision on one prompt and its negative prompt."""

    policy_version: str
    decided_at: datetime
    layers: list[str]
    """Those that looked, in order; the last one decided."""
    finding: Finding | None = None
    """None: approved."""


class ImageVerdict(_Record):
    """The decision on the images of one ``ImageGenerated``."""

    policy_version: str
    decided_at: datetime
    layers: list[str]
    blocked: dict[int, str] = {}
    """Index of a image → the category it falls under. The other images may be kept."""


VerdictT = TypeVar("VerdictT", PromptVerdict, ImageVerdict)


class Verdicts(Protocol[VerdictT]):
    """Recorded decisions, by the id of the event they answer."""

    def find(self, event_id: str) -> VerdictT | None:
        """Return the recorded verdict, if there is one."""

    def record(self, event_id: str, verdict: VerdictT) -> VerdictT:
        """Record ``verdict`` unless one is recorded already; return the one that counts."""


class Layer(Protocol):
    """One look at the texts of a request."""

    @property
    def name(self) -> str:
        """What events and logs call it."""

    def find(self, texts: Mapping[Field, str]) -> Finding | None:
        """Return why the texts are blocked, or None where this layer lets them pass."""


class Detector(Protocol):
    """One look at the images themselves."""

    @property
    def name(self) -> str:
        """What events and logs call it."""

    def labels(self, images: Sequence[RawImage]) -> list[set[str]]:
        """Return what is seen in each image, in the detector's own labels, above the policy's confidence."""


def utc_now() -> datetime:
    """Return the time, with its zone."""
    return datetime.now(UTC)


def _is_fresh(event: Event, now: datetime) -> bool:
    return now - event.metadata.occurred_at < FRESH


class PromptModeration:
    """Screens prompts through layers, cheapest first; the first that objects ends it."""

    def __init__(
        self, policy_version: str, layers: Sequence[Layer], verdicts: Verdicts[PromptVerdict], clock: Clock = utc_now
    ) -> None:
        self._policy_version = policy_version
        self._layers = layers
        self._verdicts = verdicts
        self._clock = clock

    def judge(self, prompt: str, negative_prompt: str | None) -> PromptVerdict:
        """Screen without recording or telling anybody."""
        texts: dict[Field, str] = {"prompt": prompt}
        if negative_prompt:
            texts["negative_prompt"] = negative_prompt
        looked, finding = [], None
        for layer in self._layers:
            looked.append(layer.name)
            finding = layer.find(texts)
            if finding is not None:
                break
        return PromptVerdict(
            policy_version=self._policy_version, decided_at=self._clock(), layers=looked, finding=finding
        )

    def decide(self, event: ImageRequested) -> list[Event]:
        """Return PromptApproved or PromptRejected, the same one however often ``event`` comes."""
        parameters = event.data.parameters
        event_id = event.metadata.event_id
        verdict = None if _is_fresh(event, self._clock()) else self._verdicts.find(event_id)
        if verdict is None:
            verdict = self._verdicts.record(event_id, self.judge(parameters.prompt, parameters.negative_prompt))
        follow_up = _tell_prompt(event, verdict)
        finding = verdict.finding
        measure(
            "prompt moderated",
            {"prompts_moderated": (1, "Count")},
            {"verdict": "rejected" if finding else "approved", "layer": verdict.layers[-1]},
            request_id=event.metadata.request_id,
            policy_version=verdict.policy_version,
            category=finding.category if finding else None,
            field=finding.field if finding else None,
            reason=finding.reason if finding else None,
        )
        return [follow_up]


def _tell_prompt(event: ImageRequested, verdict: PromptVerdict) -> Event:
    if verdict.finding is None:
        return PromptApproved.follow(
            event,
            PromptApprovedData(
                policy_version=verdict.policy_version, layers=verdict.layers, parameters=event.data.parameters
            ),
            occurred_at=verdict.decided_at,
        )
    return PromptRejected.follow(
        event,
        PromptRejectedData(
            policy_version=verdict.policy_version,
            layer=verdict.layers[-1],
            category=verdict.finding.category,
            field=verdict.finding.field,
            reason=verdict.finding.reason,
        ),
        occurred_at=verdict.decided_at,
    )


class ImageModeration:
    """Looks at the images that were drawn. ``detector`` None: the image check is off, and every image passes."""

    def __init__(
        self,
        policy_version: str,
        categories: Mapping[str, str],
        detector: Detector | None,
        verdicts: Verdicts[ImageVerdict],
        clock: Clock = utc_now,
    ) -> None:
        """``categories``: what a detector's label means in the policy, gravest first."""
        self._policy_version = policy_version
        self._categories = categories
        self._detector = detector
        self._verdicts = verdicts
        self._clock = clock

    def decide(self, event: ImageGenerated) -> list[Event]:
        """Return ImageApproved with the images that may be kept, or ImageRejected where none may.

        Raises ``UnprocessableError`` for an event without a image.
        """
        images = {o.index: o.image for o in event.data.outcomes if o.status == "generated" and o.image}
        if not images:
            raise UnprocessableError("outcomes: none of them has an image")
        verdict = self._verdict(event, images)
        follow_up = _tell_images(event, verdict)
        measure(
            "images moderated",
            {
                "images_kept": (len(images) - len(verdict.blocked), "Count"),
                "images_removed": (len(verdict.blocked), "Count"),
            },
            {},
            request_id=event.metadata.request_id,
            verdict=follow_up.detail_type,
            policy_version=verdict.policy_version,
            layer=verdict.layers[-1] if verdict.layers else None,
            categories={str(index): category for index, category in verdict.blocked.items()},
        )
        return [follow_up]

    def _verdict(self, event: ImageGenerated, images: Mapping[int, RawImage]) -> ImageVerdict:
        if self._detector is None:  # nothing is decided that could come out differently: no record
            return ImageVerdict(policy_version=self._policy_version, decided_at=self._clock(), layers=[])
        event_id = event.metadata.event_id
        known = None if _is_fresh(event, self._clock()) else self._verdicts.find(event_id)
        if known is not None:
            return known
        seen = zip(images, self._detector.labels(list(images.values())), strict=True)
        blocked = {index: category for index, labels in seen if (category := self._category(labels))}
        verdict = ImageVerdict(
            policy_version=self._policy_version,
            decided_at=self._clock(),
            layers=[self._detector.name],
            blocked=blocked,
        )
        return self._verdicts.record(event_id, verdict)

    def _category(self, labels: set[str]) -> str | None:
        return next((category for label, category in self._categories.items() if label in labels), None)


def _tell_images(event: ImageGenerated, verdict: ImageVerdict) -> Event:
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
