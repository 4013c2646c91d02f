"""Generation's adapters: the guard's one suite for the fake and for DynamoDB, the bucket, and every model family."""

import importlib
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from events.images import GenerationParameters, ImageOutcome, RawImage
from events.model_catalog import Model
from kit.consumer import RetryPolicy
from kit.errors import InProgressError, TransientError, UnprocessableError
from kit.handoff import HandoffReader, handoff_key, sha256
from local.bedrock import ModelServer
from services.generation.adapters import LIMIT_KEY, LIMIT_KNOWN, BedrockModels, DailyBudget, DynamoGuard, S3Handoff
from services.generation.families import FAMILIES
from services.generation.model_errors import ModelCallError
from services.generation.service import AFTER_CALL, ImageGenerator, Lease, Recorded, TakenBackError
from tests.support.events import sqs_record
from tests.unit.generation.fakes import (
    START,
    Clock,
    FakeBudget,
    FakeGuard,
    FakeModels,
    approved,
    known,
    parameters,
    plan,
    png,
)


@pytest.fixture
def table(aws_test_environment: None, service_template: Any) -> Iterator[str]:
    """Create the table exactly as the template declares it."""
    with mock_aws():
        properties = service_template("generation")["Resources"]["Table"]["Properties"]
        shape = {key: properties[key] for key in ("BillingMode", "AttributeDefinitions", "KeySchema")}
        boto3.client("dynamodb").create_table(TableName="guard", **shape)
        yield "guard"


@pytest.fixture(params=["fake", "dynamodb"])
def guard(request: pytest.FixtureRequest, table: str) -> Any:
    return FakeGuard() if request.param == "fake" else DynamoGuard(boto3.client("dynamodb"), table)


@pytest.fixture
def request_id() -> str:
    return str(uuid4())


def lease(after: float = 0) -> Lease:
    taken = START + timedelta(seconds=after)
    return Lease(uuid4().hex, taken, taken + timedelta(seconds=360))


def failed(index: int = 0, after: float = 1, reason: str = "invalid_request") -> Recorded:
    return Recorded(ImageOutcome(index=index, status="failed", reason=reason), START + timedelta(seconds=after))


# ── the guard ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_request_gets_the_leases_of_all_its_images(guard: Any, request_id: str) -> None:
    assert guard.claim(request_id, 4, lease(), 5) == {}


def test_whoever_comes_meanwhile_is_told_what_is_left_of_the_lease(guard: Any, request_id: str) -> None:
    guard.claim(request_id, 2, lease(), 5)
    with pytest.raises(InProgressError) as caught:
        guard.claim(request_id, 2, lease(after=100), 5)
    assert caught.value.seconds == 260


def test_an_outcome_comes_back_exactly_as_it_was_recorded(guard: Any, request_id: str) -> None:
    guard.claim(request_id, 1, lease(), 5)
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
    recorded = Recorded(
        ImageOutcome(index=0, status="generated", image=image), START + timedelta(seconds=3, microseconds=123456)
    )
    assert guard.record(request_id, recorded) == recorded
    assert guard.claim(request_id, 1, lease(after=2), 5) == {0: recorded}


def test_a_later_delivery_gets_the_outcomes_and_the_missing_leases(guard: Any, request_id: str) -> None:
    first = lease()
    guard.claim(request_id, 4, first, 5)
    for index in (0, 2, 3):
        guard.record(request_id, failed(index))
    guard.release(request_id, 1, first, paid=False)
    assert guard.claim(request_id, 4, lease(after=5), 5) == {index: failed(index) for index in (0, 2, 3)}
    with pytest.raises(InProgressError):
        guard.claim(request_id, 4, lease(after=6), 5)


def test_no_lease_is_taken_where_one_is_held_by_another(guard: Any, request_id: str) -> None:
    guard.claim(request_id, 1, lease(), 5)
    with pytest.raises(InProgressError):
        guard.claim(request_id, 2, lease(after=300), 5)
    assert guard.claim(request_id, 2, lease(after=361), 5) == {}  # the second image's would last until 660


def test_an_expired_lease_is_anybodys(guard: Any, request_id: str) -> None:
    guard.claim(request_id, 1, lease(), 5)
    assert guard.claim(request_id, 1, lease(after=360), 5) == {}


def test_the_first_outcome_stands_and_the_late_one_is_told_so(guard: Any, request_id: str) -> None:
    guard.claim(request_id, 1, lease(), 5)
    guard.claim(request_id, 1, lease(after=361), 5)
    assert guard.record(request_id, failed(after=362, reason="late")) == failed(after=362, reason="late")
    assert guard.record(request_id, failed(after=370, reason="later")) == failed(after=362, reason="late")


