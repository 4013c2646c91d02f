"""Generating what was approved: paid once, recorded, told the same way again."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.catalog.generation_failed import GenerationFailed
from events.catalog.image_generated import ImageGenerated
from events.catalog.prompt_approved import PromptApproved
from events.envelope import Event
from events.images import ImageOutcome
from kit.errors import InProgressError, RetriableError, TransientError, UnprocessableError
from services.generation.model_errors import ModelCallError
from services.generation.service import CALLS_ALLOWED
from tests.unit.generation.fakes import Studio, approved

THROTTLED = ModelCallError("ThrottlingException", "Too many requests")
ENDED = ModelCallError("ResourceNotFoundException", "This model version has reached the end of its life.")
AWAY = ModelCallError("ServiceUnavailableException")
LOST = ModelCallError("ReadTimeoutError")
BLOCKED = ModelCallError("ValidationException", "This request has been blocked by our content filters.")
DENIED = ModelCallError("AccessDeniedException", "You don't have access to the model")


@pytest.fixture
def studio() -> Studio:
    return Studio()


def outcomes(events: list[Event]) -> list[ImageOutcome]:
    assert len(events) == 1
    assert isinstance(events[0], ImageGenerated | GenerationFailed)
    return events[0].data.outcomes


def statuses(events: list[Event]) -> list[str]:
    return [outcome.status for outcome in outcomes(events)]


# ── what is drawn ───────────────────────────────────────────────────────────────────────────────────────────


def test_an_approved_prompt_becomes_a_image_in_the_hand_off_bucket(studio: Studio) -> None:
    [event] = studio.generate(approved())
    assert isinstance(event, ImageGenerated)
    [outcome] = event.data.outcomes
    assert outcome.image is not None
    assert studio.handoff.objects.keys() == {outcome.image.key}
    assert (outcome.image.width, outcome.image.height, outcome.image.media_type) == (64, 48, "image/png")
    assert (outcome.image.model, str(outcome.image.cost_usd)) == ("stable-image-core", "0.04")
    assert outcome.image.bytes == len(studio.handoff.objects[outcome.image.key])


def test_each_image_of_a_request_has_a_seed_and_a_call_of_its_own(studio: Studio) -> None:
    events = studio.generate(approved(count=4, seed=10))
    assert [outcome.image.seed for outcome in outcomes(events) if outcome.image] == [10, 11, 12, 13]
    assert sorted(body["seed"] for _, body in studio.models.calls) == [10, 11, 12, 13]


def test_seeds_wrap_around_at_the_models_highest(studio: Studio) -> None:
    studio.generate(approved(count=2, seed=4294967294))
    assert sorted(body["seed"] for _, body in studio.models.calls) == [0, 4294967294]


def test_a_model_call_never_runs_beyond_the_bound() -> None:
    studio = Studio(parallel=3)
    gate = threading.Barrier(3)

    def wait_for_three(_: object) -> None:
        gate.wait(5)

    studio.models.before = wait_for_three
    with ThreadPoolExecutor(3) as messages:
        list(messages.map(studio.generate, [approved(count=4) for _ in range(3)]))
    assert studio.models.most_under_way == 3
    assert studio.models.paid == 12


# ── once, and the same again ────────────────────────────────────────────────────────────────────────────────


def test_a_redelivery_pays_nothing_and_repeats_the_event_exactly(studio: Studio) -> None:
    event = approved(count=3)
    first = studio.generate(event)
    studio.clock.pass_by(3600)
    assert studio.generate(event) == first
    assert studio.models.paid == 3


def test_the_event_says_when_the_last_image_was_known(studio: Studio) -> None:
    studio.models.by_seed = {43: THROTTLED}
    event = approved(count=2, seed=42)
    with pytest.raises(TransientError):
        studio.generate(event)
    studio.models.by_seed.clear()
    studio.clock.pass_by(30)
    [told] = studio.generate(event)
    assert told.metadata.occurred_at == studio.clock.time
    assert told.metadata.caused_at == event.metadata.occurred_at


def test_a_duplicate_delivered_meanwhile_waits_for_what_is_left_of_the_lease(studio: Studio) -> None:
    event = approved()
    duplicates: list[InProgressError] = []

    def duplicate(_: object) -> None:
        studio.clock.pass_by(100)
        with pytest.raises(InProgressError) as caught:
            studio.generate(event)
        duplicates.append(caught.value)

    studio.models.before = duplicate
    assert statuses(studio.generate(event)) == ["generated"]
    assert [error.seconds for error in duplicates] == [260]
    assert studio.models.paid == 1


def test_four_images_with_one_throttled_pay_only_for_the_missing_one_later(studio: Studio) -> None:
    event = approved(count=4, seed=1)
    studio.models.by_seed = {3: THROTTLED}
    with pytest.raises(TransientError):
        studio.generate(event)
    assert studio.models.paid == 3
    studio.models.by_seed.clear()
    assert statuses(studio.generate(event)) == ["generated"] * 4
    assert studio.models.paid == 4


def test_an_unpaid_failure_gives_its_lease_back_and_counts_for_nothing(studio: Studio) -> None:
    event = approved()
    for _ in range(CALLS_ALLOWED + 3):
        studio.models.script = {"stable-image-core": [THROTTLED]}
        with pytest.raises(TransientError):
            studio.generate(event)
    assert statuses(studio.generate(event)) == ["generated"]


def test_a_crash_between_the_bucket_and_the_record_pays_once_more_when_the_lease_is_over(studio: Studio) -> None:
    event = approved()
    studio.guard.unreachable = True  # neither recorded nor released, as after a crash
    with pytest.raises(ConnectionError):
        studio.generate(event)
    studio.guard.unreachable = False
    with pytest.raises(InProgressError):
        studio.generate(event)
    studio.clock.pass_by(361)
    assert statuses(studio.generate(event)) == ["generated"]
    assert studio.models.paid == 2
    assert len(studio.handoff.objects) == 2  # the first attempt's image was not overwritten


def test_the_first_recorded_image_stands_when_a_late_one_comes_after_all(studio: Studio) -> None:
    event = approved()
    by_other: list[Event] = []

    def outlive_the_lease(_: object) -> None:
        studio.models.before = lambda _: None
        studio.clock.pass_by(361)
        by_other.extend(studio.generate(event))

    studio.models.before = outlive_the_lease
    assert studio.generate(event) == by_other
    assert studio.models.paid == 2


def test_calls_whose_answers_are_lost_come_to_an_end_until_an_operator_replays(studio: Studio) -> None:
    event = approved()
    studio.models.script = {"stable-image-core": [LOST] * CALLS_ALLOWED}
    for _ in range(CALLS_ALLOWED):
        with pytest.raises(RetriableError):
            studio.generate(event)
    with pytest.raises(UnprocessableError):
        studio.generate(event)
    assert len(studio.models.calls) == CALLS_ALLOWED
    replayed = event.model_copy(update={"metadata": event.metadata.model_copy(update={"replays": 1})})
    assert statuses(studio.generate(replayed)) == ["generated"]


def test_a_call_that_could_outlive_its_lease_is_not_begun() -> None:
    studio = Studio(parallel=1)
    studio.models.before = lambda _: studio.clock.pass_by(200)
    event = approved(count=2)
    with pytest.raises(TransientError):
        studio.generate(event)
    assert studio.models.paid == 1
    assert statuses(studio.generate(event)) == ["generated", "generated"]
    assert studio.models.paid == 2


def test_a_image_that_does_not_reach_the_bucket_is_tried_again(studio: Studio) -> None:
    event = approved()
    studio.handoff.crash = ConnectionError("bucket unreachable")
    with pytest.raises(ConnectionError):
        studio.generate(event)
    studio.handoff.crash = None
    assert statuses(studio.generate(event)) == ["generated"]


# ── taken back ──────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_taken_back_is_not_paid_for(studio: Studio) -> None:
    event = approved(count=2)
    studio.guard.bury(event.metadata.request_id, studio.clock())
    assert studio.generate(event) == []
    assert studio.models.calls == []


def test_a_request_taken_back_between_two_deliveries_is_not_paid_for_further(studio: Studio) -> None:
    event = approved(count=2, seed=1)
    studio.models.by_seed = {2: THROTTLED}
    with pytest.raises(TransientError):
        studio.generate(event)
    studio.guard.bury(event.metadata.request_id, studio.clock())
    assert studio.generate(event) == []
    assert studio.models.paid == 1


# ── models that fail ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("error", [ENDED, AWAY, ModelCallError("ModelNotReadyException")])
def test_a_model_that_has_ended_or_is_away_is_followed_by_the_next_at_once(
    studio: Studio, error: ModelCallError
) -> None:
    studio.models.script = {"stable-image-core": [error]}
    [outcome] = outcomes(studio.generate(approved(models=("stable-image-core", "sd3.5-large"))))
    assert outcome.image is not None
    assert outcome.image.model == "sd3.5-large"


def test_a_request_for_that_model_only_fails_where_it_has_ended(studio: Studio) -> None:
    studio.models.script = {"stable-image-core": [ENDED]}
    [event] = studio.generate(approved())
    assert isinstance(event, GenerationFailed)
    assert event.data.reason == "model_ended"


def test_a_request_for_that_model_only_waits_where_it_is_away(studio: Studio) -> None:
    studio.models.script = {"stable-image-core": [AWAY]}
    with pytest.raises(TransientError):
        studio.generate(approved())


def test_an_away_model_is_waited_for_even_when_its_successor_has_ended(studio: Studio) -> None:
    studio.models.script = {"stable-image-core": [AWAY], "sd3.5-large": [ENDED]}
    event = approved(models=("stable-image-core", "sd3.5-large"))
    with pytest.raises(TransientError):
        studio.generate(event)
    assert statuses(studio.generate(event)) == ["generated"]


def test_a_call_that_may_have_been_paid_is_not_followed_by_another_model(studio: Studio) -> None:
    studio.models.script = {"stable-image-core": [LOST]}
    with pytest.raises(RetriableError):
        studio.generate(approved(models=("stable-image-core", "sd3.5-large")))
    assert len(studio.models.calls) == 1


def test_a_custom_model_that_is_no_longer_configured_is_passed_over(studio: Studio) -> None:
    [outcome] = outcomes(studio.generate(approved(models=("my-own", "stable-image-core"))))
    assert outcome.image is not None
    [event] = studio.generate(approved(models=("my-own",)))
    assert isinstance(event, GenerationFailed)
    assert event.data.reason == "model_unknown"


def test_a_blocked_prompt_is_a_final_rejection_and_is_not_asked_again(studio: Studio) -> None:
    studio.models.script = {"stable-image-core": [BLOCKED]}
    event = approved(models=("stable-image-core", "sd3.5-large"))
    [told] = first = studio.generate(event)
    assert isinstance(told, GenerationFailed)
    assert (told.data.reason, told.data.outcomes[0].status) == ("content_filtered", "filtered")
    assert studio.generate(event) == first
    assert len(studio.models.calls) == 1


def test_one_blocked_image_does_not_take_the_others_along(studio: Studio) -> None:
    studio.models.by_seed = {2: BLOCKED}
    [event] = studio.generate(approved(count=3, seed=1))
    assert isinstance(event, ImageGenerated)
    assert [outcome.status for outcome in event.data.outcomes] == ["generated", "filtered", "generated"]


def test_an_invalid_request_fails_for_good(studio: Studio) -> None:
    studio.models.script = {"stable-image-core": [ModelCallError("ValidationException", "Malformed input request")]}
    [event] = studio.generate(approved())
    assert isinstance(event, GenerationFailed)
    assert event.data.reason == "invalid_request"
    assert event.data.outcomes[0].status == "failed"


def test_bytes_that_are_no_image_are_asked_for_again(studio: Studio) -> None:
    studio.models.script = {"stable-image-core": [{"finish_reasons": [None], "images": ["bm8gcGljdHVyZQ=="]}]}
    event = approved()
    with pytest.raises(RetriableError):
        studio.generate(event)
    assert studio.handoff.objects == {}
    assert statuses(studio.generate(event)) == ["generated"]


def test_a_bug_shows_at_once_whatever_else_is_wrong(studio: Studio) -> None:
    def bug(body: object) -> None:
        if isinstance(body, dict) and body["seed"] == 2:
            raise ZeroDivisionError

    studio.models.before = bug
    studio.models.by_seed = {1: THROTTLED}
    with pytest.raises(ZeroDivisionError):
        studio.generate(approved(count=2, seed=1))


def test_no_error_text_quotes_what_the_model_said(studio: Studio) -> None:
    secret = "a very private prompt"
    for code in ("AccessDeniedException", "ThrottlingException", "ModelErrorException", "ServiceUnavailableException"):
        studio.models.script = {"stable-image-core": [ModelCallError(code, secret)]}
        with pytest.raises((TransientError, RetriableError)) as caught:
            studio.generate(approved(prompt=secret))
        assert secret not in str(caught.value)
        assert code in str(caught.value)


def test_no_prompt_is_logged_or_measured(studio: Studio, capfd: pytest.CaptureFixture[str]) -> None:
    studio.models.by_seed = {2: ModelCallError("ValidationException", "your prompt: zebra-in-a-suit")}
    studio.generate(approved(count=2, seed=1, prompt="zebra-in-a-suit", negative_prompt="zebra-in-a-hat"))
    written = "".join(capfd.readouterr())
    assert "invalid_request" in written
    assert "zebra" not in written


# ── any order of misfortunes ────────────────────────────────────────────────────────────────────────────────

MISFORTUNES = st.lists(
    st.lists(st.sampled_from([None, THROTTLED, AWAY, LOST, DENIED, BLOCKED, ENDED]), min_size=3, max_size=3),
    min_size=1,
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(MISFORTUNES)
def test_whatever_happens_each_image_is_drawn_at_most_once_and_every_telling_is_the_same(
    deliveries: list[list[ModelCallError | None]],
) -> None:
    studio = Studio()
    event = approved(count=3, seed=0)
    told: list[list[Event]] = []
    nothing: list[ModelCallError | None] = [None] * 3
    for misfortunes in [*deliveries, nothing, nothing]:
        studio.models.by_seed = {seed: error for seed, error in enumerate(misfortunes) if error}
        with suppress(TransientError, RetriableError, UnprocessableError):
            told.append(studio.generate(event))
        studio.clock.pass_by(1)
    assert studio.models.paid <= 3
    assert all(events == told[0] for events in told)
    losses = max(sum(delivery[seed] is LOST for delivery in deliveries) for seed in range(3))
    assert told or losses >= CALLS_ALLOWED


def test_the_cause_of_every_event_is_the_approval(studio: Studio) -> None:
    event: PromptApproved = approved()
    [told] = studio.generate(event)
    assert (told.metadata.cause_id, told.metadata.request_id) == (event.metadata.event_id, event.metadata.request_id)
