"""Goals 7 and 10: the AWS cost of 1,000 images without the models, and write units, computed from counted calls."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tools.benchmarks.calls import Counted, counted
from tools.benchmarks.functions import Function, functions
from tools.benchmarks.measure import Progress
from tools.benchmarks.pipeline import MODEL_SERVICES, Call, made_during, running
from tools.benchmarks.report import Figure, Section
from tools.benchmarks.units import Capacity

GOALS_USD, GOAL_RATIO = (0.080, 0.055), 0.25
GOAL_UNITS = 26
IMAGES = 1000
VCPU_MB: Final = 1769
"""Memory at which Lambda gives one vCPU (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html)."""
EVENT_BYTES: Final = 64 * 1024
"""Bytes that EventBridge bills as one event."""
PRICES: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("prices.json").read_text())


class Usage(dict[str, float]):
    """Quantities by the names of the price list."""

    def add(self, other: Mapping[str, float]) -> None:
        """Add the quantities of ``other``."""
        for name, amount in other.items():
            self[name] = self.get(name, 0.0) + amount


def run(progress: Progress) -> list[Section]:
    """Price the counted calls."""
    section = Section(7, "AWS cost per 1,000 images, without the models", "a Step Functions workflow for the same work")
    writes = Section(10, "DynamoDB write units per image, with those of the indexes", "")
    alone, load = counted(progress)
    pipeline = running(progress)
    capacity = Capacity(pipeline.stack.client("dynamodb"))
    declared = {function.physical_name: function for function in functions()}
    rounds = (("requests one by one", alone), ("requests together", load))
    for (name, found), goal in zip(rounds, GOALS_USD, strict=True):
        used = usage(found, declared, capacity)
        writes.figures.append(Figure(name, used["dynamodb_write_units"] / found.images, "units", goal=GOAL_UNITS))
        used["log_bytes"] = round(log_bytes(pipeline.stack, found))
        ours = _for_images(dollars(used), found.images)
        workflow = _for_images(dollars(as_workflow(found, declared, capacity)), found.images)
        total = sum(ours.values())
        section.figures.append(Figure(name, total, "$", goal=goal))
        section.figures.append(Figure("  relative to the workflow", total, "$", sum(workflow.values()), GOAL_RATIO))
        for item, amount in sorted(ours.items(), key=lambda entry: -entry[1]):
            section.figures.append(Figure(f"    {item.replace('_', ' ')}", amount, "$"))
    waits, transitions = PRICES["seconds_waited"], len(PRICES["workflow"]["transitions"])
    section.notes += [
        f"Prices of {PRICES['region']}, {PRICES['as_of']}, arm64, no free tier (tools/benchmarks/prices.json).",
        "Lambda: measured CPU at the function's share of a vCPU, plus waiting: "
        f"{waits['InvokeModel']:.0f} s per image, {waits['Converse']:.0f} s for Claude.",
        f"Workflow: {transitions} transitions (no Choice states), its functions, tables and files; no analytics.",
        "Not included: monthly storage, delivery, alarms, idle polling of the queues (about $2 per month).",
    ]
    return [section, writes]


def usage(found: Counted, declared: Mapping[str, Function], capacity: Capacity) -> Usage:
    """Return the quantities of ``found``."""
    used = Usage({"http_api_requests": found.images})
    for call in found.calls:
        used.add(_called(call, capacity) if call.operation else _invoked(call, found.calls, declared[call.function]))
    return used


def as_workflow(found: Counted, declared: Mapping[str, Function], capacity: Capacity) -> Usage:
    """Return the quantities of a Standard workflow of the same functions: their own work, and transitions."""
    workflow = PRICES["workflow"]
    inside = Counted(found.images, [call for call in found.calls if call.function in workflow["functions"]])
    used = usage(inside, declared, capacity)
    used |= {"sqs_requests": 0.0, "eventbridge_events": 0.0}
    status = [call for call in found.calls if call.function == "intake-track" and call.operation]
    for call in status:
        used.add(_called(call, capacity))
    used["state_transitions"] = len(workflow["transitions"]) * found.images
    return used


def dollars(used: Mapping[str, float]) -> dict[str, float]:
    """Return the cost of each quantity in ``used``."""
    return {name: amount * PRICES["usd"][name] for name, amount in used.items() if amount}


def duration(call: Call, made: Sequence[Call], memory_mb: int) -> float:
    """Return the billed seconds of an invocation with the calls ``made``: computing plus waiting.

    Up to five model calls of one invocation run in parallel; all other calls run one after the other.
    """
    waits = PRICES["seconds_waited"]
    models = [waits[other.operation] for other in made if other.service in MODEL_SERVICES]
    waited = math.ceil(len(models) / PRICES["side_by_side"]) * max(models, default=0.0)
    waited += sum(waits.get(other.operation, waits["other"]) for other in made if other.service not in MODEL_SERVICES)
    return float(call.cpu / min(1.0, memory_mb / VCPU_MB) + waited)


def log_bytes(stack: Any, found: Counted) -> float:
    """Return the bytes that all functions logged, with the lines of the platform."""
    logs = stack.client("logs")
    first = min(call.at - call.wall for call in found.calls)
    last = max(call.at for call in found.calls)
    total = 0
    for function in {call.function for call in found.calls}:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{stack.prefix}-{function}",
            startTime=int(first * 1000),
            endTime=int(last * 1000) + 1000,
        )
        total += sum(len(event["message"].encode()) + 26 for page in pages for event in page["events"])
    return total


def _called(call: Call, capacity: Capacity) -> Usage:
    match call.service, call.operation:
        case "dynamodb", operation:
            write, read = capacity.units(operation, call.body or "{}")
            return Usage(dynamodb_write_units=write, dynamodb_read_units=read)
        case "s3", "GetObject" | "HeadObject":
            return Usage({"s3_gets": 1})
        case "s3", _:
            return Usage({"s3_puts": 1})
        case "events", "PutEvents":
            entries = json.loads(call.body or "{}")["Entries"]
            return Usage({"eventbridge_events": sum(math.ceil(len(e["Detail"]) / EVENT_BYTES) for e in entries)})
        case "sqs", _:
            return Usage({"sqs_requests": 1})
    return Usage()  # calls to models are priced separately


def _invoked(call: Call, calls: Sequence[Call], function: Function) -> Usage:
    seconds = duration(call, made_during(call, calls), function.memory_mb)
    used = Usage({"lambda_requests": 1})
    used["lambda_gb_seconds"] = seconds * function.memory_mb / 1024
    if function.consumes_queue:
        used["sqs_requests"] = call.records + 2  # sent one by one, received and deleted in batches
    return used


def _for_images(amounts: Mapping[str, float], images: int) -> dict[str, float]:
    return {name: amount * IMAGES / images for name, amount in amounts.items()}
