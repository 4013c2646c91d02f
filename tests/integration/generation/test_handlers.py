"""The generation functions as deployed: their AWS calls, and the times in the template."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ConnectionClosedError

from kit.consumer import RetryPolicy
from local.bedrock import ModelServer
from services.generation.service import OVERHEAD_SECONDS
from tests.support.events import sample, sqs_record
from tests.support.functions import load_function, unload_functions
from tests.support.sealing import create_owner_keys
from tests.unit.generation.fakes import approved


@pytest.fixture
def calls(table: str, bucket: str, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> Iterator["Counter[str]"]:
    """Set the environment that the template sets, and count the functions' AWS calls."""
    sqs = boto3.client("sqs")
    variables = {
        "TABLE_NAME": table,
        "OWNER_KEYS_TABLE_NAME": "owner-keys",
        "HANDOFF_BUCKET_NAME": bucket,
        "QUEUE_URL": sqs.create_queue(QueueName="generate")["QueueUrl"],
        "DEAD_LETTER_QUEUE_URL": sqs.create_queue(QueueName="generate-dlq")["QueueUrl"],
        "EVENT_BUS_NAME": boto3.client("events").create_event_bus(Name="bus")["EventBusArn"].split("/")[-1],
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": server.url,
    }
    create_owner_keys(boto3.client("dynamodb"), "owner-keys", "demo")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    counted: Counter[str] = Counter()
    boto3.setup_default_session()
    boto3.DEFAULT_SESSION.events.register(  # type: ignore[union-attr]
        "before-call", lambda model, **_: counted.update([model.name])
    )
    yield counted
    boto3.DEFAULT_SESSION = None
    unload_functions("generation")
    server.service.faults.clear()


def test_one_image_takes_four_aws_calls_and_one_to_publish(calls: "Counter[str]", server: ModelServer) -> None:
    generate = load_function("generation", "generate").handler
    assert generate({"Records": [sqs_record(approved())]}) == {"batchItemFailures": []}
    assert calls.pop("GetItem") == 2, "the operator's limit and the key of the owner, read now and then"
    assert calls == {"InvokeModel": 1, "PutObject": 1, "UpdateItem": 2, "PutEvents": 1}, "the claim and the outcome"


