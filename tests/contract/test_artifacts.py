"""Each built function runs with only its layers and the SDK of Lambda's runtime."""

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local.build import LOCAL_BUILD, build_local, build_lock
from local.emulator import ROOT
from local.loops import expand
from local.package import zipped
from local.templates import parse_template
from tests.support.sdk import OLDEST_SDK

MAX_FUNCTION_BYTES = 200_000
"""Maximum size of a zip with sources and bytecode."""
MAX_SDK_BYTES = 3_000_000
"""Maximum size of a zip with the SDK layer. With the descriptions of all services, it would be 16 MB."""
MAX_CRYPTO_BYTES = 6_500_000
"""Maximum size of a zip with the crypto layer, nearly all of it OpenSSL and its Rust code."""
MAX_UNPACKED_BYTES = 250 * 1024 * 1024
"""What Lambda accepts of a function with its layers."""
MAX_PARQUET_BYTES = 75_000_000
"""Unpacked size of the Parquet layer, nearly all of it DuckDB."""
MAX_CACHE_BYTES = 700_000
"""How many bytes larger than the shared layer the one for a cache may be."""
YEAR_1980 = 315_619_200
"""The time stamp that SAM gives every file, in seconds."""
LAMBDA_SETS = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_LAMBDA_FUNCTION_NAME": "function",
}
PYDANTIC = ("pydantic", "pydantic_core", "annotated_types", "typing_extensions.py", "typing_inspection")

IMPORT = """
import importlib, importlib._bootstrap_external as loader, json, sys
compiled = []
compile_source = loader.SourceLoader.source_to_code
def spy(self, data, path, *arguments, **options):
    compiled.append(str(path))
    return compile_source(self, data, path, *arguments, **options)
sys.path[:0] = json.loads(sys.argv[1])
loader.SourceLoader.source_to_code = spy
module, _, name = sys.argv[2].rpartition(".")
handler = getattr(importlib.import_module(module), name)
print(json.dumps({"callable": callable(handler), "compiled": compiled, "modules": sorted(sys.modules)}))
"""
"""Imports a handler and prints the modules without valid bytecode."""


@dataclass(frozen=True)
class Function:
    """A built function."""

    service: str
    name: str
    folder: Path
    handler: str
    layers: tuple[Path, ...]
    environment: dict[str, str]

    def __str__(self) -> str:
        return f"{self.service}.{self.name}"


def declared_functions() -> list[str]:
    """Return ``service.Function`` for every function in the source templates: a list that needs no build."""
    names = []
    for template in sorted(ROOT.glob("services/*/template.yaml")):
        resources = expand(parse_template(template.read_text()))["Resources"]
        names += [
            f"{template.parent.name}.{name}"
            for name, resource in resources.items()
            if resource["Type"] == "AWS::Serverless::Function"
        ]
    return names


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Function]:
    """The local build, shared with `make run`, unpacked as Lambda does: from zip files, with their time stamps."""
    unpacked = tmp_path_factory.mktemp("artifacts")
    with build_lock():
        build_local()
        for artifact in _artifact_folders():
            _unpack(zipped(artifact), unpacked / artifact.relative_to(LOCAL_BUILD))
    return {str(function): function for function in _functions(unpacked)}


@pytest.mark.parametrize("name", declared_functions())
def test_a_function_imports_with_only_its_layers_and_the_oldest_sdk(name: str, build: dict[str, Function]) -> None:
    function = build[name]
    ours = tuple(str(folder) for folder in (function.folder, *function.layers))

    found = _import(function)

    assert found["callable"]
    assert [path for path in found["compiled"] if path.startswith(ours)] == [], "modules without valid bytecode"


@pytest.mark.parametrize("name", declared_functions())
def test_a_function_contains_only_its_own_service(name: str, build: dict[str, Function]) -> None:
    function = build[name]
    files = [path.relative_to(function.folder) for path in function.folder.rglob("*") if path.is_file()]

    assert {path.parts[:2] for path in files} == {("services", function.service)}
    strangers = [path for path in files if path.suffix not in {".py", ".pyc", ".json"}]
    assert strangers == []
    modules = [path for path in files if path.suffix == ".py" and path.stem != "__init__"]
    packages = {folder for path in modules for folder in path.parents}
    assert [path for path in files if path.stem == "__init__" and path.parent not in packages] == []


