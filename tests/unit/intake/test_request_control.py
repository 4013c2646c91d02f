"""Taking requests back, what an ending gives back, deleted images, lists and models."""

from datetime import UTC, date, datetime, timedelta
from typing import cast

import pytest
from pydantic import ValidationError

from events.catalog.generation_failed import GenerationFailed, GenerationFailedData
from events.catalog.image_deleted import ImageDeleted, ImageDeletedData
from events.catalog.image_requested import ImageRequested
from events.envelope import Event
from events.model_catalog import ModelCatalog
from services.intake.figures import Estimates
from services.intake.identifiers import uuid7
from services.intake.listing import ListQuery, Page, cursor_of
from services.intake.model_views import lifecycle, model_view
from services.intake.outbox import announce_change
from services.intake.quota import RateLimiter, Window
from services.intake.service import TooLateError, accept, cancel, duration, settle, track
from services.intake.views import request_list, request_view
from tests.support.events import sample
from tests.unit.intake.fakes import InMemoryFigures, InMemoryRates, InMemoryRequests

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
REQUESTED = cast("ImageRequested", sample("ImageRequested"))
REQUEST = REQUESTED.metadata.request_id
WINDOW = Window("key", int(START.timestamp()) // 900 * 900, 900)


@pytest.fixture
def store() -> InMemoryRequests:
    found = InMemoryRequests()
    accept(found, REQUEST, "demo", REQUESTED.data.parameters, START, charged_to=WINDOW)
    return found


# Cancellation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [[], ["PromptApproved"], ["ProcessingStalled"]])
def test_a_request_can_be_taken_back_until_a_image_is_drawn(store: InMemoryRequests, before: list[str]) -> None:
    for name in before:
        track(store, sample(name))
    if store.state(REQUEST).facts.keys() & {sample("ProcessingStalled").metadata.event_id}:
        assert store.state(REQUEST).status == "stalled"
    _, state = cancel(store, REQUEST, "demo", START)
    assert state.status == store.state(REQUEST).status == "cancelled"
    assert REQUEST not in store.checks, "the sweeper is done with it"


@pytest.mark.parametrize(
    "event", ["ImageGenerated", "ImageApproved", "ImageStored", "PromptRejected", "GenerationFailed", "RequestExpired"]
)
def test_later_it_is_too_late(store: InMemoryRequests, event: str) -> None:
    track(store, sample(event))
    before = store.state(REQUEST)
    with pytest.raises(TooLateError) as refused:
        cancel(store, REQUEST, "demo", START)
    assert refused.value.status == before.status
    assert store.state(REQUEST) == before


def test_taking_back_twice_changes_nothing(store: InMemoryRequests) -> None:
    once = cancel(store, REQUEST, "demo", START)
    assert cancel(store, REQUEST, "demo", START + timedelta(hours=1)) == once


def test_nobody_takes_back_what_is_anothers(store: InMemoryRequests) -> None:
    for request_id, owner in ((REQUEST, "mallory"), (uuid7(), "demo"), ("nonsense", "demo")):
        with pytest.raises(KeyError):
            cancel(store, request_id, owner, START)
    assert store.state(REQUEST).status == "accepted"


def test_a_image_that_is_drawn_while_the_request_is_taken_back_wins() -> None:
    class Late(InMemoryRequests):
        def replace(self, old, new, added):  # type: ignore[no-untyped-def]
            if "ImageGenerated" not in {fact.detail_type for fact in self.states[REQUEST].facts.values()}:
                track(self, sample("ImageGenerated"))
            return super().replace(old, new, added)

    store = Late()
    accept(store, REQUEST, "demo", REQUESTED.data.parameters, START)
    with pytest.raises(TooLateError):
        cancel(store, REQUEST, "demo", START)
    assert store.state(REQUEST).status == "checking"


def test_a_cancellation_is_announced_as_an_event_and_as_a_status(store: InMemoryRequests) -> None:
    before = store.state(REQUEST)
    _, after = cancel(store, REQUEST, "demo", START + timedelta(seconds=5))
    cancelled, changed = announce_change(before, after)
    assert (cancelled.detail_type, changed.detail_type) == ("RequestCancelled", "RequestStatusChanged")
    assert cancelled.metadata.event_id in after.facts
    assert cancelled.metadata.occurred_at == START + timedelta(seconds=5)
    assert changed.data.status == "cancelled"


def test_a_cancelled_request_says_why_it_has_no_image(store: InMemoryRequests) -> None:
    view = request_view(*cancel(store, REQUEST, "demo", START), str)
    assert view.reason
    assert (view.status, view.reason.code, view.timeline[-1].event) == ("cancelled", "cancelled", "RequestCancelled")


# What an ending gives back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "count", "blocked"),
    [
        (["ImageStored"], 1, 0),
        (["RequestCancelled"], 1, 0),
        (["PromptRejected"], 0, 1),
        (["PromptRejected", "PromptRejected"], 0, 1),
        (["ImageRejected"], 0, 1),
        (["GenerationFailed"], 0, 1),  # the sample is the model's content filter
        (["RequestExpired"], 0, 0),
        (["model_ended"], 0, 0),
    ],
)
def test_failures_of_ours_and_blocks_are_given_back_once(
    store: InMemoryRequests, events: list[str], count: int, blocked: int
) -> None:
    rates = InMemoryRates()
    limiter = RateLimiter(rates, START.timestamp)
    rates.take(WINDOW, 100, 20)
    for name in events:
        event: Event
        if name == "model_ended":
            event = GenerationFailed.follow(REQUESTED, GenerationFailedData(reason=name, outcomes=[]))
        else:
            event = sample(name)
        state = track(store, event)
        assert state is not None, "an ending is told without another read"
        settle(limiter, state)
    assert (rates.tallies[WINDOW].count, rates.tallies[WINDOW].blocked) == (count, blocked)


