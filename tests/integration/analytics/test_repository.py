"""One suite for analytics' fakes and for its adapters on moto."""

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from threading import Event as Signal
from threading import Lock
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from cli.__main__ import main
from events.envelope import Event
from kit.errors import TransientError, UnprocessableError
from services.analytics.rebuild import rebuild
from services.analytics.repository.counters import SHARDS, CounterTable
from services.analytics.repository.lake import EventLake
from services.analytics.service import Addition, AlreadyCountedError, Generations, GenerationsMovedError, Recorder
from tests.unit.analytics.fakes import InMemoryArchive, InMemoryCounters
from tests.unit.analytics.stories import PROMPT, START, story

TABLE = "genai-images-test-analytics"
BUCKET = "genai-images-test-analytics-123456789012-us-east-1"
TARGET = ("--prefix", "genai-images-test", "--region", "us-east-1")
AnyCounters = CounterTable | InMemoryCounters
AnyArchive = EventLake | InMemoryArchive
FIRST = Generations()
ADDITION = Addition(
    "g1", {"request-1": ["event-1", "event-2"]}, {"2026-11-22": {"status#accepted": 2, "cost_usd": Decimal("0.04")}}
)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        for table in (TABLE, "genai-images-test-operations"):
            boto3.client("dynamodb").create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            )
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield


def on_dynamodb() -> CounterTable:
    return CounterTable(boto3.client("dynamodb"), TABLE, sleep=lambda _: None)


def on_s3() -> EventLake:
    return EventLake(boto3.client("s3"), BUCKET)


@pytest.fixture(params=["fake", "aws"])
def counters(request: pytest.FixtureRequest) -> AnyCounters:
    if request.param == "fake":
        return InMemoryCounters()
    request.getfixturevalue("aws")
    return on_dynamodb()


@pytest.fixture(params=["fake", "aws"])
def archive(request: pytest.FixtureRequest) -> AnyArchive:
    if request.param == "fake":
        return InMemoryArchive()
    request.getfixturevalue("aws")
    return on_s3()


def test_committed_counters_are_read_as_numbers(counters: AnyCounters) -> None:
    counters.commit([ADDITION], FIRST, 2_000_000_000)
    counters.commit([Addition("g1", {"request-2": ["event-3"]}, ADDITION.days)], FIRST, 2_000_000_000)
    assert counters.days("g1") == {"2026-11-22": {"status#accepted": 4, "cost_usd": Decimal("0.08")}}


def test_a_counted_event_cancels_the_transaction_and_is_named(counters: AnyCounters) -> None:
    counters.commit([ADDITION], FIRST, 2_000_000_000)
    again = Addition(
        "g1", {"request-1": ["event-2", "event-9"], "request-2": ["event-3"]}, {"2026-11-23": {"status#failed": 1}}
    )
    with pytest.raises(AlreadyCountedError) as refusal:
        counters.commit([again], FIRST, 2_000_000_000)
    assert ("g1", "event-2") in refusal.value.known
    assert refusal.value.known.isdisjoint({("g1", "event-9"), ("g1", "event-3")})
    assert list(counters.days("g1")) == ["2026-11-22"]


def test_a_later_event_of_the_same_request_is_counted(counters: AnyCounters) -> None:
    counters.commit([ADDITION], FIRST, 2_000_000_000)
    counters.commit(
        [Addition("g1", {"request-1": ["event-9"]}, {"2026-11-22": {"status#failed": 1}})], FIRST, 2_000_000_000
    )
    with pytest.raises(AlreadyCountedError) as refusal:
        counters.commit([ADDITION], FIRST, 2_000_000_000)
    assert {("g1", "event-1"), ("g1", "event-2")} <= refusal.value.known


def test_each_generation_stores_its_own_event_ids(counters: AnyCounters) -> None:
    counters.commit([ADDITION], FIRST, 2_000_000_000)
    other = Addition("g2", ADDITION.seen, ADDITION.days)
    counters.commit([other], FIRST, 2_000_000_000)
    assert counters.days("g2") == counters.days("g1")
    assert counters.pair("2026-11-22", "g1", "g3") == (counters.days("g1")["2026-11-22"], {})


