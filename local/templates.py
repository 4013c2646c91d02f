"""Read CloudFormation templates and expand the short forms of functions."""

from typing import Any

import yaml


def parse_template(text: str) -> dict[str, Any]:
    """Return a template as plain data: ``!GetAtt A.Arn`` becomes ``{"Fn::GetAtt": ["A", "Arn"]}``."""
    template: dict[str, Any] = yaml.load(text, _Loader)
    return template


class _Loader(yaml.SafeLoader):
    """A safe loader that knows CloudFormation's tags and does not parse dates."""


def _write_out(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if name == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": value}


def _as_text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_multi_constructor("!", _write_out)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_text)
