"""Event summaries: what was added by day, week or month (docs/reference/decisions.md, OD-6).

Days are local dates of the user, as the read models count them. A week or a month that the range
only touches is shown whole: a row says the same whatever range it was asked for in.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Annotated, Final, NamedTuple

from pydantic import Field
from typing_extensions import TypedDict

from contract.application.values import Date, Double
from contract.errors import UnfitError
from schemas.numbers import Number, add
from schemas.periods import Frequency, WeekStart, last_date, period_of
from schemas.zones import ONE_DAY

SPAN_MAX: Final = timedelta(days=400)


class EventSummary(TypedDict):
    """What was added in a period."""

    date: Annotated[Date, Field(description="First date of the period.")]
    total: Annotated[Double, Field(description="At the end of the period.")]
    change: Double


class Asked(NamedTuple):
    """Of which periods a summary is to be."""

    aggregation: Frequency
    # The first date and the last one, both included.
    start: date
    end: date


def check_range(asked: Asked) -> None:
    """Refuse a range that is empty, a single day or too long (OD-6); UnfitError."""
    if asked.start >= asked.end:
        raise UnfitError("startDate: must lie before endDate.")
    if asked.end - asked.start > SPAN_MAX:
        raise UnfitError(f"endDate: at most {SPAN_MAX.days} days after startDate.")


def periods(asked: Asked, week_start: WeekStart) -> list[tuple[date, date]]:
    """Return first and last date of every period that the range touches, oldest first."""
    found = []
    first = period_of(asked.start, asked.aggregation, week_start)
    while first <= asked.end:
        last = last_date(first, asked.aggregation)
        found.append((first, last))
        first = last + ONE_DAY
    return found


def summed(
    periods: Iterable[tuple[date, date]], before: Number, days: Iterable[tuple[date, Number]]
) -> list[EventSummary]:
    """Return a row for each period: its first date, the total at its end, and its net change.

    `before` is the total before the first period, `days` what changed within them, oldest first.
    """
    left = list(days)
    total, at = before, 0
    rows: list[EventSummary] = []
    for first, last in periods:
        change: Number = 0
        while at < len(left) and left[at][0] <= last:
            change = add(change, left[at][1])
            at += 1
        total = add(total, change)
        rows.append({"date": first.isoformat(), "total": float(total), "change": float(change)})
    return rows
