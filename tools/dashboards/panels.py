"""The three dashboards, described once: `cloudwatch` and `grafana` say the same in their own words.

Texts may hold ``${Prefix}``, ``${HttpApiId}`` and ``${RunbookUrl}``. A dimension's value ``*`` means a series for each
value there is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from kit.metrics import CATALOG
from tools.dashboards.estate import Estate

OWN: Final = "${Prefix}"
COLUMNS: Final = 24
HEIGHT: Final = 6

Unit = Literal["short", "s", "ms", "percent", "currencyUSD"]


@dataclass(frozen=True)
class Series:
    """One metric, or one for each value of a dimension."""

    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    stat: str = "Sum"
    label: str = ""
    hidden: bool = False
    """Only there to be calculated with."""

    @property
    def is_search(self) -> bool:
        """Whether it stands for as many series as there are values."""
        return "*" in self.dimensions.values()


@dataclass(frozen=True)
class Ratio:
    """A share in percent of the panel's hidden series: the first ``part`` of them over all."""

    label: str
    part: int = 1


@dataclass(frozen=True)
class Panel:
    """A rectangle. It has series, or a query, or a text, or it shows every alarm."""

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


@dataclass(frozen=True)
class Placed:
    """A panel with its place in a grid of 24 columns."""

    panel: Panel
    x: int
    y: int


@dataclass(frozen=True)
class Dashboard:
    """One page."""

    name: str
    """After the prefix and a dash."""
    title: str
    sentence: str
    panels: Sequence[Panel] = field(default_factory=list)

    def placed(self) -> list[Placed]:
        """Lay the panels out in reading order, row by row."""
        found, x, y, tallest = [], 0, 0, 0
        for panel in self.panels:
            if x + panel.width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            found.append(Placed(panel, x, y))
            x, tallest = x + panel.width, max(tallest, panel.height)
        return found


def varying(series: Series) -> list[str]:
    """Return the dimensions that tell the series of one search apart."""
    return [name for name, value in series.dimensions.items() if value == "*"]


def formula(panel: Panel) -> str:
    """Return the panel's ratio as metric math. A metric that was not published counts as nothing."""
    assert panel.ratio is not None
    terms = [f"FILL(m{at}, 0)" for at in range(1, len(panel.series) + 1)]
    return f"100 * ({' + '.join(terms[: panel.ratio.part])}) / ({' + '.join(terms)})"


def own(metric: str, stat: str = "Sum", label: str = "", *, hidden: bool = False, **dimensions: str) -> Series:
    """Return a series of ours. A dimension that is not given is ``*``; so is the service where many publish."""
    known = CATALOG[metric]
    given = {name: dimensions.pop(name, "*") for name in known.dimensions}
    assert not dimensions, f"{metric} has no {dimensions}"
    return Series(OWN, metric, {"service": known.service, **given}, stat, label, hidden)


def named(namespace: str, metric: str, dimension: str, names: Iterable[str], stat: str = "Sum") -> list[Series]:
    """Return a series for each of ``names``, which the prefix comes before."""
    return [Series(namespace, metric, {dimension: f"${{Prefix}}-{name}"}, stat, name) for name in names]


def gateway(metric: str, stat: str = "Sum", label: str = "") -> Series:
    """Return a series of the HTTP API as the gateway counts it."""
    return Series("AWS/ApiGateway", metric, {"ApiId": "${HttpApiId}"}, stat, label or metric)


def text(heading: str, sentence: str, *, runbook: str = "") -> Panel:
    """Return a heading with what to look for."""
    more = f" [Runbook](${{RunbookUrl}}{runbook})" if runbook else ""
    return Panel(heading, "text", COLUMNS, 2, text=f"## {heading}\n{sentence}{more}")


def number(title: str, *series: Series, unit: Unit = "short", width: int = 4) -> Panel:
    """Return one number for the whole time that is shown."""
    return Panel(title, "number", width, 4, series, unit=unit)


def lines(title: str, *series: Series, unit: Unit = "short", width: int = 8) -> Panel:
    """Return a graph."""
    return Panel(title, "lines", width, series=series, unit=unit)


def stacked(title: str, *series: Series, unit: Unit = "short", width: int = 8) -> Panel:
    """Return a graph whose series add up."""
    return Panel(title, "stacked", width, series=series, unit=unit)


