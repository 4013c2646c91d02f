"""The three dashboards, defined once. `cloudwatch` and `grafana` render them.

Texts may contain ``${Prefix}``, ``${HttpApiId}`` and ``${RunbookUrl}``. The value ``*`` of a dimension means one series
per value.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from kit.metrics import CATALOG
from tools.dashboards.resources import DeployedResources

OWN: Final = "${Prefix}"
COLUMNS: Final = 24
HEIGHT: Final = 6
ALARMS_MAX: Final = 100
"""CloudWatch's limit for one widget."""
ALARMS_HEADING: Final = "Alarms"

Unit = Literal["short", "s", "ms", "percent", "currencyUSD"]


@dataclass(frozen=True)
class Series:
    """One metric, or one per value of a dimension."""

    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    stat: str = "Sum"
    label: str = ""
    hidden: bool = False
    """True if the series is only an input of the panel's ratio."""

    @property
    def is_search(self) -> bool:
        """Whether it stands for one series per value of a dimension."""
        return "*" in self.dimensions.values()


@dataclass(frozen=True)
class Ratio:
    """The share in percent of the first ``part`` hidden series of the panel in all of them."""

    label: str
    part: int = 1


@dataclass(frozen=True)
class Panel:
    """One widget: series, a query, a text, or the state of alarms."""

    title: str
    kind: Literal["lines", "stacked", "bars", "number", "table", "text", "alarms"]
    width: int = 8
    height: int = HEIGHT
    series: Sequence[Series] = ()
    ratio: Ratio | None = None
    unit: Unit = "short"
    period: int = 300
    """Seconds."""
    query: str = ""
    """CloudWatch Logs Insights."""
    log_groups: Sequence[str] = ()
    text: str = ""
    alarms: Sequence[str] = ()
    """Names without the prefix and its dash."""


@dataclass(frozen=True)
class Placed:
    """A panel and its position in a grid of 24 columns."""

    panel: Panel
    x: int
    y: int


@dataclass(frozen=True)
class Dashboard:
    """One page."""

    name: str
    """Without the prefix and its dash."""
    title: str
    sentence: str
    panels: Sequence[Panel] = field(default_factory=list)

    def placed(self) -> list[Placed]:
        """Arrange the panels in reading order, row by row."""
        found, x, y, tallest = [], 0, 0, 0
        for panel in self.panels:
            if x + panel.width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            found.append(Placed(panel, x, y))
            x, tallest = x + panel.width, max(tallest, panel.height)
        return found


def varying(series: Series) -> list[str]:
    """Return the dimensions that distinguish the series of one search."""
    return [name for name, value in series.dimensions.items() if value == "*"]


def formula(panel: Panel) -> str:
    """Return the panel's ratio as metric math. A metric that was not published counts as 0."""
    assert panel.ratio is not None
    terms = [f"FILL(m{at}, 0)" for at in range(1, len(panel.series) + 1)]
    return f"100 * ({' + '.join(terms[: panel.ratio.part])}) / ({' + '.join(terms)})"


def own(metric: str, stat: str = "Sum", label: str = "", *, hidden: bool = False, **dimensions: str) -> Series:
    """Return a series of our own metrics.

    A dimension that is not given is ``*``, as is the service if several services publish the metric.
    """
    known = CATALOG[metric]
    given = {name: dimensions.pop(name, "*") for name in known.dimensions}
    assert not dimensions, f"{metric} has no {dimensions}"
    return Series(OWN, metric, {"service": known.service, **given}, stat, label, hidden)


def named(namespace: str, metric: str, dimension: str, names: Iterable[str], stat: str = "Sum") -> list[Series]:
    """Return one series per name of ``names``, with the prefix in front."""
    return [Series(namespace, metric, {dimension: f"${{Prefix}}-{name}"}, stat, name) for name in names]


