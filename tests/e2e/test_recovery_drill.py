"""The drill: all tables are deleted in the middle of traffic, and the command restores everything from backups."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Event as Flag
from typing import Any

import pytest

from events.pipeline import TERMINAL
from tests.support.system import System, own_system

DRILL = ("recovery", "drill", "--yes", "--output", "json")


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Return a system of its own, because its tables are deleted."""
    with own_system(
        tmp_path_factory.mktemp("drill"),
        parameters={"BatchingWindowSeconds": "1"},
        instant_models=True,
    ) as system:
        yield system


class Traffic:
    """Requests that are sent while the test goes on, and when each was accepted."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.accepted: dict[str, datetime] = {}
        self._end = Flag()

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Send requests until the block ends."""
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(self._send)
            try:
                yield
            finally:
                self._end.set()
                sending.result()

    def _send(self) -> None:
        number = 0
        while not self._end.is_set():
            number += 1
            response = self._system.call("POST", "/v1/requests", {"prompt": f"heron number {number}"})
            if response.status == 202:
                self.accepted[response.json["id"]] = datetime.now(UTC)
            self._end.wait(0.25)


def drill(system: System, *arguments: str) -> Any:
    done = system.ops(*DRILL, *arguments)
    print(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def tables_of(system: System) -> list[str]:
    names: list[str] = system.client("dynamodb").list_tables()["TableNames"]
    return [name for name in names if name.startswith(f"{system.prefix}-")]


def delete_all_tables(system: System) -> list[str]:
    dynamodb, names = system.client("dynamodb"), tables_of(system)
    for name in names:
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        dynamodb.delete_table(TableName=name)
    return names


def test_a_drill_without_a_backup_is_refused_and_changes_nothing(system: System) -> None:
    done = system.ops(*DRILL)

    assert done.returncode == 1
    assert "There is no backup to restore from. Make one with `recovery backup`." in done.stderr
    assert system.generate("a heron")["status"] == "succeeded"


def test_all_tables_deleted_under_traffic_are_restored(system: System) -> None:
    before = system.generate("a heron of yesterday")
    backup = system.ops("recovery", "backup", "--files")
    assert backup.returncode == 0, backup.stderr
    assert "Backup " in backup.stdout

    since = system.generate("a heron after the backup")
    traffic = Traffic(system)
    with traffic.flowing():
        system.wait_until(lambda: len(traffic.accepted) >= 8 or None, seconds=60, what="traffic")
        deleted = delete_all_tables(system)
        lost_file = f"images/{before['id']}/"
        s3, gallery = system.client("s3"), system.outputs["GalleryBucketName"]
        for each in s3.list_objects_v2(Bucket=gallery, Prefix=lost_file)["Contents"]:
            s3.delete_object(Bucket=gallery, Key=each["Key"])
    assert system.call("POST", "/v1/requests", {"prompt": "a heron"}).status >= 500

    interrupted(system)
    report = drill(system)

    print(system.ops("recovery", "drill", "--dry-run").stdout)
    print(json.dumps(report, indent=2))
    assert sorted(tables_of(system)) == sorted(deleted)
    assert sorted(report["restored"]) == sorted(name.removeprefix(f"{system.prefix}-") for name in deleted)
    assert report["rto_seconds"] <= report["rto_goal_seconds"]
    assert report["rpo_seconds"] <= report["rpo_goal_seconds"]
    assert report["audit"]["clean"]

    restored_until = datetime.fromisoformat(report["lake"]["until"])
    promised = [request_id for request_id, at in traffic.accepted.items() if at <= restored_until]
    assert promised, "some requests of the traffic were published before the tables were deleted"
    for request_id in [before["id"], since["id"], *promised]:
        system.wait_for_status(request_id, *TERMINAL, seconds=120)
    for view in (before, since):
        again = system.get_request(view["id"])
        assert again["status"] == "succeeded"
        assert (again["request"], again["timeline"]) == (view["request"], view["timeline"])
        image = system.call("GET", f"/v1/images/{view['images'][0]['id']}")
        assert image.status == 200, image.content
    assert s3.list_objects_v2(Bucket=gallery, Prefix=lost_file)["KeyCount"] == 3

    assert system.audit("--pause", "1")["violations"] == []
    # The streams work again: an accepted request is published at once, and a deleted image loses its files.
    fresh = system.generate("a heron of today")
    assert fresh["status"] == "succeeded"
    image_id = fresh["images"][0]["id"]
    assert system.call("DELETE", f"/v1/images/{image_id}").status == 204
    folder = f"images/{fresh['id']}/"
    system.wait_until(
        lambda: s3.list_objects_v2(Bucket=gallery, Prefix=folder)["KeyCount"] == 0 or None,
        what="the files to be deleted",
    )


def heed_interrupts() -> None:
    """Undo what a shell does to its background jobs, whose children ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted(system: System) -> None:
    """Start a drill, see that a second one is refused, and interrupt it after its tables are restored."""
    with subprocess.Popen(
        [sys.executable, "-m", "cli", *DRILL],
        env={**os.environ, **system.stack.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 - this process has no threads that hold locks
    ) as first:
        assert first.stderr
        for line in first.stderr:
            if line.split()[-1:] == ["tables"]:
                second = system.ops(*DRILL)
                assert second.returncode == 4
                assert "is running; its last sign of life was" in second.stderr
                first.send_signal(signal.SIGINT)
                break
        first.communicate(timeout=60)
    assert first.returncode != 0


def test_a_drill_on_a_healthy_installation_changes_nothing(system: System) -> None:
    assert system.ops("recovery", "backup").returncode == 0
    view = system.generate("a heron that stays")
    before = tables_of(system)
    report = drill(system)

    assert report["restored"] == []
    assert report["losses"] == ["Nothing was lost: all tables existed, and they were restored beside the live ones."]
    assert tables_of(system) == before
    assert system.get_request(view["id"])["status"] == "succeeded"
    ready = system.call("GET", "/health/ready", key=system.stack.admin_key).json
    assert ready["writes"] == "open"


def test_the_scheduled_audit_reports_the_age_of_the_last_drill(system: System) -> None:
    system.invoke("operations-audit")
    logs = system.client("logs")
    group = f"/aws/lambda/{system.prefix}-operations-audit"

    def ages() -> list[float]:
        found = logs.filter_log_events(logGroupName=group, filterPattern="days_since_drill")["events"]
        lines = [json.loads(each["message"]) for each in found if "days_since_drill" in each["message"]]
        return [line["days_since_drill"] for line in lines if "days_since_drill" in line]

    assert 0 <= system.wait_until(ages, what="the metric")[-1] < 1


def test_stopped_writes_are_refused_and_shown(system: System) -> None:
    assert system.ops("recovery", "writes", "stop", "--reason", "a test", "--yes").returncode == 0

    def refused() -> Any:
        response = system.call("POST", "/v1/requests", {"prompt": "a heron"})
        return response if response.status != 202 else None

    response = system.wait_until(refused, seconds=45, every=1, what="the switch")
    assert (response.status, response.json["code"]) == (503, "writes_stopped")
    assert response.headers["retry-after"] == "60"

    def shown() -> Any:
        ready = system.call("GET", "/health/ready", key=system.stack.admin_key).json
        return ready if ready["writes"] == "stopped" else None

    ready = system.wait_until(shown, seconds=20, every=1, what="the switch in the health")
    assert any(line.startswith("writes: stopped since") and line.endswith("a test") for line in ready["attention"])
    assert system.ops("recovery", "writes", "open", "--yes").returncode == 0
    system.wait_until(
        lambda: system.call("POST", "/v1/requests", {"prompt": "a heron"}).status == 202 or None, seconds=45, every=1
    )
