"""Hash chains: what was written is unbroken, and every change of it shows."""

from dataclasses import replace

import pytest

from kit.hash_chain import Break, Head, Record, first_break

NOW = 1_000
LATER = 2_000


def chain(count: int, expires_at: int = LATER) -> list[Record]:
    records: list[Record] = []
    for number in range(1, count + 1):
        records.append(Record.after(records[-1] if records else None, f"content {number}", expires_at))
    return records


def head_of(records: list[Record]) -> Head | None:
    return Head(records[-1].number, records[-1].hash, records[-1].expires_at) if records else None


def check(records: list[Record], head: Head | None) -> Break | None:
    return first_break(records, lambda: head, NOW)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_chain_is_unbroken_as_it_was_written(count: int) -> None:
    assert check(chain(count), head_of(chain(count))) is None


@pytest.mark.parametrize("number", [1, 3, 5])
@pytest.mark.parametrize("change", [{"content": "other"}, {"expires_at": NOW}, {"previous": "0" * 64}, {"number": 9}])
def test_a_changed_record_is_named(number: int, change: dict[str, object]) -> None:
    records = chain(5)
    records[number - 1] = replace(records[number - 1], **change)  # type: ignore[arg-type]
    assert check(records, head_of(chain(5))) == Break(records[number - 1].number, "was changed")


@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_removed_record_is_named(number: int) -> None:
    records = chain(5)
    del records[number - 1]
    assert check(records, head_of(chain(5))) == Break(number, "is missing")


@pytest.mark.parametrize("number", [1, 3])
def test_a_record_that_was_written_again_breaks_the_next_one(number: int) -> None:
    records = chain(5)
    before = records[number - 2] if number > 1 else None
    records[number - 1] = Record.after(before, "other", LATER)
    assert check(records, head_of(chain(5))) == Break(number + 1, "does not follow the record before it")


def test_a_last_record_that_was_written_again_is_not_what_the_head_names() -> None:
    records = chain(5)
    records[4] = Record.after(records[3], "other", LATER)
    found = check(records, head_of(chain(5)))
    assert found == Break(5, "is not the record that the head of its chain names")


def test_a_chain_without_records_or_without_a_head_is_broken() -> None:
    assert check([], head_of(chain(5))) == Break(5, "is missing")
    assert check(chain(5), None) == Break(5, "is not in the head of its chain")
    assert check(chain(6), head_of(chain(5))) == Break(6, "is not in the head of its chain")


def test_expired_records_may_be_missing() -> None:
    records = chain(3, expires_at=NOW)
    records += [later := Record.after(records[-1], "4", LATER), Record.after(later, "5", LATER)]
    head = head_of(records)
    for missing in ((1,), (1, 2), (2,), (1, 2, 3)):
        assert check([each for each in records if each.number not in missing], head) is None
    assert check(records[4:], head) == Break(4, "is missing")
    assert first_break([], lambda: head, NOW) == Break(5, "is missing")
    assert first_break([], lambda: head, LATER) is None


def test_records_that_are_added_during_the_check_do_not_break_it() -> None:
    records = chain(5)
    heads = [head_of(records[:3]), head_of(records)]
    assert first_break(records, lambda: heads.pop(0), NOW) is None
