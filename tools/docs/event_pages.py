"""The page of events for subscribers: how to subscribe, and the publisher, consumers and fields of every event."""

import json
import re
import textwrap
from pathlib import Path
from typing import Any, Final

from events.envelope import Event
from tools.docs.cloudevents import cloud_events_table
from tools.docs.descriptions import DescribedSchema
from tools.docs.event_rules import consumers, publisher, rules

Schema = dict[str, Any]

INTRO: Final = """# Events

Everything that happens to a request is an event on an EventBridge bus. Subscribe to it for analytics, billing or
notifications of your own; no change of the services is needed.

1. Install the [package](../clients/events/README.md) with the events as typed Python, their JSON Schemas and samples:
   `pip install ./clients/events`.
2. Deploy a subscriber of your own beside the system. The [example](examples/subscriber) is a template with a rule, a
   queue with a dead-letter queue, and a function. What happened before can be
   [replayed to your rule](runbook.md#a-new-subscriber-must-catch-up).

The rule and the function:

```yaml
Type: AWS::Events::Rule
Properties:
  EventBusName: genai-images-dev-bus
  EventPattern:
    source: [genai-images.storage]
    detail-type: [ImageStored]
    detail: {metadata: {version: [1]}}
```

```python
from genai_images_events import ImageStored, parse


def handler(batch, context):
    for record in batch["Records"]:
        event = parse(record)
        if isinstance(event, ImageStored):
            print(event.metadata.request_id, [image.original.key for image in event.data.images])
```

- **Deduplicate by `metadata.event_id`.** Every event may be delivered more than once, and events arrive in any order.
- **Ignore unknown fields.** An added field keeps the version. A breaking change is a new version, which is published
  next to the old one; a rule on the version keeps your subscriber on the old one until you have moved.
- **Prompts are personal data.** Events with `parameters` contain them: do not log these events.

Other forms of the same: [JSON Schemas](../events/schemas), [samples](../events/samples) and an
[AsyncAPI document](asyncapi.json).
"""
ENVELOPE: Final = """## Envelope

EventBridge delivers every event in its own envelope. `detail` is what the tables below describe.

| field | description |
| --- | --- |
| `source` | The service that published the event: `genai-images.<service>`. |
| `detail-type` | The name of the event. |
| `detail` | The event: `metadata`, which is the same for every event, and `data`, which depends on the event. |
| `time` | When the event was published. `metadata.occurred_at` says when it happened. |
| `id` | Of this publication. An event that is published again has another one, but the same `metadata.event_id`. |
| `replay-name` | Only in events that were replayed from the archive: the name of the replay. |
| `version`, `account`, `region`, `resources` | The same for all events of an installation. |
"""
CLOUD_EVENTS: Final = """## CloudEvents

A gateway to a system that expects [CloudEvents 1.0](https://github.com/cloudevents/spec) finds the attributes here:
"""


def events_page(root: Path, golden: list[Event]) -> str:
    """Return `docs/events.md`."""
    schemas = [type(event).model_json_schema(schema_generator=DescribedSchema) for event in golden]
    shared = _shared_types(golden, schemas)
    lines = [INTRO, *_overview(root, golden), "", ENVELOPE]
    lines += ["## Metadata", "", "The same for every event.", "", *_fields(schemas[0]["$defs"]["Metadata"])]
    for event, schema in zip(golden, schemas, strict=True):
        lines += ["", *_event(event, schema)]
    lines += ["", "## Types", "", "Parts that several events share."]
    for name, schema in shared.items():
        lines += ["", f"### {name}", "", schema["description"], "", *_fields(schema)]
    return "\n".join([*lines, "", CLOUD_EVENTS, *cloud_events_table()]) + "\n"


def _overview(root: Path, golden: list[Event]) -> list[str]:
    patterns = rules(root)
    rows = ["| event | version | published by | consumed by | |", "| --- | --- | --- | --- | --- |"]
    for event in golden:
        kind = type(event)
        consumed_by = ", ".join(consumers(kind, patterns)) or "external subscribers"
        link = f"[{kind.detail_type}](#{kind.detail_type.lower()})"
        rows.append(f"| {link} | {kind.version} | {publisher(kind)} | {consumed_by} | {_summary(kind)} |")
    return rows


def _summary(kind: type[Event]) -> str:
    """Return the first sentence of an event's description."""
    return re.split(r"(?<=\.)\s", kind.__doc__ or "", maxsplit=1)[0]


def _event(event: Event, schema: Schema) -> list[str]:
    body = json.dumps(json.loads(event.model_dump_json(exclude_none=True))["data"], indent=2, ensure_ascii=False)
    return [
        f"## {event.detail_type}",
        "",
        textwrap.fill(schema["description"], 120, break_on_hyphens=False),
        "",
        f"`source`: `{event.source}`",
        "",
        *_fields(schema["$defs"][type(event.data).__name__]),
        "",
        "<details><summary>Sample of <code>data</code></summary>",
        "",
        "```json",
        body,
        "```",
        "",
        "</details>",
    ]


def _shared_types(golden: list[Event], schemas: list[Schema]) -> dict[str, Schema]:
    """Return the models inside the data of events, in order of use."""
    sections = {"Metadata", *(type(event.data).__name__ for event in golden)}
    return {
        name: part for schema in schemas for name, part in _in_order(schema, schema["$defs"]) if name not in sections
    }


def _in_order(part: Any, definitions: Schema) -> list[tuple[str, Schema]]:
    """Return the definitions that ``part`` refers to, each before those that it refers to itself."""
    text = json.dumps({key: value for key, value in part.items() if key != "$defs"})
    found: list[tuple[str, Schema]] = []
    for name in re.findall(r'"#/\$defs/(\w+)"', text):
        found += [(name, definitions[name]), *_in_order(definitions[name], definitions)]
    return found


def _fields(schema: Schema) -> list[str]:
    if not schema.get("properties"):
        return ["No fields."]
    rows = ["| field | type | | description |", "| --- | --- | --- | --- |"]
    for field, part in schema["properties"].items():
        needed = "required" if field in schema.get("required", []) else "optional"
        default = part.get("default")
        shown = default if isinstance(default, str) else json.dumps(default)
        note = needed if default is None else f"{needed}, default `{shown}`"
        rows.append(f"| `{field}` | {_type(part)} | {note} | {part['description']} |")
    return rows


def _type(part: Schema) -> str:
    match part:
        case {"$ref": str(reference)}:
            name = reference.rsplit("/", 1)[-1]
            return f"[{name}](#{name.lower()})"
        case {"enum": list(values)}:
            return " \\| ".join(f"`{value}`" for value in values)
        case {"anyOf": list(choices)}:
            shown = [_type(choice) for choice in choices if choice.get("type") != "null"]
            # Pydantic accepts a decimal number in both forms. Published events have a string, which keeps every digit.
            return "decimal string" if shown == ["number", "string"] else " \\| ".join(shown)
        case {"type": "array"}:
            return f"list of {_type(part['items'])}"
    return f"{part.get('type', 'any')}{' (' + part['format'] + ')' if 'format' in part else ''}"
