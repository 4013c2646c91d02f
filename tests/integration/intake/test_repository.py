"""The request-state table: one suite for the fake and for DynamoDB as moto speaks it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from events.catalog.image_requested import ImageRequested
from services.intake.adapters import RequestTable
from services.intake.facts import fact_of
from services.intake.identifiers import uuid7
from services.intake.lifecycle import Fact
from services.intake.quota import Window
from services.intake.service import IdempotencyRecord, KeyTakenError, State, accept, cancel, expiry, track, with_fact
from tests.support.events import sample
from tests.unit.intake.fakes import InMemoryRequests

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
def accepted(store: Any) -> State:
    return accept(store, REQUEST, "demo", REQUESTED.data.parameters, START)


def test_what_was_accepted_can_be_read(store: Any, accepted: State) -> None:
    request, state = store.both(REQUEST)
    assert state == accepted == store.state(REQUEST)
    assert request == store.request(REQUEST)
    assert request.data.parameters == REQUESTED.data.parameters


def test_an_id_is_taken_once(store: Any, accepted: State) -> None:
    with pytest.raises(KeyError):
        accept(store, REQUEST, "mallory", REQUESTED.data.parameters, START)
    assert store.state(REQUEST).owner == "demo"


def test_an_unknown_request_is_told_apart(store: Any) -> None:
    for ask in (store.state, store.both, lambda unknown: store.advance(unknown, fact_of(sample("ImageStored")))):
        with pytest.raises(KeyError):
            ask(REQUEST)


def test_a_step_forward_is_one_write(store: Any, accepted: State) -> None:
    assert store.advance(REQUEST, fact_of(sample("PromptApproved"))) is None
    state = store.state(REQUEST)
    assert (state.status, state.status_sequence, state.revision) == ("generating", 1, 2)


def test_a_known_fact_or_a_step_back_answers_the_state_as_it_is(store: Any, accepted: State) -> None:
    store.advance(REQUEST, fact_of(sample("ImageStored")))
    for event in ("ImageStored", "PromptApproved"):
        found = store.advance(REQUEST, fact_of(sample(event)))
        assert found == store.state(REQUEST)
        assert found.status == "succeeded"


def test_after_a_stall_every_event_is_weighed(store: Any, accepted: State) -> None:
    track(store, sample("ProcessingStalled"))
    assert store.state(REQUEST).status == "stalled"
    assert store.advance(REQUEST, fact_of(sample("ImageApproved"))) is not None
    track(store, sample("ImageApproved"))
    assert store.state(REQUEST).status == "stalled"
    track(store, sample("MessageReplayed"))
    assert store.state(REQUEST).status == "storing"
    track(store, sample("ImageStored"))
    assert store.state(REQUEST).status == "succeeded"


def test_facts_come_back_as_they_were_kept(store: Any, accepted: State) -> None:
    for name in ("PromptRejected", "ImageStored", "ProcessingStalled", "GenerationFailed", "ImageRejected"):
        track(store, sample(name))
        kept = store.state(REQUEST).facts[sample(name).metadata.event_id]
        assert kept == fact_of(sample(name))


def test_a_write_on_an_old_reading_is_refused(store: Any, accepted: State) -> None:
    old = store.state(REQUEST)
    track(store, sample("PromptApproved"))
    fact = expiry(old, START, START)
    assert store.replace(old, with_fact(old, fact), fact) is False
    assert store.state(REQUEST).status == "generating"


def test_an_open_request_comes_up_when_it_is_due_and_an_ended_one_never(store: Any, accepted: State) -> None:
    due = START + timedelta(minutes=15)
    assert list(store.due(due - timedelta(seconds=1))) == []
    assert list(store.due(due)) == [REQUEST]
    store.check_again(REQUEST, due + timedelta(minutes=1))
    assert list(store.due(due)) == []
    assert list(store.due(due + timedelta(minutes=1))) == [REQUEST]
    track(store, sample("ImageStored"))
    store.check_again(REQUEST, due)
    assert list(store.due(due + timedelta(days=1))) == []


def test_a_failing_table_is_not_taken_for_an_ended_request(aws_test_environment: None) -> None:
    with mock_aws(), pytest.raises(ClientError, match="ResourceNotFound"):
        RequestTable(boto3.client("dynamodb"), "no-such-table").check_again(REQUEST, START)


def test_a_late_fact_keeps_its_own_time(store: Any, accepted: State) -> None:
    fact = Fact("00000000-0000-5000-8000-000000000000", "PromptApproved", START - timedelta(minutes=1))
    store.advance(REQUEST, fact)
    assert store.state(REQUEST).facts[fact.event_id].at == START - timedelta(minutes=1)


def test_an_ending_is_answered_with_the_state_it_made(store: Any, accepted: State) -> None:
    found = store.advance(REQUEST, fact_of(sample("ImageStored")))
    assert found == store.state(REQUEST)
    assert (found.status, sample("ImageStored").metadata.event_id in found.facts) == ("succeeded", True)


def test_where_a_request_was_counted_comes_back(store: Any) -> None:
    window = Window("key", 1_795_000_500, 900)
    accept(store, REQUEST, "demo", REQUESTED.data.parameters, START, charged_to=window)
    assert store.state(REQUEST).charged_to == window
    assert track(store, sample("PromptRejected")).charged_to == window  # type: ignore[union-attr]


def test_the_webhook_that_a_request_named_comes_back(store: Any) -> None:
    accept(store, REQUEST, "demo", REQUESTED.data.parameters, START, webhook_id="w3bhookexample22")
    assert store.state(REQUEST).webhook_id == "w3bhookexample22"
    assert track(store, sample("PromptRejected")).webhook_id == "w3bhookexample22"  # type: ignore[union-attr]


RECORD = IdempotencyRecord("demo", "k", "digest", '{"id": 1}', START + timedelta(hours=24))


def test_an_idempotency_key_is_taken_once_and_nothing_is_written_with_it_again(store: Any) -> None:
    accept(store, REQUEST, "demo", REQUESTED.data.parameters, START, record=RECORD)
    second = uuid7()
    with pytest.raises(KeyTakenError) as taken:
        accept(store, second, "demo", REQUESTED.data.parameters, START, record=replace(RECORD, digest="other"))
    assert taken.value.record == RECORD
    with pytest.raises(KeyError):
        store.state(second)
    assert store.recorded("demo", "k", START) == RECORD


def test_an_idempotency_key_is_its_owners_and_for_a_day(store: Any) -> None:
    accept(store, REQUEST, "demo", REQUESTED.data.parameters, START, record=RECORD)
    assert store.recorded("mallory", "k", START) is None
    assert store.recorded("demo", "K", START) is None
    assert store.recorded("demo", "k", RECORD.expires_at - timedelta(seconds=1)) == RECORD
    assert store.recorded("demo", "k", RECORD.expires_at) is None
    again = replace(RECORD, expires_at=RECORD.expires_at + timedelta(hours=24))
    accept(store, uuid7(), "demo", REQUESTED.data.parameters, RECORD.expires_at, record=again)
    assert store.recorded("demo", "k", RECORD.expires_at) == again


def test_a_request_is_taken_back_in_the_table(store: Any, accepted: State) -> None:
    _, cancelled = cancel(store, REQUEST, "demo", START)
    assert store.state(REQUEST) == cancelled
    assert list(store.due(START + timedelta(days=1))) == []
    track(store, sample("ImageGenerated"))
    assert store.state(REQUEST).status == "cancelled"


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
        page = store.page("demo", limit=limit, after=after, status=status)
        found.append([row.request_id for row in page.rows])
        after = page.after
        if after is None:
            return found


def test_a_list_is_an_owners_newest_first_each_once(store: Any) -> None:
    ids = some_requests(store, 7)
    some_requests(store, 2, "mallory")
    found = pages(store, 3)
    assert [request_id for page in found for request_id in page] == ids
    assert all(len(page) <= 3 for page in found)


def test_a_list_knows_status_and_time(store: Any) -> None:
    (request_id,) = some_requests(store, 1)
    cancel(store, request_id, "demo", START)
    (row,) = store.page("demo", limit=5, after=None, status=None).rows
    assert (row.request_id, row.status, row.created_at) == (request_id, "cancelled", START)


def test_a_filtered_list_has_all_that_match(store: Any) -> None:
    ids = some_requests(store, 9)
    for request_id in ids[::3]:
        cancel(store, request_id, "demo", START)
    found = pages(store, 2, "cancelled")
    assert [request_id for page in found for request_id in page] == ids[::3]
    assert all(len(page) <= 2 for page in found)


def test_a_filtered_page_may_be_short_while_there_is_more(intake_table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.intake.adapters.FILTERED_AT_ONCE", 3)
    table = RequestTable(boto3.client("dynamodb"), intake_table)
    ids = some_requests(table, 8)
    cancel(table, ids[-1], "demo", START)
    first = table.page("demo", limit=1, after=None, status="cancelled")
    assert (first.rows, first.after) == ([], ids[2])
    assert [request_id for page in pages(table, 1, "cancelled") for request_id in page] == [ids[-1]]