def test_a_writer_with_an_outdated_pointer_is_refused(counters: AnyCounters) -> None:
    begun = FIRST.begin()
    counters.move(FIRST, begun)
    with pytest.raises(GenerationsMovedError) as moved:
        counters.commit([ADDITION], FIRST, 2_000_000_000)
    assert moved.value.generations == counters.generations() == begun
    assert counters.days("g1") == {}
    counters.commit([ADDITION], begun, 2_000_000_000)
    assert counters.days("g1") != {}


def test_the_pointer_moves_only_from_the_expected_state(counters: AnyCounters) -> None:
    begun = FIRST.begin()
    counters.move(FIRST, begun)
    counters.move(begun, begun.finish())
    with pytest.raises(GenerationsMovedError) as moved:
        counters.move(begun, begun.abandon())
    assert moved.value.generations == Generations("g2", None, 3)


def test_a_report_reads_only_its_days(counters: AnyCounters) -> None:
    for number in (21, 22, 23, 24):
        day = f"2026-11-{number}"
        addition = Addition("g1", {"request-1": [f"event-{number}"]}, {day: {"status#failed": 1}})
        counters.commit([addition], FIRST, 2_000_000_000)
    assert list(counters.days("g1", "2026-11-22", "2026-11-23")) == ["2026-11-22", "2026-11-23"]


def test_a_retired_generation_keeps_its_counts_until_it_expires(counters: AnyCounters) -> None:
    counters.commit([ADDITION], FIRST, 2_000_000_000)
    before = counters.days("g1")
    counters.retire("g1", 2_000_000_000)
    assert counters.days("g1") == before


def test_archived_events_are_read_by_day(archive: AnyArchive) -> None:
    later = story(4, at=START.replace(day=25))
    archive.append(later)
    archive.append(story(0))
    read = list(archive.read())
    assert {event.metadata.event_id for event in read} == {event.metadata.event_id for event in [*story(0), *later]}
    days = [event.metadata.occurred_at.date() for event in read]
    assert days == sorted(days)


def test_one_day_of_the_archive_is_read(aws: None) -> None:
    later = story(4, at=START.replace(day=25))
    on_s3().append([*story(0), *later])
    read = [event.metadata.event_id for event in on_s3().read_day(START.replace(day=25).date())]
    assert sorted(read) == sorted(event.metadata.event_id for event in later)
    assert list(on_s3().read_day(START.replace(day=26).date())) == []


def test_a_batch_archived_twice_is_one_object(archive: AnyArchive) -> None:
    archive.append(story(0))
    archive.append(story(0))
    assert len(list(archive.read())) == len(story(0))


def test_recording_and_rebuilding_give_equal_counters(aws: None) -> None:
    archive, counters = on_s3(), on_dynamodb()
    for batch in (story(0), story(0)[1:] + story(1), story(2) + story(3), story(3)):
        Recorder(archive, counters).record(batch)
    live = counters.days("g1")
    done = rebuild(archive, counters, sleep=lambda _: None)
    assert (done.current, done.differences) == (True, [])
    assert counters.days("g2") == live
    Recorder(archive, counters).record(story(3) + story(4))
    assert counters.days("g2")["2026-11-22"]["status#accepted"] == 5


