"""The names of the resources that the templates deploy and the dashboards show."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from local.loops import expand
from local.templates import parse_template

ALARMS_MAX: Final = 100
"""CloudWatch's limit for one widget."""


@dataclass(frozen=True)
class DeployedResources:
    """The resources of every service's template. Names are given without the prefix and its dash."""

    root: Path

    @cached_property
    def resources(self) -> list[dict[str, Any]]:
        """Every resource, with loops expanded."""
        return [
            body
            for path in sorted(self.root.glob("services/*/template.yaml"))
            for body in expand(parse_template(path.read_text()))["Resources"].values()
        ]

    def names(self, kind: str, key: str) -> list[str]:
        """Return the physical names of all resources of a type, sorted alphabetically."""
        named = [body.get("Properties", {}).get(key) for body in self.resources if body["Type"] == kind]
        return sorted({str(name["Fn::Sub"]).removeprefix("${Prefix}-") for name in named if name})

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
        return sorted(str(name["Fn::Sub"]).removeprefix("${Prefix}-") for name in named if name)

    @property
    def alarms(self) -> list[str]:
        """Alarms, those of whole services first, up to the limit of one widget."""
        services = self.names("AWS::CloudWatch::CompositeAlarm", "AlarmName")
        own = self.names("AWS::CloudWatch::Alarm", "AlarmName")
        return [*services, *sorted(own, key=lambda name: (name.endswith("-throttles"), name))][:ALARMS_MAX]

    @property
    def api_logs(self) -> list[str]:
        """Log groups of the functions behind the HTTP API."""
        return [f"/aws/lambda/${{Prefix}}-{name}" for name in self.functions if name.endswith(("-api", "-facade"))]

    @property
    def stream_readers(self) -> list[str]:
        """Functions that read a table's stream."""
        return [name for name in self.functions if name.endswith("-relay")]
