"""Where a streak stands today: what answers show of it, from what is kept of it and the calendar.

For the rules and the reads alike, which may not import each other.
"""

from collections.abc import Sequence
from datetime import date

from msgspec import Struct

from schemas.calendar import Today
from schemas.entries import Pause
from schemas.instants import DATE_MAX
from schemas.periods import Frequency, WeekStart, last_date, next_period, period_of
from schemas.text import ZoneName


class StreakState(Struct, omit_defaults=True, gc=False):
    """The streak of the game's frequency, as the answer to an event shows it."""

    frequency: Frequency
    length: int
    started: date | None = None
    periodStart: date | None = None
    periodEnd: date | None = None
    expires: date | None = None
    # Freezes at hand; absent where the game has none.
    freezes: int | None = None


def streak_state(
    frequency: Frequency,
    length: int,
    started: date | None,
    through: date | None,
    now: Today,
    pauses: Sequence[Pause] = (),
    freezes: int = 0,
) -> StreakState:
    """Return where a streak stands today, that is kept up to the period beginning at `through`.

    It shows as 0 when a period was missed that neither a pause nor a freeze at hand makes good: it
    may not have been concluded yet that it is lost. `expires` is the last date of the period after
    the last one kept, else of the current one; a period that is paused does not count.
    """
    current = now.periods[frequency]
    if (
        not length
        or through is None
        or (
            through < current.previous
            and missed_periods(through, frequency, now, pauses, freezes + 1) > freezes
        )
    ):
        return StreakState(frequency, 0)
    if pauses or through > current.first:
        # After a move to the west the last period that was kept lies ahead of the current one.
        unsaved = current.first
        if through >= current.first:
            unsaved = next_period(through, frequency, now.tz)
        unsaved = unpaused(pauses, unsaved, frequency, now.tz)
        expires = last_date(unsaved, frequency)
    else:
        expires = current.following if through == current.first else current.last
    return StreakState(frequency, length, started, current.first, current.last, expires)


def missed_periods(
    through: date, frequency: Frequency, now: Today, pauses: Sequence[Pause], most: int
) -> int:
    """Return how many periods are over, after the one kept last, and not paused; `most` at most."""
    missed = 0
    current = now.periods[frequency].first
    period = next_period(through, frequency, now.tz)
    while missed < most and period < current:
        missed += not is_paused(pauses, period, frequency)
        period = next_period(period, frequency, now.tz)
    return missed


def is_paused(pauses: Sequence[Pause], period: date, frequency: Frequency) -> bool:
    """Tell whether a pause covers a period: any date in common is enough."""
    if not pauses:
        return False
    last = last_date(period, frequency)
    for pause in pauses:  # noqa: SIM110  as fast as can be: this is asked period by period
        if pause.start <= last and period <= pause.end:
            return True
    return False


def unpaused(pauses: Sequence[Pause], period: date, frequency: Frequency, tz: ZoneName) -> date:
    """Return the first period, from one on, that no pause covers.

    From pause to pause: one may reach over millions of days.
    """
    while True:
        last = last_date(period, frequency)
        ends = [it.end for it in pauses if it.start <= last and period <= it.end]
        # What was recorded before dates had bounds may lie where no other date follows.
        end = min(max(ends, default=date.min), DATE_MAX)
        if end < period:
            return period
        # A week is named by its first date, and so says itself on which weekday weeks begin.
        week_start: WeekStart = "monday" if period.weekday() == 0 else "sunday"
        period = next_period(period_of(end, frequency, week_start), frequency, tz)
