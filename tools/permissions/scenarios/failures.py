"""What every consumer does with messages that it cannot process."""

import json
from collections.abc import Mapping
from typing import Final

from events.catalog import CATALOG
from tests.support.events import eventbridge_body, sample
from tests.support.templates import admits
from tools.permissions.world import World

FILLED_BY_CODE: Final[Mapping[str, list[str]]] = {
    "intake-republish": ["ImageRequested", "RequestCancelled", "RequestExpired", "RequestStatusChanged"],
    "storage-remove": ["ImageDeleted"],
}
"""Queues without a rule, with the events that functions send to them."""


def every_consumer(world: World) -> None:
    """A message that is no event, an event without data, and an outage of every dependency."""
    for queue, names in consumed(world).items():
        world.send(queue, "not an event")
        for name in names:
            broken = json.loads(eventbridge_body(sample(name)))
            broken["detail"]["data"] = {}
            world.send(queue, json.dumps(broken))
            world.send(queue, sample(name))
    with world.failing("ThrottlingException", "dynamodb", "events", "s3", "bedrock-runtime", "rekognition"):
        world.deliver_messages()
    for queue in consumed(world):
        world.purge(queue)
    for name in FILLED_BY_CODE["intake-republish"]:
        world.send("intake-republish", sample(name))
    world.settle()


def consumed(world: World) -> dict[str, list[str]]:
    """Return the events that each queue receives, by the queue's name without the prefix."""
    found = {**FILLED_BY_CODE, "notifications-webhook": []}
    for queue, pattern in world.rules.items():
        found[queue] = [
            name
            for name, version in CATALOG
            if admits(dict(pattern), json.loads(eventbridge_body(sample(name, version))))
        ]
    return found
