"""The fault proxy between the functions and the emulator: microburst with a seed.

`python -m tools.chaos.proxy --upstream URL --port N --seed N`
"""

import argparse
import json
import random
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from re import finditer
from typing import Any

from local.emulator import HOST, ROOT, Child


class FaultProxy:
    """The proxy process and its control."""

    def __init__(self, directory: Path, *, port: int, upstream: str, seed: int) -> None:
        self._child = Child(
            "tools.chaos.proxy",
            ["--upstream", upstream, "--port", str(port), "--seed", str(seed)],
            port=port,
            ready="/_microburst/health",
            log=directory / "proxy.log",
            environment={"PYTHONPATH": str(ROOT)},
        )
        self.url = self._child.url

    def start(self) -> None:
        """Start the process and wait until it serves."""
        self._child.start()
        self._child.wait_until_ready()

    def stop(self) -> None:
        """Stop the process."""
        self._child.stop()

    def set_rules(self, rules: Sequence[dict[str, Any]]) -> None:
        """Replace the rules."""
        self._control("POST", "rules", list(rules))

    def faults(self) -> Counter[tuple[str, str]]:
        """Return the number of injected faults by service and kind."""
        return read_metrics(self._control("GET", "metrics"))

    def requests(self) -> Counter[str]:
        """Return the number of calls by service."""
        stats = json.loads(self._control("GET", "stats"))
        return Counter({row["service"]: row["requests"] for row in stats["by_service"]})

    def _control(self, method: str, path: str, body: Any = None) -> str:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_microburst/{path}", content, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read().decode())


def read_metrics(text: str) -> Counter[tuple[str, str]]:
    """Return the number of faults by service and kind from microburst's metrics."""
    found: Counter[tuple[str, str]] = Counter()
    line = r'microburst_faults_total\{service="([^"]*)",operation="[^"]*",action="([^"]*)"\} (\d+)'
    for service, action, count in (match.groups() for match in finditer(line, text)):
        found[service, kind_of(action)] += int(count)
    return found


def kind_of(action: str) -> str:
    """Return the kind of a fault without its details: ``latency:512ms`` is ``slow``."""
    kind, _, detail = action.partition(":")
    return {"error": detail, "latency": "slow", "reset": "closed before", "response": "closed after"}.get(kind, kind)


def main() -> None:
    """Serve until stopped."""
    from aiohttp import web
    from microburst.app import make_app
    from microburst.core.pipeline import Microburst

    parser = argparse.ArgumentParser(prog="python -m tools.chaos.proxy", description=__doc__)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    arguments = parser.parse_args()
    random.seed(arguments.seed)  # microburst uses the random module
    app = make_app(Microburst(arguments.upstream))
    web.run_app(app, host=HOST, port=arguments.port, access_log=None, print=None)


if __name__ == "__main__":
    main()
