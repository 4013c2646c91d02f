"""Measure the queue consumer `module.attribute` in the first argument; print CPU seconds as JSON.

`own`     one message of a batch of ten, with SDK calls replaced
`parse`   `json.loads` of one such message
`hop`     a batch of one message, with the SDK but without the socket
`calls`   only the SDK calls of this hop, which `operations` lists
"""

import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from statistics import median
from typing import Any
from uuid import uuid4

from botocore.client import BaseClient
from botocore.response import StreamingBody

from events.envelope import Event
from tests.support.events import sample, sqs_record
from tools.benchmarks import canned

ROUNDS = 25
BATCH = 10
HAPPY = ("ImageRequested", "PromptApproved", "ImageGenerated", "ImageApproved", "ImageStored")
"""The events of a successful request."""
IMAGE_WORK = ("services.storage.variants", "create_variants")
"""Image processing takes a hundred times as long as a message and is Pillow's work: it is done once and cached."""


class Sdk:
    """Replaces the method with which clients call botocore: records calls, or returns recorded responses."""

    def __init__(self) -> None:
        self._call = BaseClient._make_api_call  # type: ignore[attr-defined]
        self.calls: list[tuple[BaseClient, str, dict[str, Any]]] = []
        self._answers: dict[str, dict[str, Any]] = {}

    def record(self, action: Callable[[], None]) -> None:
        """Run ``action`` and record its calls and responses."""
        self.calls.clear()

        def keep(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
            self.calls.append((client, operation, parameters))
            answer = self._call(client, operation, parameters)
            self._answers[operation] = dict(answer)
            return answer

        self._patched(keep, action)

    def answer(self, action: Callable[[], Any]) -> None:
        """Run ``action`` with recorded responses."""

        def kept(_client: BaseClient, operation: str, _parameters: dict[str, Any]) -> Any:
            answer = self._answers[operation]
            for key in ("Body", "body"):
                if isinstance(answer.get(key), StreamingBody):
                    content = bodies[operation]
                    answer = {**answer, key: StreamingBody(BytesIO(content), len(content))}
            return answer

        bodies = {"GetObject": canned.image(), "InvokeModel": canned.invoked()}
        self._patched(kept, action)

    def replay(self) -> None:
        """Repeat the recorded calls and read their streams."""
        for client, operation, parameters in self.calls:
            for value in self._call(client, operation, parameters).values():
                if isinstance(value, StreamingBody):
                    value.read()

    def _patched(self, call: Callable[..., Any], action: Callable[[], Any]) -> None:
        BaseClient._make_api_call = call  # type: ignore[attr-defined]
        try:
            action()
        finally:
            BaseClient._make_api_call = self._call  # type: ignore[attr-defined]


def main() -> None:
    """Measure, and print the result."""
    results = os.dup(1)
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - the handler's log lines go there as long as this process lives
    canned.install()
    module, attribute = sys.argv[1].rsplit(".", 1)
    remember_image_work(module)
    call_no_webhooks(module)
    handler = getattr(importlib.import_module(module), attribute)
    batch, single = messages(handler, BATCH), messages(handler, 1)
    bodies = [record["body"] for record in batch["Records"]]
    sdk = Sdk()
    for events in (batch, single):  # keep the calls of the single message for the replay
        sdk.record(lambda events=events: must_be_handled(handler, events, sdk))  # type: ignore[misc]
    measurements: dict[str, tuple[Callable[[], Any], int, int]] = {
        "own": (lambda: sdk.answer(lambda: handler(batch, None)), 5, BATCH),
        "parse": (lambda: [json.loads(body) for body in bodies], 50, BATCH),
        "hop": (lambda: handler(single, None), 10, 1),
        "calls": (sdk.replay, 10, 1),
    }
    found: dict[str, list[float]] = {name: [] for name in measurements}
    for round_ in range(ROUNDS + 1):
        for name, (action, repeats, parts) in measurements.items():
            gc.collect()
            taken = cpu(action, repeats) / parts
            if round_:
                found[name].append(taken)
    figures = {name: median(values) for name, values in found.items()}
    result = json.dumps({**figures, "operations": [operation for _, operation, _ in sdk.calls]})
    os.write(results, f"\n{result}\n".encode())
    os._exit(0)


def cpu(action: Callable[[], Any], repeats: int) -> float:
    """Return the CPU seconds of ``action``, with its threads."""
    started = time.process_time()
    for _ in range(repeats):
        action()
    return (time.process_time() - started) / repeats


def remember_image_work(module: str) -> None:
    """Replace image processing, if this service has any, before it is imported."""
    place, name = IMAGE_WORK
    if module.split(".")[1] != place.split(".")[1]:
        return
    owner = importlib.import_module(place)
    work: Callable[..., Any] = getattr(owner, name)
    done: list[Any] = []

    def once(*arguments: Any) -> Any:
        if not done:
            done.append(work(*arguments))
        return done[0]

    setattr(owner, name, once)


def messages(handler: Any, count: int) -> dict[str, Any]:
    """Return an SQS batch of the events of a successful request that ``handler`` accepts, or of all that it accepts."""
    known = HAPPY if handler.accepts is None else [detail_type for detail_type, _ in handler.accepts]
    kinds = [detail_type for detail_type in known if detail_type in HAPPY] or known
    records = [sqs_record(event(kinds[number % len(kinds)])) for number in range(count)]
    for record in records:
        body = json.loads(record["body"])
        about_one_image(body["detail"])
        body["detail"]["metadata"] |= {name: str(uuid4()) for name in ("request_id", "event_id", "cause_id")}
        body["detail"]["metadata"]["occurred_at"] = datetime.now(UTC).isoformat()
        record["body"] = json.dumps(body)
    return {"Records": records}


def event(detail_type: str) -> Event:
    """Return the sample of an event, or a webhook message, which is never on the bus."""
    if detail_type != "WebhookDue":
        return sample(detail_type)
    webhooks = importlib.import_module("services.notifications.webhooks")
    changed = sample("RequestStatusChanged")
    due: Event = webhooks.due(canned.webhook(changed), changed)
    return due


def call_no_webhooks(module: str) -> None:
    """Replace the HTTP call of a webhook, which would leave this machine."""
    if module == "services.notifications.handlers.webhook":
        gateways = importlib.import_module("services.notifications.gateways")
        deliveries = importlib.import_module("services.notifications.deliveries")
        gateways.WebhookCaller.post = lambda *_: deliveries.Reply(204, 1)


def about_one_image(value: Any) -> None:
    """Change an event to one image, the canned one."""
    if isinstance(value, dict):
        if str(value.get("key", "")).startswith("raw/"):
            value.update(canned.described_image())
        if "prompt" in value:
            value["count"] = 1
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        about_one_image(inner)


def must_be_handled(handler: Any, batch: dict[str, Any], sdk: Sdk) -> None:
    """Handle ``batch``. Raises ``RuntimeError`` unless every message was handled."""
    failures = handler(batch, None)["batchItemFailures"]
    operations = [operation for _, operation, _ in sdk.calls]
    if failures or "SendMessage" in operations:
        raise RuntimeError(f"{len(failures)} of {len(batch['Records'])} messages not handled, calls: {operations}")


if __name__ == "__main__":
    main()
