"""axe finds nothing on any page, light or dark."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from local.emulator import ROOT
from tests.support.system import System

AXE = ROOT / "services" / "web" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ["/", "/create", "/gallery", "/dashboard", "/operations", "/about", "/verify", "/settings", "/nowhere"]


@pytest.fixture(scope="module")
def key(stack: System) -> str:
    """A key whose gallery holds an image."""
    stack.generate("An open door in a white wall")
    return stack.stack.api_key


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(open_app: Callable[..., Page], key: str, path: str, scheme: str) -> None:
    page = open_app(path, key=key, color_scheme=scheme, reduced_motion="reduce")
    expect(page.get_by_role("heading", level=1)).to_be_attached()
    page.wait_for_load_state("networkidle")
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run().then(({ violations }) => violations)")

    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found] == []
