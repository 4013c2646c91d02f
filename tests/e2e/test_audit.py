"""The audit of the deployed system. The fixture ``stack`` audits everything after the last test."""

import json

from tests.support.system import System


def test_a_lost_file_and_a_stray_one_are_found_and_what_can_be_mended_is(stack: System) -> None:
    view = stack.generate("a heron that is counted")
    s3, bucket = stack.client("s3"), stack.outputs["GalleryBucketName"]
    assert stack.audit("--pause", "0.5", "--request", view["id"])["violations"] == []
    files = s3.list_objects_v2(Bucket=bucket, Prefix=f"images/{view['id']}/")["Contents"]
    lost = files[0]["Key"]
    content = s3.get_object(Bucket=bucket, Key=lost)["Body"].read()
    s3.delete_object(Bucket=bucket, Key=lost)
    s3.put_object(Bucket=bucket, Key=f"images/{view['id']}/0-{'f' * 64}/original.png", Body=b"stray")
    try:
        assert stack.audit("--pause", "0.5", "--request", view["id"])["by_rule"] == {"entry-without-file": 1, "file-without-entry": 1}
        mended = stack.ops("audit", "--settled-after", "0", "--pause", "0.5", "--request", view["id"], "--mend", "--yes")
        assert mended.returncode == 7, "a lost file is beyond mending"
        assert stack.audit("--pause", "0.5", "--request", view["id"])["by_rule"] == {"entry-without-file": 1}
    finally:
        s3.put_object(Bucket=bucket, Key=lost, Body=content)
    assert stack.audit("--pause", "0.5", "--request", view["id"])["violations"] == []


def test_the_scheduled_audit_may_read_what_it_needs_and_the_api_shows_what_it_found(stack: System) -> None:
    view = stack.generate("a heron in the books")
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
