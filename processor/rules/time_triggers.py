"""Time triggers: points for every interval that goes by, per user.

The rule: docs/reference/rules.md#time-triggers.
"""

from collections.abc import Iterator, Sequence
from heapq import merge
from typing import Final

from processor.rules.attributes import matches
from processor.rules.boosts import boosted, boosts_for
from processor.rules.decision import Decision
from processor.rules.points import effective
from processor.rules.ruleset import BoostRule, Ruleset, SystemRule
from processor.rules.triggers import TimeTriggerRule
from processor.rules.user_state import Balance, UserState
from schemas.entries import PointsEntry
from schemas.instants import Micros, instant
from schemas.numbers import WHOLE_MAX

# Runs of equal ticks that one input may have, each in an entry; what is beyond is told as one.
RUNS_MAX: Final = 1000


def conclude(decision: Decision) -> None:
    """Conclude what fell due from the user's time before an input to the user's time now."""
    own = decision.own
    if decision.since == own.time:
        return
    for system in decision.rules.timed:
        triggers = [it for it in system.timed if matches(it.user, own.attributes)]
        if not triggers:
            continue
        runs = _Runs(decision, system, triggers)
        known = own.points.get(system.key)
        entries = runs.conclude(decision.since, own.time)
        if entries and system.key not in decision.balances:
            decision.balances[system.key] = None if known is None else known.total
        for entry in entries:
            decision.conclude(entry)


def next_tick(own: UserState, rules: Ruleset) -> Micros | None:
    """Return when a time trigger falls due next, None where none ever does."""
    found: Micros | None = None
    for system in rules.timed:
        for trigger in system.timed:
            if matches(trigger.user, own.attributes):
                at = _tick_after(own, trigger, own.time)
                if found is None or at < found:
                    found = at
    return found


class _Runs:
    """The ticks of one system in their order, equal ones that follow each other as one entry."""

    def __init__(
        self, decision: Decision, system: SystemRule, triggers: list[TimeTriggerRule]
    ) -> None:
        self._decision = decision
        self._system = system
        self._triggers = triggers
        known = decision.own.points.get(system.key)
        # The balance as it goes: nothing is concluded before all runs are known.
        self._balance: Balance | None = None
        if known is not None:
            self._balance = Balance(known.total, known.moved)
        self._runs: list[PointsEntry] = []
        # The trigger of the last run, and what each of its ticks awarded.
        self._trigger = ""
        self._each = 0

    def conclude(self, since: Micros, until: Micros) -> list[PointsEntry]:
        """Return the awards for ticks after an instant, up to another."""
        own = self._decision.own
        due = [_ticks(own, it, index, since, until) for index, it in enumerate(self._triggers)]
        for at, index in merge(*due):
            self._tick(self._triggers[index], at)
        # Beyond the bound awards and deductions may have made up for each other.
        return [it for it in self._runs if it.awarded]

    def _tick(self, trigger: TimeTriggerRule, at: Micros) -> None:
        decision, system = self._decision, self._system
        boosts: Sequence[BoostRule] = ()
        if system.boosts and trigger.points > 0:
            day = decision.calendar.today(at).day
            boosts = boosts_for(system, decision.user, decision.own, day)
        awarded = self._within(effective(system, self._balance, boosted(trigger.points, boosts)))
        if not awarded:
            self._trigger = ""
            return
        if self._balance is None:
            self._balance = Balance(0, 0)
        self._balance.total += awarded
        self._balance.moved += abs(awarded)
        keys = tuple([it.key for it in boosts])
        last = self._runs[-1] if self._runs else None
        if last is not None and (
            (self._trigger == trigger.key and self._each == awarded and last.boosts == keys)
            or len(self._runs) == RUNS_MAX
        ):
            last.count = (last.count or 1) + 1
            last.awarded += awarded
            last.trigger = trigger.key
            last.boosts = keys
            last.total = self._balance.total
            last.at = instant(at)
            return
        self._trigger, self._each = trigger.key, awarded
        self._runs.append(
            PointsEntry(system.key, trigger.key, awarded, self._balance.total, keys, instant(at))
        )

    def _within(self, awarded: int) -> int:
        """Return what of an award readers can still have exactly: time itself is never refused."""
        left = WHOLE_MAX - (0 if self._balance is None else self._balance.moved)
        return max(-left, min(awarded, left))


def _ticks(
    own: UserState, trigger: TimeTriggerRule, index: int, since: Micros, until: Micros
) -> Iterator[tuple[Micros, int]]:
    at = _tick_after(own, trigger, since)
    while at <= until:
        yield at, index
        at += trigger.interval


def _tick_after(own: UserState, trigger: TimeTriggerRule, after: Micros) -> Micros:
    anchor = own.time if own.created is None else own.created
    if trigger.activated is not None and trigger.activated > anchor:
        anchor = trigger.activated
    gone = (after - anchor) // trigger.interval if after > anchor else 0
    return anchor + trigger.interval * (gone + 1)
