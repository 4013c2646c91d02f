"""The deployed function compacts a day, and everything that reads the archive finds what it found before."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from events.envelope import Event
from services.analytics.columns import COLUMNS
from services.analytics.report import Counts
from services.analytics.repository.counters import CounterTable
from tests.support.events import eventbridge_body
from tests.support.system import System
from tests.unit.analytics.stories import story

AT = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=3)
DAY = AT.date().isoformat()
PARTS = f"events/parquet/day={DAY}/"


def keys(stack: System, folder: str) -> list[str]:
    """Return the keys of the archive below a folder."""
    found = stack.client("s3").list_objects_v2(Bucket=bucket(stack), Prefix=folder)
    return [each["Key"] for each in found.get("Contents", [])]


def bucket(stack: System) -> str:
    account = stack.client("sts").get_caller_identity()["Account"]
    return f"{stack.prefix}-analytics-{account}-us-east-1"


def counters(stack: System) -> Counts:
    table = CounterTable(stack.client("dynamodb"), f"{stack.prefix}-analytics")
    return Counts(table.days(table.generations().current, DAY, DAY).get(DAY, {}))


def record(stack: System, *stories: list[Event]) -> None:
    """Send events to the recorder only, and wait until they are counted."""
    accepted = counters(stack).number("status#accepted") + len(stories)
    for events in stories:
        for event in events:
            stack.send("analytics-record", eventbridge_body(event))
    stack.wait_until(
        lambda: counters(stack).number("status#accepted") == accepted, seconds=90, what="the events to be counted"
    )
    stack.wait_until(lambda: stack.queue_depth("analytics-record") == 0, seconds=90, what="the queue to be empty")


def compact(stack: System) -> Any:
    """Run the function with its own role and its own layer; return its result."""
    return stack.invoke("analytics-compact:live")


def query(stack: System, *arguments: str) -> list[dict[str, str]]:
    done = stack.ops("analytics", "query", *arguments, "--from", DAY, "--to", DAY, "--format", "csv")
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


def assert_figures_agree(stack: System) -> None:
    """Compare the five queries with the counters of the day."""
    counted = counters(stack)
    (daily,) = query(stack, "daily")
    assert int(daily["accepted"]) == counted.number("status#accepted") > 0
    assert int(daily["succeeded"]) == counted.number("status#succeeded")
    assert int(daily["images"]) == counted.number("images#generated") > 0
    assert Decimal(daily["cost_usd"]) == counted.cost_usd > 0
    models = {row["model"]: (int(row["requests"]), int(row["images"])) for row in query(stack, "models")}
    assert models == {name: (use.requests, use.images) for name, use in counted.models().items()}
    latencies = {row["step"]: int(row["events"]) for row in query(stack, "latencies")}
    assert latencies == {step: known.count for step in counted.steps() if (known := counted.latency(step))}
    refusals = {row["reason"]: int(row["events"]) for row in query(stack, "refusals") if row["kind"] != "stall"}
    assert refusals == counted.labels("rejection") | counted.labels("failure")
    assert sum(int(row["accepted"]) for row in query(stack, "owners")) == counted.number("status#accepted")


def test_a_compacted_day_has_the_figures_of_the_counters(stack: System) -> None:
    stories = [story(number, at=AT) for number in range(6)]
    record(stack, *stories[:4])
    assert keys(stack, PARTS) == []
    assert_figures_agree(stack)

    assert compact(stack)["events"] > 0
    assert keys(stack, f"events/day={DAY}/") == [], "the lines are deleted"
    assert keys(stack, PARTS) == [f"{PARTS}00000.parquet"]
    assert_figures_agree(stack)

    record(stack, *stories[4:])
    assert_figures_agree(stack)
    compact(stack)
    assert compact(stack)["events"] == 0, "a second run has nothing to do"
    assert keys(stack, PARTS) == [f"{PARTS}0000{number}.parquet" for number in (0, 1)], "late events are another part"
    assert_figures_agree(stack)

    rebuilt = stack.ops("analytics", "rebuild", "--output", "json")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    done = json.loads(rebuilt.stdout)
    assert (done["current"], done["differences"]) == (True, [])


def test_the_table_is_in_the_catalog(stack: System) -> None:
    """Athena's queries are not on the emulator: its CloudFormation has no named ones."""
    glue, name = stack.client("glue"), stack.prefix.replace("-", "_")
    table = glue.get_table(DatabaseName=name, Name="events")["Table"]
    group = stack.client("athena").get_work_group(WorkGroup=stack.prefix)["WorkGroup"]["Configuration"]

    assert [column["Name"] for column in table["StorageDescriptor"]["Columns"]] == list(COLUMNS)
    assert table["StorageDescriptor"]["Location"] == f"s3://{bucket(stack)}/events/parquet/"
    assert group["ResultConfiguration"]["OutputLocation"] == f"s3://{bucket(stack)}/queries/"
    assert group["BytesScannedCutoffPerQuery"] == 10_000_000_000
