"""The accounts table: one suite for the fake and for DynamoDB on moto."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from kit.cache import Cache
from kit.keyring import SecretVersion
from services.accounts.consent import Consent, Versions
from services.accounts.keys import Key, new_key_id
from services.accounts.owners import Owner, OwnerChangedError, UnknownOwnerError, is_owner_id, new_owner
from services.accounts.repository.cached import CachedPreferences, PreferenceCopies
from services.accounts.repository.keys import KeyTable
from services.accounts.repository.owners import StaleError, owner_key
from services.accounts.schemas import NewKey
from services.accounts.service import NotActiveError, create
from tests.support.clock import FakeClock
from tests.unit.accounts.fakes import InMemoryKeys

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ACME = new_owner("acme", NOW)
SECRET = SecretVersion(1, b"pepper")
CONSENT = Consent(Versions("2026-11-01", "2026-11-02"), NOW, "abcdefghijkl")
WANTED = NewKey(owner="acme", name="Web shop", scopes=["requests:read"])


@pytest.fixture
def accounts_table(aws_test_environment: None, service_template: Any) -> Iterator[str]:
    """Create the table exactly as the template declares it."""
    with mock_aws():
        properties = service_template("accounts")["Resources"]["Accounts"]["Properties"]
        names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        boto3.client("dynamodb").create_table(TableName="accounts", **{name: properties[name] for name in names})
        yield "accounts"


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest, accounts_table: str) -> Any:
    if request.param == "fake":
        return InMemoryKeys()
    return KeyTable(boto3.client("dynamodb"), accounts_table)


def key(minutes: int = 0, **others: Any) -> Key:
    plain = Key(
        key_id=new_key_id(),
        digest="d1",
        owner="acme",
        name="Web shop",
        scopes=("requests:read", "requests:write"),
        limit=100,
        window=900,
        created_at=NOW + timedelta(minutes=minutes),
    )
    return replace(plain, **others)


def add(store: Any, stored: Key) -> None:
    """Store a key of an owner of its own."""
    store.add(stored, new_owner(f"owner of {stored.key_id}", NOW))


def test_a_stored_key_is_read_unchanged(store: Any) -> None:
    plain, full = (
        key(),
        key(
            expires_at=NOW + HOUR,
            revoked_at=NOW,
            last_used_at=NOW,
            previous_digest="d0",
            previous_until=NOW + HOUR,
            priority="high",
        ),
    )
    for kept in (plain, full):
        add(store, kept)
        assert store.find(kept.key_id) == kept
    assert store.find(new_key_id()) is None


def test_an_id_is_used_only_once(store: Any) -> None:
    first = key()
    add(store, first)
    with pytest.raises(KeyError):
        add(store, replace(first, owner="mallory"))
    assert store.find(first.key_id) == first


def test_a_use_is_recorded_rarely_and_only_for_existing_keys(store: Any) -> None:
    used = key()
    add(store, used)
    for minutes, expected in ((0, 0), (30, 0), (61, 61)):
        at = NOW + timedelta(minutes=minutes)
        store.note_use(used, at, at - HOUR, None)
        assert store.find(used.key_id).last_used_at == NOW + timedelta(minutes=expected)
    unknown = key()
    store.note_use(unknown, NOW, NOW - HOUR, None)
    assert store.find(unknown.key_id) is None


def test_the_write_of_a_use_replaces_only_the_known_digest(store: Any) -> None:
    used = key(digest="1:a")
    add(store, used)
    store.note_use(replace(used, digest="1:older"), NOW, NOW - HOUR, "2:older")
    assert store.find(used.key_id) == used
    store.note_use(used, NOW, NOW - HOUR, "2:a")

    assert store.find(used.key_id) == replace(used, digest="2:a", last_used_at=NOW)


def test_keys_are_counted_by_the_secret_that_they_need(accounts_table: str) -> None:
    store = KeyTable(boto3.client("dynamodb"), accounts_table)
    for digest in ("1:a", "2:b", "2:c"):
        add(store, key(digest=digest))
    add(store, key(digest="1:d", revoked_at=NOW))
    add(store, key(digest="2:e", previous_digest="1:e", previous_until=NOW + HOUR))

    assert store.secret_uses(NOW) == {1: 2, 2: 3}
    assert store.secret_uses(NOW + HOUR) == {1: 1, 2: 3}


def test_a_rotation_keeps_the_old_hash_for_the_grace_period(store: Any) -> None:
    rotated = key()
    add(store, rotated)
    graced = store.rotate(rotated.key_id, "d2", NOW + HOUR, NOW)
    assert graced == replace(rotated, digest="d2", previous_digest="d1", previous_until=NOW + HOUR)
    assert store.find(rotated.key_id) == graced
    at_once = store.rotate(rotated.key_id, "d3", None, NOW)
    assert at_once == replace(rotated, digest="d3")
    assert store.find(rotated.key_id) == at_once


def test_an_expired_or_revoked_key_is_not_rotated(store: Any) -> None:
    revoked, expired = key(revoked_at=NOW), key(expires_at=NOW)
    for ended, status in ((revoked, "revoked"), (expired, "expired")):
        add(store, ended)
        with pytest.raises(NotActiveError) as refused:
            store.rotate(ended.key_id, "d2", None, NOW)
        assert refused.value.status == status
        assert store.find(ended.key_id) == ended
    with pytest.raises(KeyError):
        store.rotate(new_key_id(), "d2", None, NOW)


def test_a_priority_is_changed_and_listed(store: Any) -> None:
    usual, other = key(), key(minutes=1)
    add(store, usual)
    add(store, other)

    assert store.set_priority(other.key_id, "low").priority == "low"
    assert [each.priority for each in store.page(10, None).keys] == ["low", "normal"]
    assert store.find(other.key_id) == replace(other, priority="low")
    with pytest.raises(KeyError):
        store.set_priority(new_key_id(), "low")


def test_a_key_without_a_priority_is_normal(accounts_table: str) -> None:
    """It was stored by a release without priorities."""
    old, client = key(), boto3.client("dynamodb")
    add(KeyTable(client, accounts_table), old)
    where: Any = {"pk": {"S": f"KEY#{old.key_id}"}, "sk": {"S": "KEY"}}
    client.update_item(TableName=accounts_table, Key=where, UpdateExpression="REMOVE priority")

    found = KeyTable(client, accounts_table)
    assert found.find(old.key_id) == old
    assert found.page(1, None).keys[0].priority == "normal"


def test_a_revocation_keeps_its_first_time(store: Any) -> None:
    ended = key()
    add(store, ended)
    assert store.revoke(ended.key_id, NOW).revoked_at == NOW
    assert store.revoke(ended.key_id, NOW + HOUR).revoked_at == NOW
    assert store.find(ended.key_id).revoked_at == NOW
    with pytest.raises(KeyError):
        store.revoke(new_key_id(), NOW)


def test_a_key_is_deleted_some_time_after_it_ended(accounts_table: str) -> None:
    client = boto3.client("dynamodb")
    table = KeyTable(client, accounts_table, timedelta(days=77))
    lasting, expiring, revoked = key(), key(expires_at=NOW), key(expires_at=NOW + HOUR)
    for added in (lasting, expiring, revoked):
        add(table, added)
    table.revoke(revoked.key_id, NOW)
    table.revoke(revoked.key_id, NOW + HOUR)

    items = [item for item in client.scan(TableName=accounts_table)["Items"] if item["pk"]["S"].startswith("KEY#")]
    found = {item["key_id"]["S"]: item.get("delete_at") for item in items}

    then = {"N": str(int((NOW + timedelta(days=77)).timestamp()))}
    assert found == {lasting.key_id: None, expiring.key_id: then, revoked.key_id: then}


def test_keys_are_listed_newest_first_page_by_page_without_their_hashes(store: Any) -> None:
    made = [key(minutes) for minutes in range(5)]
    for one in made:
        add(store, one)
    seen: list[Key] = []
    page = store.page(2, None)
    seen += page.keys
    while page.last:
        page = store.page(2, page.last)
        seen += page.keys
    assert seen == [replace(one, digest="") for one in reversed(made)]


@pytest.fixture(params=["dynamodb", "valkey", "bypassed"])
def preferences(request: pytest.FixtureRequest, accounts_table: str, cache: Cache, dead_cache: Cache) -> Any:
    """Return the preferences of ACME, on DynamoDB, with copies on a Valkey server, and with a cache that is down."""
    table = KeyTable(boto3.client("dynamodb"), accounts_table)
    table.add(key(owner=ACME.owner_id), ACME)
    return {
        "dynamodb": table.owners,
        "valkey": CachedPreferences(cache, table.owners),
        "bypassed": CachedPreferences(dead_cache, table.owners),
    }[request.param]


def test_preferences_are_replaced_only_at_the_latest_revision(preferences: Any) -> None:
    owner = ACME.owner_id
    assert preferences.preferences(owner) == ({}, 0)
    assert preferences.replace_preferences(owner, {"theme": "dark"}, 0) == 1
    assert preferences.preferences(owner) == ({"theme": "dark"}, 1)
    for stale in (0, 2):
        with pytest.raises(StaleError):
            preferences.replace_preferences(owner, {"theme": "light"}, stale)
    assert preferences.replace_preferences(owner, {"theme": "light"}, 1) == 2
    assert preferences.replace_preferences(owner, {"theme": "system"}, None) == 3
    assert preferences.preferences(owner) == ({"theme": "system"}, 3)


def test_an_owner_without_a_record_gets_no_preferences(preferences: Any, accounts_table: str) -> None:
    before = boto3.client("dynamodb").scan(TableName=accounts_table)["Items"]
    for revision in (None, 0, 1):
        with pytest.raises(UnknownOwnerError):
            preferences.replace_preferences("own_erased", {"theme": "light"}, revision)
    assert preferences.preferences("own_erased") == ({}, 0)
    assert boto3.client("dynamodb").scan(TableName=accounts_table)["Items"] == before


class CountedPreferences:
    """The preferences of one owner in memory. Counts its reads. Implements ``PreferenceStore``."""

    def __init__(self) -> None:
        self.found: tuple[dict[str, Any], int] = ({"theme": "dark"}, 1)
        self.reads = 0
        self.before_return: Callable[[], object] = lambda: None

    def preferences(self, owner_id: str) -> tuple[dict[str, Any], int]:
        self.reads += 1
        found = self.found
        self.before_return()
        return found

    def replace_preferences(self, owner_id: str, wanted: Mapping[str, Any], revision: int | None) -> int:
        self.found = (dict(wanted), self.found[1] + 1)
        return self.found[1]


def test_a_copy_of_the_preferences_saves_the_read(cache: Cache) -> None:
    table = CountedPreferences()
    preferences = CachedPreferences(cache, table)

    assert [preferences.preferences(ACME.owner_id) for _ in range(3)] == [({"theme": "dark"}, 1)] * 3
    assert table.reads == 1
    preferences.replace_preferences(ACME.owner_id, {"theme": "light"}, None)
    assert preferences.preferences(ACME.owner_id) == ({"theme": "light"}, 2)
    assert table.reads == 1


def test_a_slow_reader_does_not_restore_older_preferences(cache: Cache) -> None:
    table = CountedPreferences()
    preferences = CachedPreferences(cache, table)
    table.before_return = lambda: preferences.replace_preferences(ACME.owner_id, {"theme": "light"}, None)

    assert preferences.preferences(ACME.owner_id) == ({"theme": "dark"}, 1), "it read before the write"
    assert preferences.preferences(ACME.owner_id) == ({"theme": "light"}, 2)


def test_a_slow_reader_does_not_restore_erased_preferences(cache: Cache) -> None:
    table = CountedPreferences()
    preferences, copies = CachedPreferences(cache, table), PreferenceCopies(cache, FakeClock(NOW))
    table.before_return = lambda: copies.delete(ACME.owner_id)

    preferences.preferences(ACME.owner_id)
    stored = cache.call(lambda server: {name: server.hgetall(name) for name in server.scan_iter()})
    assert "dark" not in str(stored)
    assert stored


def test_an_erasure_names_the_cache(cache: Cache, dead_cache: Cache) -> None:
    preferences = CachedPreferences(cache, CountedPreferences())
    preferences.preferences(ACME.owner_id)

    assert PreferenceCopies(cache, FakeClock(NOW)).delete(ACME.owner_id) is None
    assert "dark" not in cache.call(lambda server: str([server.hgetall(name) for name in server.scan_iter()]))
    assert PreferenceCopies(dead_cache, FakeClock(NOW)).delete(ACME.owner_id) == NOW + timedelta(seconds=60)


def test_copies_expire(cache: Cache) -> None:
    CachedPreferences(cache, CountedPreferences()).preferences(ACME.owner_id)
    PreferenceCopies(cache, FakeClock(NOW)).delete("own_other")

    lifetimes = cache.call(lambda server: [server.ttl(name) for name in server.scan_iter()])
    assert len(lifetimes) == 2
    assert all(0 < seconds <= 60 for seconds in lifetimes)


def test_keys_for_one_name_share_the_owner(store: Any) -> None:
    first, _ = create(store, WANTED, SECRET, NOW)
    second, _ = create(store, WANTED, SECRET, NOW)
    other, _ = create(store, WANTED.model_copy(update={"owner": "beta"}), SECRET, NOW)

    assert first.owner == second.owner != other.owner
    assert is_owner_id(first.owner)
    assert is_owner_id(other.owner)


def test_an_owner_is_found_by_name_and_id(accounts_table: str) -> None:
    table = KeyTable(boto3.client("dynamodb"), accounts_table)
    created, _ = create(table, WANTED, SECRET, NOW)

    found = table.owners.find("acme")
    assert found == Owner(created.owner, "acme", NOW, changes=1)
    assert table.owners.find("beta") is None
    assert table.owners.names([created.owner, created.owner, "own_unknown"]) == {created.owner: "acme"}
    assert table.owners.names([]) == {}


def test_the_names_of_more_owners_than_one_read_returns_are_found(accounts_table: str) -> None:
    table = KeyTable(boto3.client("dynamodb"), accounts_table)
    names = {
        create(table, WANTED.model_copy(update={"owner": f"owner-{n}"}), SECRET, NOW)[0].owner: f"owner-{n}"
        for n in range(101)
    }

    assert table.owners.names(names) == names


def test_a_key_whose_owner_was_created_meanwhile_is_created_for_that_owner(store: Any) -> None:
    """Two keys for one new name: both saw that the name has no owner."""
    late = store.owner_named("acme", NOW)
    first, _ = create(store, WANTED, SECRET, NOW)
    with pytest.raises(OwnerChangedError):
        store.add(key(owner=late.owner_id), late)

    second, _ = create(LateOnce(store, late), WANTED, SECRET, NOW)
    assert second.owner == first.owner


def test_a_key_is_not_stored_with_an_owner_that_changed_meanwhile(accounts_table: str) -> None:
    table = KeyTable(boto3.client("dynamodb"), accounts_table)
    first, _ = create(table, WANTED, SECRET, NOW)
    read = table.owner_named("acme", NOW)
    table.owners.replace_preferences(first.owner, {"theme": "dark"}, None)

    late = key(owner=read.owner_id)
    with pytest.raises(OwnerChangedError):
        table.add(late, read)
    assert table.find(late.key_id) is None


def test_what_the_authorizer_needs_of_an_owner_is_copied_to_each_key(accounts_table: str) -> None:
    table = KeyTable(boto3.client("dynamodb"), accounts_table)
    keys = [create(table, WANTED, SECRET, NOW)[0] for _ in range(2)]
    other, _ = create(table, WANTED.model_copy(update={"owner": "beta"}), SECRET, NOW)
    owner = keys[0].owner

    def copies() -> list[tuple[bool, Versions | None]]:
        return [(found.analytics_opt_out, found.agreed) for each in keys if (found := table.find(each.key_id))]

    assert copies() == [(False, None)] * 2
    table.owners.replace_preferences(owner, {"analytics_opt_out": True}, None)
    assert copies() == [(True, None)] * 2
    table.owners.give_consent(owner, CONSENT)
    assert copies() == [(True, CONSENT.versions)] * 2
    later, _ = create(table, WANTED, SECRET, NOW)
    assert table.find(later.key_id) == later
    assert (later.analytics_opt_out, later.agreed) == (True, CONSENT.versions)
    table.owners.withdraw_consent(owner, NOW)
    table.owners.replace_preferences(owner, {"analytics_opt_out": False}, None)
    assert copies() == [(False, None)] * 2
    assert table.find(other.key_id) == other


def test_a_withdrawal_keeps_its_first_time_and_needs_no_consent(accounts_table: str) -> None:
    table = KeyTable(boto3.client("dynamodb"), accounts_table)
    owner = create(table, WANTED, SECRET, NOW)[0].owner
    table.owners.withdraw_consent(owner, NOW)
    assert consent_of(table, owner) is None

    table.owners.give_consent(owner, CONSENT)
    assert consent_of(table, owner) == CONSENT
    for minutes in (1, 2):
        table.owners.withdraw_consent(owner, NOW + timedelta(minutes=minutes))
    assert consent_of(table, owner) == replace(CONSENT, withdrawn_at=NOW + timedelta(minutes=1))
    table.owners.give_consent(owner, CONSENT)
    assert consent_of(table, owner) == CONSENT


def test_a_repeated_change_completes_an_interrupted_one(accounts_table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = KeyTable(boto3.client("dynamodb"), accounts_table)
    created, _ = create(table, WANTED, SECRET, NOW)
    table.owners.give_consent(created.owner, CONSENT)
    with monkeypatch.context() as interrupted:
        interrupted.setattr(table.owners, "_copy_to_keys", lambda _: None)
        table.owners.withdraw_consent(created.owner, NOW)
    still = table.find(created.key_id)
    assert still is not None
    assert still.agreed == CONSENT.versions

    table.owners.withdraw_consent(created.owner, NOW)
    repaired = table.find(created.key_id)
    assert repaired is not None
    assert repaired.agreed is None


def test_a_late_copy_does_not_replace_a_newer_one(accounts_table: str) -> None:
    client = boto3.client("dynamodb")
    table = KeyTable(client, accounts_table)
    created, _ = create(table, WANTED, SECRET, NOW)
    record = client.get_item(TableName=accounts_table, Key=owner_key(created.owner))["Item"]
    table.owners.replace_preferences(created.owner, {"analytics_opt_out": True}, None)
    table.owners._copy_to_keys(record)

    found = table.find(created.key_id)
    assert found is not None
    assert found.analytics_opt_out


def test_nobody_consents_for_an_owner_without_a_record(accounts_table: str) -> None:
    owners = KeyTable(boto3.client("dynamodb"), accounts_table).owners
    with pytest.raises(UnknownOwnerError):
        owners.give_consent("own_erased", CONSENT)
    with pytest.raises(UnknownOwnerError):
        owners.withdraw_consent("own_erased", NOW)
    assert owners.get("own_erased") is None


def consent_of(table: KeyTable, owner_id: str) -> Consent | None:
    owner = table.owners.get(owner_id)
    assert owner is not None
    return owner.consent


class LateOnce:
    """Keys whose first answer about an owner is an older one."""

    def __init__(self, store: Any, older: Owner) -> None:
        self._store = store
        self._older = [older]

    def owner_named(self, name: str, now: datetime) -> Owner:
        return self._older.pop() if self._older else self._store.owner_named(name, now)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)
