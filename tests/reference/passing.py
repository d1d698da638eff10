"""What time alone does to a user, in the reference implementation: day by day and tick by tick.

Nothing may be imported but the standard library and this reference's own files.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from reference.people import BoostTurn
from reference.periods import ONE_DAY, beginning, local_date
from reference.points import award
from reference.rules import active, interval_of, is_for, live
from reference.turn import Turn


def pass_time(turn: Turn, until: datetime) -> None:
    """Let time go by until an instant, under the time zone that the user has up to now."""
    user = turn.user
    since = user.now
    user.now = max(since, until)
    day = local_date(since, turn.zone)
    while day < turn.today:
        day += ONE_DAY
        # Consumed before earned.
        for streak in user.streaks.values():
            turn.tell_streaks(streak.conclude(day, turn.zone, turn))
        _earn(turn, day)
    for at, system, trigger in _ticks(turn, since, user.now):
        award(turn, system, trigger["key"], trigger["points"], local_date(at, turn.zone), at)
    _turn_boosts(turn, since, user.now)


def change_zone(turn: Turn, old_zone: ZoneInfo) -> None:
    """Carry a user into another time zone; no date that is skipped by it is missed."""
    if turn.zone.key == old_zone.key:
        return
    for streak in turn.user.streaks.values():
        streak.change_zone(turn.user.now, turn.zone)
    day = local_date(turn.user.now, old_zone)
    while day < turn.today:
        day += ONE_DAY
        _earn(turn, day)


def _earn(turn: Turn, day: date) -> None:
    """Earn what a date brings: once, also for those who come to it twice."""
    interval, amount = turn.rules.earning
    days = (day - turn.user.born).days
    if interval and days > 0 and days % interval == 0 and day > turn.user.earned_on:
        turn.tell_freezes("earned", amount, day)


def _ticks(turn: Turn, since: datetime, until: datetime) -> list[tuple[datetime, dict, dict]]:
    """The ticks of all time triggers after one instant and up to another, in order."""
    ticks = []
    for system in turn.rules.systems:
        for trigger in active(system.get("triggers")):
            if trigger["type"] != "time" or not is_for(trigger, turn.user.attributes):
                continue
            activated = turn.rules.activated[system["key"], trigger["key"]]
            at = max(turn.user.created, activated) + interval_of(trigger)
            while at <= until:
                if at > since:
                    ticks.append((at, system, trigger))
                at += interval_of(trigger)
    # Those of one instant stay in the order of the file.
    return sorted(ticks, key=lambda tick: tick[0])


def _turn_boosts(turn: Turn, since: datetime, until: datetime) -> None:
    turns = []
    for system in turn.rules.systems:
        for boost in live(system.get("boosts")):
            if boost.get("userId") != turn.user.id:
                continue
            starts = beginning(boost["start"], turn.zone)
            turns.append((starts, BoostTurn(system["key"], boost["key"], "started")))
            if boost.get("end"):
                ends = beginning(boost["end"] + ONE_DAY, turn.zone)
                turns.append((ends, BoostTurn(system["key"], boost["key"], "finished")))
    due = [turn for turn in turns if since < turn[0] <= until]
    turn.outcome.turns += [told for _, told in sorted(due, key=lambda it: it[0])]
