"""What the functions are made to do while their calls are recorded. Each scenario says which paths it takes."""

from collections.abc import Callable
from typing import Final

from tools.permissions.scenarios import failures, images, notifications, operations, privacy, requests
from tools.permissions.world import World

SCENARIOS: Final[tuple[Callable[[World], None], ...]] = (
    requests.keys_and_preferences,
    requests.a_request_from_post_to_image,
    requests.requests_that_end_early,
    requests.a_rejection_that_is_appealed,
    requests.the_bus_refuses,
    requests.waiting_and_the_facade,
    requests.the_sweeper,
    requests.prompt_checks,
    images.every_model,
    images.refusals,
    images.storing_twice,
    images.the_gallery,
    images.verification,
    images.derived_files,
    images.link_keys,
    images.figures,
    images.a_compacted_day,
    notifications.sockets,
    notifications.webhooks,
    operations.the_sentinel,
    failures.every_consumer,
    operations.dead_letters,
    operations.traces_and_health,
    operations.the_audit,
    operations.the_bias_audit,
    privacy.one_request,
    privacy.an_export,
    privacy.an_owner,
)
