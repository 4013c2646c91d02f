"""The package genai-images-events works for subscribers: installed without this repository and without boto3."""

import json
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jsonschema  # type: ignore[import-untyped]
import pytest

from events.catalog import CATALOG
from tests.support.events import SAMPLES, sample, sqs_record
from tests.support.templates import ROOT

PACKAGE: Final = ROOT / "clients" / "events"
UV: Final = [sys.executable, "-m", "uv", "--quiet"]
PYTHON_BLOCK: Final = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Installed:
    """The package in an environment of its own."""

    wheel: Path
    python: Path
    folder: Path

    def run_with(self, argument: Any, code: str) -> str:
        """Run code that has ``argument`` in ``given``; return what it prints."""
        return self.run(f"import json\ngiven = json.loads({json.dumps(argument)!r})\n{code}")

    def run(self, code: str) -> str:
        """Run code; return what it prints."""
        done = subprocess.run(
            [str(self.python), "-I", "-c", code], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("subscriber")
    build = [*UV, "build", "--no-build-isolation", "--python", sys.executable, "--out-dir", str(folder), str(PACKAGE)]
    subprocess.run(build, check=True)  # the source distribution, and from it the wheel
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*UV, "venv", "--python", sys.executable, folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    pins = ROOT / "layer" / "requirements.txt"
    subprocess.run([*UV, "pip", "install", "--python", python, "--constraint", pins, wheel], check=True)
    return Installed(wheel, python, folder)


def sample_texts() -> dict[str, Any]:
    """Return the sample of every event version by its file name."""
    return {path.stem: json.loads(path.read_text()) for path in SAMPLES.iterdir()}


def test_the_package_needs_pydantic_only(installed: Installed) -> None:
    found = installed.run("""
import json
from importlib.metadata import distributions, requires
from importlib.util import find_spec
print(json.dumps([sorted(each.name.lower() for each in distributions()), requires("genai-images-events"),
                  [name for name in ("boto3", "botocore", "events", "kit") if find_spec(name)]]))
""")
    names, required, others = json.loads(found)

    assert [re.split(r"[<>=]", each)[0] for each in required] == ["pydantic"]
    assert {name.replace("-", "_") for name in names} == {
        *("genai_images_events", "pydantic", "pydantic_core"),
        *("annotated_types", "typing_extensions", "typing_inspection"),
    }
    assert others == []


def test_the_wheel_contains_the_contract_itself(installed: Installed) -> None:
    inside = "genai_images_events/contract/"
    tracked = subprocess.run(["git", "ls-files", "events"], cwd=ROOT, capture_output=True, text=True, check=True)
    about_models = ("events/model_catalog.", "events/model_cards.")
    wanted = {path for path in tracked.stdout.split() if not path.startswith(about_models)}
    with zipfile.ZipFile(installed.wheel) as archive:
        found = {name.replace(inside, "events/") for name in archive.namelist() if name.startswith(inside)}
        assert found == wanted
        assert all(archive.read(path.replace("events/", inside, 1)) == (ROOT / path).read_bytes() for path in wanted)
        assert "genai_images_events/py.typed" in archive.namelist()


def test_every_event_is_parsed_in_every_form_that_aws_delivers(installed: Installed) -> None:
    found = installed.run_with(
        {"events": list(CATALOG), "record": sqs_record("")},
        """
from genai_images_events import parse, sample
seen = {}
for name, version in given["events"]:
    event = sample(name, version)
    body = json.dumps(event)
    forms = [event, body, body.encode(), {**given["record"], "body": body}, {"MessageId": "1", "Body": body}]
    parsed = [parse(form) for form in forms]
    assert all(each == parsed[0] for each in parsed)
    seen[f"{type(parsed[0]).__name__}.v{parsed[0].version}"] = parsed[0].model_dump(mode="json", exclude_none=True)
print(json.dumps(seen))
""",
    )

    assert json.loads(found) == sample_texts()


def test_every_sample_matches_its_json_schema(installed: Installed) -> None:
    found = installed.run_with(
        list(CATALOG),
        """
from genai_images_events import sample, schema
print(json.dumps([[schema(name, version), sample(name, version)["detail"]] for name, version in given]))
""",
    )
    pairs = json.loads(found)

    assert len(pairs) == len(CATALOG)
    for schema, detail in pairs:
        jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(detail)


def test_every_event_and_every_part_of_one_is_exported(installed: Installed) -> None:
    found = installed.run_with(
        list(CATALOG),
        """
import genai_images_events as package
from genai_images_events.contract import erasure, exporting, images, parameters
from genai_images_events.contract.catalog import event_type
kinds = [event_type(*key) for key in given]
for module in (erasure, exporting, images, parameters):
    kinds += [part for part in vars(module).values() if isinstance(part, type) and part.__module__ == module.__name__]
print(json.dumps([kind.__name__ for kind in kinds if getattr(package, kind.__name__, None) is not kind]))
""",
    )

    assert json.loads(found) == []


def changed(**changes: Any) -> dict[str, Any]:
    """Return the fields of a sample event with some of them replaced; None removes one."""
    event = {
        "source": "genai-images.storage",
        "detail-type": "ImageStored",
        "detail": json.loads((SAMPLES / "ImageStored.v1.json").read_text()),
    }
    event["detail"]["metadata"] |= changes.pop("metadata", {})
    return {name: value for name, value in (event | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("delivered", "error", "text"),
    [
        (changed(metadata={"version": 2}), "UnknownEventError", "knows ImageStored version 1, not 2. Upgrade it"),
        (changed(**{"detail-type": "ImageShared"}), "UnknownEventError", "does not know ImageShared. Upgrade it"),
        (changed(source="aws.s3"), "NotAnEventError", "source: does not start with genai-images."),
        (changed(source="genai-images.intake"), "NotAnEventError", "is published by genai-images.storage only"),
        (changed(source=None), "NotAnEventError", "source: "),
        (changed(**{"detail-type": None}), "NotAnEventError", "detail-type: is missing"),
        (changed(metadata={"version": "one"}), "NotAnEventError", "detail.metadata.version"),
        (changed(detail="text"), "NotAnEventError", "detail.metadata.version"),
        (changed(metadata={"event_id": "secret"}), "ValidationError", "metadata.event_id"),
        ({"Records": []}, "NotAnEventError", "Call parse with each of its records"),
        ({"body": "{"}, "NotAnEventError", "body: is not JSON"),
        ("[1]", "NotAnEventError", "is not a JSON object"),
    ],
)
def test_an_error_names_the_field_and_what_to_change(
    installed: Installed, delivered: Any, error: str, text: str
) -> None:
    found = installed.run_with(
        delivered,
        """
from genai_images_events import parse
try:
    parse(given)
except ValueError as error:
    print(type(error).__name__, error)
""",
    )

    assert found.startswith(error)
    assert text in found
    assert "secret" not in found, "the content may be a prompt"


@pytest.mark.parametrize("asked", ['sample("ImageShared")', 'schema("ImageStored", 2)'])
def test_there_is_no_sample_of_an_unknown_event(installed: Installed, asked: str) -> None:
    code = f"""
from genai_images_events import sample, schema
try:
    {asked}
except KeyError as error:
    print(error)
"""
    assert "Image" in installed.run(code)


TYPED: Final = """
from typing import assert_type
from genai_images_events import ImageStored, StoredImage, parse
event = parse({{}})
if isinstance(event, ImageStored):
    assert_type(event.data.images, list[StoredImage])
    event.metadata.{attribute}
"""


@pytest.mark.parametrize(("attribute", "accepted"), [("owner", True), ("ownr", False)])
def test_type_checkers_know_the_fields(installed: Installed, tmp_path: Path, attribute: str, accepted: bool) -> None:
    script = tmp_path / "typed.py"
    script.write_text(TYPED.format(attribute=attribute))
    options = ["--strict", f"--python-executable={installed.python}", f"--cache-dir={tmp_path}"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.returncode == 0) == accepted, done.stdout
    assert accepted or 'no attribute "ownr"' in done.stdout


def test_the_code_of_the_readme_runs(installed: Installed) -> None:
    text = (PACKAGE / "README.md").read_text()
    shown = installed.run("\n".join(PYTHON_BLOCK.findall(text))).splitlines()

    assert len(shown) == 2
    assert re.fullmatch(r"demo images/\S+/original\.png 0\.04", shown[0])
    assert shown[1] == "urn:genai-images:event:ImageStored:1"
    assert len(text.splitlines()) <= 60


def test_the_code_of_the_page_of_events_runs(installed: Installed) -> None:
    (code,) = PYTHON_BLOCK.findall((ROOT / "docs" / "events.md").read_text())
    record = sqs_record(sample("ImageStored"))

    assert "original.png" in installed.run_with(record, f'{code}\nhandler({{"Records": [given]}}, None)')
