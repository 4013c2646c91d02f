"""The controls of the stand-in over HTTP: faults, the log of calls, lifecycle overrides."""

from __future__ import annotations

import hashlib
import io
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from PIL import Image

from local.bedrock import ModelServer
from local.bedrock.faults import FaultBook
from local.bedrock.instant import instant_images
from local.painter.brief import Brief

CORE = "stability.stable-image-core-v1:1"
NOVA = "amazon.nova-canvas-v1:0"
BODY = {"prompt": "an idea", "aspect_ratio": "21:9", "seed": 3}

Invoke = Callable[[str, dict[str, Any]], dict[str, Any]]


def matched(seed: int) -> list[bool]:
    """Return which of three hundred calls a rule with probability 0.1 matches."""
    book = FaultBook()
    book.add({"effect": "filter_input", "probability": 0.1, "seed": seed})
    return [book.match("invoke", CORE, "an idea") is not None for _ in range(300)]


def test_a_rule_can_match_a_seeded_share_of_the_calls() -> None:
    assert matched(1) == matched(1) != matched(2)
    assert 15 <= sum(matched(1)) <= 50


def test_the_log_has_the_duration_of_each_call(server: ModelServer, invoke: Invoke) -> None:
    control(server, "POST", "/_faults", {"effect": "delay", "seconds": 0.05})
    invoke(CORE, BODY)
    (call,) = control(server, "GET", "/_calls")["calls"]
    assert call["seconds"] >= 0.05


def control(server: ModelServer, method: str, path: str, body: object = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.url + path, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=10) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


@pytest.mark.parametrize(
    ("effect", "status", "code"),
    [
        ("throttle", 429, "ThrottlingException"),
        ("unavailable", 503, "ServiceUnavailableException"),
        ("not_ready", 429, "ModelNotReadyException"),
        ("timeout_408", 408, "ModelTimeoutException"),
        ("model_error", 424, "ModelErrorException"),
        ("internal", 500, "InternalServerException"),
        ("access_denied", 403, "AccessDeniedException"),
        ("validation", 400, "ValidationException"),
        ("quota", 400, "ServiceQuotaExceededException"),
        ("ended", 404, "ResourceNotFoundException"),
    ],
)
def test_an_error_is_returned_as_often_as_configured(
    server: ModelServer, invoke: Invoke, effect: str, status: int, code: str
) -> None:
    control(server, "POST", "/_faults", {"operation": "invoke", "effect": effect, "times": 1})
    with pytest.raises(ClientError) as caught:
        invoke(CORE, BODY)
    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"] == code
    assert invoke(CORE, BODY)["finish_reasons"] == [None]


def test_a_rule_matches_only_its_calls(server: ModelServer, invoke: Invoke) -> None:
    control(server, "POST", "/_faults", {"effect": "throttle", "model": "nova"})
    control(server, "POST", "/_faults", {"effect": "throttle", "prompt_contains": "Unlucky"})
    control(server, "POST", "/_faults", {"effect": "throttle", "operation": "converse"})
    assert invoke(CORE, BODY)["finish_reasons"] == [None]
    with pytest.raises(ClientError):
        invoke(CORE, BODY | {"prompt": "an unlucky idea"})


def test_faults_are_listed_and_cleared(server: ModelServer) -> None:
    added = control(server, "POST", "/_faults", {"effect": "delay", "seconds": 0.01, "times": 2})
    assert control(server, "GET", "/_faults")["faults"] == [added]
    assert control(server, "DELETE", "/_faults") == {"faults": []}


def test_faults_are_replaced_all_at_once_or_not_at_all(server: ModelServer) -> None:
    control(server, "POST", "/_faults", {"effect": "reset"})
    with pytest.raises(urllib.error.HTTPError):
        control(server, "PUT", "/_faults", {"faults": [{"effect": "refuse"}, {"effect": "explode"}]})
    assert [rule["effect"] for rule in control(server, "GET", "/_faults")["faults"]] == ["reset"]
    replaced = control(server, "PUT", "/_faults", {"faults": [{"effect": "refuse"}, {"effect": "flag"}]})
    assert control(server, "GET", "/_faults") == replaced
    assert [rule["effect"] for rule in replaced["faults"]] == ["refuse", "flag"]


