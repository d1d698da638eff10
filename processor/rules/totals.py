"""Metric totals and the subtotals of event-attribute filters (semantics 2, OD-12, OD-43)."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from processor.rules.game import MetricRule, matches
from processor.rules.standing import Standing, series_of
from schemas.entries import TotalEntry
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
            filter_id: write(add(total_of(standing, series_of(rule.key, filter_id)), value))
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
