"""The page of events for subscribers: publisher, consumers and fields of every event."""

import json
from pathlib import Path
from typing import Any

from events.envelope import Event
from local.loops import expand
from local.templates import parse_template

INTRO = """# Events

Subscribe with a rule on the bus that matches `source` and `detail-type`. The `detail` of every event is
`{metadata, data}`. An additive change keeps the version; a breaking change is published next to the old version. Ignore
unknown fields. Every event may be delivered more than once, with the same `metadata.event_id`.

```yaml
Type: AWS::Events::Rule
Properties:
  EventBusName: genai-images-dev-bus
  EventPattern: {source: [genai-images.storage], detail-type: [ImageStored]}
```
"""


def rules(root: Path) -> list[tuple[str, dict[str, Any]]]:
    """Return every rule's service and pattern, read from the services' templates."""
    found = []
    for template in sorted(root.glob("services/*/template.yaml")):
        for resource in expand(parse_template(template.read_text()))["Resources"].values():
            if resource["Type"] == "AWS::Events::Rule" and "EventPattern" in resource["Properties"]:
                found.append((template.parent.name, resource["Properties"]["EventPattern"]))
    return found


def consumers(event: type[Event], patterns: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """Return the services whose rules match ``event``."""
    values = {"source": event.source, "detail-type": event.detail_type}
    return sorted(
        {service for service, pattern in patterns if all(_matches(pattern.get(key), values[key]) for key in values)}
    )


def _matches(choices: list[Any] | None, value: str) -> bool:
    """Match as EventBridge does, as far as our rules need it: anything, the value itself, or a prefix."""
    return choices is None or any(
        value.startswith(choice["prefix"]) if isinstance(choice, dict) else value == choice for choice in choices
    )


def events_page(root: Path, golden: list[Event]) -> str:
    """Return `docs/events.md`."""
    patterns = rules(root)
    lines = [INTRO, "| event | source | version | consumed by |", "| --- | --- | --- | --- |"]
    for event in golden:
        consumed_by = ", ".join(consumers(type(event), patterns)) or "external subscribers"
        anchor = event.detail_type.lower()
        lines.append(f"| [{event.detail_type}](#{anchor}) | `{event.source}` | {event.version} | {consumed_by} |")
    lines += [
        "",
        "## metadata",
        "",
        "The same for every event.",
        "",
        *_fields(type(golden[0]).model_json_schema(), "Metadata"),
    ]
    for event in golden:
        schema = type(event).model_json_schema()
        body = json.dumps(json.loads(event.model_dump_json(exclude_none=True))["data"], indent=2, ensure_ascii=False)
        lines += [
            "",
            f"## {event.detail_type}",
            "",
            schema["description"].replace("\n", " "),
            "",
            *_fields(schema, type(event.data).__name__),
            "",
            "<details><summary>Example: <code>data</code></summary>",
            "",
            "```json",
            body,
            "```",
            "",
            "</details>",
        ]
    return "\n".join(lines) + "\n"


def _fields(schema: dict[str, Any], name: str) -> list[str]:
    properties = schema["$defs"].get(name, {}).get("properties", {})
    if not properties:
        return ["No fields."]
    required = schema["$defs"][name].get("required", [])
    rows = ["| field | type | |", "| --- | --- | --- |"]
    for field, part in properties.items():
        note = "" if field in required else "optional"
        rows.append(f"| `{field}` | {_type(part)} | {note} |")
    return rows


def _type(part: dict[str, Any]) -> str:
    if "$ref" in part:
        return str(part["$ref"].rsplit("/", 1)[-1])
    if "enum" in part:
        return " \\| ".join(f"`{value}`" for value in part["enum"])
    if "anyOf" in part:
        return " \\| ".join(dict.fromkeys(_type(choice) for choice in part["anyOf"] if choice.get("type") != "null"))
    if part.get("type") == "array":
        return f"list of {_type(part['items'])}"
    return f"{part.get('type', 'any')}{' (' + part['format'] + ')' if 'format' in part else ''}"
