"""`make screenshots`: the pages of the web app as images in docs/screenshots, taken on a stack of its own.

A varied gallery is drawn through the API, then Chromium opens each page as a desktop and as a phone.
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
from playwright.sync_api import Browser, ViewportSize, sync_playwright
from playwright.sync_api import Error as BrowserError
from rich.console import Console
from rich.progress import track
from rich.table import Table

from events.pipeline import TERMINAL
from local import browser as chromium
from local.build import BuildError
from local.deploy import DeployError
from local.emulator import ROOT, NotReadyError
from local.stack import LocalStack
from local.web import WebBuildError

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
"""How long the running request is drawn: shorter than a model is waited for."""
SECONDS_TO_DRAW: Final = 60
PATIENCE_MS: Final = 30_000
BYTES_A_FILE, BYTES_IN_ALL = 120_000, 2_000_000
QUALITIES: Final = (82, 72, 60, 45)

SETTLED: Final = """() => document.fonts.status === 'loaded'
  && !document.querySelector('[aria-busy=true], [aria-label^=Loading], .animate-pulse-soft:empty, main:empty')
  && document.getAnimations().every(each => each.playState !== 'running')
  && [...document.images].every(image => {
    const { top, bottom } = image.getBoundingClientRect();
    return bottom < 0 || top > innerHeight || (image.complete && image.naturalWidth > 0);
  })"""
"""Nothing in sight is loading or moving."""
PAINTED: Final = """async () => {
  await Promise.all([...document.images].filter(each => each.complete).map(each => each.decode().catch(() => {})));
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
"""What has loaded is decoded, off the main thread, and on the screen."""
STICKS_OUT: Final = "document.documentElement.scrollWidth > document.documentElement.clientWidth"

console = Console(highlight=False, soft_wrap=True)


class ScreenshotError(RuntimeError):
    """A page or a image is not what it should be."""


@dataclass(frozen=True)
class Shot:
    """One file: which page, on what, in which colours, and whose key."""

    name: str
    path: str
    viewport: str
    scheme: Literal["light", "dark"] = "light"
    admin: bool = False

    @property
    def file(self) -> Path:
        """Where it is kept."""
        dark = "-dark" if self.scheme == "dark" else ""
        return FOLDER / f"{self.name}-{self.viewport}{dark}.webp"


class Api:
    """What the gallery is drawn with."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack

    def draw(self, **asked: Any) -> dict[str, Any]:
        """Return a request when it has ended, however it did."""
        accepted = self.post(**asked)
        deadline = time.monotonic() + SECONDS_TO_DRAW
        while time.monotonic() < deadline:
            view = self.call("GET", f"/v1/requests/{accepted['id']}")
            if view["status"] in TERMINAL:
                return view
            time.sleep(0.2)
        raise ScreenshotError(f"{asked['prompt']!r} was not drawn within {SECONDS_TO_DRAW} s.")

    def post(self, **asked: Any) -> dict[str, Any]:
        """Ask for images and wait for nothing."""
        return self.call("POST", "/v1/requests", asked)

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Call the API as the demo owner."""
        headers = {"x-api-key": self._stack.api_key}
        return _send(method, self._stack.api_url + path, body, headers)

    def slow_down(self, prompt: str) -> None:
        """Let one prompt take its time, so that there is something to watch."""
        rule = {"operation": "invoke", "effect": "delay", "seconds": SLOW_SECONDS, "prompt_contains": prompt}
        _send("POST", f"{self._stack.models.url}/_faults", rule, {})


def main() -> None:
    """Take them all, and tell a failure in a sentence."""
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
        WebBuildError,
        urllib.error.URLError,
    ) as error:
        sys.exit(f"{type(error).__name__}: {error}")


def take_all(browser_path: str) -> None:
    """Bring up a stack, fill it, and save every page."""
    with tempfile.TemporaryDirectory() as folder, LocalStack(Path(folder), say=_step) as stack:
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
    _tell([shot.file for shot in shots])
    if wide:
        raise ScreenshotError(f"Wider than their windows: {', '.join(sorted(wide))}.")


def fill(api: Api) -> str:
    """Draw the gallery and return the address of one image in it."""
    images: list[str] = []
    for asked in track(PROMPTS, "Images", console=console, transient=True):
        view = api.draw(seed=11, **asked)
        if view["status"] != "succeeded":
            raise ScreenshotError(f"{asked['prompt']!r} ended as {view['status']}.")
        images.append(view["images"][0]["id"])
    for index in FAVOURITES:
        api.call("PUT", f"/v1/images/{images[index]}/favourite")
    if (status := api.draw(prompt=REFUSED)["status"]) != "rejected":
        raise ScreenshotError(f"{REFUSED!r} ended as {status}.")
    api.slow_down(RUNNING)
    return images[7]


def plan(image: str) -> Iterator[Shot]:
    """Yield every page on every viewport; the last ones are those that leave a request running."""
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
    """Open a page in a fresh profile, wait until nothing moves, save what is in sight; return its name if too wide."""
    context = browser.new_context(
        viewport=VIEWPORTS[shot.viewport],
        color_scheme=shot.scheme,
        reduced_motion="reduce",
        service_workers="block",
        is_mobile=shot.viewport == "phone",
    )
    try:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(f"{address.rstrip('/')}{shot.path}#key={key}")
        page.get_by_role("heading", level=1).first.wait_for()
        if shot.name == "create":
            page.get_by_text("Take back").first.wait_for()
        page.wait_for_function(SETTLED)
        page.evaluate(PAINTED)
        _save(page.screenshot(), shot.file)
        return {shot.file.stem} if page.evaluate(STICKS_OUT) else set()
    except BrowserError as error:
        raise ScreenshotError(f"{shot.file.stem}: {error}") from error
    finally:
        context.close()


def _save(png: bytes, file: Path) -> None:
    """Write a WebP of the best quality that is small enough."""
    with Image.open(io.BytesIO(png)) as image:
        for quality in QUALITIES:
            content = io.BytesIO()
            image.convert("RGB").save(content, "WEBP", quality=quality, method=6)
            if content.tell() <= BYTES_A_FILE:
                break
    file.write_bytes(content.getvalue())


def _tell(files: list[Path]) -> None:
    table = Table(title="Screenshots", title_justify="left")
    table.add_column("file")
    table.add_column("bytes", justify="right")
    for file in files:
        table.add_row(str(file.relative_to(ROOT)), f"{file.stat().st_size:,}")
    total = sum(file.stat().st_size for file in files)
    table.add_row("together", f"{total:,}")
    console.print(table)
    if total > BYTES_IN_ALL:
        raise ScreenshotError(f"Together they have more than {BYTES_IN_ALL:,} bytes.")


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
