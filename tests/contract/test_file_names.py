"""Files have the same names in every service, and test names are short sentences."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from tests.support import templates
from tests.support.templates import ROOT

STANDARD: Final = {
    "settings": "environment variables of the functions",
    "routes": "HTTP routes",
    "schemas": "request and response bodies",
    "models": "domain types",
    "service": "use cases",
    "repository": "DynamoDB, S3 and the cache",
    "gateways": "everything else outside",
    "handlers": "one module per Lambda function",
}
"""Modules and packages that mean the same in every service."""
DOMAIN: Final = {
    "accounts": {
        *("admission", "call_limits", "consent", "edge", "erasure", "exporting", "keys", "owners", "recorded_keys"),
    },
    "analytics": {
        *("archive_format", "columns", "compaction", "counters", "figures", "parquet", "rebuild", "report"),
    },
    "generation": {"erasure", "families", "image_header", "metrics", "model_errors", "spending", "withdrawal"},
    "intake": {
        *("appeals", "creation", "deletion", "durations", "erasure", "exporting", "facades", "identifiers"),
        *("model_fit", "model_schemas", "model_views", "outbox", "quota", "refunds", "refusals", "request_views"),
        *("shedding", "signal_recorder", "signals", "sweeping", "timeline", "tracking", "waiting"),
    },
    "moderation": {
        *("checks", "erasure", "guardrail", "guardrail_images", "images", "keywords", "normalisation", "policies"),
        *("policy", "policy_rules", "prices", "replay", "screening", "shadow"),
    },
    "notifications": {
        *("addresses", "deliveries", "erasure", "exporting", "messages", "push", "signing", "sockets", "webhooks"),
    },
    "operations": {
        *(
            "audit",
            "bias",
            "dead_letters",
            "drills",
            "erasure",
            "exporting",
            "health",
            "lifecycle",
            "problem_pages",
            "readiness_cache",
            "sdk",
        ),
        *("timeline", "tracing"),
    },
    "privacy": {"building", "exports", "platform"},
    "storage": {
        *("certificates", "content_credentials", "credentials", "erasure", "exporting", "gallery", "image_link_keys"),
        *(
            "derivation",
            "derived_files",
            "imaging",
            "listing",
            "png",
            "provenance",
            "removal",
            "resizing",
            "search",
            "shares",
            "variants",
            "verification",
            "withdrawal",
        ),
    },
}
"""Modules and packages with a name from the domain of their service. A new one is added here."""
NAME_MAX: Final = 70


def modules(service: str) -> set[str]:
    """Return the modules and packages of a service."""
    folder = ROOT / "services" / service
    packages = {path.name for path in folder.iterdir() if path.is_dir() and any(path.rglob("*"))}
    return {path.stem for path in folder.glob("*.py")} | packages - {"__pycache__"}


@pytest.mark.parametrize("service", sorted(DOMAIN))
def test_a_service_has_only_standard_and_domain_modules(service: str) -> None:
    assert modules(service) - STANDARD.keys() == DOMAIN[service]


@pytest.mark.parametrize("service", sorted(DOMAIN))
def test_a_service_with_routes_declares_them_and_their_bodies(service: str) -> None:
    has_routes = any(route.service == service for route in templates.http_routes())

    assert "handlers" in modules(service)
    assert ({"routes", "schemas"} <= modules(service)) == has_routes
    assert (ROOT / "services" / service / "README.md").exists()


def test_every_service_is_listed() -> None:
    with_code = {path.parent.name for path in ROOT.glob("services/*/handlers")}

    assert with_code == DOMAIN.keys()


@pytest.mark.parametrize("path", sorted(ROOT.glob("tests/**/test_*.py")), ids=lambda path: path.stem)
def test_names_of_tests_are_short_sentences(path: Path) -> None:
    functions = [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    tests = [name for name in functions if name.startswith("test_")]

    assert [name for name in tests if len(name) > NAME_MAX or not re.fullmatch("[a-z0-9_]+", name)] == []