@pytest.mark.parametrize("name", declared_functions())
def test_a_function_is_small(name: str, build: dict[str, Function]) -> None:
    function = build[name]
    assert _deflated(function.folder) <= MAX_FUNCTION_BYTES


def test_nothing_that_only_a_laptop_needs_is_deployed(build: dict[str, Function]) -> None:
    folders = {folder for function in build.values() for folder in (function.folder, *function.layers)}
    found = {path.name for folder in folders for path in folder.rglob("*")}
    assert not {name for name in found if "onnx" in name or name in {"numpy", "local", "tools"}}


def test_the_shared_layer_contains_the_events_and_no_sdk(build: dict[str, Function]) -> None:
    layer = _shared_layer(build) / "python"
    names = {path.name for path in layer.iterdir()}

    assert {"events", "kit", "pydantic", "aws_lambda_powertools"} <= names
    assert names.isdisjoint({"boto3", "botocore", "s3transfer", "aws_xray_sdk", "PIL", "numpy"})
    assert {path.name for path in (layer / "events").iterdir()}.isdisjoint({"samples", "schemas"})


def test_the_sdk_layer_is_small_and_knows_when_models_end(build: dict[str, Function]) -> None:
    layer = build["operations.sentinelFunction"].layers[-1]
    members = "FoundationModelLifecycle').members"
    statement = f"import boto3; print(list(boto3.client('bedrock').meta.service_model.shape_for('{members}))"
    done = _run([f"{layer}/python"], statement)

    assert "endOfLifeTime" in done.stdout, done.stderr
    assert _deflated(layer) <= MAX_SDK_BYTES


def test_lambda_accepts_every_function_with_its_layers(build: dict[str, Function]) -> None:
    sizes = {name: sum(map(_unpacked, (each.folder, *each.layers))) for name, each in build.items()}

    assert max(sizes.values()) <= MAX_UNPACKED_BYTES, max(sizes, key=lambda name: sizes[name])


def test_only_the_compaction_has_the_parquet_layer(build: dict[str, Function]) -> None:
    having = {name: each.layers for name, each in build.items() if any(at.name == "ParquetLayer" for at in each.layers)}

    assert list(having) == ["analytics.compactFunction"]
    assert _unpacked(having["analytics.compactFunction"][-1]) <= MAX_PARQUET_BYTES


def test_the_shared_layer_is_at_most_twice_pydantic(build: dict[str, Function]) -> None:
    layer = _shared_layer(build) / "python"
    pydantic = sum(_deflated(layer / name, bytecode=False) for name in PYDANTIC)

    assert _deflated(layer) <= 2 * pydantic


def test_only_functions_that_seal_open_or_sign_have_the_crypto_layer(build: dict[str, Function]) -> None:
    having = {name for name, function in build.items() if any(layer.name == "CryptoLayer" for layer in function.layers)}
    uses = ("Sealer(", "image_links(", "LinkKeys(", "certificate_of(")  # destroying a key needs no cryptography
    using = {
        name
        for name, function in build.items()
        if any(use in path.read_text() for use in uses for path in function.folder.rglob("handlers/*.py"))
    }

    assert having == using != set()


def test_the_crypto_layer_is_small_and_can_seal_and_sign() -> None:
    """It comes with the functions that need it only, because it is larger than the shared layer."""
    with build_lock():
        build_local()
        layer = LOCAL_BUILD / "CryptoLayer"
    statement = (
        "from cryptography.hazmat.primitives.ciphers.aead import AESGCM; "
        "from cryptography.hazmat.primitives import hashes; "
        "from cryptography.hazmat.primitives.asymmetric import ec; "
        "key = ec.derive_private_key(1, ec.SECP256R1()); "
        "print(len(AESGCM(bytes(32)).encrypt(bytes(12), b'x', b'')), "
        "len(key.sign(b'x', ec.ECDSA(hashes.SHA256()))) >= 68)"
    )
    done = _run([f"{layer}/python"], statement)

    assert done.stdout.split() == ["17", "True"], done.stderr
    assert _deflated(layer) <= MAX_CRYPTO_BYTES