def gateway(metric: str, stat: str = "Sum", label: str = "") -> Series:
    """Return a series that API Gateway measures for the HTTP API."""
    return Series("AWS/ApiGateway", metric, {"ApiId": "${HttpApiId}"}, stat, label or metric)


def text(heading: str, sentence: str, *, runbook: str = "") -> Panel:
    """Return a heading and a hint on how to read the panels below it."""
    more = f" [Runbook](${{RunbookUrl}}{runbook})" if runbook else ""
    return Panel(heading, "text", COLUMNS, 2, text=f"## {heading}\n{sentence}{more}")


def number(title: str, *series: Series, unit: Unit = "short", width: int = 4) -> Panel:
    """Return one number for the whole period of the dashboard."""
    return Panel(title, "number", width, 4, series, unit=unit)


def lines(title: str, *series: Series, unit: Unit = "short", width: int = 8) -> Panel:
    """Return a graph."""
    return Panel(title, "lines", width, series=series, unit=unit)


def stacked(title: str, *series: Series, unit: Unit = "short", width: int = 8) -> Panel:
    """Return a graph of stacked series."""
    return Panel(title, "stacked", width, series=series, unit=unit)


def daily(title: str, *series: Series, unit: Unit = "short", width: int = 8) -> Panel:
    """Return one bar per day."""
    return Panel(title, "bars", width, series=series, unit=unit, period=86_400)


def share(title: str, label: str, part: Sequence[Series], rest: Sequence[Series]) -> Panel:
    """Return the share in percent of ``part`` in both."""
    return Panel(title, "lines", series=[*part, *rest], ratio=Ratio(label, len(part)), unit="percent")


def table(title: str, query: str, log_groups: Sequence[str], width: int = 8) -> Panel:
    """Return the result of a query over the logs."""
    return Panel(title, "table", width, query=query, log_groups=log_groups)


def alarms(title: str, names: Sequence[str], height: int) -> list[Panel]:
    """Return the states of alarms, in as many widgets as they need."""
    parts = [names[start : start + ALARMS_MAX] for start in range(0, len(names), ALARMS_MAX)]
    titles = [title] if len(parts) == 1 else [f"{title}, {at} of {len(parts)}" for at in range(1, len(parts) + 1)]
    return [Panel(name, "alarms", COLUMNS, height, alarms=part) for name, part in zip(titles, parts, strict=True)]


def dashboards(deployed: DeployedResources) -> list[Dashboard]:
    """Return the dashboards of all deployed resources."""
    makers: list[Callable[[DeployedResources], Dashboard]] = [_application, _infrastructure, _business]
    return [make(deployed) for make in makers]


