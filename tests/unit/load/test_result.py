"""What a load test judges: lost requests, errors, the audit, and processes that grow."""

from collections import Counter
from dataclasses import replace

import pytest
from rich.console import Console

from tools.load.report import print_report
from tools.load.run import Result, Route
from tools.load.samples import Growth, QueueAge, Usage, growths

MEGABYTE = 1_000_000

GOOD = Result(
    users=20,
    minutes=2,
    routes=[Route("GET", "/v1/images", calls=200, errors=2, p50=10, p95=20, p99=30)],
    failures=Counter({"GET /v1/images: status 503": 2}),
    queues={"storage-store": QueueAge(ages=[0.5, 1.5], most=3), "storage-store-dlq": QueueAge()},
    accepted=2,
    statuses=Counter({"succeeded": 2}),
    lost=[],
    ended_after=3.0,
    audit=(0, ""),
    growths=[],
)


def samples(memory: int, grown: int, *, files: tuple[int, int] = (10, 10), seconds: int = 600) -> list[Usage]:
    """Return a sample per two seconds of a process whose figures change evenly."""
    steps = seconds // 2
    return [
        Usage(
            at=1000 + 2 * step,
            memory=memory + grown * step // steps,
            files=files[0] + (files[1] - files[0]) * step // steps,
            sockets=1,
        )
        for step in range(steps + 1)
    ]


def growth(*args: int, **options: object) -> Growth:
    """Return the growth of one process with such samples."""
    return growths({("intake-api", 1): samples(*args, **options)})[0]  # type: ignore[arg-type]


def test_a_run_without_losses_holds() -> None:
    assert all(GOOD.checks.values())


@pytest.mark.parametrize(
    "change",
    [
        {"lost": ["a"]},
        {"accepted": 0},
        {"audit": (1, "a message waits")},
        {"routes": [replace(GOOD.routes[0], errors=3)]},
        {"growths": [growth(100 * MEGABYTE, 60 * MEGABYTE)]},
    ],
)
def test_every_fault_breaks_one_check(change: dict[str, object]) -> None:
    assert list(replace(GOOD, **change).checks.values()).count(False) == 1  # type: ignore[arg-type]


def test_a_process_whose_memory_is_flat_does_not_leak() -> None:
    assert not growth(100 * MEGABYTE, 0).leaks


def test_a_process_that_grows_leaks() -> None:
    assert growth(100 * MEGABYTE, 60 * MEGABYTE).leaks


def test_a_process_that_opens_files_and_keeps_them_leaks() -> None:
    assert growth(100 * MEGABYTE, 0, files=(10, 60)).leaks


def test_growth_while_a_process_warms_up_is_not_a_leak() -> None:
    warm = [
        replace(sample, memory=min(sample.memory, 80 * MEGABYTE)) for sample in samples(20 * MEGABYTE, 400 * MEGABYTE)
    ]
    assert not growths({("intake-api", 1): warm})[0].leaks


def test_the_emulator_keeps_what_it_is_sent_so_its_memory_is_not_judged() -> None:
    assert not growths({("emulator", 1): samples(100 * MEGABYTE, 900 * MEGABYTE)})[0].leaks


def test_a_process_that_was_not_watched_for_long_is_not_judged() -> None:
    assert growths({("intake-api", 1): samples(100 * MEGABYTE, 900 * MEGABYTE, seconds=200)}) == []


def test_the_report_leaves_out_queues_that_were_always_empty() -> None:
    console = Console(width=100, record=True, file=None, quiet=False)
    with console.capture() as captured:
        print_report(console, replace(GOOD, growths=[growth(100 * MEGABYTE, 60 * MEGABYTE)], lost=["the-lost-one"]))
    shown = captured.get()
    assert "storage-store" in shown
    assert "storage-store-dlq" not in shown
    assert "✗ no process leaks" in shown
    assert "not ended: the-lost-one" in shown