@pytest.mark.parametrize(
    "rule",
    [{}, {"effect": "explode"}, {"effect": "flag", "operation": "invoke"}, {"effect": "reset", "times": 0},
     {"effect": "reset", "probability": 0},
     {"effect": "reset", "colour": "red"}],
)  # fmt: skip
def test_an_invalid_rule_is_rejected(server: ModelServer, rule: dict[str, Any]) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        control(server, "POST", "/_faults", rule)
    assert caught.value.code == 400
    caught.value.close()


def test_a_delay_is_added_to_other_rules(server: ModelServer, invoke: Invoke) -> None:
    control(server, "POST", "/_faults", {"effect": "delay", "seconds": 0.001})
    control(server, "POST", "/_faults", {"effect": "throttle"})
    with pytest.raises(ClientError):
        invoke(CORE, BODY)
    assert [rule["used"] for rule in control(server, "GET", "/_faults")["faults"]] == [1, 1]


@pytest.mark.parametrize(("effect", "paid"), [("reset", 0), ("lost_answer", 1)])
def test_a_connection_can_close_before_or_after_payment(
    server: ModelServer, invoke: Invoke, effect: str, paid: int
) -> None:
    control(server, "POST", "/_faults", {"effect": effect, "times": 1})
    with pytest.raises(ConnectionClosedError):
        invoke(CORE, BODY)
    report = control(server, "GET", "/_calls")
    assert report["counts"]["paid"] == paid
    assert report["calls"][0]["outcome"] == effect


def test_the_log_proves_what_was_paid(server: ModelServer, invoke: Invoke) -> None:
    control(server, "POST", "/_faults", {"effect": "unavailable", "times": 1})
    with pytest.raises(ClientError):
        invoke(CORE, BODY)
    invoke(CORE, BODY)
    report = control(server, "GET", "/_calls")
    failed, served = report["calls"]
    assert (failed["outcome"], failed["paid"]) == ("ServiceUnavailableException", False)
    assert (served["outcome"], served["paid"], served["images"], served["seed"]) == ("ok", True, 1, 3)
    assert served["prompt_sha256"] == hashlib.sha256(b"an idea").hexdigest() == failed["prompt_sha256"]
    assert report["counts"]["paid_by_operation"] == {"invoke": 1}
    assert "an idea" not in json.dumps(report)
    assert control(server, "DELETE", "/_calls")["counts"]["total"] == 0


def test_lifecycle_overrides_end_and_revive_models(server: ModelServer, invoke: Invoke) -> None:
    control(server, "DELETE", "/_lifecycle")
    assert control(server, "GET", "/_lifecycle")[NOVA] == "ENDED"
    assert control(server, "POST", "/_lifecycle", {NOVA: "ACTIVE", CORE: "2020-01-01"})[CORE] == "ENDED"
    with pytest.raises(ClientError, match="end of its life"):
        invoke(CORE, BODY)
    nova = {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"text": "x"},
        "imageGenerationConfig": {"width": 320, "height": 320},
    }
    assert invoke(NOVA, nova)["error"] is None


def test_a_server_can_ignore_the_end_of_life() -> None:
    with ModelServer(ignore_end_of_life=True) as server:
        assert set(control(server, "GET", "/_lifecycle").values()) == {"ACTIVE"}


def test_instant_images_differ_in_size_only() -> None:
    image = instant_images()
    small = Brief("a lighthouse", width=64, height=64)
    assert image(small) == image(Brief("a harbour", style="noir", width=64, height=64, seed=7))
    assert Image.open(io.BytesIO(image(small))).size == (64, 64)
    assert Image.open(io.BytesIO(image(replace(small, width=128)))).size == (128, 64)


def test_an_unknown_path_is_not_found(server: ModelServer) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        control(server, "GET", "/nowhere")
    assert caught.value.code == 404
    caught.value.close()


def test_the_command_prints_its_url_and_stops_on_sigterm() -> None:
    command = [sys.executable, "-m", "local.bedrock", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        with urllib.request.urlopen(f"{url}/_ready", timeout=10) as response:
            assert json.load(response) == {"ready": True}
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
