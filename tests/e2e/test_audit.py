"""The audit of the deployed system. The fixture ``stack`` audits everything after the last test."""

from tests.support.system import System


def test_the_audit_finds_lost_and_stray_files_and_repairs_the_stray(stack: System) -> None:
    view = stack.generate("a heron that is audited")
    only = ("--request", view["id"], "--pause", "0.5")
    s3, bucket = stack.client("s3"), stack.outputs["GalleryBucketName"]
    assert stack.audit(*only)["violations"] == []
    files = s3.list_objects_v2(Bucket=bucket, Prefix=f"images/{view['id']}/")["Contents"]
    lost = files[0]["Key"]
    content = s3.get_object(Bucket=bucket, Key=lost)["Body"].read()
    s3.delete_object(Bucket=bucket, Key=lost)
    s3.put_object(Bucket=bucket, Key=f"images/{view['id']}/0-{'f' * 64}/original.png", Body=b"stray")
    try:
        assert stack.audit(*only)["by_rule"] == {
            "image-without-file": 1,
            "file-without-image": 1,
        }
        repaired = stack.ops(
            "audit", "--settled-after", "0", "--pause", "0.5", "--request", view["id"], "--repair", "--yes"
        )
        assert repaired.returncode == 7, "a lost file cannot be repaired"
        assert stack.audit(*only)["by_rule"] == {"image-without-file": 1}
    finally:
        s3.put_object(Bucket=bucket, Key=lost, Body=content)
    assert stack.audit(*only)["violations"] == []


def test_the_scheduled_audit_is_permitted_and_shown_by_the_api(stack: System) -> None:
    view = stack.generate("a heron in the books")
    found = stack.invoke("operations-audit")
    assert (found["violations"], found["complete"]) == (0, True)

    key = stack.stack.admin_key
    audited = stack.call("GET", "/v1/operations/audit", key=key)
    traced = stack.call("GET", f"/v1/operations/traces/{view['id']}", key=key)
    assert (audited.status, traced.status) == (200, 200), audited.content + traced.content
    assert (audited.json["segments"], audited.json["audited"]) == (24, 1)
    assert traced.json["events"][0]["event"] == "ImageRequested"