def test_a_request_that_succeeded_says_how_long_it_took(store: InMemoryRequests) -> None:
    stored = sample("ImageStored")
    at = stored.metadata.model_copy(update={"occurred_at": START + timedelta(seconds=12)})
    stored = stored.model_copy(update={"metadata": at})
    state = track(store, stored)
    assert state
    assert duration(stored, state) == (stored.data.images[0].model, 12.0)


def test_a_request_that_waited_for_an_operator_says_nothing_of_speed(store: InMemoryRequests) -> None:
    track(store, sample("ProcessingStalled"))
    state = track(store, sample("ImageStored"))
    assert state
    assert duration(sample("ImageStored"), state) is None


# Deleted images ----------------------------------------------------------------------------------------------------


def test_a_deleted_image_is_shown_as_deleted_and_has_no_address(store: InMemoryRequests) -> None:
    stored = sample("ImageStored")
    track(store, stored)
    (image,) = stored.data.images
    gone = ImageDeleted.follow(stored, ImageDeletedData(image_id=image.image_id, reason="owner"))
    track(store, gone)
    view = request_view(store.request(REQUEST), store.state(REQUEST), str)
    assert view.status == "succeeded"
    (shown,) = view.images
    assert shown.deleted_at == gone.metadata.occurred_at
    assert shown.url is shown.display_url is shown.thumbnail_url is shown.placeholder is None
    assert view.links.images == []


# Lists ---------------------------------------------------------------------------------------------------------------


def test_a_cursor_leads_back_to_where_it_was_made() -> None:
    assert ListQuery(cursor=cursor_of(REQUEST)).after == REQUEST


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "ä", cursor_of("nonsense"), cursor_of(REQUEST)[:-2], "MTox" * 99])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValidationError):
        ListQuery(cursor=cursor)


def test_the_last_page_has_no_cursor() -> None:
    assert request_list(Page([], None)).next_cursor is None
    assert request_list(Page([], REQUEST)).next_cursor, "a page may be empty and not the last"


# Models --------------------------------------------------------------------------------------------------------------

MODELS = ModelCatalog.load()


def test_a_model_is_active_then_legacy_then_ended() -> None:
    model = next(model for model in MODELS if model.end_of_life is None)
    end = date(2026, 9, 30)
    leaving = model.model_copy(update={"end_of_life": end})
    assert lifecycle(model, end) == "active"
    assert lifecycle(leaving, end - timedelta(days=1)) == "legacy"
    assert lifecycle(leaving, end) == "ended"


def test_of_an_ended_model_the_successor_is_named_and_no_time_promised() -> None:
    figures = InMemoryFigures()
    figures.figures = {"titan-v1": 3.0, MODELS.default: 4.0}
    views = {m.key: model_view(m, MODELS, Estimates(figures), START.date()) for m in MODELS}
    assert (views["titan-v1"].successor, views["titan-v1"].estimated_seconds) == ("titan-v2", None)
    assert views[MODELS.default].estimated_seconds == 4
    assert [key for key, view in views.items() if view.default] == [MODELS.default]


def test_where_a_model_runs_is_not_told() -> None:
    custom = '{"mine": {"arn": "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/x", "family": "sdxl"}}'
    models = ModelCatalog.load(custom)
    mine = models.get("mine")
    assert mine
    assert "111122223333" not in model_view(mine, models, Estimates(InMemoryFigures()), START.date()).model_dump_json()
