"""What a ledger record led to, in a line per effect, for a person at a terminal."""

from collections.abc import Iterator

from schemas.entries import (
    AchievementEntry,
    CorrectionEntry,
    Entry,
    FreezesEntry,
    LevelEntry,
    PointsEntry,
    StreakEntry,
    TotalEntry,
)
from schemas.numbers import Number, write
from schemas.records import Record


def lines_of(record: Record) -> list[str]:
    """Return a line for each effect of a record that a person may care about."""
    return [line for entry in record.entries for line in _line(entry)]


def _line(entry: Entry) -> Iterator[str]:
    match entry:
        case TotalEntry():
            yield f"{entry.metric} {_signed(entry.change)}, now {write(entry.total)}"
        case CorrectionEntry():
            yield f"event {entry.event} counts {write(entry.after)}, not {write(entry.before)}"
        case PointsEntry():
            by = f" ({entry.trigger})" if entry.trigger is not None else ""
            yield f"{entry.system} {_signed(entry.awarded)}, now {entry.total}{by}"
        case LevelEntry():
            yield f"level of {entry.system}: {entry.before or 'none'} -> {entry.after or 'none'}"
        case AchievementEntry():
            yield f"achievement {entry.achievement} completed"
        case StreakEntry():
            if not entry.quiet:
                yield f"{entry.frequency} streak {entry.change}, length {entry.length}"
        case FreezesEntry():
            yield f"freezes +{entry.amount}, now {entry.freezes}"
        case _:
            # Bookkeeping: what falls due when, and what other lines say.
            pass


def _signed(change: Number) -> str:
    text = write(change)
    return text if text.startswith("-") else f"+{text}"
