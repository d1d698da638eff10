"""What an input led to, as the entries of its ledger record."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired

from msgspec import to_builtins
from pydantic import Field
from typing_extensions import TypedDict

from schemas.entries import DueEntry
from schemas.records import Record, event_id_of, time_text


class Effects(TypedDict):
    """What an input led to: the entries of its ledger record, in order (docs/reference/ledger)."""

    id: NotRequired[Annotated[str, Field(description="Id of the input, once it is judged.")]]
    outcome: Literal["applied", "replayed", "pending"]
    userId: str
    at: NotRequired[str]
    effects: list[Mapping[str, Any]]


def effects(user: str, record: Record | None) -> Effects:
    """Return what an input of a user led to; None: nobody has judged it yet."""
    if record is None:
        return {"outcome": "pending", "userId": user, "effects": []}
    if record.outcome == "replayed":
        return {
            "id": record.first or event_id_of(record),
            "outcome": "replayed",
            "userId": user,
            "at": time_text(record),
            "effects": [],
        }
    # When the clock will look at the user next is the engine's own business.
    entries = [it for it in record.entries if not isinstance(it, DueEntry)]
    return {
        "id": event_id_of(record),
        "outcome": "applied",
        "userId": user,
        "at": time_text(record),
        "effects": to_builtins(entries),
    }
