"""The operator's part, done as an operator would: with the product's own command line."""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from local.emulator import REGION, ROOT
from local.stack import LocalStack

OPERATOR: Final = "chaos"
SECONDS: Final = 120


@dataclass
class Handled:
    """What became of the dead letters."""

    found: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """Step, fingerprint, who dead-lettered it and why, of all that were found."""
    actions: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    """Why a letter was not replayed."""
    trouble: list[str] = field(default_factory=list)
    """Commands that did not do their work."""
    _seen: set[str] = field(default_factory=set)


class Operator:
    """Runs `python -m services.operations` against a stack, past the fault proxy."""

    def __init__(self, stack: LocalStack) -> None:
        self._environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": stack.emulator.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "GENAI_IMAGES_PREFIX": stack.prefix,
        }
        self.handled = Handled()

    def clear(self) -> None:
        """Look at all dead letters, replay what can be, drop what its ended request no longer needs, purge the rest."""
        groups = self._json(["dlq", "show", "--limit", "1000"])
        for group in groups[0] if groups else []:
            self._note(group)
            if all(letter["event_id"] is None for letter in group["letters"]):
                self._purge(group)
        if groups and groups[0]:
            options = ["--all", "--yes", "--drop-ended", "--rate", "20/s", "--operator", OPERATOR]
            for outcome in self._json(["dlq", "replay", *options]):
                self.handled.actions[outcome["action"]] += 1
                if outcome["action"] == "refused":
                    self.handled.refused[outcome["why"]] += 1

    def audit(self) -> tuple[int, str]:
        """Run the audit; return its exit code and what it printed."""
        done = self._run(["audit", "--json"])
        return done.returncode, done.stdout + done.stderr

    def _note(self, group: dict[str, Any]) -> None:
        for letter in group["letters"]:
            fresh = set(letter["message_ids"]) - self.handled._seen
            self.handled._seen |= fresh
            if fresh:
                reason = f"{letter['error']}: {letter['reason']}"
                self.handled.found[letter["step"], letter["fingerprint"], letter["origin"], reason] += 1

    def _purge(self, group: dict[str, Any]) -> None:
        name = group["letters"][0]["queue"]
        options = ["--queue", name, "--fingerprint", group["fingerprint"], "--yes-purge", name]
        for outcome in self._json(["dlq", "purge", *options]):
            self.handled.actions[outcome["action"]] += 1

    def _json(self, arguments: list[str]) -> list[Any]:
        done = self._run([*arguments, "--json"])
        if done.returncode not in {0, 3, 4}:
            self.handled.trouble.append(f"{' '.join(arguments[:2])}: {done.returncode} {done.stderr.strip()[-300:]}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", "["))]

    def _run(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "services.operations", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=False, timeout=SECONDS
        )
