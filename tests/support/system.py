"""The deployed system as end-to-end and browser tests use it, and a subscriber to its events."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO, Any, TypeVar

from events.pipeline import TERMINAL
from local.stack import LocalStack

POLL_SECONDS = 0.05
T = TypeVar("T")


@dataclass(frozen=True)
class Response:
    """An HTTP response of any status."""

    status: int
    headers: dict[str, str]
    """By name in lower case."""
    content: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.content)


class System:
    """The deployed system: its API, its queues, its command line and the controls of the model stand-in."""

    def __init__(self, stack: LocalStack) -> None:
        self.stack = stack
        self.prefix = stack.prefix
        self.outputs = stack.outputs
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return a boto3 client of the emulator with root credentials."""
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
    ) -> Response:
        """Call the HTTP API. ``body`` is sent unchanged if it is bytes, and as JSON otherwise.

        ``key`` defaults to that of the owner ``demo``; "" sends none.
        """
        key = self.stack.api_key if key is None else key
        sent = {**({"x-api-key": key} if key else {}), **(headers or {})}
        return _http(method, self.stack.api_url + path, body, sent)

    def follow(self, path: str) -> tuple[int, Message]:
        """GET ``path`` without a key, and return status and headers of the response itself, which may redirect."""
        try:
            with urllib.request.build_opener(_NoRedirect).open(self.stack.api_url + path, timeout=30) as response:
                return response.status, response.headers
        except urllib.error.HTTPError as error:
            return error.code, error.headers

    def post(self, **parameters: Any) -> str:
        """POST a request that must be accepted, and return its id."""
        response = self.call("POST", "/v1/requests", parameters)
        assert response.status == 202, response.content
        return str(response.json["id"])

    def get_request(self, request_id: str) -> Any:
        """GET a request."""
        response = self.call("GET", f"/v1/requests/{request_id}")
        assert response.status == 200, response.content
        return response.json

    def wait_for_status(self, request_id: str, *wanted: str, seconds: float = 60) -> Any:
        """Poll a request until its status is one of ``wanted``. Fail at once if it has another terminal status."""

        def view() -> Any:
            found = self.get_request(request_id)
            if found["status"] in wanted:
                return found
            assert found["status"] not in TERMINAL, f"wanted {wanted}, got {json.dumps(found, indent=2)}"
            return None

        return self.wait_until(view, seconds=seconds, what=f"{request_id} to be {' or '.join(wanted)}")

    def generate(self, prompt: str, *, seconds: float = 60, **parameters: Any) -> Any:
        """POST a prompt and return the request when it has a terminal status."""
        return self.wait_for_status(self.post(prompt=prompt, **parameters), *TERMINAL, seconds=seconds)

    def wait_until(
        self, probe: Callable[[], T | None], *, seconds: float = 30, every: float = POLL_SECONDS, what: str = "it"
    ) -> T:
        """Poll ``probe`` until its result is true, and return the result. ``what`` names it in the failure."""
        deadline = time.monotonic() + seconds
        while True:
            if found := probe():
                return found
            assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
            time.sleep(every)

    def queue_url(self, name: str) -> str:
        """Return the URL of a queue by its name without the prefix, such as ``storage-store-dlq``."""
        return str(self.client("sqs").get_queue_url(QueueName=f"{self.prefix}-{name}")["QueueUrl"])

    def queue_depth(self, name: str) -> int:
        """Return the number of messages in a queue: visible, in flight and delayed."""
        names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        found = self.client("sqs").get_queue_attributes(QueueUrl=self.queue_url(name), AttributeNames=names)
        return sum(int(value) for value in found["Attributes"].values())

    def messages(self, name: str) -> list[Any]:
        """Return the visible messages of a queue with their attributes, and leave them there."""
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
        """Send a message to a queue, as a rule of the bus does."""
        self.client("sqs").send_message(QueueUrl=self.queue_url(name), MessageBody=body)

    def pause(self, function: str) -> Callable[[], None]:
        """Stop a queue's consumer, such as ``storage-store``. Return a function that starts it again."""
        lambdas = self.client("lambda")
        mapping = lambdas.list_event_source_mappings(FunctionName=f"{self.prefix}-{function}")["EventSourceMappings"][0]
        lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        return lambda: lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)

    def invoke(self, function: str, event: Any = None) -> Any:
        """Invoke a function, such as ``intake-sweep`` or its alias ``intake-sweep:live``, and return its result."""
        payload = json.dumps(event or {}).encode()
        response = self.client("lambda").invoke(FunctionName=f"{self.prefix}-{function}", Payload=payload)
        result = json.load(response["Payload"])
        assert "FunctionError" not in response, result
        return result

    def models(self, method: str, path: str, body: Any = None) -> Any:
        """Call a control path of the model stand-in, such as ``POST /_faults`` or ``GET /_calls``."""
        response = _http(method, self.stack.models.url + path, body)
        assert response.status == 200, response.content
        return response.json

    def restart(self, *functions: str, **environment: str) -> None:
        """Give functions, such as ``storage-store``, new containers, so that they read their secrets again.

        ``environment`` changes variables of theirs.
        """
        client = self.client("lambda")
        for name in functions:
            full = f"{self.prefix}-{name}"
            variables = client.get_function_configuration(FunctionName=full)["Environment"]["Variables"]
            restarted = {**variables, **environment, "RESTARTED_AT": str(time.time_ns())}
            client.update_function_configuration(FunctionName=full, Environment={"Variables": restarted})
            version = client.publish_version(FunctionName=full)["Version"]
            client.update_alias(FunctionName=full, Name="live", FunctionVersion=version)

    def ops(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the operators' command line with root credentials."""
        return self.stack.ops(*arguments)

    def audit(self, *arguments: str) -> Any:
        """Audit the system as it is now, and return the report."""
        done = self.ops("audit", "--output", "json", "--settled-after", "0", *arguments)
        assert done.returncode in {0, 7}, done.stdout + done.stderr
        report = json.loads(done.stdout.splitlines()[0])
        assert (done.returncode == 7) == bool(report["violations"]), done.stdout
        return report

    def check_rules(self) -> Any:
        """Audit the system after the last test: every rule must be kept. Return the report."""
        report = self.audit("--pause", "2")
        assert report["violations"] == [], f"after all tests: {json.dumps(report['violations'], indent=2)}"
        assert report["complete"]
        return report


@contextmanager
def own_system(directory: Path, **options: Any) -> Iterator[System]:
    """Deploy a system with options of ``LocalStack``, for tests that need others than the shared one has."""
    with LocalStack(directory, progress=lambda text: print(text, flush=True), **options) as running:
        yield System(running)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        """Follow no redirect."""


class Subscriber:
    """An external subscriber, with its own rule for all events and its own queue."""

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
        """Return the events of one detail type that were delivered for a request, as EventBridge sent them."""
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


def download(url: str) -> bytes:
    """Download a file with its link only, as a browser does."""
    with urllib.request.urlopen(url, timeout=30) as response:
        content: bytes = response.read()
    return content


def _http(method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Response:
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(
        url, content, {"content-type": "application/json", **(headers or {})}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return Response(response.status, _lower(response.headers), response.read())
    except urllib.error.HTTPError as error:
        return Response(error.code, _lower(error.headers), error.read())


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
