"""The HTTP side: Bedrock and Rekognition on one loopback port, plus the control paths that start with `_`."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
import threading
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from local.bedrock.errors import ServiceError, validation
from local.bedrock.forward import forwarder
from local.bedrock.guardrail import with_bytes
from local.bedrock.instant import instant_images
from local.bedrock.lifecycle import Lifecycle
from local.bedrock.nsfw import classifier, not_explicit
from local.bedrock.rekognition import s3_reader
from local.bedrock.service import ConnectionDropped, Service
from local.painter import paint

MAX_BYTES = 25_000_000
_RUNTIME = re.compile(r"^/model/(?P<model>.+)/(?P<operation>invoke|converse)$")
_GUARDRAIL_DETAILS = re.compile(r"^/guardrails/(?P<id>.+)$")
_GUARDRAIL = re.compile(r"^/guardrail/(?P<id>.*)/version/(?P<version>.*)/apply$")
_CATALOGUE = re.compile(r"^/foundation-models/(?P<model>.+)$")
_AVAILABILITY = re.compile(r"^/foundation-model-availability/(?P<model>.+)$")
_PROFILE = re.compile(r"^/inference-profiles/(?P<profile>.+)$")
_REKOGNITION: dict[str, Callable[[Service, dict[str, Any]], dict[str, Any]]] = {
    "RekognitionService.DetectModerationLabels": Service.detect,
    "RekognitionService.DetectFaces": Service.detect_faces,
}

Response = dict[str, Any]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # send status, headers and body in one write
    server: _Listener

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the log of calls contains more than an access log."""

    def _serve(self) -> None:
        path = unquote(urlsplit(self.path).path)
        amazon_json = "X-Amz-Target" in self.headers
        try:
            self._send(200, self._answer(path, self._body()), amazon_json)
        except ServiceError as error:
            kind = {"__type": error.code} if amazon_json else {}
            self._send(error.status, {**kind, "message": error.message}, amazon_json, error.code)
        except ConnectionDropped:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _body(self) -> Any:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if length > MAX_BYTES:
            raise validation(f"The request body is larger than {MAX_BYTES} bytes.")
        try:
            return json.loads(raw) if raw else {}
        except ValueError:
            raise validation("Malformed input request, please reformat your input and try again.") from None

    def _answer(self, path: str, body: Any) -> Response:
        service = self.server.service
        control = _CONTROL.get((self.command, path))
        if control:
            return control(service, body)
        runtime = _RUNTIME.match(path)
        if self.command == "POST" and runtime:
            serve = service.invoke if runtime["operation"] == "invoke" else service.converse
            return serve(runtime["model"], _an_object(body))
        guardrail = _GUARDRAIL.match(path)
        if self.command == "POST" and guardrail:
            return service.apply_guardrail(guardrail["id"], guardrail["version"], with_bytes(_an_object(body)))
        detect = _REKOGNITION.get(self.headers.get("X-Amz-Target", ""))
        if self.command == "POST" and path == "/" and detect:
            return detect(service, _an_object(body))
        model = _CATALOGUE.match(path)
        if self.command == "GET" and model:
            return service.foundation_model(model["model"])
        availability = _AVAILABILITY.match(path)
        if self.command == "GET" and availability:
            return service.availability(availability["model"])
        details = _GUARDRAIL_DETAILS.match(path)
        if self.command == "GET" and details:
            version = parse_qs(urlsplit(self.path).query).get("guardrailVersion", ["DRAFT"])[0]
            return service.guardrail(details["id"], version)
        profile = _PROFILE.match(path)
        if self.command == "GET" and profile:
            return service.inference_profile(profile["profile"])
        raise ServiceError(404, "UnknownOperationException", f"{self.command} {path} is not served here")

    def _send(self, status: int, answer: Response, amazon_json: bool, error: str | None = None) -> None:
        payload = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1" if amazon_json else "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        if error:
            self.send_header("x-amzn-errortype", error)
        self.end_headers()
        self.wfile.write(payload)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], service: Service) -> None:
        self.service = service
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that closed the connection. Print the traceback of any other error."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _an_object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise validation("Malformed input request, please reformat your input and try again.")
    return body


def _replace_faults(service: Service, body: Any) -> Response:
    rules = _an_object(body).get("faults")
    if not isinstance(rules, list):
        raise ServiceError(400, "ValidationException", "faults: is not a list of rules")
    return {"faults": service.faults.replace([_an_object(rule) for rule in rules])}


def _clear_faults(service: Service, _: Any) -> Response:
    service.faults.clear()
    return {"faults": []}


def _clear_calls(service: Service, _: Any) -> Response:
    service.calls.clear()
    return service.calls.report()


def _override_lifecycle(service: Service, body: Any) -> Response:
    service.lifecycle.override(_an_object(body))
    return service.lifecycle.report()


def _restore_lifecycle(service: Service, _: Any) -> Response:
    service.lifecycle.restore()
    return service.lifecycle.report()


_CONTROL: dict[tuple[str, str], Callable[[Service, Any], Response]] = {
    ("GET", "/_ready"): lambda service, _: {"ready": True},
    ("GET", "/_faults"): lambda service, _: {"faults": service.faults.listed()},
    ("POST", "/_faults"): lambda service, body: service.faults.add(_an_object(body)),
    ("PUT", "/_faults"): _replace_faults,
    ("DELETE", "/_faults"): _clear_faults,
    ("GET", "/_calls"): lambda service, _: service.calls.report(),
    ("DELETE", "/_calls"): _clear_calls,
    ("GET", "/_lifecycle"): lambda service, _: service.lifecycle.report(),
    ("POST", "/_lifecycle"): _override_lifecycle,
    ("DELETE", "/_lifecycle"): _restore_lifecycle,
    ("GET", "/foundation-models"): lambda service, _: service.foundation_models(),
    ("GET", "/use-case-for-model-access"): lambda service, _: service.use_case(),
}


class ModelServer:
    """The stand-in in a background thread. Port 0 is a free port. Use it as a context manager, or `close` it."""

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        ignore_end_of_life: bool = False,
        latency_ms: int = 0,
        s3_endpoint: str | None = None,
        forward_url: str | None = None,
        instant: bool = False,
    ) -> None:
        self.service = Service(
            generate=forwarder(forward_url) if forward_url else instant_images() if instant else paint,
            fetch=s3_reader(s3_endpoint),
            score=not_explicit if instant else classifier(),
            lifecycle=Lifecycle(ignore_end_of_life=ignore_end_of_life),
            latency_seconds=latency_ms / 1000,
        )
        self._listener = _Listener((host, port), self.service)
        self.url = f"http://{host}:{self._listener.server_address[1]}"
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and wait for the thread to end."""
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(port: int, host: str = "127.0.0.1", **options: Any) -> None:
    """Serve until SIGTERM or SIGINT; takes ModelServer's options. Call it from the main thread."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with ModelServer(port, host, **options) as server:
        print(f"model stand-in: {server.url}", flush=True)
        stopped.wait()
