"""EventBridge's archive and replays."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cli.event_replays.logic import Archive, Replay, Rule, Window
from kit.errors import error_code

if TYPE_CHECKING:
    from mypy_boto3_events.client import EventBridgeClient


class EventBridgeReplays:
    """Implements ``Replays`` for one bus."""

    def __init__(self, client: "EventBridgeClient", bus_name: str) -> None:
        self._client = client
        self._bus_name = bus_name
        self._bus_arn = client.describe_event_bus(Name=bus_name)["Arn"]

    def archives(self) -> list[Archive]:
        """Return the bus's archives."""
        found = []
        for listed in self._client.list_archives(EventSourceArn=self._bus_arn)["Archives"]:
            whole = self._client.describe_archive(ArchiveName=listed["ArchiveName"])
            found.append(
                Archive(
                    name=whole["ArchiveName"],
                    arn=whole["ArchiveArn"],
                    state=whole["State"],
                    retention_days=whole.get("RetentionDays", 0),
                    events=whole.get("EventCount", 0),
                    created_at=whole["CreationTime"],
                )
            )
        return found

    def rule(self, name: str) -> Rule | None:
        """Return a rule of the bus, or None if it does not exist."""
        try:
            found = self._client.describe_rule(Name=name, EventBusName=self._bus_name)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                return None
            raise
        targets = self._client.list_targets_by_rule(Rule=name, EventBusName=self._bus_name)["Targets"]
        return Rule(found["Name"], found["Arn"], found["State"] == "ENABLED", len(targets))

    def start(self, name: str, archive: Archive, rule: Rule, window: Window) -> None:
        """Start a replay of ``window`` to ``rule`` only."""
        self._client.start_replay(
            ReplayName=name,
            EventSourceArn=archive.arn,
            EventStartTime=window.start,
            EventEndTime=window.end,
            Destination={"Arn": self._bus_arn, "FilterArns": [rule.arn]},
        )

    def show(self, name: str) -> Replay:
        """Return the state of a replay."""
        found = self._client.describe_replay(ReplayName=name)
        return Replay(
            name=name,
            state=found["State"],
            started_at=found.get("ReplayStartTime"),
            window=Window(found["EventStartTime"], found["EventEndTime"]),
            reached=found.get("EventLastReplayedTime"),
            reason=found.get("StateReason", ""),
        )

    def list(self) -> list[Replay]:
        """Return the bus's replays, newest first."""
        archives = {archive.arn for archive in self.archives()}
        found = []
        for listed in self._client.list_replays()["Replays"]:
            if listed["EventSourceArn"] in archives:
                found.append(self.show(listed["ReplayName"]))
        return sorted(found, key=lambda replay: (replay.started_at is not None, replay.started_at), reverse=True)

    def cancel(self, name: str) -> None:
        """Cancel a replay. Delivered events stay delivered."""
        self._client.cancel_replay(ReplayName=name)