def _application(deployed: DeployedResources) -> Dashboard:
    return Dashboard(
        "application",
        "Application",
        "What callers experience: errors, response times and generated images.",
        [
            text(
                ALARMS_HEADING,
                "Every alarm of the installation. The runbook has a section for each.",
                runbook="#runbook",
            ),
            *alarms("Alarms that notify", deployed.alerting_alarms, 5),
            *alarms("Their causes", deployed.other_alarms, 12),
            number("Requests accepted", own("requests_accepted")),
            number("Succeeded", own("requests_succeeded")),
            number("Rejected", own("requests_rejected")),
            number("Failed", own("requests_failed")),
            number("Expired", own("requests_expired")),
            number("Median time to an image", own("request_seconds", "p50"), unit="s"),
            text(
                "Requests and answers", "5xx are our errors. 4xx are the caller's, unless they rise after a deployment."
            ),
            lines("Calls", gateway("Count", label="calls"), gateway("4xx"), gateway("5xx")),
            lines(
                "Response time, all routes",
                *(gateway("Latency", stat, stat) for stat in ("p50", "p95", "p99")),
                unit="ms",
            ),
            lines("Response time by service, p95", own("api_seconds", "p95"), unit="s"),
            lines("Errors by service (5xx)", own("api_errors")),
            table(
                "Errors by type",
                'filter message = "api call" and status >= 400'
                " | stats count(*) as calls by status, code, route | sort calls desc | limit 20",
                deployed.api_logs,
            ),
            lines("Crashes of functions behind the API", *_lambda("Errors", _api_functions(deployed))),
            text("From prompt to image", "Succeeded should follow accepted within a minute.", runbook="#runbook"),
            lines("Accepted and succeeded", own("requests_accepted"), own("requests_succeeded")),
            share(
                "Success rate (without rejections)",
                "succeeded",
                [own("requests_succeeded", hidden=True)],
                [own("requests_failed", hidden=True), own("requests_expired", hidden=True)],
            ),
            lines(
                "Time to an image",
                *(own("request_seconds", stat, stat) for stat in ("p50", "p95", "p99")),
                unit="s",
            ),
            stacked(
                "Requests without an image",
                *(own(f"requests_{status}") for status in ("rejected", "failed", "cancelled", "expired")),
            ),
            lines("Requests refused because too many wait", own("requests_shed")),
            stacked("Failures by reason", own("failures")),
            stacked("Stalls by step", own("stalls")),
            text("Models", "A throttled or retired model has outcomes other than `generated`."),
            stacked("Calls by model and outcome", own("images")),
            lines("Duration of a model call, p95", own("model_seconds", "p95", outcome="generated"), unit="s"),
            share(
                "Success rate of generation",
                "generated",
                [own("images_generated", hidden=True)],
                [own("images_filtered", hidden=True), own("images_failed", hidden=True)],
            ),
            text("Moderation", "Rejections rise with a new policy, a new caller, or attempts to bypass moderation."),
            stacked("Prompts by verdict and layer", own("prompts_moderated")),
            stacked("Rejections by category", own("rejections")),
            lines("Images checked", own("images_kept"), own("images_removed")),
        ],
    )


def _infrastructure(deployed: DeployedResources) -> Dashboard:
    queues, dead = deployed.queues, deployed.dead_letter_queues
    return Dashboard(
        "infrastructure",
        "Infrastructure",
        "Queues, functions, streams and tables: backlogs, errors and throttles.",
        [
            text(
                "Queues",
                "A rising age means that a step cannot keep up. A dead letter means that all retries failed.",
                runbook="#dead-letters",
            ),
            lines("Messages waiting", *_queue("ApproximateNumberOfMessagesVisible", queues)),
            lines("Age of the oldest message", *_queue("ApproximateAgeOfOldestMessage", queues), unit="s"),
            lines("Dead letters", *_queue("ApproximateNumberOfMessagesVisible", dead)),
            stacked("Messages handled by step", own("messages_handled")),
            stacked("Messages retried", own("messages_retried"), own("messages_in_progress")),
            stacked("Messages dead-lettered and replayed", own("messages_dead_lettered"), own("replays")),
            text("Functions", "Throttles and concurrency show limits. Errors are crashes and timeouts."),
            stacked("Invocations", *_lambda("Invocations", deployed.functions)),
            lines("Errors", *_lambda("Errors", deployed.functions)),
            lines("Throttles", *_lambda("Throttles", deployed.functions)),
            lines("Duration, p95", *_lambda("Duration", deployed.functions, "p95"), unit="ms", width=12),
            lines("Concurrency", *_lambda("ConcurrentExecutions", deployed.functions, "Maximum"), width=12),
            text(
                "Streams, tables, bus",
                "If a stream lags, requests are accepted but not published. The sweeper publishes lost ones again.",
                runbook="#a-stream-lags",
            ),
            lines("Age of the streams", *_lambda("IteratorAge", deployed.stream_readers, "Maximum"), unit="ms"),
            lines(
                "Table throttles",
                *named("AWS/DynamoDB", "ReadThrottleEvents", "TableName", deployed.tables),
                *named("AWS/DynamoDB", "WriteThrottleEvents", "TableName", deployed.tables),
            ),
            lines("Table writes", *named("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", deployed.tables)),
            lines(
                "Failed deliveries of rules", *_rule("FailedInvocations", deployed), *_rule("ThrottledRules", deployed)
            ),
            lines("Integration latency, p95", gateway("IntegrationLatency", "p95"), unit="ms"),
            lines("Sweeper", own("sweeper_checked"), own("sweeper_nudged"), own("sweeper_expired")),
            stacked("Webhook calls", own("webhook_attempts")),
            stacked("Failures of the cache", own("cache_failures")),
            lines("Days until models end", own("model_days_left", "Minimum"), own("fewest_model_days_left", "Minimum")),
            lines("Model sentinel", own("models_watched"), own("model_changes_published")),
            lines("Admin keys created", own("admin_keys_created")),
            lines("Audit", own("audit_violations"), own("audit_within_bound"), own("audit_unsettled")),
            lines("Audit: violations by rule", own("audit_violations_by_rule", rule="*")),
            lines("Days since the last drill", own("days_since_drill", "Maximum")),
            lines("Bias audit", own("bias_findings", "Maximum"), own("bias_drifts", "Maximum")),
            lines("Bias audit: images and US dollars", own("bias_images", "Maximum"), own("bias_usd", "Maximum")),
            lines("Audit: records examined", own("audit_records"), own("audit_incomplete")),
        ],
    )


