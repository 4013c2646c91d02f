"""Import Lambda functions as a cold start does."""

import sys
from importlib import import_module
from typing import Any


def load_function(service: str, name: str) -> Any:
    """Import the handler module ``name`` of a service again and return it."""
    module = f"services.{service}.handlers.{name}"
    sys.modules.pop(module, None)
    return import_module(module)


def unload_functions(service: str) -> None:
    """Remove the handler modules of a service, so that no later test gets a function with another environment."""
    for module in [name for name in sys.modules if name.startswith(f"services.{service}.handlers.")]:
        del sys.modules[module]
