"""Generation may invoke exactly the models of the catalogue, each where it is offered. The block is generated here."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from events.models import catalogue, invoke_arns

TEMPLATE = Path(__file__).parents[2] / "services/generation/template.yaml"


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: a scalar's text, and nothing of the others."""


_Loader.add_multi_constructor("!", lambda _loader, _suffix, node: str(getattr(node, "value", "")))


def expected_resources() -> list[str]:
    """Return the ARNs as the template writes them."""
    return [arn for model in catalogue() for arn in invoke_arns(model, partition="${AWS::Partition}")]


def test_the_invoke_statement_is_what_the_catalogue_says() -> None:
    template: Any = yaml.load(TEMPLATE.read_text(), _Loader)
    [policy] = template["Resources"]["Draw"]["Properties"]["Policies"]
    [statement] = [each for each in policy["Statement"] if isinstance(each, dict) and each["Sid"] == "Models"]
    if statement["Resource"] != expected_resources():
        block = "\n".join(f'                - !Sub "{arn}"' for arn in expected_resources())
        pytest.fail(f"{TEMPLATE.name}: the resources of the statement `Models` should be\n{block}")


def test_only_one_function_may_pay_for_pictures() -> None:
    templates = TEMPLATE.parents[1].glob("*/template.yaml")
    assert [path.parent.name for path in templates if "stability." in path.read_text()] == ["generation"]
