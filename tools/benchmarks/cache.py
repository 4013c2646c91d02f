"""What the cache saves against DynamoDB alone: latency, calls and dollars (ADR 42).

Latency is measured on this machine: a Valkey server, and the emulator's DynamoDB, which is not AWS's. Dollars are
computed from the price list in prices.json.
"""

import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from kit.cache import PAUSE_SECONDS, SECONDS, Cache, CacheUnavailableError, client
from local.deploy import client as aws_client
from local.emulator import HOST, ROOT, emulator, free_port
from local.templates import parse_template
from local.valkey import ValkeyServer
from services.accounts.repository.cached import CachedPreferences
from services.accounts.repository.owners import OwnerTable
from services.intake.models import Window
from services.intake.repository.cached import CachedDurations, CachedRates
from services.intake.repository.durations import DurationTable
from services.intake.repository.rates import RateTable
from tools.benchmarks.measure import Progress
from tools.benchmarks.report import Figure, Section

ROUNDS: Final = 300
OWNER: Final = "own_aaaaaaaaaaaaaaaaaaaa"
NO_LIMIT: Final = 10**9
PRICES: Final = json.loads(Path(__file__).with_name("prices.json").read_text())["usd"]
HOURS: Final = 730
LEAST_GIGABYTES: Final = 0.1
IMPORT: Final = (
    "import time, boto3; started = time.process_time(); import kit.cache; print(time.process_time() - started)"
)


@dataclass(frozen=True)
class Operation:
    """One operation of a port, with and without the cache."""

    name: str
    table: Callable[[], object]
    cached: Callable[[], object]
    table_usd: float
    """What DynamoDB costs per call, in dollars."""
    cache_units: int
    """ElastiCache's processing units per call: one per KB that is transferred, and more for a script."""


def run(progress: Progress) -> list[Section]:
    """Measure every operation, and what a cache costs that is down."""
    with tempfile.TemporaryDirectory() as folder, _servers(Path(folder)) as (dynamodb, server):
        cache = Cache(client(server.address, ""))
        operations = _operations(dynamodb, cache)
        latency = Section(
            None,
            "latency of a call with a cache",
            "the same call of the emulator's DynamoDB, which is not AWS's",
            notes=[f"Median and 95th percentile of {ROUNDS} calls on this machine, one after the other."],
        )
        for operation in operations:
            progress(operation.name)
            plain, cached = _timed(operation.table), _timed(operation.cached)
            latency.figures.append(Figure(f"{operation.name}, median", median(cached), "ms", median(plain)))
            latency.figures.append(Figure(f"{operation.name}, p95", _p95(cached), "ms", _p95(plain)))
        progress("a cache that is down")
        outage = _outage()
    return [latency, outage, _dollars(operations)]


@contextmanager
def _servers(folder: Path) -> Iterator[tuple[Any, ValkeyServer]]:
    """Start an emulator with two tables, and a Valkey server."""
    aws = emulator(folder / "aws", port=free_port(), models_url=f"http://{HOST}:1", auth=False)
    server = ValkeyServer(folder, port=free_port())
    try:
        aws.start().wait_until_ready()
        server.start().wait_until_ready()
        dynamodb = aws_client("dynamodb", aws.url)
        for service, resource in (("intake", "Requests"), ("accounts", "Accounts")):
            template = parse_template((ROOT / "services" / service / "template.yaml").read_text())
            properties = template["Resources"][resource]["Properties"]
            names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
            dynamodb.create_table(TableName=service, **{name: properties[name] for name in names if name in properties})
        yield dynamodb, server
    finally:
        server.stop()
        aws.stop()


