"""The event lake in the templates: columns, saved queries, limits and storage classes. ADR 45.

Athena itself runs nothing here: its SQL is parsed as Trino's, and DuckDB runs the same text.
"""

import json
from typing import Any, Final

import pytest
import sqlglot
from sqlglot import exp

from cli import lake_queries as queries
from services.analytics.archive_format import PARTS, parts_folder
from services.analytics.columns import COLUMNS
from tests.support import templates
from tests.support.templates import ROOT
from tools.docs.lake import glue_type

LAKE: Final = templates.load(ROOT / "services/operations/lake.yaml")["Resources"]
TABLE: Final = LAKE["EventsTable"]["Properties"]["TableInput"]
WORKGROUP: Final = LAKE["WorkGroup"]["Properties"]["WorkGroupConfiguration"]
SAVED: Final = {
    body["Properties"]["Name"]["Fn::Sub"].removeprefix("${Prefix}/"): body
    for body in LAKE.values()
    if body["Type"] == "AWS::Athena::NamedQuery"
}
EVERY_QUERY: Final = pytest.mark.parametrize("name", queries.names())


def columns_of(sql: str, dialect: str) -> list[str]:
    """Return what the result of a query is called."""
    tree = sqlglot.parse_one(sql, dialect=dialect)
    assert isinstance(tree, exp.Select)
    return list(tree.named_selects)


# Queries -------------------------------------------------------------------------------------------------------------


def test_five_queries_are_saved_in_athena() -> None:
    assert sorted(SAVED) == queries.names()
    assert len(SAVED) == 5


@EVERY_QUERY
def test_athena_has_the_text_that_duckdb_runs(name: str) -> None:
    body = SAVED[name]

    assert body["Properties"]["QueryString"] == queries.text(name).rstrip()
    assert body["Properties"]["Description"] == queries.about(name)
    assert body["Properties"]["Database"] == {"Ref": "Database"}
    assert body["Properties"]["WorkGroup"] == {"Ref": "WorkGroup"}
    assert body["Condition"] == "OnAws", "the emulator has no named queries"


@EVERY_QUERY
def test_a_query_is_valid_in_both_dialects_and_means_the_same(name: str) -> None:
    sql = queries.text(name)
    trino, duckdb = (sqlglot.parse_one(sql, dialect=dialect) for dialect in ("trino", "duckdb"))

    assert columns_of(sql, "trino") == columns_of(sql, "duckdb")
    for tree in (trino, duckdb):
        unknown = [node.name for node in tree.find_all(exp.Anonymous)]
        assert not unknown, "a function that only one of them has"
    # A translation changes spellings at most: anything that one of them lacks would be rewritten or marked.
    for read, write in (("trino", "duckdb"), ("duckdb", "trino")):
        (text,) = sqlglot.transpile(sql, read=read, write=write, unsupported_level=sqlglot.ErrorLevel.RAISE)
        assert columns_of(text, write) == columns_of(sql, read)
        assert {node.sql_name() for node in sqlglot.parse_one(text, dialect=write).find_all(exp.Func)} == {
            node.sql_name() for node in sqlglot.parse_one(sql, dialect=read).find_all(exp.Func)
        }


@EVERY_QUERY
def test_a_query_uses_columns_of_the_table_only(name: str) -> None:
    tree = sqlglot.parse_one(queries.text(name), dialect="trino")
    own = {alias.alias for alias in tree.find_all(exp.Alias)} | {
        column.name for alias in tree.find_all(exp.TableAlias) for column in alias.columns
    }
    own |= {unnest.args["offset"].name for unnest in tree.find_all(exp.Unnest)}
    used = {column.name for column in tree.find_all(exp.Column)}

    assert used <= {*COLUMNS, "day"} | own
    assert used & set(COLUMNS)


@EVERY_QUERY
def test_a_query_reads_the_days_that_it_is_given(name: str) -> None:
    """Without a condition on the day, Athena would read every file."""
    tree = sqlglot.parse_one(queries.text(name), dialect="trino")
    reads = [table for table in tree.find_all(exp.Table) if table.name == "events"]

    assert len(list(tree.find_all(exp.Placeholder))) == 2
    assert len(reads) == 1
    where = reads[0].parent_select.args["where"] if reads[0].parent_select else None
    assert where is not None
    assert where.this.sql() == "day BETWEEN ? AND ?"


@EVERY_QUERY
def test_no_query_shows_lines_or_requests(name: str) -> None:
    sql = queries.text(name)

    assert not {"line", "request_id", "event_id"} & set(columns_of(sql, "trino"))


# Table ---------------------------------------------------------------------------------------------------------------


