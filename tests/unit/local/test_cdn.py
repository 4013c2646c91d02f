"""The stand-in for the CDN of images, with the function of storage's template in Node."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from kit.signed_urls import WIDTHS
from local.cdn.function import FunctionFailedError, FunctionRunner, viewer_request
from services.storage.derived_files import DerivedFile
from tests.support import templates

FOLDER = f"images/01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04/0-{'a' * 64}"
CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
SAFARI_13 = "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"
EDGE_18 = "image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
CODE = templates.service_template("storage")["Resources"]["DerivedKeys"]["Properties"]["FunctionCode"]


@pytest.fixture(scope="module")
def runner() -> Iterator[FunctionRunner]:
    runner = FunctionRunner()
    yield runner
    runner.close()


def run(runner: FunctionRunner, path: str, accept: str | None = CHROME) -> dict[str, Any]:
    headers = {} if accept is None else {"Accept": accept}
    return runner.run(CODE, viewer_request("GET", f"http://127.0.0.1/{path}", headers))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("accept", "format"),
    [
        (CHROME, "avif"),
        (EDGE_18, "webp"),
        (SAFARI_13, "jpeg"),
        ("*/*", "jpeg"),
        (None, "jpeg"),
        ("image/avif;q=0, image/webp;q=0.5", "webp"),
        ("IMAGE/AVIF", "avif"),
        ("image/avifs, image/webp2", "jpeg"),
        ("image/avif;q=0.0,image/webp; q=0", "jpeg"),
    ],
)
def test_width_and_accepted_format_become_a_path(
    runner: FunctionRunner, accept: str | None, format: str, width: int
) -> None:
    request = run(runner, f"{FOLDER}?w={width}", accept)
    wanted = DerivedFile.parse(request["uri"].removeprefix("/"))
    assert wanted is not None
    assert (wanted.folder, wanted.width, wanted.format) == (FOLDER, width, format)
    assert request["querystring"] == {}, "one copy for all signatures"


@pytest.mark.parametrize(
    "query",
    ["", "?w=", "?w=641", "?w=0640", "?w=640.0", "?w=-640", "?w=640px", "?width=640", "?w=640&w=640", "?w=640&w=9999"],
)
def test_another_width_is_refused_with_the_field_and_the_rule(runner: FunctionRunner, query: str) -> None:
    answer = run(runner, FOLDER + query)
    assert answer["statusCode"] == 400
    assert answer["headers"]["content-type"]["value"] == "application/problem+json"
    assert answer["headers"]["cache-control"]["value"] == "no-store"
    problem = json.loads(answer["body"])
    rule = "must be one of 320, 640, 960, 1280, 1920"
    assert problem["status"] == 400
    assert problem["errors"] == [{"field": "w", "rule": rule, "allowed": list(WIDTHS)}]


@pytest.mark.parametrize(
    "path",
    [
        f"{FOLDER}/display.webp",
        f"{FOLDER}/original.png?w=640",
        f"{FOLDER}/?w=640",
        "images/elsewhere?w=640",
        FOLDER.replace("images/", "derived/") + "/640.avif",
    ],
)
def test_other_paths_stay_as_they_are(runner: FunctionRunner, path: str) -> None:
    assert run(runner, path)["uri"] == f"/{path.partition('?')[0]}"


def test_a_function_that_raises_is_reported(runner: FunctionRunner) -> None:
    with pytest.raises(FunctionFailedError, match="no width"):
        runner.run("function handler() { throw new Error('no width'); }", {})
