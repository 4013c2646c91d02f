"""Clients that other projects' tools generate from docs/openapi.json compile, and get an image from the local stack."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.emulator import ROOT
from local.node import NodeError, NodePackage
from tests.support.images import opened
from tests.support.system import System, download

DOCUMENT = ROOT / "docs" / "openapi.json"
INTEROP = ROOT / ".venv" / "interop" / "bin"
NODE = NodePackage(ROOT / "tests" / "interop")
NODE_BIN = NODE.folder / "node_modules" / ".bin"

EXPECTED_WARNINGS = (
    "OpenAPI 3.1 support is still in beta",
    "Failed to get the schema name: null",  # of every document of version 3.1 that has a schema
    "From (reserved word) cannot be used as model name",  # of the parameter `from`, which has no model
)
"""Warnings of openapi-generator that no change of the document removes."""

MYPY = """
[mypy]
[mypy-generated.client]
ignore_errors = True
[mypy-openapi_client.configuration]
ignore_errors = True
[mypy-dateutil.*]
ignore_missing_imports = True
"""
"""Ignores two files that are the same for every document, and a package without types."""

TSCONFIG = """{
  "compilerOptions": {
    "strict": true, "target": "es2022", "module": "commonjs", "lib": ["es2022", "dom", "dom.iterable"], "types": [],
    "outDir": "compiled", "rootDir": "."
  },
  "files": ["program.ts", "generated/index.ts"]
}"""

PYTHON_CLIENT = """
import os, time
from generated import AuthenticatedClient
from generated.api.intake import create_request, show_request
from generated.models import AcceptedView, NewRequest, RequestView, Status

with AuthenticatedClient(os.environ["API"], token=os.environ["API_KEY"], prefix="Bearer") as client:
    found = create_request.sync(client=client, body=NewRequest(prompt="A red fox"), prefer="wait=20")
    assert isinstance(found, AcceptedView | RequestView), found
    deadline = time.monotonic() + 60
    while found.status != Status.SUCCEEDED and time.monotonic() < deadline:
        found = show_request.sync(found.id, client=client)
        assert isinstance(found, RequestView), found
    assert isinstance(found, RequestView), found
    assert isinstance(found.images, list)
    print(found.images[0].url)
"""

OPENAPI_GENERATOR_PYTHON = """
import json, os, time
from openapi_client import ApiClient, Configuration, IntakeApi, NewRequest, Status

configuration = Configuration(host=os.environ["API"], api_key={"api_key": os.environ["API_KEY"]})
with ApiClient(configuration) as client:
    api = IntakeApi(client)
    created = api.create_request_with_http_info(NewRequest(prompt="A red fox"), prefer="wait=20")
    request_id = json.loads(created.raw_data)["id"]  # of an accepted or of a finished request
    found = api.show_request(request_id)
    deadline = time.monotonic() + 60
    while found.status != Status.SUCCEEDED and time.monotonic() < deadline:
        found = api.show_request(request_id)
    assert found.images
    print(found.images[0].url)
"""

HEY_API = """
import { createRequest, showRequest } from "./generated";
import { client } from "./generated/client.gen";
declare const process: { env: Record<string, string> };

async function main() {
  client.setConfig({ baseUrl: process.env.API, auth: process.env.API_KEY, throwOnError: true });
  const body = { prompt: "A red fox" };
  const created = await createRequest({ body, headers: { Prefer: "wait=20" }, throwOnError: true });
  if (!("id" in created.data)) throw new Error("a dry run");
  const path = { request_id: created.data.id };
  const deadline = Date.now() + 60_000;
  let { data } = await showRequest({ path, throwOnError: true });
  while (data.status !== "succeeded" && Date.now() < deadline)
    ({ data } = await showRequest({ path, throwOnError: true }));
  console.log(data.images?.[0]?.url);
}
main();
"""

OPENAPI_GENERATOR_TYPESCRIPT = """
import { AcceptedViewFromJSON, Configuration, IntakeApi, Status } from "./generated";
declare const process: { env: Record<string, string> };

