"""The public keys at CloudFront follow the versions of the secret."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from kit.cdn_signatures import public_key
from kit.keyring import Keyring, SecretVersion
from kit.signed_urls import EXPIRES_SECONDS
from services.storage.image_link_keys import LinkKeys, links_end, unpublished

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ONE = Keyring.parse("first")
PREFIX = "genai-images-test"


class CloudFront:
    """CloudFront's public keys and key groups: pages of one item, entity tags, and no deletion of what is in use."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.groups: dict[str, Any] = {}
        self.calls: list[str] = []
        self.fail_at = ""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            self.calls.append(name)
            if name == self.fail_at:
                self.fail_at = ""
                raise ConnectionClosedError(endpoint_url=name)
            return object.__getattribute__(self, f"_{name}")(**parameters)

        return call

    def _create_public_key(self, PublicKeyConfig: dict[str, str]) -> Any:
        names = [key["Name"] for key in self.keys.values()]
        assert PublicKeyConfig["Name"] not in names, "PublicKeyAlreadyExists"
        key_id = f"K{len(self.calls)}"
        self.keys[key_id] = {"Id": key_id, **PublicKeyConfig}
        return {"PublicKey": {"Id": key_id}}

    def _get_public_key(self, Id: str) -> Any:
        return {"ETag": f"tag of {self.keys[Id]['Id']}"}

    def _delete_public_key(self, Id: str, IfMatch: str) -> None:
        assert IfMatch == f"tag of {Id}"
        assert not any(Id in group["Items"] for group in self.groups.values()), "PublicKeyInUse"
        del self.keys[Id]

    def _list_public_keys(self, Marker: str = "0") -> Any:
        return {"PublicKeyList": self._page(list(self.keys.values()), Marker)}

    def _create_key_group(self, KeyGroupConfig: dict[str, Any]) -> Any:
        group_id = f"G{len(self.calls)}"
        self._put(group_id, KeyGroupConfig)
        return {"KeyGroup": {"Id": group_id}}

    def _get_key_group(self, Id: str) -> Any:
        return {"ETag": f"tag of {self.groups[Id]}", "KeyGroup": {"Id": Id, "KeyGroupConfig": self.groups[Id]}}

    def _update_key_group(self, Id: str, IfMatch: str, KeyGroupConfig: dict[str, Any]) -> None:
        assert IfMatch == f"tag of {self.groups[Id]}"
        self._put(Id, KeyGroupConfig)

    def _delete_key_group(self, Id: str, IfMatch: str) -> None:
        assert IfMatch == f"tag of {self.groups[Id]}"
        del self.groups[Id]

    def _list_key_groups(self, Marker: str = "0") -> Any:
        groups = [{"KeyGroup": {"Id": name, "KeyGroupConfig": group}} for name, group in self.groups.items()]
        return {"KeyGroupList": self._page(groups, Marker)}

    def _put(self, group_id: str, config: dict[str, Any]) -> None:
        assert config["Items"]
        assert set(config["Items"]) <= self.keys.keys()
        self.groups[group_id] = config

    @staticmethod
    def _page(items: list[Any], marker: str) -> dict[str, Any]:
        at = int(marker)
        page: dict[str, Any] = {"Quantity": 1}
        return (
            page
            | ({"Items": items[at : at + 1]} if items else {})
            | ({"NextMarker": str(at + 1)} if at + 1 < len(items) else {})
        )


@pytest.fixture
def cloudfront() -> CloudFront:
    """Return CloudFront with keys of others, whose names are similar."""
    fake = CloudFront()
    for number, name in enumerate((f"{PREFIX}2-image-links", f"{PREFIX}-other")):
        fake.keys[f"K-{number}"] = {"Id": f"K-{number}", "Name": f"{name}-1", "EncodedKey": "theirs"}
        fake.groups[f"G-{number}"] = {"Name": name, "Items": [f"K-{number}"]}
    return fake