def test_with_a_budget_an_image_takes_one_more_write(
    calls: "Counter[str]", server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAILY_BUDGET_USD", "25")
    generate = load_function("generation", "generate").handler
    assert generate({"Records": [sqs_record(approved())]}) == {"batchItemFailures": []}
    assert calls["UpdateItem"] == 3, "the claim, the reservation and the outcome"


@pytest.mark.parametrize("name", ["PromptRejected", "PromptChecked"])
def test_a_check_without_an_image_takes_one_write_and_calls_no_model(
    calls: "Counter[str]", server: ModelServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("DAILY_BUDGET_USD", "25")
    generate = load_function("generation", "generate").handler
    assert generate({"Records": [sqs_record(sample(name))]}) == {"batchItemFailures": []}
    assert calls == {"GetItem": 1, "UpdateItem": 1}


def test_a_batch_is_generated_in_parallel_and_published_in_one_call(
    calls: "Counter[str]", server: ModelServer, bucket: str
) -> None:
    generate = load_function("generation", "generate").handler
    records = [sqs_record(approved(count=n)) for n in (1, 2, 1)]
    assert generate({"Records": records}) == {"batchItemFailures": []}
    assert (calls["InvokeModel"], calls["PutEvents"]) == (4, 1)
    assert boto3.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 4
    calls.clear()
    assert generate({"Records": records}) == {"batchItemFailures": []}
    assert (calls["InvokeModel"], calls["PutObject"], calls["PutEvents"]) == (0, 0, 1)


def test_only_the_message_of_a_throttled_image_is_retried(calls: "Counter[str]", server: ModelServer) -> None:
    server.service.faults.add({"effect": "throttle", "prompt_contains": "unlucky", "times": 1})
    generate = load_function("generation", "generate").handler
    unlucky = sqs_record(approved(count=2, prompt="an unlucky cat"))
    response = generate({"Records": [sqs_record(approved()), unlucky]})
    assert response == {"batchItemFailures": [{"itemIdentifier": unlucky["messageId"]}]}
    assert (calls["InvokeModel"], calls["PutObject"], calls["ChangeMessageVisibility"]) == (3, 2, 1)
    assert generate({"Records": [unlucky]}) == {"batchItemFailures": []}
    assert calls["PutObject"] == 3


@pytest.mark.parametrize("operation", ["s3.PutObject", "dynamodb.UpdateItem"])
def test_an_outage_after_the_payment_costs_no_second_payment(
    calls: "Counter[str]", server: ModelServer, monkeypatch: pytest.MonkeyPatch, service_template: Any, operation: str
) -> None:
    resources = service_template("generation")["Resources"]
    variables = resources["generateFunction"]["Properties"]["Environment"]["Variables"]
    attempts = int(variables["AWS_MAX_ATTEMPTS"])
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", str(attempts))
    monkeypatch.setenv("AWS_RETRY_MODE", "standard")
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    failures = iter(range(attempts - 1))

    def fail(request: AWSPreparedRequest, **_: Any) -> None:
        if calls["InvokeModel"] == 1 and next(failures, None) is not None:
            raise ConnectionClosedError(endpoint_url=request.url)

    boto3.DEFAULT_SESSION.events.register(f"before-send.{operation}", fail)  # type: ignore[union-attr]
    generate = load_function("generation", "generate").handler
    assert generate({"Records": [sqs_record(approved())]}) == {"batchItemFailures": []}
    assert next(failures, None) is None, "every failure happened"
    assert calls["InvokeModel"] == 1


def test_a_model_call_is_attempted_once(
    calls: "Counter[str]", server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "8")
    sent: list[str] = []
    boto3.DEFAULT_SESSION.events.register(  # type: ignore[union-attr]
        "before-send.bedrock-runtime", lambda request, **_: sent.append(request.url)
    )
    server.service.faults.add({"operation": "invoke", "effect": "internal", "times": 1})
    message = sqs_record(approved())
    response = load_function("generation", "generate").handler({"Records": [message]})
    assert response == {"batchItemFailures": [{"itemIdentifier": message["messageId"]}]}
    assert len(sent) == 1


@pytest.mark.parametrize("kind", ["RequestCancelled", "RequestExpired"])
def test_no_model_is_called_after_a_tombstone(calls: "Counter[str]", server: ModelServer, kind: str) -> None:
    event = sample("PromptApproved")
    withdrawn = sample(kind)
    metadata = withdrawn.metadata.model_copy(update={"request_id": event.metadata.request_id})
    withdrawn = withdrawn.model_copy(update={"metadata": metadata})
    assert load_function("generation", "tombstones").handler({"Records": [sqs_record(withdrawn)]}) == {
        "batchItemFailures": []
    }
    assert calls == {"UpdateItem": 2, "Query": 1, "PutEvents": 1}
    calls.clear()
    assert load_function("generation", "generate").handler({"Records": [sqs_record(event)]}) == {
        "batchItemFailures": []
    }
    assert calls == {"TransactWriteItems": 1, "GetItem": 1}, "the claim for two images, and the key of the owner"


@pytest.mark.parametrize(("profile", "recommended"), [("normal", 300), ("short", 30)])
def test_the_timeouts_of_generation_fit_together(service_template: Any, profile: str, recommended: int) -> None:
    template = service_template("generation")
    resources = {name: each["Properties"] for name, each in template["Resources"].items()}
    times, queue = template["Mappings"]["TimeoutProfiles"][profile], resources["generateQueue"]
    visibility = template["Mappings"]["VisibilityTimeouts"][profile]["generate"]
    call_timeout, lease = int(times["CallTimeout"]), int(times["Lease"])
    assert call_timeout >= recommended
    assert lease > call_timeout + OVERHEAD_SECONDS
    assert times["FunctionTimeout"] >= lease + OVERHEAD_SECONDS
    assert visibility >= times["FunctionTimeout"] + OVERHEAD_SECONDS
    variables = resources["generateFunction"]["Environment"]["Variables"]
    # A message takes its leases when it starts: with fewer workers than messages, leases would start late.
    assert resources["generateMessages"]["BatchSize"] <= int(variables["MAX_PARALLEL"])
    assert queue["RedrivePolicy"]["maxReceiveCount"] > RetryPolicy().worst_deliveries()
