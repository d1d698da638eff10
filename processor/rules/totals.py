"""Metric totals and the subtotals of event-attribute filters (semantics 2, OD-12, OD-43)."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from processor.rules.game import Game, MetricRule, matches
from processor.rules.standing import Standing
from schemas.entries import TotalEntry
from schemas.events import Backfill
from schemas.numbers import ZERO, add, write


def total_entry(
    standing: Standing, rule: MetricRule, value: Decimal, attributes: Mapping[str, str], day: date
) -> TotalEntry:
    """Return how an event's value moves its metric, and the subtotals that it matches."""
    entry: TotalEntry = {
        "kind": "total",
        "metric": rule.key,
        "change": write(value),
        "total": write(add(total_of(standing, rule.key), value)),
        "day": day.isoformat(),
    }
    if rule.filters:
        subtotals = {
            filter_id: write(add(total_of(standing, f"{rule.key}?{filter_id}"), value))
            for filter_id, wanted in rule.filters.items()
            if matches(wanted, attributes)
        }
        if subtotals:
            entry["subtotals"] = subtotals
    return entry


def total_of(standing: Standing, series: str) -> Decimal:
    """Return a total or subtotal; 0 before the first event."""
    known = standing["series"].get(series)
    return Decimal(known[0]) if known else ZERO


def peak_of(standing: Standing, series: str) -> Decimal:
    """Return the highest value that a total or subtotal has had; 0 before the first event."""
    known = standing["series"].get(series)
    return Decimal(known[1]) if known else ZERO


def merged_series(standing: Standing, game: Game, given: Backfill) -> dict[str, tuple[str, str]]:
    """Return the subtotals of new filters with the past included: up to the marker, and since.

    A series that the user's past is known for already, or that no longer counts, is left out. The
    highest value is that of the whole history: of the past alone, or of what came after on top.
    """
    found = {}
    for series, (past, peak) in given.series.items():
        since = game.since.get(series)
        if since is None or not standing.get("known", 1) < since <= given.version:
            continue
        highest = max(peak, add(past, peak_of(standing, series)))
        found[series] = (write(add(past, total_of(standing, series))), write(highest))
    return found
