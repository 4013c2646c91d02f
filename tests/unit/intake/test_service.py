"""Cancellation, refunds, durations, and the responses about requests and models."""

from datetime import UTC, date, datetime, timedelta
from typing import cast

import pytest
from pydantic import ValidationError

from events.catalog.generation_failed import GenerationFailed, GenerationFailedData
from events.catalog.image_deleted import ImageDeleted, ImageDeletedData
from events.catalog.image_requested import ImageRequested
from events.envelope import Event
from events.model_catalog import ModelCatalog
from kit.cursors import encode_cursor
from services.intake.durations import Estimates
from services.intake.identifiers import uuid7
from services.intake.model_views import lifecycle, model_view
from services.intake.models import RequestPage, TooLateToCancelError, Window
from services.intake.outbox import events_of_change
from services.intake.quota import RateLimiter
from services.intake.refunds import refund_quota
from services.intake.request_views import request_list, request_view
from services.intake.schemas import ListQuery
from services.intake.tracking import add_event, measured_duration
from tests.support.clock import FakeClock
from tests.support.events import sample
from tests.support.sealing import SAMPLE_TEXTS
from tests.unit.intake.fakes import InMemoryDurations, InMemoryRates, InMemoryRequests, accept, cancel

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
REQUESTED = cast("ImageRequested", sample("ImageRequested"))
REQUEST = REQUESTED.metadata.request_id
WINDOW = Window("key", int(START.timestamp()) // 900 * 900, 900)


@pytest.fixture
def store() -> InMemoryRequests:
    found = InMemoryRequests()
    accept(found, REQUEST, "demo", REQUESTED.data.parameters, START, quota_window=WINDOW)
    return found


# Cancellation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [[], ["PromptApproved"], ["ProcessingStalled"]])
def test_a_request_can_be_cancelled_before_an_image_is_generated(store: InMemoryRequests, before: list[str]) -> None:
    for name in before:
        add_event(store, sample(name))
    if store.read_state(REQUEST).timeline.keys() & {sample("ProcessingStalled").metadata.event_id}:
        assert store.read_state(REQUEST).status == "stalled"
    _, state = cancel(store, REQUEST, "demo", START)
    assert state.status == store.read_state(REQUEST).status == "cancelled"
    assert REQUEST not in store.checks, "the sweeper no longer checks it"


@pytest.mark.parametrize(
    "event", ["ImageGenerated", "ImageApproved", "ImageStored", "PromptRejected", "GenerationFailed", "RequestExpired"]
)
def test_afterwards_it_is_too_late_to_cancel(store: InMemoryRequests, event: str) -> None:
    add_event(store, sample(event))
    before = store.read_state(REQUEST)
    with pytest.raises(TooLateToCancelError) as refused:
        cancel(store, REQUEST, "demo", START)
    assert refused.value.status == before.status
    assert store.read_state(REQUEST) == before


def test_cancelling_twice_changes_nothing(store: InMemoryRequests) -> None:
    once = cancel(store, REQUEST, "demo", START)
    assert cancel(store, REQUEST, "demo", START + timedelta(hours=1)) == once


def test_only_the_owner_can_cancel_a_request(store: InMemoryRequests) -> None:
    for request_id, owner in ((REQUEST, "mallory"), (uuid7(), "demo"), ("nonsense", "demo")):
        with pytest.raises(KeyError):
            cancel(store, request_id, owner, START)
    assert store.read_state(REQUEST).status == "accepted"


def test_an_image_that_is_generated_during_the_cancellation_wins() -> None:
    class Late(InMemoryRequests):
        def recompute(self, old, new, entry):  # type: ignore[no-untyped-def]
            if "ImageGenerated" not in {known.detail_type for known in self.states[REQUEST].timeline.values()}:
                add_event(self, sample("ImageGenerated"))
            return super().recompute(old, new, entry)

    store = Late()
    accept(store, REQUEST, "demo", REQUESTED.data.parameters, START)
    with pytest.raises(TooLateToCancelError):
        cancel(store, REQUEST, "demo", START)
    assert store.read_state(REQUEST).status == "checking"


def test_a_cancellation_is_published_as_an_event_and_as_a_status(store: InMemoryRequests) -> None:
    before = store.read_state(REQUEST)
    _, after = cancel(store, REQUEST, "demo", START + timedelta(seconds=5))
    cancelled, changed = events_of_change(before, after)
    assert (cancelled.detail_type, changed.detail_type) == ("RequestCancelled", "RequestStatusChanged")
    assert cancelled.metadata.event_id in after.timeline
    assert cancelled.metadata.occurred_at == START + timedelta(seconds=5)
    assert changed.data.status == "cancelled"


def test_a_cancelled_request_has_a_reason(store: InMemoryRequests) -> None:
    view = request_view(*cancel(store, REQUEST, "demo", START), SAMPLE_TEXTS, str)
    assert view.reason
    assert (view.status, view.reason.code, view.timeline[-1].event) == ("cancelled", "cancelled", "RequestCancelled")


# Refunds -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "count", "blocked"),
    [
        (["ImageStored"], 2, 0),
        (["RequestCancelled"], 2, 0),
        (["PromptRejected"], 0, 1),
        (["PromptRejected", "PromptRejected"], 0, 1),
        (["ImageRejected"], 2, 1),  # the images were paid for
        (["GenerationFailed"], 2, 1),  # the sample is the model's content filter
        (["RequestExpired"], 0, 0),
        (["model_end_of_life"], 0, 0),
        (["keyword"], 0, 0),
    ],
)
def test_our_failures_and_rejected_prompts_are_refunded_once(
    store: InMemoryRequests, events: list[str], count: int, blocked: int
) -> None:
    rates = InMemoryRates()
    limiter = RateLimiter(rates, FakeClock(START))
    rates.increment(WINDOW, 2, 100, 20)
    for name in events:
        event: Event
        if name == "model_end_of_life":
            event = GenerationFailed.follow(REQUESTED, GenerationFailedData(reason=name, outcomes=[]))
        elif name == "keyword":
            rejected = sample("PromptRejected")
            event = rejected.model_copy(update={"data": rejected.data.model_copy(update={"counts_as_blocked": False})})
        else:
            event = sample(name)
        state = add_event(store, event)
        assert state is not None, "a finished request is returned without another read"
        refund_quota(limiter, state)
    assert (rates.counts[WINDOW].count, rates.counts[WINDOW].blocked) == (count, blocked)


