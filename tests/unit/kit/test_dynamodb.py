"""Conversion between plain values and DynamoDB's wire format."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.dynamodb import delete_items, from_item, to_item

numbers = st.integers(-(10**30), 10**30).map(Decimal)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=20) | st.binary(min_size=1, max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1, max_size=10), values, max_size=5))
def test_a_written_item_is_read_unchanged(item: dict[str, Any]) -> None:
    read = from_item(to_item(item))

    assert read == {key: value for key, value in item.items() if value is not None}


def test_none_is_omitted_so_that_indexes_stay_sparse() -> None:
    assert to_item({"pk": "a", "open_shard": None}) == {"pk": {"S": "a"}}


def test_integers_are_read_as_equal_decimals() -> None:
    assert from_item(to_item({"revision": 7}))["revision"] == 7


def test_a_float_is_refused() -> None:
    with pytest.raises(TypeError):
        to_item({"cost": 0.1})


class Throttled:
    """Deletes at most ten items per call, and returns the rest as DynamoDB does."""

    def __init__(self) -> None:
        self.deleted: list[Any] = []

    def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:
        [(table, requests)] = RequestItems.items()
        assert len(requests) <= 25
        self.deleted += [each["DeleteRequest"]["Key"]["sk"]["S"] for each in requests[:10]]
        return {"UnprocessedItems": {table: requests[10:]} if requests[10:] else {}}


def test_items_that_dynamodb_leaves_out_are_deleted_later(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("kit.dynamodb.time.sleep", pauses.append)
    client: Any = Throttled()
    keys = [to_item({"pk": "a", "sk": str(number)}) for number in range(30)]
    assert delete_items(client, "table", keys) == 30
    assert client.deleted == [str(number) for number in range(30)]
    assert pauses == [0.1, 0.2]
