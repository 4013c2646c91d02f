"""Roles may use exactly the models of the catalog in their regions. These tests print the expected list."""

from typing import Any

import pytest

from events.model_catalog import invoke_arns, model_catalog
from tests.support import templates


def statements(service: str) -> list[Any]:
    """Return the permissions of the functions of a service, with conditional statements."""
    return [
        statement
        for function in templates.resources("AWS::Serverless::Function")
        if function.service == service
        for statement in templates.statements(function)
    ]


def test_generation_may_invoke_exactly_the_configured_models() -> None:
    expected = [
        {"Fn::Sub": arn} for model in model_catalog() for arn in invoke_arns(model, partition="${AWS::Partition}")
    ]
    allowed = [each["Resource"] for each in statements("generation") if each["Action"] == "bedrock:InvokeModel"]
    if allowed != [expected, {"Ref": "CustomModelArns"}]:
        block = "\n".join(f'                - !Sub "{arn["Fn::Sub"]}"' for arn in expected)
        pytest.fail(f"services/generation/template.yaml: the statement `Models` should allow\n{block}")


def test_the_sentinel_may_read_exactly_the_models_in_use() -> None:
    watched = [arn for model in model_catalog() for arn in invoke_arns(model, partition="${AWS::Partition}")]
    screens = f"arn:${{AWS::Partition}}:bedrock:${{AWS::Region}}::foundation-model/{model_catalog().moderation}"
    expected = [{"Fn::Sub": arn} for arn in [*watched, screens]]
    (allowed,) = [
        each["Resource"] for each in statements("operations") if each["Action"] == "bedrock:GetFoundationModel"
    ]
    if allowed != expected:
        block = "\n".join(f'                - !Sub "{arn["Fn::Sub"]}"' for arn in expected)
        pytest.fail(f"services/operations/template.yaml: the sentinel should be allowed\n{block}")
