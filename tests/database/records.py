"""Ledger records for tests: a partition that is written record by record, in one unbroken chain."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from broker.ledger import Batch, Position
from projections import runner
from projections.database import Connection
from projections.gathered import Gathered
from schemas.entries import Entry, Input, Outcome, Record
from schemas.order import link_of
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
        given: Input | None = None,
    ) -> Record:
        """Append a record that follows the last one."""
        offset = len(self.records)
        last = link_of(self.records[-1]) if self.records else None
        record: Record = {
            "v": 1,
            "id": f"0-{self.partition}-{offset}",
            "outcome": outcome,
            "at": at,
            "appended": at,
            "source": (0, self.partition, offset),
            "after": (last.epoch, last.offset, last.lane) if last else None,
            "lane": LANE,
            "tenant": tenant,
            "user": user,
            "definitions": definitions,
            "rules": 1,
            "input": given,
            "entries": list(entries),
        }
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
    await runner.store(connection, Gathered(batches), versions)


def created(**changes: Any) -> Entry:
    """A user came to be."""
    return cast(Entry, {"kind": "user", "created": True, **changes})


def changed(**changes: Any) -> Entry:
    """What the rules know of a user changed."""
    return cast(Entry, {"kind": "user", **changes})


def total(metric: str, change: str, after: str, day: str = "2024-03-01") -> Entry:
    """A metric's total changed."""
    return {"kind": "total", "metric": metric, "change": change, "total": after, "day": day}


def streak(change: str, length: int, period: str, **more: Any) -> Entry:
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
    return cast(Entry, entry)


def achievement(key: str) -> Entry:
    """An achievement was completed."""
    return {"kind": "achievement", "achievement": key}


def points(system: str, trigger: str | None, awarded: int, after: int, **more: Any) -> Entry:
    """Points were awarded or deducted."""
    entry = {
        "kind": "points",
        "system": system,
        "trigger": trigger,
        "awarded": awarded,
        "total": after,
        **more,
    }
    return cast(Entry, entry)


def freezes(change: str, amount: int, after: int, day: str = "2024-03-01") -> Entry:
    """Streak freezes were granted or earned."""
    entry = {"kind": "freezes", "change": change, "amount": amount, "freezes": after, "day": day}
    return cast(Entry, entry)


def pauses(change: str, pause: str, *known: tuple[str, str, str]) -> Entry:
    """A pause was added or removed; those known after it as id, start and end."""
    after = [{"id": key, "start": start, "end": end} for key, start, end in known]
    return cast(Entry, {"kind": "pauses", "change": change, "id": pause, "pauses": after})


def preferences(**streak: Any) -> Entry:
    """What a user set of the streak, after a change."""
    return cast(Entry, {"kind": "preferences", "streak": streak})


def correction(event: str, before: str, after: str, **more: Any) -> Entry:
    """An event counts with another value."""
    entry = {"kind": "correction", "event": event, "before": before, "after": after, **more}
    return cast(Entry, entry)


def level(system: str, before: str | None, after: str | None, held: int) -> Entry:
    """The level changed."""
    return {"kind": "level", "system": system, "before": before, "after": after, "total": held}


def in_force(version: int) -> Entry:
    """Another version of the definitions came in force."""
    return {"kind": "definitions", "version": version}


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
        points("care", "hourly", 4, 44, at="2024-03-07T11:00:00Z", count=4, boosts=["spring"]),
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
        given={"type": "correction"},
    )
    # What no read model shows.
    ledger.add(
        two,
        cast(Entry, {"kind": "progress", "metric": "commits", "periods": {}}),
        cast(Entry, {"kind": "backfill", "version": 1, "series": {}}),
        cast(Entry, {"kind": "due", "at": None}),
        cast(Entry, {"kind": "boost", "system": "xp", "boost": "own", "change": "started"}),
        at="2024-03-08T12:00:00Z",
        definitions=1,
    )
    ledger.add(
        None,
        cast(Entry, {"kind": "hold", "on": True}),
        cast(Entry, {"kind": "backfilled", "version": 1}),
        cast(Entry, {"kind": "boost", "system": "xp", "boost": "spring", "change": "finished"}),
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
