"""Call every operation of the API with valid and invalid input, and compare the responses with its description.

Property-based: each operation is called with its examples, with boundary cases and with a bounded number of random
inputs, the same in every run. Every response must conform to `docs/openapi.json`.
"""

import copy
from functools import cache
from typing import Any

import pytest
import requests
import schemathesis
from schemathesis import Case, checks
from schemathesis.config import (
    CoveragePhaseConfig,
    GenerationConfig,
    PhasesConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from schemathesis.schemas import BaseSchema

from services.accounts.schemas import USER_SCOPES
from tests.support.system import System
from tools.docs.generate import ROOT
from tools.docs.openapi import openapi
from tools.docs.openapi_parameters import PATH_PARAMETERS

EXAMPLES = 15
"""Random calls per operation, in addition to the examples and the boundary cases."""
SEED = 20_261_122
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
    checks.ignored_auth,
]
"""Left out, and why:

- positive_data_acceptance: the catalog, not the schema, has each model's limits; exceeding them is a 422.
- unsupported_method: the gateway responds 404 to a path's other methods, as AWS's HTTP APIs do.
- missing_required_header: no header is required.
- use_after_free, ensure_resource_availability, object_level_authorization: sequences of calls, which other tests cover.
"""
UNKNOWN = {
    "code": "no_such_code",
    "request_id": "01a0b9c4-7d2e-7c31-9f60-000000000000",
    "image_id": "01a0b9c4-7d2e-7c31-9f60-000000000000-0",
    "share_id": "0000000000000000",
    "token": "A" * 55,
    "key": "no-such-model",
    "model": "no-such-model",
    "key_id": "a" * 12,
    "webhook_id": "a" * 16,
    "delivery_id": "01a0b9c4-980f-7b3e-8f60-000000000000",
    "fingerprint": "0" * 12,
    "erasure_id": "01a0b9c4-980f-7b3e-8f60-000000000001",
    "export_id": "01a0b9c4-980f-7b3e-8f60-000000000002",
}
"""Well-formed ids of resources that do not exist."""
MAY_RETURN_503 = {"show_readiness"}
"""A 503 with the body of a 200 reports an unhealthy dependency; it is not a server error."""
OWN_IMAGE = {"delete_image": 1, "create_share": 2}
"""Operation id → index of the image that only this operation changes."""


def description() -> BaseSchema:
    """Return the API's description, with the examples and ``UNKNOWN`` as the values of path parameters."""
    document = copy.deepcopy(openapi(ROOT))
    for methods in document["paths"].values():
        for operation in methods.values():
            for part in operation.get("parameters", []):
                if part["in"] == "path":
                    part["schema"] = {"type": "string", "enum": [part["example"], UNKNOWN[part["name"]]]}
    generation = GenerationConfig(
        max_examples=EXAMPLES, deterministic=True, no_shrink=True, with_security_parameters=False
    )
    phases = PhasesConfig(coverage=CoveragePhaseConfig(unexpected_methods=set()))
    projects = ProjectsConfig(default=ProjectConfig(generation=generation, phases=phases))
    return schemathesis.openapi.from_dict(document, config=SchemathesisConfig(seed=SEED, projects=projects))


SCHEMA = description()


class Known:
    """Resources of the caller that take the place of the examples and may be deleted."""

    def __init__(self, stack: System) -> None:
        self._stack = stack
        self._user = stack.stack.make_key("schemathesis", (*USER_SCOPES, "analytics:read"), limit=1_000_000)
        self._leaving = stack.stack.make_key("schemathesis-leaves", USER_SCOPES, limit=1_000_000)
        self._request = self._call("POST", "/v1/requests", {"prompt": "A lighthouse at dusk", "count": 3})["id"]
        hooks = [self._call("POST", "/v1/webhooks", {"url": "http://127.0.0.1:9/"})["webhook_id"] for _ in range(2)]
        self._webhook, self._webhook_to_delete = hooks  # created first: an owner may have a limited number
        stack.wait_until(self._is_generated, seconds=90, what="the images to call the API with")
        self.session = cache(self._session)

    def key(self, scope: str, operation_id: str) -> str:
        """Return a key for ``scope`` with a limit that no test reaches."""
        if operation_id == "erase_me":
            return self._leaving
        return self._stack.stack.admin_key if scope == "admin" else self._user

    def _session(self, operation_id: str) -> requests.Session:
        """Return a session that addresses an operation's calls to resources of its own."""
        image = f"{self._request}-{OWN_IMAGE.get(operation_id, 0)}"
        real = {"request_id": self._request, "image_id": image}
        if operation_id == "delete_request":
            real["request_id"] = self._call("POST", "/v1/requests", {"prompt": "A candle that goes out"})["id"]
        if operation_id == "show_export":
            real["export_id"] = self._call("POST", "/v1/me/exports")["id"]
        if operation_id in {"open_share", "revoke_share"}:
            share = self._call("POST", f"/v1/images/{image}/shares", {})
            real |= {"share_id": share["id"], "token": share["url"].rsplit("/", 1)[1]}
        real["webhook_id"] = self._webhook_to_delete if operation_id == "delete_webhook" else self._webhook
        if operation_id == "resend_delivery":
            real["delivery_id"] = self._call("POST", f"/v1/webhooks/{self._webhook}/ping")["delivery_id"]
        if operation_id in {"rotate_key", "revoke_key"}:
            wanted = {"owner": "somebody", "name": operation_id, "scopes": ["images:read"]}
            real["key_id"] = self._call("POST", "/v1/keys", wanted, self._stack.stack.admin_key)["key_id"]
        return Redirecting({str(PATH_PARAMETERS[name]["example"]): value for name, value in real.items()})

    def _is_generated(self) -> bool:
        return bool(self._call("GET", f"/v1/requests/{self._request}")["status"] == "succeeded")

    def _call(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        response = self._stack.call(method, path, body, key=key or self._user)
        assert response.status < 300, response.content
        return response.json


class Redirecting(requests.Session):
    """Redirect calls from an example to an existing resource."""

    def __init__(self, real: dict[str, str]) -> None:
        super().__init__()
        # An image's id begins with its request's id: the longer one first.
        self._real = sorted(real.items(), key=lambda pair: -len(pair[0]))

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send ``request`` to the existing resource. The response still shows the original request."""
        sent = request.copy()
        for example, value in self._real:
            sent.url = (sent.url or "").replace(f"/{example}", f"/{value}")
        response = super().send(sent, **options)
        response.request = request
        return response


@pytest.fixture(scope="module")
def known(stack: System) -> Known:
    """Create the resources."""
    return Known(stack)


@SCHEMA.parametrize()
def test_every_response_is_documented(case: Case[Any], stack: System, known: Known) -> None:
    operation = case.operation.definition.raw
    excluded = [checks.not_a_server_error] if operation["operationId"] in MAY_RETURN_503 else []
    case.call_and_validate(
        base_url=stack.stack.api_url,
        session=known.session(operation["operationId"]),
        headers={"x-api-key": known.key(operation["x-scope"], operation["operationId"])}
        if "x-scope" in operation
        else {},
        checks=[check for check in CHECKS if check not in excluded],
        allow_redirects=False,
        timeout=60,
    )
