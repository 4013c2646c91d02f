"""The settings of the templates that limit the rate of images."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from events.catalog import CATALOG, event_type
from events.envelope import Event
from events.pipeline import STEPS
from local.loops import expand
from local.templates import parse_template
from tools.docs.event_rules import matches

STATUS_CHANGES: Final = len(STEPS)
"""Changes of status of a request that succeeds: each step's event leads to one."""
EVENTS: Final = ("ImageRequested", *(step.publishes[0] for step in STEPS), *["RequestStatusChanged"] * STATUS_CHANGES)
"""The events of one request that succeeds."""


@dataclass(frozen=True)
class Consumer:
    """A queue with its function."""

    name: str
    """The function, such as ``intake-track``."""
    batch: int
    concurrency: int
    messages: int
    """Messages per image."""


@dataclass(frozen=True)
class Settings:
    """What the templates say, with default parameters."""

    consumers: Mapping[str, Consumer]
    memory_mb: Mapping[str, int]
    """By function."""
    api_calls: int
    """Calls per second of all callers of the HTTP API."""
    api_burst: int
    relay_batch: int
    relay_parallel: int
    """Batches of one shard of the stream at the same time."""


def read_settings(root: Path) -> Settings:
    """Read the templates below ``root``."""
    stage = parse_template((root / "template.yaml").read_text())["Resources"]["HttpApiStage"]["Properties"]
    templates = {
        path.parent.name: expand(parse_template(path.read_text())) for path in root.glob("services/*/template.yaml")
    }
    relay = templates["intake"]["Resources"]["relayStream"]["Properties"]
    return Settings(
        consumers={consumer.name: consumer for name in templates for consumer in _consumers(name, templates[name])},
        memory_mb={function: memory for name in templates for function, memory in _memories(name, templates[name])},
        api_calls=stage["DefaultRouteSettings"]["ThrottlingRateLimit"],
        api_burst=stage["DefaultRouteSettings"]["ThrottlingBurstLimit"],
        relay_batch=relay["BatchSize"],
        relay_parallel=relay.get("ParallelizationFactor", 1),
    )


def _consumers(service: str, template: Any) -> Iterator[Consumer]:
    resources = template["Resources"]
    for mapping in resources.values():
        if mapping["Type"] != "AWS::Lambda::EventSourceMapping" or "ScalingConfig" not in mapping["Properties"]:
            continue
        queue = mapping["Properties"]["EventSourceArn"]["Fn::GetAtt"][0]
        patterns = [
            rule["Properties"]["EventPattern"]
            for rule in resources.values()
            if rule["Type"] == "AWS::Events::Rule"
            and any(target["Arn"] == {"Fn::GetAtt": [queue, "Arn"]} for target in rule["Properties"]["Targets"])
        ]
        yield Consumer(
            name=f"{service}-{queue.removesuffix('Queue')}",
            batch=mapping["Properties"]["BatchSize"],
            concurrency=mapping["Properties"]["ScalingConfig"]["MaximumConcurrency"],
            messages=sum(matches(_event(name), pattern) for name in EVENTS for pattern in patterns),
        )


def _memories(service: str, template: Any) -> Iterator[tuple[str, int]]:
    shared = template.get("Globals", {}).get("Function", {}).get("MemorySize", 128)
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            yield f"{service}-{name.removesuffix('Function')}", resource["Properties"].get("MemorySize", shared)


def _event(name: str) -> type[Event]:
    version = max(version for detail_type, version in CATALOG if detail_type == name)
    found = event_type(name, version)
    assert found is not None
    return found


def invocations_of_rules(consumers: Sequence[Consumer]) -> int:
    """Return how many times EventBridge sends an event of one image to a queue."""
    return sum(consumer.messages for consumer in consumers)
