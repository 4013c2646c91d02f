"""Rotation of secrets with the command line."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import click
import pytest
from moto import mock_aws

from cli.__main__ import main
from cli.commands.secrets import CREDENTIALS, KINDS
from kit.keyring import Keyring
from kit.signed_urls import EXPIRES_SECONDS
from services.accounts.repository.keys import KeyTable
from services.accounts.schemas import NewKey
from services.accounts.service import create
from services.notifications.repository.webhooks import WebhookTable
from services.notifications.webhooks import Webhook
from services.storage.certificates import certificate_of
from tests.support.distribution_on_moto import distribute
from tests.support.templates import resources

PREFIX = "genai-images-test"
SERVICES = ("accounts", "notifications", "operations")
PEPPER, MASTER, PROMPTS = "accounts-key-hashing", "notifications-webhook-master", "storage-prompt-hash-key"


@pytest.fixture(autouse=True)
def installation(aws_test_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        for table in resources("AWS::DynamoDB::Table"):
            if table.service in SERVICES:
                names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
                properties = {name: table.properties[name] for name in names if name in table.properties}
                boto3.client("dynamodb").create_table(TableName=f"{PREFIX}-{table.service}", **properties)
        for name in KINDS:
            boto3.client("secretsmanager").create_secret(Name=f"{PREFIX}-{name}", SecretString=f"hidden {name}")
        distribute(PREFIX, "hidden accounts-edge-key")
        monkeypatch.setenv("GENAI_IMAGES_PREFIX", PREFIX)
        yield


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs a command and returns its exit code, its objects and its errors."""

    def command(*arguments: str) -> tuple[int, list[Any], str]:
        code = main(["secrets", *arguments, "--output", "json"])
        said = capsys.readouterr()
        assert "hidden" not in said.out + said.err, "a key is shown"
        lines = [json.loads(line) for line in said.out.splitlines()]
        return code, lines[0] if lines and isinstance(lines[0], list) else lines, said.err

    return command


def keyring(name: str) -> Keyring:
    client = boto3.client("secretsmanager")
    return Keyring.parse(client.get_secret_value(SecretId=f"{PREFIX}-{name}")["SecretString"])


def states(rows: list[Any]) -> list[tuple[int, str]]:
    return [(row["version"], row["state"]) for row in rows]


def test_the_command_knows_every_secret_of_the_templates() -> None:
    declared = {str(secret.properties["Name"]["Fn::Sub"]) for secret in resources("AWS::SecretsManager::Secret")}

    assert declared == {f"${{Prefix}}-{name}" for name in KINDS}


def test_every_secret_is_listed_with_what_needs_it(run: Any) -> None:
    code, rows, _ = run("list")

    assert code == 0
    assert [(row["secret"], row["version"], row["state"], row["needed_by"]) for row in rows] == [
        (name, 1, "current", None if kind.uses is None else 0) for name, kind in KINDS.items()
    ]


@pytest.mark.parametrize("name", list(KINDS))
def test_a_new_version_is_pending_until_every_function_knows_it(run: Any, name: str) -> None:
    code, rows, _ = run("rotate", name, "--yes")

    assert (code, states(rows)) == (0, [(1, "current"), (2, "pending")])
    stored, now = keyring(name), datetime.now(UTC)
    assert stored.versions[0].key == f"hidden {name}".encode()
    assert len(stored.versions[1].key) >= 64
    assert stored.current(now).number == 1
    assert stored.current(now + KINDS[name].activation).number == 2
    code, _, said = run("rotate", name, "--yes")
    assert (code, "is not active before" in said) == (1, True)