def daily(title: str, *series: Series, unit: Unit = "short", width: int = 8) -> Panel:
    """Return bars, one a day."""
    return Panel(title, "bars", width, series=series, unit=unit, period=86_400)


def share(title: str, label: str, part: Sequence[Series], rest: Sequence[Series]) -> Panel:
    """Return how many percent ``part`` is of both."""
    return Panel(title, "lines", series=[*part, *rest], ratio=Ratio(label, len(part)), unit="percent")


def table(title: str, query: str, log_groups: Sequence[str], width: int = 8) -> Panel:
    """Return what a query over the logs finds."""
    return Panel(title, "table", width, query=query, log_groups=log_groups)


def dashboards(estate: Estate) -> list[Dashboard]:
    """Return the dashboards of everything that is deployed."""
    makers: list[Callable[[Estate], Dashboard]] = [_application, _infrastructure, _business]
    return [make(estate) for make in makers]


def _application(estate: Estate) -> Dashboard:
    alarms = Panel("Alarms", "alarms", COLUMNS, 4)
    return Dashboard(
        "application",
        "Application",
        "What callers feel: are they answered, how fast, and do they get their image?",
        [
            text(
                "Is anybody hurt?",
                "Anything red has its own entry, by the alarm's name. Nothing red: nobody needs you.",
                runbook="#runbook",
            ),
            alarms,
            number("Requests accepted", own("requests_accepted")),
            number("Succeeded", own("requests_succeeded")),
            number("Rejected", own("requests_rejected")),
            number("Failed", own("requests_failed")),
            number("Expired", own("requests_expired")),
            number("Median time to a image", own("request_seconds", "p50"), unit="s"),
            text("Requests and answers", "5xx is ours; 4xx is theirs, unless it jumps after a deployment."),
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
                estate.api_logs,
            ),
            lines("Crashes of functions behind the API", *_lambda("Errors", _answering(estate))),
            text("From prompt to image", "Succeeded should follow accepted within a minute.", runbook="#runbook"),
            lines("Accepted and succeeded", own("requests_accepted"), own("requests_succeeded")),
            share(
                "Success rate (rejections aside)",
                "succeeded",
                [own("requests_succeeded", hidden=True)],
                [own("requests_failed", hidden=True), own("requests_expired", hidden=True)],
            ),
            lines(
                "Time to a image",
                *(own("request_seconds", stat, stat) for stat in ("p50", "p95", "p99")),
                unit="s",
            ),
            stacked(
                "Endings without a image",
                *(own(f"requests_{ending}") for ending in ("rejected", "failed", "cancelled", "expired")),
            ),
            stacked("Failures by reason", own("failures")),
            stacked("Stalls by step", own("stalls")),
            text("Models", "A model that is throttled or gone shows as an outcome other than generated."),
            stacked("Calls by model and outcome", own("images")),
            lines("Time of a drawing call, p95", own("model_seconds", "p95", outcome="generated"), unit="s"),
            share(
                "Images drawn of those tried",
                "drawn",
                [own("images_generated", hidden=True)],
                [own("images_filtered", hidden=True), own("images_failed", hidden=True)],
            ),
            text("Moderation", "A jump in rejections is a new policy, a new caller, or somebody who tries it out."),
            stacked("Prompts by verdict and layer", own("prompts_moderated")),
            stacked("Rejections by category", own("rejections")),
            lines("Images looked at", own("images_kept"), own("images_removed")),
        ],
    )


