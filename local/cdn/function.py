"""Runs the code of a CloudFront Function in Node."""

import json
import subprocess
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from local.node import environment_with_node

RUNNER = Path(__file__).with_name("function.js")


class FunctionFailedError(RuntimeError):
    """The function raised."""


class FunctionRunner:
    """A Node process that runs functions. It ends with this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._node = subprocess.Popen(
            ["node", str(RUNNER)],
            env=environment_with_node(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, code: str, event: dict[str, Any]) -> dict[str, Any]:
        """Return the request or response that ``handler`` of ``code`` returns. Raises ``FunctionFailedError``."""
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        with self._lock:
            self._node.stdin.write(json.dumps({"code": code, "event": event}) + "\n")
            self._node.stdin.flush()
            answer = json.loads(self._node.stdout.readline())
        if "error" in answer:
            raise FunctionFailedError(answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def close(self) -> None:
        """End the process."""
        assert self._node.stdin is not None
        self._node.stdin.close()
        self._node.wait(timeout=5)


def viewer_request(method: str, address: str, headers: dict[str, str]) -> dict[str, Any]:
    """Return the event of a viewer's request.

    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html
    """
    parts = urlsplit(address)
    query: dict[str, dict[str, Any]] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in query:
            query[name].setdefault("multiValue", [{"value": query[name]["value"]}]).append({"value": value})
        else:
            query[name] = {"value": value}
    return {
        "version": "1.0",
        "context": {"eventType": "viewer-request"},
        "viewer": {"ip": "127.0.0.1"},
        "request": {
            "method": method,
            "uri": parts.path,
            "querystring": query,
            "headers": {name.lower(): {"value": value} for name, value in headers.items()},
            "cookies": {},
        },
    }
