"""What a partition's ledger says of the past that a version of the definitions asks for. Pure.

Folds records, from record zero up to the version's marker, into the users whom a backfill has to
visit, and into what their user states lack: a filter is counted by the lane only since the version
that asked for it first.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from processor.rules.attributes import Pairs, matches
from processor.rules.ruleset import Ruleset
from schemas.entries import BackfillEntry, TotalEntry
from schemas.inputs import RecordedCorrection, RecordedEvent
from schemas.numbers import Number, add, negated
from schemas.records import Record
from schemas.text import FilterId, MetricKey, SeriesName, TenantKey, UserId

# Of a user of whom no version ever asked for the past, all is known up to the first.
FIRST: Final = 1


class Sum(NamedTuple):
    """A filter's subtotal over the whole past, its highest value, and what the user state has."""

    total: Number = 0
    peak: Number = 0
    # Not 0 only where the filter was counted before, left out, and is asked for again.
    held: Number = 0


class Wanted(NamedTuple):
    """A filter of a metric, and the version since which the lane counts it."""

    filter: FilterId
    series: SeriesName
    event: Pairs
    since: int


class Past:
    """The users of one tenant in one partition up to a version's marker, and their subtotals."""

    def __init__(self, tenant: TenantKey, version: int, rules: Ruleset, done: int) -> None:
        """Begin for a version that asks; `rules` are in force, `done` is known of everyone."""
        self._tenant = tenant
        self._version = version
        self._wanted = wanted(rules, done)
        # In the order in which they came to be.
        self.users: dict[UserId, dict[SeriesName, Sum]] = {}

    def take(self, record: Record) -> bool:
        """Take the record that is next in the chain; False when it is past the marker."""
        if record.tenant != self._tenant:
            return True
        if record.definitions >= self._version:
            return False
        if record.user is not None and record.outcome == "applied":
            sums = self.users.setdefault(record.user, {})
            if self._wanted:
                self._count(sums, record)
        return True

    def _count(self, sums: dict[SeriesName, Sum], record: Record) -> None:
        given = record.input
        corrects = isinstance(given, RecordedCorrection)
        attributes = {}
        if isinstance(given, RecordedEvent | RecordedCorrection):
            attributes = given.attributes
        for entry in record.entries:
            if isinstance(entry, BackfillEntry):
                for series, (total, _peak) in entry.series.items():
                    if series in sums:
                        sums[series] = sums[series]._replace(held=total)
            if not isinstance(entry, TotalEntry):
                continue
            for it in self._wanted.get(entry.metric, ()):
                # From its version's marker on the lane counts it.
                if record.definitions < it.since and matches(it.event, attributes):
                    known = sums.get(it.series, Sum())
                    reached = moved(known, entry.change, corrects=corrects)
                    if it.filter in entry.subtotals:
                        reached = reached._replace(held=entry.subtotals[it.filter])
                    sums[it.series] = reached

    def lacking(self, user: UserId, known: int) -> dict[SeriesName, tuple[Number, Number]]:
        """Return what a user's backfill says, where all up to the version `known` is known.

        That is what the user state lacks of each subtotal, and the highest value so far.
        """
        sums = self.users[user]
        found: dict[SeriesName, tuple[Number, Number]] = {}
        for filters in self._wanted.values():
            for it in filters:
                if it.since > known and it.series in sums:
                    total, peak, held = sums[it.series]
                    found[it.series] = (add(total, negated(held)), peak)
        return found


def wanted(rules: Ruleset, done: int) -> Mapping[MetricKey, Sequence[Wanted]]:
    """Return by metric the filters that are counted only since a version after `done`."""
    found: dict[MetricKey, list[Wanted]] = {}
    for metric, plan in rules.plans.items():
        for it in plan.filters:
            since = rules.since.get(it.series, FIRST)
            if since > max(done, FIRST):
                found.setdefault(metric, []).append(Wanted(it.id, it.series, it.wanted, since))
    return found


def moved(known: Sum, change: Number, *, corrects: bool) -> Sum:
    """Return a subtotal after a change; a correction that takes from it lowers its peak too."""
    total = add(known.total, change)
    peak = add(known.peak, change) if corrects and change < 0 else known.peak
    return known._replace(total=total, peak=max(total, peak, 0))
