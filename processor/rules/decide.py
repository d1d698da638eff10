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
from processor.rules.standing import Standing, evolve, new_standing, reach
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

    def __init__(self, standing: Standing, at: str) -> None:
        self.standing = standing
        self.entries: list[Entry] = []
        self._at = at

    def conclude(self, entries: Iterable[Entry]) -> list[Entry]:
        # Listed first: a rule sees the standing before its own entries, not between them.
        concluded = list(entries)
        for entry in concluded:
            self.standing = evolve(self.standing, entry, self._at)
        self.entries += concluded
        return concluded


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

    course = _Course(reach(standing, instant) if standing else new_standing(instant), instant)
    now = _know_user(course, event, game, created=standing is None)

    before = course.standing
    value = rule.increment if event.value is None else event.value
    day = now.day if before["time"] == instant else local_date(at, now.tz)
    course.conclude([total_entry(before, rule, value, event.attributes, day.isoformat())])
    length = None
    for entry in course.conclude(count(course.standing, game, rule.key, value, day, now)):
        if entry["kind"] == "streak" and entry["frequency"] == game.frequency:
            length = entry["length"]
    completed = course.conclude(completed_by_metric(course.standing, rule, event.attributes))
    if length is not None:
        completed += course.conclude(completed_by_streak(course.standing, game, length))
    keys = frozenset(it["achievement"] for it in completed if it["kind"] == "achievement")
    effects = Effects(rule.key, event.attributes, length, keys)
    course.conclude(awards(before, course.standing, game, effects))
    course.conclude(level_changes(standing, course.standing, game))
    state = state_of(course.standing, rule.key, game, now)
    return Verdict(course.entries, course.standing, state)


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
    unknown = sorted(set(given) - known)
    if unknown:
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
    now = _today(course.standing, game)
    if not created:
        # What ended, ended under the time zone that was in force until now.
        course.conclude(roll(course.standing, game, now))
    entry = _user_entry(course.standing, event, created=created)
    if entry is not None:
        course.conclude([entry])
    moved = zone_of(course.standing, game) != now.tz
    if moved:
        now = _today(course.standing, game)
    if created:
        course.conclude(awards_of_creation(course.standing, game))
    elif moved:
        course.conclude(carry(course.standing, now))
    return now


def _user_entry(standing: Standing, event: MetricEvent, *, created: bool) -> UserEntry | None:
    user = event.user
    entry: UserEntry = {"kind": "user"}
    if created:
        entry["created"] = True
    if "tz" in user.model_fields_set and user.tz != standing["tz"]:
        entry["tz"] = user.tz
    # An empty text clears an attribute as null does (OD-7).
    changes = {
        key: text or None
        for key, text in (user.attributes or {}).items()
        if (text or None) != standing["attributes"].get(key)
    }
    if changes:
        entry["attributes"] = changes
    return entry if len(entry) > 1 else None
