"""The read models that must follow from the ledger: its records folded into rows.

Written from what the tables are to hold, without any code of the projections.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from faults.columns import COLUMNS
from msgspec import UNSET, to_builtins
from msgspec.structs import astuple

from schemas.entries import (
    AchievementEntry,
    CorrectionEntry,
    DefinitionsEntry,
    Entry,
    FreezesEntry,
    LevelEntry,
    PausesEntry,
    PointsEntry,
    PreferencesEntry,
    StreakEntry,
    TotalEntry,
    UserEntry,
)
from schemas.inputs import RecordedCorrection
from schemas.instants import instant
from schemas.records import Link, Record, event_id_of, time_of

Key = tuple[Any, ...]
Row = tuple[Any, ...]

# Of a long pause or many freezes that one entry tells of, so many periods have rows.
KEPT_PERIODS_MAX = 1000


class Place(NamedTuple):
    """Where an entry stands, and what its record says for all of its entries."""

    partition: int
    offset: int
    place: int
    # The date under which summaries count it, and the event time.
    day: date
    at: datetime
    record: Record

    @property
    def effect(self) -> str:
        """The id of the effect."""
        return f"{event_id_of(self.record)}:{self.place}"


class Tables:
    """The rows of every read model, by table and key."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[Key, Row]] = {name: {} for name in COLUMNS}

    def position(self, partition: int, next_offset: int, link: Link | None) -> None:
        """Note how far a partition was read."""
        where = (None, None, None) if link is None else astuple(link)
        self.rows["positions"][(partition,)] = (next_offset, *where)

    def add(self, partition: int, offset: int, record: Record) -> None:
        """Fold one admitted record."""
        if record.outcome != "applied":
            return
        if record.user is None:
            self._add_of_partition(partition, record)
            return
        who = (record.tenant, record.user)
        at = instant(time_of(record))
        self._see(who, partition, at)
        days = [entry.day for entry in record.entries if isinstance(entry, TotalEntry)]
        day = days[0] if days else at.date()
        for index, entry in enumerate(record.entries):
            self._add_entry(who, entry, Place(partition, offset, index, day, at, record))

    def _add_of_partition(self, partition: int, record: Record) -> None:
        for entry in record.entries:
            if isinstance(entry, DefinitionsEntry):
                self.rows["in_force"][record.tenant, partition] = (entry.version,)

    def _see(self, who: Key, partition: int, at: datetime) -> None:
        users = self.rows["users"]
        if who in users:
            tz, attributes, created, updated, seen = users[who]
            users[who] = (tz, attributes, created, updated, max(seen, at))
            return
        users[who] = (None, {}, at, at, at)
        self._count("user_counts", (who[0], partition))

    def _count(self, table: str, key: Key, by: int = 1) -> None:
        self.rows[table][key] = (self.rows[table].get(key, (0,))[0] + by,)

    def _add_entry(self, who: Key, entry: Entry, place: Place) -> None:
        match entry:
            case UserEntry():
                self._add_user(who, entry, place)
            case TotalEntry():
                self._add_total(who, entry, place)
            case StreakEntry():
                self._add_streak(who, entry, place)
            case FreezesEntry():
                self.rows["freezes"][who] = (entry.freezes,)
            case PausesEntry():
                self._add_pauses(who, entry)
            case PreferencesEntry():
                self.rows["streak_preferences"][who] = (to_builtins(entry.streak),)
            case CorrectionEntry():
                self._add_correction(who, entry, place)
            case AchievementEntry():
                self._add_achievement(who, entry, place)
            case PointsEntry():
                self._add_points(who, entry, place)
            case LevelEntry():
                self._add_level(who, entry, place)
            case _:
                # The others are nothing that is read.
                pass

    def _add_user(self, who: Key, entry: UserEntry, place: Place) -> None:
        tz, attributes, created, _updated, seen = self.rows["users"][who]
        merged = {**attributes, **entry.attributes}
        kept = {key: text for key, text in merged.items() if text is not None}
        zone = tz if entry.tz is UNSET else entry.tz
        self.rows["users"][who] = (zone, kept, created, place.at, seen)

    def _add_total(self, who: Key, entry: TotalEntry, place: Place) -> None:
        self.rows["totals"][(*who, entry.metric)] = (Decimal(entry.total), place.at)
        key = (*who, entry.metric, place.day)
        change, events = self.rows["total_days"].get(key, (Decimal(0), 0))
        # A correction changes an event that was counted already.
        counted = not isinstance(place.record.input, RecordedCorrection)
        self.rows["total_days"][key] = (change + Decimal(entry.change), events + counted)

    def _add_streak(self, who: Key, entry: StreakEntry, place: Place) -> None:
        key = (*who, entry.frequency)
        known = self.rows["streaks"].get(key, (0, 0, None, None, None, None))
        period, extended = known[3], known[5]
        if entry.change in ("started", "extended"):
            period, extended = entry.period, place.at
            self._keep(key, period, entry.length)
        if entry.change == "restored" and entry.period == entry.through:
            # It was started anew before it was given back.
            self._keep(key, entry.period, entry.length)
        if entry.change in ("frozen", "paused"):
            for kept in _kept(entry):
                self._keep(key, kept, entry.length, entry.change)
        self.rows["streaks"][key] = (
            entry.length,
            max(known[1], entry.length),
            entry.started,
            period,
            entry.through,
            extended,
        )

        if entry.freezes is not None:
            self.rows["freezes"][who] = (entry.freezes,)

    def _keep(self, key: Key, period: date, length: int, change: str = "") -> None:
        """Note that a period was satisfied, or that a freeze or a pause took its place."""
        _, freeze, pause = self.rows["streak_periods"].get((*key, period), (0, False, False))
        row = (length, freeze or change == "frozen", pause or change == "paused")
        self.rows["streak_periods"][(*key, period)] = row

    def _add_pauses(self, who: Key, entry: PausesEntry) -> None:
        pauses = self.rows["pauses"]
        for key in [key for key in pauses if key[:2] == who]:
            del pauses[key]
        for it in entry.pauses:
            pauses[(*who, it.id)] = (it.start, it.end)

    def _add_correction(self, who: Key, entry: CorrectionEntry, place: Place) -> None:
        self.rows["corrections"][(who[0], entry.event, place.offset, place.place)] = (
            place.effect,
            who[1],
            Decimal(entry.before),
            Decimal(entry.after),
            entry.reason,
            place.at,
        )

    def _add_achievement(self, who: Key, entry: AchievementEntry, place: Place) -> None:
        row = (place.at, event_id_of(place.record))
        self.rows["achievements"][(*who, entry.achievement)] = row
        self._count("achievement_counts", (who[0], entry.achievement, place.partition))

    def _add_points(self, who: Key, entry: PointsEntry, place: Place) -> None:
        system = (*who, entry.system)
        self.rows["points"][system] = (entry.total, place.at)
        # What time itself has brought counts on the day on which it fell due.
        day = entry.at.astimezone(UTC).date() if entry.at is not None else place.day
        self._count("point_days", (*system, day), entry.awarded)
        self.rows["awards"][(*system, place.offset, place.place)] = (
            place.effect,
            entry.trigger,
            entry.awarded,
            entry.total,
            entry.at or place.at,
            place.record.definitions,
            list(entry.boosts) or None,
            entry.count,
            entry.reason,
        )

    def _add_level(self, who: Key, entry: LevelEntry, place: Place) -> None:
        self.rows["levels"][(*who, entry.system, place.offset, place.place)] = (
            place.effect,
            entry.before,
            entry.after,
            entry.total,
            place.at,
        )


def _kept(entry: StreakEntry) -> Iterator[date]:
    """Yield the first dates of the periods in which an entry says that a streak was kept."""
    period = entry.period
    since = entry.since or entry.period
    for _ in range(KEPT_PERIODS_MAX):
        yield period
        if entry.frequency == "monthly":
            period = (period - timedelta(days=1)).replace(day=1)
        else:
            period -= timedelta(days=7 if entry.frequency == "weekly" else 1)
        if period < since:
            return
