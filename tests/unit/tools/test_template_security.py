"""checkov sees the deployed templates, and the list of skipped checks is complete, exact and reasoned."""

import re

from local.package import plain_templates
from tools.template_security import SKIPPED, Failure, problems

UNENCRYPTED = Failure("CKV_AWS_27", "template AWS::SQS::Queue.Queue", "Encrypt the queue")


def test_a_failure_is_a_problem_unless_its_check_is_skipped() -> None:
    assert list(problems([UNENCRYPTED], [])) == ["CKV_AWS_27 template AWS::SQS::Queue.Queue: Encrypt the queue"]
    assert list(problems([UNENCRYPTED], ["CKV_AWS_27"])) == []


def test_a_skipped_check_that_nothing_fails_is_a_problem() -> None:
    assert list(problems([UNENCRYPTED], ["CKV_AWS_27", "CKV_AWS_1"])) == [
        ".checkov.yaml skips CKV_AWS_1, which nothing fails: remove it"
    ]


def test_every_skipped_check_has_a_reason_in_one_sentence() -> None:
    entries = [line for line in SKIPPED.read_text().splitlines() if line.startswith("  - ")]

    assert entries
    assert [entry for entry in entries if not re.fullmatch(r"  - CKV2?_AWS_\d+ # [A-Z][^.]{20,}\.", entry)] == []


def test_the_checked_templates_have_what_loops_and_sam_add() -> None:
    templates = {path.parent.name: template for path, template in plain_templates() if path.name == "template.yaml"}
    intake = templates["intake"]["Resources"]

    assert {"apiRole", "apiLogs", "apiErrorsAlarm"} <= intake.keys()
    for template in templates.values():
        types = {resource["Type"] for resource in template["Resources"].values()}
        assert not [name for name in types if name.startswith("AWS::Serverless::")]
