"""Check the parameters of the root template as CloudFormation does, before anything is built or uploaded.

CloudFormation cannot compare numbers, so those comparisons are here only.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ministack.core.responses import set_request_region
from ministack.services.cloudformation import engine

FROM_SAMCONFIG: Final = ("Runtime", "Architecture")
"""The build reads them from samconfig.toml."""
PROVISIONED: Final = ("ProvisionedConcurrency", "ProvisionedPeak", "ProvisionedConcurrencyMax")


def problems(template: Mapping[str, Any], values: Mapping[str, str], region: str) -> list[str]:
    """Return what CloudFormation would refuse, one sentence each: names, constraints, and the template's rules.

    The checks are the emulator's, which has both: AWS has no API for them.
    """
    declared = template["Parameters"]
    found = [f"{name}: template.yaml has no such parameter." for name in values if name not in declared]
    found += (
        f"{name}={values[name]}: {declared[name].get('ConstraintDescription') or error}"
        for name in values
        if name in declared and (error := _violation(declared[name], name, values[name]))
    )
    return found or [*_broken_rules(template, values, region), *_wrong_orders(template, values)]


def _violation(definition: Mapping[str, Any], name: str, value: str) -> str | None:
    try:
        engine._resolve_parameters({"Parameters": {name: definition}}, [{"Key": name, "Value": value}])
    except ValueError as error:
        return str(error)
    return None


def _broken_rules(template: Mapping[str, Any], values: Mapping[str, str], region: str) -> Iterator[str]:
    """Yield the descriptions of all assertions that fail. CloudFormation stops at the first."""
    given = [{"Key": name, "Value": value} for name, value in values.items()]
    resolved = engine._resolve_parameters(dict(template), given)
    set_request_region(region)
    for name, rule in template.get("Rules", {}).items():
        for assertion in rule["Assertions"]:
            alone = {"Parameters": template["Parameters"], "Rules": {name: {**rule, "Assertions": [assertion]}}}
            try:
                engine._evaluate_rules(alone, resolved, {})
            except ValueError:
                yield str(assertion["AssertDescription"])


def _wrong_orders(template: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each number that is smaller than the one that it may not be smaller than."""
    defaults = {name: str(definition.get("Default", "")) for name, definition in template["Parameters"].items()}
    given = {**defaults, **values}
    bounds = [int(part) for part in given["ShedAfterSeconds"].split(",") if part.isdecimal()]
    if bounds != sorted(bounds):
        yield "Set ShedAfterSeconds to numbers that do not decrease: low priority is refused first, high priority last."
    least, peak, most = (int(given[name]) for name in PROVISIONED)
    if most and most < max(least, peak):
        yield "Set ProvisionedConcurrencyMax to at least ProvisionedConcurrency and ProvisionedPeak, or to 0."
