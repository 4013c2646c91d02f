"""With a forward URL, images come from a real local model server instead of the painter."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from local.bedrock.errors import ServiceError
from local.bedrock.forward import forwarder
from local.painter import Brief


class _Sampler(BaseHTTPRequestHandler):
    """Returns the same image for every request and records the request."""

    def do_POST(self) -> None:
        self.server.asked = (self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))  # type: ignore[attr-defined]
        payload = json.dumps({"images": [base64.b64encode(b"an image").decode()]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def sampler() -> Iterator[Any]:
    with HTTPServer(("127.0.0.1", 0), _Sampler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def test_a_brief_is_forwarded_and_its_image_returned(sampler: Any) -> None:
    generate = forwarder(f"http://127.0.0.1:{sampler.server_address[1]}/")
    assert generate(Brief("a fox", "blurry", "LINE_ART", 320, 640, 9)) == b"an image"
    path, order = sampler.asked
    assert path == "/sdapi/v1/txt2img"
    assert order == {
        "prompt": "a fox, line art",
        "negative_prompt": "blurry",
        "width": 320,
        "height": 640,
        "seed": 9,
    }


def test_an_unavailable_server_is_a_model_error() -> None:
    with pytest.raises(ServiceError) as caught:
        forwarder("http://127.0.0.1:9")(Brief("a fox"))
    assert (caught.value.status, caught.value.code) == (424, "ModelErrorException")
