"""AsyncAPI's own parser accepts the document and finds every event in it."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from events.catalog import CATALOG
from local.node import NodePackage
from tests.support.templates import ROOT

DOCUMENT: Final = ROOT / "docs" / "asyncapi.json"
EXPLAINED: Final = {
    "asyncapi-latest-version": "3.1 only adds the protocol of a robotics system (ROS 2); more tools read 3.0",
}
"""Findings of the parser that are accepted, with the reason."""


@pytest.fixture(scope="module")
def package() -> NodePackage:
    found = NodePackage(ROOT / "tests" / "interop")
    found.install()
    return found


def parsed(package: NodePackage, document: Path) -> dict[str, Any]:
    """Return the parser's findings about a document, and the operations in it."""
    found: dict[str, Any] = json.loads(package.run("node", "asyncapi.js", str(document)))
    return found


def test_the_parser_has_no_findings(package: NodePackage) -> None:
    found = parsed(package, DOCUMENT)

    assert [each for each in found["diagnostics"] if each["code"] not in EXPLAINED] == []
    assert EXPLAINED.keys() == {each["code"] for each in found["diagnostics"]}, "explained, but no longer found"


def test_the_parser_finds_every_event_with_its_envelope(package: NodePackage) -> None:
    operations = {each["id"]: each for each in parsed(package, DOCUMENT)["operations"]}

    for name, version in CATALOG:
        (message,) = operations[f"receive{name}V{version}"]["messages"]
        assert message["name"] == name
        assert message["headers"]["properties"]["detail-type"]["const"] == name
        assert message["headers"]["properties"]["time"]["format"] == "date-time"
        assert "event_id" in message["payload"]["properties"]["metadata"]["allOf"][0]["properties"]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("operations", "receiveImageStoredV1", "messages", 0), {"$ref": "#/channels/socket/messages/pong"}),
        (("components", "schemas", "Variant", "properties", "bytes", "type"), "bytes"),
        (("channels", "bus", "servers", 0), {"$ref": "#/servers/none"}),
    ],
    ids=["a message of another channel", "an unknown type", "a reference to nothing"],
)
def test_the_parser_notices_mistakes(
    package: NodePackage, tmp_path: Path, place: tuple[str | int, ...], value: Any
) -> None:
    document = json.loads(DOCUMENT.read_text())
    part = document
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    broken = tmp_path / "asyncapi.json"
    broken.write_text(json.dumps(document))

    assert [each["code"] for each in parsed(package, broken)["diagnostics"] if each["code"] not in EXPLAINED]
