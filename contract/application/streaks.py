"""Streaks: what is answered, made of the rows of the projection and the calendar of today.

Pure: the time is passed in. That a period has ended is an input for the judge; until its record is
there, a read shows a streak as 0 once nothing can save it any more, and as kept where a pause or a
freeze will.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from contract.application.values import Date, Frequency, Instant, date_text, instant_text
from projections.streaks import Current
from projections.streaks import StreakPeriod as PeriodRow
from schemas.calendar import Today, calendar_of
from schemas.definitions import Streak
from schemas.instants import micros
from schemas.periods import last_date, period_of, previous_period
from schemas.streak_state import StreakState, streak_state
from schemas.versions import Version


class BaseStreakResponse(TypedDict):
    """A streak. Without one the length is 0 and the dates are null."""

    length: int
    frequency: Frequency
    started: Date | None
    periodStart: Date | None
    periodEnd: Date | None
    expires: Annotated[Date | None, Field(description="Last date on which it can be saved.")]
    freezes: NotRequired[int]
    maxFreezes: NotRequired[int]
    freezeAutoEarnInterval: NotRequired[int]
    freezeAutoEarnAmount: NotRequired[int]


class MetricEventStreakResponse(BaseStreakResponse):
    """The streak after an event."""

    extended: Annotated[bool, Field(description="Whether this event made it longer.")]


class StreakPeriod(TypedDict):
    """A period and the length of the streak in it: 0 where it was not satisfied."""

    periodStart: Date
    periodEnd: Date
    length: int
    usedFreeze: NotRequired[bool]
    usedPause: bool


class StreakPause(TypedDict):
    """Dates in which the streak is kept without activity."""

    id: str
    start: Date
    end: Date


class StreakResponse(BaseStreakResponse):
    """A streak with its history."""

    extended: Annotated[Instant | None, Field(description="When it last became longer.")]
    streakHistory: list[StreakPeriod]
    pauses: list[StreakPause]


class BulkStreak(TypedDict):
    """The streak of one of several users."""

    userId: str
    streakLength: int
    extended: Annotated[str | None, Field(description="When it last became longer.")]


def base_streak(streak: StreakState, settings: Streak) -> BaseStreakResponse:
    """Return a BaseStreakResponse.

    `settings` are those of the game. The fields of freezes are there only if it has freezes, and
    those of earning them only if they are earned too.
    """
    answer: BaseStreakResponse = {
        "length": streak.length,
        "frequency": streak.frequency,
        "started": date_text(streak.started),
        "periodStart": date_text(streak.periodStart),
        "periodEnd": date_text(streak.periodEnd),
        "expires": date_text(streak.expires),
    }
    if settings.maxFreezes:
        answer["freezes"] = streak.freezes or 0
        answer["maxFreezes"] = settings.maxFreezes
        if settings.freezeAutoEarnInterval and settings.freezeAutoEarnAmount:
            answer["freezeAutoEarnInterval"] = settings.freezeAutoEarnInterval
            answer["freezeAutoEarnAmount"] = settings.freezeAutoEarnAmount
    return answer


def today_of(version: Version, row: Current, now: datetime) -> Today:
    """Return the user's today."""
    settings = version.definitions.settings
    tz = row.tz or settings.defaultTimeZone
    return calendar_of(tz, settings.weekStart).today(micros(now))


def current_state(version: Version, row: Current, now: datetime) -> StreakState:
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


def no_streak(version: Version) -> StreakState:
    """Return the streak of somebody of whom nothing is known."""
    return StreakState(version.definitions.streak.frequency, 0)


def periods_shown(version: Version, today: Today, count: int) -> list[date]:
    """Return the first dates of the last `count` periods, oldest first, the current one last."""
    frequency = version.definitions.streak.frequency
    found = [period_of(today.day, frequency, version.definitions.settings.weekStart)]
    while len(found) < count:
        found.append(previous_period(found[-1], frequency, today.tz))
    return found[::-1]


def streak(
    version: Version,
    row: Current,
    shown: Sequence[date],
    history: Mapping[date, PeriodRow],
    now: datetime,
) -> StreakResponse:
    """Return a StreakResponse: the streak, and what happened in each of the `shown` periods.

    `history` has the periods that were satisfied or kept; the others show 0.
    """
    state = current_state(version, row, now)
    day = today_of(version, row, now).day
    return {
        **base_streak(state, version.definitions.streak),
        "extended": _extended(row, state),
        "streakHistory": [_period(version, period, history.get(period)) for period in shown],
        # Those that are over are none of today's business.
        "pauses": [
            {"id": it.id, "start": it.start.isoformat(), "end": it.end.isoformat()}
            for it in row.pauses
            if it.end >= day
        ],
    }


def bulk_streak(version: Version, user: str, row: Current | None, now: datetime) -> BulkStreak:
    """Return the streak of one of several users; without a row nobody can be called so."""
    if row is None:
        return {"userId": user, "streakLength": 0, "extended": None}
    state = current_state(version, row, now)
    return {"userId": user, "streakLength": state.length, "extended": _extended(row, state)}


def _extended(row: Current, state: StreakState) -> str | None:
    return instant_text(row.extended) if state.length else None


def _period(version: Version, period: date, found: PeriodRow | None) -> StreakPeriod:
    settings = version.definitions.streak
    answer: StreakPeriod = {
        "periodStart": period.isoformat(),
        "periodEnd": last_date(period, settings.frequency).isoformat(),
        "length": found.length if found else 0,
        "usedPause": bool(found and found.used_pause),
    }
    if settings.maxFreezes:
        answer["usedFreeze"] = bool(found and found.used_freeze)
    return answer
