"""One stand-in for all tests, reset between tests, and plain boto3 clients for it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from PIL import Image

from local.bedrock import ModelServer
from local.painter import Brief

Invoke = Callable[[str, dict[str, Any]], dict[str, Any]]


def quick_image(brief: Brief) -> bytes:
    """An image of the right size and format with one colour per seed: these tests need no painter."""
    out = io.BytesIO()
    Image.new("RGB", (brief.width, brief.height), (brief.seed % 256, 90, 160)).save(out, brief.format)
    return out.getvalue()


@pytest.fixture(scope="session")
def shared_server() -> Iterator[ModelServer]:
    """A server in a background thread."""
    with ModelServer() as server:
        server.service.generate = quick_image
        yield server


@pytest.fixture
def server(shared_server: ModelServer) -> ModelServer:
    """The shared server with every model alive, no faults and an empty log."""
    shared_server.service.faults.clear()
    shared_server.service.calls.clear()
    shared_server.service.lifecycle.restore()
    shared_server.service.lifecycle.override({"*": "ACTIVE"})
    return shared_server


@pytest.fixture(scope="session")
def client(shared_server: ModelServer) -> Callable[[str], Any]:
    """Creates a boto3 client without retries for a service."""
    made: dict[str, Any] = {}

    def make(service: str) -> Any:
        if service not in made:
            made[service] = boto3.client(
                service,  # type: ignore[call-overload,unused-ignore]
                endpoint_url=shared_server.url,
                region_name="us-west-2",
                aws_access_key_id="any",
                aws_secret_access_key="any",
                config=Config(retries={"total_max_attempts": 1}, read_timeout=20),
            )
        return made[service]

    return make


@pytest.fixture
def invoke(server: ModelServer, client: Callable[[str], Any]) -> Invoke:
    """InvokeModel with JSON bodies."""
    runtime = client("bedrock-runtime")

    def call(model: str, body: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(runtime.invoke_model(modelId=model, body=json.dumps(body))["body"].read())
        return answer

    return call
