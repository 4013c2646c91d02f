"""Run a module as a child of the local stack. It ends when its parent ends, even after a crash.

`python -P local/launcher.py MODULE [ARGUMENT…]`. The parent holds the other end of standard input; when it closes,
this process exits. It is a script because the emulator's sys.path must not contain this repository.
"""

import json
import os
import queue
import runpy
import signal
import sys
import threading
import time

PATCHED_MINISTACK = "1.5.33"
"""The version for which the patches below were written. Other versions run without them."""
END_OF_LOG = "\x1eend of the log of this invocation"
SECONDS_TO_END_OF_LOG = 10


def main() -> None:
    """Watch the parent, patch the emulator, run the module."""
    module, *arguments = sys.argv[1:]
    threading.Thread(target=exit_with_parent, daemon=True).start()
    if module == "ministack" and not os.environ.pop("MINISTACK_UNPATCHED", None) and is_as_expected():
        remember_attributes()
        know_event_buses()
        know_attributes_of_batches()
        replay_to_the_rules_that_are_named()
        limit_aliases()
        show_disabled_mappings()
        read_logs_to_their_end()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def exit_with_parent() -> None:
    """Exit when the parent's end of standard input closes."""
    while os.read(0, 1024):  # not sys.stdin, whose lock would block the exit of the interpreter
        pass
    os.killpg(os.getpgrp(), signal.SIGTERM)  # the process group: this process and the workers of the functions


def is_as_expected() -> bool:
    """Return whether the emulator has the version of the patches."""
    from importlib.metadata import version  # noqa: PLC0415 - only this child needs the emulator

    return version("ministack") == PATCHED_MINISTACK


def remember_attributes() -> None:
    """Fix updates of nested stacks.

    The emulator calls `_update_resource` without the attributes of the resource, so unchanged resources lose them
    and the next `Fn::GetAtt` fails. The patch restores them from the records of the stack.
    `tests/integration/local/test_emulator_patch.py` fails when this is no longer needed.
    """
    from ministack.services.cloudformation import _stacks, provisioners  # noqa: PLC0415

    update = provisioners._update_resource

    def update_with_attributes(  # type: ignore[no-untyped-def]
        resource_type, physical_id, old_props, new_props, stack_name, logical_id=None, old_attrs=None
    ):
        if old_attrs is None:
            record = _stacks.get(stack_name, {}).get("_resources", {}).get(logical_id, {})
            old_attrs = record.get("Attributes")
        return update(resource_type, physical_id, old_props, new_props, stack_name, logical_id, old_attrs)

    provisioners._update_resource = update_with_attributes


def know_event_buses() -> None:
    """Fix permissions to describe an event bus.

    The emulator checks the permission for a rule of that name instead.
    `tests/integration/local/test_emulator_patch.py` fails when this is no longer needed.
    """
    from ministack.core import iam_actions  # noqa: PLC0415

    extract = iam_actions.extract_resource_arn

    def extract_with_buses(  # type: ignore[no-untyped-def]
        service, method, path, headers, body, query_params, region, account_id
    ):
        if service == "events" and headers.get("x-amz-target") == "AWSEvents.DescribeEventBus":
            return f"arn:aws:events:{region}:{account_id}:event-bus/{json.loads(body)['Name']}"
        return extract(service, method, path, headers, body, query_params, region, account_id)

    iam_actions.extract_resource_arn = extract_with_buses


def know_attributes_of_batches() -> None:
    """Fix conditions on the attributes that BatchGetItem reads.

    The emulator looks for the projection where GetItem has it, so a batch seems to read all attributes.
    `tests/integration/local/test_emulator_patch.py` fails when this is no longer needed.
    """
    from ministack.core import iam_actions  # noqa: PLC0415

    context_of = iam_actions.dynamodb_service_context

    def context_of_batch(body):  # type: ignore[no-untyped-def]
        tables = json.loads(body or b"{}").get("RequestItems")
        if not isinstance(tables, dict) or not all("Keys" in request for request in tables.values()):
            return context_of(body)  # not BatchGetItem
        found = [context_of(json.dumps(request).encode()) for request in tables.values()]
        selects = {context["dynamodb:Select"] for context in found}
        attributes = [name for context in found for name in context.get("dynamodb:Attributes", [])]
        select = selects.pop() if len(selects) == 1 else "ALL_ATTRIBUTES"
        return {"dynamodb:Select": select, **({"dynamodb:Attributes": attributes} if attributes else {})}

    iam_actions.dynamodb_service_context = context_of_batch


