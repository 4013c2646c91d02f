"""The arithmetic of docs/scale.md, and what it says about the templates."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from events.pipeline import STEPS
from tests.support import templates
from tools.scale.arithmetic import (
    Limit,
    Work,
    batch_seconds,
    concurrency_for,
    consumer_rate,
    key_rate,
    write_units,
)
from tools.scale.limits import GENERATIONS, LOAD, QUOTAS, limits, needed
from tools.scale.page import scale_sections
from tools.scale.settings import Settings, read_settings

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def settings() -> Settings:
    return read_settings(ROOT)


@pytest.mark.parametrize(
    ("size", "transaction", "units"),
    [(0, False, 1), (1024, False, 1), (1025, False, 2), (100, True, 2), (5260, True, 12)],
)
def test_a_write_unit_is_a_kilobyte_and_a_transaction_takes_two(size: int, transaction: bool, units: int) -> None:
    assert write_units(size, transaction=transaction) == units


def test_shards_multiply_the_rate_of_a_key() -> None:
    assert key_rate(1000, 12) == pytest.approx(83.33, abs=0.01)
    assert key_rate(1000, 12 * 0.9, shards=8) == pytest.approx(740.7, abs=0.1)


def test_a_consumer_is_as_fast_as_its_batches() -> None:
    # Five executions with five images of five seconds side by side: five images per second.
    assert consumer_rate(concurrency=5, batch=5, seconds=5.0, messages=1) == 5
    # Ten executions with batches of ten in half a second are 200 messages, or 50 images with four messages each.
    assert consumer_rate(concurrency=10, batch=10, seconds=0.5, messages=4) == 50


def test_the_needed_concurrency_is_rounded_up() -> None:
    assert concurrency_for(100, batch=10, seconds=0.5, messages=4) == 20
    assert concurrency_for(101, batch=10, seconds=0.5, messages=4) == 21
    assert concurrency_for(1, batch=10, seconds=0.5, messages=4) == 1


def test_messages_side_by_side_wait_once_and_compute_one_after_the_other() -> None:
    work = Work(waits=5, cpu=0.01, parallel=5)
    assert batch_seconds(work, 5, memory_mb=1769) == pytest.approx(5.05)
    assert batch_seconds(work, 6, memory_mb=1769) == pytest.approx(10.06)


def test_a_function_has_a_share_of_a_vcpu_and_never_more_than_one() -> None:
    assert Work(waits=1, cpu=0.1).seconds(memory_mb=1769 // 2) == pytest.approx(1.2, abs=0.001)
    assert Work(waits=1, cpu=0.1).seconds(memory_mb=3538) == pytest.approx(1.1)


def test_a_limit_breaks_above_its_rate_and_an_unknown_one_is_not_guessed() -> None:
    limit = Limit("queue", "setting", 50, "", "")
    assert (limit.used(50), limit.used(100)) == (1, 2)
    assert Limit("model", "quota", None, "", "").used(1000) is None


def test_messages_per_image_come_from_the_rules(settings: Settings) -> None:
    messages = {name: consumer.messages for name, consumer in settings.consumers.items()}
    assert messages["moderation-prompt"] == messages["storage-store"] == 1
    assert messages["intake-track"] == len(STEPS)
    assert messages["analytics-record"] == 1 + 2 * len(STEPS)
    assert messages["generation-tombstones"] == 0


def test_no_hot_key_breaks_below_a_hundred_images_per_second(settings: Settings) -> None:
    rates = {limit.name: limit.rate for limit in limits(settings) if limit.kind == "hot key"}
    assert len(rates) > 5
    assert {name: rate for name, rate in rates.items() if rate is None or rate < 100} == {}


def test_the_load_describes_the_functions_and_tables_of_the_templates(settings: Settings) -> None:
    assert {function.function for function in needed(settings)} == set(LOAD["functions"])
    tables = {
        table.properties["TableName"]["Fn::Sub"].removeprefix("${Prefix}-")
        for table in templates.resources("AWS::DynamoDB::Table")
    }
    assert set(LOAD["write_units"]) <= tables
    (generate,) = (
        function
        for function in templates.resources("AWS::Serverless::Function")
        if str(function) == "generation-generateFunction"
    )
    assert generate.properties["Environment"]["Variables"]["MAX_PARALLEL"] == str(GENERATIONS)


def test_every_quota_names_its_page_of_the_aws_documentation() -> None:
    for quota in QUOTAS["quotas"].values():
        assert urlsplit(quota["source"]).hostname == "docs.aws.amazon.com"
        assert quota["adjustable"]


def test_an_unknown_quota_is_called_unknown_and_its_demand_is_shown() -> None:
    sections = scale_sections(ROOT)
    (row,) = (line for line in sections["limits"].splitlines() if line.startswith("| Bedrock, image model"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2:] == ["unknown", *(f"{calls:,} per minute" for calls in (60, 600, 6_000, 60_000))]
