"""Generating approved images: paid once, recorded, published the same way again."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.catalog.generation_failed import GenerationFailed
from events.catalog.generation_withdrawn import GenerationWithdrawnData
from events.catalog.image_generated import ImageGenerated
from events.catalog.prompt_approved import PromptApproved
from events.catalog.request_cancelled import RequestCancelled, RequestCancelledData
from events.envelope import Event
from events.images import ImageOutcome
from kit.errors import InProgressError, RetriableError, TransientError, UnprocessableError
from kit.stopping import StoppingError
from services.generation.model_errors import ModelCallError
from services.generation.service import CALLS_ALLOWED, ModelAccessDeniedError
from services.generation.withdrawal import withdraw
from services.operations.dead_letters.failures import classify
from tests.unit.generation.fakes import Harness, approved

THROTTLED = ModelCallError("ThrottlingException", "Too many requests")
END_OF_LIFE = ModelCallError("ResourceNotFoundException", "This model version has reached the end of its life.")
UNAVAILABLE = ModelCallError("ServiceUnavailableException")
LOST = ModelCallError("ReadTimeoutError")
BLOCKED = ModelCallError("ValidationException", "This request has been blocked by our content filters.")
DENIED = ModelCallError("AccessDeniedException", "You don't have access to the model")


@pytest.fixture
def harness() -> Harness:
    return Harness()


def outcomes(events: list[Event]) -> list[ImageOutcome]:
    assert len(events) == 1
    assert isinstance(events[0], ImageGenerated | GenerationFailed)
    return events[0].data.outcomes


def statuses(events: list[Event]) -> list[str]:
    return [outcome.status for outcome in outcomes(events)]


# ── images ───────────────────────────────────────────────────────────────────────────────────────────


def test_an_approved_prompt_becomes_an_image_in_the_hand_off_bucket(harness: Harness) -> None:
    [event] = harness.generate(approved())
    assert isinstance(event, ImageGenerated)
    [outcome] = event.data.outcomes
    assert outcome.image is not None
    assert harness.handoff.objects.keys() == {outcome.image.key}
    assert (outcome.image.width, outcome.image.height, outcome.image.media_type) == (64, 48, "image/png")
    assert (outcome.image.model, str(outcome.image.cost_usd)) == ("stable-image-core", "0.04")
    assert outcome.image.bytes == len(harness.handoff.objects[outcome.image.key])


def test_each_image_of_a_request_has_its_own_seed_and_call(harness: Harness) -> None:
    events = harness.generate(approved(count=4, seed=10))
    assert [outcome.image.seed for outcome in outcomes(events) if outcome.image] == [10, 11, 12, 13]
    assert sorted(body["seed"] for _, body in harness.models.calls) == [10, 11, 12, 13]


def test_seeds_wrap_around_at_the_models_maximum(harness: Harness) -> None:
    harness.generate(approved(count=2, seed=4294967294))
    assert sorted(body["seed"] for _, body in harness.models.calls) == [0, 4294967294]


def test_concurrent_model_calls_never_exceed_the_limit() -> None:
    harness = Harness(parallel=3)
    gate = threading.Barrier(3)

    def wait_for_three(_: object) -> None:
        gate.wait(5)

    harness.models.before = wait_for_three
    with ThreadPoolExecutor(3) as messages:
        list(messages.map(harness.generate, [approved(count=4) for _ in range(3)]))
    assert harness.models.max_concurrent == 3
    assert harness.models.paid == 12


def test_a_process_that_stops_starts_no_call_and_pays_nothing_twice() -> None:
    harness, stopping = Harness(parallel=1), threading.Event()
    generator = replace(harness.generator, is_stopping=stopping.is_set)
    harness.models.before = lambda _: stopping.set()
    event = approved(count=3)

    with pytest.raises(StoppingError) as caught:
        generator.generate(event)

    assert harness.models.paid == 1, "the call that was running is finished and recorded"
    assert caught.value.seconds == 0, "the message returns at once, and no attempt is counted"
    assert statuses(harness.generate(event)) == ["generated"] * 3
    assert harness.models.paid == 3
    assert [row.calls for row in harness.ledger.rows.values()] == [1, 1, 1]


# ── idempotency ────────────────────────────────────────────────────────────────────────────────


def test_a_redelivery_pays_nothing_and_publishes_the_same_event(harness: Harness) -> None:
    event = approved(count=3)
    first = harness.generate(event)
    harness.clock.advance(3600)
    assert harness.generate(event) == first
    assert harness.models.paid == 3


def test_the_event_has_the_time_of_the_last_outcome(harness: Harness) -> None:
    harness.models.by_seed = {43: THROTTLED}
    event = approved(count=2, seed=42)
    with pytest.raises(TransientError):
        harness.generate(event)
    harness.models.by_seed.clear()
    harness.clock.advance(30)
    [event_published] = harness.generate(event)
    assert event_published.metadata.occurred_at == harness.clock.time
    assert event_published.metadata.caused_at == event.metadata.occurred_at


def test_a_concurrent_duplicate_waits_until_the_lease_expires(harness: Harness) -> None:
    event = approved()
    duplicates: list[InProgressError] = []

    def duplicate(_: object) -> None:
        harness.clock.advance(100)
        with pytest.raises(InProgressError) as caught:
            harness.generate(event)
        duplicates.append(caught.value)

    harness.models.before = duplicate
    assert statuses(harness.generate(event)) == ["generated"]
    assert [error.seconds for error in duplicates] == [260]
    assert harness.models.paid == 1


def test_a_retry_after_throttling_pays_only_for_the_missing_image(harness: Harness) -> None:
    event = approved(count=4, seed=1)
    harness.models.by_seed = {3: THROTTLED}
    with pytest.raises(TransientError):
        harness.generate(event)
    assert harness.models.paid == 3
    harness.models.by_seed.clear()
    assert statuses(harness.generate(event)) == ["generated"] * 4
    assert harness.models.paid == 4


def test_an_unbilled_failure_releases_its_lease_and_is_not_counted(harness: Harness) -> None:
    event = approved()
    for _ in range(CALLS_ALLOWED + 3):
        harness.models.script = {"stable-image-core": [THROTTLED]}
        with pytest.raises(TransientError):
            harness.generate(event)
    assert statuses(harness.generate(event)) == ["generated"]


def test_a_crash_before_the_record_pays_once_more_after_the_lease(harness: Harness) -> None:
    event = approved()
    harness.ledger.unreachable = True  # neither recorded nor released, as after a crash
    with pytest.raises(ConnectionError):
        harness.generate(event)
    harness.ledger.unreachable = False
    with pytest.raises(InProgressError):
        harness.generate(event)
    harness.clock.advance(361)
    assert statuses(harness.generate(event)) == ["generated"]
    assert harness.models.paid == 2
    assert len(harness.handoff.objects) == 2  # the first attempt's image was not overwritten


def test_the_first_recorded_image_is_kept_if_another_arrives_late(harness: Harness) -> None:
    event = approved()
    by_other: list[Event] = []

    def outlive_the_lease(_: object) -> None:
        harness.models.before = lambda _: None
        harness.clock.advance(361)
        by_other.extend(harness.generate(event))

    harness.models.before = outlive_the_lease
    assert harness.generate(event) == by_other
    assert harness.models.paid == 2


def test_an_account_without_access_is_a_missing_permission_to_operators(harness: Harness) -> None:
    harness.models.script = {"stable-image-core": [DENIED]}
    with pytest.raises(ModelAccessDeniedError) as refused:
        harness.generate(approved())

    assert "stability.stable-image-core-v1:1" in str(refused.value)
    assert "`account check`" in str(refused.value)
    assert classify("consumer", type(refused.value).__name__, str(refused.value)) == "permission"


def test_calls_with_lost_responses_are_limited_until_a_replay(harness: Harness) -> None:
    event = approved()
    harness.models.script = {"stable-image-core": [LOST] * CALLS_ALLOWED}
    for _ in range(CALLS_ALLOWED):
        with pytest.raises(RetriableError):
            harness.generate(event)
    with pytest.raises(UnprocessableError):
        harness.generate(event)
    assert len(harness.models.calls) == CALLS_ALLOWED
    replayed = event.model_copy(update={"metadata": event.metadata.model_copy(update={"replays": 1})})
    assert statuses(harness.generate(replayed)) == ["generated"]


def test_a_call_that_could_outlive_its_lease_is_not_started() -> None:
    harness = Harness(parallel=1)
    harness.models.before = lambda _: harness.clock.advance(200)
    event = approved(count=2)
    with pytest.raises(TransientError):
        harness.generate(event)
    assert harness.models.paid == 1
    assert statuses(harness.generate(event)) == ["generated", "generated"]
    assert harness.models.paid == 2


def test_an_image_that_was_not_stored_is_generated_again(harness: Harness) -> None:
    event = approved()
    harness.handoff.crash = ConnectionError("bucket unreachable")
    with pytest.raises(ConnectionError):
        harness.generate(event)
    harness.handoff.crash = None
    assert statuses(harness.generate(event)) == ["generated"]


# ── withdrawn requests ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_withdrawn_request_is_not_paid_for(harness: Harness) -> None:
    event = approved(count=2)
    harness.ledger.add_tombstone(event.metadata.request_id, harness.clock.now())
    assert harness.generate(event) == []
    assert harness.models.calls == []


def test_a_request_withdrawn_between_deliveries_costs_nothing_more(harness: Harness) -> None:
    event = approved(count=2, seed=1)
    harness.models.by_seed = {2: THROTTLED}
    with pytest.raises(TransientError):
        harness.generate(event)
    harness.ledger.add_tombstone(event.metadata.request_id, harness.clock.now())
    assert harness.generate(event) == []
    assert harness.models.paid == 1


def test_a_call_that_waited_after_the_claim_checks_for_a_tombstone() -> None:
    harness, event = Harness(parallel=1), approved(count=2)

    def withdraw_and_wait(_body: object) -> None:
        harness.ledger.add_tombstone(event.metadata.request_id, harness.clock.now())
        harness.clock.advance(2)

    harness.models.before = withdraw_and_wait
    (withdrawn,) = harness.generate(event)
    assert withdrawn.data == GenerationWithdrawnData(billed="true")
    assert harness.models.paid == 1
    assert harness.generate(event) == []


def test_a_call_right_after_the_claim_reads_no_tombstone(harness: Harness) -> None:
    harness.generate(approved(count=2))
    assert harness.ledger.reads == 0


def test_a_withdrawal_reports_whether_images_were_paid_for(harness: Harness) -> None:
    event = approved(count=2, seed=1)
    cancelled = RequestCancelled.first(
        event.metadata.request_id, "demo", RequestCancelledData(), occurred_at=harness.clock.now()
    )
    harness.models.by_seed = {2: THROTTLED}
    with pytest.raises(TransientError):
        harness.generate(event)
    (withdrawn,) = withdraw(cancelled, harness.ledger, harness.clock)
    assert withdrawn.data == GenerationWithdrawnData(billed="true")
    harness.clock.advance(10)
    assert withdraw(cancelled, harness.ledger, harness.clock) == [withdrawn]


# ── model errors ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("error", [END_OF_LIFE, UNAVAILABLE, ModelCallError("ModelNotReadyException")])
def test_the_next_model_replaces_one_that_is_gone_or_unavailable(harness: Harness, error: ModelCallError) -> None:
    harness.models.script = {"stable-image-core": [error]}
    [outcome] = outcomes(harness.generate(approved(models=("stable-image-core", "sd3.5-large"))))
    assert outcome.image is not None
    assert outcome.image.model == "sd3.5-large"


def test_a_request_fails_if_its_only_model_is_at_end_of_life(harness: Harness) -> None:
    harness.models.script = {"stable-image-core": [END_OF_LIFE]}
    [event] = harness.generate(approved())
    assert isinstance(event, GenerationFailed)
    assert event.data.reason == "model_end_of_life"


def test_a_request_waits_if_its_only_model_is_unavailable(harness: Harness) -> None:
    harness.models.script = {"stable-image-core": [UNAVAILABLE]}
    with pytest.raises(TransientError):
        harness.generate(approved())


def test_a_request_waits_even_if_the_successor_is_at_end_of_life(harness: Harness) -> None:
    harness.models.script = {"stable-image-core": [UNAVAILABLE], "sd3.5-large": [END_OF_LIFE]}
    event = approved(models=("stable-image-core", "sd3.5-large"))
    with pytest.raises(TransientError):
        harness.generate(event)
    assert statuses(harness.generate(event)) == ["generated"]


def test_no_other_model_is_called_after_a_call_that_may_be_billed(harness: Harness) -> None:
    harness.models.script = {"stable-image-core": [LOST]}
    with pytest.raises(RetriableError):
        harness.generate(approved(models=("stable-image-core", "sd3.5-large")))
    assert len(harness.models.calls) == 1


def test_a_custom_model_that_is_no_longer_configured_is_skipped(harness: Harness) -> None:
    [outcome] = outcomes(harness.generate(approved(models=("my-own", "stable-image-core"))))
    assert outcome.image is not None
    [event] = harness.generate(approved(models=("my-own",)))
    assert isinstance(event, GenerationFailed)
    assert event.data.reason == "model_unknown"


def test_a_blocked_prompt_is_rejected_without_another_call(harness: Harness) -> None:
    harness.models.script = {"stable-image-core": [BLOCKED]}
    event = approved(models=("stable-image-core", "sd3.5-large"))
    [failed] = first = harness.generate(event)
    assert isinstance(failed, GenerationFailed)
    assert (failed.data.reason, failed.data.outcomes[0].status) == ("content_filtered", "filtered")
    assert harness.generate(event) == first
    assert len(harness.models.calls) == 1


def test_one_blocked_image_does_not_affect_the_others(harness: Harness) -> None:
    harness.models.by_seed = {2: BLOCKED}
    [event] = harness.generate(approved(count=3, seed=1))
    assert isinstance(event, ImageGenerated)
    assert [outcome.status for outcome in event.data.outcomes] == ["generated", "filtered", "generated"]


def test_an_invalid_request_fails_permanently(harness: Harness) -> None:
    harness.models.script = {"stable-image-core": [ModelCallError("ValidationException", "Malformed input request")]}
    [event] = harness.generate(approved())
    assert isinstance(event, GenerationFailed)
    assert event.data.reason == "invalid_request"
    assert event.data.outcomes[0].status == "failed"


def test_a_response_without_an_image_is_retried(harness: Harness) -> None:
    harness.models.script = {"stable-image-core": [{"finish_reasons": [None], "images": ["bm8gcGljdHVyZQ=="]}]}
    event = approved()
    with pytest.raises(RetriableError):
        harness.generate(event)
    assert harness.handoff.objects == {}
    assert statuses(harness.generate(event)) == ["generated"]


def test_a_bug_is_raised_before_any_other_error(harness: Harness) -> None:
    def bug(body: object) -> None:
        if isinstance(body, dict) and body["seed"] == 2:
            raise ZeroDivisionError

    harness.models.before = bug
    harness.models.by_seed = {1: THROTTLED}
    with pytest.raises(ZeroDivisionError):
        harness.generate(approved(count=2, seed=1))


def test_no_error_quotes_the_text_of_the_model(harness: Harness) -> None:
    secret = "a very private prompt"
    for code in ("AccessDeniedException", "ThrottlingException", "ModelErrorException", "ServiceUnavailableException"):
        harness.models.script = {"stable-image-core": [ModelCallError(code, secret)]}
        with pytest.raises((TransientError, RetriableError)) as caught:
            harness.generate(approved(prompt=secret))
        assert secret not in str(caught.value)
        assert code in str(caught.value)


def test_no_prompt_is_logged_or_measured(harness: Harness, capfd: pytest.CaptureFixture[str]) -> None:
    harness.models.by_seed = {2: ModelCallError("ValidationException", "your prompt: zebra-in-a-suit")}
    harness.generate(approved(count=2, seed=1, prompt="zebra-in-a-suit", negative_prompt="zebra-in-a-hat"))
    written = "".join(capfd.readouterr())
    assert "invalid_request" in written
    assert "zebra" not in written


# ── any order of failures ────────────────────────────────────────────────────────────────────────────────

FAILURES = st.lists(
    st.lists(
        st.sampled_from([None, THROTTLED, UNAVAILABLE, LOST, DENIED, BLOCKED, END_OF_LIFE]), min_size=3, max_size=3
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(FAILURES)
def test_any_failures_generate_each_image_at_most_once(
    deliveries: list[list[ModelCallError | None]],
) -> None:
    harness = Harness()
    event = approved(count=3, seed=0)
    published: list[list[Event]] = []
    nothing: list[ModelCallError | None] = [None] * 3
    for failures in [*deliveries, nothing, nothing]:
        harness.models.by_seed = {seed: error for seed, error in enumerate(failures) if error}
        with suppress(TransientError, RetriableError, UnprocessableError):
            published.append(harness.generate(event))
        harness.clock.advance(1)
    assert harness.models.paid <= 3
    assert all(events == published[0] for events in published)
    losses = max(sum(delivery[seed] is LOST for delivery in deliveries) for seed in range(3))
    assert published or losses >= CALLS_ALLOWED


def test_the_cause_of_every_event_is_the_approval(harness: Harness) -> None:
    event: PromptApproved = approved()
    [event_published] = harness.generate(event)
    assert (event_published.metadata.cause_id, event_published.metadata.request_id) == (
        event.metadata.event_id,
        event.metadata.request_id,
    )