def replay_to_the_rules_that_are_named() -> None:
    """Fix replays: send events only to the rules in ``FilterArns``. The emulator sends them to every rule.

    `tests/e2e/test_event_replay.py` fails without this.
    """
    from ministack.services import eventbridge  # noqa: PLC0415

    matches, dispatch, meant = eventbridge._matches_pattern_view, eventbridge._dispatch_event, threading.local()

    def dispatch_to_those(event, view=None):  # type: ignore[no-untyped-def]
        replay = eventbridge._replays.get(event.get("ReplayName") or "", {})
        before, meant.arns = getattr(meant, "arns", None), replay.get("Destination", {}).get("FilterArns")
        try:
            return dispatch(event, view)
        finally:
            meant.arns = before

    def matches_if_meant(pattern, view, owner="rule"):  # type: ignore[no-untyped-def]
        arns = getattr(meant, "arns", None)
        if arns and owner.startswith("rule "):
            rule = eventbridge._rules.get(owner.removeprefix("rule "), {})
            if rule.get("Arn") not in arns:
                return False
        return matches(pattern, view, owner)

    eventbridge._dispatch_event, eventbridge._matches_pattern_view = dispatch_to_those, matches_if_meant


def limit_aliases() -> None:
    """Fix the reserved concurrency of functions that are invoked through an alias.

    It belongs to the function, but the emulator looks for it in the record of the version.
    `tests/integration/local/test_emulator_patch.py` fails when this is no longer needed.
    """
    from ministack.services import lambda_svc  # noqa: PLC0415

    reserved = lambda_svc._reserved_concurrency

    def reserved_for_the_function(func, config):  # type: ignore[no-untyped-def]
        return reserved(lambda_svc._functions.get(config["FunctionName"], func), config)

    lambda_svc._reserved_concurrency = reserved_for_the_function


def show_disabled_mappings() -> None:
    """Fix the state of event source mappings that a stack creates disabled.

    The emulator does not poll them, but describes them as enabled.
    `tests/integration/local/test_emulator_patch.py` fails when this is no longer needed.
    """
    from ministack.services import lambda_svc  # noqa: PLC0415
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415

    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    create = handlers["create"]

    def create_as_declared(logical_id, props, stack_name):  # type: ignore[no-untyped-def]
        mapping_id, attributes = create(logical_id, props, stack_name)
        mapping = lambda_svc._esms[mapping_id]
        mapping["State"] = "Enabled" if mapping["Enabled"] else "Disabled"
        return mapping_id, attributes

    handlers["create"] = create_as_declared


def read_logs_to_their_end() -> None:
    """Fix log lines that appear with a later invocation, or never.

    After an invocation, the emulator waits 50 ms for the first log line and 5 ms for each further one. If it is busy,
    lines arrive later. It then adds them to the next invocation of the same worker, if there is one.
    With the patch, the worker writes a last line after each invocation, and the emulator reads up to that line.
    `tests/integration/local/test_emulator_patch.py` fails when this is no longer needed.
    """
    from ministack.core import lambda_runtime  # noqa: PLC0415

    call = "            result = handler_fn(event, context)\n"
    assert lambda_runtime._PYTHON_WORKER_SCRIPT.count(call) == 1
    lambda_runtime._PYTHON_WORKER_SCRIPT = lambda_runtime._PYTHON_WORKER_SCRIPT.replace(
        call,
        "            try:\n"
        f"    {call}"
        "            finally:\n"
        f"                print({END_OF_LOG!r}, file=sys.stderr, flush=True)\n",
    )
    read_for_a_moment = lambda_runtime.Worker._drain_stderr_bounded

    def read_to_the_end(worker, *arguments, **named):  # type: ignore[no-untyped-def]
        if not worker.config.get("Runtime", "").startswith("python"):
            return read_for_a_moment(worker, *arguments, **named)
        lines, deadline = [], time.monotonic() + SECONDS_TO_END_OF_LOG
        while time.monotonic() < deadline:
            more_may_come = worker._stderr_thread.is_alive()
            try:
                line = worker._stderr_queue.get(timeout=0.05 if more_may_come else 0)
            except queue.Empty:
                if not more_may_come:  # the worker ended during the invocation
                    break
                continue
            if line == END_OF_LOG:
                break
            lines.append(line)
        return "\n".join(lines)

    lambda_runtime.Worker._drain_stderr_bounded = read_to_the_end


if __name__ == "__main__":
    main()
