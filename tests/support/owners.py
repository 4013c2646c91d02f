"""What an owner does with the deployed system, by HTTP: generate images, export everything."""

import urllib.request
from typing import Any

from tests.support.system import System


def generate(stack: System, key: str, prompt: str, status: str = "succeeded", **parameters: Any) -> Any:
    """Generate images for the owner, and return the finished request."""
    response = stack.call("POST", "/v1/requests", {"prompt": prompt, **parameters}, key=key)
    assert response.status == 202, response.content
    path = response.json["links"]["self"]

    def finished() -> Any:
        view = stack.call("GET", path, key=key).json
        return view if view["status"] == status else None

    return stack.wait_until(finished, seconds=90, what=f"{prompt} to be {status}")


def export(stack: System, key: str) -> Any:
    """Export everything of the owner, and return the export with its files."""
    started = stack.call("POST", "/v1/me/exports", key=key)
    assert started.status == 202, started.content
    path = started.headers["location"]
    assert path == started.json["links"]["self"] == f"/v1/me/exports/{started.json['id']}"

    def ended() -> Any:
        view = stack.call("GET", path, key=key).json
        assert view["status"] != "failed", view
        return view if view["status"] == "ready" else None

    return stack.wait_until(ended, seconds=120, what="the export to be ready")


def download(url: str) -> bytes:
    """Download a file with its link only, as a browser does."""
    with urllib.request.urlopen(url, timeout=30) as response:
        content: bytes = response.read()
    return content
