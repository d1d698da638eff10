"""One user's standing, and `evolve`: the only code that changes it. It knows no definitions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NotRequired, TypedDict, assert_never, cast

from schemas.entries import (
    BackfillEntry,
    Entry,
    FreezesEntry,
    Frequency,
    Pause,
    ProgressEntry,
    Record,
    StreakEntry,
    StreakPreferences,
    TotalEntry,
    UserEntry,
)

# At any instant the world has three dates at most: a user can return to no other period.
PERIODS_OPEN_MAX: Final = 3
# Lost streaks that are remembered to be restored: each is shorter than the one before it, and those
# of the last 90 days, 53 weeks or 24 months cannot be more.
PAST_MAX: Final = 24


class LostStreak(TypedDict):
    """A streak that was lost and may be restored."""

    # First date of the last period that satisfied it.
    period: str
    length: int
    # Local date of the event that started it.
    started: str


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
    # First date of the last period that was protected and not satisfied, while there is a streak.
    kept: NotRequired[str]
    # First date of a period that is not yet satisfied -> each metric's change within it. Several,
    # as one who moves to the west and back again returns to a period.
    changes: dict[str, dict[str, str]]
    # The greatest length ever.
    longest: NotRequired[int]
    # What was lost and may be restored, oldest first, each shorter than the one before it.
    past: NotRequired[list[LostStreak]]


class Standing(TypedDict):
    """All that judging the next event of a user depends on."""

    # The latest event time seen: the user's time.
    time: str
    tz: str | None
    attributes: dict[str, str]
    # Metric, or metric?filter, -> total and its highest value so far: two texts.
    series: dict[str, Sequence[str]]
    streaks: dict[Frequency, Track]
    # Achievement -> when it was completed.
    achievements: dict[str, str]
    # System -> balance; absent before the first award.
    points: dict[str, int]
    # What follows is absent where it says nothing: most users of most games have none of it.
    # When, and on which local date, the user came to be.
    created: NotRequired[str]
    born: NotRequired[str]
    # Version of the definitions as whose filters ask for it the user's past is known.
    known: NotRequired[int]
    # When time itself will next do something to the user.
    due: NotRequired[str]
    freezes: NotRequired[int]
    # Local date on which freezes were last earned.
    earned: NotRequired[str]
    pauses: NotRequired[list[Pause]]
    preferences: NotRequired[StreakPreferences]


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


def evolve_record(standing: Standing | None, record: Record) -> Standing:
    """Return the standing after an applied record: its event time, then its entries in order."""
    at = record["at"]
    own = new_standing(at) if standing is None else standing.copy()
    reach(own, at)
    for entry in record["entries"]:
        take(own, entry, at)
    return own


def evolve(standing: Standing, entry: Entry, at: str) -> Standing:
    """Return the standing after one entry of a record whose event time is `at`."""
    own = standing.copy()
    take(own, entry, at)
    return own


def reach(own: Standing, at: str) -> None:
    """Change a standing of one's own to one that has seen this event time; time never goes back."""
    if datetime.fromisoformat(at) > datetime.fromisoformat(own["time"]):
        own["time"] = at


def take(own: Standing, entry: Entry, at: str) -> None:  # noqa: C901, PLR0912  one case for each kind of entry
    """Change a standing of one's own by one entry of a record whose event time is `at`.

    One's own is a new one or a copy of the outermost dictionary: what lies within is replaced,
    never changed, so that the standing it was copied from stays as it was.
    """
    match entry["kind"]:
        case "total":
            _take_total(own, entry)
        case "points":
            own["points"] = {**own["points"], entry["system"]: entry["total"]}
        case "progress":
            _take_progress(own, entry)
        case "streak":
            _take_streak(own, entry)
        case "achievement":
            own["achievements"] = {**own["achievements"], entry["achievement"]: at}
        case "user":
            _take_user(own, entry, at)
        case "freezes":
            _take_freezes(own, entry)
        case "pauses":
            own["pauses"] = entry["pauses"]
        case "preferences":
            own["preferences"] = entry["streak"]
        case "backfill":
            _take_backfill(own, entry)
        case "due":
            if entry["at"] is None:
                own.pop("due", None)
            else:
                own["due"] = entry["at"]
        case "level" | "definitions" | "correction" | "hold" | "boost" | "backfilled":
            # A level follows from the balance; the others belong to the partition.
            pass
        case _ as unknown:
            assert_never(unknown)


