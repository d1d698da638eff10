"""What came of an input, in words that the engine and the second implementation share.

See `translation`, which tells all that is offered.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any, NamedTuple

from reference.people import Award, Freezes, Frozen, Outcome
from reference.periods import FREQUENCIES
from reference.streaks import StreakChange

from schemas.entries import (
    AchievementEntry,
    BoostEntry,
    FreezesEntry,
    LevelEntry,
    PointsEntry,
    StreakEntry,
    TotalEntry,
)
from schemas.records import Record


class Row(NamedTuple):
    """An award as a row of the ledger: equal ticks of a trigger, one after the other, are one."""

    system: str
    trigger: str | None
    awarded: int
    total: int
    boosts: tuple[str, ...] = ()
    # Of ticks: when the last of them fell due, and how many they are.
    at: datetime | None = None
    ticks: int = 1


class Kept(NamedTuple):
    """Periods of a streak, one after the other, that something kept: "paused" or "frozen"."""

    change: str
    since: date
    period: date
    # Freezes that it took, and that are left then.
    consumed: int | None = None
    freezes: int | None = None


# What happened to a streak, or to freezes: a change and what is to be said of it.
Change = tuple[Any, ...]


def no_effects(outcome: str) -> dict[str, Any]:
    """Return what came of an input that has no effects."""
    return {
        "outcome": outcome,
        # Of a refusal.
        "code": None,
        # The dates under which a metric moved.
        "days": [],
        # In order; sorted for a backfill, whose order nobody says.
        "achievements": [],
        # In order, without those of time triggers; and those, by system.
        "awards": [],
        "ticks": {},
        "levels": [],
        "boosts": [],
        # By frequency; freezes are told of with the streak of the game's.
        "streaks": {it: [] for it in FREQUENCIES},
    }


# As the engine has it


def effects_of_record(record: Record, frequency: str) -> dict[str, Any]:
    """Return what a record says came of its input; `frequency` is the game's."""
    found = no_effects(record.outcome) | {"code": record.code}
    rows = []
    changes: dict[str, list[Change]] = {it: [] for it in FREQUENCIES}
    for entry in record.entries:
        if isinstance(entry, TotalEntry):
            found["days"].append(entry.day)
        elif isinstance(entry, AchievementEntry):
            found["achievements"].append(entry.achievement)
        elif isinstance(entry, PointsEntry):
            rows.append(_row(entry))
        elif isinstance(entry, LevelEntry):
            found["levels"].append((entry.system, entry.before, entry.after))
        elif isinstance(entry, BoostEntry):
            found["boosts"].append((entry.system, entry.boost, entry.change))
        elif isinstance(entry, FreezesEntry):
            change = entry.change, entry.amount, entry.freezes, entry.day
            changes[frequency].append(change)
        elif isinstance(entry, StreakEntry) and entry.change != "carried":
            changes[entry.frequency].append(_change(entry))
    kind = None if record.input is None else str(record.input.__struct_config__.tag)
    return found | _in_one_way(kind, found, rows, changes)


def _row(entry: PointsEntry) -> Row:
    return Row(
        entry.system,
        entry.trigger,
        entry.awarded,
        entry.total,
        entry.boosts,
        entry.at,
        entry.count or 1,
    )


def _change(entry: StreakEntry) -> Change:
    if entry.change in ("paused", "frozen"):
        since = entry.since or entry.period
        return Kept(entry.change, since, entry.period, entry.consumed, entry.freezes)
    if entry.change == "lost":
        return entry.change, entry.lost, entry.period
    if entry.change == "restored":
        return entry.change, entry.length
    return entry.change, entry.length, entry.period


# As the second implementation has it


def effects_of_outcome(outcome: Outcome, frequency: str, kind: str = "metric") -> dict[str, Any]:
    """Return what the second implementation says came of an input; `kind` is its `type`."""
    changes: dict[str, list[Change]] = {it: [] for it in FREQUENCIES}
    for it in outcome.streaks:
        if isinstance(it, Freezes):
            changes[frequency].append((it.change, it.amount, it.left, it.day))
        elif isinstance(it, Frozen):
            period = it.change.period
            changes[it.change.frequency].append(Kept("frozen", period, period, 1, it.left))
        else:
            changes[it.frequency].append(_plain_change(it))
    found = no_effects(outcome.status) | {
        "code": outcome.code,
        "days": [] if outcome.day is None else [outcome.day],
        "achievements": list(outcome.achievements),
        "levels": [tuple(it) for it in outcome.levels],
        "boosts": [tuple(it) for it in outcome.turns],
    }
    return found | _in_one_way(kind, found, [Row(*it) for it in outcome.awards], changes)


def award_rows(awards: Iterable[Award]) -> list[Row]:
    """Return the rows that awards are told of in, ticks system by system and before all others."""
    rows = [Row(*it) for it in awards]
    ticks = [row for it in _ticks(rows).values() for row in it]
    return [*ticks, *(row for row in rows if row.at is None)]


def _plain_change(it: StreakChange) -> Change:
    if it.change == "paused":
        return Kept(it.change, it.period, it.period)
    if it.change == "lost":
        return it.change, it.lost, it.period
    if it.change == "restored":
        return it.change, it.length
    return it.change, it.length, it.period


# Both in one way


def _in_one_way(
    kind: str | None, found: dict[str, Any], rows: list[Row], changes: dict[str, list[Change]]
) -> dict[str, Any]:
    streaks = {frequency: list(_merged(it)) for frequency, it in changes.items()}
    if kind == "preferences":
        # In which period it was that a streak was switched off, nobody says.
        streaks = {
            name: [it[:2] if it[0] == "lost" else it for it in told]
            for name, told in streaks.items()
        }
    return {
        # In which order the past completes achievements, nobody says.
        "achievements": sorted(found["achievements"])
        if kind == "backfill"
        else found["achievements"],
        "awards": [row for row in rows if row.at is None],
        "ticks": _ticks(rows),
        "streaks": streaks,
    }


def _ticks(rows: list[Row]) -> dict[str, list[Row]]:
    ticks: dict[str, list[Row]] = {}
    for row in rows:
        if row.at is not None:
            ticks.setdefault(row.system, []).append(row)
    return {system: list(_runs(it)) for system, it in ticks.items()}


def _runs(ticks: list[Row]) -> Iterator[Row]:
    """Yield the ticks of a system with those as one that follow each other and are equal."""
    run: Row | None = None
    for tick in ticks:
        if run is not None and _is_like(run, tick):
            awarded, several = run.awarded + tick.awarded, run.ticks + tick.ticks
            run = tick._replace(awarded=awarded, ticks=several)
        else:
            if run is not None:
                yield run
            run = tick
    if run is not None:
        yield run


def _is_like(run: Row, tick: Row) -> bool:
    each = run.trigger, run.awarded * tick.ticks, run.boosts
    return each == (tick.trigger, tick.awarded * run.ticks, tick.boosts)


def _merged(changes: list[Change]) -> Iterator[Change]:
    """Yield changes with those as one that keep one period after the other in the same way."""
    last: Change | None = None
    for change in changes:
        if isinstance(last, Kept) and isinstance(change, Kept) and last.change == change.change:
            consumed = None if change.consumed is None else change.consumed + (last.consumed or 0)
            last = change._replace(since=last.since, consumed=consumed)
        else:
            if last is not None:
                yield last
            last = change
    if last is not None:
        yield last
