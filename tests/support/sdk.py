"""The service descriptions of two SDKs: the development environment's, and the oldest one that functions support."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from local.emulator import ROOT

OLDEST_SDK = ROOT / ".venv" / "oldest-sdk"
"""`make .venv/ready` installs it from requirements/oldest-sdk.txt."""
OUR_SDK = Path(botocore.__file__).parents[1]

Member = tuple[str, ...]
"""The path of a field in the input or output of an operation."""


@cache
def news(service: str, operation: str) -> set[Member] | None:
    """Return the fields of an operation that the oldest SDK does not know, or None if it lacks the operation."""
    oldest = _model(OLDEST_SDK, service)
    if operation not in oldest.operation_names:
        return None
    return _members(_model(OUR_SDK, service), operation) - _members(oldest, operation)


def operations(service: str) -> list[str]:
    """Return the operations of a service, such as ``PutItem``."""
    return list(_model(OUR_SDK, service).operation_names)


@cache
def _model(sdk: Path, service: str) -> ServiceModel:
    loader = Loader(extra_search_paths=[str(sdk / "botocore" / "data")], include_default_search_paths=False)
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


def _members(model: ServiceModel, operation: str) -> set[Member]:
    described = model.operation_model(operation)
    return {member for shape in (described.input_shape, described.output_shape) for member in _paths(shape, ())}


def _paths(shape: Shape | None, above: tuple[str, ...]) -> Iterator[Member]:
    """Yield the path of every field below ``shape``. Some shapes contain themselves: ``above`` ends the recursion."""
    if shape is None or shape.name in above:
        return
    above = (*above, shape.name)
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            yield (name,)
            yield from ((name, *path) for path in _paths(member, above))
    elif isinstance(shape, ListShape):
        yield from _paths(shape.member, above)
    elif isinstance(shape, MapShape):
        yield from _paths(shape.value, above)