def group_of(cloudfront: CloudFront, group_id: str) -> dict[str, str]:
    """Return the key group as CloudFront checks URLs with it: id → public key."""
    return {each: cloudfront.keys[each]["EncodedKey"] for each in cloudfront.groups[group_id]["Items"]}


def test_the_first_version_becomes_a_key_group(cloudfront: CloudFront) -> None:
    keyring, group_id = LinkKeys(cloudfront, PREFIX).publish(ONE)

    assert group_of(cloudfront, group_id) == {keyring.versions[0].public_key_id: public_key(b"first")}
    assert unpublished(keyring) == ONE


def test_publishing_again_changes_nothing(cloudfront: CloudFront) -> None:
    keys = LinkKeys(cloudfront, PREFIX)
    first = keys.publish(ONE)
    cloudfront.calls.clear()

    assert keys.publish(ONE) == keys.publish(first.keyring) == first
    assert not [call for call in cloudfront.calls if not call.startswith(("list", "get"))]


def test_a_rotation_has_two_keys_and_then_one(cloudfront: CloudFront) -> None:
    keys = LinkKeys(cloudfront, PREFIX)
    first, group_id = keys.publish(ONE)
    both, _ = keys.publish(first.rotated(b"second", NOW))
    old, new = (str(each.public_key_id) for each in both.versions)

    assert group_of(cloudfront, group_id) == {old: public_key(b"first"), new: public_key(b"second")}
    assert keys.publish(both.without(1)) == (both.without(1), group_id)
    assert group_of(cloudfront, group_id) == {new: public_key(b"second")}
    assert old not in cloudfront.keys


def test_a_new_key_is_added_besides_what_another_rotation_has_added(cloudfront: CloudFront) -> None:
    keys = LinkKeys(cloudfront, PREFIX)
    first, group_id = keys.publish(ONE)
    keys.add(first.rotated(b"of another operator", NOW))
    both, _ = keys.add(first.rotated(b"second", NOW))

    assert len(group_of(cloudfront, group_id)) == 3
    keys.publish(both)
    assert list(group_of(cloudfront, group_id)) == sorted(str(each.public_key_id) for each in both.versions)


@pytest.mark.parametrize("call", ["create_public_key", "get_key_group", "update_key_group", "delete_public_key"])
def test_an_interrupted_rotation_can_be_repeated(cloudfront: CloudFront, call: str) -> None:
    keys = LinkKeys(cloudfront, PREFIX)
    first, group_id = keys.publish(ONE)
    second = Keyring((*first.rotated(b"second", NOW).versions[1:],))  # a retirement in the same step
    cloudfront.fail_at = call
    with pytest.raises(ConnectionClosedError):
        keys.publish(second)
    keyring, _ = keys.publish(second)

    assert group_of(cloudfront, group_id) == {keyring.versions[0].public_key_id: public_key(b"second")}
    assert len(cloudfront.keys) == 3


def test_deleting_leaves_the_keys_of_others(cloudfront: CloudFront) -> None:
    keys = LinkKeys(cloudfront, PREFIX)
    keys.publish(ONE.rotated(b"second", NOW))
    for _ in range(2):
        keys.delete()

    assert (sorted(cloudfront.keys), sorted(cloudfront.groups)) == (["K-0", "K-1"], ["G-0", "G-1"])


@pytest.mark.parametrize(
    ("number", "after", "end"),
    [
        (1, timedelta(seconds=-1), None),
        (1, timedelta(seconds=1), NOW + timedelta(seconds=EXPIRES_SECONDS)),
        (2, timedelta(seconds=1), None),
    ],
    ids=["not replaced yet", "replaced", "current"],
)
def test_links_of_a_replaced_version_expire(number: int, after: timedelta, end: datetime | None) -> None:
    keyring = Keyring((SecretVersion(1, b"first"), SecretVersion(2, b"second", NOW)))

    assert links_end(keyring, number, NOW + after) == end
