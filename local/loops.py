"""Expand the loops of a template (``Fn::ForEach``) and the functions that become constant.

CloudFormation does so on deployment; the emulator does so for the root template only.
"""

from typing import Any

from ministack.services.cloudformation import language_extensions


def expand(template: dict[str, Any]) -> dict[str, Any]:
    """Return ``template`` after its ``AWS::LanguageExtensions`` transform, without knowledge of parameters."""
    expanded: dict[str, Any] = language_extensions.apply(template, {})
    return expanded
