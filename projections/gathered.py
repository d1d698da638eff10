"""What is to be stored together: the effects of records, and the positions after them.

Pure. A record is looked at once and can then be forgotten: what is kept are the rows that it leads
to, one for everything that changed, however many records changed it. So the longer a batch waits
for its turn, the fewer rows it has per record.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

from broker.ledger import Batch
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
from schemas.entries import Entry


class Gathered:
    """Records of any partitions, gathered to be stored in one transaction."""

    def __init__(self, batches: Mapping[int, Batch] | None = None) -> None:
        """Begin with these batches, by partition, or with nothing."""
        self.records = 0
        self.skipped = 0
        # Partition -> how its position moves.
        self.moves: dict[int, Move] = {}
        # (tenant, version) of definitions that records name, and that markers do.
        self.named: set[tuple[str, int]] = set()
        self.marked: set[tuple[str, int]] = set()
        self._definitions = definitions.Gathered()
        self._users = users.Gathered()
        self._totals = totals.Gathered()
        self._streaks = streaks.Gathered()
        self._protection = protection.Gathered()
        self._achievements = achievements.Gathered()
        self._points = points.Gathered()
        self._levels = levels.Gathered()
        self._corrections = corrections.Gathered()
        if batches:
            self.add(batches)

    def add(self, batches: Mapping[int, Batch]) -> None:
        """Take what was read next, by partition."""
        for partition, batch in batches.items():
            for offset, record in batch.records:
                version = (record["tenant"], record["definitions"])
                self.named.add(version)
                if record["user"] is None:
                    self.marked.add(version)
                if record["outcome"] == "applied":
                    of = applied(partition, offset, record)
                    if record["user"] is not None:
                        self._users.see(of)
                    self._sort(of, record["entries"])
            known = self.moves.get(partition)
            appended = batch.records[-1][1]["appended"] if batch.records else None
            self.moves[partition] = Move(
                known.before if known else batch.before,
                batch.after,
                appended or (known.appended if known else None),
            )
            self.records += len(batch.records)
            self.skipped += batch.skipped

    def statements(self) -> Iterator[Statement]:
        """Yield what stores the effects, one statement for each table."""
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
            match entry["kind"]:
                case "total":
                    self._totals.add(of, entry)
                case "points":
                    self._points.add(of, place, entry)
                case "streak":
                    self._streaks.add(of, entry)
                    if "freezes" in entry:
                        self._protection.add_freezes(of, entry["freezes"])
                case "achievement":
                    self._achievements.add(of, entry)
                case "level":
                    self._levels.add(of, place, entry)
                case "user":
                    self._users.add(of, entry)
                case "freezes":
                    self._protection.add_freezes(of, entry["freezes"])
                case "pauses":
                    self._protection.add_pauses(of, entry)
                case "preferences":
                    self._protection.add_preferences(of, entry)
                case "correction":
                    self._corrections.add(of, place, entry)
                case "definitions":
                    self._definitions.add(of, entry)
                case "progress" | "due" | "hold" | "boost" | "backfill" | "backfilled":
                    # A period that is not satisfied yet, what time will bring and what was looked
                    # up of the past are the judge's; which boost is on, its dates say.
                    pass
                case _ as unknown:
                    assert_never(unknown)
