"""Render the dashboards for Grafana: JSON files for its CloudWatch data source, with prefix and region as variables."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from grafana_foundation_sdk.builders import cloudwatch, common, stat, table, text, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import cloudwatch as model
from grafana_foundation_sdk.models import common as shared
from grafana_foundation_sdk.models import dashboard as parts
from grafana_foundation_sdk.models.text import TextMode

from tools.dashboards.panels import ALARMS_HEADING, OWN, Dashboard, Panel, Placed, Series, formula, varying

SOURCE: Final = parts.DataSourceRef("cloudwatch", "${datasource}")
VARIABLES: Final[Mapping[str, str]] = {
    "${Prefix}": "$prefix",
    "${HttpApiId}": "$api",
    "${AWS::Region}": "$region",
    "${RunbookUrl}": "$runbook",
}
"""CloudFormation's parameters and Grafana's variables."""
Builder = Any
"""The panel builders of the SDK share methods, but no type."""


def dashboard_json(dashboard: Dashboard) -> str:
    """Return the content of a file that Grafana can import."""
    page = (
        build.Dashboard(f"GenAI images: {dashboard.title}")
        .uid(f"genai-images-{dashboard.name}")
        .description(dashboard.sentence)
        .tags(["genai-images"])
        .timezone("utc")
        .time("now-7d" if dashboard.name == "business" else "now-6h", "now")
        .refresh("1m")
        .tooltip(parts.DashboardCursorSync.CROSSHAIR)
        .link(
            build.DashboardLink("Other dashboards")
            .type(parts.DashboardLinkType.DASHBOARDS)
            .tags(["genai-images"])
            .include_vars(True)
            .keep_time(True)
        )
        .with_variable(build.DatasourceVariable("datasource").label("Data source").type("cloudwatch"))
        .with_variable(_text_variable("prefix", "Installation", "genai-images-prod"))
        .with_variable(_text_variable("region", "Region", "us-west-2"))
        .with_variable(_text_variable("api", "HTTP API (output ApiId of the stack)", ""))
        .with_variable(_text_variable("runbook", "Runbook", "docs/runbook.md"))
    )
    # Grafana has its own alerts, so it shows neither the alarms nor their heading.
    panels = [panel for panel in dashboard.panels if panel.kind != "alarms" and panel.title != ALARMS_HEADING]
    shown = replace(dashboard, panels=panels).placed()
    for number, placed in enumerate(shown, 1):
        page = page.with_panel(_panel(placed, number))
    found: str = JSONEncoder(indent=2, sort_keys=True).encode(page.build())
    return json.dumps(json.loads(found), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _text_variable(name: str, label: str, value: str) -> build.TextBoxVariable:
    return build.TextBoxVariable(name).label(label).default_value(value)


def _panel(placed: Placed, number: int) -> Builder:
    panel = placed.panel
    made: Builder = _MAKERS[panel.kind](panel)
    made = made.id(number).grid_pos(parts.GridPos(h=panel.height, w=panel.width, x=placed.x, y=placed.y))
    if panel.kind == "text":
        return made
    made = made.title(panel.title).datasource(SOURCE)
    if panel.kind != "table":
        made = made.unit(panel.unit)
    for query in _logs(panel) if panel.kind == "table" else _queries(panel):
        made = made.with_target(query)
    return made


def _text(panel: Panel) -> Builder:
    return text.Panel().mode(TextMode.MARKDOWN).content(_with_variables(panel.text)).transparent(True)


def _graph(panel: Panel) -> Builder:
    made = (
        timeseries.Panel()
        .min(0)
        .line_width(1.5)
        .fill_opacity(10)
        .show_points(shared.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(shared.LegendDisplayMode.LIST)
            .placement(shared.LegendPlacement.BOTTOM)
        )
        .tooltip(common.VizTooltipOptions().mode(shared.TooltipDisplayMode.MULTI).sort(shared.SortOrder.DESCENDING))
    )
    if panel.kind in {"stacked", "bars"}:
        made = made.fill_opacity(60).stacking(common.StackingConfig().mode(shared.StackingMode.NORMAL))
    if panel.kind == "bars":
        made = made.draw_style(shared.GraphDrawStyle.BARS)
    return made


def _number(panel: Panel) -> Builder:
    last = "mean" if panel.unit == "s" else "sum"
    return (
        stat.Panel().reduce_options(common.ReduceDataOptions().calcs([last])).graph_mode(shared.BigValueGraphMode.AREA)
    )


def _table(panel: Panel) -> Builder:
    return table.Panel()


_MAKERS: Final[Mapping[str, Callable[[Panel], Builder]]] = {
    "text": _text,
    "lines": _graph,
    "stacked": _graph,
    "bars": _graph,
    "number": _number,
    "table": _table,
}


def _queries(panel: Panel) -> list[Builder]:
    found = [_query(panel, series, at) for at, series in enumerate(panel.series, 1)]
    if panel.ratio:
        share = _blank(panel, "share").metric_editor_mode(model.MetricEditorMode.CODE).expression(formula(panel))
        found.append(share.label(panel.ratio.label))
    return found


def _blank(panel: Panel, name: str) -> cloudwatch.CloudWatchMetricsQuery:
    return (
        cloudwatch.CloudWatchMetricsQuery()
        .query_mode(model.CloudWatchQueryMode.METRICS)
        .metric_query_type(model.MetricQueryType.SEARCH)
        .metric_editor_mode(model.MetricEditorMode.BUILDER)
        .id(name)
        .ref_id(name)
        .region("$region")
        .period(str(panel.period))
        .match_exact(True)
        .datasource(SOURCE)
    )


def _query(panel: Panel, series: Series, at: int) -> cloudwatch.CloudWatchMetricsQuery:
    values = " ".join(f"${{PROP('Dim.{name}')}}" for name in varying(series))
    several = f"{series.metric} {values}" if len(panel.series) > 1 else values
    return (
        _blank(panel, f"m{at}")
        .namespace("$prefix" if series.namespace == OWN else series.namespace)
        .metric_name(series.metric)
        .dimensions({name: [_with_variables(value)] for name, value in series.dimensions.items()})
        .statistic(series.stat)
        .label(several if series.is_search else series.label or series.metric)
        .hide(series.hidden)
    )


def _logs(panel: Panel) -> list[Builder]:
    groups: list[Builder] = [
        cloudwatch.LogGroup()
        .arn(f"arn:aws:logs:$region:*:log-group:{_with_variables(name)}:*")
        .name(_with_variables(name))
        for name in panel.log_groups
    ]
    return [
        cloudwatch.CloudWatchLogsQuery()
        .query_mode(model.CloudWatchQueryMode.LOGS)
        .id("logs")
        .ref_id("logs")
        .region("$region")
        .expression(panel.query)
        .log_groups(groups)
        .datasource(SOURCE)
    ]


def _with_variables(text_: str) -> str:
    for ours, theirs in VARIABLES.items():
        text_ = text_.replace(ours, theirs)
    return text_
