"""`docs/metrics.md`: the meaning of every metric, and the panels of each dashboard."""

from collections.abc import Sequence
from typing import Final

from kit.metrics import METRICS, Metric
from tools.dashboards.panels import Dashboard, Panel, Series
from tools.dashboards.queries import Query

INTRO = """# Metrics and dashboards

```
code ── measure() ── one JSON line (Embedded Metric Format) ── CloudWatch: namespace = the installation's prefix
                                                                  │
tools/dashboards/panels.py ── python -m tools.docs ─┬─ dashboards.yaml: three dashboards, deployed with the stack
                                                      └─ docs/grafana/*.json: the same three, to import
```

On AWS: CloudWatch → Dashboards → `PREFIX-application`, `PREFIX-infrastructure`, `PREFIX-business`. In Grafana:
Dashboards → New → Import, select a file of `docs/grafana`, then choose data source, prefix, region and API on the page.

The values of dimensions come from catalogs (models, styles, categories, steps), never from callers: owners, request
ids and prompts are not dimensions. [Logs](logs.md) answer questions about single callers, calls and errors.

To add a metric: add it to `kit/metrics.py`, emit it with `kit.telemetry.measure`, show it in
`tools/dashboards/panels.py`, and run `python -m tools.docs`. Tests compare the three.

## Metrics

Every metric also has the dimension `service`.
"""


QUERIES: Final = """## Saved queries

CloudWatch → Logs Insights → Saved queries → the folder of the installation. Set the time range, then run the query.
"""


def metrics_page(dashboards: Sequence[Dashboard], queries: Sequence[Query]) -> str:
    """Return the page."""
    rows = [f"| {_cells(metric)} |" for metric in METRICS]
    table = ["| metric | unit | dimensions | emitted by | meaning |", "| --- | --- | --- | --- | --- |", *rows]
    sections = [_section(dashboard) for dashboard in dashboards]
    questions = [f"| `{query.name}` | {query.question} |" for query in queries]
    saved = [QUERIES, "| query | question |", "| --- | --- |", *questions, ""]
    return "\n".join([INTRO, *table, "", "## Dashboards", "", *sections, *saved])


def _cells(metric: Metric) -> str:
    unit = "US dollars" if metric.unit == "None" else metric.unit.lower()
    service = "every service" if metric.service == "*" else metric.service
    by = ", ".join(f"`{name}`" for name in metric.dimensions)
    return f"`{metric.name}` | {unit} | {by} | {service} | {metric.description}"


def _section(dashboard: Dashboard) -> str:
    shown = [panel for panel in dashboard.panels if panel.kind != "text"]
    rows = [f"| {panel.title} | {_source(panel)} |" for panel in shown]
    return "\n".join(
        [f"### {dashboard.title}", "", dashboard.sentence, "", "| panel | shows |", "| --- | --- |", *rows, ""]
    )


def _source(panel: Panel) -> str:
    if panel.kind == "alarms":
        return f"the state of {len(panel.alarms)} alarms"
    if panel.kind == "table":
        return "the logs of the APIs"
    return ", ".join(dict.fromkeys(_name(series) for series in panel.series))


def _name(series: Series) -> str:
    return f"`{series.metric}`" if series.namespace.startswith("$") else f"{series.namespace} `{series.metric}`"
