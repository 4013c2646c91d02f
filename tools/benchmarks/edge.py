"""The hit ratio of the CDN of images: a replayed access pattern, against the stand-in with the template's function."""

import io
import json
import random
import tempfile
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any, Final

from PIL import Image

from events.pipeline import TERMINAL
from kit.signed_urls import WIDTH, WIDTHS
from local.painter import paint
from local.painter.brief import Brief
from local.stack import LocalStack
from services.storage.resizing import resize
from services.storage.variants import THUMBNAIL_QUALITY, THUMBNAIL_SIDE, WEBP_METHOD
from tools.benchmarks.measure import Progress
from tools.benchmarks.report import Figure, Section

REQUESTS: Final = 8
PER_REQUEST: Final = 4
VIEWS: Final = 3_000
EXPONENT: Final = 1.0
"""Of Zipf's law: the n-th image is viewed n times less often than the first. The newest is the first."""
DETAIL: Final = 0.15
"""The share of views in the large view."""
SECONDS: Final = 120
_FILE: Final = json.loads((Path(__file__).parent / "prices.json").read_text())
PRICES: Final[Mapping[str, float]] = _FILE["usd"]
_WAITS: Final[Mapping[str, float]] = _FILE["seconds_waited"]
WAITED: Final = _WAITS["GetObject"] + _WAITS["PutObject"] + 2 * _WAITS["other"]
"""Seconds that storage.derive waits for its calls."""
GB: Final = 1769 / 1024
"""The memory of storage.derive, with one vCPU."""

CHROME: Final = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
FIREFOX: Final = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
SAFARI: Final = (
    "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,image/svg+xml,*/*;q=0.5"
)


@dataclass(frozen=True)
class Device:
    """A kind of device, and the widths in pixels that it shows."""

    name: str
    share: float
    accept: str
    grid: int
    detail: int


DEVICES: Final = (
    Device("phone, 3 pixels per point, Safari", 0.30, SAFARI, 526, 1170),
    Device("phone, 2.6 pixels per point, Chrome", 0.22, CHROME, 464, 1080),
    Device("desktop, Chrome", 0.22, CHROME, 352, 960),
    Device("laptop, 2 pixels per point, Safari", 0.12, SAFARI, 704, 1920),
    Device("desktop, Firefox", 0.06, FIREFOX, 352, 960),
    Device("old browser", 0.05, "image/webp,*/*;q=0.8", 352, 960),
    Device("script", 0.03, "*/*", 320, 1280),
)


@dataclass(frozen=True)
class View:
    """A device that shows an image."""

    image: int
    device: Device
    shown: int
    """Width in pixels."""

    @property
    def width(self) -> int:
        """The width that a browser chooses of those in ``srcset``."""
        return next((width for width in WIDTHS if width >= self.shown), WIDTHS[-1])


def pattern(images: int, views: int) -> list[View]:
    """Return an access pattern, the same for the same arguments."""
    rng = random.Random(16)
    popularity = list(accumulate(1 / rank**EXPONENT for rank in range(1, images + 1)))
    shares = list(accumulate(device.share for device in DEVICES))
    found = []
    for _ in range(views):
        image = rng.choices(range(images), cum_weights=popularity)[0]
        device = rng.choices(DEVICES, cum_weights=shares)[0]
        found.append(View(image, device, device.detail if rng.random() < DETAIL else device.grid))
    return found


def run(progress: Progress) -> list[Section]:
    """Replay the pattern with cold buckets, and again at another edge."""
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as folder:
        stack = LocalStack(Path(folder), cdn=True, instant_models=True, progress=progress)
        with stack:
            urls = _images(stack, progress)
            views = pattern(len(urls), VIEWS)
            first = _replay(urls, views, "first edge", progress)
            assert stack.cdn is not None
            stack.cdn.stop()
            stack.cdn.start().wait_until_ready()
            second = _replay(urls, views, "second edge", progress)
    return [_section(views, first, second), _thumbnail()]


