"""The page that verifies an image file, for a visitor without an API key."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_accessible import AXE
from tests.support.system import System, download


@pytest.fixture(scope="module")
def original(stack: System) -> bytes:
    view = stack.generate("A red kite above a field")
    assert view["status"] == "succeeded", view
    return download(view["images"][0]["url"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_visitor_sees_who_signed_a_file(
    open_app: Callable[..., Page], original: bytes, tmp_path: Path, scheme: str
) -> None:
    files = {
        "kite.png: signed by us, unchanged": original,
        "changed.png: altered": original[:-100] + bytes([original[-100] ^ 1]) + original[-99:],
    }
    page = open_app("/verify", color_scheme=scheme, reduced_motion="reduce")
    for title, content in files.items():
        file = tmp_path / title.partition(":")[0]
        file.write_bytes(content)
        page.get_by_label("Image file").set_input_files(file)
        expect(page.get_by_text(title)).to_be_visible()
        page.evaluate(AXE.read_text())
        found = page.evaluate("axe.run().then(({ violations }) => violations)")
        assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found] == []
