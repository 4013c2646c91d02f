"""Goal 9: a read for a caller costs the same, however many items the owner has and the table contains.

`ITEMS=10000 python -m tools.benchmarks reads` uses fewer than a million.
"""

import importlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import boto3

from events.parameters import GenerationParameters
from kit import sealing
from kit.cursors import encode_cursor
from kit.keyring import SecretVersion
from kit.secrets import CachedKeyring
from local.emulator import ROOT
from local.templates import parse_template
from tests.support.events import sample
from tests.support.sealing import SAMPLE_TEXTS
from tools.benchmarks.functions import functions
from tools.benchmarks.measure import Progress, interleaved
from tools.benchmarks.report import Figure, Section
from tools.benchmarks.tables import NUMBER, OWNER, TIME, Tables

FEW: Final = 1_000
MANY: Final = int(os.environ.get("ITEMS", "1000000"))
ROUNDS: Final = 25
CALLS: Final = 5
"""Calls per measurement."""
LATENCY_GOAL: Final = 1.1
"""1.0 plus a margin for the resolution of the clock."""

SMALL, LARGE = "small-owner", "large-owner"
"""An owner with few items, and one with many."""
START: Final = datetime(2026, 1, 1, microsecond=123456, tzinfo=UTC)
STYLE: Final = "photographic"
CDN: Final = {"CDN_URL": "https://images.example", "IMAGE_LINK_KEY_ID": "a secret"}
REQUEST: Final = "01a0b9c4-7d2e-7c31-9f60-"
HAPPY: Final = ("ImageRequested", "PromptApproved", "ImageGenerated", "ImageApproved", "ImageStored")


@dataclass(frozen=True)
class Scene:
    """Tables, and the owner who reads from them."""

    tables: Tables
    owner: str
    middle: int
    """Number of an item in the middle of the owner's items."""


@dataclass(frozen=True)
class Read:
    """A read of the API."""

    name: str
    path: str
    query: Mapping[str, str]


