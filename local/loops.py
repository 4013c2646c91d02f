"""Loops of templates (``Fn::ForEach``) written out, as CloudFormation does.

The emulator does so for the root only, and SAM's own expansion loses the ``!Sub`` around what it cannot resolve.
"""

from typing import Any


def expand(template: dict[str, Any]) -> dict[str, Any]:
    """Return ``template`` with a copy of each loop's resources for each of the values that it lists."""
    resources: dict[str, Any] = {}
    for name, body in template["Resources"].items():
        if name.startswith("Fn::ForEach::"):
            variable, values, fragment = body
            for value in values:
                resources |= _filled(fragment, variable, value)
        else:
            resources[name] = body
    return {**template, "Resources": resources}


def _filled(node: Any, variable: str, value: str) -> Any:
    if node == {"Ref": variable}:
        return value
    if isinstance(node, dict):
        return {_filled(key, variable, value): _filled(item, variable, value) for key, item in node.items()}
    if isinstance(node, list):
        return [_filled(item, variable, value) for item in node]
    return node.replace(f"${{{variable}}}", value) if isinstance(node, str) else node
