"""A cold start imports what its function uses. `make bench ARGS=imports` measures the time, which no test asserts."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache

import pytest

from local.emulator import ROOT
from tools.benchmarks.functions import functions

FUNCTIONS = {function.name: function for function in functions()}
CONSUMERS = [name for name, function in FUNCTIONS.items() if function.kind == "consumer"]
HTTP_CODE = ("aws_lambda_powertools.event_handler", "kit.http_api", "kit.legacy_api", "kit.problems")
BUILT_AT_START = {
    "events.model_catalog.Model": "the sentinel reads the catalog when it starts",
    "services.accounts.schemas.Defaults": "a default that the API documents",
    "services.intake.facades.openai_images.schemas.TokenDetails": "a default that the API documents",
    "services.intake.schemas.RootModel[Any]": "the base of a response, without fields of its own",
    "services.moderation.policy.PolicyFile": "moderation reads the policy when it starts",
    "services.moderation.policy.Terms": "a default in the policy",
}
"""Models besides settings that pydantic builds while a function starts, with the reason."""
LIMITS = {
    "accounts.authorizer": (25, 4),
    "accounts.api": (35, 19),
    "accounts.erase": (47, 26),
    "analytics.record": (33, 10),
    "analytics.compact": (23, 7),
    "analytics.api": (29, 17),
    "generation.generate": (50, 32),
    "generation.tombstones": (35, 21),
    "generation.erase": (37, 20),
    "intake.api": (72, 64),
    "intake.wait": (12, 0),
    "intake.openai": (67, 60),
    "intake.appeals": (59, 54),
    "intake.relay": (30, 22),
    "intake.republish": (31, 22),
    "intake.track": (56, 46),
    "intake.signals": (33, 20),
    "intake.sweep": (38, 18),
    "intake.erase": (52, 37),
    "moderation.prompt": (45, 39),
    "moderation.image": (40, 40),
    "moderation.api": (49, 51),
    "moderation.erase": (42, 45),
    "notifications.push": (42, 31),
    "notifications.webhook": (42, 31),
    "notifications.api": (43, 42),
    "notifications.socket": (31, 28),
    "notifications.erase": (55, 47),
    "operations.api": (40, 42),
    "operations.sentinel": (22, 16),
    "operations.audit": (33, 9),
    "operations.bias": (24, 6),
    "operations.erase": (48, 28),
    "privacy.api": (49, 41),
    "privacy.collect": (46, 30),
    "privacy.build": (45, 32),
    "privacy.sweep": (33, 22),
    "storage.store": (48, 34),
    "storage.tombstones": (35, 29),
    "storage.relay": (25, 24),
    "storage.remove": (38, 27),
    "storage.keys": (12, 0),
    "storage.verify": (35, 38),
    "storage.derive": (29, 22),
    "storage.api": (41, 38),
    "storage.erase": (55, 42),
}
"""Function → its maximum of our own modules, and of our pydantic models. Each is about a quarter of a millisecond of
CPU in every cold start. Lower a number when a function imports less; raise it only if the function needs the module.
"""

IMPORT = """
import gc, importlib, json, sys

class Watch:
    collecting = None
    def find_spec(self, name, path=None, target=None):
        if name == "boto3":
            Watch.collecting = gc.isenabled()

def subclasses(model):
    for each in type.__subclasses__(model):
        yield each
        yield from subclasses(each)

sys.meta_path.insert(0, Watch())
importlib.import_module(sys.argv[1])
models = set(subclasses(sys.modules["pydantic"].BaseModel)) if "pydantic" in sys.modules else set()
ours = {f"{each.__module__}.{each.__qualname__}": each for each in models
        if each.__module__.partition(".")[0] in ("events", "kit", "services")}
settings = set(subclasses(sys.modules["kit.settings"].Settings)) if "kit.settings" in sys.modules else set()
complete = {name for name, each in ours.items() if each.__pydantic_complete__}
print(json.dumps({
    "collecting": Watch.collecting,
    "modules": sorted(sys.modules),
    "models": sorted(ours),
    "built": sorted(name for name in complete if ours[name] not in settings),
    "built_settings": sorted(name for name in complete if ours[name] in settings),
}))
"""
"""Imports a handler and prints what it imported and built."""


@dataclass(frozen=True)
class Imported:
    """What the import of a handler did."""

    collecting: bool | None
    """Whether garbage collection was on when boto3 was imported; None if boto3 was not imported."""
    modules: list[str]
    models: list[str]
    """Our pydantic models."""
    built: list[str]
    """Those that pydantic built, without settings."""
    built_settings: list[str]

    @property
    def our_modules(self) -> list[str]:
        """The modules of this repository."""
        return [name for name in self.modules if name.partition(".")[0] in {"events", "kit", "services"}]


@cache
def imported(name: str) -> Imported:
    """Import a function in a process of its own, as a cold start does."""
    function = FUNCTIONS[name]
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, function.handler.rpartition(".")[0]],
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), **function.process_environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Imported(**json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_garbage_collection_is_off_while_boto3_is_imported(name: str) -> None:
    assert not imported(name).collecting, "the package of the handlers must import kit"


@pytest.mark.parametrize("name", CONSUMERS)
def test_a_consumer_imports_no_http_code(name: str) -> None:
    modules = imported(name).modules

    found = [module for module in modules if module.startswith(HTTP_CODE)]
    assert found == []
    assert [module for module in modules if module.endswith((".routes", ".schemas"))] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_models_are_built_on_first_use(name: str) -> None:
    found = imported(name)

    assert set(found.built) <= BUILT_AT_START.keys(), "set defer_build"
    assert len(set(found.built_settings) - {"kit.consumer.aws.ConsumerSettings"}) <= 1, "a function has one settings"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_imports_no_more_than_it_did(name: str) -> None:
    found = imported(name)
    modules, models = LIMITS[name]

    assert len(found.our_modules) <= modules, "\n".join(found.our_modules)
    assert len(found.models) <= models, "\n".join(found.models)


def test_every_function_has_limits() -> None:
    assert LIMITS.keys() == FUNCTIONS.keys()