def run(progress: Progress) -> Section:
    """Measure every read with few items, with many items of the owner, and with many items of others."""
    section = Section(
        9,
        f"reads with {MANY:,} items of the caller or of others, the worse of both",
        f"the same read with {FEW:,} items in the table, all of the caller",
        notes=[
            "Time is CPU per call: handler, SDK, and SQLite instead of DynamoDB.",
            "Units are computed by DynamoDB's rules from the entries that each call read.",
            "A search that finds nothing stops after a bounded number of entries and returns a cursor.",
        ],
    )
    with tempfile.TemporaryDirectory() as folder, _deployed() as (api, show):
        few = _filled(Path(folder) / "few", {SMALL: FEW}, progress)
        many = _filled(Path(folder) / "many", {SMALL: FEW, LARGE: MANY}, progress)
        scenes = {
            "few": Scene(few, SMALL, FEW // 2),
            "mine": Scene(many, LARGE, FEW + MANY // 2),
            "others": Scene(many, SMALL, FEW // 2),
        }

        def call(scene: Scene, name: str) -> Callable[[], float]:
            event = _event(next(read for read in _reads(scene.middle) if read.name == name), scene.owner)

            def measure() -> float:
                show(scene.tables)
                scene.tables.units = 0
                started = time.process_time()
                for _ in range(CALLS):
                    api(event)
                return (time.process_time() - started) / CALLS

            return measure

        names = [read.name for read in _reads(0)]
        seconds = interleaved(
            {(name, key): call(scene, name) for name in names for key, scene in scenes.items()}, ROUNDS, progress
        )
        for name in names:
            units = {}
            for key, scene in scenes.items():
                call(scene, name)()
                units[key] = scene.tables.units / CALLS
            worst = max(seconds[name, "mine"], seconds[name, "others"])
            section.figures += [
                Figure(f"{name}: time", worst * 1000, "ms", seconds[name, "few"] * 1000, LATENCY_GOAL),
                Figure(f"{name}: capacity", max(units["mine"], units["others"]), "RCU", units["few"], 1.0),
            ]
    return section


def _reads(middle: int) -> list[Read]:
    """Return the reads, which refer to the item ``middle``."""
    request, image = f"{REQUEST}{middle:012x}", f"{REQUEST}{middle:012x}-0"
    image_cursor = encode_cursor(f"{_time(middle)}#{image}")
    return [
        Read("GET /v1/requests/{id}", f"/v1/requests/{request}", {}),
        Read("GET /v1/requests, first page", "/v1/requests", {}),
        Read("GET /v1/requests, from the middle", "/v1/requests", {"cursor": encode_cursor(request)}),
        Read("GET /v1/images/{id}", f"/v1/images/{image}", {}),
        Read("GET /v1/images, first page", "/v1/images", {}),
        Read("GET /v1/images, from the middle", "/v1/images", {"cursor": image_cursor}),
        Read("GET /v1/images?model=", "/v1/images", {"model": "stable-image-core"}),
        Read("GET /v1/images?style=", "/v1/images", {"style": STYLE}),
        Read("GET /v1/images?favourite=true", "/v1/images", {"favourite": "true"}),
        Read("GET /v1/images?day=", "/v1/images", {"day": _time(middle)[:10]}),
        Read("GET /v1/images?model=&day=", "/v1/images", {"model": "stable-image-core", "day": _time(middle)[:10]}),
        Read("GET /v1/images?q=, every image matches", "/v1/images", {"q": "lighthouse"}),
        Read("GET /v1/images?q=&style=, every image matches", "/v1/images", {"q": "lighthouse", "style": STYLE}),
        Read("GET /v1/images?q=, no image matches", "/v1/images", {"q": "unicorn"}),
    ]


def _time(number: int) -> str:
    return (START + timedelta(seconds=number)).isoformat(timespec="microseconds")


# Items of the tables -------------------------------------------------------------------------------------------


def _filled(path: Path, owners: Mapping[str, int], progress: Progress) -> Tables:
    tables = Tables(path, _time)
    for service, resource, name, templates in (
        ("intake", "Requests", "Prefix-requests", _request_items()),
        ("storage", "GalleryTable", "Prefix-gallery", _gallery_items()),
    ):
        template = parse_template((ROOT / f"services/{service}/template.yaml").read_text())
        tables.create(name, template["Resources"][resource]["Properties"], templates)
        first = 0
        for owner, count in owners.items():
            progress(f"{count:,} items of {name}")
            tables.fill(name, owner, range(first, first + count))
            first += count
    return tables


class _Recorder:
    """Replaces the client of an adapter and keeps the written items."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> None:
        """Keep the items of all puts."""
        self.items += [part["Put"]["Item"] for part in TransactItems if "Put" in part]

    def put_item(self, *, Item: dict[str, Any], **_: Any) -> None:
        """Keep the item."""
        self.items.append(Item)


def _blank(items: list[dict[str, Any]], request_id: str, start: datetime) -> list[dict[str, Any]]:
    text = json.dumps(items).replace(request_id, REQUEST + NUMBER)
    for spelled in (start.isoformat(), start.isoformat().replace("+00:00", "Z")):
        text = text.replace(spelled, TIME)
    templates: list[dict[str, Any]] = json.loads(text)
    return templates


def _request_items() -> list[dict[str, Any]]:
    """Return the items of a request that has succeeded, as intake writes them."""
    from events.pipeline import Status
    from services.intake.models import RequestState
    from services.intake.repository.requests import RequestTable
    from services.intake.timeline import timeline_entry

    event: Any = sample("ImageRequested")
    metadata = event.metadata.model_copy(update={"owner": OWNER, "occurred_at": START})
    timeline = {entry.event_id: entry for entry in (timeline_entry(sample(name)) for name in HAPPY)}
    state = RequestState(metadata.request_id, OWNER, START, Status.SUCCEEDED, 5, 5, timeline)
    recorder: Any = _Recorder()
    RequestTable(recorder, "requests").create([(event.model_copy(update={"metadata": metadata}), state)])
    return _blank(recorder.items, metadata.request_id, START)


def _gallery_items() -> list[dict[str, Any]]:
    """Return the item of an image, as storage writes it."""
    from services.storage.models import Entry
    from services.storage.repository.gallery import DynamoGallery

    stored: Any = sample("ImageStored")
    call: Any = sample("ImageRequested")
    parameters: GenerationParameters = call.data.parameters
    request_id = stored.metadata.request_id
    entry = Entry(
        **stored.data.images[0].model_dump(exclude={"image_id", "model"}),
        image_id=f"{request_id}-0",
        model="stable-image-core",
        request_id=request_id,
        owner=OWNER,
        created_at=START,
        **asdict(SAMPLE_TEXTS),
        **parameters.model_dump(include={"quality", "steps", "guidance"}),
        style=STYLE,
    )
    recorder: Any = _Recorder()
    DynamoGallery(recorder, "gallery").add([entry])
    favourites = [{**item, "favourite_of": {"S": OWNER}} for item in recorder.items]
    return _blank(favourites, request_id, START)


# Readers ------------------------------------------------------------------------------------------------------


@contextmanager
def _deployed() -> Iterator[tuple[Callable[[dict[str, Any]], None], Callable[[Tables], None]]]:
    """Yield a function that handles an API Gateway event, and one that selects the tables."""
    shown: list[Tables] = []

    def answer(request: Any, event_name: str, **_: Any) -> Any:
        return shown[-1](request, event_name)

    session = boto3.Session()
    session.events.register("before-send.dynamodb", answer)
    # Handlers log to standard output, which is reserved for the results.
    key = SecretVersion(1, b"a key", public_key_id="K2JCJMDEHXQW5F")  # a link is signed as behind the CDN
    # The items of all owners have one sealed prompt, that of the sample events.
    with (
        patch.object(boto3, "DEFAULT_SESSION", session),
        patch.object(CachedKeyring, "current", lambda _: key),
        patch.object(sealing, "_associated_data", lambda _: b"s1:demo"),
        open(os.devnull, "w") as log,
        redirect_stdout(log),
    ):
        handlers = {}
        for service, collection in (("intake", "requests"), ("storage", "images")):
            function = next(one for one in functions() if one.name == f"{service}.api")
            with patch.dict(os.environ, {**function.process_environment, **CDN}):
                module, _, attribute = function.handler.rpartition(".")
                handlers[collection] = getattr(importlib.import_module(module), attribute)

        def read(event: dict[str, Any]) -> None:
            response = handlers[event["rawPath"].split("/")[2]](event, None)
            if response["statusCode"] != 200:
                raise RuntimeError(f"{event['rawPath']}: {response['statusCode']} {response['body'][:200]}")

        yield read, shown.append


def _event(read: Read, owner: str) -> dict[str, Any]:
    """Return the event that API Gateway would send."""
    http = {"method": "GET", "path": read.path, "sourceIp": "", "protocol": "HTTP/1.1", "userAgent": "benchmark"}
    authorizer = {"lambda": {"owner": owner, "scopes": "requests:read images:read", "limit": 100, "window": 900}}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": read.path,
        "rawQueryString": "",
        "queryStringParameters": dict(read.query),
        "headers": {},
        "requestContext": {"http": http, "stage": "$default", "requestId": "r", "authorizer": authorizer},
        "isBase64Encoded": False,
    }
