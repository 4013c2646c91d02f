"""The processes in which the emulator runs functions."""

from collections.abc import Iterator

import psutil


def workers(emulator: int) -> Iterator[tuple[str, psutil.Process]]:
    """Yield the processes that the emulator with process id ``emulator`` has started, each after its function's name.

    The name is empty for a process that runs no function. Raise ``psutil.NoSuchProcess`` without an emulator.
    """
    for process in psutil.Process(emulator).children(recursive=True):
        try:
            function = process.environ().get("AWS_LAMBDA_FUNCTION_NAME", "")
        except psutil.Error:  # it has ended
            continue
        yield function, process
