"""Import the module in the first argument; print statements that create the same boto3 clients."""

import importlib
import os
import sys
from typing import Any

import boto3.session

statements = ["import boto3", "from botocore.config import Config"]
create = boto3.session.Session.client


def recorded(self: boto3.session.Session, *args: Any, **kwargs: Any) -> Any:
    """Create the client and record its arguments."""
    given = [repr(argument) for argument in args]
    given += [f"{key}={value!r}" for key, value in kwargs.items() if key != "config"]
    if (config := kwargs.get("config")) is not None:
        given.append(f"config=Config(**{config._user_provided_options!r})")
    statements.append(f"boto3.client({', '.join(given)})")
    return create(self, *args, **kwargs)


boto3.session.Session.client = recorded  # type: ignore[method-assign]
importlib.import_module(sys.argv[1])
os.write(1, f"\n{'; '.join(statements)}\n".encode())
os._exit(0)
