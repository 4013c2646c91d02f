"""The size of a request's state at every step: each write of it costs a write unit per kilobyte."""

from datetime import UTC, datetime
from typing import Any

import pytest

from events.catalog.image_stored import ImageStored
from events.envelope import Event, derive_id
from services.intake.creation import new_state
from services.intake.identifiers import uuid7
from services.intake.models import Window
from services.intake.repository.requests import RequestTable
from services.intake.tracking import add_event
from tests.support.events import sample
from tools.benchmarks.units import WRITE_BYTES, item_size

NOW = datetime(2026, 11, 28, 21, 20, 49, 732_997, tzinfo=UTC)
OWNER = "own_2c5tq8fzkd7vhxw3mnpa"
RAW = "eb104b5fe902a4f2895fbb5e797c3014d9f467c93c7371444669f014d340112f"
STEPS = ("PromptApproved", "ImageGenerated", "ImageApproved", "ImageStored")
LIMITS = {1: WRITE_BYTES, 4: 2 * WRITE_BYTES}


def sizes(client: Any, count: int) -> dict[str, int]:
    """Return the size of the state of a request for ``count`` images after each step."""
    request_id = uuid7()
    parameters: Any = sample("ImageRequested").data
    window = Window("key_01j9zq3v8h6k", 1_795_900_500, 900)
    table = RequestTable(client, "requests")
    made = new_state(
        request_id,
        OWNER,
        parameters.parameters.model_copy(update={"count": count}),
        NOW,
        quota_window=window,
        webhook_id="w3bhookexample22",
    )
    table.create([made])
    found = {"ImageRequested": size(client, request_id)}
    for name in STEPS:
        add_event(table, event(name, request_id, count))
        found[name] = size(client, request_id)
    assert table.read_state(request_id).status == "succeeded"
    return found


def event(name: str, request_id: str, count: int) -> Event:
    """Return an event of a request with values as long as real ones."""
    found = sample(name)
    metadata = found.metadata.model_copy(
        update={"request_id": request_id, "event_id": derive_id(request_id, name), "owner": OWNER, "occurred_at": NOW}
    )
    if isinstance(found, ImageStored):
        images = [image(found, request_id, index) for index in range(count)]
        found = found.model_copy(update={"data": found.data.model_copy(update={"images": images, "removed": []})})
    return found.model_copy(update={"metadata": metadata})


def image(stored: ImageStored, request_id: str, index: int) -> Any:
    """Return an image with file keys as storage makes them."""
    first, folder = stored.data.images[0], f"images/{request_id}/{index}-{RAW}"
    keys = {"original": "original.png", "display": "display.webp", "thumbnail": "thumbnail.webp"}
    files = {name: getattr(first, name).model_copy(update={"key": f"{folder}/{file}"}) for name, file in keys.items()}
    about = {"image_id": f"{request_id}-{index}", "index": index, "seed": 2_147_483_647, "model": "stable-image-ultra"}
    return first.model_copy(update={**files, **about, "placeholder": "L104%ShefQhehef+fQf+fQfQfQfQ"})


def size(client: Any, request_id: str) -> int:
    """Return the billed size of a request's state."""
    key = {"pk": {"S": f"REQUEST#{request_id}"}, "sk": {"S": "STATE"}}
    return item_size(client.get_item(TableName="requests", Key=key)["Item"])


@pytest.mark.parametrize("count", LIMITS)
def test_a_state_stays_below_its_limit_at_every_step(client: Any, count: int) -> None:
    found = sizes(client, count)

    assert found.keys() == {"ImageRequested", *STEPS}
    assert max(found.values()) < LIMITS[count], found
