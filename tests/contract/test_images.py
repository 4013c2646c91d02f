"""An image has the files of its functions, and the templates can be written for images.

The images are assembled from the Dockerfile without Docker: this shows that its lines produce a tree in which every
handler and the worker start. It does not show that the base image has what they expect, nor that Lambda runs it.
"""

import copy
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from local import parameters
from local.account import sam_deploy
from local.emulator import free_port
from local.images import (
    PARAMETERS,
    TASK_ROOT,
    VARIANT,
    DockerfileError,
    assemble,
    image_services,
    instructions,
    root_variant,
    service_variant,
    write_variants,
)
from local.loops import expand
from local.package import transform
from local.templates import parse_template
from tests.support import templates
from tests.support.sdk import OLDEST_SDK
from tests.support.templates import ROOT, Resource

DOCKERFILE: Final = (ROOT / "Dockerfile").read_text()
SERVICES: Final = sorted(PARAMETERS.values())
EVERY_SERVICE = pytest.mark.parametrize("service", SERVICES)
FUNCTIONS: Final = [each for each in templates.resources("AWS::Serverless::Function") if each.service in SERVICES]
HANDLER: Final = "services.generation.handlers.generate.handler"
SECONDS: Final = 30.0
LAMBDA_SETS: Final = {
    **dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), "us-east-1"),
    **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "x"),
}
START: Final = """
import importlib, json, sys
sys.path[:0] = json.loads(sys.argv[1])
module, _, name = sys.argv[2].rpartition(".")
handler = getattr(importlib.import_module(module), name)
step = getattr(handler, "step", None)
answer = handler({"Records": []}) if step else None
here = [path for path in sys.path if path.endswith("/task")]
print(json.dumps({"step": step, "answer": answer, "file": importlib.import_module("kit").__file__, "tree": here}))
"""


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Return the folder of each service's image, which is assembled on first use."""

    class Images(dict[str, Path]):
        def __missing__(self, service: str) -> Path:
            folder = tmp_path_factory.mktemp(service)
            assert assemble(service, folder, DOCKERFILE) == [HANDLER]
            return self.setdefault(service, folder / TASK_ROOT)

    return Images()


# The file system -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_a_handler_starts_in_its_image(function: Resource, image: Mapping[str, Path]) -> None:
    tree = str(image[function.service])
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-B",
            "-c",
            START,
            json.dumps([tree, str(OLDEST_SDK)]),
            function.properties["Handler"],
        ],
        env={**LAMBDA_SETS, **templates.environment(function), "AWS_LAMBDA_FUNCTION_NAME": "function"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])

    assert found["file"].startswith(tree)
    queues = [queue for queue in templates.source_queues() if templates.consumer_of(queue) == function]
    if queues:
        assert found["step"] == templates.step_of(queues[0])
        assert found["answer"] == {"batchItemFailures": []}


@EVERY_SERVICE
def test_an_image_contains_one_service_and_no_sdk(service: str, image: Mapping[str, Path]) -> None:
    names = {path.name for path in image[service].iterdir()}

    assert {"events", "kit", "services", "pydantic", "cryptography"} <= names
    assert names.isdisjoint({"boto3", "botocore", "requirements", "tests", "local", "tools"})
    assert [path.name for path in (image[service] / "services").iterdir() if path.name != "__pycache__"] == [service]
    assert not list((image[service] / "services").rglob("*.yaml"))


def test_a_worker_runs_in_the_image(image: Mapping[str, Path]) -> None:
    (function,) = [each for each in FUNCTIONS if each.properties["Handler"] == HANDLER]
    port = free_port()
    environment = {
        **LAMBDA_SETS,
        **templates.environment(function),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",  # nothing answers: a worker that waits is healthy
        "PYTHONPATH": str(OLDEST_SDK),
        "PYTHONNOUSERSITE": "1",
        "HEALTH_PORT": str(port),
        "WORKER_POLL": "0",
    }
    with worker([sys.executable, "-S", "-B", "-m", "kit.worker", HANDLER], image["generation"], environment) as process:
        assert wait_for_health(port, process) == {"status": "ok", "messages": 0}
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=SECONDS)

    lines = [json.loads(line)["message"] for line in output.splitlines() if line.startswith("{")]
    assert process.returncode == 0, output
    assert [text for text in lines if text.startswith("worker")] == ["worker started", "worker stops", "worker stopped"]


