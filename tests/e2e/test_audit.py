"""The audit over the deployed system: what breaks a rule is found, and all that the other tests did broke none."""

import json
from typing import Any

import pytest

from tests.support.system import System


def audit(stack: System, *arguments: str) -> Any:
    """Audit with no patience for stray files, and return the report."""
    done = stack.ops("audit", "--json", "--settled-after", "0", "--pause", "2", *arguments)
    assert done.returncode in {0, 7}, done.stdout + done.stderr
    report = json.loads(done.stdout.splitlines()[0])
    assert (done.returncode == 7) == bool(report["violations"]), done.stdout
    return report


def test_a_lost_file_and_a_stray_one_are_found_and_what_can_be_mended_is(stack: System) -> None:
    view = stack.draw("a heron that is counted")
    s3, bucket = stack.client("s3"), stack.outputs["GalleryBucketName"]
    assert audit(stack, "--request", view["id"])["violations"] == []
    files = s3.list_objects_v2(Bucket=bucket, Prefix=f"images/{view['id']}/")["Contents"]
    lost = files[0]["Key"]
    content = s3.get_object(Bucket=bucket, Key=lost)["Body"].read()
    s3.delete_object(Bucket=bucket, Key=lost)
    s3.put_object(Bucket=bucket, Key=f"images/{view['id']}/0-{'f' * 64}/original.png", Body=b"stray")
    try:
        assert audit(stack, "--request", view["id"])["by_rule"] == {"entry-without-file": 1, "file-without-entry": 1}
        mended = stack.ops("audit", "--settled-after", "0", "--request", view["id"], "--mend", "--yes")
        assert mended.returncode == 7, "a lost file is beyond mending"
        assert audit(stack, "--request", view["id"])["by_rule"] == {"entry-without-file": 1}
    finally:
        s3.put_object(Bucket=bucket, Key=lost, Body=content)
    assert audit(stack, "--request", view["id"])["violations"] == []


def test_the_scheduled_audit_may_read_what_it_needs_and_the_api_shows_what_it_found(stack: System) -> None:
    view = stack.draw("a heron in the books")
    answer = stack.client("lambda").invoke(FunctionName=f"{stack.prefix}-operations-audit", Payload=b"{}")
    found = json.load(answer["Payload"])
    assert "FunctionError" not in answer, found
    assert (found["violations"], found["complete"]) == (0, True)

    key = stack.stack.admin_key
    audited = stack.call("GET", "/v1/operations/audit", key=key)
    traced = stack.call("GET", f"/v1/operations/traces/{view['id']}", key=key)
    assert (audited.status, traced.status) == (200, 200), audited.content + traced.content
    assert (audited.json["segments"], audited.json["audited"]) == (24, 1)
    assert traced.json["events"][0]["event"] == "ImageRequested"


@pytest.mark.last
def test_the_audit_is_clean_after_all_that_the_other_tests_did(stack: System) -> None:
    report = audit(stack)
    assert report["violations"] == [], json.dumps(report["violations"], indent=2)
    assert report["complete"]
    assert report["unsettled"] == []
