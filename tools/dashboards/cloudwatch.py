"""The dashboards as CloudWatch has them: one template, whose bodies are JSON with the installation's names put in."""

import json
from collections.abc import Iterable
from typing import Any, Final

from tools.dashboards.panels import Dashboard, Panel, Placed, Series, formula, varying

HEAD: Final = """\
# Written by `python -m tools.docs` from tools/dashboards/panels.py: change it there.
AWSTemplateFormatVersion: "2010-09-09"
Description: >-
  Dashboards: what callers feel, what it runs on, what it is used for.

Parameters:
  Prefix: {Type: String}
  HttpApiId: {Type: String}
  RunbookUrl: {Type: String}

Resources:
"""
VIEWS: Final = {"lines": "timeSeries", "stacked": "timeSeries", "bars": "timeSeries", "number": "singleValue"}
AXES: Final = {"s": "seconds", "ms": "milliseconds", "percent": "%", "currencyUSD": "US dollars", "short": ""}


def template(dashboards: Iterable[Dashboard], alarms: Iterable[str]) -> str:
    """Return the template of all dashboards, as text."""
    everything = list(dashboards)
    names = list(alarms)
    return HEAD + "\n".join(_resource(dashboard, everything, names) for dashboard in everything)


def body(dashboard: Dashboard, everything: Iterable[Dashboard], alarms: Iterable[str]) -> dict[str, Any]:
    """Return a dashboard's body, its names still to be put in."""
    links = " · ".join(
        f"[{other.title}](#dashboards/dashboard/${{Prefix}}-{other.name})" for other in everything if other != dashboard
    )
    head = Panel("", "text", 24, 2, text=f"# ${{Prefix}}: {dashboard.title}\n{dashboard.sentence} See also {links}.")
    widgets = [_widget(Placed(head, 0, 0), [])]
    names = list(alarms)
    for placed in dashboard.placed():
        widgets.append(_widget(Placed(placed.panel, placed.x, placed.y + head.height), names))
    return {"start": "-P7D" if dashboard.name == "business" else "-PT6H", "widgets": widgets}


def _resource(dashboard: Dashboard, everything: list[Dashboard], alarms: list[str]) -> str:
    widgets = body(dashboard, everything, alarms)
    rows = ",\n".join(f"            {_json(widget)}" for widget in widgets["widgets"])
    return f"""\
  {dashboard.title}:
    Type: AWS::CloudWatch::Dashboard
    Properties:
      DashboardName: !Sub "${{Prefix}}-{dashboard.name}"
      DashboardBody: !Sub |-
        {{
          "start": "{widgets["start"]}",
          "widgets": [
{rows}
          ]
        }}
"""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _widget(placed: Placed, alarms: list[str]) -> dict[str, Any]:
    panel = placed.panel
    kind = {"text": "text", "alarms": "alarm", "table": "log"}.get(panel.kind, "metric")
    where = {"type": kind, "x": placed.x, "y": placed.y, "width": panel.width, "height": panel.height}
    return {**where, "properties": _properties(panel, alarms)}


def _properties(panel: Panel, alarms: list[str]) -> dict[str, Any]:
    match panel.kind:
        case "text":
            return {"markdown": panel.text}
        case "alarms":
            arn = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:${Prefix}-"
            return {
                "title": panel.title,
                "sortBy": "stateUpdatedTimestamp",
                "alarms": [f"{arn}{name}" for name in alarms],
            }
        case "table":
            sources = " | ".join(f"SOURCE '{group}'" for group in panel.log_groups)
            return {
                "title": panel.title,
                "region": "${AWS::Region}",
                "view": "table",
                "query": f"{sources} | {panel.query}",
            }
    found: dict[str, Any] = {
        "title": panel.title,
        "region": "${AWS::Region}",
        "view": VIEWS[panel.kind],
        "stacked": panel.kind in {"stacked", "bars"},
        "period": panel.period,
        "metrics": _metrics(panel),
    }
    if panel.kind == "number":
        found |= {"setPeriodToTimeRange": True, "sparkline": False}
    elif label := AXES[panel.unit]:
        found["yAxis"] = {"left": {"min": 0, "label": label, "showUnits": False}}
    else:
        found["yAxis"] = {"left": {"min": 0, "showUnits": False}}
    return found


def _metrics(panel: Panel) -> list[list[Any]]:
    rows = [_row(panel, series, at) for at, series in enumerate(panel.series, 1)]
    if panel.ratio:
        rows.append([{"expression": formula(panel), "id": "share", "label": panel.ratio.label}])
    return rows


def _row(panel: Panel, series: Series, at: int) -> list[Any]:
    shown: dict[str, Any] = {"id": f"m{at}"}
    if series.hidden:
        shown["visible"] = False
    if series.is_search:
        # ${!…} is CloudFormation's way to write ${…}: the console puts the dimension's value there.
        values = " ".join(f"${{!PROP('Dim.{name}')}}" for name in varying(series))
        several = len(panel.series) > 1
        return [
            {
                "expression": _search(series, panel.period),
                "label": f"{series.metric} {values}" if several else values,
                **shown,
            }
        ]
    dimensions = [part for pair in series.dimensions.items() for part in pair]
    return [
        series.namespace,
        series.metric,
        *dimensions,
        {"stat": series.stat, "label": series.label or series.metric, **shown},
    ]


def _search(series: Series, period: int) -> str:
    schema = ",".join([f'"{series.namespace}"', *series.dimensions])
    fixed = [f'{name}="{value}"' for name, value in series.dimensions.items() if value != "*"]
    terms = " ".join([f'MetricName="{series.metric}"', *fixed])
    return f"SEARCH('{{{schema}}} {terms}', '{series.stat}', {period})"