def _business(deployed: DeployedResources) -> Dashboard:
    return Dashboard(
        "business",
        "Business",
        "Usage, callers and costs.",
        [
            text("Totals", "For the period selected above. Days are UTC days."),
            number("Images in the gallery", own("images_stored"), width=6),
            number("Requests", own("requests_accepted"), width=6),
            number("Cost of generation", own("cost_usd"), unit="currencyUSD", width=6),
            number("Images deleted", own("images_deleted"), width=6),
            text("Images and their cost", "At list prices. The billed amounts are in Cost Explorer, by tag."),
            daily("Images per day", own("images_stored"), own("images_requested")),
            daily("Cost per day by model", own("model_cost_usd"), unit="currencyUSD"),
            daily("Images per day by model", own("model_images")),
            text("Styles and engagement", "Requested styles, and how people use the images."),
            daily("Styles", own("style_requests")),
            daily("Engagement", own("engagement")),
            table(
                "Deletions by route",
                'filter message = "api call" and status = 204 and route like /DELETE/'
                " | stats count(*) as calls by route | sort calls desc",
                deployed.api_logs,
            ),
            text("Callers", "Keys are shown by id, never by owner. `make keys` lists the owner of each key."),
            daily("Calls by service", own("api_calls")),
            table(
                "API usage by route",
                'filter message = "api call"'
                " | stats count(*) as calls, pct(seconds, 95) as p95_seconds by route | sort calls desc | limit 40",
                deployed.api_logs,
            ),
            table(
                "API usage by key",
                'filter message = "api call" and ispresent(key_id)'
                " | stats count(*) as calls by key_id, status | sort calls desc | limit 40",
                deployed.api_logs,
            ),
        ],
    )


def _lambda(metric: str, functions: Iterable[str], stat: str = "Sum") -> list[Series]:
    return named("AWS/Lambda", metric, "FunctionName", functions, stat)


def _queue(metric: str, queues: Iterable[str]) -> list[Series]:
    return named("AWS/SQS", metric, "QueueName", queues, "Maximum")


def _rule(metric: str, deployed: DeployedResources) -> list[Series]:
    return [
        Series("AWS/Events", metric, {"EventBusName": "${Prefix}-bus", "RuleName": f"${{Prefix}}-{name}"}, label=name)
        for name in deployed.rules
    ]


def _api_functions(deployed: DeployedResources) -> list[str]:
    return [name for name in deployed.functions if name.endswith(("-api", "-facade", "-waiting", "-authorizer"))]