def test_a_lease_that_was_taken_over_is_not_released_by_its_former_holder(guard: Any, request_id: str) -> None:
    former = lease()
    guard.claim(request_id, 1, former, 5)
    guard.claim(request_id, 1, lease(after=361), 5)
    guard.release(request_id, 0, former, paid=False)
    with pytest.raises(InProgressError):
        guard.claim(request_id, 1, lease(after=362), 5)


def test_calls_that_may_have_been_paid_are_counted_and_the_others_are_not(guard: Any, request_id: str) -> None:
    for paid in (False, True, False, True):
        held = lease()
        guard.claim(request_id, 1, held, 2)
        guard.release(request_id, 0, held, paid=paid)
    with pytest.raises(UnprocessableError):
        guard.claim(request_id, 1, lease(), 2)
    assert guard.claim(request_id, 1, lease(), 3) == {}


def test_a_request_taken_back_gets_no_lease(guard: Any, request_id: str) -> None:
    guard.bury(request_id, START)
    guard.bury(request_id, START)
    with pytest.raises(TakenBackError):
        guard.claim(request_id, 2, lease(), 5)


def test_a_request_taken_back_later_is_not_told_of_any_more(guard: Any, request_id: str) -> None:
    guard.claim(request_id, 1, lease(), 5)
    guard.record(request_id, failed())
    guard.bury(request_id, START)
    with pytest.raises(TakenBackError):
        guard.claim(request_id, 1, lease(), 5)


def test_of_many_claims_at_once_one_wins(guard: Any, request_id: str) -> None:
    def claim(_: int) -> bool:
        try:
            return bool(guard.claim(request_id, 2, lease(), 5) == {})
        except (InProgressError, TransientError):
            return False

    if isinstance(guard, DynamoGuard):  # moto's transactions are not isolated from each other
        assert [claim(n) for n in range(8)].count(True) == 1
        return
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(claim, range(8))).count(True) == 1


def test_what_the_guard_keeps_is_forgotten_after_sixty_days(table: str, request_id: str) -> None:
    guard = DynamoGuard(boto3.client("dynamodb"), table)
    guard.claim(request_id, 2, lease(), 5)
    guard.record(request_id, failed(index=0))
    guard.bury(request_id, START)
    items = boto3.client("dynamodb").scan(TableName=table)["Items"]
    assert len(items) == 3
    for item in items:
        assert int(item["expires_at"]["N"]) - START.timestamp() == pytest.approx(60 * 86400, abs=400)


def test_a_conflict_with_another_claim_is_waited_out(table: str, request_id: str) -> None:
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
        DynamoGuard(client, table).claim(request_id, 1, lease(), 5)


# ── the hand-off bucket ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def bucket(table: str) -> str:
    boto3.client("s3").create_bucket(Bucket="handoff")
    return "handoff"


def test_a_image_put_is_the_image_collected(bucket: str, request_id: str) -> None:
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


def test_s3_is_told_the_hash_it_has_to_find(bucket: str) -> None:
    client, sent = boto3.client("s3"), []
    client.meta.events.register("before-call.s3.PutObject", lambda params, **_: sent.append(params["headers"]))
    S3Handoff(client, bucket).put("raw/x", b"abc", "image/png", sha256(b"abc"))
    assert sent[0]["x-amz-checksum-sha256"] == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="


# ── the models, over the wire ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer(all_alive=True) as running:
        # The wire is tested here, not the painter: a header and a seed make a image.
        running.service.draw = lambda brief: png(brief.width, brief.height, brief.seed)
        yield running


@pytest.fixture
def models(server: ModelServer, aws_test_environment: None) -> Iterator[BedrockModels]:
    yield BedrockModels("us-east-1", lambda region: client(server.url, region))
    server.service.faults.clear()
    server.service.calls.clear()
    server.service.lifecycle.restore()


def client(url: str, region: str) -> Any:
    config = Config(retries={"total_max_attempts": 1}, read_timeout=2, connect_timeout=2)
    return boto3.client("bedrock-runtime", region_name=region, endpoint_url=url, config=config)


