"""Compare accesses with the statements of a role: what is missing, and what is unused."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from tools.permissions.calls import Access
from tools.permissions.stack import Role

Statement = Mapping[str, Any]

LISTS: Final = frozenset(
    {"dynamodb:LeadingKeys", "dynamodb:Attributes", "events:source", "events:detail-type", "kms:ViaService"}
)
"""Condition keys whose values are a list of what the role needs, so each must be used."""


@dataclass(frozen=True)
class Comparison:
    """A role compared with what its function does."""

    role: Role
    accesses: Sequence[Access]

    def missing(self) -> list[Access]:
        """Return the accesses that no statement allows."""
        return [access for access in self.accesses if not any(allows(each, access) for each in self.role.statements)]

    def granted(self, access: Access) -> str:
        """Return the resource of the role's statement that allows an access, or its own if none does."""
        return next(
            (
                pattern
                for statement in self.role.statements
                if allows(statement, access)
                for pattern in _several(statement["Resource"])
                if fnmatchcase(access.resource, pattern)
            ),
            access.resource,
        )

    def unused(self) -> list[str]:
        """Return the actions on resources, and the values of conditions, that no access needs."""
        return [text for statement in self.role.statements for text in self._unused(statement)]

    def _unused(self, statement: Statement) -> Iterator[str]:
        used = [access for access in self.accesses if allows(statement, access)]
        for action in _several(statement["Action"]):
            for resource in _several(statement["Resource"]):
                if not any(each.action == action and fnmatchcase(each.resource, resource) for each in used):
                    yield f"{action} on {resource}"
        for operator, key, values in _conditions(statement):
            if key in LISTS:
                present = {value for access in used for value in access.keys.get(key, ())}
                for value in values:
                    if not any(_equal(operator, each, value) for each in present):
                        yield f"{', '.join(_several(statement['Action']))} with {key} {value}"


def allows(statement: Statement, access: Access) -> bool:
    """Return whether a statement allows an access. No role of the system has a Deny or a NotAction."""
    return (
        access.action in _several(statement["Action"])
        and any(fnmatchcase(access.resource, pattern) for pattern in _several(statement["Resource"]))
        and all(_holds(operator, access.keys.get(key), values) for operator, key, values in _conditions(statement))
    )


def _conditions(statement: Statement) -> Iterator[tuple[str, str, Sequence[str]]]:
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            yield operator, key, _several(values)


def _holds(operator: str, actual: "frozenset[str] | None", wanted: Sequence[str]) -> bool:
    """``ForAllValues`` and ``IfExists`` are true for an absent key, any other operator is false, as on AWS."""
    if operator.startswith("ForAllValues:"):
        return all(any(_equal(operator, value, each) for each in wanted) for value in actual or ())
    if actual is None and operator.endswith("IfExists"):
        return True
    return actual is not None and len(actual) == 1 and any(_equal(operator, min(actual), each) for each in wanted)


def _equal(operator: str, actual: str, wanted: str) -> bool:
    match operator.removeprefix("ForAllValues:").removesuffix("IfExists"):
        case "StringEquals":
            return actual == wanted
        case "StringLike":
            return fnmatchcase(actual, wanted)
    raise ValueError(f"tools/permissions/policy.py does not know the operator {operator}; add it")


def _several(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
