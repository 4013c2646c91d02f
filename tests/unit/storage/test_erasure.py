"""Erasing the images of an owner."""

from datetime import timedelta
from typing import Any

from events.catalog.erasure_started import ErasureStarted
from services.storage.erasure import ENTRIES, ImageEraser
from tests.support.clock import FakeClock
from tests.support.events import sample
from tests.unit.storage.fakes import FakeCdn, FakeFiles, FakeGallery, entry


def test_of_two_deliveries_at_once_one_counts_an_image() -> None:
    images, gallery = [entry(0), entry(1)], FakeGallery()
    gallery.add(images)
    eraser: Any = ImageEraser(None, gallery, FakeFiles(), FakeCdn(), FakeClock(), timedelta(days=60))  # type: ignore[arg-type]
    event: Any = sample("ErasureStarted")
    about = {"scope": "image", "image_ids": tuple(image.image_id for image in images), "request_ids": ()}
    part: ErasureStarted = event.model_copy(
        update={
            "data": event.data.model_copy(update=about),
            "metadata": event.metadata.model_copy(update={"owner": images[0].owner}),
        }
    )

    def erased() -> int:
        (answer,) = eraser.erase(part)
        return sum(store.erased for store in answer.data.stores if store.store == ENTRIES)

    counted = [erased()]
    gallery.find = lambda image_id: next(image for image in images if image.image_id == image_id)  # type: ignore[method-assign]
    counted.append(erased())  # it had read the entries before the first one replaced them
    assert counted == [2, 0]
