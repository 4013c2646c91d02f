"""Which services publish and consume an event, from its source and from the rules in the services' templates."""

from pathlib import Path
from typing import Any

from events.envelope import Event
from local.loops import expand
from local.templates import parse_template

Pattern = dict[str, Any]


def rules(root: Path) -> list[tuple[str, Pattern]]:
    """Return every rule's service and pattern, read from the services' templates."""
    found = []
    for template in sorted(root.glob("services/*/template.yaml")):
        for resource in expand(parse_template(template.read_text()))["Resources"].values():
            if resource["Type"] == "AWS::Events::Rule" and "EventPattern" in resource["Properties"]:
                found.append((template.parent.name, resource["Properties"]["EventPattern"]))
    return found


def consumers(event: type[Event], patterns: list[tuple[str, Pattern]]) -> list[str]:
    """Return the services whose rules match ``event``."""
    return sorted({service for service, pattern in patterns if matches(event, pattern)})


def matches(event: type[Event], pattern: Pattern) -> bool:
    """Return whether a rule with ``pattern`` matches ``event``."""
    values = {"source": event.source, "detail-type": event.detail_type}
    return all(_matches(pattern.get(key), values[key]) for key in values)


def publisher(event: type[Event]) -> str:
    """Return the service that publishes ``event``. Events about delivery itself come from every service."""
    service = event.source.removeprefix("genai-images.")
    return "every service" if service == "delivery" else service


def _matches(choices: list[Any] | None, value: str) -> bool:
    """Match as EventBridge does, as far as our rules need it: anything, the value itself, or a prefix."""
    return choices is None or any(
        value.startswith(choice["prefix"]) if isinstance(choice, dict) else value == choice for choice in choices
    )
