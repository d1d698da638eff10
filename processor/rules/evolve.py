"""`evolve`: the only code that changes a user state. It knows no definitions.

A state is changed in place: whoever wants the one before keeps it as bytes (`write_user_state`).
"""

from typing import Final, assert_never

from msgspec import UNSET

from processor.rules.user_state import Balance, LostStreak, Series, Track, UserState
from schemas.entries import (
    AchievementEntry,
    BackfilledEntry,
    BackfillEntry,
    BoostEntry,
    CorrectionEntry,
    DefinitionsEntry,
    DueEntry,
    Entry,
    FreezesEntry,
    HoldEntry,
    LevelEntry,
    PausesEntry,
    PointsEntry,
    PreferencesEntry,
    ProgressEntry,
    StreakEntry,
    TotalEntry,
    UserEntry,
)
from schemas.instants import Micros, micros
from schemas.numbers import Number
from schemas.records import Record, time_of
from schemas.text import SeriesName

# At any instant the world has three dates at most: a user can return to no other period.
PERIODS_OPEN_MAX: Final = 3
# Lost streaks that are remembered to be restored: each is shorter than the one before it, and those
# of the last 90 days, 53 weeks or 24 months cannot be more.
PAST_MAX: Final = 24


def evolve_record(own: UserState | None, record: Record) -> UserState:
    """Return the state after an applied record: its event time, then its entries in order.

    `own` is None for a user who was not known; otherwise it is changed, and returned.
    """
    at = time_of(record)
    if own is None:
        own = UserState(at)
    elif at > own.time:
        own.time = at
    for entry in record.entries:
        evolve(own, entry, at)
    return own


def evolve(own: UserState, entry: Entry, at: Micros) -> None:  # noqa: C901, PLR0912  one case for each kind of entry
    """Change a state by one entry of a record whose event time is `at`."""
    if isinstance(entry, TotalEntry):
        _total(own, entry)
    elif isinstance(entry, PointsEntry):
        _points(own, entry)
    elif isinstance(entry, StreakEntry):
        _streak(own, entry)
    elif isinstance(entry, LevelEntry):
        # It follows from the balance.
        pass
    elif isinstance(entry, DueEntry):
        own.due = None if entry.at is None else micros(entry.at)
    elif isinstance(entry, ProgressEntry):
        _progress(own, entry)
    elif isinstance(entry, AchievementEntry):
        own.achievements[entry.achievement] = at
    elif isinstance(entry, UserEntry):
        _user(own, entry, at)
    elif isinstance(entry, FreezesEntry):
        own.freezes = entry.freezes
        if entry.change == "earned":
            own.earned = entry.day
    elif isinstance(entry, PausesEntry):
        own.pauses = list(entry.pauses)
    elif isinstance(entry, PreferencesEntry):
        own.preferences = entry.streak
    elif isinstance(entry, BackfillEntry):
        own.known = entry.version
        for name, (total, peak) in entry.series.items():
            own.series[name] = Series(total, peak)
    elif isinstance(
        entry, (CorrectionEntry, BoostEntry, HoldEntry, BackfilledEntry, DefinitionsEntry)
    ):
        # They belong to the partition.
        pass
    else:
        assert_never(entry)


def _user(own: UserState, entry: UserEntry, at: Micros) -> None:
    if entry.created:
        own.created = at
        own.born = entry.day
    if entry.known > 1:
        own.known = entry.known
    if entry.tz is not UNSET:
        own.tz = entry.tz
    for key, text in entry.attributes.items():
        if text is None:
            own.attributes.pop(key, None)
        else:
            own.attributes[key] = text


def _total(own: UserState, entry: TotalEntry) -> None:
    _raise(own, entry.metric, entry.total)
    if entry.subtotals:
        for filter_id, subtotal in entry.subtotals.items():
            _raise(own, f"{entry.metric}?{filter_id}", subtotal)
    if entry.peaks:
        for name, peak in entry.peaks.items():
            own.series[name].peak = peak


def _raise(own: UserState, name: SeriesName, total: Number) -> None:
    # The highest value counts from 0: falling below 0 and rising again earns nothing.
    known = own.series.get(name)
    if known is None:
        own.series[name] = Series(total, max(0, total))
        return
    known.total = total
    if total > known.peak:
        known.peak = total


def _points(own: UserState, entry: PointsEntry) -> None:
    known = own.points.get(entry.system)
    if known is None:
        own.points[entry.system] = Balance(entry.total, abs(entry.awarded))
        return
    known.total = entry.total
    known.moved += abs(entry.awarded)


def _progress(own: UserState, entry: ProgressEntry) -> None:
    for frequency, (period, change) in entry.periods.items():
        track = own.streaks.get(frequency)
        if track is None:
            track = own.streaks[frequency] = Track()
        changes = track.changes.get(period)
        if changes is None:
            changes = track.changes[period] = {}
        changes[entry.metric] = change
        if len(track.changes) > PERIODS_OPEN_MAX:
            del track.changes[min(track.changes)]


def _streak(own: UserState, entry: StreakEntry) -> None:
    track = own.streaks.get(entry.frequency)
    if track is None:
        track = own.streaks[entry.frequency] = Track()
    change = entry.change
    if entry.lost is not None and track.period is not None:
        # Of what a longer one followed nothing is ever restored.
        past = [it for it in track.past if it.length > entry.lost]
        past.append(LostStreak(track.period, entry.lost, track.started or track.period))
        track.past = past[-PAST_MAX:]
    track.length = entry.length
    track.started = entry.started
    track.through = entry.through
    track.longest = max(track.longest, entry.length)
    if entry.freezes is not None:
        own.freezes = entry.freezes
    if change == "started" or change == "extended":  # noqa: PLR1714  of every extension: no tuple
        track.period = entry.period
        if track.changes:
            # A satisfied period needs no more counting, and none before it will.
            track.changes = {it: track.changes[it] for it in track.changes if it > entry.period}
    elif change == "lost":
        track.kept = None
    elif change != "carried":
        if change == "restored":
            track.past = []
        if entry.through is not None:
            track.kept = entry.through
