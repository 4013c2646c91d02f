"""All functions with handler, environment, memory and event sources, read from the templates."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from local.emulator import REGION, ROOT
from local.loops import expand
from local.templates import parse_template

Kind = Literal["consumer", "api"]

CREDENTIALS: Final = {
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
}


@dataclass(frozen=True)
class Function:
    """A Lambda function as declared in its template."""

    service: str
    logical_id: str
    physical_name: str
    """Name without the prefix, such as ``intake-track``."""
    handler: str
    """``module.attribute``."""
    layers: tuple[str, ...]
    """Logical ids of its own layers, besides the shared one."""
    environment: Mapping[str, str]
    """Variables of the template. Values that only a deployment knows, such as URLs of queues, are placeholders."""
    memory_mb: int
    kind: Kind
    consumes_queue: bool
    batch_size: int
    batching_window: int
    """Batching window in seconds. The emulator has none."""

    @property
    def name(self) -> str:
        """Name in the tables of results: the path of the handler without the common parts."""
        module = self.handler.removeprefix("services.").rsplit(".", 1)[0]
        return module.replace(".handlers.", ".").removesuffix(".handler")

    @property
    def process_environment(self) -> dict[str, str]:
        """The environment of a process that runs this function."""
        return {
            **CREDENTIALS,
            "AWS_LAMBDA_FUNCTION_NAME": self.physical_name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_mb),
            **self.environment,
        }


def functions() -> list[Function]:
    """Return all functions of all services in the order of the templates."""
    root = parse_template((ROOT / "template.yaml").read_text())
    passed = {
        Path(resource["Properties"]["Location"]).parent.name: resource["Properties"].get("Parameters", {})
        for resource in root["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Application"
    }
    return [
        function
        for template in sorted((ROOT / "services").glob("*/template.yaml"))
        for function in _read(
            template.parent.name,
            expand(parse_template(template.read_text())),
            {name: _Resolver(root).value(value) for name, value in passed.get(template.parent.name, {}).items()},
        )
    ]


def _read(service: str, template: Mapping[str, Any], parameters: Mapping[str, str]) -> Iterator[Function]:
    resources: Mapping[str, Any] = template["Resources"]
    common: Mapping[str, Any] = template.get("Globals", {}).get("Function", {})
    resolver = _Resolver(template, parameters)
    targets = [
        str(resource["Properties"].get("IntegrationUri") or resource["Properties"]["AuthorizerUri"])
        for resource in resources.values()
        if resource["Type"] in {"AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Authorizer"}
    ]
    for logical_id, resource in resources.items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        properties = {**common, **resource["Properties"]}
        variables = {
            **common.get("Environment", {}).get("Variables", {}),
            **resource["Properties"].get("Environment", {}).get("Variables", {}),
        }
        mappings = [
            other["Properties"]
            for other in resources.values()
            if other["Type"] == "AWS::Lambda::EventSourceMapping"
            and other["Properties"]["FunctionName"] == {"Ref": f"{logical_id}Aliaslive"}
        ]
        yield Function(
            service=service,
            logical_id=logical_id,
            physical_name=resolver.value(properties.get("FunctionName", logical_id)).removeprefix("Prefix-"),
            handler=properties["Handler"],
            layers=tuple(layer["Ref"] for layer in resource["Properties"].get("Layers", ())),
            environment={name: resolver.value(value) for name, value in variables.items()},
            memory_mb=int(resolver.value(properties.get("MemorySize", 128))),
            kind="api" if any(re.search(rf"\b{logical_id}Aliaslive\b", target) for target in targets) else "consumer",
            consumes_queue=any("Stream" not in str(mapping["EventSourceArn"]) for mapping in mappings),
            batch_size=max((int(resolver.value(mapping["BatchSize"])) for mapping in mappings), default=1),
            batching_window=max(
                (int(resolver.value(mapping.get("MaximumBatchingWindowInSeconds", 0))) for mapping in mappings),
                default=0,
            ),
        )


class _Resolver:
    """The values of a template that is deployed with default parameters, overridden by ``passed``."""

    def __init__(self, template: Mapping[str, Any], passed: Mapping[str, str] | None = None) -> None:
        self._passed = passed or {}
        self._parameters: Mapping[str, Any] = template.get("Parameters", {})
        self._conditions: Mapping[str, Any] = template.get("Conditions", {})
        self._mappings: Mapping[str, Any] = template.get("Mappings", {})
        self._resources: Mapping[str, Any] = template["Resources"]

    def value(self, given: Any) -> str:
        """Return ``given`` as text. A reference to a value that only a deployment knows becomes its name."""
        match given:
            case {"Ref": name}:
                return self._reference(name)
            case {"Fn::If": [condition, then, otherwise]}:
                return self.value(then if self._holds(self._conditions[condition]) else otherwise)
            case {"Fn::Sub": str(text)}:
                return text.replace("genai-images-${Environment}", "${Prefix}").replace("${Prefix}", "Prefix")
            case {"Fn::FindInMap": [name, first, second]}:
                return self.value(self._mappings[name][self.value(first)][self.value(second)])
            case {"Fn::GetAtt": path}:
                return ".".join(path) if isinstance(path, list) else str(path)
            case dict():
                return str(next(iter(given)))
            case _:
                return str(given)

    def _reference(self, name: str) -> str:
        if name in self._passed:
            return self._passed[name]
        if "Default" in self._parameters.get(name, {}):
            return str(self._parameters[name]["Default"])
        if self._resources.get(name, {}).get("Type") == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/000000000000/{name}"
        return name.lower()  # names of buckets are lower-case

    def _holds(self, condition: Any) -> bool:
        match condition:
            case {"Fn::Equals": [left, right]}:
                return self.value(left) == self.value(right)
            case {"Fn::Not": [inner]}:
                return not self._holds(inner)
            case {"Fn::And": inner}:
                return all(self._holds(part) for part in inner)
            case {"Fn::Or": inner}:
                return any(self._holds(part) for part in inner)
            case {"Condition": name}:
                return self._holds(self._conditions[name])
        raise ValueError(f"not a condition: {condition}")
