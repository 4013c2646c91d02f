"""Import Lambda functions as a cold start does."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest

from tests.support import templates
from tests.support.templates import Resource


def load_function(service: str, name: str) -> Any:
    """Import the handler module ``name`` of a service again and return it."""
    module = f"services.{service}.handlers.{name}"
    sys.modules.pop(module, None)
    return import_module(module)


def unload_functions(service: str) -> None:
    """Remove the handler modules of a service, so that no later test gets a function with another environment."""
    for module in [name for name in sys.modules if name.startswith(f"services.{service}.handlers.")]:
        del sys.modules[module]


def import_handler(function: Resource) -> Any:
    """Import the handler that a template names."""
    module, _, attribute = function.properties["Handler"].rpartition(".")
    return getattr(import_module(module), attribute)


@contextmanager
def imported(function: Resource, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Import a function's handler with the environment that its template gives it, and remove it afterwards."""
    region = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), "us-east-1")  # Lambda sets these
    for name, value in {**region, **templates.environment(function)}.items():
        monkeypatch.setenv(name, value)
    with temporary_imports():
        yield import_handler(function)


@contextmanager
def temporary_imports() -> Iterator[None]:
    """Remove the modules of services that are imported meanwhile, so that later tests set their own environment."""
    before = set(sys.modules)
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            if name.startswith("services."):
                del sys.modules[name]
