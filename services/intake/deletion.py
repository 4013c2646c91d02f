"""Deletes a request for its owner: every service erases it. `erasure.py` is intake's part."""

from datetime import datetime

from events.catalog.erasure_started import ErasureStarted, ErasureStartedData
from events.envelope import subject_id


def erasure_of_request(request_id: str, owner: str, now: datetime) -> ErasureStarted:
    """Return the event that has one request erased by all services. Repetition is the same erasure."""
    erasure_id = subject_id(f"erasure of request/{request_id}")
    data = ErasureStartedData(erasure_id=erasure_id, scope="request", sweep=1, request_ids=(request_id,))
    return ErasureStarted.first(erasure_id, owner, data, occurred_at=now, index=1)
