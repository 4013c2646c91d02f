"""The names of the resources that the templates deploy and the dashboards show."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from local.loops import expand
from local.templates import parse_template

ALARM_TYPES: Final = ("AWS::CloudWatch::CompositeAlarm", "AWS::CloudWatch::Alarm")


@dataclass(frozen=True)
class DeployedResources:
    """The resources of every service's template. Names are given without the prefix and its dash."""

    root: Path

    @cached_property
    def resources(self) -> list[dict[str, Any]]:
        """Every resource, with loops expanded."""
        return [body for path in sorted(self.root.glob("services/*/template.yaml")) for body in _resources(path)]

    def names(self, kind: str, key: str) -> list[str]:
        """Return the physical names of all resources of a type, sorted alphabetically."""
        named = [body.get("Properties", {}).get(key) for body in self.resources if body["Type"] == kind]
        return sorted({_without_prefix(name) for name in named if name})

    @property
    def functions(self) -> list[str]:
        """Lambda functions."""
        return self.names("AWS::Serverless::Function", "FunctionName")

    @property
    def dead_letter_queues(self) -> list[str]:
        """Dead-letter queues."""
        return [name for name in self.names("AWS::SQS::Queue", "QueueName") if name.endswith("-dlq")]

    @property
    def queues(self) -> list[str]:
        """Queues that a function consumes."""
        return [name for name in self.names("AWS::SQS::Queue", "QueueName") if not name.endswith("-dlq")]

    @property
    def tables(self) -> list[str]:
        """DynamoDB tables."""
        return self.names("AWS::DynamoDB::Table", "TableName")

    @property
    def rules(self) -> list[str]:
        """Rules of the event bus, without schedules."""
        named = [
            body["Properties"].get("Name")
            for body in self.resources
            if body["Type"] == "AWS::Events::Rule" and "EventPattern" in body["Properties"]
        ]
        return sorted(_without_prefix(name) for name in named if name)

    @property
    def alerting_alarms(self) -> list[str]:
        """Alarms that notify by themselves: those of whole services first."""
        return self._alarms(lambda body: _notifies(body["Properties"]))

    @property
    def other_alarms(self) -> list[str]:
        """Alarms whose service notifies for them, unless ``CompositeAlarms`` is off."""
        return self._alarms(lambda body: not _notifies(body["Properties"]))

    def _alarms(self, wanted: Callable[[dict[str, Any]], bool]) -> list[str]:
        bodies = [*self.resources, *_resources(self.root / "template.yaml")]
        found = [body for kind in ALARM_TYPES for body in bodies if body["Type"] == kind and wanted(body)]
        return [_without_prefix(body["Properties"]["AlarmName"]) for body in found]

    @property
    def api_logs(self) -> list[str]:
        """Log groups of the functions behind the HTTP API."""
        return [f"/aws/lambda/${{Prefix}}-{name}" for name in self.functions if name.endswith(("-api", "-facade"))]

    @property
    def stream_readers(self) -> list[str]:
        """Functions that read a table's stream."""
        return [name for name in self.functions if name.endswith("-relay")]


def _resources(path: Path) -> Iterable[dict[str, Any]]:
    resources: dict[str, dict[str, Any]] = expand(parse_template(path.read_text()))["Resources"]
    return resources.values()


def _without_prefix(name: dict[str, str]) -> str:
    return name["Fn::Sub"].removeprefix("${Prefix}-").removeprefix("genai-images-${Environment}-")


def _notifies(properties: dict[str, Any]) -> bool:
    return any("Ref" in action for action in properties.get("AlarmActions", []))
