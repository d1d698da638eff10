"""How an input of one user is answered: with what it led to."""

from contract.admin.effects import Effects, effects
from gateway.http.responses import PENDING, Json
from schemas.records import Record


def answered(user: str, record: Record | None) -> Json[Effects]:
    """Answer with 201, 202 for a repeat, or 202 and XP-Verdict: pending without a record."""
    body = effects(user, record)
    if record is None:
        return Json(body, status_code=202, headers=PENDING)
    return Json(body, status_code=202 if record.outcome == "replayed" else 201)


def with_key(key: str | None) -> dict[str, str]:
    """Return the field of an input for an idempotency key, none for none."""
    return {} if key is None else {"idempotencyKey": key}
