"""The deployed system as an end-to-end test sees it, and somebody outside who listens to its events."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any, TypeVar

from local.stack import LocalStack

ENDINGS = frozenset({"succeeded", "rejected", "failed", "cancelled", "expired"})
POLL_SECONDS = 0.05
T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """What an HTTP call answered, whatever its status."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    content: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.content)


class System:
    """The deployed system as a test sees it: its API, its queues, and the switches of the model stand-in."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.prefix = stack.prefix
        self.outputs = stack.outputs
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return a boto3 client on the emulator, as root."""
        if service not in self._clients:
            self._clients[service] = self.stack.client(service)
        return self._clients[service]

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        key: str | None = None,
    ) -> Answer:
        """Call the HTTP API; ``body`` is sent as it is when it is bytes, as JSON otherwise.

        ``key`` is the demo owner's unless given; "" sends none.
        """
        key = self.stack.api_key if key is None else key
        sent = {**({"x-api-key": key} if key else {}), **(headers or {})}
        return _http(method, self.stack.api_url + path, body, sent)

    def post(self, **parameters: Any) -> str:
        """POST a request and return its id; it must be accepted."""
        answer = self.call("POST", "/v1/requests", parameters)
        assert answer.status == 202, answer.content
        return str(answer.json["id"])

    def show(self, request_id: str) -> Any:
        """GET a request."""
        answer = self.call("GET", f"/v1/requests/{request_id}")
        assert answer.status == 200, answer.content
        return answer.json

    def wait_for_status(self, request_id: str, *wanted: str, seconds: float = 60) -> Any:
        """Poll the request until its status is one of ``wanted``; fail at once when it ends otherwise."""

        def view() -> Any:
            found = self.show(request_id)
            if found["status"] in wanted:
                return found
            assert found["status"] not in ENDINGS, f"wanted {wanted}, got {json.dumps(found, indent=2)}"
            return None

        return self.wait_until(view, seconds=seconds, what=f"{request_id} to be {' or '.join(wanted)}")

    def draw(self, prompt: str, *, seconds: float = 60, **parameters: Any) -> Any:
        """POST a prompt and return the request once it has ended, however it did."""
        return self.wait_for_status(self.post(prompt=prompt, **parameters), *ENDINGS, seconds=seconds)

    def wait_until(self, probe: Callable[[], T | None], *, seconds: float = 30, what: str = "it") -> T:
        """Poll ``probe`` until it returns something true, and return that."""
        deadline = time.monotonic() + seconds
        while True:
            if found := probe():
                return found
            assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
            time.sleep(POLL_SECONDS)

    def queue_url(self, name: str) -> str:
        """Return the URL of a queue by its name without the prefix, such as ``storage-store-dlq``."""
        return str(self.client("sqs").get_queue_url(QueueName=f"{self.prefix}-{name}")["QueueUrl"])

    def queue_depth(self, name: str) -> int:
        """Return how many messages a queue holds: waiting, in flight and postponed."""
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        found = self.client("sqs").get_queue_attributes(QueueUrl=self.queue_url(name), AttributeNames=names)
        return sum(int(value) for value in found["Attributes"].values())

    def messages(self, name: str) -> list[Any]:
        """Return what is visible in a queue, with attributes, and leave it there."""
        found: dict[str, Any] = {}
        while True:
            batch = self.client("sqs").receive_message(
                QueueUrl=self.queue_url(name),
                MaxNumberOfMessages=10,
                VisibilityTimeout=0,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            fresh = {message["MessageId"]: message for message in batch.get("Messages", [])}
            if not fresh.keys() - found.keys():
                return list(found.values())
            found |= fresh

    def send(self, name: str, body: str) -> None:
        """Put a message into a queue, as a rule of the bus would."""
        self.client("sqs").send_message(QueueUrl=self.queue_url(name), MessageBody=body)

    def pause(self, function: str) -> Callable[[], None]:
        """Stop a queue's consumer, such as ``storage-store``; the returned function starts it again."""
        lambdas = self.client("lambda")
        mapping = lambdas.list_event_source_mappings(FunctionName=f"{self.prefix}-{function}")["EventSourceMappings"][0]
        lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        return lambda: lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def models(self, method: str, path: str, body: Any = None) -> Any:
        """Call the model stand-in's own paths, such as ``POST /_faults`` or ``GET /_calls``."""
        answer = _http(method, self.stack.models.url + path, body)
        assert answer.status == 200, answer.content
        return answer.json

    def ops(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the operators' command line as an operator would."""
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": self.stack.emulator.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "GENAI_IMAGES_PREFIX": self.prefix,
        }
        command = [sys.executable, "-m", "services.operations", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=240)


class Subscriber:
    """Somebody outside who subscribed to every event with a rule of their own."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._bodies: dict[str, str] = {}
        name = f"{system.prefix}-test-subscriber"
        sqs, events = system.client("sqs"), system.client("events")
        self._queue = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        bus = system.outputs["EventBusName"]
        pattern = json.dumps({"source": [{"prefix": "genai-images."}]})
        events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)
        events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])

    def bodies(self, request_id: str, detail_type: str) -> list[str]:
        """Return what was delivered so far of one kind for a request, as the queue got it."""
        sqs = self._system.client("sqs")
        while batch := sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for message in batch:
                self._bodies[message["MessageId"]] = message["Body"]
                sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
        events = [(json.loads(body), body) for body in self._bodies.values()]
        return [
            body
            for event, body in events
            if event["detail-type"] == detail_type and event["detail"]["metadata"]["request_id"] == request_id
        ]


def _http(method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        url, content, {"content-type": "application/json", **(headers or {})}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return Answer(answer.status, _lower(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, _lower(error.headers), error.read())


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