def _operations(dynamodb: Any, cache: Cache) -> list[Operation]:
    rates, owners, durations = RateTable(dynamodb, "intake"), OwnerTable(dynamodb, "accounts"), _durations(dynamodb)
    cached_rates, cached_owners = CachedRates(cache, rates), CachedPreferences(cache, owners)
    window = Window("abcdefghijkl", int(time.time()) // 900 * 900, 900)
    key = {"pk": {"S": f"OWNER#{OWNER}"}, "sk": {"S": "OWNER"}}
    preferences = json.dumps({"theme": "dark", "defaults": {"model": "stable-image-core", "count": 2}})
    dynamodb.put_item(TableName="accounts", Item={**key, "preferences": {"S": preferences}, "revision": {"N": "1"}})
    read, write = PRICES["dynamodb_read_units"], PRICES["dynamodb_write_units"]
    return [
        Operation(
            "count a request",
            lambda: rates.increment(window, 1, NO_LIMIT, NO_LIMIT),
            lambda: cached_rates.increment(window, 1, NO_LIMIT, NO_LIMIT),
            write,
            3,
        ),
        Operation(
            "read preferences",
            lambda: owners.preferences(OWNER),
            lambda: cached_owners.preferences(OWNER),
            read,  # consistent, at most 4 KB
            1,
        ),
        Operation("read durations", durations.read, CachedDurations(cache, durations).read, read / 2, 1),
    ]


def _durations(dynamodb: Any) -> DurationTable:
    table = DurationTable(dynamodb, "intake")
    table.write({f"model-{number}": 4.25 for number in range(8)})
    return table


def _timed(call: Callable[[], object]) -> list[float]:
    """Return the milliseconds of each call."""
    call()
    found = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        call()
        found.append((time.perf_counter() - started) * 1000)
    return found


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]


def _outage() -> Section:
    """Measure how long callers wait for a cache that refuses connections, or never answers."""
    section = Section(
        None,
        "what an outage costs a caller",
        "",
        notes=[f"After a failure, the cache is not called for {PAUSE_SECONDS:.0f} s: a bypassed call."],
    )
    with socket.create_server((HOST, 0)) as silent:
        for name, port in (("refuses connections", free_port()), ("never answers", silent.getsockname()[1])):
            cache = Cache(client(f"{HOST}:{port}", ""))
            section.figures.append(Figure(f"first call of a cache that {name}", _refused(cache), "ms"))
            section.figures.append(Figure(f"bypassed call of a cache that {name}", _refused(cache), "ms"))
    section.figures.append(Figure("longest wait that is allowed", SECONDS * 1000, "ms"))
    seconds = [
        float(
            subprocess.run(
                [sys.executable, "-c", IMPORT],
                capture_output=True,
                text=True,
                check=True,
                env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
            ).stdout
        )
        for _ in range(5)
    ]
    section.figures.append(Figure("CPU of a cold start for kit.cache after boto3", min(seconds) * 1000, "ms"))
    return section


def _refused(cache: Cache) -> float:
    started = time.perf_counter()
    try:
        with redirect_stdout(io.StringIO()):  # the line of the metric
            cache.call(lambda server: server.ping())
    except CacheUnavailableError:
        return (time.perf_counter() - started) * 1000
    raise AssertionError("the cache answered")


def _dollars(operations: list[Operation]) -> Section:
    """Compute what a million calls cost, and when the cache pays."""
    unit = PRICES["elasticache_units"]
    month = LEAST_GIGABYTES * HOURS * PRICES["elasticache_gb_hours"]
    section = Section(
        None,
        "dollars per million calls, computed from the price list",
        "DynamoDB alone, on demand",
        notes=[
            f"The smallest cache costs ${month:.2f} per month, and the network that it needs about $170.",
            "DynamoDB's copy of what is written first is not saved: only reads and counts are.",
        ],
    )
    for operation in operations:
        cached, plain = operation.cache_units * unit * 1e6, operation.table_usd * 1e6
        section.figures.append(Figure(operation.name, cached, "$", plain))
        calls = month / (operation.table_usd - operation.cache_units * unit)
        section.notes.append(f"{operation.name}: the cache alone pays from {calls / 1e6:,.0f} million calls per month.")
    return section
