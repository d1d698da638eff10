"""Corrections of earlier events: what is sent, and what one says of the event that it corrects."""

from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from contract.admin.values import STRICT
from contract.errors import UnfitError
from schemas.entries import TotalEntry
from schemas.inputs import RecordedEvent
from schemas.records import Record, event_id_of, time_text
from schemas.strict import Reason, Value


@STRICT
class CorrectionRequest(TypedDict):
    """What an earlier event is to count with."""

    value: Annotated[Value | None, Field(description="null reverses the event.")]
    reason: Reason


CORRECTION: Final = TypeAdapter(CorrectionRequest)


def correction_of(record: Record) -> dict[str, Any]:
    """Return what a correction says of the event on which a record is, as an input has it.

    Raises UnfitError when it is none of a metric, or did not count.
    """
    given = record.input
    if not isinstance(given, RecordedEvent):
        raise UnfitError("Only a metric event can be corrected.")
    if record.outcome == "replayed":
        first = record.first or "another event"
        raise UnfitError(f"That event was a replay and did not count: correct {first}.")
    if record.outcome != "applied":
        raise UnfitError(f"That event was {record.outcome} and did not count.")
    correction: dict[str, Any] = {
        "type": "correction",
        "event": event_id_of(record),
        "metric": given.metric,
        "was": 0,
        "attributes": given.attributes,
        "at": time_text(record),
    }
    for entry in record.entries:
        # What the input left out was filled in by the definitions of then: the entry knows.
        if isinstance(entry, TotalEntry) and entry.metric == given.metric:
            correction |= {"was": entry.change, "day": entry.day}
    return correction
