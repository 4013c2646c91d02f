"""The requests in the request table: one suite for the fake and for DynamoDB on moto."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from events.catalog.image_requested import ImageRequested
from events.pipeline import Status, TimelineEntry
from kit.errors import TransientError
from services.intake.creation import new_state
from services.intake.identifiers import uuid7
from services.intake.models import IdempotencyKeyTakenError, IdempotencyRecord, RequestState, Window
from services.intake.repository.items import request_key
from services.intake.repository.open_requests import OpenRequestTable
from services.intake.repository.requests import RequestTable
from services.intake.sweeping import expiry
from services.intake.timeline import timeline_entry
from services.intake.tracking import add_event
from tests.support.events import sample
from tests.unit.intake.fakes import InMemoryRequests, accept, cancel

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
REQUESTED = cast("ImageRequested", sample("ImageRequested"))
REQUEST = REQUESTED.metadata.request_id


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest, intake_table: str) -> Iterator[Any]:
    if request.param == "fake":
        yield InMemoryRequests()
    else:
        yield RequestTable(boto3.client("dynamodb"), intake_table)


@pytest.fixture
def open_requests(store: Any, intake_table: str) -> Any:
    fake = isinstance(store, InMemoryRequests)
    return store if fake else OpenRequestTable(boto3.client("dynamodb"), intake_table)


@pytest.fixture
def intake_table(aws_test_environment: None, service_template: Any) -> Iterator[str]:
    """Create the table exactly as intake's template declares it."""
    with mock_aws():
        properties = service_template("intake")["Resources"]["Requests"]["Properties"]
        boto3.client("dynamodb").create_table(
            TableName="requests",
            **{
                key: properties[key]
                for key in ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
            },
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        yield "requests"


@pytest.fixture
def accepted(store: Any) -> RequestState:
    return accept(store, REQUEST, "demo", REQUESTED.data.parameters, START)


def test_an_accepted_request_can_be_read(store: Any, accepted: RequestState) -> None:
    request, state = store.read(REQUEST)
    assert state == accepted == store.read_state(REQUEST)
    assert request == store.read_request(REQUEST)
    assert request.data.parameters == REQUESTED.data.parameters


def test_an_id_is_used_once(store: Any, accepted: RequestState) -> None:
    with pytest.raises(KeyError):
        accept(store, REQUEST, "mallory", REQUESTED.data.parameters, START)
    assert store.read_state(REQUEST).owner == "demo"


def test_an_unknown_request_is_a_key_error(store: Any) -> None:
    entry = timeline_entry(sample("ImageStored"))
    for call in (store.read_state, store.read, lambda unknown: store.advance(unknown, entry)):
        with pytest.raises(KeyError):
            call(REQUEST)


def test_progress_is_one_write(store: Any, accepted: RequestState) -> None:
    assert store.advance(REQUEST, timeline_entry(sample("PromptApproved"))) is None
    state = store.read_state(REQUEST)
    assert (state.status, state.status_sequence, state.revision) == ("generating", 1, 2)


def test_a_known_entry_or_a_step_back_returns_the_stored_state(store: Any, accepted: RequestState) -> None:
    store.advance(REQUEST, timeline_entry(sample("ImageStored")))
    for event in ("ImageStored", "PromptApproved"):
        found = store.advance(REQUEST, timeline_entry(sample(event)))
        assert found == store.read_state(REQUEST)
        assert found.status == "succeeded"


def test_after_a_stall_every_event_is_recomputed(store: Any, accepted: RequestState) -> None:
    add_event(store, sample("ProcessingStalled"))
    assert store.read_state(REQUEST).status == "stalled"
    assert store.advance(REQUEST, timeline_entry(sample("ImageApproved"))) is not None
    add_event(store, sample("ImageApproved"))
    assert store.read_state(REQUEST).status == "stalled"
    add_event(store, sample("MessageReplayed"))
    assert store.read_state(REQUEST).status == "storing"
    add_event(store, sample("ImageStored"))
    assert store.read_state(REQUEST).status == "succeeded"


def test_timeline_entries_are_read_as_they_were_written(store: Any, accepted: RequestState) -> None:
    for name in ("PromptRejected", "ImageStored", "ProcessingStalled", "GenerationFailed", "ImageRejected"):
        add_event(store, sample(name))
        stored = store.read_state(REQUEST).timeline[sample(name).metadata.event_id]
        assert stored == timeline_entry(sample(name))


def test_a_write_with_an_old_revision_is_refused(store: Any, accepted: RequestState) -> None:
    old = store.read_state(REQUEST)
    add_event(store, sample("PromptApproved"))
    entry = expiry(old, START, START)
    assert store.recompute(old, old.with_entry(entry), entry) is False
    assert store.read_state(REQUEST).status == "generating"


def test_only_an_open_request_is_due(store: Any, open_requests: Any, accepted: RequestState) -> None:
    due = START + timedelta(minutes=15)
    assert list(open_requests.due(due - timedelta(seconds=1))) == []
    assert list(open_requests.due(due)) == [REQUEST]
    open_requests.schedule_check(REQUEST, due + timedelta(minutes=1))
    assert list(open_requests.due(due)) == []
    assert list(open_requests.due(due + timedelta(minutes=1))) == [REQUEST]
    add_event(store, sample("ImageStored"))
    open_requests.schedule_check(REQUEST, due)
    assert list(open_requests.due(due + timedelta(days=1))) == []


def test_the_backlog_has_the_open_requests(intake_table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("dynamodb")
    store = RequestTable(client, intake_table)
    ids = [REQUEST[:-4] + f"{number:04x}" for number in range(6)]
    states = [
        accept(store, request_id, "demo", REQUESTED.data.parameters, START + timedelta(minutes=minutes))
        for minutes, request_id in enumerate(ids)
    ]
    cancel(store, ids[1], "demo", START)
    erased = {"pk": {"S": f"REQUEST#{ids[2]}"}, "sk": {"S": "STATE"}}

    backlog = OpenRequestTable(client, intake_table)
    found = {state.request_id: state for state in backlog.oldest()}
    assert found == {state.request_id: state for state in states if state.request_id != ids[1]}

    monkeypatch.setattr("services.intake.repository.open_requests.PER_SHARD", 1)
    assert {state.request_id for state in backlog.oldest()} == {ids[0], ids[2], ids[3], ids[5]}, (
        "the oldest of each shard"
    )

    client.delete_item(TableName=intake_table, Key=erased)
    assert ids[2] not in {state.request_id for state in backlog.oldest()}


def test_a_throttled_read_of_the_backlog_is_transient(intake_table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("dynamodb")
    accept(RequestTable(client, intake_table), REQUEST, "demo", REQUESTED.data.parameters, START)
    monkeypatch.setattr(client, "batch_get_item", lambda **_: {"Responses": {}, "UnprocessedKeys": {"requests": {}}})

    with pytest.raises(TransientError, match="open requests"):
        list(OpenRequestTable(client, intake_table).oldest())


def test_a_failing_table_is_not_taken_for_a_finished_request(aws_test_environment: None) -> None:
    with mock_aws(), pytest.raises(ClientError, match="ResourceNotFound"):
        OpenRequestTable(boto3.client("dynamodb"), "no-such-table").schedule_check(REQUEST, START)


def test_a_late_entry_keeps_its_own_time(store: Any, accepted: RequestState) -> None:
    entry = TimelineEntry("00000000-0000-5000-8000-000000000000", "PromptApproved", START - timedelta(minutes=1))
    store.advance(REQUEST, entry)
    assert store.read_state(REQUEST).timeline[entry.event_id].at == START - timedelta(minutes=1)


def test_a_terminal_entry_returns_the_new_state(store: Any, accepted: RequestState) -> None:
    found = store.advance(REQUEST, timeline_entry(sample("ImageStored")))
    assert found == store.read_state(REQUEST)
    assert (found.status, sample("ImageStored").metadata.event_id in found.timeline) == ("succeeded", True)


def test_the_quota_window_of_a_request_is_stored(store: Any) -> None:
    window = Window("key", 1_795_000_500, 900)
    accept(store, REQUEST, "demo", REQUESTED.data.parameters, START, quota_window=window)
    assert (store.read_state(REQUEST).quota_window, store.read_state(REQUEST).quota_images) == (window, 2)
    assert add_event(store, sample("PromptRejected")).quota_window == window  # type: ignore[union-attr]


def test_the_webhook_of_a_request_is_stored(store: Any) -> None:
    accept(store, REQUEST, "demo", REQUESTED.data.parameters, START, webhook_id="w3bhookexample22")
    assert store.read_state(REQUEST).webhook_id == "w3bhookexample22"
    assert add_event(store, sample("PromptRejected")).webhook_id == "w3bhookexample22"  # type: ignore[union-attr]


RECORD = IdempotencyRecord("demo", "k", "digest", '{"id": 1}', START + timedelta(hours=24))


def test_an_idempotency_key_is_used_once(store: Any) -> None:
    accept(store, REQUEST, "demo", REQUESTED.data.parameters, START, record=RECORD)
    second = uuid7()
    with pytest.raises(IdempotencyKeyTakenError) as taken:
        accept(store, second, "demo", REQUESTED.data.parameters, START, record=replace(RECORD, digest="other"))
    assert taken.value.record == RECORD
    with pytest.raises(KeyError):
        store.read_state(second)
    assert store.find_record("demo", "k", START) == RECORD


def test_requests_of_one_call_are_all_written_or_none(store: Any) -> None:
    new = [new_state(uuid7(), "demo", REQUESTED.data.parameters, START) for _ in range(3)]
    store.create(new, RECORD)
    assert [store.read(state.request_id)[1].status for _, state in new] == ["accepted"] * 3

    again = [new_state(uuid7(), "demo", REQUESTED.data.parameters, START) for _ in range(2)]
    with pytest.raises(IdempotencyKeyTakenError):
        store.create(again, RECORD)
    with pytest.raises(KeyError, match=new[2][1].request_id):
        store.create([*again, new[2]])
    for _, state in again:
        with pytest.raises(KeyError):
            store.read_state(state.request_id)


def test_an_idempotency_key_belongs_to_its_owner_for_a_day(store: Any) -> None:
    accept(store, REQUEST, "demo", REQUESTED.data.parameters, START, record=RECORD)
    assert store.find_record("mallory", "k", START) is None
    assert store.find_record("demo", "K", START) is None
    assert store.find_record("demo", "k", RECORD.expires_at - timedelta(seconds=1)) == RECORD
    assert store.find_record("demo", "k", RECORD.expires_at) is None
    again = replace(RECORD, expires_at=RECORD.expires_at + timedelta(hours=24))
    accept(store, uuid7(), "demo", REQUESTED.data.parameters, RECORD.expires_at, record=again)
    assert store.find_record("demo", "k", RECORD.expires_at) == again


def test_a_cancelled_request_stays_cancelled(store: Any, open_requests: Any, accepted: RequestState) -> None:
    _, cancelled = cancel(store, REQUEST, "demo", START)
    assert store.read_state(REQUEST) == cancelled
    assert list(open_requests.due(START + timedelta(days=1))) == []
    add_event(store, sample("ImageGenerated"))
    assert store.read_state(REQUEST).status == "cancelled"


def some_requests(store: Any, count: int, owner: str = "demo") -> list[str]:
    """Accept requests and return their ids, newest first."""
    ids = sorted((uuid7() for _ in range(count)), reverse=True)
    for request_id in ids:
        accept(store, request_id, owner, REQUESTED.data.parameters, START)
    return ids


def pages(store: Any, limit: int, status: str | None = None) -> list[list[str]]:
    """Return the ids on all pages of the list."""
    found, after = [], None
    while True:
        page = store.list_page("demo", limit=limit, after=after, status=status)
        found.append([listed.request_id for listed in page.requests])
        after = page.after
        if after is None:
            return found


def test_a_list_has_the_requests_of_an_owner_newest_first(store: Any) -> None:
    ids = some_requests(store, 7)
    some_requests(store, 2, "mallory")
    found = pages(store, 3)
    assert [request_id for page in found for request_id in page] == ids
    assert all(len(page) <= 3 for page in found)


def test_a_list_has_status_and_time(store: Any) -> None:
    (request_id,) = some_requests(store, 1)
    cancel(store, request_id, "demo", START)
    (listed,) = store.list_page("demo", limit=5, after=None, status=None).requests
    assert (listed.request_id, listed.status, listed.created_at) == (request_id, "cancelled", START)


def test_a_filtered_list_has_all_matches(store: Any) -> None:
    ids = some_requests(store, 9)
    for request_id in ids[::3]:
        cancel(store, request_id, "demo", START)
    found = pages(store, 2, "cancelled")
    assert [request_id for page in found for request_id in page] == ids[::3]
    assert all(len(page) <= 2 for page in found)


def test_a_change_of_the_status_does_not_write_the_index_of_an_owner(intake_table: str) -> None:
    client = boto3.client("dynamodb")
    accept(RequestTable(client, intake_table), REQUEST, "demo", REQUESTED.data.parameters, START)
    [entry] = client.query(
        TableName=intake_table,
        IndexName="by-owner",
        KeyConditionExpression="#owner = :owner",
        ExpressionAttributeNames={"#owner": "owner"},
        ExpressionAttributeValues={":owner": {"S": "demo"}},
    )["Items"]
    assert entry.keys() == {"pk", "sk", "owner", "request_id"}


@pytest.mark.parametrize("status", [None, Status.SUCCEEDED])
def test_a_page_is_one_query_and_one_read_of_the_states(intake_table: str, status: Status | None) -> None:
    client, calls = boto3.client("dynamodb"), list[str]()
    table = RequestTable(client, intake_table)
    some_requests(table, 3)
    client.meta.events.register("before-call", lambda model, **_: calls.append(model.name))
    table.list_page("demo", limit=100, after=None, status=status)
    table.list_page("mallory", limit=100, after=None, status=status)
    assert calls == ["Query", "BatchGetItem", "Query"]


def test_a_throttled_read_of_states_is_transient(intake_table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("dynamodb")
    table = RequestTable(client, intake_table)
    some_requests(table, 1)
    answer: Any = {"Responses": {intake_table: []}, "UnprocessedKeys": {intake_table: {"Keys": [{}]}}}
    monkeypatch.setattr(client, "batch_get_item", lambda **_: answer)
    with pytest.raises(TransientError, match="throttled"):
        table.list_page("demo", limit=5, after=None, status=None)


def test_a_filtered_page_may_be_short_before_the_last(intake_table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.intake.repository.requests.FILTERED_PAGE", 3)
    table = RequestTable(boto3.client("dynamodb"), intake_table)
    ids = some_requests(table, 8)
    cancel(table, ids[-1], "demo", START)
    first = table.list_page("demo", limit=1, after=None, status=Status.CANCELLED)
    assert (first.requests, first.after) == ([], ids[2])
    assert [request_id for page in pages(table, 1, "cancelled") for request_id in page] == [ids[-1]]


def test_both_items_of_a_request_expire_with_its_retention(intake_table: str) -> None:
    client = boto3.client("dynamodb")
    table = RequestTable(client, intake_table, retention=timedelta(days=200))
    accept(table, REQUEST, "demo", REQUESTED.data.parameters, START)
    add_event(table, sample("PromptApproved"))

    expiry = {item["sk"]["S"]: item["expires_at"] for item in client.scan(TableName=intake_table)["Items"]}

    expected = {"N": str(int((START + timedelta(days=200)).timestamp()))}
    assert expiry == {"REQUEST": expected, "STATE": expected}


@pytest.mark.parametrize("part", ["REQUEST", "STATE"])
def test_a_request_of_which_one_item_has_expired_is_unknown(intake_table: str, part: str) -> None:
    """DynamoDB deletes the two items one after the other."""
    client = boto3.client("dynamodb")
    table = RequestTable(client, intake_table)
    ids = some_requests(table, 2)
    client.delete_item(TableName=intake_table, Key=request_key(ids[0], part))

    with pytest.raises(KeyError):
        table.read(ids[0])
    listed = {each.request_id for each in table.list_page("demo", limit=5, after=None, status=None).requests}
    assert listed == ({*ids} if part == "REQUEST" else {ids[1]})
