"""What an owner does with the deployed system, by HTTP: get a key, generate images, export everything."""

from typing import Any

from tests.support.system import Response, System

SCOPES = ["requests:write", "requests:read", "images:read", "images:write"]


def new_key(stack: System, owner: str) -> Any:
    """Create an API key of an owner as an operator does, and return it with the ids of both."""
    body = {"owner": owner, "name": "test", "scopes": SCOPES}
    response = stack.call("POST", "/v1/keys", body, key=stack.stack.admin_key)
    assert response.status == 201, response.content
    return response.json


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


class Hooks:
    """One owner's webhooks, used through the API."""

    def __init__(self, stack: System, key: str) -> None:
        self._stack, self._key = stack, key

    def call(self, method: str, path: str, body: Any = None) -> Response:
        """Call the API with the owner's key."""
        return self._stack.call(method, path, body, key=self._key)

    def register(self, url: str, **more: Any) -> Any:
        """Register a webhook and return it."""
        response = self.call("POST", "/v1/webhooks", {"url": url, **more})
        assert response.status == 201, response.content
        return response.json

    def deliveries(self, webhook: Any) -> Any:
        """Return the deliveries of a webhook."""
        response = self.call("GET", f"/v1/webhooks/{webhook['webhook_id']}/deliveries")
        assert response.status == 200, response.content
        return response.json["deliveries"]

    def finished(self, webhook: Any) -> Any:
        """Return the only delivery of ``webhook`` when it is no longer pending."""

        def probe() -> Any:
            found = self.deliveries(webhook)
            return found[0] if found and found[0]["state"] != "pending" else None

        return self._stack.wait_until(probe, seconds=60, what="the delivery to finish")
