"""One user's standing, and `evolve`: the only code that changes it. It knows no definitions."""

from datetime import datetime
from decimal import Decimal
from typing import Final, TypedDict, assert_never

from schemas.entries import (
    Entry,
    Frequency,
    ProgressEntry,
    Record,
    StreakEntry,
    TotalEntry,
    UserEntry,
)

# At any instant the world has three dates at most: a user can return to no other period.
PERIODS_OPEN_MAX: Final = 3


class Track(TypedDict):
    """The streak of one frequency."""

    # As of the user's time: 0 when there is none.
    length: int
    # Local date of the event that started it.
    started: str | None
    # First date of the last period that satisfied it, also of a streak that was lost since.
    period: str | None
    # First date of the last period up to which it is kept.
    through: str | None
    # First date of a period that is not yet satisfied -> each metric's change within it. Several,
    # as one who moves to the west and back again returns to a period.
    changes: dict[str, dict[str, str]]


class Standing(TypedDict):
    """All that judging the next event of a user depends on."""

    # The latest event time seen: the user's time.
    time: str
    tz: str | None
    attributes: dict[str, str]
    # Metric, or metric?filter, -> total and its highest value so far.
    series: dict[str, tuple[str, str]]
    streaks: dict[Frequency, Track]
    # Achievement -> when it was completed.
    achievements: dict[str, str]
    # System -> balance; absent before the first award.
    points: dict[str, int]


def new_standing(at: str) -> Standing:
    """Return the standing of a user of whom nothing is known but an instant."""
    return {
        "time": at,
        "tz": None,
        "attributes": {},
        "series": {},
        "streaks": {},
        "achievements": {},
        "points": {},
    }


def new_track() -> Track:
    """Return the streak of a user who never had one."""
    return {
        "length": 0,
        "started": None,
        "period": None,
        "through": None,
        "changes": {},
    }


def series_of(metric: str, filter_id: str) -> str:
    """Return the name under which a total, or the subtotal of a filter, is kept."""
    return f"{metric}?{filter_id}" if filter_id else metric


def evolve_record(standing: Standing | None, record: Record) -> Standing:
    """Return the standing after an applied record: its event time, then its entries in order."""
    at = record["at"]
    standing = reach(standing, at) if standing is not None else new_standing(at)
    for entry in record["entries"]:
        standing = evolve(standing, entry, at)
    return standing


def reach(standing: Standing, at: str) -> Standing:
    """Return the standing when an event of this time has been seen; time never goes back."""
    if datetime.fromisoformat(at) <= datetime.fromisoformat(standing["time"]):
        return standing
    return {**standing, "time": at}


def evolve(standing: Standing, entry: Entry, at: str) -> Standing:  # noqa: PLR0911  one per kind
    """Return the standing after one entry of a record whose event time is `at`."""
    match entry["kind"]:
        case "total":
            return _evolve_total(standing, entry)
        case "points":
            points = {**standing["points"], entry["system"]: entry["total"]}
            return {**standing, "points": points}
        case "progress":
            return _evolve_progress(standing, entry)
        case "streak":
            return _evolve_streak(standing, entry)
        case "achievement":
            achievements = {**standing["achievements"], entry["achievement"]: at}
            return {**standing, "achievements": achievements}
        case "user":
            return _evolve_user(standing, entry)
        case "level" | "definitions":
            # A level follows from the balance; the version in force belongs to the partition.
            return standing
        case _ as unknown:
            assert_never(unknown)


def _evolve_user(standing: Standing, entry: UserEntry) -> Standing:
    changed = standing.copy()
    if "tz" in entry:
        changed["tz"] = entry["tz"]
    if "attributes" in entry:
        merged = {**standing["attributes"], **entry["attributes"]}
        changed["attributes"] = {key: text for key, text in merged.items() if text is not None}
    return changed


def _evolve_total(standing: Standing, entry: TotalEntry) -> Standing:
    series = standing["series"].copy()
    metric = entry["metric"]
    series[metric] = _raised(series.get(metric), entry["total"])
    for filter_id, subtotal in entry.get("subtotals", {}).items():
        name = series_of(metric, filter_id)
        series[name] = _raised(series.get(name), subtotal)
    return {**standing, "series": series}


def _raised(before: tuple[str, str] | None, total: str) -> tuple[str, str]:
    # The highest value counts from 0: falling below 0 and rising again earns nothing.
    peak = before[1] if before else "0"
    return (total, total if Decimal(total) > Decimal(peak) else peak)


def _evolve_progress(standing: Standing, entry: ProgressEntry) -> Standing:
    streaks = standing["streaks"].copy()
    for frequency, (period, change) in entry["periods"].items():
        track = streaks.get(frequency) or new_track()
        changes = {**track["changes"].get(period, {}), entry["metric"]: change}
        counted = {**track["changes"], period: changes}
        newest = sorted(counted)[-PERIODS_OPEN_MAX:]
        streaks[frequency] = {**track, "changes": {it: counted[it] for it in newest}}
    return {**standing, "streaks": streaks}


def _evolve_streak(standing: Standing, entry: StreakEntry) -> Standing:
    frequency = entry["frequency"]
    track = standing["streaks"].get(frequency) or new_track()
    changed: Track = {
        **track,
        "length": entry["length"],
        "started": entry["started"],
        "through": entry["through"],
    }
    if entry["change"] in ("started", "extended"):
        changed["period"] = entry["period"]
        # A satisfied period needs no more counting, and none before it will.
        changes = track["changes"]
        changed["changes"] = {it: changes[it] for it in changes if it > entry["period"]}
    return {**standing, "streaks": {**standing["streaks"], frequency: changed}}
