"""`make screenshots`: the pages of the web app as images in docs/screenshots, taken on a stack of its own.

The tool generates a varied gallery through the API, then opens each page in Chromium, as a desktop and as a phone.
"""

import io
import json
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from playwright.sync_api import Error as BrowserError
from rich.console import Console
from rich.progress import track
from rich.table import Table

from events.pipeline import TERMINAL
from local import browser as chromium
from local.build import BuildError
from local.deploy import DeployError
from local.emulator import ROOT, NotReadyError
from local.node import NodeError
from local.stack import LocalStack

FOLDER: Final = ROOT / "docs" / "screenshots"
VIEWPORTS: Final[dict[str, ViewportSize]] = {
    "desktop": {"width": 1440, "height": 900},
    "phone": {"width": 390, "height": 844},
}
PROMPTS: Final[tuple[dict[str, Any], ...]] = (
    {"prompt": "A red fox in a snowy pine forest at dawn, watercolor", "aspect_ratio": "4:5"},
    {"prompt": "Neon city skyline at night in the rain, cyberpunk", "aspect_ratio": "16:9"},
    {"prompt": "A hot air balloon over lavender fields at sunrise", "aspect_ratio": "2:3"},
    {"prompt": "A small cabin by a mountain lake under northern lights", "aspect_ratio": "3:2"},
    {"prompt": "A golden teapot on a blue table cloth, impressionist oil painting", "aspect_ratio": "1:1"},
    {"prompt": "An astronaut on a purple desert planet under two moons", "aspect_ratio": "1:1"},
    {"prompt": "Cherry blossom trees beside a quiet river in spring, watercolor", "aspect_ratio": "3:2"},
    {"prompt": "A green low poly dragon in front of an erupting volcano", "aspect_ratio": "16:9"},
    {"prompt": "A sailing boat on a calm sea at sunset, mosaic", "aspect_ratio": "21:9"},
    {"prompt": "A sunflower in a vase on a wooden table, pencil drawing", "aspect_ratio": "4:5"},
    {"prompt": "Abstract waves of silk in emerald and coral", "aspect_ratio": "2:3"},
    {"prompt": "A lighthouse on a cliff at dusk, waves below, oil painting", "aspect_ratio": "3:2", "count": 2},
)
FAVOURITES: Final = (0, 3, 7)
REFUSED: Final = "a realistic photo of the president being arrested"
RUNNING: Final = "A castle above the clouds in the evening light, oil painting"
SLOW_SECONDS: Final = 20
"""Delay of the request in progress: shorter than the timeout of a model call."""
GENERATION_TIMEOUT: Final = 60
TIMEOUT_MS: Final = 30_000
ATTEMPTS: Final = 5
BYTES_PER_FILE, BYTES_IN_TOTAL = 120_000, 2_000_000
QUALITIES: Final = (82, 72, 60, 45)

SETTLED: Final = """() => document.fonts.status === 'loaded'
  && !document.querySelector('[aria-busy=true], [aria-label^=Loading], .animate-pulse-soft:empty, main:empty')
  && document.getAnimations().every(each => each.playState !== 'running')
  && [...document.images].every(image => {
    const { top, bottom } = image.getBoundingClientRect();
    return bottom < 0 || top > innerHeight || (image.complete && image.naturalWidth > 0);
  })"""
