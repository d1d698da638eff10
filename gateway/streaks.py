"""A streak as a read shows it: rows of the projection, and the calendar of the user's today.

Pure: the time is passed in. That a period has ended is an input for the judge; until its record is
there, a read shows a streak as 0 once nothing can save it any more, and as kept where a pause or a
freeze will.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import to_builtins

from projections import answers
from projections.current import Current
from projections.streaks import StreakPeriod
from schemas.calendar import Today, calendar_of
from schemas.instants import micros, write_instant
from schemas.periods import last_date, period_of, previous_period
from schemas.streak_state import StreakState, streak_state
from schemas.versions import Version

Answer = dict[str, Any]


def today_of(version: Version, row: Current, now: datetime) -> Today:
    """Return the user's today."""
    settings = version.definitions.settings
    tz = row.tz or settings.defaultTimeZone
    return calendar_of(tz, settings.weekStart).today(micros(now))


def current(version: Version, row: Current, now: datetime) -> StreakState:
    """Return where a streak stands at `now`."""
    streak = version.definitions.streak
    freezes = row.freezes if streak.maxFreezes else 0
    counts = _counts(version, row)
    state = streak_state(
        streak.frequency,
        row.length if counts else 0,
        row.started,
        row.through,
        today_of(version, row, now),
        row.pauses,
        freezes,
    )
    if streak.maxFreezes:
        state.freezes = freezes
    return state


def _counts(version: Version, row: Current) -> bool:
    """Tell whether there is anything that a user's streak can grow by."""
    streak, own = version.definitions.streak, row.preferences
    if not streak.enabled or own.enabled is False:
        return False
    if not streak.personalization or own.metrics is None:
        return bool(streak.metrics)
    known = {item.key for item in version.definitions.metrics if not item.archived}
    return any(it.metric in known for it in own.metrics)


def periods(version: Version, today: Today, count: int) -> list[date]:
    """Return the first dates of the last `count` periods, oldest first, the current one last."""
    frequency = version.definitions.streak.frequency
    found = [period_of(today.day, frequency, version.definitions.settings.weekStart)]
    while len(found) < count:
        found.append(previous_period(found[-1], frequency, today.tz))
    return found[::-1]


def response(
    version: Version,
    row: Current,
    shown: Sequence[date],
    history: Mapping[date, StreakPeriod],
    now: datetime,
) -> Answer:
    """Return a StreakResponse: the streak, and what happened in each of the `shown` periods.

    `history` has the periods that were satisfied or kept; the others show 0.
    """
    state = current(version, row, now)
    day = today_of(version, row, now).day
    return {
        **answers.base_streak(state, version.definitions.streak),
        "extended": extended(row, state),
        "streakHistory": [_period(version, period, history.get(period)) for period in shown],
        # Those that are over are none of today's business.
        "pauses": [to_builtins(pause) for pause in row.pauses if pause.end >= day],
    }


def extended(row: Current, state: StreakState) -> str | None:
    """Return when a streak last became longer, None without one."""
    return write_instant(row.extended) if row.extended and state.length else None


def _period(version: Version, period: date, found: StreakPeriod | None) -> Answer:
    streak = version.definitions.streak
    answer = {
        "periodStart": period.isoformat(),
        "periodEnd": last_date(period, streak.frequency).isoformat(),
        "length": found.length if found else 0,
        "usedPause": bool(found and found.used_pause),
    }
    if streak.maxFreezes:
        answer["usedFreeze"] = bool(found and found.used_freeze)
    return answer
