"""One deployment on moto: its resources, its functions, and the deliveries between them."""

import importlib
import io
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache, cached_property
from typing import Any, Final, Self, get_args
from unittest.mock import patch
from uuid import uuid4

import boto3
from moto import mock_aws

from events.envelope import Event
from kit.callers import Scope
from kit.keyring import Keyring, SecretVersion
from kit.sealing import KEY_BYTES
from services.operations.dead_letters import repository
from tests.support.events import eventbridge_body
from tests.support.http import http_event
from tests.support.templates import admits
from tools.permissions.models import answers_of, model_service
from tools.permissions.recorder import Recorder
from tools.permissions.stack import PREFIX, Function, Stack

TABLE_PROPERTIES: Final = (
    "BillingMode",
    "AttributeDefinitions",
    "KeySchema",
    "GlobalSecondaryIndexes",
    "StreamSpecification",
)
SCOPES: Final = " ".join(get_args(Scope))
SAMPLE_OWNER: Final = "demo"
"""The owner of the sample events, whose texts are sealed with a key of zeros."""
ROUNDS_MAX: Final = 30
SQS_BATCH: Final = 10
"""Messages that SQS returns at most per call."""


class World:
    """A deployment. Use it as a context manager."""

    def __init__(self, region: str, parameters: Mapping[str, str]) -> None:
        self.stack = Stack(region, parameters)
        self.recorder = Recorder()
        self.models = model_service(self._object)
        self._open = ExitStack()
        self._loaded: dict[str, Any] = {}
        self._read: dict[str, str] = {}
        """Position in each stream, by shard."""
        self._events: list[dict[str, Any]] = []
        """Entries of PutEvents that are not delivered yet."""
        self.published: list[Mapping[str, Any]] = []
        """All entries of PutEvents."""

    def __enter__(self) -> Self:
        base = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GENAI_IMAGES_"))}
        region = self.stack.region
        self._open.enter_context(patch.dict(os.environ, base, clear=True))
        os.environ |= {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
        }
        self._open.enter_context(patch.object(repository, "POLL_SECONDS", 0))  # moto knows when a queue is empty
        self._open.enter_context(mock_aws())
        self._open.enter_context(self.recorder.installed())
        self._create_resources()
        self.recorder.answers |= {
            **answers_of(self.models),
            ("events", "PutEvents"): self._put_events,
            ("lambda", "Invoke"): self._invoke,
            ("secretsmanager", "PutSecretValue"): lambda _: {},
            ("secretsmanager", "DescribeSecret"): lambda _: {},
            ("cloudfront", "CreateInvalidation"): lambda _: {},
            ("cloudfront", "DeleteKeyGroup"): lambda _: {},
            ("apigatewaymanagementapi", "PostToConnection"): lambda _: {},
            ("apigatewaymanagementapi", "DeleteConnection"): lambda _: {},
        }
        return self

    def __exit__(self, *details: object) -> None:
        for name in [each for each in sys.modules if each.startswith("services.") and ".handlers" in each]:
            del sys.modules[name]
        self._open.close()

    def client(self, service: str) -> Any:
        """Return a client whose calls are not recorded."""
        return _client(service, id(self))

    def _create_resources(self) -> None:
        stack = self.stack
        dynamodb, sqs, s3 = self.client("dynamodb"), self.client("sqs"), self.client("s3")
        for _, _, table in stack.deployed("AWS::DynamoDB::Table"):
            shape = {name: table[name] for name in TABLE_PROPERTIES if name in table}
            if "StreamSpecification" in shape:
                shape["StreamSpecification"] = {"StreamEnabled": True, **shape["StreamSpecification"]}
            dynamodb.create_table(TableName=table["TableName"], **shape)
        sample_key = {"pk": {"S": SAMPLE_OWNER}, "data_key": {"B": bytes(KEY_BYTES)}}
        dynamodb.put_item(TableName=f"{PREFIX}-owner-keys", Item=sample_key)
        for _, _, queue in stack.deployed("AWS::SQS::Queue"):
            sqs.create_queue(QueueName=queue["QueueName"], Attributes={"VisibilityTimeout": "0"})
        for _, _, bucket in stack.deployed("AWS::S3::Bucket"):
            place: Any = {"CreateBucketConfiguration": {"LocationConstraint": stack.region}}
            s3.create_bucket(Bucket=bucket["BucketName"], **({} if stack.region == "us-east-1" else place))
            if versioning := bucket.get("VersioningConfiguration"):
                s3.put_bucket_versioning(Bucket=bucket["BucketName"], VersioningConfiguration=versioning)
        for _, _, bus in stack.deployed("AWS::Events::EventBus"):
            self.client("events").create_event_bus(Name=bus["Name"])
        for _, _, group in stack.deployed("AWS::Logs::LogGroup"):
            self.client("logs").create_log_group(logGroupName=group["LogGroupName"])
        keyring = Keyring((SecretVersion(1, b"not a secret", public_key_id="K1"),)).to_text()
        self.recorder.answers["secretsmanager", "GetSecretValue"] = lambda _: {"SecretString": keyring}

    def _object(self, bucket: str, key: str) -> bytes:
        """Return an object to Rekognition's stand-in, whose read is recorded with the call."""
        with self.recorder.unrecorded():
            return bytes(self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())

    # Functions ------------------------------------------------------------------------------------------------------

    def run(self, name: str, event: Any, context: Any = None) -> Any:
        """Run a function with an event as Lambda does. Few functions need the context."""
        function = self.stack.functions[name]
        if name not in self._loaded:
            self._loaded[name] = self._load(function)
        with self.recorder.during(name):
            return self._loaded[name](event, context)

    def forget(self, name: str) -> None:
        """Make the next run of a function a cold start."""
        self._loaded.pop(name, None)

    def module(self, name: str) -> Any:
        """Return the module of a function's handler, to change its constants."""
        if name not in self._loaded:
            self._loaded[name] = self._load(self.stack.functions[name])
        return sys.modules[self.stack.functions[name].handler.rpartition(".")[0]]

    def _load(self, function: Function) -> Any:
        module, _, attribute = function.handler.rpartition(".")
        with patch.dict(os.environ, function.environment), self.recorder.during(function.name):
            sys.modules.pop(module, None)
            return getattr(importlib.import_module(module), attribute)

    def http(
        self,
        function: str,
        method: str,
        route: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        expect: int | None = None,
        at: Mapping[str, str] | None = None,
        owner: str = "ada",
        opted_out: bool = False,
    ) -> Any:
        """Call a route as the gateway does and return the response's body. ``at`` has the parameters of the path.

        ``opted_out``: whether the owner has opted out of analytics.
        """
        path = route
        for name, value in (at or {}).items():
            path = path.replace(f"{{{name}}}", value)
        caller: dict[str, Any] = {"owner": owner, "key_id": "k-1", "scopes": SCOPES, "limit": 10_000, "window": 900}
        if opted_out:
            caller["analytics_opt_out"] = True
        event = http_event(
            method,
            path,
            route=route,
            body=body,
            headers=headers,
            query=query,
            caller=caller,
            path_parameters=at,
        )
        response = self.run(function, event)
        status = response["statusCode"]
        if status != expect and (expect is not None or status >= 300):
            raise AssertionError(f"{method} {path} → {status}: {response.get('body')}")
        return json.loads(response["body"]) if response.get("body") else None

    # Deliveries -----------------------------------------------------------------------------------------------------

    @cached_property
    def rules(self) -> Mapping[str, Mapping[str, Any]]:
        """The event pattern that fills each queue, by the queue's name without the prefix."""
        return {
            target["Arn"].rsplit(":", 1)[-1].removeprefix(f"{PREFIX}-"): rule["EventPattern"]
            for _, _, rule in self.stack.deployed("AWS::Events::Rule")
            if "EventPattern" in rule
            for target in rule["Targets"]
        }

    def queue_url(self, name: str) -> str:
        """Return the URL of a queue, by its name without the prefix."""
        return str(self.client("sqs").get_queue_url(QueueName=f"{PREFIX}-{name}")["QueueUrl"])

    def send(self, queue: str, body: "Event | str", **attributes: str) -> None:
        """Send a message to a queue as a rule of the bus does."""
        text = body if isinstance(body, str) else eventbridge_body(body)
        values = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        self.client("sqs").send_message(QueueUrl=self.queue_url(queue), MessageBody=text, MessageAttributes=values)

    def purge(self, queue: str) -> None:
        """Delete all messages of a queue, also hidden ones: moto's PurgeQueue is refused within a minute."""
        sqs, url = self.client("sqs"), self.queue_url(queue)
        sqs.delete_queue(QueueUrl=url)
        sqs.create_queue(QueueName=url.rsplit("/", 1)[-1], Attributes={"VisibilityTimeout": "0"})

    def settle(self) -> None:
        """Deliver events, stream records and messages until nothing is left. Dead letters stay.

        A queue with a batching window collects its messages until nothing else is left.
        """
        for _ in range(ROUNDS_MAX):
            if not (
                self._deliver_events() + self.deliver_streams() + self._deliver_queues(windows=False)
                or self._deliver_queues(windows=True)
            ):
                return
        raise AssertionError(f"deliveries did not end after {ROUNDS_MAX} rounds")

    @contextmanager
    def failing(self, code: str, *services: str) -> Iterator[None]:
        """Let all calls of functions to ``services`` fail with an error of AWS."""
        self.recorder.failures = dict.fromkeys(services, code)
        try:
            yield
        finally:
            self.recorder.failures = {}

    def _put_events(self, parameters: Mapping[str, Any]) -> Any:
        self._events += parameters["Entries"]
        self.published += parameters["Entries"]
        return {"FailedEntryCount": 0, "Entries": [{"EventId": str(uuid4())} for _ in parameters["Entries"]]}

    def _invoke(self, parameters: Mapping[str, Any]) -> Any:
        """Answer an invocation: of the waiting function, whose calls its own scenario records, or of intake's API."""
        answer: Any = {"status": "succeeded"}
        if f":{PREFIX}-intake-api:" in parameters["FunctionName"]:
            answer = self.run("intake.api", json.loads(parameters["Payload"]))
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}

    def _deliver_events(self) -> int:
        entries, self._events = self._events, []
        for entry in entries:
            event = {
                "source": entry["Source"],
                "detail-type": entry["DetailType"],
                "detail": json.loads(entry["Detail"]),
            }
            for queue, pattern in self.rules.items():
                if admits(dict(pattern), event):
                    self.send(queue, json.dumps(event))
        return len(entries)

    def deliver_streams(self) -> int:
        """Run the functions that read the tables' streams. Return the number of records."""
        streams, count = self.client("dynamodbstreams"), 0
        for function in self.stack.functions.values():
            for mapping in function.sources:
                if ":dynamodb:" not in mapping["EventSourceArn"]:
                    continue
                table = mapping["EventSourceArn"].split("/")[1]
                patterns = [json.loads(each["Pattern"]) for each in mapping["FilterCriteria"]["Filters"]]
                records = [
                    record
                    for record in self._records(streams, table)
                    if any(admits(pattern, record) for pattern in patterns)
                ]
                if records:
                    self.run(function.name, {"Records": records})
                    count += len(records)
        return count

    def _records(self, streams: Any, table: str) -> list[dict[str, Any]]:
        (stream,) = streams.list_streams(TableName=table)["Streams"]
        shards = streams.describe_stream(StreamArn=stream["StreamArn"])["StreamDescription"]["Shards"]
        found: list[dict[str, Any]] = []
        for shard in shards:
            about = {"StreamArn": stream["StreamArn"], "ShardId": shard["ShardId"]}
            key = f"{table}/{shard['ShardId']}"
            place: Any = (
                {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._read[key]}
                if key in self._read
                else {"ShardIteratorType": "TRIM_HORIZON"}
            )
            start = streams.get_shard_iterator(**about, **place)["ShardIterator"]
            records = streams.get_records(ShardIterator=start)["Records"]
            if records:
                self._read[key] = records[-1]["dynamodb"]["SequenceNumber"]
            found += records
        return found

    def deliver_messages(self) -> int:
        """Run the consumers with the messages of their queues. Return the number of messages."""
        return self._deliver_queues(windows=False) + self._deliver_queues(windows=True)

    def _deliver_queues(self, *, windows: bool) -> int:
        """Deliver the messages of all queues with a batching window, or of all others."""
        count = 0
        for function in self.stack.functions.values():
            for mapping in function.sources:
                has_window = bool(int(mapping.get("MaximumBatchingWindowInSeconds", 0)))
                if ":sqs:" in mapping["EventSourceArn"] and has_window == windows:
                    count += self._deliver_queue(function.name, mapping)
        return count

    def _deliver_queue(self, function: str, mapping: Mapping[str, Any]) -> int:
        """Deliver the messages of one queue in full batches and a last one."""
        size = int(mapping["BatchSize"])
        url = self.queue_url(mapping["EventSourceArn"].rsplit(":", 1)[-1].removeprefix(f"{PREFIX}-"))
        count = 0
        while delivered := self._deliver_batch(function, url, size):
            count += delivered
            if delivered < size:
                break
        return count

    def _deliver_batch(self, function: str, url: str, size: int) -> int:
        sqs = self.client("sqs")
        received: list[Any] = []
        while len(received) < size:
            messages = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(SQS_BATCH, size - len(received)),
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
                VisibilityTimeout=60,
            ).get("Messages", [])
            if not messages:
                break
            received += messages
        if not received:
            return 0
        answer = self.run(function, {"Records": [_lambda_record(message) for message in received]})
        retried = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        for message in received:
            if message["MessageId"] not in retried:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(received)


@cache
def _client(service: str, opened: int) -> Any:
    return boto3.client(service)  # type: ignore[call-overload]


def _lambda_record(message: Mapping[str, Any]) -> dict[str, Any]:
    now = str(int(time.time() * 1000))
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": {"ApproximateFirstReceiveTimestamp": now, **message["Attributes"]},
        "messageAttributes": {},
    }
