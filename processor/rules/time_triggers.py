"""Time triggers (semantics 7.1): points for every interval that goes by, per user (OD-22)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from heapq import merge
from typing import Final

from processor.rules.boosts import boosts_for
from processor.rules.game import Game, SystemRule, TriggerRule, matches
from processor.rules.points import award
from processor.rules.standing import Standing
from schemas.codec import write_instant
from schemas.entries import Entry, PointsEntry
from schemas.periods import local_date

# Runs of equal ticks that one input tells of, each in an entry; what is beyond is told as one.
RUNS_MAX: Final = 1000


def ticks(
    standing: Standing, game: Game, user: str, tz: str, span: tuple[datetime, datetime]
) -> list[Entry]:
    """Return the awards for what fell due in a span of time: after its start, up to its end."""
    found: list[Entry] = []
    for system in game.systems:
        rules = [it for it in system.timed if matches(it.user, standing["attributes"])]
        if rules:
            found += _of_system(standing, system, rules, user, tz, span)
    return found


def next_tick(standing: Standing, game: Game, after: datetime) -> datetime | None:
    """Return when a time trigger falls due next, None where none ever does."""
    found: datetime | None = None
    for system in game.systems:
        for rule in system.timed:
            if matches(rule.user, standing["attributes"]):
                anchor = _anchor(standing, rule)
                assert rule.interval is not None
                at = anchor + rule.interval * (_count(anchor, rule.interval, after) + 1)
                if found is None or at < found:
                    found = at
    return found


def _of_system(
    standing: Standing,
    system: SystemRule,
    rules: list[TriggerRule],
    user: str,
    tz: str,
    span: tuple[datetime, datetime],
) -> list[Entry]:
    balance = standing["points"].get(system.key)
    runs: list[PointsEntry] = []
    started: tuple[str, int] | None = None
    due = [_instants(standing, rule, index, span) for index, rule in enumerate(rules)]
    for at, index in merge(*due):
        rule = rules[index]
        boosts = []
        if system.boosts and rule.points > 0:
            day = local_date(at, tz).isoformat()
            boosts = boosts_for(system, user, standing["attributes"], day)
        entry = award(system, rule.key, rule.points, balance, boosts)
        if entry is None:
            started = None
            continue
        balance = entry["total"]
        entry["at"] = write_instant(at)
        last = runs[-1] if runs else None
        if last is not None and (
            (started == (rule.key, entry["awarded"]) and last.get("boosts") == entry.get("boosts"))
            or len(runs) == RUNS_MAX
        ):
            entry["count"] = last.get("count", 1) + 1
            entry["awarded"] += last["awarded"]
            runs[-1] = entry
        else:
            started = (rule.key, entry["awarded"])
            runs.append(entry)
    # Beyond the bound awards and deductions may have made up for each other.
    return [it for it in runs if it["awarded"]]


def _instants(
    standing: Standing, rule: TriggerRule, index: int, span: tuple[datetime, datetime]
) -> Iterator[tuple[datetime, int]]:
    assert rule.interval is not None
    anchor = _anchor(standing, rule)
    at = anchor + rule.interval * (_count(anchor, rule.interval, span[0]) + 1)
    while at <= span[1]:
        yield at, index
        at += rule.interval


def _anchor(standing: Standing, rule: TriggerRule) -> datetime:
    created = datetime.fromisoformat(standing.get("created") or standing["time"])
    return created if rule.activated is None else max(created, rule.activated)


def _count(anchor: datetime, interval: timedelta, at: datetime) -> int:
    """Return how many intervals have gone by."""
    return (at - anchor) // interval if at > anchor else 0
