"""Metrics in code, the metric catalog and the dashboards agree."""

import ast
import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any, get_args

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as grafana

from kit.consumer.telemetry import METRIC_OF
from kit.metrics import CATALOG, METRICS, MetricName
from services.analytics.figures import FAMILIES, TOTALS
from tests.support import templates
from tests.support.templates import ROOT
from tools.dashboards import cloudwatch
from tools.dashboards.panels import ALARMS_MAX, Panel, Series, alarms, dashboards
from tools.dashboards.resources import ALARM_TYPES, DeployedResources

DEPLOYED = DeployedResources(ROOT)
PAGES = dashboards(DEPLOYED)
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
EVERY_PANEL = pytest.mark.parametrize(
    "panel", [panel for page in PAGES for panel in page.panels], ids=lambda panel: panel.title.replace(" ", "-")
)
WATCHED = {
    ("AWS/Lambda", "FunctionName"): DEPLOYED.functions,
    ("AWS/SQS", "QueueName"): [*DEPLOYED.queues, *DEPLOYED.dead_letter_queues],
    ("AWS/DynamoDB", "TableName"): DEPLOYED.tables,
    ("AWS/Events", "RuleName"): DEPLOYED.rules,
}
GATEWAY = {"Count", "4xx", "5xx", "Latency", "IntegrationLatency"}
"""Metrics that API Gateway publishes per ``ApiId``."""
PROVIDED = {
    "AWS/Lambda": {"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions", "IteratorAge"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
    "AWS/DynamoDB": {"ReadThrottleEvents", "WriteThrottleEvents", "ConsumedWriteCapacityUnits"},
    "AWS/Events": {"FailedInvocations", "ThrottledRules"},
}
"""Metrics that AWS publishes per dimension of ``WATCHED``, as documented; only those that we use."""


def published() -> Iterator[tuple[str, str]]:
    """Yield file and name of every metric that a call of ``measure`` emits."""
    for path in [*ROOT.glob("services/**/*.py"), *ROOT.glob("kit/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "measure":
                yield from ((str(path.relative_to(ROOT)), name) for name in _names(node.args[1]))
    figures = [*TOTALS.values(), *(metric for _, metric in FAMILIES.values())]
    yield from (("services/analytics/figures.py", name) for name in figures)
    yield from (("kit/consumer/telemetry.py", name) for name in METRIC_OF.values())


def _names(metrics: ast.expr) -> Iterator[str]:
    if isinstance(metrics, ast.Dict):
        yield from (str(key.value) for key in metrics.keys if isinstance(key, ast.Constant))


PUBLISHED = list(published())


def is_published(name: str, service: str) -> bool:
    """Return whether code of ``service`` (``*``: of the kit) emits ``name``."""
    folder = "kit/" if service == "*" else f"services/{service}/"
    return any(path.startswith(folder) and emitted == name for path, emitted in PUBLISHED)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_cataloged_metric_is_published_by_its_service(metric: Any) -> None:
    assert is_published(metric.name, metric.service)


def test_the_catalog_has_every_metric_name_once() -> None:
    assert [metric.name for metric in METRICS] == list(get_args(MetricName))


@pytest.mark.parametrize(("path", "name"), PUBLISHED)
def test_a_metric_in_the_code_is_in_the_catalog(path: str, name: str) -> None:
    assert name in CATALOG, f"{path}: describe {name} in kit/metrics.py"


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_published_metric_is_shown_or_has_an_alarm(metric: Any) -> None:
    shown = {series.metric for page in PAGES for panel in page.panels for series in panel.series}
    ringing = {alarm.properties.get("MetricName") for alarm in templates.resources("AWS::CloudWatch::Alarm")}
    assert metric.name in shown | ringing, "show it in tools/dashboards/panels.py"


@EVERY_PANEL
def test_every_panel_shows_published_metrics(panel: Panel) -> None:
    for series in panel.series:
        _assert_published(series)
    for group in panel.log_groups:
        assert group.removeprefix("/aws/lambda/${Prefix}-") in DEPLOYED.functions


def _assert_published(series: Series) -> None:
    if series.namespace == "${Prefix}":
        metric = CATALOG[series.metric]
        assert list(series.dimensions) == ["service", *metric.dimensions]
        return
    if series.namespace == "AWS/ApiGateway":
        assert series.metric in GATEWAY
        assert series.dimensions == {"ApiId": "${HttpApiId}"}
        return
    assert series.metric in PROVIDED[series.namespace]
    (names,) = [
        (names, series.dimensions[dimension])
        for (namespace, dimension), names in WATCHED.items()
        if namespace == series.namespace
    ]
    known, name = names
    assert name.removeprefix("${Prefix}-") in known


def test_every_queue_function_and_table_is_on_a_dashboard() -> None:
    watched = {
        value for page in PAGES for panel in page.panels for s in panel.series for value in s.dimensions.values()
    }
    for kind, key in (
        ("AWS::SQS::Queue", "QueueName"),
        ("AWS::Serverless::Function", "FunctionName"),
        ("AWS::DynamoDB::Table", "TableName"),
    ):
        for resource in templates.resources(kind):
            assert resource.properties[key]["Fn::Sub"] in watched, f"{resource} is on no dashboard"


@pytest.mark.parametrize("alarm", templates.resources("AWS::CloudWatch::Alarm"), ids=str)
def test_alarms_on_our_metrics_use_published_metrics(alarm: Any) -> None:
    namespace, name = alarm.properties.get("Namespace"), alarm.properties.get("MetricName")
    if namespace is None or str(namespace).startswith("AWS/"):
        return
    assert namespace == {"Ref": "Prefix"}, "the namespace of our metrics is the installation's prefix"
    dimensions = {pair["Name"] for pair in alarm.properties.get("Dimensions", [])}
    assert dimensions == {"service", *CATALOG[name].dimensions}


# CloudWatch ----------------------------------------------------------------------------------------------------------


def put_in(page: Any) -> dict[str, Any]:
    """Return a dashboard's body with CloudFormation's substitutions, from the deployed template."""
    template = templates.load(ROOT / "services/operations/dashboards.yaml")
    text = template["Resources"][page.title]["Properties"]["DashboardBody"]["Fn::Sub"]
    values = {"Prefix": "p", "HttpApiId": "abc", "RunbookUrl": "u", "Partition": "aws", "Region": "r", "AccountId": "1"}
    filled = re.sub(r"\$\{(?:AWS::)?(\w+)\}", lambda found: values[found[1]], text)
    body: dict[str, Any] = json.loads(filled.replace("${!", "${"))
    return body


@EVERY_PAGE
def test_cloudwatch_dashboards_are_valid(page: Any) -> None:
    widgets = put_in(page)["widgets"]

    assert len(widgets) <= 500
    assert sum(len(widget["properties"].get("metrics", [])) for widget in widgets) <= 2500
    for widget in widgets:
        properties = widget["properties"]
        assert widget["x"] + widget["width"] <= 24
        match widget["type"]:
            case "text":
                assert properties["markdown"].startswith("#")
            case "alarm":
                assert 1 <= len(properties["alarms"]) <= ALARMS_MAX
            case "log":
                assert properties["query"].count("SOURCE ") <= 50
            case "metric":
                ids = [row[-1]["id"] for row in properties["metrics"]]
                assert len(ids) == len(set(ids)) <= 500
                assert all(re.fullmatch(r"[a-z]\w*", name) for name in ids)
                assert all(len(row) == 1 or len(row) % 2 == 1 for row in properties["metrics"]), "names and values"


@EVERY_PAGE
def test_widgets_do_not_overlap(page: Any) -> None:
    for one, other in combinations(put_in(page)["widgets"], 2):
        assert not _overlap(one["x"], one["y"], one["width"], one["height"], other), (one, other)


def _overlap(x: int, y: int, width: int, height: int, other: dict[str, Any]) -> bool:
    beside = x >= other["x"] + other["width"] or other["x"] >= x + width
    above = y >= other["y"] + other["height"] or other["y"] >= y + height
    return not (beside or above)


def test_every_alarm_of_every_service_is_in_exactly_one_widget() -> None:
    """The alarm of backups.yaml is in none: without that option, it does not exist."""
    widgets = [widget for page in PAGES for widget in put_in(page)["widgets"] if widget["type"] == "alarm"]
    shown = [arn.rpartition(":")[2] for widget in widgets for arn in widget["properties"]["alarms"]]
    resources = [
        body
        for path in [ROOT / "template.yaml", *ROOT.glob("services/*/template.yaml")]
        for body in templates.load(path)["Resources"].values()
    ]
    names = [body["Properties"]["AlarmName"]["Fn::Sub"] for body in resources if body["Type"] in ALARM_TYPES]
    deployed = [name.replace("genai-images-${Environment}", "p").replace("${Prefix}", "p") for name in names]

    assert {"p-api-5xx", "p-api-latency", "p-intake"} <= set(deployed)
    assert sorted(shown) == sorted(deployed)


def test_alarms_beyond_the_limit_of_a_widget_get_another_widget() -> None:
    names = [f"alarm-{number}" for number in range(2 * ALARMS_MAX + 1)]
    panels = alarms("Alarms", names, 5)

    assert [panel.title for panel in panels] == ["Alarms, 1 of 3", "Alarms, 2 of 3", "Alarms, 3 of 3"]
    assert [name for panel in panels for name in panel.alarms] == names


def test_searches_match_only_this_installation() -> None:
    widgets = [widget for page in PAGES for widget in cloudwatch.body(page, PAGES)["widgets"]]
    rows = [row[-1] for widget in widgets for row in widget["properties"].get("metrics", [])]
    searches = [row["expression"] for row in rows if row.get("expression", "").startswith("SEARCH")]

    assert searches
    assert all(search.startswith('SEARCH(\'{"${Prefix}",service') for search in searches)


# Grafana -------------------------------------------------------------------------------------------------------------


@EVERY_PAGE
def test_grafana_dashboards_survive_a_round_trip(page: Any) -> None:
    written = json.loads((ROOT / f"docs/grafana/{page.name}.json").read_text())
    read = grafana.Dashboard.from_json(written)

    assert json.loads(JSONEncoder().encode(read)) == written


def test_grafana_has_no_section_on_alarms_which_it_does_not_show() -> None:
    written = "".join(path.read_text() for path in ROOT.glob("docs/grafana/*.json"))

    assert "alarm" not in written.lower()


@EVERY_PAGE
def test_grafana_panels_have_distinct_ids_and_positions(page: Any) -> None:
    written = json.loads((ROOT / f"docs/grafana/{page.name}.json").read_text())
    panels = written["panels"]
    declared = {variable["name"] for variable in written["templating"]["list"]}

    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        assert not _overlap(
            one["x"], one["y"], one["w"], one["h"], {**other, "width": other["w"], "height": other["h"]}
        )
    used = set(re.findall(r"\$(?:\{(\w+)\}|(\w+))", json.dumps(panels)))
    assert {braced or bare for braced, bare in used} - {"__interval"} <= declared
    targets = [target for panel in panels for target in panel.get("targets", [])]
    assert targets
    assert all(target["region"] == "$region" for target in targets)
