"""Every alarm watches a metric that exists, with dimensions under which it is published."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from kit.metrics import CATALOG
from tests.support import templates

PUBLISHED_BY_AWS: Final[Mapping[str, Mapping[frozenset[str], frozenset[str]]]] = {
    "AWS/ApiGateway": {
        frozenset(dimensions): frozenset({"4xx", "5xx", "Count", "DataProcessed", "IntegrationLatency", "Latency"})
        for dimensions in (("ApiId",), ("ApiId", "Stage"), ("ApiId", "Stage", "Method", "Resource"))
    },
    "AWS/Lambda": {
        frozenset({"FunctionName"}): frozenset(
            {"ConcurrentExecutions", "Duration", "Errors", "Invocations", "IteratorAge", "Throttles"}
        )
    },
    "AWS/SQS": {
        frozenset({"QueueName"}): frozenset(
            {
                "ApproximateAgeOfOldestMessage",
                "ApproximateNumberOfMessagesDelayed",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesVisible",
                "NumberOfMessagesDeleted",
                "NumberOfMessagesReceived",
                "NumberOfMessagesSent",
            }
        )
    },
}
"""Namespace → dimensions → metrics, from AWS's lists (November 2026); only the namespaces that our alarms use."""
STATISTICS: Final = {"Average", "Maximum", "Minimum", "SampleCount", "Sum"}


def metrics() -> Iterator[Any]:
    """Yield every metric of every alarm: the own one, or those of its expression."""
    services = {service: templates.service_template(service) for service in templates.services()}
    for service, template in {**services, "platform": templates.root_template()}.items():
        for name, body in template["Resources"].items():
            if body["Type"] != "AWS::CloudWatch::Alarm":
                continue
            alarm = body["Properties"]
            if "Metrics" not in alarm:
                yield pytest.param(service, alarm, alarm, id=f"{service}-{name}")
            for query in alarm.get("Metrics", []):
                if "MetricStat" in query:
                    statistic = {"Statistic": query["MetricStat"]["Stat"], "Period": query["MetricStat"]["Period"]}
                    metric = {**query["MetricStat"]["Metric"], **statistic}
                    yield pytest.param(service, alarm, metric, id=f"{service}-{name}-{query['Id']}")


@pytest.mark.parametrize(("service", "alarm", "metric"), list(metrics()))
def test_an_alarm_watches_a_published_metric(service: str, alarm: Any, metric: Any) -> None:
    namespace, name = metric["Namespace"], metric["MetricName"]
    dimensions = frozenset(each["Name"] for each in metric.get("Dimensions", []))
    if namespace == {"Ref": "Prefix"}:
        assert dimensions == {"service", *CATALOG[name].dimensions}
    else:
        assert name in PUBLISHED_BY_AWS[namespace][dimensions]
    assert metric.get("Statistic") in STATISTICS or metric["ExtendedStatistic"].startswith("p")


def test_a_drill_is_overdue_after_35_days() -> None:
    """A drill per month is the goal. The audit publishes the age every hour, of which the last one counts."""
    alarm = templates.service_template("operations")["Resources"]["drillOverdueAlarm"]
    properties = alarm["Properties"]

    assert "Condition" not in alarm
    assert (properties["Namespace"], properties["MetricName"]) == ({"Ref": "Prefix"}, "days_since_drill")
    assert (properties["Statistic"], properties["Period"], properties["EvaluationPeriods"]) == ("Maximum", 3600, 1)
    assert (properties["ComparisonOperator"], properties["Threshold"]) == ("GreaterThanOrEqualToThreshold", 35)
    assert properties["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]
    assert properties.get("ActionsEnabled", True)


@pytest.mark.parametrize(("service", "alarm", "metric"), list(metrics()))
def test_an_alarm_looks_at_a_span_that_cloudwatch_allows(service: str, alarm: Any, metric: Any) -> None:
    period, periods = metric["Period"], alarm["EvaluationPeriods"]

    assert period in {10, 20, 30} or period % 60 == 0
    assert period * periods <= (7 if period >= 3600 else 1) * 24 * 3600
    assert alarm.get("DatapointsToAlarm", 1) <= periods
    assert alarm["TreatMissingData"] != "breaching", "it would ring before the first data, after every first deployment"
