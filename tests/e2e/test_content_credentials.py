"""Content Credentials of the deployed system: a generated file is signed, and anybody can verify it."""

from typing import Any

import pytest

from tests.support.system import System, download


def verify(system: System, content: bytes) -> tuple[int, dict[str, Any]]:
    """Send a file to the API without a key, and return the status and the body of the response."""
    response = system.call("POST", "/v1/verifications", content, {"content-type": "application/octet-stream"}, key="")
    return response.status, response.json


@pytest.fixture(scope="module")
def image(stack: System) -> Any:
    view = stack.generate("a heron in the reeds", model="sd3.5-large", seed=32)
    assert view["status"] == "succeeded", view
    return view["images"][0]


def test_a_generated_file_is_signed_by_us(stack: System, image: Any) -> None:
    for name in ("url", "display_url"):
        status, found = verify(stack, download(image[name]))
        assert (status, found["status"], found["model"]) == (200, "signed_by_us", "sd3.5-large"), found


def test_a_changed_or_stripped_file_is_not(stack: System, image: Any) -> None:
    content = bytearray(download(image["url"]))
    content[-100] ^= 1

    assert verify(stack, bytes(content)) == (200, {"status": "altered"})
    assert verify(stack, download(image["thumbnail_url"])) == (200, {"status": "unsigned"})


def test_another_file_is_refused(stack: System) -> None:
    status, found = verify(stack, b"GIF89a")

    assert (status, found["code"]) == (415, "unsupported_media_type")
