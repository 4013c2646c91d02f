"""The responses about appeals."""

from collections.abc import Sequence
from typing import Any

from kit.sealing import Texts
from services.intake.appeals.schemas import AppealQueue, AppealReview, AppealView, PendingAppeal
from services.intake.models import Appeal, AppealReasons


def appeal_view(appeal: Appeal, reasons: AppealReasons) -> AppealView:
    """Return the response for an appeal."""
    return AppealView(**_values(appeal, reasons))


def appeal_review(appeal: Appeal, reasons: AppealReasons, texts: Texts) -> AppealReview:
    """Return the response for an operator who decides an appeal."""
    return AppealReview(
        **_values(appeal, reasons), owner=appeal.owner, prompt=texts.prompt, negative_prompt=texts.negative_prompt
    )


def appeal_queue(appeals: Sequence[Appeal]) -> AppealQueue:
    """Return the response for the pending appeals."""
    return AppealQueue(appeals=[PendingAppeal.model_validate(one, from_attributes=True) for one in appeals])


def _values(appeal: Appeal, reasons: AppealReasons) -> dict[str, Any]:
    values = {name: getattr(appeal, name) for name in AppealView.model_fields}
    return values | {"reason": reasons.appeal, "decision_reason": reasons.decision}