MODELS: dict[str, dict[str, Any]] = {
    "sdxl-v1": {"width": 1344, "height": 768},
    "titan-v1": {"width": 768, "height": 768},
    "titan-v2": {"width": 512, "height": 512},
    "nova-canvas": {"width": 640, "height": 320},
    "sd3.5-large": {"width": 1344, "height": 768, "aspect_ratio": "16:9"},
    "stable-image-core": {"width": 1024, "height": 1024, "aspect_ratio": "1:1"},
    "stable-image-ultra": {"width": 768, "height": 1344, "aspect_ratio": "9:16"},
}


def call(models: BedrockModels, key: str, what: GenerationParameters, model: Model | None = None) -> Any:
    family = FAMILIES[known(key).family]
    body = family.body(what, plan(key, **MODELS[key]), known(key), 42)
    return family.read(models.call(model or known(key), body))


@pytest.mark.parametrize("key", MODELS)
def test_every_model_of_the_catalog_draws_what_it_was_asked(models: BedrockModels, key: str) -> None:
    limits = known(key)
    what = parameters(
        negative_prompt="fog",
        style=limits.styles[0] if limits.styles else None,
        steps=20 if limits.steps else None,
        guidance=5 if limits.guidance else None,
    )
    drawn = call(models, key, what)
    assert drawn.header.media_type == "image/png"
    assert (drawn.header.width, drawn.header.height) == (MODELS[key]["width"], MODELS[key]["height"])
    assert drawn.seed in {42, None}


def test_a_custom_model_is_asked_by_its_arn(models: BedrockModels, server: ModelServer) -> None:
    arn = "arn:aws:bedrock:us-west-2:123456789012:provisioned-model/abc"
    custom = known("sdxl-v1").model_copy(update={"key": "mine", "model_id": arn, "regions": ["us-west-2"]})
    assert call(models, "sdxl-v1", parameters(), custom).header.width == 1344
    assert server.service.calls.report()["calls"][-1]["model"] == arn


EFFECTS = {
    "throttle": "ThrottlingException",
    "unavailable": "ServiceUnavailableException",
    "not_ready": "ModelNotReadyException",
    "timeout_408": "ModelTimeoutException",
    "model_error": "ModelErrorException",
    "internal": "InternalServerException",
    "access_denied": "AccessDeniedException",
    "validation": "ValidationException",
    "quota": "ServiceQuotaExceededException",
    "ended": "ResourceNotFoundException",
    "reset": "ConnectionClosedError",
    "lost_answer": "ConnectionClosedError",
}


@pytest.mark.parametrize(("effect", "code"), EFFECTS.items())
def test_every_error_arrives_by_its_name_after_one_attempt(
    models: BedrockModels, server: ModelServer, effect: str, code: str
) -> None:
    server.service.faults.add({"effect": effect})
    with pytest.raises(ModelCallError) as caught:
        call(models, "titan-v2", parameters())
    assert caught.value.code == code
    assert [rule["used"] for rule in server.service.faults.listed()] == [1]


def test_an_answer_that_does_not_come_is_given_up(models: BedrockModels, server: ModelServer) -> None:
    server.service.faults.add({"effect": "delay", "seconds": 4, "times": 1})
    with pytest.raises(ModelCallError) as caught:
        call(models, "titan-v2", parameters())
    assert caught.value.code == "ReadTimeoutError"


def test_an_unreachable_region_is_told_apart(aws_test_environment: None) -> None:
    nowhere = BedrockModels("us-east-1", lambda region: client("http://127.0.0.1:9", region))
    with pytest.raises(ModelCallError) as caught:
        call(nowhere, "titan-v2", parameters())
    assert caught.value.code == "EndpointConnectionError"


@pytest.mark.parametrize("effect", ["filter_input", "filter_output"])
@pytest.mark.parametrize("key", ["sdxl-v1", "titan-v2", "nova-canvas", "stable-image-core"])
def test_a_blocked_image_ends_in_a_rejection_over_the_wire_too(
    models: BedrockModels, server: ModelServer, key: str, effect: str
) -> None:
    from services.generation.model_errors import ruling

    server.service.faults.add({"effect": effect})
    with pytest.raises(ModelCallError) as caught:
        call(models, key, parameters())
    assert ruling(caught.value).reason == "content_filtered"


@pytest.mark.parametrize(
    ("home", "key", "region"),
    [
        ("us-west-2", "titan-v2", "us-west-2"),
        ("eu-central-1", "titan-v2", "us-east-1"),
        ("us-east-1", "stable-image-core", "us-west-2"),
    ],
)
def test_a_model_is_asked_at_home_where_it_is_offered_there_else_in_its_first_region(
    aws_test_environment: None, server: ModelServer, home: str, key: str, region: str
) -> None:
    made: list[str] = []
    asked: list[str] = []

    def make(where: str) -> Any:
        made.append(where)
        new = client(server.url, where)
        new.meta.events.register("before-call", lambda **_: asked.append(where))
        return new

    models = BedrockModels(home, make)
    call(models, key, parameters())
    call(models, key, parameters())
    assert asked == [region, region]
    assert made == list(dict.fromkeys([home, region]))


