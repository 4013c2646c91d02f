"""The templates with the values of one deployment: functions, roles and resources of all services."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from local.emulator import ROOT
from local.loops import expand
from local.templates import parse_template

ACCOUNT: Final = "123456789012"
PREFIX: Final = "genai-images-test"
SECRET_SUFFIX: Final = "-AbCdEf"
"""AWS adds a hyphen and six random characters to the name of a secret for its ARN."""
PSEUDO: Final = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": None,
}
NAMES: Final = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::Events::EventBus": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::Logs::LogGroup": "LogGroupName",
}
"""The property with the physical name. Other resources are called like their logical ids."""
ARNS: Final = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SecretsManager::Secret": f"arn:aws:secretsmanager:{{region}}:{{account}}:secret:{{name}}{SECRET_SUFFIX}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::Serverless::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Events::EventBus": "arn:aws:events:{region}:{account}:event-bus/{name}",
    "AWS::Events::Rule": "arn:aws:events:{region}:{account}:rule/{name}",
}
ALIAS: Final = "Aliaslive"
"""SAM adds this to the logical id of a function for that of its alias."""
REFERS_TO_ARN: Final = frozenset({"AWS::SecretsManager::Secret", "AWS::SNS::Topic"})


@dataclass(frozen=True)
class Role:
    """The permissions of one function."""

    function: str
    """``<service>.<function>``."""
    statements: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Function:
    """One function as it is deployed."""

    service: str
    logical_id: str
    handler: str
    """``module.attribute``."""
    region: str
    physical_name: str
    environment: Mapping[str, str]
    role: Role
    sources: Sequence[Mapping[str, Any]]
    """The properties of its event source mappings."""

    @property
    def name(self) -> str:
        """``<service>.<function>``, as in the names of its role and log group."""
        return f"{self.service}.{self.logical_id.removesuffix('Function')}"


@cache
def _parsed(text: str) -> Mapping[str, Any]:
    """Return a template with expanded loops, which nobody changes."""
    return expand(parse_template(text))


class Template:
    """One template with the values of its parameters."""

    def __init__(
        self, path: Path, parameters: Mapping[str, Any], region: str, parent: "Template | None" = None
    ) -> None:
        self.service = path.parent.name
        self._pseudo = {**PSEUDO, "AWS::Region": region}
        self.region = region
        self._path = path
        self._body = _parsed(path.read_text())
        self._parent = parent
        self._given = parameters
        self.resources: Mapping[str, Any] = self._body["Resources"]

    @cached_property
    def children(self) -> Mapping[str, "Template"]:
        """The nested applications by logical id."""
        return {
            name: Template(
                self._path.parent / body["Properties"]["Location"], body["Properties"]["Parameters"], self.region, self
            )
            for name, body in self.resources.items()
            if body["Type"] == "AWS::Serverless::Application"
        }

    @property
    def has_functions(self) -> bool:
        """Whether it is the template of a service, not of what belongs to one, such as dashboards."""
        return any(body["Type"] == "AWS::Serverless::Function" for body in self.resources.values())

    def value(self, raw: Any) -> Any:  # noqa: PLR0911 - one per function
        """Return ``raw`` with all functions of CloudFormation carried out. Items without a value are left out."""
        match raw:
            case {"Ref": name}:
                return self._reference(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return self._attribute(name, attribute)
            case {"Fn::Sub": str(text)}:
                return self._text(text, {})
            case {"Fn::Sub": [text, variables]}:
                return self._text(text, {name: self.value(each) for name, each in variables.items()})
            case {"Fn::If": [condition, then, otherwise]}:
                return self.value(then if self.holds(self._body["Conditions"][condition]) else otherwise)
            case {"Fn::FindInMap": [name, first, second]}:
                return self.value(self._body["Mappings"][name][self.value(first)][self.value(second)])
            case {"Fn::Join": [separator, parts]}:
                return separator.join(map(str, self.value(parts)))
            case {"Fn::Select": [position, {"Fn::Split": [separator, text]}]}:
                return str(self.value(text)).split(separator)[int(position)]
            case dict():
                found = {name: self.value(each) for name, each in raw.items()}
                return {name: each for name, each in found.items() if each is not None}
            case list():
                return [each for each in map(self.value, raw) if each is not None]
            case _:
                return raw

    def holds(self, condition: Any) -> bool:
        """Return whether a condition holds."""
        match condition:
            case {"Fn::Equals": [left, right]}:
                return str(self.value(left)) == str(self.value(right))
            case {"Fn::Not": [inner]}:
                return not self.holds(inner)
            case {"Fn::And": parts}:
                return all(self.holds(part) for part in parts)
            case {"Fn::Or": parts}:
                return any(self.holds(part) for part in parts)
            case {"Condition": name}:
                return self.holds(self._body["Conditions"][name])
        raise ValueError(f"{self._path}: {condition} is not a condition")

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The declared parameters."""
        found: Mapping[str, Any] = self._body.get("Parameters", {})
        return found

    @property
    def function_defaults(self) -> Mapping[str, Any]:
        """The properties that all functions have, from Globals."""
        found: Mapping[str, Any] = self.value(self._body.get("Globals", {}).get("Function", {}))
        return found

    def variables(self, function: Mapping[str, Any]) -> dict[str, str]:
        """Return the environment of a function, which starts with what all functions of the service have."""
        common = self.value(self._body.get("Globals", {}).get("Function", {}))
        both = (*_variables(common).items(), *_variables(function).items())
        return {name: str(value) for name, value in both}

    def output(self, name: str) -> Any:
        """Return the value of an output."""
        return self.value(self._body["Outputs"][name]["Value"])

    def deployed(self, *types: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield logical id and properties of the resources of these types whose condition holds."""
        for name, body in self.resources.items():
            if body["Type"] in types and ("Condition" not in body or self.holds({"Condition": body["Condition"]})):
                yield name, self.value(body.get("Properties", {}))

    def arn(self, name: str) -> str:
        """Return the ARN of a resource."""
        kind = self.resources[name]["Type"]
        form = ARNS.get(kind, f"arn:aws:test:{{region}}:{{account}}:{kind}/{{name}}")
        return form.format(region=self.region, account=ACCOUNT, name=self._name(name))

    def alias(self, function: str) -> str:
        """Return the ARN of a function's alias."""
        return f"{self.arn(function)}:live"

    def _name(self, name: str) -> str:
        body = self.resources[name]
        return str(self.value(body.get("Properties", {}).get(NAMES.get(body["Type"], ""), name)))

    def _reference(self, name: str) -> Any:
        if name in self._pseudo:
            return self._pseudo[name]
        if name in self._body.get("Parameters", {}):
            return self._parameter(name)
        if name.endswith(ALIAS):
            return self.alias(name.removesuffix(ALIAS))
        kind = self.resources[name]["Type"]
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{self.region}.amazonaws.com/{ACCOUNT}/{self._name(name)}"
        return self.arn(name) if kind in REFERS_TO_ARN else self._name(name)

    def _parameter(self, name: str) -> Any:
        declared = self._body["Parameters"][name]
        if name in self._given:
            found = self._given[name]
            found = self._parent.value(found) if self._parent else found
        else:
            found = declared["Default"]
        return str(found).split(",") if declared["Type"] == "CommaDelimitedList" else found

    def _attribute(self, name: str, attribute: str) -> Any:
        if name in self.children:
            return self.children[name].output(attribute.removeprefix("Outputs."))
        match attribute:
            case "Arn" | "Id":
                return self.arn(name)
            case "StreamArn":
                return f"{self.arn(name)}/stream/2026"
            case "FunctionUrl":
                return f"https://{name.lower()}.lambda-url.{self.region}.on.aws/"
        return f"{name}.{attribute}".lower()

    def _text(self, text: str, variables: Mapping[str, Any]) -> str:
        def inserted(found: "re.Match[str]") -> str:
            name, _, attribute = found[1].partition(".")
            if name in variables:
                return str(variables[name])
            return str(self._attribute(name, attribute) if attribute else self._reference(name))

        return re.sub(r"\$\{([^}!]+)\}", inserted, text)


class Stack:
    """The whole system with the parameters of one deployment."""

    def __init__(self, region: str, parameters: Mapping[str, str]) -> None:
        self.region = region
        given = {"Environment": PREFIX.removeprefix("genai-images-"), **parameters}
        self.root = Template(ROOT / "template.yaml", given, region)
        self.services = {child.service: child for child in self.root.children.values() if child.has_functions}

    @cached_property
    def functions(self) -> Mapping[str, Function]:
        """Every function by its name."""
        found = (function for template in self.services.values() for function in _functions(template))
        return {function.name: function for function in found}

    def deployed(self, *types: str) -> Iterator[tuple[Template, str, Mapping[str, Any]]]:
        """Yield template, logical id and properties of the resources of these types of all templates."""
        for template in (self.root, *self.services.values()):
            for name, properties in template.deployed(*types):
                yield template, name, properties


def _variables(function: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = function.get("Environment", {}).get("Variables", {})
    return found


def _functions(template: Template) -> Iterator[Function]:
    mappings = [properties for _, properties in template.deployed("AWS::Lambda::EventSourceMapping")]
    for logical_id, properties in template.deployed("AWS::Serverless::Function"):
        role = template.resources[logical_id]["Properties"]["Role"]["Fn::GetAtt"][0]
        statements = [
            statement
            for policy in template.value(template.resources[role]["Properties"]["Policies"])
            for statement in policy["PolicyDocument"]["Statement"]
        ]
        for _, policy in template.deployed("AWS::IAM::Policy"):
            if role in policy["Roles"]:
                statements += policy["PolicyDocument"]["Statement"]
        name = f"{template.service}.{logical_id.removesuffix('Function')}"
        yield Function(
            service=template.service,
            logical_id=logical_id,
            handler=properties["Handler"],
            region=template.region,
            physical_name=properties["FunctionName"],
            environment=template.variables(properties),
            role=Role(name, statements),
            sources=[each for each in mappings if each["FunctionName"] == template.alias(logical_id)],
        )
