"""The smoke test against an API in memory."""

import hashlib
import io
import json
from collections.abc import Mapping
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from cli.__main__ import cli
from cli.smoke import PooledHttp, Response, SmokeError, SmokeTest
from events.model_catalog import model_catalog

MODEL = model_catalog().get("stable-image-core")
assert MODEL is not None
API = "https://api.example"
REQUEST_ID, IMAGE_ID, KEY = "0197-request", "image-1", "gik_test"


def png(width: int = 8, height: int = 4) -> bytes:
    """Return a PNG."""
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, "PNG")
    return file.getvalue()


class FakeApi:
    """The deployed API, and the store of its images. Attributes that a test changes make it misbehave."""

    def __init__(self) -> None:
        self.version = "1.2.3"
        self.statuses = ["accepted", "generating", "succeeded"]
        self.reason: dict[str, str] | None = None
        self.content = png()
        self.described: dict[str, Any] = {}
        self.failures: list[Response] = []
        self.calls: list[tuple[str, str, Any, str | None]] = []

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Response:
        """Answer as the API does."""
        path, key = url.removeprefix(API), headers.get("x-api-key")
        self.calls.append((method, path, json.loads(body) if body else None, key))
        if self.failures:
            return self.failures.pop(0)
        if path.startswith("https://files"):
            assert key is None, "the key is for the API only"
            return Response(200, {}, self.content)
        if path == "/health":
            return answer(200, {"version": self.version})
        if key != KEY:
            return answer(401, {"title": "Unauthorized"})
        if (method, path) == ("POST", "/v1/requests"):
            assert headers["idempotency-key"]
            return answer(202, {"id": REQUEST_ID, "status": "accepted"})
        if path == f"/v1/requests/{REQUEST_ID}":
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            return answer(200, {"status": status, "reason": self.reason, "images": [{"id": IMAGE_ID}]})
        assert path == f"/v1/images/{IMAGE_ID}"
        content = png()
        original = {
            "url": "https://files.example/original.png?signature",
            "media_type": "image/png",
            "width": 8,
            "height": 4,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        return answer(200, {"original": original | self.described})


def answer(status: int, body: Any, **headers: str) -> Response:
    """Return a JSON response."""
    return Response(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(body).encode()
    )


class Clock:
    """A clock that only moves when somebody pauses."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        """Return the time."""
        return self.at

    def pause(self, seconds: float) -> None:
        """Move the time."""
        self.at += seconds


def run(api: FakeApi, expected_version: str | None = None, key: str = KEY) -> SmokeTest:
    """Run the smoke test with a deadline of a minute."""
    clock = Clock()
    test = SmokeTest(f"{API}/", api, timeout_seconds=60, now=clock.now, pause=clock.pause)
    assert MODEL is not None
    test.run(lambda: key, MODEL, expected_version)
    return test


def failure(test: SmokeTest) -> tuple[str, str]:
    """Return the name and the detail of the check that failed, which is the last one."""
    assert not test.passed
    *before, last = test.results
    assert all(result.passed for result in before)
    return last.name, last.detail


def test_a_working_api_passes_every_check() -> None:
    test = run(FakeApi(), expected_version="1.2.3")

    assert test.passed
    assert [result.name for result in test.results] == ["version", "request", "generation", "image"]
    assert test.results[-1].detail.startswith(f"image/png 8x4, {len(png())} bytes, SHA-256 ")


def test_the_request_costs_what_was_announced() -> None:
    api = FakeApi()
    run(api)
    (body,) = [body for method, _, body, _ in api.calls if method == "POST"]

    assert body["model"] == "stable-image-core"
    assert body["count"] == 1
    assert body["failover"] is False, "another model may be dearer"


def test_another_version_fails_before_anything_is_paid_for() -> None:
    api = FakeApi()
    name, detail = failure(run(api, expected_version="1.2.4"))

    assert name == "version"
    assert "returns version 1.2.3, not 1.2.4" in detail
    assert not [path for method, path, *_ in api.calls if method == "POST"]


@pytest.mark.parametrize("status", ["rejected", "failed", "cancelled", "expired", "stalled"])
def test_a_request_without_an_image_fails_with_its_reason(status: str) -> None:
    api = FakeApi()
    api.statuses, api.reason = ["accepted", status], {"detail": "The model is gone."}
    name, detail = failure(run(api))

    assert name == "generation"
    assert detail == (
        f'The request is {status}, not succeeded. The model is gone. See `make ops ARGS="trace {REQUEST_ID}"`.'
    )


def test_a_request_that_takes_too_long_fails_at_the_deadline() -> None:
    api = FakeApi()
    api.statuses = ["generating"]
    name, detail = failure(run(api))

    assert name == "generation"
    assert "still generating after 60 s" in detail


@pytest.mark.parametrize(
    ("content", "described", "expected"),
    [
        (png()[:-1], {}, "bytes, the API describes"),
        (bytes([*png()[:-1], png()[-1] ^ 1]), {}, "SHA-256"),
        (None, {"width": 9}, "The image is image/png 8x4, the API describes image/png 9x4"),
        (None, {"media_type": "image/webp"}, "the API describes image/webp 8x4"),
    ],
)
def test_an_image_that_differs_from_its_description_fails(
    content: bytes | None, described: dict[str, Any], expected: str
) -> None:
    api = FakeApi()
    api.content, api.described = content or png(), described
    name, detail = failure(run(api))

    assert name == "image"
    assert expected in detail


def test_a_file_that_is_not_an_image_fails() -> None:
    api, text = FakeApi(), b"<html>"
    api.content = text
    api.described = {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}

    assert failure(run(api)) == ("image", "The file is not an image: neither a PNG nor a JPEG.")


def test_temporary_failures_are_repeated() -> None:
    api = FakeApi()
    api.failures = [answer(503, {}), answer(429, {}, retry_after="7")]
    test = run(api)

    assert test.passed
    assert test.results[0].seconds == 8


def test_a_lasting_failure_ends_at_the_deadline() -> None:
    api = FakeApi()
    api.failures = [answer(503, {"title": "Unavailable"})] * 100

    assert failure(run(api)) == ("version", "GET /health returns 503, not 200. Unavailable")


def test_a_refused_key_fails_with_the_answer_of_the_api() -> None:
    assert failure(run(FakeApi(), key="gik_other")) == (
        "request",
        "POST /v1/requests returns 401, not 202. Unauthorized",
    )


def test_an_error_names_the_address_without_its_signature() -> None:
    with pytest.raises(SmokeError, match=r"GET ftp://nowhere/file got no response\.") as raised:
        PooledHttp().send("GET", "ftp://nowhere/file?signature=secret", {})

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "no-such-model"], "'no-such-model' is not in the catalog. Choose one of "),
        (["--model", "sdxl-v1"], "sdxl-v1 reached its end of life on 2025-05-20. Choose one of "),
        (["--timeout", "0"], "0 is not in the range 1<=x<=3600"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_sent(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(cli, ["smoke", *arguments])

    assert done.exit_code == 2
    assert message in done.output


def test_the_cost_is_stated_before_the_question() -> None:
    done = CliRunner().invoke(cli, ["smoke", "--api-url", API, "--key", KEY], input="n\n")

    assert "one image with stable-image-core for $0.04 at list price" in done.output
    assert done.output.index("$0.04") < done.output.index("Send the request?")
    assert done.exit_code == 1, "click's code for an aborted question; the command line's own is 6"