"""Nothing in the viewport is loading or moving."""
PAINTED: Final = """async () => {
  await Promise.all([...document.images].filter(each => each.complete).map(each => each.decode().catch(() => {})));
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
"""Every loaded image is decoded and painted."""
STICKS_OUT: Final = "document.documentElement.scrollWidth > document.documentElement.clientWidth"

console = Console(highlight=False, soft_wrap=True)


class ScreenshotError(RuntimeError):
    """A page or an image is not as expected."""


@dataclass(frozen=True)
class Shot:
    """One screenshot: page, viewport, colour scheme and key."""

    name: str
    path: str
    viewport: str
    scheme: Literal["light", "dark"] = "light"
    admin: bool = False

    @property
    def file(self) -> Path:
        """Path of the file."""
        dark = "-dark" if self.scheme == "dark" else ""
        return FOLDER / f"{self.name}-{self.viewport}{dark}.webp"


class Api:
    """Client for the API, to fill the gallery."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack

    def generate(self, **asked: Any) -> dict[str, Any]:
        """Create a request and return it in its terminal status."""
        accepted = self.post(**asked)
        deadline = time.monotonic() + GENERATION_TIMEOUT
        while time.monotonic() < deadline:
            view = self.call("GET", f"/v1/requests/{accepted['id']}")
            if view["status"] in TERMINAL:
                return view
            time.sleep(0.2)
        raise ScreenshotError(f"{asked['prompt']!r} was not generated within {GENERATION_TIMEOUT} s.")

    def post(self, **asked: Any) -> dict[str, Any]:
        """Create a request without waiting for it."""
        return self.call("POST", "/v1/requests", asked)

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Call the API as the demo owner."""
        headers = {"x-api-key": self._stack.api_key}
        return _send(method, self._stack.api_url + path, body, headers)

    def slow_down(self, prompt: str) -> None:
        """Delay the model call for one prompt, so that a request in progress can be shown."""
        rule = {"operation": "invoke", "effect": "delay", "seconds": SLOW_SECONDS, "prompt_contains": prompt}
        _send("POST", f"{self._stack.models.url}/_faults", rule, {})


def main() -> None:
    """Take all screenshots; print an error as one line."""
    path = chromium.find()
    if path is None:
        sys.exit(chromium.HOW)
    try:
        take_all(path)
    except KeyboardInterrupt:
        sys.exit("\nStopped.")
    except (
        BrowserError,
        BuildError,
        DeployError,
        NotReadyError,
        ScreenshotError,
        NodeError,
        urllib.error.URLError,
    ) as error:
        sys.exit(f"{type(error).__name__}: {error}")


def take_all(browser_path: str) -> None:
    """Deploy a stack, fill its gallery, and save every page."""
    with tempfile.TemporaryDirectory() as folder, LocalStack(Path(folder), progress=_step) as stack:
        address = stack.publish_web()
        image = fill(Api(stack))
        FOLDER.mkdir(parents=True, exist_ok=True)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path, args=list(chromium.FLAGS))
            shots, wide = list(plan(image)), set[str]()
            for shot in track(shots, "Pages", console=console, transient=True):
                if shot.name == "create":
                    Api(stack).post(prompt=RUNNING, aspect_ratio="16:9")
                wide |= shoot(browser, address, shot, stack.admin_key if shot.admin else stack.api_key)
            browser.close()
    _print_summary([shot.file for shot in shots])
    if wide:
        raise ScreenshotError(f"Wider than the viewport: {', '.join(sorted(wide))}.")


def fill(api: Api) -> str:
    """Fill the gallery and return the id of one image."""
    images: list[str] = []
    for asked in track(PROMPTS, "Images", console=console, transient=True):
        view = api.generate(seed=11, **asked)
        if view["status"] != "succeeded":
            raise ScreenshotError(f"{asked['prompt']!r} finished as {view['status']}.")
        images.append(view["images"][0]["id"])
    for index in FAVOURITES:
        api.call("PUT", f"/v1/images/{images[index]}/favourite")
    if (status := api.generate(prompt=REFUSED)["status"]) != "rejected":
        raise ScreenshotError(f"{REFUSED!r} finished as {status}.")
    api.slow_down(RUNNING)
    return images[7]


def plan(image: str) -> Iterator[Shot]:
    """Yield every page on every viewport; pages that leave a request in progress come last."""
    pages = {"home": "/", "gallery": "/gallery", "image": f"/gallery/{image}", "dashboard": "/dashboard"}
    pages |= {"operations": "/operations", "about": "/about", "settings": "/settings"}
    for viewport in VIEWPORTS:
        for name, path in pages.items():
            yield Shot(name, path, viewport, admin=name == "operations")
        yield Shot("gallery", "/gallery", viewport, "dark")
    for viewport in VIEWPORTS:
        yield Shot("create", "/create", viewport)
        yield Shot("create", "/create", viewport, "dark")


def shoot(browser: Browser, address: str, shot: Shot, key: str) -> set[str]:
    """Open a page in a new profile, wait until it settles, and save it; return its name if it is too wide."""
    context = browser.new_context(
        viewport=VIEWPORTS[shot.viewport],
        color_scheme=shot.scheme,
        reduced_motion="reduce",
        service_workers="block",
        is_mobile=shot.viewport == "phone",
    )
    try:
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        page.goto(f"{address.rstrip('/')}{shot.path}#key={key}")
        page.get_by_role("button", name="Sign in as").click()
        page.get_by_role("heading", level=1).first.wait_for()
        if shot.name == "create":
            page.get_by_role("button", name="Cancel", exact=True).first.wait_for()
        _save(_stable_screenshot(page), shot.file)
        return {shot.file.stem} if page.evaluate(STICKS_OUT) else set()
    except BrowserError as error:
        raise ScreenshotError(f"{shot.file.stem}: {error}") from error
    finally:
        context.close()


def _stable_screenshot(page: Page) -> bytes:
    """Return a screenshot that equals the one before it, or the last of several for pages that show running times.

    One is not enough, because an image that loads late can move others into view.
    """
    before = b""
    for _ in range(ATTEMPTS):
        page.wait_for_function(SETTLED)
        page.evaluate(PAINTED)
        screenshot = page.screenshot()
        if screenshot == before:
            return screenshot
        before = screenshot
    return before


def _save(png: bytes, file: Path) -> None:
    """Write a WebP of the highest quality within the size limit."""
    with Image.open(io.BytesIO(png)) as image:
        for quality in QUALITIES:
            content = io.BytesIO()
            image.convert("RGB").save(content, "WEBP", quality=quality, method=6)
            if content.tell() <= BYTES_PER_FILE:
                break
    file.write_bytes(content.getvalue())


def _print_summary(files: list[Path]) -> None:
    table = Table(title="Screenshots", title_justify="left")
    table.add_column("file")
    table.add_column("bytes", justify="right")
    for file in files:
        table.add_row(str(file.relative_to(ROOT)), f"{file.stat().st_size:,}")
    total = sum(file.stat().st_size for file in files)
    table.add_row("total", f"{total:,}")
    console.print(table)
    if total > BYTES_IN_TOTAL:
        raise ScreenshotError(f"The screenshots exceed {BYTES_IN_TOTAL:,} bytes in total.")


def _send(method: str, url: str, body: Any, headers: dict[str, str]) -> dict[str, Any]:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"content-type": "application/json", **headers}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        found = answer.read()
    return dict(json.loads(found)) if found else {}


def _step(text: str) -> None:
    console.print(f"[cyan]•[/] {text}")


if __name__ == "__main__":
    main()
