"""A rotation that is interrupted between its steps, or started twice, loses no version and can be repeated."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectionClosedError

from cli.__main__ import main
from cli.commands.secrets import KINDS
from cli.connection import Connection
from kit.cdn_signatures import public_key
from kit.keyring import Keyring
from services.storage.image_link_keys import LinkKeys
from tests.integration.cli.test_secrets import PREFIX, installation, keyring, run
from tests.unit.storage.test_image_link_keys import CloudFront, group_of

__all__ = ["installation", "run"]
LINKS = "storage-image-link-key"


class Interrupted:
    """Secrets Manager, whose next ``put_secret_value`` is interrupted before or after it has stored the value."""

    def __init__(self, stored: bool) -> None:
        self._client = boto3.client("secretsmanager")
        self._stored = stored
        self.armed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_secret_value(self, **parameters: Any) -> Any:
        if self.armed and not self._stored:
            self.armed = False
            raise ConnectionClosedError(endpoint_url="secretsmanager")
        answer = self._client.put_secret_value(**parameters)
        if self.armed:
            self.armed = False
            raise ConnectionClosedError(endpoint_url="secretsmanager")
        return answer


@pytest.fixture
def cloudfront(monkeypatch: pytest.MonkeyPatch) -> CloudFront:
    """Return CloudFront, which knows the public key of the first version."""
    fake = CloudFront()
    published = LinkKeys(fake, PREFIX).publish(keyring(LINKS)).keyring
    boto3.client("secretsmanager").put_secret_value(SecretId=f"{PREFIX}-{LINKS}", SecretString=published.to_text())
    use(monkeypatch, cloudfront=fake)
    return fake


def use(monkeypatch: pytest.MonkeyPatch, **clients: Any) -> None:
    """Make the commands use these clients."""
    real: Callable[[Connection, str], Any] = Connection.client
    monkeypatch.setattr(Connection, "client", lambda self, service: clients.get(service) or real(self, service))


def checked_keys(cloudfront: CloudFront) -> set[str]:
    """Return the public keys with which CloudFront checks links."""
    (group_id,) = cloudfront.groups
    return set(group_of(cloudfront, group_id).values())


def signing_keys() -> set[str]:
    """Return the public keys of the stored versions, each of which signs now or will."""
    return {public_key(version.key) for version in keyring(LINKS).versions}


@pytest.mark.parametrize("call", ["create_public_key", "update_key_group", "before the value", "after the value"])
def test_a_rotation_of_the_link_key_goes_on(
    run: Any, monkeypatch: pytest.MonkeyPatch, cloudfront: CloudFront, call: str
) -> None:
    secrets = Interrupted(stored=call.startswith("after"))
    use(monkeypatch, secretsmanager=secrets)
    cloudfront.fail_at, secrets.armed = call, call.endswith("value")
    code, _, said = run("rotate", LINKS, "--yes")

    assert (code, "interrupted" in said, "Run the same command again" in said) == (1, True, True)
    assert signing_keys() <= checked_keys(cloudfront)
    code, _, said = run("rotate", LINKS, "--yes")
    assert code == 0 or "Version 2 of storage-image-link-key is not active before" in said
    assert [version.number for version in keyring(LINKS).versions] == [1, 2]
    assert signing_keys() <= checked_keys(cloudfront)


@pytest.mark.parametrize(
    "call", ["before the value", "after the value", "get_key_group", "update_key_group", "delete_public_key"]
)
@pytest.mark.parametrize("version", ["1", "2"], ids=["replaced", "pending"])
def test_a_retirement_of_a_link_key_goes_on(
    run: Any, monkeypatch: pytest.MonkeyPatch, cloudfront: CloudFront, call: str, version: str
) -> None:
    assert run("rotate", LINKS, "--yes", *(["--now"] if version == "1" else []))[0] == 0
    secrets = Interrupted(stored=call.startswith("after"))
    use(monkeypatch, secretsmanager=secrets)
    cloudfront.fail_at, secrets.armed = call, call.endswith("value")
    code, _, said = run("retire", LINKS, version, "--yes", "--force")

    assert (code, "interrupted" in said) == (1, True)
    assert signing_keys() <= checked_keys(cloudfront), "links would be refused"
    code, _, said = run("retire", LINKS, version, "--yes", "--force")
    assert code == 0 or f"{LINKS} has no version {version} any more" in said
    assert len(keyring(LINKS).versions) == 1
    assert signing_keys() == checked_keys(cloudfront), "links of a retired version would be accepted"


@pytest.mark.parametrize("name", [name for name in KINDS if name != LINKS])
@pytest.mark.parametrize("stored", [False, True])
def test_a_rotation_of_a_secret_goes_on(run: Any, monkeypatch: pytest.MonkeyPatch, name: str, stored: bool) -> None:
    secrets, old = Interrupted(stored=stored), keyring(name)
    use(monkeypatch, secretsmanager=secrets)
    secrets.armed = True
    code, _, said = run("rotate", name, "--yes")

    assert (code, f"The secret rotate of {name} was interrupted" in said) == (1, True)
    assert keyring(name).versions[0] == old.versions[0]
    code, _, said = run("rotate", name, "--yes")
    assert code == 0 or f"Version 2 of {name} is not active before" in said
    assert [version.number for version in keyring(name).versions] == [1, 2]
    assert keyring(name).current(datetime.now(UTC)) == old.versions[0]


@pytest.mark.parametrize("name", [name for name in KINDS if name != "accounts-edge-key"])  # test_edge_key.py
def test_of_two_rotations_at_once_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cloudfront: CloudFront, name: str
) -> None:
    between: list[Keyring] = []

    def meanwhile(*_: object, **__: object) -> None:
        assert main(["secrets", "rotate", name, "--yes"]) == 0
        between.append(keyring(name))

    monkeypatch.setattr("click.confirm", meanwhile)

    assert main(["secrets", "rotate", name]) == 1
    assert "was changed by another command at the same time. Nothing was stored" in capsys.readouterr().err
    assert [keyring(name)] == between, "the version of the first command is lost"
    assert signing_keys() <= checked_keys(cloudfront)
