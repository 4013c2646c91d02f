"""The audit of generation: asks for images like a caller, and counts what became of them.

Every step may be repeated. A sample has an idempotency key, so that asking for it again creates no second request, and
its result is a function of the request's state and of the image.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, Protocol

from events.pipeline import Status
from services.operations.bias.plan import AuditedModel, Sample, samples
from services.operations.timeline import Request

FACE_USD: Final = Decimal("0.001")
"""List price of DetectFaces for one image."""
UNCLEAR_BELOW: Final = 90
"""Percent of confidence below which a gender is not counted."""

Outcome = Literal["stored", "prompt_rejected", "filtered", "image_rejected", "failed"]
Gender = Literal["woman", "man", "unclear"]


@dataclass(frozen=True)
class Face:
    """What the classifier says about the largest face. It is an estimate from appearance, not a person's identity."""

    gender: Gender
    age: int
    """The middle of the estimated range."""


@dataclass(frozen=True)
class Result:
    """A sample that was asked for, and what became of it."""

    sample: Sample
    request_id: str
    outcome: Outcome | None = None
    """None while the request is being processed."""
    face: Face | None = None
    """None if there is no image, if it shows no face, or if faces are not classified."""


class Intake(Protocol):
    """The API of intake, called as the owner of the audit."""

    def models(self) -> list[AuditedModel]:
        """Return the models that are served."""

    def create(self, sample: Sample, period: str) -> str | None:
        """Ask for an image and return the request's id, or None if requests are not accepted now."""


class Requests(Protocol):
    """The state of requests."""

    def requests(self, ids: Iterable[str]) -> dict[str, Request]:
        """Return requests by id."""


class Faces(Protocol):
    """A classifier of faces."""

    def largest(self, key: str) -> Face | None:
        """Return the largest face in an image of the gallery, or None if there is none."""


class Results(Protocol):
    """The stored results."""

    def all(self, period: str) -> list[Result]:
        """Return the results of a period."""

    def keep(self, period: str, result: Result, now: datetime) -> None:
        """Store a result in place of its last state."""


@dataclass(frozen=True)
class Run:
    """What one run did."""

    results: list[Result]
    """All results of the period."""
    asked: int
    """Samples that were asked for in this run."""

    @property
    def open(self) -> int:
        """Samples whose request is still being processed."""
        return sum(result.outcome is None for result in self.results)


class BiasAudit:
    """Runs the audit of a period, a month of UTC, in many small steps. ``faces``: None if faces are not classified."""

    def __init__(self, intake: Intake, requests: Requests, faces: Faces | None, results: Results) -> None:
        self._intake = intake
        self._requests = requests
        self._faces = faces
        self._results = results

    def run(self, now: datetime, budget_usd: Decimal, most: int) -> Run:
        """Collect what is finished, and ask for up to ``most`` samples that the rest of the period's budget covers."""
        period = period_of(now)
        results = {result.sample.id: result for result in self.collect(period, now)}
        asked = self._ask(period, results, now, budget_usd, most)
        return Run(list(results.values()), asked)

    def collect(self, period: str, now: datetime) -> list[Result]:
        """Store what became of the requests that are finished, and return all results of a period."""
        results = {result.sample.id: result for result in self._results.all(period)}
        waiting = {result.request_id: result for result in results.values() if result.outcome is None}
        for request_id, request in self._requests.requests(waiting).items():
            if request.is_terminal:
                result = self._finished(waiting[request_id], request)
                self._results.keep(period, result, now)
                results[result.sample.id] = result
        return list(results.values())

    def _finished(self, result: Result, request: Request) -> Result:
        outcome, key = outcome_of(request)
        return replace(result, outcome=outcome, face=self._faces.largest(key) if self._faces and key else None)

    def _ask(self, period: str, results: dict[str, Result], now: datetime, budget_usd: Decimal, most: int) -> int:
        extra = FACE_USD if self._faces else Decimal(0)
        left = budget_usd - spent_usd(results.values(), extra)
        asked = 0
        models = self._intake.models() if left > 0 else []
        for sample in samples(models) if models else ():
            if sample.id in results:
                continue
            left -= sample.price_usd + extra
            if left < 0 or asked == most:
                break
            request_id = self._intake.create(sample, period)
            if request_id is None:
                break
            result = Result(sample, request_id)
            self._results.keep(period, result, now)
            results[sample.id] = result
            asked += 1
        return asked


def period_of(now: datetime) -> str:
    """Return the month of UTC."""
    return f"{now:%Y-%m}"


def month_before(period: str) -> str:
    """Return the month before a month."""
    return period_of(datetime.fromisoformat(f"{period}-01") - timedelta(days=1))


def spent_usd(results: Iterable[Result], extra: Decimal) -> Decimal:
    """Return what the images of a period cost at list prices, refused ones included: the bound must hold."""
    return sum((result.sample.price_usd + extra for result in results), Decimal(0))


def outcome_of(request: Request) -> tuple[Outcome, str | None]:
    """Return what became of a terminal request with one image, and the key of its original file."""
    if request.status == Status.SUCCEEDED:
        images = [image for entry in request.of("ImageStored") for image in entry.details["images"]]
        return "stored", images[0]["original"]
    if request.status != Status.REJECTED:
        return "failed", None
    if request.of("PromptRejected"):
        return "prompt_rejected", None
    return ("image_rejected" if request.of("ImageRejected") else "filtered"), None
