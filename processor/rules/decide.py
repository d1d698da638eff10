"""`decide`: what an event of one user means, rule after rule in one written order (semantics 7.2).

Idempotency keys have been looked up before; the level of whole partitions is not known here.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from processor.rules.achievements import completed_by_metric, completed_by_streak
from processor.rules.game import Game, MetricRule
from processor.rules.levels import level_changes
from processor.rules.points import Effects, awards, awards_of_creation
from processor.rules.standing import Standing, new_standing, reach, take
from processor.rules.streaks import carry, count, roll, state_of_streak, zone_of
from processor.rules.totals import total_entry, total_of
from schemas.codec import write_instant
from schemas.entries import Entry, State, UserEntry
from schemas.events import FUTURE_SECONDS_MAX, MetricEvent, RefusalCode
from schemas.numbers import write
from schemas.periods import Today, local_date, today

FUTURE_MAX = timedelta(seconds=FUTURE_SECONDS_MAX)


class RefusedError(Exception):
    """The event is well-formed, but the rules do not admit it. Nothing is changed by it."""

    def __init__(self, code: RefusalCode, reason: str) -> None:
        """Take the kind of refusal and a sentence that says what to change."""
        super().__init__(reason)
        self.code = code


class Verdict(NamedTuple):
    """What was concluded, and the standing that follows from it."""

    entries: list[Entry]
    standing: Standing
    state: State


class _Course:
    """The standing as entries are concluded one by one."""

    def __init__(self, before: Standing | None, at: str) -> None:
        # Of its own: see `take`. What came before stays what it was.
        self.standing = new_standing(at) if before is None else before.copy()
        self.entries: list[Entry] = []
        self._at = at
        reach(self.standing, at)

    def conclude(self, entries: list[Entry]) -> None:
        for entry in entries:
            take(self.standing, entry, self._at)
        self.entries += entries


def event_time(event: MetricEvent, appended: datetime) -> datetime:
    """Return when an event happened: `occurredAt` where given, else its append time (OD-1)."""
    return event.occurredAt or appended


def decide(
    standing: Standing | None, event: MetricEvent, appended: datetime, game: Game
) -> Verdict:
    """Judge one metric event of a user; `standing` is None for one who is not known yet.

    Raises RefusedError for an unknown metric or attribute and for an event from the future.
    """
    rule = admit(event, appended, game)
    at = event_time(event, appended)
    instant = write_instant(at)

    course = _Course(standing, instant)
    own = course.standing
    now = _know_user(course, event, game, created=standing is None)

    before = own.copy()
    value = rule.increment if event.value is None else event.value
    day = now.day if own["time"] == instant else local_date(at, now.tz)
    course.conclude([total_entry(own, rule, value, event.attributes, day)])
    streaks = count(own, game, rule.key, value, day, now)
    course.conclude(streaks)
    length = _length_of(streaks, game)
    completed = completed_by_metric(own, rule, event.attributes)
    course.conclude(completed)
    if length is not None:
        by_streak = completed_by_streak(own, game, length)
        course.conclude(by_streak)
        completed = completed + by_streak
    course.conclude(awards(before, own, game, _effects(rule, event, length, completed)))
    course.conclude(level_changes(standing, own, game))
    return Verdict(course.entries, own, state_of(own, rule.key, game, now))


def _length_of(streaks: list[Entry], game: Game) -> int | None:
    """Return the length that the streak of the game's frequency has come to, if it has."""
    for entry in streaks:
        if entry["kind"] == "streak" and entry["frequency"] == game.frequency:
            return entry["length"]
    return None


def _effects(
    rule: MetricRule, event: MetricEvent, length: int | None, completed: list[Entry]
) -> Effects:
    keys = frozenset(it["achievement"] for it in completed if it["kind"] == "achievement")
    return Effects(rule.key, event.attributes, length, keys)


def state_of(standing: Standing, metric: str, game: Game, now: Today | None = None) -> State:
    """Return what the answer to an event of this metric shows of a standing.

    `now` is the user's today, where the caller has it already.
    """
    return {
        "total": write(total_of(standing, metric)),
        "streak": state_of_streak(standing, game, now or _today(standing, game)),
    }


def _today(standing: Standing, game: Game) -> Today:
    tz = zone_of(standing, game)
    time = datetime.fromisoformat(standing["time"])
    return today(local_date(time, tz), tz, game.week_start)


def admit(event: MetricEvent, appended: datetime, game: Game) -> MetricRule:
    """Return the rule of the event's metric; RefusedError for what the game does not know."""
    rule = game.metrics.get(event.metric)
    if rule is None:
        known = ", ".join(sorted(game.metrics)) or "none"
        raise RefusedError("not_found", f"there is no metric {event.metric!r} (known: {known})")
    if event.attributes:
        _check_attributes("event", event.attributes, game.event_attributes)
    if event.user.attributes:
        _check_attributes("user", event.user.attributes, game.user_attributes)
    if event.occurredAt is not None and event.occurredAt > appended + FUTURE_MAX:
        raise RefusedError(
            "invalid",
            f"occurredAt is more than {FUTURE_SECONDS_MAX // 60} minutes in the future: "
            "check the producer's clock and the offset",
        )
    return rule


def _check_attributes(kind: str, given: Iterable[str], known: frozenset[str]) -> None:
    if not known.issuperset(given):
        unknown = sorted(set(given) - known)
        choices = ", ".join(sorted(known)) or "none"
        raise RefusedError(
            "invalid",
            f"Invalid attribute keys: {', '.join(unknown)}. "
            f"They are no {kind} attributes of this game (known: {choices}).",
        )


def _know_user(course: _Course, event: MetricEvent, game: Game, *, created: bool) -> Today:
    """Bring the user up to the event: conclude what ended, take what the event says of them.

    Returns the user's today.
    """
    own = course.standing
    now = _today(own, game)
    if not created:
        # What ended, ended under the time zone that was in force until now.
        course.conclude(roll(own, game, now))
    entry = _user_entry(own, event, created=created)
    if entry is None:
        return now
    course.conclude([entry])
    moved = zone_of(own, game) != now.tz
    if moved:
        now = _today(own, game)
    if created:
        course.conclude(awards_of_creation(own, game))
    elif moved:
        course.conclude(carry(own, now))
    return now


def _user_entry(standing: Standing, event: MetricEvent, *, created: bool) -> UserEntry | None:
    user = event.user
    entry: UserEntry = {"kind": "user"}
    if created:
        entry["created"] = True
    if user.tz_given and user.tz != standing["tz"]:
        entry["tz"] = user.tz
    if user.attributes:
        # An empty text clears an attribute as null does (OD-7).
        changes = {
            key: text or None
            for key, text in user.attributes.items()
            if (text or None) != standing["attributes"].get(key)
        }
        if changes:
            entry["attributes"] = changes
    return entry if len(entry) > 1 else None
