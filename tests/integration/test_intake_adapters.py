"""The request-state table: one suite for the fake and for DynamoDB as moto speaks it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from events.catalog.image_requested import ImageRequested
from events.testing import sample
from services.intake.adapters import RequestTable
from services.intake.facts import fact_of
from services.intake.lifecycle import Fact
from services.intake.logic import State, accept, expiry, track, with_fact
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
    return accept(store, REQUEST, "demo", REQUESTED.data.drawing, START)


def test_what_was_accepted_can_be_read(store: Any, accepted: State) -> None:
    request, state = store.both(REQUEST)
    assert state == accepted == store.state(REQUEST)
    assert request == store.request(REQUEST)
    assert request.data.drawing == REQUESTED.data.drawing


def test_an_id_is_taken_once(store: Any, accepted: State) -> None:
    with pytest.raises(KeyError):
        accept(store, REQUEST, "mallory", REQUESTED.data.drawing, START)
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