def test_a_batch_costs_two_calls_once_its_day_is_known(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    in_shard(0, monkeypatch)
    calls: list[str] = []
    clients = [boto3.client("s3"), boto3.client("dynamodb")]
    for client in clients:
        client.meta.events.register("before-call", lambda model, **_: calls.append(model.name))
    recorder = Recorder(
        EventLake(clients[0], BUCKET),  # type: ignore[arg-type]
        CounterTable(clients[1], TABLE),  # type: ignore[arg-type]
    )
    recorder.record(story(3, at=START.replace(hour=1)))
    assert calls == ["PutObject", "TransactWriteItems", "TransactWriteItems"]
    calls.clear()
    recorder.record(story(7, at=START.replace(hour=1)))
    assert calls == ["PutObject", "TransactWriteItems"]


def test_no_prompt_reaches_the_bucket(aws: None) -> None:
    on_s3().append(story(0))
    client = boto3.client("s3")
    listed = client.list_objects_v2(Bucket=BUCKET)["Contents"]
    texts = [
        gzip.decompress(client.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()).decode() for entry in listed
    ]
    assert '"prompt":"s1.' in "".join(texts)
    assert PROMPT not in "".join(texts)


def test_event_ids_expire_and_counters_of_active_generations_do_not(aws: None) -> None:
    on_dynamodb().commit([ADDITION], FIRST, 2_000_000_000)
    items = boto3.client("dynamodb").scan(TableName=TABLE)["Items"]
    expiring = {item["pk"]["S"].rsplit("#", 1)[0]: item.get("expires_at") for item in items}
    assert expiring == {"SEEN#g1": {"N": "2000000000"}, "COUNTS#g1": None}


def test_a_day_is_the_sum_of_its_shards(aws: None) -> None:
    table = on_dynamodb()
    for number in range(40):
        table.commit([Addition("g1", {f"request-{number}": ["event"]}, ADDITION.days)], FIRST, 2_000_000_000)
    shards = {pk for pk in _partition_keys() if pk.startswith("COUNTS#g1#")}
    assert len(shards) > 1
    expected = {"status#accepted": 80, "cost_usd": Decimal("1.6")}
    assert table.days("g1") == {"2026-11-22": expected}
    assert table.pair("2026-11-22", "g1", "g2") == (expected, {})


def test_a_retired_generation_expires_in_every_shard(aws: None) -> None:
    table = on_dynamodb()
    for number in range(40):
        table.commit([Addition("g1", {f"request-{number}": ["event"]}, ADDITION.days)], FIRST, 2_000_000_000)
    table.retire("g1", 1_900_000_000)
    items = boto3.client("dynamodb").scan(TableName=TABLE)["Items"]
    days = [item for item in items if item["pk"]["S"].startswith("COUNTS#")]
    assert {item["expires_at"]["N"] for item in days} == {"1900000000"}
    assert table.days("g1")["2026-11-22"]["status#accepted"] == 80


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_shard_refuses_a_writer_with_an_outdated_pointer(
    aws: None, monkeypatch: pytest.MonkeyPatch, shard: int
) -> None:
    table = on_dynamodb()
    table.move(FIRST, FIRST.begin())
    in_shard(shard, monkeypatch)
    with pytest.raises(GenerationsMovedError) as moved:
        table.commit([ADDITION], FIRST, 2_000_000_000)
    assert moved.value.generations == FIRST.begin()
    assert not [pk for pk in _partition_keys() if not pk.startswith("POINTER#")]


@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_known_day_refuses_a_writer_with_an_outdated_pointer(
    aws: None, monkeypatch: pytest.MonkeyPatch, shard: int
) -> None:
    table, begun = on_dynamodb(), FIRST.begin()
    in_shard(shard, monkeypatch)
    table.commit([ADDITION], FIRST, 2_000_000_000)
    table.move(FIRST, begun)
    later = Addition("g1", {"request-2": ["event-3"]}, ADDITION.days)
    with pytest.raises(GenerationsMovedError) as moved:
        table.commit([later], FIRST, 2_000_000_000)
    assert moved.value.generations == begun
    table.commit([later], begun, 2_000_000_000)
    assert table.days("g1")["2026-11-22"]["status#accepted"] == 4


def test_a_day_that_a_crash_left_behind_is_counted_with_the_pointer(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    table, begun = on_dynamodb(), FIRST.begin()
    table.commit([ADDITION], FIRST, 2_000_000_000)
    with monkeypatch.context() as crash:
        crash.setattr(table, "_move_day", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            table.move(FIRST, begun)
    assert table.generations() == begun
    table.commit([Addition("g1", {"request-2": ["event-3"]}, ADDITION.days)], begun, 2_000_000_000)
    table.move(begun, begun.abandon())
    for old in (FIRST, begun):
        with pytest.raises(GenerationsMovedError):
            table.commit([Addition("g1", {"request-3": ["event-4"]}, ADDITION.days)], old, 2_000_000_000)
    assert table.days("g1")["2026-11-22"]["status#accepted"] == 4


def test_a_late_move_does_not_give_a_day_an_older_revision(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    in_shard(0, monkeypatch)
    table, begun = on_dynamodb(), FIRST.begin()
    table.commit([ADDITION], FIRST, 2_000_000_000)
    table.move(FIRST, begun)
    table.move(begun, begun.abandon())
    [key] = [pk for pk in _partition_keys() if pk.startswith("COUNTS#")]
    table._move_day({"pk": {"S": key}, "sk": {"S": "2026-11-22"}}, begun.revision)
    with pytest.raises(GenerationsMovedError):
        table.commit([Addition("g1", {"request-2": ["event-3"]}, ADDITION.days)], begun, 2_000_000_000)


def test_a_day_moves_despite_conflicts_with_writers(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    in_shard(0, monkeypatch)
    client = boto3.client("dynamodb")
    table = CounterTable(client, TABLE, sleep=lambda _: None)
    table.commit([ADDITION], FIRST, 2_000_000_000)
    real, tries = client.update_item, list[Any]()

    def conflicting(**arguments: Any) -> Any:
        tries.append(arguments)
        if len(tries) < 3:
            answer: Any = {"Error": {"Code": "TransactionConflictException"}}
            raise client.exceptions.TransactionConflictException(answer, "UpdateItem")
        return real(**arguments)

    monkeypatch.setattr(client, "update_item", conflicting)
    table.move(FIRST, FIRST.begin())
    assert len(tries) == 3
    with pytest.raises(GenerationsMovedError):
        table.commit([Addition("g1", {"request-2": ["event-3"]}, ADDITION.days)], FIRST, 2_000_000_000)


def test_writers_at_the_same_time_count_every_event_once(aws: None) -> None:
    """Transactions with a common item conflict, as on DynamoDB. Two of three batches are delivered twice."""
    client = _ConflictingTransactions(boto3.client("dynamodb"))
    batches = [story(number, at=START.replace(hour=1)) for number in range(12)]
    deliveries = [batch for number, batch in enumerate(batches) for _ in range(1 + bool(number % 3))]
    archive = on_s3()

    def record(batch: list[Event]) -> None:
        table = CounterTable(client, TABLE, sleep=client.wait)  # type: ignore[arg-type]
        for _ in range(100):  # as the queue delivers it again
            try:
                Recorder(archive, table).record(batch)
            except TransientError:
                continue
            return
        raise AssertionError("not recorded in 100 deliveries")

    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(record, deliveries):
            pass
    alone = InMemoryCounters()
    for batch in batches:
        Recorder(InMemoryArchive(), alone).record(batch)
    assert on_dynamodb().days("g1") == alone.days("g1")
    assert client.conflicts > 0


def test_a_conflict_with_another_writer_is_retried_in_another_shard(aws: None) -> None:
    table, tries = _refusing("TransactionConflict", times=2)
    table.commit([ADDITION], FIRST, 2_000_000_000)
    days = [arguments["TransactItems"][1]["Update"]["Key"]["pk"]["S"] for arguments in tries]
    assert len(set(days)) == 3
    assert table.days("g1") != {}


def test_the_pointer_moves_despite_conflicts_with_writers(aws: None) -> None:
    table, _ = _refusing("TransactionConflict", times=2)
    table.move(FIRST, FIRST.begin())
    assert table.generations() == FIRST.begin()


def test_a_lasting_conflict_is_left_to_the_queue(aws: None) -> None:
    table, _ = _refusing("TransactionConflict", times=99)
    with pytest.raises(TransientError):
        table.commit([ADDITION], FIRST, 2_000_000_000)


def test_a_permanent_cancellation_is_not_retried(aws: None) -> None:
    table, tries = _refusing("ValidationError", times=99)
    with pytest.raises(ClientError):
        table.commit([ADDITION], FIRST, 2_000_000_000)
    assert len(tries) == 1


def in_shard(shard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every transaction use one shard."""
    monkeypatch.setattr("services.analytics.repository.counters.random.sample", lambda shards, _: [shards[shard]])


def _partition_keys() -> set[str]:
    return {item["pk"]["S"] for item in boto3.client("dynamodb").scan(TableName=TABLE)["Items"]}


class _ConflictingTransactions:
    """A client whose transactions are cancelled if another one has one of their items."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = Lock()
        self._ended = Signal()
        self._one_at_a_time = Lock()  # for moto, whose transactions are no safe place for threads
        self._used: set[str] = set()
        self.conflicts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def wait(self, _seconds: float) -> None:
        """Wait until a transaction ends, instead of a time that depends on the machine."""
        self._ended.wait(timeout=10)
        self._ended.clear()

    def transact_write_items(self, **arguments: Any) -> Any:
        keys = [str(next(iter(action.values()))["Key"]) for action in arguments["TransactItems"]]
        with self._lock:
            conflicts = [key in self._used for key in keys]
            if not any(conflicts):
                self._used.update(keys)
        if any(conflicts):
            self.conflicts += 1
            reasons = [{"Code": "TransactionConflict" if conflict else "None"} for conflict in conflicts]
            answer: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
            raise self._client.exceptions.TransactionCanceledException(answer, "TransactWriteItems")
        try:
            with self._one_at_a_time:
                return self._client.transact_write_items(**arguments)
        finally:
            with self._lock:
                self._used.difference_update(keys)
            self._ended.set()


def _refusing(code: str, *, times: int) -> tuple[CounterTable, list[Any]]:
    """Return a table whose first ``times`` transactions are cancelled for ``code``."""
    client = boto3.client("dynamodb")
    real, tries = client.transact_write_items, []

    def transact(**arguments: Any) -> Any:
        tries.append(arguments)
        if len(tries) <= times:
            answer: Any = {
                "Error": {"Code": "TransactionCanceledException"},
                "CancellationReasons": [{"Code": "None"}, {"Code": "None"}, {"Code": code}],
            }
            raise client.exceptions.TransactionCanceledException(answer, "TransactWriteItems")
        return real(**arguments)

    client.transact_write_items = transact  # type: ignore[method-assign]
    return CounterTable(client, TABLE, sleep=lambda _: None), tries


def test_an_unreadable_object_stops_the_rebuild_and_is_named(aws: None) -> None:
    line = b'{"source": "x", "detail-type": "Gone", "detail": {"metadata": {"version": 1}, "data": {}}}'
    boto3.client("s3").put_object(Bucket=BUCKET, Key="events/day=2026-11-22/x.jsonl.gz", Body=gzip.compress(line))
    with pytest.raises(UnprocessableError, match=r"x\.jsonl\.gz"):
        rebuild(on_s3(), on_dynamodb(), sleep=lambda _: None)
    assert on_dynamodb().generations().active == ("g1",)


def test_operators_get_a_report_and_a_rebuild(aws: None, capsys: pytest.CaptureFixture[str]) -> None:
    Recorder(on_s3(), on_dynamodb()).record(story(0, at=datetime.now(UTC)))
    assert main(["analytics", "report", *TARGET]) == 0
    assert "nova-canvas" in capsys.readouterr().out
    assert main(["analytics", "rebuild", *TARGET]) == 0
    assert "Generation g2" in capsys.readouterr().out
    assert main(["analytics", "report", *TARGET]) == 0
    assert "nova-canvas" in capsys.readouterr().out


def test_a_rebuild_that_differs_exits_with_1_unless_it_is_accepted(
    aws: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.analytics.rebuild.COMPARISONS", 1)
    monkeypatch.setattr("services.analytics.rebuild.COMPARISON_PAUSE_SECONDS", 0)
    on_s3().append(story(0))
    assert main(["analytics", "rebuild", *TARGET]) == 1
    assert "status#succeeded" in capsys.readouterr().out
    assert main(["analytics", "rebuild", "--accept-differences", *TARGET]) == 0
    assert on_dynamodb().days(on_dynamodb().generations().current) != {}


def test_a_missing_installation_is_reported_on_standard_error(aws: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analytics", "report", "--prefix", "elsewhere", "--region", "us-east-1"]) == 1
    assert "ResourceNotFound" in capsys.readouterr().err
