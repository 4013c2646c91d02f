"""The templates as data, with expanded short forms, and queries on them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from local.loops import expand
from local.templates import parse_template

ROOT = Path(__file__).parents[2]
ALIAS = "Aliaslive"
"""What SAM appends to the logical id of a function for the id of its alias ``live``."""
Properties = dict[str, Any]


@cache
def load(path: Path) -> Properties:
    """Return a template with expanded loops; ``!GetAtt A.Arn`` is ``{"Fn::GetAtt": ["A", "Arn"]}``."""
    return expand(parse_template(path.read_text()))


@dataclass(frozen=True)
class Resource:
    """One resource of one service's template."""

    service: str
    name: str
    type: str

    def __str__(self) -> str:
        return f"{self.service}-{self.name}"

    @property
    def body(self) -> Properties:
        """The whole resource: properties, policies, metadata."""
        found: Properties = service_template(self.service)["Resources"][self.name]
        return found

    @property
    def properties(self) -> Properties:
        """Its properties; a function's include those of Globals."""
        own = self.body.get("Properties", {})
        if self.type != "AWS::Serverless::Function":
            return self._looked_up(own)
        shared = service_template(self.service).get("Globals", {}).get("Function", {})
        variables = {
            **shared.get("Environment", {}).get("Variables", {}),
            **own.get("Environment", {}).get("Variables", {}),
        }
        return {**shared, **self._looked_up(own), "Environment": {"Variables": self._looked_up(variables)}}

    def _looked_up(self, values: Properties) -> Properties:
        """Return ``values`` with values of mappings inserted, for default parameters."""
        return {name: looked_up(self.service, value) for name, value in values.items()}

    def is_meant_by(self, value: Any) -> bool:
        """Return whether ``value`` is a reference to this resource or to an attribute of it."""
        return referenced(value) == self.name


def looked_up(service: str, value: Any) -> Any:
    """Return the value of ``!FindInMap`` for default parameters, and everything else unchanged."""
    if not isinstance(value, dict) or "Fn::FindInMap" not in value:
        return value
    template = service_template(service)
    found: Any = template["Mappings"]
    for key in value["Fn::FindInMap"]:
        found = found[template["Parameters"][key["Ref"]]["Default"] if isinstance(key, dict) else key]
    return found


def largest(service: str, value: Any) -> Any:
    """Return the largest number that ``value`` may be: of a parameter, its ``MaxValue``."""
    return service_template(service)["Parameters"][value["Ref"]]["MaxValue"] if isinstance(value, dict) else value


def services() -> list[str]:
    """Return the services that have a template."""
    return sorted(path.parent.name for path in ROOT.glob("services/*/template.yaml"))


def service_template(service: str) -> Properties:
    """Return a service's template."""
    return load(ROOT / "services" / service / "template.yaml")


def root_template() -> Properties:
    """Return the platform's template."""
    return load(ROOT / "template.yaml")


def resources(*types: str) -> list[Resource]:
    """Return the resources of these types, of all services."""
    return [
        Resource(service, name, body["Type"])
        for service in services()
        for name, body in service_template(service)["Resources"].items()
        if body["Type"] in types
    ]


def http_routes() -> list[Resource]:
    """Return the routes of the HTTP API, as opposed to those of the WebSocket API."""
    routes = resources("AWS::ApiGatewayV2::Route")
    return [route for route in routes if route.properties["ApiId"] == {"Ref": "HttpApiId"}]


def named(service: str, reference: Any) -> Resource:
    """Return the resource of ``service`` that ``reference`` refers to."""
    name = referenced(reference)
    assert name is not None, f"{service}: {reference} is no reference to a resource"
    return Resource(service, name, service_template(service)["Resources"][name]["Type"])


def referenced(value: Any) -> str | None:
    """Return the resource that ``!Ref`` or ``!GetAtt`` names, or None for anything else.

    A reference to a function's alias names the function.
    """
    if not isinstance(value, dict):
        return None
    if "Ref" in value:
        return str(value["Ref"]).removesuffix(ALIAS)
    found = value.get("Fn::GetAtt")
    return str(found[0] if isinstance(found, list) else found.split(".")[0]) if found else None


def rules() -> list[Resource]:
    """Return the rules that match events (not the schedules)."""
    return [rule for rule in resources("AWS::Events::Rule") if "EventPattern" in rule.properties]


def dead_letter_queue(queue: Resource) -> Resource | None:
    """Return the queue's dead-letter queue, or None if it has none."""
    policy = queue.properties.get("RedrivePolicy")
    return named(queue.service, policy["deadLetterTargetArn"]) if policy else None


