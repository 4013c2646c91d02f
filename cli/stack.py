"""A deployed stack, as CloudFormation describes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from kit.errors import error_code


@dataclass(frozen=True)
class Stack:
    """Its parameters and outputs by name."""

    parameters: Mapping[str, str]
    outputs: Mapping[str, str]


def read_stack(cloudformation: Any, name: str) -> Stack:
    """Return a stack. Raises boto3's ``ClientError`` if there is none of this name."""
    found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    return Stack(
        parameters={each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])},
        outputs={each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])},
    )


def find_stack(cloudformation: Any, name: str) -> Stack | None:
    """Return a stack, or None if there is none of this name."""
    try:
        return read_stack(cloudformation, name)
    except ClientError as error:
        if error_code(error) != "ValidationError":
            raise
        return None
