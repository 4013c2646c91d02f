"""From events to figures: the saved queries, on lines and on compacted days, agree with the counters."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli import lake_queries as queries
from cli.__main__ import main
from cli.recovery.lake import archived_events
from events.catalog import CATALOG
from events.envelope import Event
from events.pipeline import TERMINAL
from services.analytics.compaction import Compactor
from services.analytics.rebuild import rebuild
from services.analytics.report import Counts
from services.analytics.repository.counters import CounterTable
from services.analytics.repository.lake import EventLake
from services.analytics.repository.parquet import Parquet
from services.analytics.service import Recorder
from tests.support.events import sample
from tests.unit.analytics.stories import START, story

PREFIX = "genai-images-test"
BUCKET = f"{PREFIX}-analytics-123456789012-us-east-1"
DAYS = ("2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23")
STORIES = [story(number, at=START - timedelta(days=number % 3)) for number in range(18)]
SAMPLES = [  # of an owner who opted out
    event.model_copy(
        update={"metadata": event.metadata.model_copy(update={"occurred_at": START, "analytics_opt_out": True})}
    )
    for event in (sample(name, version) for name, version in CATALOG)
]


@pytest.fixture
def aws(aws_test_environment: None) -> Iterator[None]:
    with mock_aws():
        for table in ("analytics", "operations"):
            boto3.client("dynamodb").create_table(
                TableName=f"{PREFIX}-{table}",
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            )
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield


@pytest.fixture
def lake(aws: None) -> EventLake:
    return EventLake(boto3.client("s3"), BUCKET)


@pytest.fixture
def counters(aws: None) -> CounterTable:
    return CounterTable(boto3.client("dynamodb"), f"{PREFIX}-analytics")


@pytest.fixture
def recorded(lake: EventLake, counters: CounterTable) -> Counts:
    """Record everything, some of it twice. One day is compacted, one is compacted with late events, two are lines."""
    recorder = Recorder(lake, counters)
    late = STORIES[1]
    for events in [*STORIES[:1], *STORIES[2:], SAMPLES]:
        recorder.record(events)
    compact_days(lake, "2026-11-21", "2026-11-22")
    recorder.record(late)
    recorder.record(STORIES[2])
    compact_days(lake, "2026-11-22")
    return Counts.total(counters.days(counters.generations().current).values())


def compact_days(lake: EventLake, *days: str) -> None:
    for day in days:
        with TemporaryDirectory() as name:
            folder = Path(name)
            compactor = Compactor(lake, Parquet(folder / "duckdb"), folder / "work", timedelta())
            assert compactor.compact(day, lambda: True).is_finished


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    code = main(["analytics", "query", "--prefix", PREFIX, "--from", DAYS[0], "--to", DAYS[-1], *arguments])
    assert code == 0
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def keys(folder: str) -> list[str]:
    found = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=folder)
    return [each["Key"] for each in found.get("Contents", [])]


# Figures -------------------------------------------------------------------------------------------------------------


def test_the_days_are_in_both_forms(recorded: Counts) -> None:
    assert len(keys("events/parquet/day=2026-11-21/")) == 1
    assert len(keys("events/parquet/day=2026-11-22/")) == 1
    assert keys("events/day=2026-11-21/") != [], "the late event of STORIES[1] is a line"
    assert keys("events/day=2026-11-22/") == []
    assert keys("events/day=2026-11-20/") != []


def test_daily_figures_are_those_of_the_counters(
    recorded: Counts, counters: CounterTable, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = run(capsys, "daily", "--format", "csv")
    by_day = {day: Counts(amounts) for day, amounts in counters.days("g1").items()}
    assert [row["day"] for row in rows] == sorted(by_day)
    for row in rows:
        counts = by_day[row["day"]]
        for status in ("accepted", "stalled", *TERMINAL):
            assert int(row[status]) == counts.number(f"status#{status}"), (row, status)
        assert (int(row["images"]), int(row["stored"])) == (
            counts.number("images#generated"),
            counts.number("images#stored"),
        )
        assert Decimal(row["cost_usd"]) == counts.cost_usd


def test_models_have_the_figures_of_the_counters(recorded: Counts, capsys: pytest.CaptureFixture[str]) -> None:
    rows = run(capsys, "models", "--format", "csv")
    found = {row["model"]: (int(row["requests"]), int(row["images"]), Decimal(row["cost_usd"])) for row in rows}
    assert len(found) > 2
    assert found == {name: (use.requests, use.images, use.cost_usd) for name, use in recorded.models().items()}


def test_latencies_have_the_figures_of_the_counters(recorded: Counts, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["step"]: row for row in run(capsys, "latencies", "--format", "csv")}
    assert len(rows) > 3
    assert rows.keys() == {step for step in recorded.steps() if recorded.latency(step)}
    for step, row in rows.items():
        latency = recorded.latency(step)
        assert latency is not None
        assert int(row["events"]) == latency.count
        assert float(row["mean"]) == pytest.approx(latency.mean)
        assert int(row["p50"]) <= int(row["p95"]) <= int(row["p99"]) <= int(row["maximum"])


def test_refusals_have_the_figures_of_the_counters(recorded: Counts, capsys: pytest.CaptureFixture[str]) -> None:
    found = {(row["kind"], row["reason"]): int(row["events"]) for row in run(capsys, "refusals", "--format", "csv")}
    stalls = {
        ("stall", step): recorded.number(f"step#{step}#stalled")
        for step in recorded.steps()
        if recorded.number(f"step#{step}#stalled")
    }
    expected = {
        (kind, label): number for kind in ("rejection", "failure") for label, number in recorded.labels(kind).items()
    }
    assert found == expected | stalls
    assert {kind for kind, _ in found} == {"rejection", "failure", "stall"}


def test_owners_add_up_to_the_counters(recorded: Counts, capsys: pytest.CaptureFixture[str]) -> None:
    rows = run(capsys, "owners", "--format", "csv")
    total: Counter[str] = Counter()
    for row in rows:
        total.update({part: int(row[part]) for part in ("accepted", "requested", "images", "stored", "deleted")})
    assert {row["owner"] for row in rows} == {"demo", "-"}
    assert sum(Decimal(row["cost_usd"]) for row in rows) == recorded.cost_usd
    assert dict(total) == {
        "accepted": recorded.number("status#accepted"),
        **{part: recorded.number(f"images#{part}") for part in ("requested", "stored", "deleted")},
        "images": recorded.number("images#generated"),
    }


# Readers -------------------------------------------------------------------------------------------------------------


def test_a_rebuild_reads_both_forms(recorded: Counts, lake: EventLake, counters: CounterTable) -> None:
    live = counters.days("g1")
    done = rebuild(lake, counters, sleep=lambda _: None)
    assert (done.current, done.differences) == (True, [])
    assert counters.days("g2") == live


def test_a_restore_reads_both_forms(recorded: Counts, lake: EventLake) -> None:
    since = START - timedelta(days=5)
    found = [event.metadata.event_id for event in archived_events(lake, since, START + timedelta(days=5))]
    expected = {event.metadata.event_id for events in [*STORIES, SAMPLES] for event in events}
    assert sorted(found) == sorted(expected), "each event once"


@pytest.mark.parametrize("moment", ["before the lines", "between two lines", "before the parts"])
def test_a_reader_misses_nothing_of_a_day_that_is_compacted_meanwhile(
    moment: str, lake: EventLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    for events in STORIES[::3]:
        lake.append(events)
    day = START.date()
    expected = {event.metadata.event_id for event in lake.read_day(day)}
    calls: list[str] = []

    def then_compact(method: str, at: int = 1) -> None:
        real = getattr(EventLake, method)

        def call(self: EventLake, *arguments: Any) -> Any:
            if self is lake:
                calls.append(method)
                if calls.count(method) == at:
                    compact_days(EventLake(boto3.client("s3"), BUCKET), day.isoformat())
            return real(self, *arguments)

        monkeypatch.setattr(EventLake, method, call)

    match moment:
        case "before the lines":
            then_compact("lines")
        case "between two lines":
            monkeypatch.setattr("services.analytics.repository.lake.READERS", 1)
            then_compact("_fetch", at=2)
        case "before the parts":
            then_compact("parts")
    assert {event.metadata.event_id for event in lake.read_day(day)} == expected
    assert calls
    assert keys(f"events/day={day}/") == []


def test_days_are_read_in_order_in_either_form(recorded: Counts, lake: EventLake) -> None:
    days = [event.metadata.occurred_at.astimezone(UTC).date() for event in lake.read()]
    assert days == sorted(days)
    assert {day.isoformat() for day in days} == set(DAYS)


def test_compaction_leaves_the_lines_as_they_were(lake: EventLake) -> None:
    """An owner who opted out is in neither form, and texts stay sealed."""
    event: Event = STORIES[0][0]
    opted_out = event.model_copy(update={"metadata": event.metadata.model_copy(update={"analytics_opt_out": True})})
    lake.append([opted_out])
    [before] = list(lake.read())
    compact_days(lake, START.date().isoformat())
    assert [before] == list(lake.read())
    assert before.metadata.owner == "-"
    assert before.data == event.data


# The command ---------------------------------------------------------------------------------------------------------


def test_own_sql_is_printed_as_json(recorded: Counts, capsys: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT day, count(*) AS events, count(DISTINCT event_id) AS ids FROM events GROUP BY day ORDER BY day"
    capsys.readouterr()
    target = ("--prefix", PREFIX, "--from", DAYS[0], "--to", DAYS[-1])
    for option in (("--format", "json"), ("--output", "json")):
        assert main(["analytics", "query", *target, "--sql", sql, *option]) == 0
        rows = json.loads(capsys.readouterr().out)
        assert [row["day"] for row in rows] == list(DAYS)
        assert all(row["events"] == row["ids"] > 0 for row in rows), "no event is in two rows"


def test_only_the_days_of_the_options_are_read(recorded: Counts, capsys: pytest.CaptureFixture[str]) -> None:
    sql = "SELECT DISTINCT day FROM events ORDER BY day"
    target = ("--prefix", PREFIX, "--from", DAYS[1], "--to", DAYS[2], "--sql", sql, "--format", "csv")
    assert main(["analytics", "query", *target]) == 0
    assert capsys.readouterr().out == f"day\n{DAYS[1]}\n{DAYS[2]}\n"


def test_a_table_is_shown_to_people(recorded: Counts, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analytics", "query", "models", "--prefix", PREFIX, "--from", DAYS[0], "--to", DAYS[-1]]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["model", "requests", "images", "cost_usd"]
    assert any(line.startswith("nova-canvas") for line in lines)


def test_without_a_query_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analytics", "query"]) == 0
    shown = capsys.readouterr().out
    assert len(queries.names()) == 5
    assert all(name in shown and queries.about(name)[:40] in shown for name in queries.names())


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        (("daily", "--sql", "SELECT 1"), 2, "use one of them"),
        (("daily", "--from", "2026-11-23", "--to", "2026-11-22"), 2, "--from: must not be after 2026-11-22"),
        (("--sql", "SELECT nothing FROM events"), 1, "nothing"),
        (("--sql", "SELECT * FROM read_csv('/etc/passwd')"), 1, "Permission"),
        (("--sql", "COPY events TO '/tmp/rows.csv'"), 1, "Permission"),
    ],
)
def test_a_wrong_query_is_refused_with_the_reason(
    arguments: tuple[str, ...], code: int, problem: str, aws: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analytics", "query", "--prefix", PREFIX, *arguments]) == code
    assert problem in capsys.readouterr().err


def test_an_empty_archive_has_no_rows(aws: None, capsys: pytest.CaptureFixture[str]) -> None:
    for name in queries.names():
        assert main(["analytics", "query", name, "--prefix", PREFIX]) == 0
        assert capsys.readouterr().out == "No rows.\n"


def test_the_scheduled_function_compacts_what_has_ended(
    lake: EventLake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ARCHIVE_BUCKET_NAME", BUCKET)
    monkeypatch.setenv("ARCHIVE_RETENTION_DAYS", "0")
    from services.analytics.handlers import compact as function

    now = datetime.now(UTC)
    lake.append(story(0, at=now))
    lake.append(story(1, at=now - timedelta(days=3)))
    boto3.client("s3").put_object(Bucket=BUCKET, Key="events/day=2026-01-01/x.jsonl.gz", Body=b"broken")

    class Context:
        @staticmethod
        def get_remaining_time_in_millis() -> int:
            return 900_000

    with pytest.raises(RuntimeError, match="1 days could not be compacted, the first is 2026-01-01"):
        function.handler({}, Context)
    three_days_ago = (now - timedelta(days=3)).date()
    assert keys("events/day=2026-01-01/") != [], "an unreadable object is kept"
    assert keys(f"events/parquet/day={three_days_ago}/") != [], "other days are compacted"
    assert keys(f"events/parquet/day={now.date()}/") == [], "today has not ended"
    boto3.client("s3").delete_object(Bucket=BUCKET, Key="events/day=2026-01-01/x.jsonl.gz")
    assert function.handler({}, Context) == {"days": 0, "events": 0}
