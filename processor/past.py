"""What a partition's ledger says of the past that a version of the definitions asks for. Pure.

Folds records, from record zero up to the version's marker, into the users whom a backfill has to
visit, and into what their standings lack: a filter is counted by the lane only since the version
that asked for it first.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from processor.rules.game import Game, Pairs, matches
from schemas.entries import Record
from schemas.numbers import ZERO, add, write

# Of a user of whom no version ever asked for the past, all is known up to the first.
FIRST: Final = 1


class Sum(NamedTuple):
    """A filter's subtotal over the whole past, its highest value, and what the standing has."""

    total: Decimal = ZERO
    peak: Decimal = ZERO
    # Not 0 only where the filter was counted before, left out, and is asked for again.
    held: Decimal = ZERO


class Wanted(NamedTuple):
    """A filter of a metric, and the version since which the lane counts it."""

    filter: str
    event: Pairs
    since: int


class Past:
    """The users of one tenant in one partition up to a version's marker, and their subtotals."""

    def __init__(self, tenant: str, version: int, game: Game, done: int) -> None:
        """Take the version that asks, the game in force, and the version known of everyone."""
        self._tenant = tenant
        self._version = version
        self._wanted = wanted(game, done)
        # In the order in which they came to be; metric?filter -> its subtotal.
        self.users: dict[str, dict[str, Sum]] = {}

    def take(self, record: Record) -> bool:
        """Take the record that is next in the chain; False when it is past the marker."""
        if record["tenant"] != self._tenant:
            return True
        if record["definitions"] >= self._version:
            return False
        user = record["user"]
        if user is not None and record["outcome"] == "applied":
            sums = self.users.setdefault(user, {})
            if self._wanted:
                self._count(sums, record)
        return True

    def _count(self, sums: dict[str, Sum], record: Record) -> None:
        given = record["input"] or {}
        corrects = given.get("type") == "correction"
        attributes = given.get("attributes", {})
        for entry in record["entries"]:
            if entry["kind"] == "backfill":
                for series, (total, _peak) in entry["series"].items():
                    if series in sums:
                        sums[series] = sums[series]._replace(held=Decimal(total))
            if entry["kind"] != "total":
                continue
            subtotals = entry.get("subtotals", {})
            for it in self._wanted.get(entry["metric"], ()):
                # From its version's marker on the lane counts it.
                if record["definitions"] < it.since and matches(it.event, attributes):
                    series = f"{entry['metric']}?{it.filter}"
                    change = Decimal(entry["change"])
                    reached = moved(sums.get(series, Sum()), change, corrects=corrects)
                    if it.filter in subtotals:
                        reached = reached._replace(held=Decimal(subtotals[it.filter]))
                    sums[series] = reached

    def lacking(self, user: str, known: int) -> dict[str, tuple[str, str]]:
        """Return what a user's backfill says, where all up to the version `known` is known.

        metric?filter -> what the standing lacks of the subtotal, and the highest value so far.
        """
        sums = self.users[user]
        found: dict[str, tuple[str, str]] = {}
        for metric, filters in self._wanted.items():
            for it in filters:
                series = f"{metric}?{it.filter}"
                if it.since > known and series in sums:
                    total, peak, held = sums[series]
                    found[series] = (write(add(total, -held)), write(peak))
        return found


def wanted(game: Game, done: int) -> Mapping[str, Sequence[Wanted]]:
    """Return by metric the filters that a game counts only since a version after `done`."""
    found: dict[str, list[Wanted]] = {}
    for metric, rule in game.metrics.items():
        for filter_id, pairs in rule.filters.items():
            since = game.since.get(f"{metric}?{filter_id}", FIRST)
            if since > max(done, FIRST):
                found.setdefault(metric, []).append(Wanted(filter_id, pairs, since))
    return found


def moved(held: Sum, change: Decimal, *, corrects: bool) -> Sum:
    """Return a subtotal after a change; a correction that takes from it lowers its peak too."""
    total = add(held.total, change)
    peak = add(held.peak, change) if corrects and change < 0 else held.peak
    return held._replace(total=total, peak=max(total, peak, ZERO))
