"""The model sentinel: each change is published once, with the same event after a failure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from events.catalog.model_lifecycle_changed import ModelLifecycleChanged
from events.envelope import Event
from events.model_catalog import ModelCatalog, model_catalog
from services.operations.lifecycle.sentinel import Remembered, Report, Standing, Watched, watch, watched_models

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CORE = Watched("core", "stability.core", "us-west-2", successor="ultra", relied_on=True)
ULTRA = Watched("ultra", "stability.ultra", "us-west-2")
ACTIVE = Standing("active")


class FakeBedrock:
    """Implements ``Registry``; an exception is raised."""

    def __init__(self, **standings: Standing | Exception) -> None:
        self.standings = standings

    def standing(self, watched: Watched, now: datetime) -> Standing:
        found = self.standings[watched.key]
        if isinstance(found, Exception):
            raise found
        return found


class FakeMemory:
    """Implements ``Memory``."""

    def __init__(self) -> None:
        self.kept: dict[str, Remembered] = {}

    def recall(self) -> Mapping[str, Remembered]:
        return dict(self.kept)

    def remember(self, standing: Remembered) -> None:
        self.kept[standing.key] = standing


class Bench:
    """A sentinel with fakes for all its ports."""

    def __init__(self, **standings: Standing | Exception) -> None:
        self.bedrock = FakeBedrock(**standings)
        self.memory = FakeMemory()
        self.published: list[Event] = []
        self.errors: list[str] = []
        self.bus_is_down = False

    def publish(self, events: Sequence[Event]) -> None:
        if self.bus_is_down:
            raise OSError("no bus")
        self.published += events

    def run(self, at: datetime = NOW) -> Report:
        models = [model for model in (CORE, ULTRA) if model.key in self.bedrock.standings]
        return watch(self.bedrock, self.memory, self.publish, models, at, lambda key, _: self.errors.append(key))

    def said(self) -> list[tuple[str, str, int]]:
        found = [event for event in self.published if isinstance(event, ModelLifecycleChanged)]
        return [(event.data.model, event.data.status, event.data.sequence) for event in found]


def test_a_new_installation_publishes_one_event_per_model() -> None:
    bench = Bench(core=ACTIVE, ultra=Standing("legacy", NOW + timedelta(days=30)))
    bench.run()
    bench.run(NOW + timedelta(hours=1))

    assert bench.said() == [("core", "active", 1), ("ultra", "legacy", 1)]


def test_every_change_has_the_next_sequence_number() -> None:
    bench = Bench(core=ACTIVE)
    for hours, standing in enumerate([ACTIVE, Standing("ended", NOW), ACTIVE]):
        bench.bedrock.standings["core"] = standing
        bench.run(NOW + timedelta(hours=hours))

    assert bench.said() == [("core", "active", 1), ("core", "ended", 2), ("core", "active", 3)]
    assert len({event.metadata.event_id for event in bench.published}) == 3
    assert len({event.metadata.request_id for event in bench.published}) == 1


def test_a_failed_publication_is_repeated_as_the_same_event() -> None:
    bench = Bench(core=Standing("ended", NOW))
    bench.bus_is_down = True
    report = bench.run()
    assert (report.failed, bench.errors) == (1, ["core"])

    bench.bus_is_down = False
    bench.run(NOW + timedelta(hours=1))
    bench.memory.kept = {key: replace(known, published=False) for key, known in bench.memory.kept.items()}
    bench.run(NOW + timedelta(hours=2))

    first, again = bench.published
    assert first == again
    assert first.metadata.occurred_at == NOW, "when it was noticed, not when it could be said"


def test_a_failing_check_does_not_prevent_the_others() -> None:
    bench = Bench(core=OSError("away"), ultra=ACTIVE)
    report = bench.run()

    assert (report.failed, [row.watched.key for row in report.rows]) == (1, ["ultra"])
    assert bench.said() == [("ultra", "active", 1)]


@pytest.mark.parametrize(
    ("standing", "left"),
    [
        (ACTIVE, None),
        (Standing("legacy", NOW + timedelta(days=60)), 60),
        (Standing("legacy", NOW + timedelta(days=60, hours=-1)), 59),
        (Standing("ended", NOW - timedelta(days=3)), -3),
        (Standing("ended"), 0),
    ],
)
def test_days_left_are_whole_days(standing: Standing, left: int | None) -> None:
    assert standing.days_left(NOW) == left


def test_the_fewest_days_ignore_ended_models_that_are_not_in_use() -> None:
    listed = replace(ULTRA, known_end=date(2026, 9, 30))
    report = Report()
    bench = Bench(core=Standing("legacy", NOW + timedelta(days=40)), ultra=Standing("ended", NOW - timedelta(days=50)))
    models = [CORE, listed]
    report = watch(bench.bedrock, bench.memory, bench.publish, models, NOW, lambda *_: None)
    assert report.least(NOW.date()) == 40

    models = [CORE, replace(listed, relied_on=True)]
    report = watch(bench.bedrock, bench.memory, bench.publish, models, NOW, lambda *_: None)
    assert report.least(NOW.date()) == -50


def test_the_sentinel_checks_generations_regions_without_custom_models() -> None:
    arn = "arn:aws:bedrock:eu-west-1:123456789012:imported-model/mine"
    custom = ModelCatalog.load(f'{{"mine": {{"arn": "{arn}", "family": "sdxl", "price_usd": "0.04"}}}}')
    found = {model.key: model for model in watched_models(custom, "us-east-1")}

    assert "mine" not in found
    assert found["titan-v2"].region == "us-east-1"
    assert found["stable-image-core"].region == "us-west-2"
    assert [key for key, model in found.items() if model.relied_on] == [
        model_catalog().default,
        model_catalog().moderation,
    ]
