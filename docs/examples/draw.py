"""Draw a prompt with the API and save the images. Needs nothing but Python 3.11.

export API=https://…        where the API is, as `make run` prints it
export API_KEY=gik_…        a key with the scopes requests:write and requests:read
python docs/examples/draw.py "A lighthouse on a cliff at dusk, oil painting" --count 2
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

ENDINGS = {"succeeded", "rejected", "failed", "cancelled", "expired"}
SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
ATTEMPTS = 5
TIMEOUT_SECONDS = 60


class ApiError(Exception):
    """The API said no; the text says why."""


@dataclass
class Client:
    """Calls the API. What may pass (no connection, 429, 5xx) is tried again, as often as is polite."""

    api: str
    key: str

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str
    ) -> tuple[dict[str, Any], Message]:
        """Return an answer's JSON and headers. Raises ``ApiError``."""
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
                    raise ApiError(explained(error)) from error
                time.sleep(float(error.headers.get("retry-after") or 2**attempt))
            except OSError as error:
                if attempt == ATTEMPTS:
                    raise ApiError(f"No answer from {self.api}: {error}") from error
                time.sleep(2**attempt)
        raise AssertionError("every attempt returns or raises")


def explained(error: urllib.error.HTTPError) -> str:
    """Return what a problem document says, or what there is in place of one."""
    try:
        problem = json.load(error)
    except ValueError:
        return f"{error.code} {error.reason}"
    lines = [f"{error.code} {problem.get('title') or problem.get('message')}"]
    for wrong in problem.get("errors", []):
        allowed = f" ({', '.join(map(str, wrong['allowed']))})" if wrong.get("allowed") else ""
        lines.append(f"  {wrong['field']}: {wrong['rule']}{allowed}")
    return "\n".join(lines)


def draw(client: Client, wanted: dict[str, Any], folder: Path) -> list[Path]:
    """Ask for ``wanted``, follow it until it has ended, and return the files of its images. Raises ``ApiError``."""
    # One key for one wish: however often it has to be sent, it is drawn and paid for once.
    view, headers = client.call("POST", "/v1/requests", wanted, Idempotency_Key=str(uuid.uuid4()))
    address, told = view["links"]["self"], ""
    while view["status"] not in ENDINGS:
        if view["status"] != told:
            told = view["status"]
            print(f"{view['id']} is {told}", file=sys.stderr)
        time.sleep(float(headers.get("retry-after") or 1))
        view, headers = client.call("GET", address)
    print(f"{view['id']} has {view['status']}", file=sys.stderr)
    if view["status"] != "succeeded":
        raise ApiError(view.get("reason", {}).get("detail", f"The request ended as {view['status']}."))
    for removed in view["removed"]:
        print(f"image {removed['index']} was removed: {removed['reason']}", file=sys.stderr)
    return [save(image, folder) for image in view["images"]]


def save(image: dict[str, Any], folder: Path) -> Path:
    """Download a image; its address is good for a short while only."""
    with urllib.request.urlopen(image["url"], timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - minted by the API
        suffix = SUFFIXES.get(answer.headers.get_content_type(), "bin")
        file = folder / f"{image['id']}.{suffix}"
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(answer.read())
    return file


def main() -> None:
    """Read the command line, draw, and print the files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompt")
    parser.add_argument("--model", help="GET /v1/models lists them")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--aspect-ratio", help="such as 16:9")
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--api", default=os.environ.get("API"), help="default: $API")
    parser.add_argument("--key", default=os.environ.get("API_KEY"), help="default: $API_KEY")
    given = parser.parse_args()
    if not given.api or not given.key:
        parser.error("say where the API is and who you are: --api and --key, or $API and $API_KEY")
    asked = {
        "prompt": given.prompt,
        "model": given.model,
        "count": given.count,
        "aspect_ratio": given.aspect_ratio,
    }
    wanted = {name: value for name, value in asked.items() if value is not None}
    try:
        for file in draw(Client(given.api.rstrip("/"), given.key), wanted, given.folder):
            print(file)
    except ApiError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
