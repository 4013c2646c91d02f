"""The model sentinel: the lifecycle of each configured model at Bedrock, its changes, and its remaining days."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, Protocol

from events.catalog.model_lifecycle_changed import LifecycleStatus, ModelLifecycleChanged, ModelLifecycleChangedData
from events.envelope import Event, subject_id
from events.model_catalog import Model, ModelCatalog

NO_OWNER: Final = "-"
"""Owner of events that belong to no caller."""
WARN_DAYS: Final = 60
"""Days before its end from which a model needs attention. The template's alarm has the same number."""


@dataclass(frozen=True)
class Watched:
    """A model of the installation."""

    key: str
    model_id: str
    region: str
    """Region in which generation uses it."""
    successor: str | None = None
    known_end: date | None = None
    """From the catalog."""
    relied_on: bool = False
    """Whether no other model replaces it automatically: the default model, and the one that moderates prompts."""

    def needs_attention(self, today: date) -> bool:
        """Return whether its end needs attention, which it does not if the catalog lists the model as ended."""
        return self.relied_on or self.known_end is None or self.known_end > today


@dataclass(frozen=True)
class Standing:
    """The lifecycle of a model at Bedrock."""

    status: LifecycleStatus
    ends_at: datetime | None = None

    def days_left(self, now: datetime) -> int | None:
        """Return whole days until its end, at most 0 after it, None without an announced end."""
        if self.ends_at is not None:
            left = (self.ends_at - now).days
            return min(left, 0) if self.status == "ended" else left
        return 0 if self.status == "ended" else None


@dataclass(frozen=True)
class Remembered:
    """The lifecycle of a model at the sentinel's last run."""

    key: str
    standing: Standing
    sequence: int
    """Number of changes."""
    since: datetime
    """When it was first seen."""
    published: bool = False
    """Whether the event is published. It is recorded first, so that a rerun publishes the same event."""


@dataclass(frozen=True)
class Row:
    """A model and its lifecycle."""

    watched: Watched
    standing: Standing
    days_left: int | None


@dataclass
class Report:
    """The result of one run."""

    rows: list[Row] = field(default_factory=list)
    published: int = 0
    failed: int = 0

    def least(self, today: date) -> int | None:
        """Return the fewest remaining days of a model whose end needs attention."""
        return min(
            (row.days_left for row in self.rows if row.days_left is not None and row.watched.needs_attention(today)),
            default=None,
        )


class Registry(Protocol):
    """Bedrock's control plane."""

    def standing(self, watched: Watched, now: datetime) -> Standing:
        """Return the lifecycle of a model. Bedrock does not list an ended one."""


class Memory(Protocol):
    """What the sentinel stores between runs."""

    def recall(self) -> Mapping[str, Remembered]:
        """Return the last known lifecycle of every model by key."""

    def remember(self, standing: Remembered) -> None:
        """Store the lifecycle of a model, unless a later change is stored."""


def watched_models(catalog: ModelCatalog, home: str) -> list[Watched]:
    """Return Bedrock's models. Custom models, which have ARNs, have no lifecycle."""
    found = [_watched(model, catalog, home) for model in catalog if not model.model_id.startswith("arn:")]
    screens = Watched(catalog.moderation, catalog.moderation, home, relied_on=True)
    return [*found, screens]


def _watched(model: Model, catalog: ModelCatalog, home: str) -> Watched:
    region = home if not model.regions or home in model.regions else model.regions[0]
    return Watched(
        key=model.key,
        model_id=model.model_id,
        region=region,
        successor=model.successor,
        known_end=model.end_of_life,
        relied_on=model.key == catalog.default,
    )


def look(registry: Registry, models: Iterable[Watched], now: datetime) -> list[Row]:
    """Return the lifecycle of every model."""
    found = [(watched, registry.standing(watched, now)) for watched in models]
    return [Row(watched, standing, standing.days_left(now)) for watched, standing in found]


def watch(
    registry: Registry,
    memory: Memory,
    publish: Callable[[Sequence[Event]], None],
    models: Iterable[Watched],
    now: datetime,
    on_error: Callable[[str, Exception], None],
) -> Report:
    """Check every model and publish changes. A model that cannot be checked does not prevent the others."""
    report = Report()
    known = memory.recall()
    for watched in models:
        try:
            standing = registry.standing(watched, now)
            report.rows.append(Row(watched, standing, standing.days_left(now)))
            report.published += _publish_change(watched, standing, known.get(watched.key), memory, publish, now)
        except Exception as error:  # the next run repeats it; the caller raises at the end
            report.failed += 1
            on_error(watched.key, error)
    return report


def _publish_change(
    watched: Watched,
    standing: Standing,
    before: Remembered | None,
    memory: Memory,
    publish: Callable[[Sequence[Event]], None],
    now: datetime,
) -> bool:
    if before is None or before.standing != standing:
        before = Remembered(watched.key, standing, before.sequence + 1 if before else 1, now)
        memory.remember(before)
    if before.published:
        return False
    publish([_event(watched, before)])
    memory.remember(replace(before, published=True))
    return True


def _event(watched: Watched, found: Remembered) -> ModelLifecycleChanged:
    data = ModelLifecycleChangedData(
        model=watched.key,
        model_id=watched.model_id,
        status=found.standing.status,
        ends_at=found.standing.ends_at,
        successor=watched.successor,
        sequence=found.sequence,
    )
    subject = subject_id(f"model/{watched.key}")
    return ModelLifecycleChanged.first(subject, NO_OWNER, data, occurred_at=found.since, index=found.sequence)