def source_queues() -> list[Resource]:
    """Return the queues with a consumer, without dead-letter queues."""
    queues = resources("AWS::SQS::Queue")
    dead = {(found.service, found.name) for queue in queues if (found := dead_letter_queue(queue))}
    return [queue for queue in queues if (queue.service, queue.name) not in dead]


def mapping_of(queue: Resource) -> Resource | None:
    """Return the event source mapping that reads ``queue``."""
    for mapping in resources("AWS::Lambda::EventSourceMapping"):
        if mapping.service == queue.service and queue.is_meant_by(mapping.properties["EventSourceArn"]):
            return mapping
    return None


def consumer_of(queue: Resource) -> Resource:
    """Return the function that consumes ``queue``."""
    mapping = mapping_of(queue)
    assert mapping is not None, f"{queue}: nothing reads it"
    return named(queue.service, mapping.properties["FunctionName"])


def rule_of(queue: Resource) -> Resource | None:
    """Return the rule that fills ``queue``, or None if no rule does."""
    for rule in rules():
        if rule.service == queue.service and any(
            queue.is_meant_by(target["Arn"]) for target in rule.properties["Targets"]
        ):
            return rule
    return None


def step_of(queue: Resource) -> str:
    """Return the step whose queue this is, from its name."""
    name = str(queue.properties["QueueName"]["Fn::Sub"])
    return name.removeprefix("${Prefix}-").replace("-", ".", 1)


def admits(pattern: Properties, event: Properties) -> bool:
    """Return whether an event pattern matches ``event``, for the operators that our rules use."""
    return all(
        _admits_field(expected, event.get(name))
        if isinstance(expected, list)
        else admits(expected, event.get(name, {}))
        for name, expected in pattern.items()
    )


def _admits_field(choices: list[Any], value: Any) -> bool:
    return any(_admits_choice(choice, value) for choice in choices)


def _admits_choice(choice: Any, value: Any) -> bool:
    if not isinstance(choice, dict):
        return bool(choice == value)
    (operator, operand), *more = choice.items()
    assert not more
    match operator:
        case "prefix":
            return isinstance(value, str) and value.startswith(operand)
        case "exists":
            return bool((value is not None) == operand)
        case "anything-but" if isinstance(operand, dict):
            return not _admits_choice(operand, value)
        case "anything-but":
            return bool(value not in (operand if isinstance(operand, list) else [operand]))
    raise AssertionError(f"unknown operator {operator}")


def literals(pattern: Properties, field: str) -> list[str]:
    """Return the plain strings of one field of a pattern."""
    return [choice for choice in pattern.get(field, []) if isinstance(choice, str)]


def statements(function: Resource) -> Iterator[Properties]:
    """Yield the statements of a function's role; a conditional one as if its condition held."""
    for policy in _policies(function):
        for statement in policy["Statement"]:
            chosen = statement["Fn::If"][1] if "Fn::If" in statement else statement
            if referenced(chosen) != "AWS::NoValue":
                yield chosen


def policies(role: Resource) -> list[Resource]:
    """Return the policies that a template attaches to ``role``."""
    return [
        policy
        for policy in resources("AWS::IAM::Policy")
        if policy.service == role.service and any(role.is_meant_by(item) for item in policy.properties["Roles"])
    ]


def _policies(function: Resource) -> list[Properties]:
    role = named(function.service, function.properties["Role"])
    inline = [policy["PolicyDocument"] for policy in role.properties["Policies"]]
    return inline + [policy.properties["PolicyDocument"] for policy in policies(role)]


def flat(value: Any) -> list[str]:
    """Return the possible strings of ``value``; references are written as JSON."""
    if isinstance(value, list):
        return [text for item in value for text in flat(item)]
    if isinstance(value, dict):
        if "Fn::Sub" in value:
            sub = value["Fn::Sub"]
            return [sub if isinstance(sub, str) else sub[0]]
        if "Fn::If" in value:
            return flat(value["Fn::If"][1:])
        return [] if referenced(value) == "AWS::NoValue" else [json.dumps(value)]
    return [str(value)]


def environment(function: Resource) -> dict[str, str]:
    """Return a function's environment for default parameters."""
    parameters = service_template(function.service)["Parameters"]

    def value(raw: Any) -> str:
        if isinstance(raw, dict):
            default = parameters.get(raw.get("Ref"), {}).get("Default", "test") if "Ref" in raw else "test"
            return str(default)
        return str(raw)

    return {name: value(raw) for name, raw in function.properties["Environment"]["Variables"].items()}
