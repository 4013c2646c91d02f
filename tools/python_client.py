"""Generate the mechanical parts of `clients/python`: the models, from docs/openapi.json, and the sync client.

python -m tools.python_client            write
python -m tools.python_client --check    list the files that would change; exit 1 if there are any

`make clients` runs it. datamodel-code-generator is in an environment of its own, .venv/interop.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
PACKAGE: Final = ROOT / "clients" / "python" / "src" / "genai_images"
MODELS: Final = PACKAGE / "models.py"
GENERATOR: Final = Path(sys.prefix) / "interop" / "bin" / "datamodel-codegen"

NOT_COVERED: Final = {
    "/v1/images/generations": "for OpenAI's clients, which are packages of their own",
    "/openai/": "for OpenAI's clients, which are packages of their own",
    "/api/": "the first version of the API",
    "/health": "for monitoring",
    "/problems/": "pages for people",
    "/v1/verifications": "for whoever received a file, who need not be a caller of the API",
    "/v1/operations/": "for operators, who have a command line",
    "/v1/moderation/": "for operators, who have a command line",
}
"""Beginning of the paths without a method → the reason."""
ONLY_THE_SERVER_CHECKS: Final = {
    *("additionalProperties", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"),
    *("example", "examples", "title"),
}
"""Keywords that the models leave out: a client that repeats them refuses the answers of a newer server."""
HEADER: Final = "# Generated from docs/openapi.json by `make clients`. Do not edit."

TO_SYNC: Final = {
    r"\basync (def|with|for)\b": r"\1",
    r"\bawait ": "",
    r"\bAsync(?=[A-Z])": "",
    r"__a(enter|exit)__": r"__\1__",
    r"\baclose\b": "close",
    r"\basyncio\.sleep\b": "time.sleep",
    r"\bimport asyncio\n": "",
    r"genai_images\._async\b": "genai_images._sync",
}
"""Pattern in the async client → its replacement in the sync client."""


def covered(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the method, the path and the operation of every route that the client covers."""
    for path, operations in document["paths"].items():
        if not path.startswith(tuple(NOT_COVERED)):
            for method, operation in operations.items():
                if "operationId" in operation:
                    yield method.upper(), path, operation


def answered(document: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas of what the client receives, by name: answers, webhook messages, and what they refer to."""
    responses = [each for _, _, operation in covered(document) for each in operation["responses"].items()]
    received = [response for status, response in responses if status.startswith("2")]
    received += [webhook["post"]["requestBody"] for webhook in document["webhooks"].values()]
    found: dict[str, Any] = {}
    waiting = _references(received)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = document["components"]["schemas"][name]
            waiting += _references(found[name])
    return {name: _relaxed(found[name]) for name in sorted(found) if found[name].keys() & {"properties", "enum"}}


def _references(part: Any) -> list[str]:
    return re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(part))


def _relaxed(part: Any, *, names: bool = False) -> Any:
    """Return a schema without what only the server checks. ``names``: the keys of ``part`` are names of properties."""
    if isinstance(part, list):
        return [_relaxed(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {key: value for key, value in part.items() if names or key not in ONLY_THE_SERVER_CHECKS}
    if not names and kept.get("format") not in {"date", "date-time"}:
        kept.pop("format", None)  # ids and URLs are text
    found = {key: _relaxed(value, names=key == "properties" and not names) for key, value in kept.items()}
    if not names and isinstance(found.get("properties"), dict):
        required = found.setdefault("required", [])
        for name, schema in found["properties"].items():
            if schema.get("type") == "array" and name not in required:
                schema["default"] = []  # an absent list is an empty one
            if isinstance(schema.get("default"), dict):
                required.append(name)  # an answer contains what the server fills in
                del schema["default"]
    return found


def models_text() -> str:
    """Return the models as Python code."""
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    schemas = {"openapi": document["openapi"], "info": document["info"], "paths": {}}
    schemas["components"] = {"schemas": answered(document)}
    options = [
        *("--input-file-type", "openapi", "--openapi-scopes", "schemas"),
        *("--output-model-type", "pydantic_v2.BaseModel", "--target-python-version", "3.11"),
        *("--base-class", "genai_images._answer.Answer", "--enum-field-as-literal", "all", "--strict-nullable"),
        *("--use-schema-description", "--use-attribute-docstrings", "--use-field-description"),
        "--use-single-line-docstring",
        *("--use-annotated", "--use-standard-collections", "--use-union-operator", "--use-type-alias"),
        *("--disable-timestamp", "--custom-file-header", HEADER, "--formatters", "ruff-format", "ruff-check"),
    ]
    command = [str(GENERATOR), *options]
    made = subprocess.run(command, input=json.dumps(schemas), capture_output=True, text=True, check=False, cwd=ROOT)
    if made.returncode:
        raise SystemExit(made.stderr)
    setting_of_the_base = r"    model_config = ConfigDict\(\s*use_attribute_docstrings=True,?\s*\)\n"
    return _formatted(re.sub(setting_of_the_base, "", made.stdout), MODELS)


def sync_texts() -> dict[Path, str]:
    """Return the sync client by file, made from the async one."""
    texts = {}
    for source in sorted((PACKAGE / "_async").glob("*.py")):
        text = source.read_text()
        for pattern, replacement in TO_SYNC.items():
            text = re.sub(pattern, replacement, text)
        target = PACKAGE / "_sync" / source.name
        note = f"# Generated from _async/{source.name} by `make clients`. Do not edit.\n"
        texts[target] = _formatted(note + text, target)
    return texts


def _formatted(text: str, path: Path) -> str:
    """Return Python code as ruff sorts its imports and formats it."""
    ruff = Path(sys.executable).with_name("ruff")
    for arguments in (
        ("check", "--fix", "--unsafe-fixes", "--quiet", "--select", "I,F401,UP028"),
        ("format", "--quiet"),
    ):
        command = [str(ruff), *arguments, "--stdin-filename", str(path), "-"]
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return text


def outputs() -> dict[Path, str]:
    """Return every generated file with its content."""
    return {MODELS: models_text(), **sync_texts()}


def main(arguments: list[str]) -> int:
    """Write the files, or with ``--check`` list those that would change."""
    stale = {path: text for path, text in outputs().items() if not path.exists() or path.read_text() != text}
    for path, text in stale.items():
        print(path.relative_to(ROOT))
        if "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