def _infrastructure(estate: Estate) -> Dashboard:
    queues, dead = estate.queues, estate.dead_letter_queues
    return Dashboard(
        "infrastructure",
        "Infrastructure",
        "What it runs on: what waits, what died, what is throttled?",
        [
            text(
                "Queues",
                "Ages that grow: a step does not keep up. A dead letter: a step gave up.",
                runbook="#dead-letters",
            ),
            lines("Messages waiting", *_queue("ApproximateNumberOfMessagesVisible", queues)),
            lines("Age of the oldest message", *_queue("ApproximateAgeOfOldestMessage", queues), unit="s"),
            lines("Dead letters", *_queue("ApproximateNumberOfMessagesVisible", dead)),
            stacked("Messages handled by step", own("messages_handled")),
            stacked("Messages to be tried again", own("messages_retried"), own("messages_in_progress")),
            stacked("Messages given up and sent back", own("messages_dead_lettered"), own("replays")),
            text("Functions", "Throttles and concurrency tell of limits; errors here are crashes and timeouts."),
            stacked("Invocations", *_lambda("Invocations", estate.functions)),
            lines("Errors", *_lambda("Errors", estate.functions)),
            lines("Throttles", *_lambda("Throttles", estate.functions)),
            lines("Duration, p95", *_lambda("Duration", estate.functions, "p95"), unit="ms", width=12),
            lines("Concurrency", *_lambda("ConcurrentExecutions", estate.functions, "Maximum"), width=12),
            text(
                "Streams, tables, bus",
                "A stream that lags: requests are accepted and not published. The sweeper makes up for lost ones.",
                runbook="#a-stream-lags",
            ),
            lines("Age of the streams", *_lambda("IteratorAge", estate.stream_readers, "Maximum"), unit="ms"),
            lines(
                "Table throttles",
                *named("AWS/DynamoDB", "ReadThrottleEvents", "TableName", estate.tables),
                *named("AWS/DynamoDB", "WriteThrottleEvents", "TableName", estate.tables),
            ),
            lines("Table writes", *named("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", estate.tables)),
            lines(
                "Rules that could not deliver", *_rule("FailedInvocations", estate), *_rule("ThrottledRules", estate)
            ),
            lines("Time behind the gateway, p95", gateway("IntegrationLatency", "p95"), unit="ms"),
            lines("Sweeper", own("sweeper_checked"), own("sweeper_nudged"), own("sweeper_expired")),
            stacked("Webhooks called", own("webhook_attempts")),
            lines("Models: days left", own("model_days_left", "Minimum"), own("fewest_model_days_left", "Minimum")),
            lines("Model sentinel", own("models_watched"), own("model_changes_published")),
            lines("Audit", own("audit_violations"), own("audit_within_bound"), own("audit_unsettled")),
            lines("Audit: broken rules", own("audit_violations_by_rule", rule="*")),
            lines("Audit: records looked at", own("audit_records"), own("audit_incomplete")),
        ],
    )


def _business(estate: Estate) -> Dashboard:
    return Dashboard(
        "business",
        "Business",
        "What it is used for, by whom, and what it costs.",
        [
            text("Today", "Over the time that is chosen above; a day is a UTC day."),
            number("Images in the gallery", own("images_stored"), width=6),
            number("Requests", own("requests_accepted"), width=6),
            number("Paid for drawing", own("cost_usd"), unit="currencyUSD", width=6),
            number("Images deleted", own("images_deleted"), width=6),
            text("Images and what they cost", "By list price; what AWS bills is in Cost Explorer, by tag."),
            daily("Images a day", own("images_stored"), own("images_requested")),
            daily("Cost a day by model", own("model_cost_usd"), unit="currencyUSD"),
            daily("Images a day by model", own("model_images")),
            text("What people like", "Which styles are asked for, and what becomes of the images."),
            daily("Styles", own("style_requests")),
            daily("Engagement", own("engagement")),
            table(
                "Deletions, by route",
                'filter message = "api call" and status = 204 and route like /DELETE/'
                " | stats count(*) as calls by route | sort calls desc",
                estate.api_logs,
            ),
            text("Who calls", "Keys by their id, never by their owner: `make keys` tells whose a key is."),
            daily("Calls by service", own("api_calls")),
            table(
                "API usage by route",
                'filter message = "api call"'
                " | stats count(*) as calls, pct(seconds, 95) as p95_seconds by route | sort calls desc | limit 40",
                estate.api_logs,
            ),
            table(
                "API usage by key",
                'filter message = "api call" and ispresent(key_id)'
                " | stats count(*) as calls by key_id, status | sort calls desc | limit 40",
                estate.api_logs,
            ),
        ],
    )


def _lambda(metric: str, functions: Iterable[str], stat: str = "Sum") -> list[Series]:
    return named("AWS/Lambda", metric, "FunctionName", functions, stat)


def _queue(metric: str, queues: Iterable[str]) -> list[Series]:
    return named("AWS/SQS", metric, "QueueName", queues, "Maximum")


def _rule(metric: str, estate: Estate) -> list[Series]:
    return [
        Series("AWS/Events", metric, {"EventBusName": "${Prefix}-bus", "RuleName": f"${{Prefix}}-{name}"}, label=name)
        for name in estate.rules
    ]


def _answering(estate: Estate) -> list[str]:
    return [name for name in estate.functions if name.endswith(("-api", "-facade", "-waiting", "-authorizer"))]
