"""What is to be stored together: the effects of records, and the positions after them.

Pure. Of records there are the rows that they lead to, one for everything that changed, however
many records changed it: the longer a batch waits for its turn, the fewer rows it has per record.
The records are kept beside them until they are stored, to be taken apart if that fails.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import assert_never

from broker.ledger import Batch, Position
from projections import (
    achievements,
    corrections,
    definitions,
    levels,
    points,
    protection,
    streaks,
    totals,
    users,
)
from projections.database import Statement
from projections.effects import Applied, applied
from projections.positions import Move
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
from schemas.records import appended_text, link_of


class UnworkableError(Exception):
    """A record has a number or an instant beyond all that can be worked with."""


class Changes:
    """What records of any partitions change, to be stored in one transaction."""

    def __init__(self, batches: Mapping[int, Batch] | None = None) -> None:
        """Begin with these batches, by partition, or with nothing."""
        self.records = 0
        self.skipped = 0
        # All batches that were taken, each with its partition, in order.
        self.read: list[tuple[int, Batch]] = []
        # Partition -> how its position moves.
        self.moves: dict[int, Move] = {}
        # (tenant, version) of definitions that records name, and that markers do.
        self.named: set[tuple[str, int]] = set()
        self.marked: set[tuple[str, int]] = set()
        self._definitions = definitions.DefinitionsChanges()
        self._users = users.UserChanges()
        self._totals = totals.TotalChanges()
        self._streaks = streaks.StreakChanges()
        self._protection = protection.ProtectionChanges()
        self._achievements = achievements.AchievementChanges()
        self._points = points.PointsChanges()
        self._levels = levels.LevelChanges()
        self._corrections = corrections.CorrectionChanges()
        self._problem: ArithmeticError | None = None
        if batches:
            self.add(batches)

    def add(self, batches: Mapping[int, Batch]) -> None:
        """Take what was read next, by partition."""
        for partition, batch in batches.items():
            self.read.append((partition, batch))
            for _offset, record in batch.records:
                version = (record.tenant, record.definitions)
                self.named.add(version)
                if record.user is None:
                    self.marked.add(version)
            known = self.moves.get(partition)
            appended = known.appended if known else None
            try:
                self._take(partition, batch)
                if batch.records:
                    appended = appended_text(batch.records[-1][1])
            except ArithmeticError as error:
                self._problem = error
            before = known.before if known else batch.before
            self.moves[partition] = Move(before, batch.after, appended)
            self.records += len(batch.records)
            self.skipped += batch.skipped

    def _take(self, partition: int, batch: Batch) -> None:
        for offset, record in batch.records:
            if record.outcome == "applied":
                of = applied(partition, offset, record)
                if record.user is not None:
                    self._users.see(of)
                self._sort(of, record.entries)

    def statements(self) -> Iterator[Statement]:
        """Yield what stores the effects, one statement for each table.

        Raises UnworkableError when the effects of a record could not be worked out.
        """
        if self._problem is not None:
            name = type(self._problem).__name__
            raise UnworkableError(f"{name}: {self._problem}") from self._problem
        yield from self._definitions.statements()
        yield from self._users.statements()
        yield from self._totals.statements()
        yield from self._streaks.statements()
        yield from self._protection.statements()
        yield from self._achievements.statements()
        yield from self._points.statements()
        yield from self._levels.statements()
        yield from self._corrections.statements()

    def _sort(self, of: Applied, entries: Sequence[Entry]) -> None:  # noqa: C901, PLR0912  one branch per kind of entry
        for place, entry in enumerate(entries):
            match entry:
                case TotalEntry():
                    self._totals.add(of, entry)
                case PointsEntry():
                    self._points.add(of, place, entry)
                case StreakEntry():
                    self._streaks.add(of, entry)
                    if entry.freezes is not None:
                        self._protection.add_freezes(of, entry.freezes)
                case AchievementEntry():
                    self._achievements.add(of, entry)
                case LevelEntry():
                    self._levels.add(of, place, entry)
                case UserEntry():
                    self._users.add(of, entry)
                case FreezesEntry():
                    self._protection.add_freezes(of, entry.freezes)
                case PausesEntry():
                    self._protection.add_pauses(of, entry)
                case PreferencesEntry():
                    self._protection.add_preferences(of, entry)
                case CorrectionEntry():
                    self._corrections.add(of, place, entry)
                case DefinitionsEntry():
                    self._definitions.add(of, entry)
                case (
                    ProgressEntry()
                    | DueEntry()
                    | HoldEntry()
                    | BoostEntry()
                    | BackfillEntry()
                    | BackfilledEntry()
                ):
                    # A period that is not satisfied yet, what time will bring and what was looked
                    # up of the past are the judge's; which boost is on, its dates say.
                    pass
                case _:
                    assert_never(entry)


def singly(read: Iterable[tuple[int, Batch]]) -> Iterator[tuple[int, Batch]]:
    """Yield the same batches in pieces of one record each, which follow each other."""
    for partition, batch in read:
        before = batch.before
        for offset, record in batch.records[:-1]:
            after = Position(offset + 1, link_of(record))
            yield partition, Batch([(offset, record)], before, after, 0)
            before = after
        yield partition, Batch(batch.records[-1:], before, batch.after, batch.skipped)
