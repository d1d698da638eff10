"""A streak as a read shows it: rows of the projection, and the calendar of the user's today.

Pure: the time is passed in. That a period has ended is an input for the judge; until its record is
there, a read shows a streak as 0 once the last day on which it could be saved is over.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from projections import answers
from projections.streaks import Streak
from schemas.codec import write_instant
from schemas.entries import StreakState
from schemas.periods import (
    last_date,
    local_date,
    period_of,
    previous_period,
    streak_state,
    today,
)
from schemas.versions import Version


def current(version: Version, row: Streak | None, tz: str, now: datetime) -> StreakState:
    """Return where a streak stands at `now`: `row` is None for a user who never had one."""
    settings, streak = version.definitions.settings, version.definitions.streak
    shown = row if streak.enabled and streak.metrics else None
    return streak_state(
        streak.frequency,
        shown.length if shown else 0,
        shown.started.isoformat() if shown and shown.started else None,
        shown.through.isoformat() if shown and shown.through else None,
        today(local_date(now, tz), tz, settings.weekStart),
    )


def periods(version: Version, tz: str, now: datetime, count: int) -> list[date]:
    """Return the first dates of the last `count` periods, oldest first, the current one last."""
    frequency = version.definitions.streak.frequency
    week_start = version.definitions.settings.weekStart
    found = [period_of(local_date(now, tz), frequency, week_start)]
    while len(found) < count:
        found.append(previous_period(found[-1], frequency, tz))
    return found[::-1]


def response(
    row: Streak | None, shown: Sequence[date], lengths: Mapping[date, int], state: StreakState
) -> dict[str, Any]:
    """Return a StreakResponse: the streak, and its length in each of the `shown` periods.

    `lengths` has the periods that were satisfied; the others show 0.
    """
    extended = row.extended if row is not None and state["length"] else None
    frequency = state["frequency"]
    return {
        **answers.base_streak(state),
        "extended": write_instant(extended) if extended else None,
        "streakHistory": [
            {
                "periodStart": period.isoformat(),
                "periodEnd": last_date(period, frequency).isoformat(),
                "length": lengths.get(period, 0),
                "usedPause": False,
            }
            for period in shown
        ],
        "pauses": [],
    }
