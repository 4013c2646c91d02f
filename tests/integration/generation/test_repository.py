"""One suite for the fakes and for DynamoDB: the ledger and the budget. And the hand-off bucket on S3."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import boto3
import pytest

from events.images import ImageOutcome, RawImage
from kit.errors import InProgressError, TransientError, UnprocessableError
from kit.handoff import HandoffReader, handoff_key, sha256
from services.generation.models import (
    BudgetExhaustedError,
    BudgetRefusal,
    Lease,
    RecordedOutcome,
    Withdrawal,
    WithdrawnError,
)
from services.generation.repository.budget import LIMIT_CACHE_SECONDS, LIMIT_KEY, DynamoBudget
from services.generation.repository.handoff import S3Handoff
from services.generation.repository.ledger import DynamoLedger
from services.generation.service import ImageGenerator
from tests.support.clock import FakeClock
from tests.support.sealing import sample_sealer
from tests.unit.generation.fakes import START, FakeBudget, FakeLedger, FakeModels, approved, known, png


@pytest.fixture(params=["fake", "dynamodb"])
def ledger(request: pytest.FixtureRequest, table: str) -> Any:
    return FakeLedger() if request.param == "fake" else DynamoLedger(boto3.client("dynamodb"), table)


@pytest.fixture
def request_id() -> str:
    return str(uuid4())


def lease(after: float = 0) -> Lease:
    taken_at = START + timedelta(seconds=after)
    return Lease(uuid4().hex, taken_at, taken_at + timedelta(seconds=360))


def failed(index: int = 0, after: float = 1, reason: str = "invalid_request") -> RecordedOutcome:
    return RecordedOutcome(ImageOutcome(index=index, status="failed", reason=reason), START + timedelta(seconds=after))


def generated() -> RecordedOutcome:
    image = RawImage(
        key="raw/x/0-y",
        sha256="y",
        bytes=3,
        media_type="image/png",
        width=1,
        height=2,
        model="m",
        seed=4294967294,
        cost_usd=Decimal("0.008"),
    )
    return RecordedOutcome(
        ImageOutcome(index=0, status="generated", image=image), START + timedelta(seconds=3, microseconds=123456)
    )


# ── ledger ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_request_gets_the_leases_of_all_its_images(ledger: Any, request_id: str) -> None:
    assert ledger.claim(request_id, 4, lease(), 5) == {}


@pytest.mark.parametrize("count", [1, 4])
def test_a_claim_is_repeated_if_its_response_was_lost(ledger: Any, request_id: str, count: int) -> None:
    mine = lease()
    assert ledger.claim(request_id, count, mine, 1) == {}
    assert ledger.claim(request_id, count, mine, 1) == {}
    ledger.release(request_id, 0, mine, billed=False)
    assert ledger.claim(request_id, 1, lease(), 1) == {}, "only one call was counted"


def test_a_concurrent_claim_learns_when_the_lease_expires(ledger: Any, request_id: str) -> None:
    ledger.claim(request_id, 2, lease(), 5)
    with pytest.raises(InProgressError) as caught:
        ledger.claim(request_id, 2, lease(after=100), 5)
    assert caught.value.seconds == 260


def test_an_outcome_is_read_exactly_as_it_was_recorded(ledger: Any, request_id: str) -> None:
    ledger.claim(request_id, 1, lease(), 5)
    recorded = generated()
    assert ledger.record(request_id, recorded) == recorded
    assert ledger.claim(request_id, 1, lease(after=2), 5) == {0: recorded}


def test_a_later_delivery_gets_the_outcomes_and_missing_leases(ledger: Any, request_id: str) -> None:
    first = lease()
    ledger.claim(request_id, 4, first, 5)
    for index in (0, 2, 3):
        ledger.record(request_id, failed(index))
    ledger.release(request_id, 1, first, billed=False)
    assert ledger.claim(request_id, 4, lease(after=5), 5) == {index: failed(index) for index in (0, 2, 3)}
    with pytest.raises(InProgressError):
        ledger.claim(request_id, 4, lease(after=6), 5)


def test_no_lease_is_taken_if_another_delivery_holds_one(ledger: Any, request_id: str) -> None:
    ledger.claim(request_id, 1, lease(), 5)
    with pytest.raises(InProgressError):
        ledger.claim(request_id, 2, lease(after=300), 5)
    assert ledger.claim(request_id, 2, lease(after=361), 5) == {}  # the second image's lease would last until 660


def test_an_expired_lease_can_be_taken(ledger: Any, request_id: str) -> None:
    ledger.claim(request_id, 1, lease(), 5)
    assert ledger.claim(request_id, 1, lease(after=360), 5) == {}


def test_a_refusal_of_the_budget_is_kept_with_its_outcome(ledger: Any, request_id: str) -> None:
    refused = replace(failed(reason="budget_exhausted"), refusal=BudgetRefusal(Decimal(25), Decimal("0.012")))
    ledger.claim(request_id, 1, lease(), 5)
    assert ledger.record(request_id, refused) == refused
    assert ledger.claim(request_id, 1, lease(), 5) == {0: refused}


def test_the_first_outcome_is_kept_and_returned_to_a_later_one(ledger: Any, request_id: str) -> None:
    ledger.claim(request_id, 1, lease(), 5)
    ledger.claim(request_id, 1, lease(after=361), 5)
    assert ledger.record(request_id, failed(after=362, reason="late")) == failed(after=362, reason="late")
    assert ledger.record(request_id, failed(after=370, reason="later")) == failed(after=362, reason="late")


def test_a_former_holder_does_not_release_a_lease_taken_over(ledger: Any, request_id: str) -> None:
    former = lease()
    ledger.claim(request_id, 1, former, 5)
    ledger.claim(request_id, 1, lease(after=361), 5)
    ledger.release(request_id, 0, former, billed=False)
    with pytest.raises(InProgressError):
        ledger.claim(request_id, 1, lease(after=362), 5)


def test_only_calls_that_may_be_billed_are_counted(ledger: Any, request_id: str) -> None:
    for paid in (False, True, False, True):
        held = lease()
        ledger.claim(request_id, 1, held, 2)
        ledger.release(request_id, 0, held, billed=paid)
    with pytest.raises(UnprocessableError):
        ledger.claim(request_id, 1, lease(), 2)
    assert ledger.claim(request_id, 1, lease(), 3) == {}


def test_a_withdrawn_request_gets_no_lease(ledger: Any, request_id: str) -> None:
    ledger.add_tombstone(request_id, START)
    ledger.add_tombstone(request_id, START)
    with pytest.raises(WithdrawnError):
        ledger.claim(request_id, 2, lease(), 5)


def test_a_tombstone_is_found(ledger: Any, request_id: str) -> None:
    assert not ledger.is_withdrawn(request_id)
    ledger.add_tombstone(request_id, START)
    assert ledger.is_withdrawn(request_id)


def test_the_items_of_images_show_whether_they_were_paid_for(ledger: Any, request_id: str) -> None:
    assert ledger.billed(request_id) == "false"
    holder = lease()
    ledger.claim(request_id, 2, holder, 5)
    assert ledger.billed(request_id) == "unknown"
    for index in range(2):
        ledger.release(request_id, index, holder, billed=False)
    assert ledger.billed(request_id) == "false"
    ledger.record(request_id, generated())
    assert ledger.billed(request_id) == "true"


def test_the_first_withdrawal_is_kept(ledger: Any, request_id: str) -> None:
    ledger.add_tombstone(request_id, START)
    first = Withdrawal("unknown", START)
    assert ledger.record_withdrawal(request_id, first) == first
    ledger.add_tombstone(request_id, START)
    assert ledger.record_withdrawal(request_id, Withdrawal("true", START + timedelta(hours=1))) == first


@pytest.mark.parametrize("recorded", [[0], [1, 2], [0, 1, 2]])
def test_a_tombstone_refuses_the_leases_that_are_missing(ledger: Any, request_id: str, recorded: list[int]) -> None:
    first = lease()
    ledger.claim(request_id, 4, first, 5)
    for index in range(4):
        if index in recorded:
            ledger.record(request_id, failed(index))
        else:
            ledger.release(request_id, index, first, billed=False)
    ledger.add_tombstone(request_id, START)
    with pytest.raises(WithdrawnError):
        ledger.claim(request_id, 4, lease(after=5), 5)


def test_a_running_image_is_recorded_after_a_tombstone(ledger: Any, request_id: str) -> None:
    ledger.claim(request_id, 1, lease(), 5)
    ledger.add_tombstone(request_id, START)
    assert ledger.billed(request_id) == "unknown"
    assert ledger.record(request_id, generated()) == generated()
    assert ledger.is_withdrawn(request_id)
    assert ledger.billed(request_id) == "true"


def test_a_tombstone_alone_is_not_billed(ledger: Any, request_id: str) -> None:
    ledger.add_tombstone(request_id, START)
    assert ledger.billed(request_id) == "false"


def test_a_request_withdrawn_later_publishes_nothing_more(ledger: Any, request_id: str) -> None:
    ledger.claim(request_id, 1, lease(), 5)
    ledger.record(request_id, failed())
    ledger.add_tombstone(request_id, START)
    with pytest.raises(WithdrawnError):
        ledger.claim(request_id, 1, lease(), 5)


def test_one_of_many_concurrent_claims_wins(ledger: Any, request_id: str) -> None:
    def claim(_: int) -> bool:
        try:
            return bool(ledger.claim(request_id, 2, lease(), 5) == {})
        except (InProgressError, TransientError):
            return False

    if isinstance(ledger, DynamoLedger):  # moto's transactions are not isolated from each other
        assert [claim(n) for n in range(8)].count(True) == 1
        return
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(claim, range(8))).count(True) == 1


def test_items_of_the_ledger_expire_with_its_retention(table: str, request_id: str) -> None:
    ledger = DynamoLedger(boto3.client("dynamodb"), table, timedelta(days=77))
    ledger.claim(request_id, 2, lease(), 5)
    ledger.record(request_id, failed(index=0))
    ledger.add_tombstone(request_id, START)
    items = boto3.client("dynamodb").scan(TableName=table)["Items"]
    assert len(items) == 2
    for item in items:
        assert int(item["expires_at"]["N"]) - START.timestamp() == pytest.approx(77 * 86400, abs=400)


@pytest.mark.parametrize(
    ("calls", "recorded", "paid"),
    [(0, generated(), 1), (0, failed(), 0), (2, generated(), 2)],
    ids=["generated", "failed", "claimed twice"],
)
def test_a_restored_outcome_has_a_paid_call_unless_claims_are_known(
    table: str, request_id: str, calls: int, recorded: RecordedOutcome, paid: int
) -> None:
    client = boto3.client("dynamodb")
    ledger = DynamoLedger(client, table)
    for number in range(calls):
        ledger.claim(request_id, 1, lease(after=400 * number), 5)
    assert ledger.restore(request_id, recorded)
    assert not ledger.restore(request_id, replace(recorded, at=START)), "the first outcome is kept"
    key = {"request_id": {"S": request_id}, "item": {"S": "image#0"}}
    assert int(client.get_item(TableName=table, Key=key)["Item"]["paid_calls"]["N"]) == paid
    assert ledger.claim(request_id, 1, lease(after=4000), 5) == {0: recorded}


def test_a_conflict_with_another_claim_is_transient(table: str, request_id: str) -> None:
    client = boto3.client("dynamodb")

    def conflict(**_: Any) -> Any:
        raise client.exceptions.TransactionCanceledException(
            {
                "Error": {"Code": "TransactionCanceledException", "Message": ""},
                "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
            },
            "TransactWriteItems",
        )

    client.transact_write_items = conflict  # type: ignore[method-assign]
    with pytest.raises(TransientError, match="TransactionConflict"):
        DynamoLedger(client, table).claim(request_id, 2, lease(), 5)


def test_a_second_attempt_keeps_the_object_of_the_first(table: str, bucket: str) -> None:
    class LedgerThatFails(DynamoLedger):
        def record(self, request_id: str, recorded: RecordedOutcome) -> RecordedOutcome:
            raise ConnectionError("killed here")

        def release(self, request_id: str, index: int, lease: Lease, *, billed: bool) -> None:
            """The function was killed: nothing is released."""

    clock, dynamodb, models = FakeClock(START), boto3.client("dynamodb"), FakeModels()

    def generator(ledger: DynamoLedger) -> ImageGenerator:
        handoff = S3Handoff(boto3.client("s3"), bucket)
        opened = sample_sealer().open_texts
        return ImageGenerator(ledger, models, handoff, opened, known, ThreadPoolExecutor(1), 300, 360, clock)

    event = approved()
    with pytest.raises(ConnectionError):
        generator(LedgerThatFails(dynamodb, table)).generate(event)
    intact = generator(DynamoLedger(dynamodb, table))
    with pytest.raises(InProgressError):
        intact.generate(event)
    clock.advance(361)
    published = intact.generate(event)
    clock.advance(3600)
    assert intact.generate(event) == published
    assert models.paid == 2
    assert boto3.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 2


# ── budget ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(params=["fake", "dynamodb"])
def budget(request: pytest.FixtureRequest, table: str) -> Any:
    if request.param == "fake":
        return FakeBudget("0.10")
    return DynamoBudget(boto3.client("dynamodb"), table, Decimal("0.10"), FakeClock())


def covered(budget: Any, day: date, amount: Decimal) -> bool:
    """Return whether the budget covered an amount."""
    try:
        budget.reserve(day, amount)
    except BudgetExhaustedError:
        return False
    return True


def test_the_daily_budget_is_never_exceeded_and_renews_each_day(budget: Any) -> None:
    today, price = START.date(), Decimal("0.04")
    # Sequentially: moto does not make a conditional write atomic, as DynamoDB does.
    assert [covered(budget, today, price) for _ in range(4)] == [True, True, False, False]
    assert covered(budget, today + timedelta(days=1), price)


def test_a_refund_can_be_reserved_again_to_the_last_cent(budget: Any) -> None:
    today = START.date()
    assert covered(budget, today, Decimal("0.10"))
    assert not covered(budget, today, Decimal("0.01"))
    budget.refund(today, Decimal("0.10"))
    assert not covered(budget, today, Decimal("0.11")), "more than a day's budget"
    assert covered(budget, today, Decimal("0.10"))


def test_a_refusal_reports_the_limit_and_what_is_left_of_it(budget: Any) -> None:
    today = START.date()
    for left in ("0.10", "0.06"):
        with pytest.raises(BudgetExhaustedError) as refused:
            budget.reserve(today, Decimal("0.14"))
        assert refused.value.refusal == BudgetRefusal(Decimal("0.10"), Decimal(left))
        budget.reserve(today, Decimal("0.04"))


def test_what_was_paid_is_added_even_beyond_the_limit(budget: Any) -> None:
    today = START.date()
    budget.add(today, Decimal("0.07"))
    assert not covered(budget, today, Decimal("0.04"))
    budget.add(today, Decimal("0.07"))
    with pytest.raises(BudgetExhaustedError) as refused:
        budget.reserve(today, Decimal("0.01"))
    assert refused.value.refusal == BudgetRefusal(Decimal("0.10"), Decimal(0))


@pytest.mark.parametrize("price", ["0", "0.000001", "0.04", "1000"])
@pytest.mark.parametrize("kind", ["fake", "dynamodb"])
def test_a_budget_of_zero_covers_nothing_whatever_the_price(table: str, kind: str, price: str) -> None:
    client, today = boto3.client("dynamodb"), START.date()
    client.put_item(TableName=table, Item={**LIMIT_KEY, "limit_usd": {"N": "0"}})
    budget: Any = FakeBudget("0") if kind == "fake" else DynamoBudget(client, table, Decimal(25), FakeClock())
    for _ in range(2):
        with pytest.raises(BudgetExhaustedError) as refused:
            budget.reserve(today, Decimal(price))
        assert refused.value.refusal == BudgetRefusal(Decimal(0), Decimal(0))


def test_an_operators_limit_overrides_the_deployed_one_in_seconds(table: str) -> None:
    client, clock, today = boto3.client("dynamodb"), FakeClock(), START.date()
    budget = DynamoBudget(client, table, Decimal(0), clock)
    assert covered(budget, today, Decimal(1000)), "no limit is deployed"
    budget.refund(today, Decimal(1000))

    client.put_item(TableName=table, Item={**LIMIT_KEY, "limit_usd": {"N": "0.05"}})
    assert covered(budget, today, Decimal(1000)), "not read yet"
    clock.advance(LIMIT_CACHE_SECONDS)
    assert [covered(budget, today, Decimal("0.04")) for _ in range(2)] == [True, False]

    client.delete_item(TableName=table, Key=LIMIT_KEY)
    clock.advance(LIMIT_CACHE_SECONDS)
    assert covered(budget, today, Decimal(1000))


# ── hand-off bucket ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stored_image_is_read_unchanged(bucket: str, request_id: str) -> None:
    client, content = boto3.client("s3"), png()
    digest = sha256(content)
    key = handoff_key(request_id, 0, digest)
    S3Handoff(client, bucket).put(key, content, "image/png", digest)
    image = RawImage(
        key=key,
        sha256=digest,
        bytes=len(content),
        media_type="image/png",
        width=64,
        height=48,
        model="m",
        seed=1,
        cost_usd=Decimal(0),
    )
    assert HandoffReader(client, bucket).read(image) == content
    assert client.head_object(Bucket=bucket, Key=key)["ContentType"] == "image/png"


def test_s3_receives_the_hash_to_verify(bucket: str) -> None:
    client, sent = boto3.client("s3"), []
    client.meta.events.register("before-call.s3.PutObject", lambda params, **_: sent.append(params["headers"]))
    S3Handoff(client, bucket).put("raw/x", b"abc", "image/png", sha256(b"abc"))
    assert sent[0]["x-amz-checksum-sha256"] == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