@contextmanager
def worker(command: list[str], folder: Path, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """Run a worker in an image's folder, and kill it at the end."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env={"PATH": os.defpath, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_health(port: int, process: "subprocess.Popen[str]") -> Any:
    """Return the answer to the health check, once there is one."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
                return json.load(answer)
        except (urllib.error.URLError, OSError):
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline, f"no answer within {SECONDS} s"
            time.sleep(0.05)


# The Dockerfile ------------------------------------------------------------------------------------------------------


def test_the_base_image_is_that_of_lambda_for_the_python_of_the_templates() -> None:
    lines = list(instructions(DOCKERFILE))
    default = templates.root_template()["Parameters"]["Runtime"]["Default"].removeprefix("python")

    assert lines[0] == ("ARG", f"PYTHON={default}")
    assert lines[1] == ("FROM", "public.ecr.aws/lambda/python:${PYTHON}")
    assert ("USER", "1000") in lines


def test_everything_that_is_copied_is_in_the_context_of_the_build() -> None:
    admitted = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    sources = {text.split()[0] for name, text in instructions(DOCKERFILE) if name == "COPY"}

    assert all(any(source == each or source.startswith(f"{each}/") for each in admitted) for source in sources)


def test_an_unknown_instruction_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DockerfileError, match="VOLUME"):
        assemble("generation", tmp_path, "FROM x\nVOLUME /data\n")


def test_a_command_that_fails_stops_the_assembly(tmp_path: Path) -> None:
    with pytest.raises(DockerfileError, match="RUN"):
        assemble("generation", tmp_path, "WORKDIR /var/task\nRUN exit 3\n")


# The variants of the templates ---------------------------------------------------------------------------------------


def plain(service: str) -> dict[str, Any]:
    """Return the template of a service as it is written."""
    return parse_template((ROOT / "services" / service / "template.yaml").read_text())


@EVERY_SERVICE
def test_sam_accepts_the_variant_with_images(service: str) -> None:
    variant = expand(service_variant(plain(service), service, "3.13"))
    for resource in variant["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            assert resource["Metadata"]["DockerBuildArgs"] == {"SERVICE": service, "PYTHON": "3.13"}
            resource["Properties"]["ImageUri"] = (
                "123456789012.dkr.ecr.us-west-2.amazonaws.com/x:1"  # as `sam build` does
            )
        elif resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = "s3://bucket/key"
    (template,) = transform([variant])
    functions = {
        name: body["Properties"]
        for name, body in template["Resources"].items()
        if body["Type"] == "AWS::Lambda::Function"
    }

    assert functions.keys() == {each.name for each in FUNCTIONS if each.service == service}
    for function in FUNCTIONS:
        if function.service == service:
            properties = functions[function.name]
            assert properties["PackageType"] == "Image"
            assert properties["ImageConfig"] == {"Command": [function.properties["Handler"]]}
            assert properties.keys().isdisjoint({"Handler", "Runtime", "Layers"})
            assert properties["FunctionName"] == function.properties["FunctionName"]


@EVERY_SERVICE
def test_a_variant_differs_only_in_its_functions(service: str) -> None:
    before, after = plain(service), service_variant(plain(service), service, "3.13")
    for template in (before, after):
        template.pop("Globals")
        for name, body in copy.copy(template["Resources"]).items():
            if isinstance(body, dict) and body.get("Type") == "AWS::Serverless::Function":
                del template["Resources"][name]

    assert before == after


def test_the_root_variant_names_the_variants() -> None:
    root = parse_template((ROOT / "template.yaml").read_text())
    locations = {
        body["Properties"]["Location"]
        for body in root_variant(root, ["generation"])["Resources"].values()
        if body["Type"] == "AWS::Serverless::Application"
    }

    assert f"services/generation/{VARIANT}" in locations
    assert "services/storage/template.yaml" in locations
    assert root_variant(root, []) == root


def test_the_template_itself_refuses_images_and_the_variant_takes_them() -> None:
    root, wanted = templates.root_template(), {"GenerationPackage": "image"}
    (problem,) = parameters.problems(root, wanted, "us-west-2")

    assert "make deploy AWS=1" in problem
    assert parameters.problems(root_variant(root, image_services(wanted)), wanted, "us-west-2") == []


def test_images_have_no_snapshots() -> None:
    wanted = {"StoragePackage": "image", "SnapStart": "on"}
    (problem,) = parameters.problems(root_variant(templates.root_template(), ["storage"]), wanted, "us-west-2")

    assert problem.startswith("Set StoragePackage to zip or SnapStart to off")


def test_a_deployment_of_images_pushes_them() -> None:
    assert "--resolve-image-repos" in sam_deploy("dev", {"StoragePackage": "image"}, [])
    assert "--resolve-image-repos" not in sam_deploy("dev", {"StoragePackage": "zip"}, [])


def test_variants_are_written_beside_the_templates_and_not_committed() -> None:
    written = [ROOT / VARIANT, ROOT / "services" / "generation" / VARIANT]
    try:
        assert write_variants(["generation"], "3.13") == written[0]
        assert all(json.loads(path.read_text())["Resources"] for path in written)
        ignored = subprocess.run(
            ["git", "check-ignore", *map(str, written)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert len(ignored.stdout.splitlines()) == len(written)
    finally:
        for path in written:
            path.unlink(missing_ok=True)
