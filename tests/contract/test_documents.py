"""Links in the documents lead to files that exist, and commands in them exist."""

import re
import subprocess
from typing import Final

import pytest

from cli.web_publishing import DOCUMENTS as PUBLISHED
from services.accounts.consent import current_versions
from tests.support.commands import TARGETS, make_targets, operators_commands, unknown_word
from tests.support.templates import ROOT

DOCUMENTS: Final = sorted(
    subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
)
LINK: Final = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)|<img[^>]*\ssrc=\"(?!https?:)([^\"]+)\"")
WITHIN: Final = re.compile(r"\]\(#([^)\s]+)\)")
HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
BLOCK: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE: Final = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_exist(document: str) -> None:
    code = "\n".join(CODE.findall((ROOT / document).read_text()))

    assert make_targets(code) - TARGETS == set()
    assert [found for words in operators_commands(code) if (found := unknown_word(words))] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_relative_links_resolve(document: str) -> None:
    path = ROOT / document
    targets = [match[1] or match[2] for match in LINK.finditer(path.read_text())]

    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_within_a_document_lead_to_a_heading(document: str) -> None:
    text = BLOCK.sub("", (ROOT / document).read_text())
    headings = {anchor(match[1]) for match in HEADING.finditer(text)}

    assert sorted(set(WITHIN.findall(text)) - headings) == []


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_curl_that_sends_a_body_states_that_it_is_json(document: str) -> None:
    """Without the header, curl says that the body is a form, which the API refuses with 415."""
    code = "\n".join(CODE.findall((ROOT / document).read_text())).replace("\\\n", " ")
    commands = [line for line in code.splitlines() if re.search(r"\bcurl\b.* -d ", line)]

    assert [line for line in commands if "content-type: application/json" not in line.lower()] == []


@pytest.mark.parametrize("name", ["terms", "privacy_notice"])
def test_the_version_of_a_legal_text_is_the_one_that_owners_agree_to(name: str) -> None:
    document = ROOT / "docs" / f"{name.replace('_', '-')}.md"
    assert f"\nVersion {vars(current_versions())[name]}\n" in document.read_text()
    assert document in PUBLISHED, "it is a page of the reference"
