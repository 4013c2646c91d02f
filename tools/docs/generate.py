"""Generate files from the code: released schemas, samples, `docs/*.md`, OpenAPI, AsyncAPI, dashboards, registry.

python -m tools.docs            write
python -m tools.docs --check    list the files that would change; exit 1 if there are any, or if the API breaks clients
python -m tools.docs --release  write, and freeze docs/openapi.json as the released document
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from events.catalog import CATALOG, event_type
from events.envelope import Event
from services.moderation.policy import PolicyFile
from tools.dashboards import cloudwatch
from tools.dashboards.grafana import dashboard_json
from tools.dashboards.page import metrics_page
from tools.dashboards.panels import dashboards
from tools.dashboards.queries import queries
from tools.dashboards.queries import template as queries_template
from tools.dashboards.resources import DeployedResources
from tools.docs.asyncapi import asyncapi_text
from tools.docs.breaking_changes import breaking_changes
from tools.docs.descriptions import DescribedSchema
from tools.docs.event_pages import events_page
from tools.docs.golden import golden_events
from tools.docs.lake import template as lake_template
from tools.docs.openapi import openapi_text
from tools.docs.problems_page import problems_page
from tools.docs.schema_registry import template as registry_template
from tools.docs.sections import sections

ROOT = Path(__file__).parents[2]
RELEASED = ROOT / "docs/released/openapi.json"
"""The OpenAPI document of the last release: what clients were generated from."""
KEPT = (
    *("type", "const", "enum", "pattern", "format", "default", "$ref", "anyOf", "items", "additionalProperties"),
    *("minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength"),
)
"""Keywords of a released schema that must not change."""


def schema_id(name: str, version: int) -> str:
    """Return the ``$id`` of an event's schema.

    It is a name, not an address: every installation has hosts of its own, and an event means the same in all of them.
    """
    return f"urn:genai-images:event:{name}:{version}"


def schema(kind: type[Event]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an event's ``detail``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_id(kind.detail_type, kind.version),
        **kind.model_json_schema(schema_generator=DescribedSchema),
        "title": f"{kind.detail_type} version {kind.version}",
    }


def policy_schema_text() -> str:
    """Return the JSON Schema of the files in `services/moderation/policies`."""
    found = PolicyFile.model_json_schema(schema_generator=DescribedSchema)
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps({**dialect, **found, "title": "Moderation policy"}, indent=2, ensure_ascii=False) + "\n"


def incompatibilities(old: dict[str, Any], new: dict[str, Any], where: str = "$") -> list[str]:
    """Return the changes with which ``new`` breaks consumers or archived events of ``old``.

    Compatible changes are new optional properties, and other titles and descriptions. Everything else needs a new
    version.
    """
    broken: list[str] = []
    if "$id" in old and old["$id"] != new.get("$id"):
        broken.append(f"{where}: $id was {old['$id']}, is {new.get('$id')}")
    for key in KEPT:
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            broken += incompatibilities(before, after, f"{where}.{key}")
        elif before != after:
            broken.append(f"{where}: {key} was {before!r}, is {after!r}")
    before, after = old.get("properties", {}), new.get("properties", {})
    broken += [f"{where}: {name} was removed" for name in before if name not in after]
    broken += [
        f"{where}: {name} became required" for name in new.get("required", []) if name not in old.get("required", [])
    ]
    broken += [
        f"{where}: {name} became optional" for name in old.get("required", []) if name not in new.get("required", [])
    ]
    for group in ("properties", "$defs"):
        for name, part in old.get(group, {}).items():
            if name in new.get(group, {}):
                broken += incompatibilities(part, new[group][name], f"{where}.{name}")
    return broken


def outputs() -> dict[Path, str]:
    """Return every generated file with its content."""
    files: dict[Path, str] = {}
    golden = {(event.detail_type, event.version): event for event in golden_events()}
    schemas = {}
    for name, version in CATALOG:
        kind = event_type(name, version)
        assert kind is not None
        schemas[name, version] = schema(kind)
        files[ROOT / f"events/schemas/{name}.v{version}.json"] = json.dumps(schemas[name, version], indent=2) + "\n"
        sample = json.loads(golden[name, version].model_dump_json(exclude_none=True))
        text = json.dumps(sample, indent=2, ensure_ascii=False) + "\n"
        files[ROOT / f"events/samples/{name}.v{version}.json"] = text
    files[ROOT / "docs/events.md"] = events_page(ROOT, list(golden.values()))
    files[ROOT / "docs/asyncapi.json"] = asyncapi_text(ROOT, list(golden.values()))
    files[ROOT / "docs/openapi.json"] = openapi_text(ROOT)
    files[ROOT / "docs/problems.md"] = problems_page()
    files[ROOT / "services/moderation/policy.schema.json"] = policy_schema_text()
    deployed = DeployedResources(ROOT)
    pages = dashboards(deployed)
    files[ROOT / "services/operations/dashboards.yaml"] = cloudwatch.template(pages)
    files |= {ROOT / f"docs/grafana/{page.name}.json": dashboard_json(page) for page in pages}
    saved = queries(deployed)
    files[ROOT / "services/operations/queries.yaml"] = queries_template(saved)
    files[ROOT / "services/operations/lake.yaml"] = lake_template()
    files[ROOT / "services/operations/registry.yaml"] = registry_template(schemas)
    files[ROOT / "docs/metrics.md"] = metrics_page(pages, saved)
    files |= sections(ROOT)
    return files


def broken_clients(document: str) -> list[str]:
    """Return what in an OpenAPI document breaks clients of the released one."""
    released = json.loads(RELEASED.read_text()) if RELEASED.exists() else {}
    return breaking_changes(released, json.loads(document), datetime.now(UTC).date())


def main(arguments: list[str]) -> int:
    """Write or check; return the exit code."""
    changed = [(path, text) for path, text in outputs().items() if not path.exists() or path.read_text() != text]
    broken = [
        f"{path.name}: {problem}"
        for path, text in changed
        if path.parent.name == "schemas" and path.exists()
        for problem in incompatibilities(json.loads(path.read_text()), json.loads(text))
    ]
    if broken:
        print("A change of a released schema would break consumers; add a new version:", *broken, sep="\n  ")
        return 1
    for path, text in changed:
        print("out of date" if "--check" in arguments else "wrote", path.relative_to(ROOT))
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    document = (ROOT / "docs/openapi.json").read_text()
    if "--release" in arguments:
        RELEASED.parent.mkdir(exist_ok=True)
        RELEASED.write_text(document)
    if unsupported := broken_clients(document):
        print("The API breaks clients of the released document (docs/release.md):", *unsupported, sep="\n  ")
    return 1 if (changed or unsupported) and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