def test_a_rotation_is_read_back(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["secrets", "rotate", PROMPTS, "--now", "--yes"]) == 0
    said = " ".join(capsys.readouterr().out.split())

    assert said.endswith("Read back: version 2 is current now, version 1 stays valid.")
    assert main(["secrets", "rotate", PROMPTS, "--yes"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert re.search(r"Read back: version 3 is current from [0-9 :-]+ UTC on, version 2 stays valid\.$", said)


@pytest.mark.parametrize("lost", ["the old version", "the new version"])
def test_a_rotation_that_is_not_stored_as_it_was_sent_is_noticed(
    run: Any, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    whole = Keyring.to_text
    monkeypatch.setattr(
        Keyring, "to_text", lambda self: whole(self.without(self.versions[0 if "old" in lost else -1].number))
    )
    code, _, said = run("rotate", PROMPTS, "--yes")

    assert (code, "Secrets Manager returns another value of storage-prompt-hash-key" in said) == (1, True)


def test_links_of_a_replaced_version_end_before_it_is_retired(run: Any) -> None:
    links = "storage-image-link-key"
    run("rotate", links, "--now", "--yes")
    code, _, said = run("retire", links, "1", "--yes")

    assert (code, "Links that version 1 has signed are valid until" in said) == (1, True)
    stored = keyring(links)
    replaced = replace(stored.versions[1], active_from=datetime.now(UTC) - timedelta(seconds=EXPIRES_SECONDS))
    text = Keyring((stored.versions[0], replaced)).to_text()
    boto3.client("secretsmanager").put_secret_value(SecretId=f"{PREFIX}-{links}", SecretString=text)
    assert states(run("retire", links, "1", "--yes")[1]) == [(2, "current")]


def test_a_certificate_that_somebody_issued_becomes_a_version(run: Any, tmp_path: Path) -> None:
    issued = certificate_of(b"hidden issuer")
    text = issued.private_key + issued.chain
    file = tmp_path / "certificate.pem"
    file.write_bytes(text)
    code, rows, _ = run("rotate", CREDENTIALS, "--certificate", str(file), "--yes")

    assert (code, states(rows)) == (0, [(1, "current"), (2, "pending")])
    assert keyring(CREDENTIALS).versions[1].key == text
    assert certificate_of(keyring(CREDENTIALS).versions[1].key) == issued


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        (CREDENTIALS, certificate_of(b"a").chain, "--certificate: must contain a private key"),
        (PROMPTS, certificate_of(b"a").private_key, f"--certificate is for {CREDENTIALS} only"),
    ],
)
def test_a_wrong_certificate_changes_nothing(run: Any, tmp_path: Path, name: str, content: bytes, rule: str) -> None:
    file = tmp_path / "certificate.pem"
    file.write_bytes(content)
    code, _, said = run("rotate", name, "--certificate", str(file), "--yes")

    assert code != 0
    assert rule in said
    assert len(keyring(name).versions) == 1


def test_a_rotation_is_in_the_audit_trail_without_the_key(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run("rotate", PEPPER, "--yes", "--operator", "ada")
    main(["actions", "--output", "json"])
    (action,) = json.loads(capsys.readouterr().out)

    assert (action["operator"], action["verb"], action["outcome"]) == ("ada", "secret rotate", {"changed": 1})
    assert action["about"] == {"secret": PEPPER, "version": "2"}


def test_an_unconfirmed_rotation_changes_nothing(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise click.Abort

    monkeypatch.setattr("click.confirm", refuse)

    assert run("rotate", PEPPER)[0] == 6
    assert len(keyring(PEPPER).versions) == 1


def test_a_secret_that_keys_need_is_not_retired(run: Any) -> None:
    keys = KeyTable(boto3.client("dynamodb"), f"{PREFIX}-accounts")
    wanted = NewKey(owner="acme", name="test", scopes=["requests:read"])
    create(keys, wanted, keyring(PEPPER).versions[0], datetime.now(UTC))
    run("rotate", PEPPER, "--now", "--yes")
    code, _, said = run("retire", PEPPER, "1", "--yes")

    assert (code, "1 API keys need version 1" in said) == (1, True)
    code, rows, _ = run("retire", PEPPER, "1", "--yes", "--force")
    assert (code, states(rows)) == (0, [(2, "current")])
    assert [version.number for version in keyring(PEPPER).versions] == [2]


def test_a_master_that_a_webhook_needs_in_its_grace_period_is_not_retired(run: Any) -> None:
    now = datetime.now(UTC)
    webhooks = WebhookTable(boto3.client("dynamodb"), f"{PREFIX}-notifications")
    webhooks.add(Webhook("wh", "acme", "https://example.com", "", ("succeeded",), now))
    run("rotate", MASTER, "--now", "--yes")
    webhooks.rotate("acme", "wh", 2, now + timedelta(hours=1))
    assert run("retire", MASTER, "1", "--yes")[0] == 1
    webhooks.rotate("acme", "wh", 2, None)

    assert run("retire", MASTER, "1", "--yes")[0] == 0


def test_a_pending_version_can_be_withdrawn(run: Any) -> None:
    run("rotate", PROMPTS, "--yes")

    assert states(run("retire", PROMPTS, "2", "--yes")[1]) == [(1, "current")]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("retire", PEPPER, "1", "--yes"), 1, "Version 1 is the current one"),
        (("retire", PEPPER, "7", "--yes"), 1, "has no version 7"),
        (("rotate", "other", "--yes"), 2, "Invalid value for"),
    ],
)
def test_what_cannot_be_done_is_explained(run: Any, arguments: tuple[str, ...], code: int, said: str) -> None:
    found, _, errors = run(*arguments)

    assert (found, said in errors) == (code, True)
