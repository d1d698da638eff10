"""Streak freezes: granted at first, earned with time, consumed for missed periods.

The rule: docs/reference/rules.md#streak-freezes.

Consuming them is a part of what happens as time goes by: see elapsed_time.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from processor.rules.decision import Decision
from processor.rules.left import Refused
from processor.rules.ruleset import Ruleset
from processor.rules.user_state import UserState
from schemas.entries import FreezesEntry


def grant_initial(decision: Decision) -> None:
    """Conclude what a user is granted on coming to be."""
    count = decision.rules.freezes.initial
    if count:
        decision.conclude(FreezesEntry("granted", count, count, decision.now.day))


def grant(decision: Decision) -> Refused | None:
    """Conclude one freeze that an operator grants, refused where that would exceed the ceiling."""
    before = decision.own.freezes
    if before >= decision.rules.freezes.most:
        return Refused("invalid", "Would exceed maximum freeze limit")
    decision.conclude(FreezesEntry("granted", 1, before + 1, decision.now.day))
    decision.reschedules = True
    return None


def earned(before: int, rules: Ruleset, day: date) -> FreezesEntry | None:
    """Return what is earned on a local date; the ceiling clips it, and the excess is lost."""
    amount = min(rules.freezes.amount, rules.freezes.most - before)
    return FreezesEntry("earned", amount, before + amount, day) if amount > 0 else None


def earn(decision: Decision, after: date, until: date) -> None:
    """Conclude the freezes of dates that a new time zone brought, without time going by."""
    if decision.rules.freezes.most:
        for day in list(earning_days(decision.own, decision.rules, after, until)):
            entry = earned(decision.own.freezes, decision.rules, day)
            if entry is not None:
                decision.conclude(entry)


def earning_days(own: UserState, rules: Ruleset, after: date, until: date) -> Iterator[date]:
    """Yield the local dates on which freezes are earned: after one date, up to another."""
    interval = rules.freezes.interval
    if interval is None or own.born is None:
        return
    gone = max(0, (after - own.born).days // interval)
    day = own.born + timedelta(days=interval * (gone + 1))
    while day <= until:
        # One who flew back over the date line comes to a date again.
        if own.earned is None or day > own.earned:
            yield day
        day += timedelta(days=interval)


def next_earning_day(own: UserState, rules: Ruleset, after: date) -> date | None:
    """Return the next local date on which freezes are earned, None while that is of no use."""
    rule = rules.freezes
    if rule.interval is None or own.freezes >= rule.most:
        return None
    # The next one may be a date that the user has been to before.
    far = after + timedelta(days=2 * rule.interval + 2)
    return next(earning_days(own, rules, after, far), None)
