"""The operator's part of a run, with the operators' own command line."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from local.stack import LocalStack

OPERATOR: Final = "chaos"


@dataclass
class DeadLetterSummary:
    """What the operator found and did."""

    found: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """Step, fingerprint, origin and reason of every dead letter."""
    actions: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    """Reasons why dead letters were not replayed."""
    failures: list[str] = field(default_factory=list)
    """Commands that failed."""
    _seen: set[str] = field(default_factory=set)


class Operator:
    """Runs the operators' command line on a stack."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self.dead_letters = DeadLetterSummary()

    def clear(self) -> None:
        """Replay what can be replayed, drop messages of terminal requests, and purge messages that are not events."""
        groups = self._json(["dlq", "show", "--limit", "1000"])
        for group in groups[0] if groups else []:
            self._record(group)
            if all(letter["event_id"] is None for letter in group["letters"]):
                self._purge(group)
        if groups and groups[0]:
            options = ["--all", "--yes", "--drop-terminal", "--rate", "20/s", "--operator", OPERATOR]
            for outcome in self._json(["dlq", "replay", *options]):
                self.dead_letters.actions[outcome["action"]] += 1
                if outcome["action"] == "refused":
                    self.dead_letters.refused[outcome["why"]] += 1

    def audit(self) -> tuple[int, str]:
        """Run the audit. Return its exit code and its output."""
        done = self._stack.ops("audit", "--output", "json")
        return done.returncode, done.stdout + done.stderr

    def _record(self, group: dict[str, Any]) -> None:
        for letter in group["letters"]:
            fresh = set(letter["message_ids"]) - self.dead_letters._seen
            self.dead_letters._seen |= fresh
            if fresh:
                reason = f"{letter['error']}: {letter['reason']}"
                self.dead_letters.found[letter["step"], letter["fingerprint"], letter["origin"], reason] += 1

    def _purge(self, group: dict[str, Any]) -> None:
        name = group["letters"][0]["queue"]
        options = ["--queue", name, "--fingerprint", group["fingerprint"], "--yes-purge", name]
        for outcome in self._json(["dlq", "purge", *options]):
            self.dead_letters.actions[outcome["action"]] += 1

    def _json(self, arguments: list[str]) -> list[Any]:
        done = self._stack.ops(*arguments, "--output", "json")
        if done.returncode not in {0, 3, 4}:
            self.dead_letters.failures.append(
                f"{' '.join(arguments[:2])}: {done.returncode} {done.stderr.strip()[-300:]}"
            )
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", "["))]