def test_the_table_has_the_columns_of_the_files() -> None:
    assert {column["Name"]: column["Type"] for column in TABLE["StorageDescriptor"]["Columns"]} == {
        name: glue_type(kind) for name, kind in COLUMNS.items()
    }
    assert glue_type("DECIMAL(18,6)[]") == "array<decimal(18,6)>"
    assert all(name == name.lower() for name in COLUMNS), "Athena has no other names"


def test_partitions_are_computed_from_the_keys() -> None:
    parameters = TABLE["Parameters"]

    assert TABLE["PartitionKeys"] == [{"Name": "day", "Type": "string"}]
    assert parameters["projection.enabled"] == "true"
    assert (parameters["projection.day.type"], parameters["projection.day.format"]) == ("date", "yyyy-MM-dd")
    assert parameters["projection.day.range"].endswith(",NOW")
    location = parameters["storage.location.template"]["Fn::Sub"].replace("${!day}", "2026-11-22")
    assert location == f"s3://${{BucketName}}/{parts_folder('2026-11-22')}"
    assert TABLE["StorageDescriptor"]["Location"] == {"Fn::Sub": f"s3://${{BucketName}}/{PARTS}"}


def test_a_query_has_a_limit_and_its_results_are_encrypted_and_expire() -> None:
    result = WORKGROUP["ResultConfiguration"]

    assert WORKGROUP["EnforceWorkGroupConfiguration"] is True
    assert WORKGROUP["BytesScannedCutoffPerQuery"] == 10_000_000_000
    condition, ours, aws = result["EncryptionConfiguration"]["Fn::If"]
    assert condition == "HasEncryptionKey"
    assert ours == {"EncryptionOption": "SSE_KMS", "KmsKey": {"Ref": "EncryptionKeyArn"}}
    assert aws == {"EncryptionOption": "SSE_S3"}
    assert result["OutputLocation"] == {"Fn::Sub": "s3://${BucketName}/queries/"}
    expires = rules("analytics")["expire-results"]
    assert (expires["Prefix"], expires["ExpirationInDays"]) == ("queries/", 7)


# Storage classes -----------------------------------------------------------------------------------------------------


def rules(service: str) -> dict[str, Any]:
    """Return the lifecycle rules of the bucket of a service, of conditions those if they hold."""
    (bucket,) = [each for each in templates.resources("AWS::S3::Bucket") if each.service == service]
    found = bucket.properties["LifecycleConfiguration"]["Rules"]
    chosen = [rule["Fn::If"][1] if "Fn::If" in rule else rule for rule in found]
    return {rule["Id"]: rule for rule in chosen}


@pytest.mark.parametrize(
    ("service", "rule", "prefix"), [("storage", "cold-originals", "images/"), ("analytics", "cold-parts", PARTS)]
)
def test_large_files_move_to_a_colder_class_after_30_days(service: str, rule: str, prefix: str) -> None:
    found = rules(service)[rule]

    assert found["Status"] == "Enabled"
    assert found["Prefix"] == prefix
    assert int(found["ObjectSizeGreaterThan"]) >= 128 * 1024, "smaller files are billed as 128 KB"
    [move] = found["Transitions"]
    assert move == {
        "TransitionInDays": 30,
        "StorageClass": {"Fn::If": ["UsesGlacier", "GLACIER_IR", "INTELLIGENT_TIERING"]},
    }


def test_lines_never_move_to_a_colder_class() -> None:
    """They are small and short-lived."""
    moving = [rule for rule in rules("analytics").values() if "Transitions" in rule]

    assert [rule["Prefix"] for rule in moving] == [PARTS]


@pytest.mark.parametrize("service", ["storage", "analytics"])
def test_colder_classes_can_be_switched_off(service: str) -> None:
    template = templates.service_template(service)
    parameter = templates.root_template()["Parameters"]["ColdStorage"]

    assert parameter["Default"] == template["Parameters"]["ColdStorage"]["Default"] == "intelligent-tiering"
    assert parameter["AllowedValues"] == template["Parameters"]["ColdStorage"]["AllowedValues"]
    assert template["Conditions"]["HasColdStorage"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "ColdStorage"}, "off"]}]}
    assert json.dumps(template).count('"HasColdStorage"') == 2


# Compaction ----------------------------------------------------------------------------------------------------------


def test_the_function_deletes_lines_and_never_a_part() -> None:
    resources = templates.service_template("analytics")["Resources"]
    statements = resources["compactPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    granted = {action: each["Resource"] for each in statements for action in templates.flat(each["Action"])}

    assert granted["s3:DeleteObject"] == {"Fn::Sub": "${ArchiveBucket.Arn}/events/day=*"}
    assert granted["s3:PutObject"] == {"Fn::Sub": f"${{ArchiveBucket.Arn}}/{PARTS}*"}
    assert granted.keys() == {"s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"}