def _call(stack: LocalStack, method: str, path: str, body: Any = None) -> Any:
    headers = {"x-api-key": stack.api_key, "content-type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(stack.api_url + path, content, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _images(stack: LocalStack, progress: Progress) -> list[str]:
    """Generate images, and return their sized URLs, newest first."""
    body = {"prompt": "A lighthouse on a cliff", "count": PER_REQUEST}
    ids = [_call(stack, "POST", "/v1/requests", body)["id"] for _ in range(REQUESTS)]
    deadline = time.monotonic() + SECONDS
    while [each for each in ids if _call(stack, "GET", f"/v1/requests/{each}")["status"] not in TERMINAL]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the images were not stored within {SECONDS} s")
        progress("generating images")
        time.sleep(0.5)
    return [image["sized_url"] for image in _call(stack, "GET", "/v1/images?limit=100")["images"]]


@dataclass(frozen=True)
class Replay:
    """Which views were hits, and how long each kind of answer took."""

    hits: int
    derived: int
    seconds: Mapping[str, Sequence[float]]


def _replay(urls: Sequence[str], views: Sequence[View], name: str, progress: Progress) -> Replay:
    seconds: dict[str, list[float]] = defaultdict(list)
    for number, view in enumerate(views):
        url = urls[view.image].replace(WIDTH, str(view.width))
        request = urllib.request.Request(url, headers={"Accept": view.device.accept})
        started = time.perf_counter()
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
            result = answer.headers["X-Cache"].partition(" ")[0]
        seconds[result].append(time.perf_counter() - started)
        if number % 100 == 0:
            progress(f"{name}: {number} of {len(views)} views")
    return Replay(len(seconds["Hit"]), len(seconds["Miss"]), seconds)


def _ratio(views: Sequence[View], key: Any) -> float:
    """Return the hit ratio in percent of a cache that has one copy per ``key``."""
    return 100 * (1 - len({key(view) for view in views}) / len(views))


def _section(views: Sequence[View], first: Replay, second: Replay) -> Section:
    section = Section(None, f"images at the edge: {len(views)} views of {REQUESTS * PER_REQUEST} images", "")
    section.figures += [
        Figure("hit ratio at an edge that starts empty", 100 * first.hits / len(views), "%"),
        Figure("files derived, each once", first.derived, ""),
        Figure("views that wait for a derived file", 100 * first.derived / len(views), "%"),
        Figure("hit ratio at a second edge, nothing derived", 100 * second.hits / len(views), "%"),
        Figure(
            "hit ratio with the header Accept in the key",
            _ratio(views, lambda v: (v.image, v.width, v.device.accept)),
            "%",
        ),
        Figure("hit ratio with every width", _ratio(views, lambda v: (v.image, v.shown, v.device.accept)), "%"),
        Figure("a hit, median", 1000 * median(first.seconds["Hit"]), "ms"),
        Figure("from the bucket, median", 1000 * median(second.seconds["Miss"]), "ms"),
        Figure("derived, median", 1000 * median(first.seconds["Miss"]), "ms"),
    ]
    shares = Counter(view.width for view in views)
    widths = ", ".join(f"{width}: {100 * count / len(views):.0f} %" for width, count in sorted(shares.items()))
    section.notes += [
        f"Views follow Zipf's law with exponent {EXPONENT:g} over the images; {DETAIL:.0%} are large views.",
        f"Widths that browsers choose: {widths}. Devices are in tools/benchmarks/edge.py.",
        "No view comes from a browser's own cache. The times are those of the stand-in on this machine.",
    ]
    return section


def _thumbnail() -> Section:
    """Compare a thumbnail that storage writes for every image with one that is derived when it is viewed."""
    original = paint(Brief("A lighthouse on a cliff", width=1344, height=768, seed=7))
    with Image.open(io.BytesIO(original)) as opened:
        display = opened.convert("RGB").resize((1024, 585))  # storage has decoded it for the other files
    stored_cpu, derived_cpu = _cpu(lambda: _encode_thumbnail(display)), _cpu(lambda: resize(original, 320, "avif"))
    stored = PRICES["s3_puts"] + stored_cpu * GB * PRICES["lambda_gb_seconds"]
    derived = (
        PRICES["lambda_requests"]
        + (derived_cpu + WAITED) * GB * PRICES["lambda_gb_seconds"]
        + 2 * PRICES["dynamodb_read_units"]
        + PRICES["s3_gets"]
        + PRICES["s3_puts"]
    )
    section = Section(None, "the thumbnail: written with the image, or derived at its first view", "")
    section.figures += [
        Figure("written: CPU", 1000 * stored_cpu, "ms"),
        Figure("derived: CPU", 1000 * derived_cpu, "ms"),
        Figure("written: dollars per million images", 1e6 * stored, ""),
        Figure("derived: dollars per million images viewed", 1e6 * derived, ""),
        Figure("share of images viewed below which deriving is cheaper", 100 * stored / derived, "%"),
    ]
    return section


def _encode_thumbnail(display: Image.Image) -> None:
    small = display.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    small.save(io.BytesIO(), "WEBP", quality=THUMBNAIL_QUALITY, method=WEBP_METHOD)


def _cpu(work: Any, repeats: int = 15) -> float:
    """Return the median CPU time of ``work`` in seconds."""
    times = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return median(times)