def test_the_cache_layer_is_the_shared_one_with_a_client(build: dict[str, Function]) -> None:
    layer, shared = LOCAL_BUILD / "CacheLayer", _shared_layer(build)
    names, more = ({path.name for path in (each / "python").iterdir()} for each in (shared, layer))
    statement = "from kit.cache import client; print(client('localhost:6379', 'name').connection_pool.connection_class)"
    done = _run([str(layer / "python"), str(OLDEST_SDK)], statement)

    assert "SSLConnection" in done.stdout, done.stderr
    assert names < more
    assert _deflated(layer) - _deflated(shared) <= MAX_CACHE_BYTES


def test_no_function_has_the_cache_layer_by_default(build: dict[str, Function]) -> None:
    assert not [name for name, each in build.items() if any(layer.name == "CacheLayer" for layer in each.layers)]


def _run(path: list[str], statement: str) -> "subprocess.CompletedProcess[str]":
    """Run a statement of Python with no other packages than those of ``path``."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", f"import sys; sys.path[:0] = {path}; {statement}"],
        env=LAMBDA_SETS,
        capture_output=True,
        text=True,
        check=False,
    )


def _import(function: Function) -> Any:
    path = [*(str(layer / "python") for layer in function.layers), str(function.folder), str(OLDEST_SDK)]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", IMPORT, json.dumps(path), function.handler],
        env=LAMBDA_SETS | function.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def _functions(unpacked: Path) -> Iterator[Function]:
    for template in sorted(LOCAL_BUILD.glob("*/template.yaml")):
        body = expand(parse_template(template.read_text()))
        folder = unpacked / template.parent.name
        shared = body.get("Globals", {}).get("Function", {})
        for name, resource in body["Resources"].items():
            if resource["Type"] != "AWS::Serverless::Function":
                continue
            own = resource["Properties"]
            variables = {
                **shared.get("Environment", {}).get("Variables", {}),
                **own.get("Environment", {}).get("Variables", {}),
            }
            layers = [*shared.get("Layers", []), *own.get("Layers", [])]
            yield Function(
                service=own["Handler"].split(".")[1],
                name=name,
                folder=folder / own["CodeUri"],
                handler=own["Handler"],
                layers=tuple(_layer(layer["Ref"], folder) for layer in layers),
                environment={key: _value(value, body) for key, value in variables.items()},
            )


def _layer(reference: str, folder: Path) -> Path:
    of_the_root = {"LayerArn": "SharedLayer", "CryptoLayerArn": "CryptoLayer"}
    return folder.parent / of_the_root[reference] if reference in of_the_root else folder / reference


def _value(value: Any, body: dict[str, Any]) -> str:
    """Return an environment variable's value: a parameter's default, a placeholder for a stack's values."""
    if not isinstance(value, dict):
        return str(value)
    if "Fn::FindInMap" in value:
        found: Any = body["Mappings"]
        for key in value["Fn::FindInMap"]:
            found = found[_value(key, body)]
        return str(found)
    default = body.get("Parameters", {}).get(value.get("Ref"), {}).get("Default")
    return "placeholder" if default is None else str(default)


def _artifact_folders() -> Iterator[Path]:
    for template in sorted(LOCAL_BUILD.rglob("template.yaml")):
        for resource in expand(parse_template(template.read_text()))["Resources"].values():
            properties = resource.get("Properties", {})
            uri = properties.get("CodeUri") or properties.get("ContentUri")
            if uri and resource["Type"].startswith("AWS::Serverless::"):
                yield template.parent / uri


def _unpack(content: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    for path in folder.rglob("*"):
        os.utime(path, (YEAR_1980, YEAR_1980))


def _unpacked(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _shared_layer(build: dict[str, Function]) -> Path:
    return next(iter(build.values())).layers[0]


def _deflated(path: Path, *, bytecode: bool = True) -> int:
    """Return the size of ``path`` as a zip file."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            if file.is_file() and (bytecode or file.suffix != ".pyc"):
                archive.write(file, file.relative_to(path.parent))
    return len(content.getvalue())