def test_a_request_that_succeeded_has_a_duration(store: InMemoryRequests) -> None:
    stored = sample("ImageStored")
    at = stored.metadata.model_copy(update={"occurred_at": START + timedelta(seconds=12)})
    stored = stored.model_copy(update={"metadata": at})
    state = add_event(store, stored)
    assert state
    assert measured_duration(stored, state) == (stored.data.images[0].model, 12.0)


def test_a_request_that_stalled_has_no_duration(store: InMemoryRequests) -> None:
    add_event(store, sample("ProcessingStalled"))
    state = add_event(store, sample("ImageStored"))
    assert state
    assert measured_duration(sample("ImageStored"), state) is None


# Deleted images ----------------------------------------------------------------------------------------------------


def test_a_deleted_image_is_shown_as_deleted_without_urls(store: InMemoryRequests) -> None:
    stored = sample("ImageStored")
    add_event(store, stored)
    (image,) = stored.data.images
    gone = ImageDeleted.follow(stored, ImageDeletedData(image_id=image.image_id, reason="owner"))
    add_event(store, gone)
    view = request_view(store.read_request(REQUEST), store.read_state(REQUEST), SAMPLE_TEXTS, str)
    assert view.status == "succeeded"
    (shown,) = view.images
    assert shown.deleted_at == gone.metadata.occurred_at
    assert shown.url is shown.display_url is shown.thumbnail_url is shown.placeholder is None
    assert view.links.images == []


# Lists ---------------------------------------------------------------------------------------------------------------


def test_a_cursor_stands_for_the_last_request_of_its_page() -> None:
    assert ListQuery(cursor=encode_cursor(REQUEST)).cursor == REQUEST


@pytest.mark.parametrize(
    "cursor", ["x", "AAAA", "ä", encode_cursor("nonsense"), encode_cursor(REQUEST)[:-2], "MTox" * 99]
)
def test_an_invalid_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValidationError):
        ListQuery(cursor=cursor)


def test_the_last_page_has_no_cursor() -> None:
    assert request_list(RequestPage([], None)).next_cursor is None
    assert request_list(RequestPage([], REQUEST)).next_cursor, "an empty page is not always the last"


# Models --------------------------------------------------------------------------------------------------------------

MODELS = ModelCatalog.load()


def test_a_model_is_active_then_legacy_then_at_its_end_of_life() -> None:
    model = next(model for model in MODELS if model.end_of_life is None)
    end = date(2026, 9, 30)
    ending_soon = model.model_copy(update={"end_of_life": end})
    assert lifecycle(model, end) == "active"
    assert lifecycle(ending_soon, end - timedelta(days=1)) == "legacy"
    assert lifecycle(ending_soon, end) == "end_of_life"


def test_a_model_at_its_end_of_life_has_a_successor_and_no_estimate() -> None:
    durations = InMemoryDurations()
    durations.averages = {"titan-v1": 3.0, MODELS.default: 4.0}
    views = {m.key: model_view(m, MODELS, Estimates(durations, FakeClock()), START.date()) for m in MODELS}
    assert (views["titan-v1"].successor, views["titan-v1"].estimated_seconds) == ("titan-v2", None)
    assert views[MODELS.default].estimated_seconds == 4
    assert [key for key, view in views.items() if view.default] == [MODELS.default]


def test_the_arn_of_a_model_is_not_shown() -> None:
    arn = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/x"
    custom = f'{{"mine": {{"arn": "{arn}", "family": "sdxl", "price_usd": "0.04"}}}}'
    models = ModelCatalog.load(custom)
    mine = models.get("mine")
    assert mine
    assert (
        "111122223333"
        not in model_view(mine, models, Estimates(InMemoryDurations(), FakeClock()), START.date()).model_dump_json()
    )
