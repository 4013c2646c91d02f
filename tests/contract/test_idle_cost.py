"""docs/cost.md states what an idle installation costs: every resource type has a price or a reason to have none."""

import json
from decimal import Decimal
from typing import Any, Final

import pytest

from tests.support import templates
from tests.support.templates import ROOT
from tools.docs.idle_cost import (
    AMOUNTS,
    EVERYTHING,
    NOT_WITH_EDGE,
    Line,
    bill,
    idle_cost_table,
    parameter_sets,
    price_file,
)

PRICES: Final[dict[str, Any]] = price_file()
SETS: Final = parameter_sets()
DEPLOYED: Final = sorted(
    {
        body["Type"]
        for path in [ROOT / "template.yaml", *sorted(ROOT.glob("services/*/*.yaml"))]
        for body in templates.load(path)["Resources"].values()
    }
)
"""The types of all resources, whatever their condition."""
PRICED: Final = {kind for price in PRICES["prices"].values() for kind in price["types"]}
FREE: Final = [kind for kinds in PRICES["free"].values() for kind in kinds]


def by_item(name: str) -> dict[str, Line]:
    """Return the bill of a set of parameters: price → line."""
    return dict(zip(PRICES["prices"], bill(ROOT, *SETS[name]), strict=True))


def total(name: str) -> Decimal:
    """Return the bill of a set of parameters in US dollars."""
    return sum((line.usd for line in by_item(name).values()), Decimal(0))


@pytest.mark.parametrize("kind", DEPLOYED)
def test_a_resource_type_has_a_price_or_is_listed_as_free_when_idle(kind: str) -> None:
    assert kind in PRICED or kind in FREE, f"{kind}: add a price or a reason to tools/docs/idle_prices.json"


def test_a_type_is_free_for_one_reason() -> None:
    assert sorted(FREE) == sorted(set(FREE))


@pytest.mark.parametrize("name", PRICES["prices"])
def test_a_price_has_a_source_a_date_and_an_amount(name: str) -> None:
    price = PRICES["prices"][name]

    assert name in AMOUNTS
    assert price["source"].startswith("https://aws.amazon.com/")
    assert "2026-01-01" <= price["date"] <= "2026-12-31"
    assert Decimal(price["usd"]) > 0


def test_every_amount_has_a_price() -> None:
    assert AMOUNTS.keys() == PRICES["prices"].keys()


def test_the_document_contains_the_table() -> None:
    assert idle_cost_table(ROOT) in (ROOT / "docs/cost.md").read_text()


def test_the_default_counts_what_the_templates_declare() -> None:
    lines = by_item("default")

    secrets = {each.name for each in templates.resources("AWS::SecretsManager::Secret")}
    assert lines["secrets"].amount == len(secrets - {"EdgeKey"}), "it exists with Edge=on"
    assert lines["composite alarms"].amount == len(templates.resources("AWS::CloudWatch::CompositeAlarm"))
    assert lines["keys"].amount == 1, "the key of the alarm topic"
    assert lines["provisioned concurrency"].amount == lines["snapshots"].amount == 0
    mappings = [each for each in templates.source_queues() if templates.mapping_of(each)]
    assert lines["polls"].amount == Decimal(len(mappings) * 5 * 3 * 60 * 730) / 1_000_000


def test_an_own_key_replaces_the_key_of_the_alarm_topic() -> None:
    assert by_item("own key")["keys"].amount == 1


def test_ready_functions_are_billed_by_their_memory() -> None:
    gigabytes = sum(
        Decimal(each.properties["MemorySize"]) / 1024
        for each in templates.resources("AWS::Serverless::Function")
        if "ProvisionedConcurrencyConfig" in each.properties
    )

    assert by_item("always ready")["provisioned concurrency"].amount == gigabytes > 0
    assert total("always ready") > total("default")


def test_a_peak_is_billed_for_its_hours() -> None:
    """From 8 to 18 on five days of a week, three environments instead of one."""
    one, scaled = by_item("always ready"), by_item("scaled")

    more = one["provisioned concurrency"].amount * 2 * 50 / 168
    assert scaled["provisioned concurrency"].amount == one["provisioned concurrency"].amount + more
    assert scaled["scaling alarms"].amount == 4, "two alarms for each of two functions"
    assert one["scaling alarms"].amount == 0


def test_everything_costs_at_least_as_much_as_any_other_set() -> None:
    assert all(total(EVERYTHING) >= total(name) for name in SETS)


def test_a_small_dashboard_is_free_and_a_large_one_is_not() -> None:
    dashboards = templates.load(ROOT / "services/operations/dashboards.yaml")["Resources"]

    def metrics(body: Any) -> int:
        text = body["Properties"]["DashboardBody"]["Fn::Sub"]
        widgets = json.loads(text if isinstance(text, str) else text[0])["widgets"]
        named = [metric for widget in widgets for metric in widget["properties"].get("metrics", [])]
        return len([metric for metric in named if isinstance(metric[0], str)])

    large = [name for name, body in dashboards.items() if metrics(body) > 50]
    assert by_item("default")["dashboards"].amount == len(large)


def test_what_the_account_has_for_free_is_free_once_for_two_regions() -> None:
    for single, double in zip(bill(ROOT, {}), bill(ROOT, {}, {}), strict=True):
        assert double.amount == 2 * single.amount
        assert double.usd >= 2 * single.usd


def test_a_passive_region_polls_no_queue_and_pays_for_replicas_of_secrets() -> None:
    one, two = by_item("default"), by_item("second region")

    assert two["polls"].amount == one["polls"].amount
    assert two["secrets"].amount == 2 * one["secrets"].amount


def test_the_domain_of_two_regions_pays_two_health_checks() -> None:
    lines = by_item("second region")

    assert lines["health checks"].amount == 2
    assert f"pays USD {lines['health checks'].usd:.2f} for two health checks" in (ROOT / "docs/cost.md").read_text()
    assert SETS[EVERYTHING][0]["Edge"] == "on"
    assert SETS[EVERYTHING][0].keys().isdisjoint(NOT_WITH_EDGE)


def test_the_template_has_every_parameter_of_a_set() -> None:
    declared = templates.root_template()["Parameters"].keys()

    assert all({*given, *(second or {})} <= declared for given, second in SETS.values())
