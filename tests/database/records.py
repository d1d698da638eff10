"""Ledger records for tests: a partition that is written record by record, in one unbroken chain."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import convert

from broker.ledger import Batch, Position
from projections import storing
from projections.changes import Changes
from projections.database import Connection
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
    Pause,
    PausesEntry,
    PointsEntry,
    PreferencesEntry,
    ProgressEntry,
    StreakEntry,
    StreakPreferences,
    TotalEntry,
    UserEntry,
)
from schemas.inputs import RecordedCorrection, RecordedInput
from schemas.instants import MILLISECOND, instant, read_instant
from schemas.numbers import read_number
from schemas.records import RECORD_VERSION, Outcome, Record, Source, link_of
from schemas.versions import Version

LANE = "lane-1"


class Ledger:
    """One partition of the ledger; its source positions are the ledger's own offsets."""

    def __init__(self, partition: int = 0) -> None:
        """Begin an empty partition."""
        self.partition = partition
        self.records: list[Record] = []

    def add(
        self,
        user: str | None,
        *entries: Entry,
        at: str = "2024-03-01T10:00:00Z",
        outcome: Outcome = "applied",
        tenant: str = "default",
        definitions: int = 0,
        given: RecordedInput | None = None,
    ) -> Record:
        """Append a record that follows the last one."""
        offset = len(self.records)
        last = link_of(self.records[-1]) if self.records else None
        record = Record(
            v=RECORD_VERSION,
            source=Source(0, self.partition, offset),
            after=last,
            appended=read_instant(at) // MILLISECOND,
            definitions=definitions,
            rules=1,
            user=user,
            input=given,
            entries=list(entries),
            outcome=outcome,
            tenant=tenant,
            lane=LANE if last is None else None,
        )
        self.records.append(record)
        return record

    def position(self, offset: int) -> Position:
        """Return where a reader stands before the record of this offset."""
        last = link_of(self.records[offset - 1]) if offset else None
        return Position(offset, last)

    def batch(self, start: int = 0, end: int | None = None) -> dict[int, Batch]:
        """Return the records from one offset to before another as a reader hands them out."""
        stop = len(self.records) if end is None else end
        records = list(enumerate(self.records[start:stop], start))
        return {self.partition: Batch(records, self.position(start), self.position(stop), 0)}


async def store(
    connection: Connection, batches: Mapping[int, Batch], versions: Iterable[Version] = ()
) -> None:
    """Store batches, by partition, in one transaction."""
    await storing.store(connection, Changes(batches), versions)


def created(**changes: Any) -> UserEntry:
    """A user came to be."""
    return UserEntry(created=True, **changes)


def changed(**changes: Any) -> UserEntry:
    """What the rules know of a user changed."""
    return UserEntry(**changes)


def total(metric: str, change: str, after: str, day: str = "2024-03-01") -> TotalEntry:
    """A metric's total changed."""
    return TotalEntry(metric, read_number(change), read_number(after), date.fromisoformat(day))


def streak(change: str, length: int, period: str, **more: Any) -> StreakEntry:
    """A streak changed; a daily one that is kept up to its period unless said otherwise."""
    lost = change == "lost"
    entry = {
        "kind": "streak",
        "frequency": "daily",
        "change": change,
        "length": length,
        "started": None if lost else period,
        "period": period,
        "through": None if lost else period,
        **more,
    }
    return convert(entry, StreakEntry)


def achievement(key: str) -> AchievementEntry:
    """An achievement was completed."""
    return AchievementEntry(key)


def points(
    system: str,
    trigger: str | None,
    awarded: int,
    after: int,
    *,
    at: str | None = None,
    **more: Any,
) -> PointsEntry:
    """Points were awarded or deducted."""
    due = None if at is None else instant(read_instant(at))
    return PointsEntry(system, trigger, awarded, after, at=due, **more)


def freezes(change: str, amount: int, after: int, day: str = "2024-03-01") -> FreezesEntry:
    """Streak freezes were granted or earned."""
    entry = {"kind": "freezes", "change": change, "amount": amount, "freezes": after, "day": day}
    return convert(entry, FreezesEntry)


def pauses(change: str, pause: str, *known: tuple[str, str, str]) -> PausesEntry:
    """A pause was added or removed; those known after it as id, start and end."""
    after = [
        Pause(key, date.fromisoformat(start), date.fromisoformat(end)) for key, start, end in known
    ]
    return PausesEntry("added" if change == "added" else "removed", pause, after)


def preferences(**streak: Any) -> PreferencesEntry:
    """What a user set of the streak, after a change."""
    return PreferencesEntry(StreakPreferences(**streak))


