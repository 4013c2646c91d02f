"""Generate images from a prompt with the API and save them. Needs only Python 3.11.

export API=https://…        the address of the API, as `make run` prints it
export API_KEY=gik_…        a key with the scopes requests:write and requests:read
python docs/examples/generate.py "A lighthouse on a cliff at dusk, oil painting" --count 2
"""

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

TERMINAL = {"succeeded", "rejected", "failed", "cancelled", "expired"}
SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
ATTEMPTS = 5
TIMEOUT_SECONDS = 60


class ApiError(Exception):
    """The API refused a request or the request failed. The message explains why."""


@dataclass
class Client:
    """Calls the API. Retries temporary failures: no connection, 429 and 5xx."""

    api: str
    key: str

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str
    ) -> tuple[dict[str, Any], Message]:
        """Return the JSON and the headers of the response. Raises ``ApiError``."""
        sent = {"x-api-key": self.key, "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = json.dumps(body).encode() if body is not None else None
        for attempt in range(1, ATTEMPTS + 1):
            request = urllib.request.Request(self.api + path, content, sent, method=method)  # noqa: S310 - ours
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                    return json.load(answer), answer.headers
            except urllib.error.HTTPError as error:
                if attempt == ATTEMPTS or (error.code != 429 and error.code < 500):
                    raise ApiError(describe(error)) from error
                time.sleep(float(error.headers.get("retry-after") or 2**attempt))
            except OSError as error:
                if attempt == ATTEMPTS:
                    raise ApiError(f"No answer from {self.api}: {error}") from error
                time.sleep(2**attempt)
        raise AssertionError("every attempt returns or raises")


def describe(error: urllib.error.HTTPError) -> str:
    """Return the text of a problem document, or of whatever was returned instead."""
    try:
        problem = json.load(error)
    except ValueError:
        return f"{error.code} {error.reason}"
    lines = [f"{error.code} {problem.get('title') or problem.get('message')}"]
    for wrong in problem.get("errors", []):
        allowed = f" ({', '.join(map(str, wrong['allowed']))})" if wrong.get("allowed") else ""
        lines.append(f"  {wrong['field']}: {wrong['rule']}{allowed}")
    return "\n".join(lines)


def generate(client: Client, parameters: dict[str, Any], folder: Path) -> list[Path]:
    """Send a request, poll until its status is terminal, and return the files of its images. Raises ``ApiError``."""
    # One idempotency key per request: however often it is sent, it is processed and paid for once.
    view, headers = client.call("POST", "/v1/requests", parameters, Idempotency_Key=str(uuid.uuid4()))
    address, shown = view["links"]["self"], ""
    while view["status"] not in TERMINAL:
        if view["status"] != shown:
            shown = view["status"]
            print(f"{view['id']} is {shown}", file=sys.stderr)
        time.sleep(float(headers.get("retry-after") or 1))
        view, headers = client.call("GET", address)
    print(f"{view['id']} {view['status']}", file=sys.stderr)
    if view["status"] != "succeeded":
        raise ApiError(view.get("reason", {}).get("detail", f"The request is {view['status']}."))
    for removed in view["removed"]:
        print(f"image {removed['index']} was removed: {removed['reason']}", file=sys.stderr)
    return [save(image, folder) for image in view["images"]]


def save(image: dict[str, Any], folder: Path) -> Path:
    """Download an image. Its address is valid only for a short time."""
    with urllib.request.urlopen(image["url"], timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - the API's own
        suffix = SUFFIXES.get(answer.headers.get_content_type(), "bin")
        file = folder / f"{image['id']}.{suffix}"
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(answer.read())
    return file


def main() -> None:
    """Read the command line, generate, and print the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompt")
    parser.add_argument("--model", help="one of GET /v1/models")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--aspect-ratio", help="for example 16:9")
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--api", default=os.environ.get("API"), help="default: $API")
    parser.add_argument("--key", default=os.environ.get("API_KEY"), help="default: $API_KEY")
    given = parser.parse_args()
    if not given.api or not given.key:
        parser.error("the address and a key are required: --api and --key, or $API and $API_KEY")
    options = {
        "prompt": given.prompt,
        "model": given.model,
        "count": given.count,
        "aspect_ratio": given.aspect_ratio,
    }
    parameters = {name: value for name, value in options.items() if value is not None}
    try:
        for file in generate(Client(given.api.rstrip("/"), given.key), parameters, given.folder):
            print(file)
    except ApiError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
