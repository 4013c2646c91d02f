"""A second region takes over from one that is lost, and from one that works, which later takes over again."""

from pathlib import Path

from tools.region_drill import drill
from tools.region_parts import FIRST, SECOND
from tools.region_return import CLOSED, there_and_back

REQUESTS = 12


def test_the_second_region_takes_over(tmp_path: Path) -> None:
    result = drill(tmp_path, requests=REQUESTS)

    assert result.accepted[FIRST] >= REQUESTS
    assert result.accepted[SECOND] >= REQUESTS
    assert result.unfinished == []
    assert result.statuses.keys() == {"succeeded"}
    assert sum(result.statuses.values()) + len(result.lost) == sum(result.accepted.values())
    assert result.lost_seconds <= result.behind_seconds, "lost although it had been replicated"
    assert result.paid_again <= result.published, "only what was open when the region was lost may be paid for again"
    assert max(result.payments.values()) <= 2, "once per region"
    assert result.violations.keys() <= {"image-without-file"}, "files are replicated by S3, not with the tables"
    assert len(result.without_file) <= result.accepted[FIRST]
    assert bool(result.without_file) <= bool(result.violations), "an audit finds what callers miss"


def test_a_region_that_works_is_left_and_taken_again(tmp_path: Path) -> None:
    """Both commands are killed half-way and repeated."""
    result = there_and_back(tmp_path, requests=REQUESTS)

    assert all(count >= REQUESTS for count in result.accepted.values())
    assert result.lost == []
    assert result.unfinished == []
    assert result.statuses == {"succeeded": sum(result.accepted.values())}
    assert result.refused[CLOSED] > 0, "the region that was left refuses requests"
    assert result.published["failback"] == 0, "the other region has ended all that it had"
    before, away, after = result.paid_again.values()
    assert before <= result.published["failover"], "only what was open at the failover may be paid for again"
    assert away == after == 0, "a failback pays for nothing again"
    assert result.unpaid == []
    assert result.without_file == {FIRST: 0, SECOND: 0}
    assert result.violations == {FIRST: {}, SECOND: {}}
    assert result.dead_letters == {FIRST: {}, SECOND: {}}, "what was published again had no effect"
