"""Metric totals and the subtotals of event-attribute filters (docs/reference/rules.md#totals)."""

from collections.abc import Mapping

from processor.rules.attributes import matches
from processor.rules.decision import Decision, Move
from processor.rules.ruleset import MetricPlan, Ruleset
from processor.rules.user_state import UserState
from schemas.entries import TotalEntry
from schemas.inputs import Backfill
from schemas.numbers import Number, add
from schemas.text import AttributeKey, AttributeText, SeriesName


def moved(
    decision: Decision,
    plan: MetricPlan,
    value: Number,
    attributes: Mapping[AttributeKey, AttributeText],
) -> TotalEntry:
    """Return how a value moves its metric, and the subtotals of the filters that it matches.

    The decision takes note of the moves.
    """
    entry = TotalEntry(plan.metric, value, _moved(decision, plan.metric, value), decision.day)
    if plan.filters:
        subtotals: dict[str, Number] = {}
        for it in plan.filters:
            if matches(it.wanted, attributes):
                subtotals[it.id] = _moved(decision, it.series, value)
        if subtotals:
            entry.subtotals = subtotals
    return entry


def _moved(decision: Decision, series: SeriesName, value: Number) -> Number:
    known = decision.own.series.get(series)
    if known is None:
        decision.moves[series] = Move(0, value)
        return value
    total = add(known.total, value)
    decision.moves[series] = Move(known.peak, total)
    return total


def total_of(own: UserState, series: SeriesName) -> Number:
    """Return a total or subtotal; 0 before the first event."""
    known = own.series.get(series)
    return known.total if known is not None else 0


def merged_series(
    own: UserState, rules: Ruleset, given: Backfill
) -> dict[SeriesName, tuple[Number, Number]]:
    """Return the subtotals of new filters with the past included: up to the marker, and since.

    A series that the user's past is known for already, or that no longer counts, is left out. The
    highest value is that of the whole history: of the past alone, or of what came after on top.
    """
    found: dict[SeriesName, tuple[Number, Number]] = {}
    for series, (past, peak) in given.series.items():
        since = rules.since.get(series)
        if since is None or not own.known < since <= given.version:
            continue
        known = own.series.get(series)
        if known is None:
            found[series] = (past, max(peak, past))
        else:
            found[series] = (add(past, known.total), max(peak, add(past, known.peak)))
    return found
