"""Which days are compacted, what their rows are, and that the parts are verified before any line is deleted."""

import gzip
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from events.catalog import CATALOG
from events.envelope import Event
from kit.errors import TransientError
from services.analytics import compaction
from services.analytics.archive_format import event_of, lines_of, next_part, pack
from services.analytics.columns import COLUMNS, row_of
from services.analytics.compaction import Compactor, UnverifiedError
from services.analytics.counters import amounts
from services.analytics.repository.parquet import Parquet
from services.privacy.platform import COMPACTION_DELAY
from tests.support.events import sample
from tests.unit.analytics.stories import START, approved, generated, outcome, requested, story

DAY = START.date().isoformat()
NOW = datetime(2026, 11, 29, 0, 59, tzinfo=UTC)
GOLDEN = [sample(name, version) for name, version in CATALOG]
STORIES = [story(number) for number in range(6)]
"""Made once, because a text is sealed differently each time."""


def lines(events: Sequence[Event]) -> list[str]:
    return [line for _, content in pack(events) for line in lines_of(content)]


class InMemoryLake:
    """A bucket, with hooks for other runs and for crashes."""

    def __init__(self, *batches: Sequence[Event]) -> None:
        self.stored: dict[str, bytes] = {}
        self.before_add: Callable[[], None] = lambda: None
        self.before_delete: Callable[[], None] = lambda: None
        self.before_fetch: Callable[[str], None] = lambda _: None
        self.stores: Callable[[bytes], bytes] = lambda content: content
        for batch in batches:
            self.append(batch)

    def append(self, events: Sequence[Event]) -> None:
        self.stored |= dict(pack(events))

    def days_with_lines(self) -> list[str]:
        return sorted({key.split("/")[1].removeprefix("day=") for key in self.stored if key.endswith(".gz")})

    def objects(self, day: str) -> list[tuple[str, int]]:
        return [(key, len(self.stored[key])) for key in sorted(self.stored) if key.startswith(f"events/day={day}/")]

    def lines(self, keys: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        for key in keys:
            self.before_fetch(key)
            if key in self.stored:
                yield key, lines_of(self.stored[key])

    def parts(self, day: str) -> list[str]:
        return [key for key in sorted(self.stored) if key.startswith(f"events/parquet/day={day}/")]

    def download(self, key: str, file: Path) -> None:
        file.write_bytes(self.stored[key])

    def add(self, key: str, file: Path) -> bool:
        self.before_add()
        if key in self.stored:
            return False
        self.stored[key] = self.stores(file.read_bytes())
        return True

    def delete(self, keys: Sequence[str]) -> None:
        self.before_delete()
        for key in keys:
            self.stored.pop(key, None)


def compactor(lake: Any, tables: Any, folder: Path, retention: timedelta = timedelta()) -> Compactor:
    return Compactor(lake, tables, folder, retention)


def days_to_compact(days: list[str], now: datetime, *, expires: bool) -> list[str]:
    lake = InMemoryLake()
    lake.stored = {f"events/day={day}/x.jsonl.gz": b"" for day in days}
    return compactor(lake, None, Path(), timedelta(days=int(expires))).days(now)


@pytest.fixture
def tables(tmp_path: Path) -> Parquet:
    return Parquet(tmp_path / "duckdb")


@pytest.fixture
def run(tables: Parquet, tmp_path: Path) -> Callable[..., Any]:
    return lambda lake, may_go_on=lambda: True: compactor(lake, tables, tmp_path / "work").compact(DAY, may_go_on)


def in_parts(lake: InMemoryLake, tables: Parquet, folder: Path) -> Counter[str]:
    """Return the lines of all parts of the day, with how often each one is there."""
    found: Counter[str] = Counter()
    for number, key in enumerate(lake.parts(DAY)):
        lake.download(key, folder / f"{number}.parquet")
        found.update(tables.lines(folder / f"{number}.parquet"))
    return found


def of_day(*events: Event) -> Counter[str]:
    """Return each line of the events of the day once."""
    return Counter(set(lines([event for event in events if event.metadata.occurred_at.date() == START.date()])))


# Days -----------------------------------------------------------------------------------------------------------------


def test_a_day_is_compacted_an_hour_after_its_end() -> None:
    days = ["2026-11-28", "2026-11-27", "2026-11-29", "2026-01-01"]
    assert days_to_compact(days, NOW, expires=False) == ["2026-01-01", "2026-11-27"]
    assert days_to_compact(days, NOW + timedelta(minutes=1), expires=False) == [
        "2026-01-01",
        "2026-11-27",
        "2026-11-28",
    ]


def test_old_days_stay_lines_if_the_archive_expires() -> None:
    days = [f"2026-11-{number}" for number in range(18, 30)]
    found = days_to_compact(days, NOW.replace(hour=2), expires=True)
    assert found == [f"2026-11-{number}" for number in range(23, 29)]


def test_receipts_add_the_time_until_a_line_is_in_a_part() -> None:
    begin = datetime(2026, 11, 20, tzinfo=UTC)
    last = begin + COMPACTION_DELAY - timedelta(microseconds=1)
    assert days_to_compact(["2026-11-20"], last, expires=True)
    assert not days_to_compact(["2026-11-20"], last + timedelta(microseconds=1), expires=True)


def test_parts_are_numbered_after_the_last_one() -> None:
    folder = f"events/parquet/day={DAY}/"
    assert next_part(DAY, []) == f"{folder}00000.parquet"
    assert next_part(DAY, [f"{folder}00009.parquet", f"{folder}00003.parquet"]) == f"{folder}00010.parquet"


# Rows -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", GOLDEN, ids=lambda event: event.detail_type)
def test_every_event_of_the_catalog_has_a_row_with_its_line(event: Event) -> None:
    [line] = lines([event])
    row = row_of(line)
    assert row.keys() <= COLUMNS.keys()
    assert event_of("", row["line"]) == event
    assert (row["event_id"], row["detail_type"]) == (event.metadata.event_id, event.detail_type)


@pytest.mark.parametrize(
    "event", [*GOLDEN, *(event for story in STORIES for event in story)], ids=lambda event: event.detail_type
)
def test_a_row_has_everything_that_is_counted(event: Event) -> None:
    [line] = lines([event])
    row, counted = row_of(line), amounts(event)
    again: dict[str, Any] = {}
    for part in ("requested", "generated", "filtered", "failed", "stored", "deleted"):
        if part in row:
            again[f"images#{part}"] = row[part]
    for family in ("status", "style", "rejection", "failure"):
        if family in row:
            again[f"{family}#{row[family]}"] = 1
    if "requested_model" in row:
        again[f"model#{row['requested_model']}#requests"] = 1
    if "cost_usd" in row:
        again["cost_usd"] = Decimal(row["cost_usd"])
    if "step_ms" in row:
        again[f"latency#{row['step']}#sum_ms"] = row["step_ms"]
    elif "step" in row:
        again[f"step#{row['step']}#{row['status']}"] = 1
    if "request_ms" in row:
        again["latency#request#sum_ms"] = row["request_ms"]
    for model, images, cost in zip(
        row.get("models", []), row.get("model_images", []), row.get("model_costs_usd", []), strict=True
    ):
        again |= {f"model#{model}#images": images, f"model#{model}#cost_usd": Decimal(cost)}
    histogram = {name for name in counted if name.startswith("latency#") and not name.endswith("#sum_ms")}
    assert again == {name: amount for name, amount in counted.items() if name not in histogram}


def test_an_event_that_the_catalog_no_longer_has_is_kept() -> None:
    [line] = lines([sample("ImageDeleted")])
    row = row_of(line.replace('"ImageDeleted"', '"Gone"'))
    assert (row["detail_type"], row.get("deleted")) == ("Gone", None)


def test_images_of_several_models_are_kept_apart() -> None:
    event = generated(approved(requested()), outcome(0, "b", "0.1"), outcome(1, "a", "0.04"), outcome(2, "a", "0.04"))
    row = row_of(lines([event])[0])
    assert (row["models"], row["model_images"], row["model_costs_usd"]) == (["a", "b"], [2, 1], ["0.08", "0.1"])


# Parts ----------------------------------------------------------------------------------------------------------------


def test_lines_become_a_part_in_which_every_event_is_once(run: Any, tables: Parquet, tmp_path: Path) -> None:
    lake = InMemoryLake(STORIES[0], [*STORIES[0][1:], *STORIES[1]])
    other_days = [key for key in lake.stored if DAY not in key]
    done = run(lake)
    assert in_parts(lake, tables, tmp_path) == of_day(*STORIES[0], *STORIES[1])
    assert sorted(lake.stored) == sorted([*other_days, next_part(DAY, [])])
    assert (done.parts, done.events, done.is_finished) == (1, sum(of_day(*STORIES[0], *STORIES[1]).values()), True)


def test_compacting_again_changes_nothing(run: Any) -> None:
    lake = InMemoryLake(STORIES[0])
    run(lake)
    before = dict(lake.stored)
    assert vars(run(lake)) == {"objects": 0, "events": 0, "parts": 0, "is_finished": True}
    assert lake.stored == before


def test_late_events_are_another_part(run: Any, tables: Parquet, tmp_path: Path) -> None:
    lake = InMemoryLake(STORIES[0])
    run(lake)
    lake.append([*STORIES[0], *STORIES[3]])
    run(lake)
    assert len(lake.parts(DAY)) == 2
    assert in_parts(lake, tables, tmp_path) == of_day(*STORIES[0], *STORIES[3])


def test_a_batch_that_is_delivered_again_adds_no_part(run: Any, tables: Parquet, tmp_path: Path) -> None:
    lake = InMemoryLake(STORIES[0])
    run(lake)
    lake.append(STORIES[0])
    assert run(lake).parts == 0
    assert lake.objects(DAY) == []
    assert in_parts(lake, tables, tmp_path) == of_day(*STORIES[0])


@pytest.mark.parametrize("hook", ["before_add", "before_delete"])
def test_a_run_that_dies_is_continued_by_the_next_one(hook: str, run: Any, tables: Parquet, tmp_path: Path) -> None:
    lake = InMemoryLake(STORIES[0], STORIES[1])

    def die() -> None:
        raise MemoryError

    setattr(lake, hook, die)
    with pytest.raises(MemoryError):
        run(lake)
    assert len(lake.objects(DAY)) == 2, "no line is deleted"
    setattr(lake, hook, lambda: None)
    run(lake)
    assert lake.objects(DAY) == []
    assert in_parts(lake, tables, tmp_path) == of_day(*STORIES[0], *STORIES[1])


def test_of_two_runs_at_once_only_one_writes(run: Any, tables: Parquet, tmp_path: Path) -> None:
    lake = InMemoryLake(STORIES[0], STORIES[1])

    def other_run() -> None:
        lake.before_add = lambda: None
        lake.append(STORIES[2])
        compactor(lake, tables, tmp_path / "other").compact(DAY, lambda: True)

    lake.before_add = other_run
    run(lake)
    assert lake.objects(DAY) == []
    assert in_parts(lake, tables, tmp_path) == of_day(*STORIES[0], *STORIES[1], *STORIES[2])


def test_lines_that_another_run_compacts_meanwhile_are_not_missed(run: Any, tables: Parquet, tmp_path: Path) -> None:
    lake = InMemoryLake(STORIES[0], STORIES[1])

    def other_run(_key: str) -> None:
        lake.before_fetch = lambda _: None
        compactor(lake, tables, tmp_path / "other").compact(DAY, lambda: True)

    lake.before_fetch = other_run
    run(lake)
    assert in_parts(lake, tables, tmp_path) == of_day(*STORIES[0], *STORIES[1])


def test_a_run_that_always_comes_second_leaves_the_rest(run: Any) -> None:
    lake = InMemoryLake(STORIES[0])
    lake.add = lambda key, file: False  # type: ignore[method-assign]
    with pytest.raises(TransientError, match="5 times"):
        run(lake)
    assert len(lake.objects(DAY)) == 1


def test_lines_beyond_a_chunk_are_another_part(
    run: Any, tables: Parquet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "CHUNK_BYTES", 10)
    lake = InMemoryLake(*([event] for event in STORIES[0]))
    assert run(lake, iter([True, True, False]).__next__).is_finished is False
    assert len(lake.parts(DAY)) == 2
    assert run(lake).is_finished
    assert in_parts(lake, tables, tmp_path) == of_day(*STORIES[0])


@pytest.mark.parametrize(
    ("stored", "problem"),
    [
        ([STORIES[0][1]], "an event is in no row"),
        ([*STORIES[0], *STORIES[3]], "the file has another number of rows"),
    ],
    ids=["too few", "too many"],
)
def test_lines_are_kept_unless_the_part_has_them(
    stored: list[Event], problem: str, run: Any, tables: Parquet, tmp_path: Path
) -> None:
    tables.stage(list(of_day(*stored)), tmp_path / "staged")
    tables.write(tmp_path / "staged", [], tmp_path / "wrong.parquet")
    lake = InMemoryLake(STORIES[0])
    lake.stores = lambda _: (tmp_path / "wrong.parquet").read_bytes()
    with pytest.raises(UnverifiedError, match=problem):
        run(lake)
    assert len(lake.objects(DAY)) == 1


def test_lines_are_kept_if_one_has_changed(run: Any, tables: Parquet, tmp_path: Path) -> None:
    changed = [line.replace('"owner":"demo"', '"owner":"else"') for line in of_day(*STORIES[0])]
    tables.stage(changed, tmp_path / "staged")
    tables.write(tmp_path / "staged", [], tmp_path / "wrong.parquet")
    lake = InMemoryLake(STORIES[0])
    lake.stores = lambda _: (tmp_path / "wrong.parquet").read_bytes()
    with pytest.raises(UnverifiedError, match="a line has changed"):
        run(lake)


def test_lines_are_kept_if_two_parts_have_an_event(run: Any, tables: Parquet) -> None:
    lake = InMemoryLake(STORIES[0])
    run(lake)
    lake.stored[f"events/parquet/day={DAY}/00001.parquet"] = lake.stored[next_part(DAY, [])]
    lake.append(STORIES[3])
    with pytest.raises(UnverifiedError, match="an event is in two rows"):
        run(lake)
    assert len(lake.objects(DAY)) == 1


def test_an_unreadable_object_is_kept(run: Any) -> None:
    lake = InMemoryLake(STORIES[0])
    lake.stored[f"events/day={DAY}/broken.jsonl.gz"] = gzip.compress(b"{")
    with pytest.raises(ValueError, match="Expecting"):
        run(lake)
    assert len(lake.objects(DAY)) == 2
