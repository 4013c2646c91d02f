"""The filter expressions of the services, as the benchmark of reads evaluates them."""

import pytest

from tools.benchmarks.tables import _matches_filter

CALL = {
    "FilterExpression": "#style = :style AND (contains(searchable, :one) OR contains(searchable, :two))",
    "ExpressionAttributeNames": {"#style": "style"},
    "ExpressionAttributeValues": {":style": {"S": "anime"}, ":one": {"S": " fox "}, ":two": {"S": " foxes "}},
}


@pytest.mark.parametrize(
    ("style", "text", "expected"),
    [
        ("anime", " a fox ", True),
        ("anime", " two foxes ", True),
        ("anime", " a hen ", False),
        ("none", " a fox ", False),
    ],
)
def test_alternatives_in_parentheses_are_evaluated(style: str, text: str, *, expected: bool) -> None:
    assert _matches_filter({"style": {"S": style}, "searchable": {"S": text}}, CALL) is expected
