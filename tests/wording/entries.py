"""Entries, written short: dates and instants as texts, numbers as they come."""

from datetime import date
from typing import Any

from msgspec.structs import replace
from wording.inputs import DAY, instant

from schemas.entries import (
    AchievementEntry,
    BackfillEntry,
    BoostEntry,
    CorrectionEntry,
    DueEntry,
    FreezesEntry,
    LevelEntry,
    Pause,
    PausesEntry,
    PointsEntry,
    PreferencesEntry,
    ProgressEntry,
    StreakEntry,
    StreakMetricPreference,
    StreakPreferences,
    TotalEntry,
    UserEntry,
)
from schemas.numbers import read_number


def number(value):
    """Return a number of any kind, or the text of one, in its one form."""
    return read_number(str(value))


def day_of(text):
    """Return the date that a text is; None is none."""
    return None if text is None else date.fromisoformat(text)


def created(**fields):
    """Return the entry of a user's first event."""
    return user(created=True, **fields)


def user(**fields):
    """Return the entry of what is news of a user."""
    if "day" in fields:
        fields["day"] = day_of(fields["day"])
    return UserEntry(**fields)


def total(change, after, day=DAY, metric="commits", **fields):
    """Return the entry of a moved total."""
    numbers = {
        name: {key: number(it) for key, it in values.items()} for name, values in fields.items()
    }
    return TotalEntry(metric, number(change), number(after), day_of(day), **numbers)


def progress(metric="commits", **periods):
    """Return the entry of what counts in periods that are not satisfied: daily=(period, value)."""
    moved: dict[Any, Any] = {
        name: (day_of(first), number(value)) for name, (first, value) in periods.items()
    }
    return ProgressEntry(metric, moved)


def points(awarded, after, trigger="t0", system="xp", **fields):
    """Return the entry of an award."""
    if "at" in fields:
        fields["at"] = instant(fields["at"])
    if "boosts" in fields:
        fields["boosts"] = tuple(fields["boosts"])
    return PointsEntry(system, trigger, awarded, after, **fields)


def level(before, after, total, system="xp", **fields):
    """Return the entry of a change of level."""
    return LevelEntry(system, before, after, total, **fields)


def achievement(key, **fields):
    """Return the entry of a completed achievement."""
    return AchievementEntry(key, **fields)


def streak(change, length, period, started, *, frequency="daily", **fields):
    """Return a streak entry that is kept up to its period, or lost."""
    dates = {"period": period, "started": started, "through": period if length else None}
    dates |= {name: fields.pop(name) for name in ("through", "since") if name in fields}
    days = {name: day_of(it) for name, it in dates.items()}
    return StreakEntry(frequency, change, length, **days, **fields)


def freezes(change, amount, left, day=DAY):
    """Return the entry of freezes granted or earned."""
    return FreezesEntry(change, amount, left, day_of(day))


def pauses(change, *spans, id="p"):  # noqa: A002  the field's name
    """Return the entry of a pause that was added or removed; spans are (id, start, end)."""
    known = [Pause(it, day_of(start), day_of(end)) for it, start, end in spans]
    return PausesEntry(change, id, known)


def preferences(**settings):
    """Return the entry of a user's own streak settings; metrics are written {key: threshold}."""
    if "metrics" in settings:
        metrics = settings["metrics"].items()
        settings["metrics"] = tuple(StreakMetricPreference(it, number(at)) for it, at in metrics)
    return PreferencesEntry(StreakPreferences(**settings))


def corrected(before, after, event="0-0-7"):
    """Return the entry of a correction."""
    return CorrectionEntry(event, number(before), number(after), "because")


def backfilled(version, **series):
    """Return the entry of a past that is known; series as in the input `backfill`."""
    past = {
        f"commits?{name.replace('_', '=')}": (number(total), number(peak))
        for name, (total, peak) in series.items()
    }
    return BackfillEntry(version, past)


def boost_turn(change, key="b0", system="xp"):
    """Return the entry of a boost that begins or ends."""
    return BoostEntry(system, key, change)


def due_at(at):
    """Return the entry that says when time goes on, None: never."""
    return DueEntry(None if at is None else instant(at))


def kind_of(entry):
    """Return the kind of an entry, as its record has it."""
    return type(entry).__struct_config__.tag


def kinds_of(entries):
    """Return the kinds of entries, and of streaks what became of them."""
    return [it.change if isinstance(it, StreakEntry) else kind_of(it) for it in entries]


def plain(entry):
    """Return an entry without the date on which a user came to be: most stories leave it open."""
    return replace(entry, day=None) if isinstance(entry, UserEntry) else entry
