"""Every problem of the API has a type of the catalog, and every type is raised, explained and has a page."""

import ast
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from kit.problem_advice import ADVICE
from kit.problems import PROBLEMS, ApiProblem
from kit.quotas import QUOTA_REFUSALS
from services.operations.problem_pages import HEADERS, example, page
from tests.support.templates import ROOT

CATALOG = {ROOT / "kit/problems.py", ROOT / "kit/problem_advice.py"}
SOURCES = [path for folder in ("kit", "services") for path in sorted((ROOT / folder).rglob("*.py"))]
EVERY_CODE = pytest.mark.parametrize("code", PROBLEMS)


def raised(path: Path) -> Iterator[str]:
    """Yield the codes of the problems that a module creates, as far as they are literals."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"ApiProblem", "problem"}:
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield str(first.value)


def texts(path: Path) -> set[object]:
    """Return all literals of a module."""
    return {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}


def test_every_problem_that_is_raised_is_in_the_catalog() -> None:
    found = {code for path in SOURCES for code in raised(path)}

    assert len(found) > 30
    assert found - PROBLEMS.keys() == set()
    assert QUOTA_REFUSALS.keys() - PROBLEMS.keys() == set(), "their codes are not literals"


def test_every_type_of_the_catalog_is_raised() -> None:
    used = set(raised(ROOT / "kit/problems.py")).union(*(texts(path) for path in SOURCES if path not in CATALOG))

    assert PROBLEMS.keys() - used == set()


def test_every_type_of_the_catalog_is_explained() -> None:
    assert ADVICE.keys() == PROBLEMS.keys()


@EVERY_CODE
def test_a_type_has_a_status_a_title_and_an_explanation(code: str) -> None:
    status, title = PROBLEMS[code]

    assert re.fullmatch(r"[a-z0-9_]+", code)
    assert 400 <= status < 600
    assert re.fullmatch(r"[A-Z][^.]+[^.]", title), "a title is a summary, not a sentence"
    assert all(re.fullmatch(r"[A-Z].+\.", text) for text in ADVICE[code])


@EVERY_CODE
def test_a_type_has_a_page(code: str) -> None:
    text = unescape(page(code))
    status, title = PROBLEMS[code]

    assert f"<h1>{title}</h1>" in text
    assert f"Status {status}" in text
    for sentence in ADVICE[code]:
        assert sentence.replace("`", "") in re.sub(r"</?code>", "", text)


@EVERY_CODE
def test_the_example_of_a_page_is_a_problem_document(code: str) -> None:
    document = ApiProblem(code, "It happened.").document()

    assert example(code).keys() == document.keys()
    assert {**example(code), "detail": "It happened.", "call_id": document["call_id"]} == document


def test_the_pages_run_no_script_and_load_nothing() -> None:
    policy = HEADERS["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script" not in policy + page("not_found")


def test_the_explanations_are_not_imported_by_the_api() -> None:
    users = {path.relative_to(ROOT).as_posix() for path in SOURCES if "kit.problem_advice" in path.read_text()}

    assert users == {"services/operations/problem_pages.py"}
    assert "problem_pages import" in (ROOT / "services/operations/handlers/api.py").read_text()
    assert "\nfrom services.operations.problem_pages" not in (ROOT / "services/operations/handlers/api.py").read_text()
