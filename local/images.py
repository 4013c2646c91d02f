"""Images: the variant of the templates with `PackageType: Image`, and the file system of an image without Docker.

`python -m local.images SERVICE FOLDER` carries out the Dockerfile for a service into FOLDER.

SAM decides by the text of a template whether a function is a ZIP file or an image, so no parameter can decide it there:
`PackageType` takes no function of CloudFormation, and an image may not have a handler, a runtime or layers. The build
writes the other text.
"""

import argparse
import copy
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from local.emulator import ROOT
from local.templates import parse_template

PARAMETERS: Final = {"GenerationPackage": "generation", "StoragePackage": "storage"}
"""Parameter of the root template → the service whose functions are images if it is ``image``."""
VARIANT: Final = "template.image.json"
RULE: Final = "Images"
"""The rule of the root template that refuses images in a deployment of the template itself."""
OF_ZIP_FILES: Final = ("CodeUri", "Handler", "Runtime", "Layers", "SnapStart")
TASK_ROOT: Final = "var/task"
"""Where Lambda's base image has the code of a function, its variable LAMBDA_TASK_ROOT."""


class DockerfileError(ValueError):
    """A line of the Dockerfile cannot be carried out without Docker."""


def image_services(values: Mapping[str, str]) -> list[str]:
    """Return the services whose functions are images in a deployment with these parameters."""
    return [service for name, service in PARAMETERS.items() if values.get(name) == "image"]


def root_variant(template: Mapping[str, Any], services: Sequence[str]) -> dict[str, Any]:
    """Return the root template with the variants of ``services``."""
    found: dict[str, Any] = copy.deepcopy(dict(template))
    if services:
        del found["Rules"][RULE]
    for resource in found["Resources"].values():
        location = str(resource.get("Properties", {}).get("Location", ""))
        if any(location == f"services/{service}/template.yaml" for service in services):
            resource["Properties"]["Location"] = location.replace("template.yaml", VARIANT)
    return found


def service_variant(template: Mapping[str, Any], service: str, python: str) -> dict[str, Any]:
    """Return a service's template with images instead of ZIP files, for a version of Python."""
    found: dict[str, Any] = copy.deepcopy(dict(template))
    for name in OF_ZIP_FILES:
        found["Globals"]["Function"].pop(name, None)
    for resource in found["Resources"].values():
        if isinstance(resource, dict) and resource.get("Type") == "AWS::Serverless::Function":
            properties = resource["Properties"]
            command = [properties["Handler"]]
            for name in OF_ZIP_FILES:
                properties.pop(name, None)
            properties |= {"PackageType": "Image", "ImageConfig": {"Command": command}}
            resource["Metadata"] = {
                "Dockerfile": "Dockerfile",
                "DockerContext": "../..",
                "DockerTag": service,
                "DockerBuildArgs": {"SERVICE": service, "PYTHON": python},
            }
    return found


def write_variants(services: Sequence[str], python: str) -> Path:
    """Write the variants beside the templates, and return the path of the root's."""
    for service in services:
        folder = ROOT / "services" / service
        plain = parse_template((folder / "template.yaml").read_text())
        (folder / VARIANT).write_text(json.dumps(service_variant(plain, service, python), indent=1))
    root = ROOT / VARIANT
    root.write_text(json.dumps(root_variant(parse_template((ROOT / "template.yaml").read_text()), services), indent=1))
    return root


def assemble(service: str, folder: Path, dockerfile: str) -> list[str]:
    """Carry out COPY and RUN of a Dockerfile in ``folder``, with this Python. Return the command of the image.

    The base image is missing. Raises ``DockerfileError`` for an instruction that it does not know.
    """
    variables = {"SERVICE": service, "LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime"}
    place, command = folder, list[str]()
    for instruction, text in instructions(dockerfile):
        rest = re.sub(r"\$\{(\w+)\}", lambda found: variables.get(found[1], found[0]), text)
        match instruction:
            case "FROM" | "USER" | "ENV":
                pass
            case "ARG":
                name, _, default = rest.partition("=")
                variables.setdefault(name, default)
            case "WORKDIR":
                place = folder / rest.lstrip("/")
                place.mkdir(parents=True, exist_ok=True)
            case "COPY":
                source, target = rest.split()
                _copy(ROOT / source, place / target)
            case "RUN":
                _run(rest, place)
            case "CMD":
                command = json.loads(rest)
            case _:
                raise DockerfileError(f"{instruction}: use ARG, FROM, ENV, WORKDIR, COPY, RUN, USER or CMD.")
    return command


def instructions(dockerfile: str) -> Iterator[tuple[str, str]]:
    """Yield instruction and text of each line; continued lines are one."""
    lines = "\n".join(line for line in dockerfile.splitlines() if not line.startswith("#"))
    for line in re.sub(r"\\\n\s*", "", lines).splitlines():
        if line.strip():
            instruction, _, text = line.partition(" ")
            yield instruction, text.strip()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _run(command: str, place: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    done = subprocess.run(
        ["sh", "-c", command], cwd=place, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DockerfileError(f"RUN {shlex.join([command])[:200]}\n{done.stderr}")


def main() -> None:
    """Assemble one image."""
    parser = argparse.ArgumentParser(prog="python -m local.images", description="Assemble an image without Docker.")
    parser.add_argument("service", choices=sorted(PARAMETERS.values()))
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    try:
        command = assemble(arguments.service, arguments.folder.resolve(), (ROOT / "Dockerfile").read_text())
    except DockerfileError as error:
        sys.exit(str(error))
    print(f"{arguments.folder}/{TASK_ROOT} for {sys.implementation.cache_tag}; its command is {command}")


if __name__ == "__main__":
    main()
