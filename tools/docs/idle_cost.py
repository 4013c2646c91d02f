"""What an installation costs per month without any request: the templates' resources and the prices of a file.

Parameters are inserted and conditions evaluated, for each set of parameters in tools/docs/idle_prices.json.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from events.model_catalog import model_catalog
from kit.metrics import METRICS
from local import samconfig
from tools.permissions.stack import Template

FILE: Final = Path(__file__).with_name("idle_prices.json")
EVERYTHING: Final = "everything"
"""All sets of parameters together, except ``NOT_WITH_EDGE``."""
NOT_WITH_EDGE: Final = ("RegionalDomainName", "RegionalHostedZoneId", "RegionalCertificateArn")
SCHEDULED: Final = ("sweeper_", "audit_", "models_watched", "model_changes_published", "fewest_model_days_left")
"""Beginnings of the metrics that scheduled functions emit without requests; ``model_days_left`` is one per model."""
PER_VIOLATION: Final = "audit_violations_by_rule"
POLLS_PER_HOUR: Final = 5 * 3 * 60
"""Receive calls of an idle event source mapping: Lambda keeps five pollers, and a poll waits for 20 seconds."""
HOURS_PER_WEEK: Final = 168
METRICS_OF_A_FREE_DASHBOARD: Final = 50
FREE_DASHBOARDS: Final = 3
LEAST_CACHED_GIGABYTES: Final = Decimal("0.1")
"""What a serverless cache for Valkey is billed for at least."""

Properties = Mapping[str, Any]


class Deployment:
    """The resources that one set of parameters creates, and how much of each price they need."""

    def __init__(self, root: Path, parameters: Mapping[str, str], region: str, hours: int) -> None:
        self._resources = list(_resources(Template(root / "template.yaml", parameters, region)))
        self._hours = hours

    def amounts(self) -> dict[str, Decimal]:
        """Return the amount of each price, before anything that is free."""
        return {name: Decimal(count(self)) for name, count in AMOUNTS.items()}

    def of(self, *types: str) -> list[Properties]:
        """Return the properties of the resources of these types."""
        return [properties for kind, properties in self._resources if kind in types]

    def dashboards(self) -> int:
        """Return the number of dashboards that are not free: the first three are, with up to 50 metrics each."""
        small = [
            _dashboard_metrics(each) <= METRICS_OF_A_FREE_DASHBOARD for each in self.of("AWS::CloudWatch::Dashboard")
        ]
        return len(small) - min(small.count(True), FREE_DASHBOARDS)

    def polls(self) -> Decimal:
        """Return the millions of receive calls of the mappings of queues."""
        queues = [each for each in self.of("AWS::Lambda::EventSourceMapping") if "ScalingConfig" in each]
        mappings = [each for each in queues if each.get("Enabled") is not False]  # a passive region has none
        return Decimal(len(mappings) * POLLS_PER_HOUR * self._hours) / 1_000_000

    def ready_gigabytes(self) -> Decimal:
        """Return the memory of provisioned concurrency, on average over a week if it has peaks."""
        configured = [(each, each.get("ProvisionedConcurrencyConfig")) for each in self.of("AWS::Serverless::Function")]
        return sum(
            (
                _gigabytes(each) * (int(ready["ProvisionedConcurrentExecutions"]) + self._peak(each["FunctionName"]))
                for each, ready in configured
                if ready
            ),
            Decimal(0),
        )

    def _peak(self, function: str) -> Decimal:
        """Return the environments that a function has beyond its least number, on average over a week."""
        for target in self.of("AWS::ApplicationAutoScaling::ScalableTarget"):
            if target["ResourceId"] == f"function:{function}:live" and (actions := target.get("ScheduledActions")):
                begins, ends = (int(action["Schedule"].split()[1]) for action in actions)
                more = int(actions[0]["ScalableTargetAction"]["MinCapacity"]) - int(target["MinCapacity"])
                return max(Decimal(0), Decimal(more * 5 * ((ends - begins) % 24)) / HOURS_PER_WEEK)
        return Decimal(0)

    def snapshot_gigabytes(self) -> Decimal:
        """Return the memory of functions that start from a snapshot."""
        functions = self.of("AWS::Serverless::Function")
        return sum(
            (_gigabytes(each) for each in functions if each.get("SnapStart", {}).get("ApplyOn", "None") != "None"),
            Decimal(0),
        )


AMOUNTS: Final[Mapping[str, Callable[[Deployment], int | Decimal]]] = {
    "alarm metrics": lambda d: sum(_watched(each) for each in d.of("AWS::CloudWatch::Alarm")),
    "composite alarms": lambda d: len(d.of("AWS::CloudWatch::CompositeAlarm")),
    "dashboards": Deployment.dashboards,
    "scheduled metrics": lambda _: _scheduled_metrics(),
    "secrets": lambda d: len(d.of("AWS::SecretsManager::Secret")),
    "keys": lambda d: len(d.of("AWS::KMS::Key", "AWS::KMS::ReplicaKey")),
    "polls": Deployment.polls,
    "provisioned concurrency": Deployment.ready_gigabytes,
    "scaling alarms": lambda d: 2 * len(d.of("AWS::ApplicationAutoScaling::ScalingPolicy")),
    "snapshots": Deployment.snapshot_gigabytes,
    "Fargate vCPUs": lambda d: sum(Decimal(each["Cpu"]) / 1024 for each in d.of("AWS::ECS::TaskDefinition")),
    "Fargate memory": lambda d: sum(Decimal(each["Memory"]) / 1024 for each in d.of("AWS::ECS::TaskDefinition")),
    "interface endpoints": lambda d: sum(_zones(each) for each in d.of("AWS::EC2::VPCEndpoint")),
    "NAT gateways": lambda d: len(d.of("AWS::EC2::NatGateway")),
    "public addresses": lambda d: len(d.of("AWS::EC2::EIP")),
    "cached data": lambda d: len(d.of("AWS::ElastiCache::ServerlessCache")) * LEAST_CACHED_GIGABYTES,
    "web ACLs": lambda d: len(d.of("AWS::WAFv2::WebACL")),
    "WAF rules": lambda d: sum(len(each["Rules"]) for each in d.of("AWS::WAFv2::WebACL")),
    "health checks": lambda d: len(d.of("AWS::Route53::HealthCheck")),
    "hosted zones": lambda d: len(d.of("AWS::Route53::HostedZone")),
}
"""How much of each price of the file a deployment needs."""


@dataclass(frozen=True)
class Line:
    """One line of a bill."""

    item: str
    price: str
    amount: Decimal
    usd: Decimal


def bill(root: Path, parameters: Mapping[str, str], second: Mapping[str, str] | None = None) -> list[Line]:
    """Return the monthly bill of an idle installation, line by line. What is free per account is free once.

    ``second`` has the further parameters of the stack in a second region, if there is one.
    """
    prices = price_file()
    amounts = Deployment(root, parameters, prices["region"], prices["hours"]).amounts()
    if second is not None:
        other = Deployment(root, {**parameters, **second}, prices["region"], prices["hours"]).amounts()
        other["secrets"] = amounts["secrets"]  # most are replicas, which cost as much
        amounts = {name: amount + other[name] for name, amount in amounts.items()}
    return [_line(price, amounts[name], prices["hours"]) for name, price in prices["prices"].items()]


def price_file() -> Any:
    """Return the content of the price file."""
    return json.loads(FILE.read_text())


def parameter_sets() -> dict[str, tuple[dict[str, str], dict[str, str] | None]]:
    """Return the parameters of each set, and those of the second region if it has one."""
    found: dict[str, tuple[dict[str, str], dict[str, str] | None]] = {}
    for name, each in price_file()["sets"].items():
        given = dict(samconfig.load(each["samconfig"]).parameters) if "samconfig" in each else {}
        found[name] = given | each.get("parameters", {}), each.get("second")
    together = {
        name: value for given, _ in found.values() for name, value in given.items() if name not in NOT_WITH_EDGE
    }
    found[EVERYTHING] = together, next(second for _, second in found.values() if second)
    return found


def idle_cost_table(root: Path) -> str:
    """Return the table of the document: a line per price, a column per set of parameters."""
    prices, sets = price_file(), parameter_sets()
    bills = {name: bill(root, given, second) for name, (given, second) in sets.items()}
    dates = sorted(price["date"] for price in prices["prices"].values())
    read = f"read from {dates[0]} to {dates[-1]}" if dates[0] != dates[-1] else f"of {dates[0]}"
    lines = [
        f"List prices in {prices['region']} {read}, in US dollars per month of {prices['hours']} hours:",
        "",
        f"| item | price | {' | '.join(bills)} |",
        f"| --- | --- |{' --- |' * len(bills)}",
    ]
    for rows in zip(*bills.values(), strict=True):
        if any(row.amount for row in rows):
            lines.append(f"| {rows[0].item} | {rows[0].price} | {' | '.join(map(_cell, rows))} |")
    totals = (f"**{sum(row.usd for row in rows):.2f}**" for rows in bills.values())
    lines += [f"| **total** | | {' | '.join(totals)} |", "", "| set | parameters |", "| --- | --- |"]
    for name, (given, second) in sets.items():
        lines.append(
            f"| {name} | {_listed(given) or 'none'}{f'; in the second region {_listed(second)}' if second else ''} |"
        )
    return "\n".join(lines) + "\n"


def _listed(parameters: Mapping[str, str]) -> str:
    return ", ".join(f"`{name}={value}`" for name, value in parameters.items())


def _line(price: Mapping[str, Any], amount: Decimal, hours: int) -> Line:
    times = hours * 3600 if price.get("seconds") else hours if price.get("hourly") else 1
    usd, free = Decimal(price["usd"]), price.get("free", 0)
    text = f"{usd} per {price['per']}{f' after the first {free}' if free else ''}"
    return Line(price["item"], text, amount, max(Decimal(0), amount - free) * usd * times)


def _cell(line: Line) -> str:
    amount = f"{line.amount:.2f}".rstrip("0").rstrip(".")
    return f"{line.usd:.2f} ({amount})" if line.amount else ""


def _resources(template: Template) -> Iterator[tuple[str, Properties]]:
    """Yield type and properties of what is created, nested stacks included. Functions have those of Globals as well."""
    types = {str(body["Type"]) for body in template.resources.values()}
    for name, properties in template.deployed(*types):
        kind = template.resources[name]["Type"]
        if kind == "AWS::Serverless::Application":
            yield from _resources(template.children[name])
        yield kind, {**template.function_defaults, **properties} if kind == "AWS::Serverless::Function" else properties


def _watched(alarm: Properties) -> int:
    return sum("MetricStat" in query for query in alarm.get("Metrics", [])) or 1


def _dashboard_metrics(dashboard: Properties) -> int:
    widgets: Sequence[Any] = json.loads(dashboard["DashboardBody"])["widgets"]
    metrics = (metric for widget in widgets for metric in widget["properties"].get("metrics", []))
    return sum(not isinstance(metric[0], dict) for metric in metrics)  # an expression is a computation


def _scheduled_metrics() -> int:
    metrics = sum(metric.name.startswith(SCHEDULED) and metric.name != PER_VIOLATION for metric in METRICS)
    return metrics + sum(model.end_of_life is not None for model in model_catalog())


def _gigabytes(function: Properties) -> Decimal:
    return Decimal(int(function["MemorySize"])) / 1024


def _zones(endpoint: Properties) -> int:
    return len(endpoint["SubnetIds"]) if endpoint.get("VpcEndpointType") == "Interface" else 0