def test_a_lost_answer_leaves_the_object_of_an_earlier_attempt_alone(table: str, bucket: str) -> None:
    class LosesItsRecord(DynamoGuard):
        def record(self, request_id: str, recorded: Recorded) -> Recorded:
            raise ConnectionError("killed here")

        def release(self, request_id: str, index: int, lease: Lease, *, paid: bool) -> None:
            """Nobody is left to release anything."""

    clock, dynamodb, drawn = Clock(), boto3.client("dynamodb"), FakeModels()

    def generator(guard: DynamoGuard) -> ImageGenerator:
        handoff = S3Handoff(boto3.client("s3"), bucket)
        return ImageGenerator(guard, drawn, handoff, known, ThreadPoolExecutor(1), 300, 360, clock)

    event = approved()
    with pytest.raises(ConnectionError):
        generator(LosesItsRecord(dynamodb, table)).generate(event)
    whole = generator(DynamoGuard(dynamodb, table))
    with pytest.raises(InProgressError):
        whole.generate(event)
    clock.pass_by(361)
    told = whole.generate(event)
    clock.pass_by(3600)
    assert whole.generate(event) == told
    assert drawn.paid == 2
    assert boto3.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 2


# ── the whole function ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def calls(table: str, bucket: str, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Iterator["Counter[str]"]:
    """The environment the template gives the functions; counts the AWS calls they make."""
    sqs = boto3.client("sqs")
    variables = {
        "TABLE_NAME": table,
        "HANDOFF_BUCKET_NAME": bucket,
        "QUEUE_URL": sqs.create_queue(QueueName="draw")["QueueUrl"],
        "DEAD_LETTER_QUEUE_URL": sqs.create_queue(QueueName="draw-dlq")["QueueUrl"],
        "EVENT_BUS_NAME": boto3.client("events").create_event_bus(Name="bus")["EventBusArn"].split("/")[-1],
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": server.url,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    counted: Counter[str] = Counter()
    boto3.setup_default_session()
    boto3.DEFAULT_SESSION.events.register(  # type: ignore[union-attr]
        "before-call", lambda model, **_: counted.update([model.name])
    )
    yield counted
    boto3.DEFAULT_SESSION = None
    for name in [name for name in sys.modules if name.startswith("services.generation.handlers")]:
        del sys.modules[name]
    server.service.faults.clear()


def function(name: str) -> Any:
    return importlib.import_module(f"services.generation.handlers.{name}").handler


def test_one_image_costs_four_calls_and_one_to_tell_of_it(calls: "Counter[str]", server: ModelServer) -> None:
    draw = function("generate")
    assert draw({"Records": [sqs_record(approved())]}) == {"batchItemFailures": []}
    assert calls.pop("GetItem") == 1, "the operator's limit, looked up now and then"
    assert calls == {"TransactWriteItems": 1, "InvokeModel": 1, "PutObject": 1, "UpdateItem": 1, "PutEvents": 1}


def test_a_batch_is_drawn_side_by_side_and_told_of_in_one_call(
    calls: "Counter[str]", server: ModelServer, bucket: str
) -> None:
    draw = function("generate")
    records = [sqs_record(approved(count=n)) for n in (1, 2, 1)]
    assert draw({"Records": records}) == {"batchItemFailures": []}
    assert (calls["InvokeModel"], calls["PutEvents"]) == (4, 1)
    assert boto3.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 4
    calls.clear()
    assert draw({"Records": records}) == {"batchItemFailures": []}
    assert (calls["InvokeModel"], calls["PutObject"], calls["PutEvents"]) == (0, 0, 1)


def test_a_throttled_image_keeps_its_message_and_nothing_else(calls: "Counter[str]", server: ModelServer) -> None:
    server.service.faults.add({"effect": "throttle", "prompt_contains": "unlucky", "times": 1})
    draw = function("generate")
    unlucky = sqs_record(approved(count=2, prompt="an unlucky cat"))
    answer = draw({"Records": [sqs_record(approved()), unlucky]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": unlucky["messageId"]}]}
    assert (calls["InvokeModel"], calls["PutObject"], calls["ChangeMessageVisibility"]) == (3, 2, 1)
    assert draw({"Records": [unlucky]}) == {"batchItemFailures": []}
    assert calls["PutObject"] == 3


@pytest.mark.parametrize("kind", ["RequestCancelled", "RequestExpired"])
def test_a_tombstone_keeps_the_models_uncalled(calls: "Counter[str]", server: ModelServer, kind: str) -> None:
    from tests.support.events import sample

    event = sample("PromptApproved")
    taken_back = sample(kind)
    metadata = taken_back.metadata.model_copy(update={"request_id": event.metadata.request_id})
    taken_back = taken_back.model_copy(update={"metadata": metadata})
    assert function("tombstones")({"Records": [sqs_record(taken_back)]}) == {"batchItemFailures": []}
    assert calls == {"PutItem": 1}
    calls.clear()
    assert function("generate")({"Records": [sqs_record(event)]}) == {"batchItemFailures": []}
    assert calls == {"TransactWriteItems": 1}


def test_a_prompt_of_any_script_reaches_the_model_whole(
    models: BedrockModels, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []

    def listen(brief: Any) -> bytes:
        heard.append(brief.prompt)
        return png()

    monkeypatch.setattr(server.service, "draw", listen)
    call(models, "stable-image-core", parameters(prompt="灯台 \U0001f5fc “quoted”\n"))
    assert heard == ["灯台 \U0001f5fc “quoted”\n"]


# ── the template's numbers ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("patience", "waited_for"), [("normal", 300), ("short", 30)])
def test_the_times_and_bounds_of_drawing_fit_together(service_template: Any, patience: str, waited_for: int) -> None:
    template = service_template("generation")
    resources = {name: each["Properties"] for name, each in template["Resources"].items()}
    times, queue = template["Mappings"]["Patience"][patience], resources["GenerateQueue"]
    call_timeout, lasts = int(times["CallTimeout"]), int(times["Lease"])
    assert call_timeout >= waited_for
    assert lasts > call_timeout + AFTER_CALL
    assert times["FunctionTimeout"] >= lasts + AFTER_CALL
    assert queue["VisibilityTimeout"] >= 6 * times["FunctionTimeout"]
    variables = resources["Generate"]["Environment"]["Variables"]
    # Every message of a batch takes its leases at once: there must be a worker for each, or leases begin late.
    assert resources["GenerateMessages"]["BatchSize"] <= int(variables["MAX_PARALLEL"])
    assert queue["RedrivePolicy"]["maxReceiveCount"] > RetryPolicy().worst_deliveries()


@pytest.fixture(params=["fake", "dynamodb"])
def budget(request: pytest.FixtureRequest, table: str) -> Any:
    if request.param == "fake":
        return FakeBudget("0.10")
    return DailyBudget(boto3.client("dynamodb"), table, Decimal("0.10"))


def test_a_days_budget_is_never_exceeded_and_the_next_day_begins_anew(budget: Any) -> None:
    today, price = START.date(), Decimal("0.04")
    # One after the other: that one conditional write is atomic is DynamoDB's promise, which moto does not keep.
    assert [budget.reserve(today, price) for _ in range(4)] == [True, True, False, False]
    assert budget.reserve(today + timedelta(days=1), price)


def test_what_is_given_back_can_be_set_aside_again_to_the_last_cent(budget: Any) -> None:
    today = START.date()
    assert budget.reserve(today, Decimal("0.10"))
    assert not budget.reserve(today, Decimal("0.01"))
    budget.give_back(today, Decimal("0.10"))
    assert not budget.reserve(today, Decimal("0.11")), "dearer than a whole day"
    assert budget.reserve(today, Decimal("0.10"))


def test_an_operators_limit_beats_the_deployed_one_within_seconds(table: str) -> None:
    client, now, today = boto3.client("dynamodb"), [0.0], START.date()
    budget = DailyBudget(client, table, Decimal(0), lambda: now[0])
    assert budget.reserve(today, Decimal(1000)), "nothing is deployed"
    budget.give_back(today, Decimal(1000))

    client.put_item(TableName=table, Item={**LIMIT_KEY, "limit_usd": {"N": "0.05"}})
    assert budget.reserve(today, Decimal(1000)), "not looked up yet"
    now[0] += LIMIT_KNOWN
    assert [budget.reserve(today, Decimal("0.04")) for _ in range(2)] == [True, False]

    client.delete_item(TableName=table, Key=LIMIT_KEY)
    now[0] += LIMIT_KNOWN
    assert budget.reserve(today, Decimal(1000))
