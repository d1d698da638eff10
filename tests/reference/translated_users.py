"""What is known of a user, and what an answer shows, in words that both implementations share.

See `translation`, which tells all that is offered.
"""

from decimal import Decimal
from typing import Any

from reference.people import Outcome, User
from reference.periods import FREQUENCIES
from reference.rules import Counted, Rules

from schemas.definitions import series_of
from schemas.entries import StreakPreferences
from schemas.instants import instant
from schemas.records import AnswerState


def known_of_state(own: Any, rules: Rules) -> dict[str, Any] | None:
    """Return what the engine knows of a user; of subtotals what both count from the beginning."""
    if own is None:
        return None
    tracks = [own.streaks.get(it) for it in FREQUENCIES]
    counted = _whole(rules, own.known)
    now = instant(own.time)
    return {
        "time": now,
        "created": None if own.created is None else instant(own.created),
        "born": own.born,
        "known": own.known,
        "totals": _not_nothing(
            {
                series: (Decimal(it.total), Decimal(it.peak))
                for series, it in own.series.items()
                if "?" not in series or series in counted
            }
        ),
        "streaks": [
            (it.length, it.started, it.longest) if it is not None else (0, None, 0) for it in tracks
        ],
        "achievements": {key: instant(at) for key, at in own.achievements.items()},
        # Balance, and all that ever was awarded and deducted as one sum.
        "points": {system: (it.total, it.moved) for system, it in own.points.items()},
        "attributes": own.attributes,
        "tz": own.tz,
        "freezes": own.freezes,
        "pauses": sorted((it.id, it.start, it.end) for it in own.pauses if it.end >= now.date()),
        "preferences": _preferences(own.preferences),
    }


def _preferences(own: StreakPreferences | None) -> dict[str, Any]:
    if own is None:
        return {}
    found: dict[str, Any] = {}
    if own.enabled is not None:
        found["enabled"] = own.enabled
    if own.evaluationMode is not None:
        found["evaluationMode"] = own.evaluationMode
    if own.metrics is not None:
        found["metrics"] = {it.metric: Decimal(it.threshold) for it in own.metrics}
    return found


def known_of_user(user: User | None, rules: Rules) -> dict[str, Any] | None:
    """Return what the second implementation knows of a user."""
    if user is None:
        return None
    tracks = [user.streaks[frequency] for frequency in FREQUENCIES]
    counted: set[Counted] = {(metric, frozenset()) for metric in user.totals}
    counted |= set(_whole(rules, user.known).values())
    moved = {
        system: sum(abs(it.awarded) for it in user.awards if it.system == system)
        for system in user.points
    }
    return {
        "time": user.now,
        "created": user.created,
        "born": user.born,
        "known": user.known,
        "totals": _not_nothing(
            {_series(what): (user.total(what), user.peak(what)) for what in counted}
        ),
        "streaks": [(it.length, it.started, it.longest) for it in tracks],
        "achievements": user.achievements,
        "points": {system: (total, moved[system]) for system, total in user.points.items()},
        "attributes": user.attributes,
        "tz": user.tz,
        "freezes": user.freezes,
        "pauses": sorted(tuple(it) for it in user.pauses if it.end >= user.now.date()),
        "preferences": {
            name: {it["metric"]: Decimal(str(it["threshold"])) for it in value}
            if name == "metrics"
            else value
            for name, value in user.preferences.items()
        },
    }


def _whole(rules: Rules, known: int) -> dict[str, Counted]:
    """Return the filters whose subtotal is known from the beginning, by their series."""
    return {_series(it): it for it, since in rules.since.items() if it[1] and since <= known}


def _not_nothing(totals: dict[str, tuple[Decimal, Decimal]]) -> dict[str, tuple[Decimal, Decimal]]:
    """Return the totals without those of which nothing is known."""
    return {series: pair for series, pair in totals.items() if any(pair)}


def _series(what: Counted) -> str:
    metric, wanted = what
    return series_of(metric, dict(wanted))


# What an answer shows


def answer_of_state(state: AnswerState) -> dict[str, Any]:
    """Return what an answer of the engine shows."""
    streak = state.streak
    return {
        "frequency": streak.frequency,
        "streak": (
            streak.length,
            streak.started,
            streak.periodStart,
            streak.periodEnd,
            streak.expires,
        ),
        "freezes": streak.freezes,
        # Of the input's metric.
        "total": None if state.total is None else Decimal(state.total),
    }


def answer_of_outcome(outcome: Outcome, user: User, rules: Rules) -> dict[str, Any]:
    """Return what the second implementation would answer; `user` is as the input left it."""
    assert outcome.shown is not None
    return {
        "frequency": rules.frequency,
        "streak": tuple(outcome.shown),
        "freezes": user.freezes if rules.max_freezes else None,
        "total": outcome.total,
    }