def _take_user(own: Standing, entry: UserEntry, at: str) -> None:
    if entry.get("created"):
        own["created"] = at
        if "day" in entry:
            own["born"] = entry["day"]
    if "known" in entry:
        own["known"] = entry["known"]
    if "tz" in entry:
        own["tz"] = entry["tz"]
    if "attributes" in entry:
        merged = {**own["attributes"], **entry["attributes"]}
        own["attributes"] = {key: text for key, text in merged.items() if text is not None}


def _take_total(own: Standing, entry: TotalEntry) -> None:
    series = own["series"].copy()
    metric = entry["metric"]
    series[metric] = _raised(series.get(metric), entry["total"])
    if "subtotals" in entry:
        for filter_id, subtotal in entry["subtotals"].items():
            name = f"{metric}?{filter_id}"
            series[name] = _raised(series.get(name), subtotal)
    if "peaks" in entry:
        for name, peak in entry["peaks"].items():
            series[name] = (series[name][0], peak)
    own["series"] = series


def _raised(before: Sequence[str] | None, total: str) -> Sequence[str]:
    # The highest value counts from 0: falling below 0 and rising again earns nothing.
    peak = before[1] if before else "0"
    return (total, total if Decimal(total) > Decimal(peak) else peak)


def _take_progress(own: Standing, entry: ProgressEntry) -> None:
    streaks = own["streaks"].copy()
    # What comes from a record that was read has lists for tuples, which the compiled code minds.
    periods = cast("Mapping[Frequency, Sequence[str]]", entry["periods"])
    for frequency, (period, change) in periods.items():
        track = streaks.get(frequency) or new_track()
        changes = {**track["changes"].get(period, {}), entry["metric"]: change}
        counted = {**track["changes"], period: changes}
        newest = sorted(counted)[-PERIODS_OPEN_MAX:]
        streaks[frequency] = {**track, "changes": {it: counted[it] for it in newest}}
    own["streaks"] = streaks


def _take_streak(own: Standing, entry: StreakEntry) -> None:
    frequency = entry["frequency"]
    track = own["streaks"].get(frequency) or new_track()
    changed: Track = {
        **track,
        "length": entry["length"],
        "started": entry["started"],
        "through": entry["through"],
    }
    if entry["length"] > track.get("longest", 0):
        changed["longest"] = entry["length"]
    if "lost" in entry and track["period"] is not None:
        # Of what a longer one followed nothing is ever restored.
        kept = [it for it in track.get("past", ()) if it["length"] > entry["lost"]]
        ended: LostStreak = {
            "period": track["period"],
            "length": entry["lost"],
            "started": track["started"] or track["period"],
        }
        changed["past"] = [*kept, ended][-PAST_MAX:]
    if entry["change"] == "restored":
        changed.pop("past", None)
    if entry["change"] in ("frozen", "paused", "restored") and entry["through"] is not None:
        changed["kept"] = entry["through"]
    elif entry["change"] in ("started", "lost"):
        changed.pop("kept", None)
    if "freezes" in entry:
        own["freezes"] = entry["freezes"]
    if entry["change"] in ("started", "extended"):
        changed["period"] = entry["period"]
        # A satisfied period needs no more counting, and none before it will.
        changes = track["changes"]
        changed["changes"] = {it: changes[it] for it in changes if it > entry["period"]}
    own["streaks"] = {**own["streaks"], frequency: changed}


def _take_freezes(own: Standing, entry: FreezesEntry) -> None:
    own["freezes"] = entry["freezes"]
    if entry["change"] == "earned":
        own["earned"] = entry["day"]


def _take_backfill(own: Standing, entry: BackfillEntry) -> None:
    own["known"] = entry["version"]
    own["series"] = {**own["series"], **entry["series"]}
