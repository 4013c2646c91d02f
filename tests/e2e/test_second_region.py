"""A region is lost under traffic, and the other one takes over: two emulators, the deployed template on both."""

from pathlib import Path

from tools.region_drill import FIRST, SECOND, drill

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