def correction(event: str, before: str, after: str, **more: Any) -> CorrectionEntry:
    """An event counts with another value."""
    return CorrectionEntry(event, read_number(before), read_number(after), **more)


def corrected(event: str = "0-0-0", was: str = "1", value: str | None = None) -> RecordedCorrection:
    """What a record keeps of the input that corrects an event."""
    return RecordedCorrection(
        event,
        "commits",
        read_number(was),
        instant(read_instant("2024-03-01T10:00:00Z")),
        "because",
        value=None if value is None else read_number(value),
    )


def level(system: str, before: str | None, after: str | None, held: int) -> LevelEntry:
    """The level changed."""
    return LevelEntry(system, before, after, held)


def in_force(version: int) -> DefinitionsEntry:
    """Another version of the definitions came in force."""
    return DefinitionsEntry(version)


def a_bit_of_everything(partition: int = 0, prefix: str = "u") -> Ledger:
    """Return a ledger that leaves rows in every table."""
    ledger = Ledger(partition)
    one, two = f"{prefix}1", f"{prefix}2"
    ledger.add(None, in_force(1), definitions=1)
    ledger.add(
        one,
        created(tz="Europe/Berlin", attributes={"team": "red"}),
        total("commits", "0.1", "0.1"),
        streak("started", 1, "2024-03-01"),
        achievement("first"),
        points("xp", "welcome", 5, 5),
        points("xp", "commit", 10, 15),
        level("xp", None, "newcomer", 15),
        definitions=1,
    )
    ledger.add(one, total("commits", "0.2", "0.3"), at="2024-03-01T11:00:00Z", definitions=1)
    ledger.add(one, outcome="replayed", definitions=1)
    ledger.add(
        two,
        created(),
        total("commits", "-2", "-2", "2024-03-02"),
        achievement("first"),
        at="2024-03-02T09:00:00Z",
        definitions=1,
    )
    ledger.add(None, outcome="dead")
    ledger.add(
        one,
        changed(attributes={"team": None, "city": "Bonn"}),
        total("commits", "1", "1.3", "2024-03-02"),
        streak("extended", 2, "2024-03-02", started="2024-03-01"),
        points("xp", "merge", -2, 13),
        at="2024-03-02T12:00:00Z",
        definitions=1,
    )
    ledger.add(
        one,
        streak("lost", 0, "2024-03-03", lost=2),
        total("lines", "7", "7", "2024-03-05"),
        level("xp", "newcomer", None, 13),
        at="2024-03-05T12:00:00Z",
        definitions=1,
    )
    ledger.add(
        two,
        freezes("granted", 3, 3),
        pauses(
            "added", "p1", ("p1", "2024-03-06", "2024-03-07"), ("p2", "2024-04-01", "2024-04-01")
        ),
        preferences(enabled=True),
        streak("started", 1, "2024-03-02"),
        points("care", None, 40, 40, reason="sorry"),
        at="2024-03-05T13:00:00Z",
        definitions=1,
    )
    ledger.add(
        two,
        streak(
            "frozen",
            1,
            "2024-03-05",
            through="2024-03-05",
            since="2024-03-03",
            consumed=3,
            freezes=0,
        ),
        streak("paused", 1, "2024-03-07", through="2024-03-07", since="2024-03-06", quiet=True),
        points("care", "hourly", 4, 44, at="2024-03-07T11:00:00Z", count=4, boosts=("spring",)),
        pauses("removed", "p1", ("p2", "2024-04-01", "2024-04-01")),
        preferences(),
        at="2024-03-08T12:00:00Z",
        definitions=1,
    )
    ledger.add(
        two,
        correction(f"0-{partition}-4", "-2", "1", reason="typed wrong"),
        total("commits", "3", "1", "2024-03-02"),
        at="2024-03-02T09:00:00Z",
        definitions=1,
        given=corrected(f"0-{partition}-4", "-2", "1"),
    )
    # What no read model shows.
    ledger.add(
        two,
        ProgressEntry("commits", {}),
        BackfillEntry(1, {}),
        DueEntry(None),
        BoostEntry("xp", "own", "started"),
        at="2024-03-08T12:00:00Z",
        definitions=1,
    )
    ledger.add(
        None,
        HoldEntry(on=True),
        BackfilledEntry(1),
        BoostEntry("xp", "spring", "finished"),
        definitions=1,
    )
    return ledger


def split(ledger: Ledger, sizes: Sequence[int]) -> list[dict[int, Batch]]:
    """Cut a ledger into batches of these sizes, the rest being the last."""
    batches, start = [], 0
    for size in sizes:
        batches.append(ledger.batch(start, start + size))
        start += size
    return [*batches, ledger.batch(start)]
