"""Telemetry beside a decision cannot break it: no division next to a metric, no reserved name in a log line."""

import ast
import logging
from collections.abc import Iterator
from pathlib import Path

from tests.support.templates import ROOT

SOURCES = [path for package in ("kit", "services") for path in sorted(ROOT.glob(f"{package}/**/*.py"))]
RESERVED = {*vars(logging.makeLogRecord({})), "message", "asctime"}
"""Fields of a log record: the logger raises if a line overwrites one."""
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
DIVISIONS = (ast.Div, ast.FloorDiv, ast.Mod)


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    """Yield the functions and methods of a module."""
    yield from (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))


def calls(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls inside a node."""
    yield from (inner for inner in ast.walk(node) if isinstance(inner, ast.Call))


def emits(function: ast.FunctionDef) -> bool:
    """Return whether a function emits a metric."""
    return any(isinstance(call.func, ast.Name) and call.func.id == "measure" for call in calls(function))


def test_a_function_that_emits_a_metric_divides_nothing() -> None:
    emitting = [(path, function) for path in SOURCES for function in functions(path) if emits(function)]
    assert len(emitting) > 10
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: use kit.telemetry.percent"
        for path, function in emitting
        for node in ast.walk(function)
        if isinstance(node, ast.BinOp) and isinstance(node.op, DIVISIONS)
    ]
    assert found == []


def test_a_log_line_overwrites_no_field_of_its_record() -> None:
    lines = [
        (path, call)
        for path in SOURCES
        for call in calls(ast.parse(path.read_text()))
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in LEVELS
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "logger"
    ]
    assert len(lines) > 20
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}: {keyword.arg}"
        for path, call in lines
        for keyword in call.keywords
        if keyword.arg in RESERVED
    ]
    assert found == []