async function main() {
  const api = new IntakeApi(new Configuration({ basePath: process.env.API, apiKey: process.env.API_KEY }));
  const created = await api.createRequestRaw({ newRequest: { prompt: "A red fox" }, prefer: "wait=20" });
  const accepted = created.raw.status === 202 ? AcceptedViewFromJSON(await created.raw.json()) : await created.value();
  if (!("id" in accepted)) throw new Error("a dry run");
  const deadline = Date.now() + 60_000;
  let found = await api.showRequest({ requestId: accepted.id });
  while (found.status !== Status.Succeeded && Date.now() < deadline)
    found = await api.showRequest({ requestId: accepted.id });
  console.log(found.images?.[0]?.url);
}
main();
"""


@dataclass(frozen=True)
class Client:
    """A generated client and a program that uses it."""

    generate: Callable[[Path], str]
    """Generates into a folder, and returns what the generator wrote to the terminal."""
    package: str
    """Folder of the generated code."""
    program: str


def run(*command: str, cwd: Path, **environment: str) -> str:
    """Run a tool of .venv/interop and return its output. Fails with the output if it fails."""
    done = subprocess.run(
        [str(INTEROP / command[0]), *command[1:]],
        cwd=cwd,
        env={"PATH": f"{INTEROP}:/usr/bin:/bin", "HOME": str(cwd), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def openapi_python_client(folder: Path) -> str:
    options = ["--path", str(DOCUMENT), "--output-path", "generated", "--meta", "none", "--fail-on-warning"]
    return run("openapi-python-client", "generate", *options, cwd=folder)


def openapi_generator_python(folder: Path) -> str:
    # Its generator writes invalid Python for webhooks (7.26.0), so they are left out.
    properties = ["--global-property", "apis,models,supportingFiles"]
    options = ["-i", str(DOCUMENT), "-g", "python", "-o", ".", *properties]
    return run("openapi-generator-cli", "generate", *options, cwd=folder)


def openapi_generator_typescript(folder: Path) -> str:
    return run(
        "openapi-generator-cli",
        "generate",
        "-i",
        str(DOCUMENT),
        "-g",
        "typescript-fetch",
        "-o",
        "generated",
        cwd=folder,
    )


def hey_api(folder: Path) -> str:
    return NODE.run(str(NODE_BIN / "openapi-ts"), "-i", str(DOCUMENT), "-o", str(folder / "generated"), "--no-log-file")


CLIENTS = {
    "openapi-python-client": Client(openapi_python_client, "generated", PYTHON_CLIENT),
    "openapi-generator-python": Client(openapi_generator_python, "openapi_client", OPENAPI_GENERATOR_PYTHON),
    "openapi-generator-typescript-fetch": Client(
        openapi_generator_typescript, "generated", OPENAPI_GENERATOR_TYPESCRIPT
    ),
    "hey-api": Client(hey_api, "generated", HEY_API),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_a_generated_client_compiles_and_gets_an_image(name: str, tmp_path: Path, stack: System) -> None:
    client = CLIENTS[name]
    NODE.install()
    warnings = [line for line in client.generate(tmp_path).splitlines() if "warn" in line.lower()]
    assert [line for line in warnings if not any(expected in line for expected in EXPECTED_WARNINGS)] == []

    access = {"API": stack.stack.api_url, "API_KEY": stack.stack.api_key}
    url = in_python(client, tmp_path, access) if "python" in name else in_typescript(client, tmp_path, access)

    assert opened(download(url.strip())).format == "PNG"


def in_python(client: Client, folder: Path, access: dict[str, str]) -> str:
    """Type-check the client and the program, and return what the program prints."""
    (folder / "program.py").write_text(client.program)
    (folder / "mypy.ini").write_text(MYPY)
    mypy = ["-m", "mypy", "--python-executable", str(INTEROP / "python"), client.package, "program.py"]
    done = subprocess.run([ROOT / ".venv/bin/python", *mypy], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return run("python", "program.py", cwd=folder, **access)


def in_typescript(client: Client, folder: Path, access: dict[str, str]) -> str:
    """Compile the client and the program, and return what the program prints."""
    (folder / "program.ts").write_text(client.program)
    (folder / "tsconfig.json").write_text(TSCONFIG)
    try:
        NODE.run(str(NODE_BIN / "tsc"), "-p", str(folder))
        return NODE.run("node", str(folder / "compiled" / "program.js"), show=False, **access)
    except NodeError as error:
        pytest.fail(str(error))
