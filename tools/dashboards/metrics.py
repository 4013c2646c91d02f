"""The metrics of our own: what each says, and who publishes it. A test holds the code to this list, both ways."""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Metric:
    """One name in the installation's namespace, which is its prefix. ``service`` is a dimension of every metric."""

    name: str
    service: str
    """Who publishes it; ``*`` for every service that has the machinery."""
    unit: Literal["Count", "Seconds", "None"]
    dimensions: tuple[str, ...]
    """Besides ``service``. Their values come from catalogs, never from callers."""
    meaning: str


METRICS: Final = (
    # What callers see
    Metric("api_calls", "*", "Count", (), "Calls that a service's API answered"),
    Metric("api_errors", "*", "Count", (), "Those of them that it answered with 5xx"),
    Metric("api_seconds", "*", "Seconds", (), "How long it took to answer, without gateway and cold start"),
    Metric("request_seconds", "intake", "Seconds", (), "From accepted to succeeded, where no operator had to help"),
    # What became of requests, each counted once
    Metric("requests_accepted", "analytics", "Count", (), "Requests accepted"),
    Metric("requests_succeeded", "analytics", "Count", (), "Requests that ended with a image"),
    Metric("requests_rejected", "analytics", "Count", (), "Requests that moderation or the model's filter refused"),
    Metric("requests_failed", "analytics", "Count", (), "Requests of which no image came"),
    Metric("requests_cancelled", "analytics", "Count", (), "Requests that were taken back"),
    Metric("requests_expired", "analytics", "Count", (), "Requests that did not end in time"),
    Metric("rejections", "analytics", "Count", ("category",), "Rejected requests, by the policy's category"),
    Metric("failures", "analytics", "Count", ("reason",), "Failed requests, by the reason they were told"),
    Metric("stalls", "analytics", "Count", ("step",), "Messages that went to a step's dead-letter queue"),
    Metric("replays", "analytics", "Count", ("step",), "Dead letters that an operator sent back"),
    # Images
    Metric("images_requested", "analytics", "Count", (), "Images asked for"),
    Metric("images_generated", "analytics", "Count", (), "Images that a model drew"),
    Metric("images_filtered", "analytics", "Count", (), "Images that a model's own filter held back"),
    Metric("images_failed", "analytics", "Count", (), "Images that no model drew"),
    Metric("images_stored", "analytics", "Count", (), "Images that reached the gallery"),
    Metric("images_deleted", "analytics", "Count", (), "Images deleted"),
    Metric("images", "generation", "Count", ("model", "outcome"), "Calls of a model: generated, or why not"),
    Metric("model_seconds", "generation", "Seconds", ("model", "outcome"), "How long such a call took"),
    # Moderation
    Metric("prompts_moderated", "moderation", "Count", ("verdict", "layer"), "Verdicts on prompts; layer: who decided"),
    Metric("images_kept", "moderation", "Count", (), "Drawn images that may be kept"),
    Metric("images_removed", "moderation", "Count", (), "Drawn images that may not"),
    # Business
    Metric("cost_usd", "analytics", "None", (), "US dollars paid for drawing, by list price"),
    Metric("model_images", "analytics", "Count", ("model",), "Images drawn, by model"),
    Metric("model_cost_usd", "analytics", "None", ("model",), "US dollars paid for drawing, by model"),
    Metric("style_requests", "analytics", "Count", ("style",), "Requests by style; none: without one"),
    Metric("engagement", "storage", "Count", ("action",), "Images viewed, favourited, shared, opened by a share link"),
    # Machinery
    Metric("messages_handled", "*", "Count", ("step",), "Messages that a step is done with"),
    Metric("messages_retried", "*", "Count", ("step",), "Messages that a step will see again"),
    Metric("messages_in_progress", "*", "Count", ("step",), "Messages put off because another worker has them in hand"),
    Metric("messages_dead_lettered", "*", "Count", ("step",), "Messages that a step gave up"),
    Metric("webhook_attempts", "notifications", "Count", ("outcome",), "Calls of webhooks: accepted, failed, given_up"),
    Metric("sweeper_looked_at", "intake", "Count", (), "Requests that showed no progress when the sweeper looked"),
    Metric("sweeper_nudged", "intake", "Count", (), "Those that it published again"),
    Metric("sweeper_expired", "intake", "Count", (), "Those that it gave up"),
    # Models
    Metric("budget_used_percent", "generation", "Count", (), "Of DailyBudgetUsd, set aside; 100: drawing has stopped"),
    Metric("models_watched", "operations", "Count", (), "Models whose lifecycle Bedrock told the sentinel"),
    Metric("model_changes_told", "operations", "Count", (), "Those that moved on since it looked last"),
    Metric("model_days_left", "operations", "Count", ("model",), "Days until a model ends, where an end is in sight"),
    Metric("fewest_model_days_left", "operations", "Count", (), "The least of them, without those known to have ended"),
    Metric("audit_looked_at", "operations", "Count", (), "Records that the audit looked at"),
    Metric("audit_violations", "operations", "Count", (), "Things that break one of its rules"),
    Metric("audit_violations_by_rule", "operations", "Count", ("rule",), "The same, by rule"),
    Metric("audit_within_bound", "operations", "Count", (), "Images paid for again, as the guard allows"),
    Metric("audit_unsettled", "operations", "Count", (), "Findings that kept moving while it looked"),
    Metric("audit_incomplete", "operations", "Count", (), "Audits that could not look at all of their share"),
)

CATALOG: Final = {metric.name: metric for metric in METRICS}
